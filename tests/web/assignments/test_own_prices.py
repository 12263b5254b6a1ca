"""Own prices on pages: given when assigning, changed in the row and for many, told apart wherever staff see a price."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from portal.extensions import db
from portal.models import Assignment, AssignmentPrice, AuditEntry
from portal.models.user import CUSTOMER_OWNER
from portal.services.assignments.own_prices import make_own_change, plan_own_change
from portal.services.packages.definition import OwnPriceSet
from portal.services.people import people
from tests.pages import error_at, page, part, words
from tests.trade import TODAY, a_customer, a_did, a_package, assigned, run
from tests.world import PASSWORD

HTMX = {"HX-Request": "true"}
NOVEMBER, DECEMBER = date(2026, 11, 1), date(2026, 12, 1)
TOMORROW = TODAY + timedelta(1)


@pytest.fixture(autouse=True)
def _today(app, monkeypatch):
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


@pytest.fixture
def northwind(session):
    return a_customer()


@pytest.fixture
def trunk(session):
    return a_package(retail="30", cost="10", setup_retail="5")


@pytest.fixture
def begun(northwind, trunk):
    assignment = assigned(trunk, northwind, NOVEMBER)
    run()
    return assignment


def mine(**prices):
    return OwnPriceSet(**{name: Decimal(price) for name, price in prices.items()})


def own_from(assignment, day, **prices):
    make_own_change(plan_own_change(assignment, prices, day, TODAY))
    db.session.flush()


def stored(assignment_id):
    query = db.select(AssignmentPrice).where(AssignmentPrice.assignment_id == assignment_id)
    rows = db.session.scalars(query.order_by(AssignmentPrice.effective_from))
    return [(row.effective_from, row.cost, row.retail, row.setup_retail) for row in rows]


def asked(package, **fields):
    return {
        "package": package.id,
        "quantity": 1,
        "start_date": NOVEMBER.isoformat(),
        "token": "form-1",
        **fields,
    }


# -- assigning


def test_own_prices_can_be_given_when_assigning_and_the_preview_shows_charges_at_them(
    client, northwind, trunk
):
    url = f"/customers/{northwind.id}/assignments"
    seen = words(part(client.get(f"{url}/draft", query_string=asked(trunk, retail="24"), headers=HTMX)))
    assert "Retail 24.00 GBP a unit own, package 30.00" in seen
    assert "24.00 is the price agreed for it." in seen
    assert client.post(url, data=asked(trunk, retail="24", setup_retail="0")).status_code == 303
    assignment = db.session.scalars(db.select(Assignment)).one()
    assert stored(assignment.id) == [(date(2000, 1, 1), None, 24, 0)]


def test_a_price_that_cannot_be_is_refused_at_its_field_and_stands_there_still(client, northwind, trunk):
    url = f"/customers/{northwind.id}/assignments"
    soup = page(client.post(url, data=asked(trunk, retail="1000000000")), 422)
    assert error_at(soup, "retail") == "Retail must be 0 to 999,999,999."
    assert soup.select_one("input[name=retail]")["value"] == "1000000000"
    assert soup.select_one("details.fold[open] input[name=retail]"), "what is wrong does not hide"
    soup = page(client.post(url, data=asked(trunk, cost="cheap")), 422)
    assert "Enter Cost as digits" in error_at(soup, "cost")


def test_a_price_that_rounds_to_nothing_is_pointed_out(client, northwind, trunk):
    url = f"/customers/{northwind.id}/assignments/draft"
    seen = words(part(client.get(url, query_string=asked(trunk, retail="0.004"), headers=HTMX)))
    assert "Retail 0.004 GBP rounds to zero: one unit is charged 0 GBP." in seen


def test_many_get_the_same_own_prices_in_one_currency(client, northwind):
    package = a_package("Fax", "10", currencies=("GBP", "EUR"))
    others = [a_customer("Acme"), a_customer("Blue")]
    ids = ",".join(str(one.id) for one in others)
    data = asked(package, retail="8", ids=ids)
    url = "/assignments/many/customers"
    assert "192.00" in words(
        part(client.post(f"{url}/draft", data=data | {"start_date": "2026-12-01"}, headers=HTMX))
    )
    euro = a_customer("Euro", "EUR")
    soup = page(client.post(f"{url}/assign", data=data | {"ids": f"{ids},{euro.id}"}), 422)
    assert (
        error_at(soup, "retail")
        == "A price is in one currency, and these are EUR and GBP. Choose those of one currency."
    )
    assert client.post(f"{url}/assign", data=data).status_code == 303
    assert [row.retail for row in db.session.scalars(db.select(AssignmentPrice))] == [8, 8]


# -- changing one


def fields(assignment, **changed):
    """The form as a browser would send it, with what was changed."""
    own = assignment.own_on(TOMORROW)
    return {
        "version": assignment.version,
        "quantity": assignment.quantity_on(TODAY),
        "effective_from": TOMORROW.isoformat(),
        "end_date": "",
        **{
            name: str(getattr(own, name)) if own and getattr(own, name) is not None else ""
            for name in ("cost", "retail")
        },
        **changed,
    }


@pytest.mark.parametrize("where", ["", "/row"])
def test_an_own_price_is_saved_once_its_effect_was_seen(client, begun, where):
    url = f"/assignments/{begun.id}{where}"
    headers = HTMX if where else {}
    read = part if where else page
    soup = read(client.post(url, data=fields(begun, retail="24"), headers=headers), 409)
    seen = words(soup.select_one(".note--place"))
    assert (
        "Retail 30.00 → 24.00 from the charge of 1 Dec 2026 on. 30.00 a month becomes 24.00 GBP (−6.00)."
        in seen
    )
    assert stored(begun.id) == []
    confirmed = soup.select_one("input[name=confirmed]")["value"]
    answer = client.post(url, data=fields(begun, retail="24", confirmed=confirmed), headers=headers)
    assert answer.status_code == (200 if where else 303)
    assert stored(begun.id) == [(TOMORROW, None, 24, None)]


def test_while_it_is_typed_the_effect_stands_below_and_one_press_saves_it(client, begun):
    seen = part(
        client.get(f"/assignments/{begun.id}/waiting", query_string=fields(begun, retail="24"), headers=HTMX)
    )
    confirmed = seen.select_one("input[name=confirmed]")["value"]
    data = fields(begun, retail="24", confirmed=confirmed)
    assert client.post(f"/assignments/{begun.id}", data=data).status_code == 303


def test_a_form_without_prices_and_one_that_leaves_them_change_none(client, begun):
    own_from(begun, TOMORROW, retail=Decimal(24))
    client.post(f"/assignments/{begun.id}", data=fields(begun, auto_decrement_credit="y"))
    assert (stored(begun.id), begun.auto_decrement_credit) == ([(TOMORROW, None, 24, None)], True)
    client.post(f"/assignments/{begun.id}", data={"version": begun.version, "quantity": "1"})
    assert (stored(begun.id), begun.auto_decrement_credit) == ([(TOMORROW, None, 24, None)], False)


def test_emptied_it_is_the_packages_price_again(client, begun):
    own_from(begun, TOMORROW, retail=Decimal(24))
    data = fields(begun, retail="", effective_from="2026-12-01")
    soup = page(client.post(f"/assignments/{begun.id}", data=data), 409)
    assert "Retail 24.00 → 30.00 (the package's)" in words(soup.select_one(".note--place"))
    data["confirmed"] = soup.select_one("input[name=confirmed]")["value"]
    assert client.post(f"/assignments/{begun.id}", data=data).status_code == 303
    assert stored(begun.id) == [(TOMORROW, None, 24, None), (DECEMBER, None, None, None)]


def test_setup_is_asked_only_until_it_was_charged(client, begun, northwind, trunk):
    fresh = assigned(trunk, northwind, DECEMBER)
    for assignment, number in ((begun, 0), (fresh, 1)):
        soup = page(client.get(f"/assignments/{assignment.id}/edit"))
        assert len(soup.select("input[name=setup_retail]")) == number
        assert "Package 30.00. Empty: as the package." in words(soup.select_one("form.form"))


def test_a_day_too_early_is_refused_at_its_field(client, begun):
    data = fields(begun, retail="24", effective_from=TODAY.isoformat())
    soup = page(client.post(f"/assignments/{begun.id}", data=data), 422)
    assert "Choose 23 November 2026 or a later day." in error_at(soup, "effective_from")
    assert soup.select_one("input[name=retail]")["value"] == "24"


def test_planned_ones_are_removed_one_by_one(client, begun):
    own_from(begun, TOMORROW, retail=Decimal(24))
    own_from(begun, DECEMBER, retail=Decimal(20))
    soup = page(client.get(f"/assignments/{begun.id}"))
    assert "Remove the own prices planned from 1 Dec 2026" in words(soup)
    url = f"/assignments/{begun.id}/own-prices/planned/delete"
    assert client.post(url, data={"effective_from": "2026-12-01"}).status_code == 303
    assert stored(begun.id) == [(TOMORROW, None, 24, None)]
    assert client.post(url, data={"effective_from": "never"}).status_code == 422
    assert client.post(url, data={"effective_from": TODAY.isoformat()}).status_code == 422


def test_who_changes_it_is_in_the_audit_log(client, begun):
    seen = part(
        client.get(f"/assignments/{begun.id}/waiting", query_string=fields(begun, retail="24"), headers=HTMX)
    )
    confirmed = seen.select_one("input[name=confirmed]")["value"]
    client.post(f"/assignments/{begun.id}", data=fields(begun, retail="24", confirmed=confirmed))
    entry = db.session.scalars(db.select(AuditEntry).where(AuditEntry.label.contains("own prices"))).one()
    assert (entry.noun, entry.noun_id, entry.customer_id) == ("assignment", begun.id, begun.customer_id)
    assert '"retail": "24' in entry.after


# -- many at once


@pytest.fixture
def three(northwind, trunk):
    """Two that have begun, and one that is to begin."""
    made = [
        assigned(trunk, northwind, NOVEMBER, quantity=2),
        assigned(trunk, northwind, NOVEMBER, did=a_did(northwind)),
        assigned(trunk, northwind, DECEMBER),
    ]
    run()
    return [assignment.id for assignment in made]


def test_ticked_ones_get_the_same_prices_once_their_effect_was_seen(client, three):
    ids = ",".join(map(str, three))
    soup = page(client.post("/assignments/own-prices", data={"ids": ids}))
    assert "Own prices of 3 assignments" in words(soup.select_one("h1"))
    data = {"ids": ids, "retail": "24", "cost": "", "effective_from": ""}
    soup = page(client.post("/assignments/own-prices", data=data))
    assert "In all, GBP a month 120.00 96.00" in words(soup.select_one("tfoot"))
    assert stored(three[0]) == []
    data["confirmed"] = soup.select_one("input[name=confirmed]")["value"]
    assert client.post("/assignments/own-prices", data=data).status_code == 303
    assert [stored(id)[0][2] for id in three] == [24, 24, 24]


def test_a_day_that_is_over_leads_on_to_correcting_the_same_ones_back_to_it(client, three):
    data = {"ids": ",".join(map(str, three)), "retail": "24", "effective_from": "2026-01-01"}
    soup = page(client.post("/assignments/own-prices", data=data), 409)
    (way,) = soup.select("form[action='/corrections/new']")
    on = page(client.post("/corrections/new", data={"ids": way.select_one("[name=ids]")["value"]}))
    assert "3 assignments" in words(on.select_one("main"))


def test_what_was_seen_is_what_is_saved(client, three):
    data = {"ids": str(three[0]), "retail": "24"}
    data["confirmed"] = page(client.post("/assignments/own-prices", data=data)).select_one(
        "input[name=confirmed]"
    )["value"]
    soup = page(client.post("/assignments/own-prices", data=data | {"retail": "12"}))
    assert "24.00 → 12.00" not in words(soup)
    assert "30.00 → 12.00" in words(soup)
    assert stored(three[0]) == []


def test_those_that_cannot_have_it_stay_with_their_reason(client, three):
    data = {"ids": ",".join(map(str, three)), "retail": "", "setup_retail": "1"}
    soup = page(client.post("/assignments/own-prices", data=data))
    assert "2 assignments stay as they are" in words(soup.select_one(".note--warn"))
    data["confirmed"] = soup.select_one("input[name=confirmed]")["value"]
    soup = page(client.post("/assignments/own-prices", data=data))
    assert "Setup Retail is charged once, and was" in words(soup)
    assert [len(stored(id)) for id in three] == [0, 0, 1]


@pytest.mark.parametrize(
    ("fields", "field", "sentence"),
    [
        ({"retail": "dear"}, "retail", "Enter Retail as digits with a point"),
        ({"retail": "-1"}, "retail", "Retail must be 0 to 999,999,999."),
        ({"retail": ""}, "retail", "Enter a price, or tick one to have the package's again."),
        (
            {"retail": "24", "lift": "retail"},
            "retail",
            "Enter a price, or tick it to have the package's: not both.",
        ),
        ({"retail": "24", "effective_from": "soon"}, "effective_from", "Enter a date"),
    ],
)
def test_what_cannot_be_is_said_at_its_field(client, three, fields, field, sentence):
    soup = page(client.post("/assignments/own-prices", data={"ids": str(three[0]), **fields}), 422)
    assert sentence in error_at(soup, field)


def test_lifted_for_many_the_packages_price_holds_again(client, northwind, trunk):
    made = [assigned(trunk, northwind, DECEMBER, own=mine(retail="24", cost="8")) for _ in range(2)]
    ids = [assignment.id for assignment in made]
    data = {"ids": ",".join(map(str, ids)), "retail": "", "lift": "retail"}
    soup = page(client.post("/assignments/own-prices", data=data))
    assert "24.00 → 30.00 the package's at once" in words(soup.select_one("tbody"))
    data["confirmed"] = soup.select_one("input[name=confirmed]")["value"]
    client.post("/assignments/own-prices", data=data)
    assert [stored(id) for id in ids] == [[(date(2000, 1, 1), 8, None, None)]] * 2


def test_nothing_ticked_is_said_and_nobody_else_may(client, as_viewer, three):
    assert client.post("/assignments/own-prices", data={}).status_code == 409
    assert client.post("/assignments/own-prices", data={"ids": "999999"}).status_code == 409
    assert as_viewer.post("/assignments/own-prices", data={"ids": str(three[0])}).status_code == 403


# -- told apart


@pytest.fixture
def priced(northwind, trunk):
    assignment = assigned(trunk, northwind, NOVEMBER, did=a_did(northwind), own=mine(retail="24"))
    run()
    return assignment


def test_staff_see_an_own_price_with_the_packages_beside_it(client, priced, trunk):
    for url in (
        f"/customers/{priced.customer_id}",
        f"/dids/{priced.did_id}",
        f"/customers/{priced.customer_id}/assignments",
        f"/packages/{trunk.id}",
        f"/assignments/{priced.id}",
    ):
        assert "own, package 30.00" in words(page(client.get(url))), url


def test_a_charge_tells_its_own_price_with_the_packages(client, priced):
    charge = db.session.scalars(db.text("select id from charge where kind = 'recurring'")).one()
    soup = page(client.get(f"/charges/{charge}"))
    assert "24.00 is the price agreed for it." in words(soup)
    assert "24.00 since the beginning, its own: the package's is 30.00" in words(soup)


def test_a_change_of_the_packages_price_lists_the_own_prices_it_leaves_alone(client, priced, begun, trunk):
    row = {"version": trunk.version, "name": trunk.name, "cost": "10", "retail": "32", "currency": "GBP",
           "effective_from": TOMORROW.isoformat()}  # fmt: skip
    seen = words(part(client.post(f"/packages/{trunk.id}/row", data=row, headers=HTMX)))
    assert "1 assignment of 1 customer , from each one's first charge date" in seen
    assert "1 assignment keeps its own price." in seen


def test_where_all_have_own_prices_the_preview_says_that_nobody_is_hit(client, priced, trunk):
    row = {"version": trunk.version, "name": trunk.name, "cost": "10", "retail": "32", "currency": "GBP",
           "effective_from": TOMORROW.isoformat()}  # fmt: skip
    soup = part(client.post(f"/packages/{trunk.id}/row", data=row, headers=HTMX))
    assert "1 assignment keeps its own price." in words(soup)
    row["confirmed"] = soup.select_one("input[name=confirmed]")["value"]
    answer = part(client.post(f"/packages/{trunk.id}/row", data=row, headers=HTMX))
    assert "The new terms take effect on 23 November 2026." in words(answer)


def test_units_assigned_on_their_own_take_the_own_prices_along(client, priced):
    url = f"/assignments/{priced.id}/waiting"
    seen = part(client.get(url, query_string=fields(priced, quantity="3"), headers=HTMX))
    beside = seen.select_one(".actions a")["href"]
    assert "retail=24.00" in beside or "retail=24" in beside
    assert page(client.get(beside)).select_one("input[name=retail]")["value"] in ("24", "24.00")


def test_an_own_price_below_cost_stands_on_the_overview(client, northwind, trunk):
    assigned(trunk, northwind, NOVEMBER, own=mine(retail="9"))
    assert "costs 10.00 and is sold for 9.00 GBP, at its own price" in words(page(client.get("/")))


def test_on_the_packages_page_those_who_have_it_are_ticked_for_own_prices(client, as_viewer, begun, trunk):
    other = assigned(trunk, a_customer("Acme"), DECEMBER)
    soup = page(client.get(f"/packages/{trunk.id}?state=all"))
    assert [box["value"] for box in soup.select("input.row-select")] == [str(begun.id), str(other.id)]
    button = soup.select_one("form#bulk-assigned button[formaction*=own-prices]")
    assert words(button) == "Own prices"
    assert not page(as_viewer.get(f"/packages/{trunk.id}")).select("input.row-select, form#bulk-assigned")
    data = {"ids": [begun.id, other.id], "retail": "20"}
    soup = page(client.post("/assignments/own-prices", data=data))
    data["confirmed"] = soup.select_one("input[name=confirmed]")["value"]
    answer = client.post("/assignments/own-prices", data=data)
    assert answer.location.endswith(f"/packages/{trunk.id}")


def test_the_customer_sees_one_price_the_right_one(client, priced, app):
    people.create("ann@northwind.example", "Ann", PASSWORD, CUSTOMER_OWNER, priced.customer_id)
    db.session.commit()
    ann = app.test_client()
    ann.post("/login", data={"email": "ann@northwind.example", "password": PASSWORD})
    for url in ("/my", "/my/summary?from=2026-11-01&to=2026-11-30"):
        text = words(page(ann.get(url, follow_redirects=True)).select_one("main"))
        assert "24.00" in text, url
        assert "30.00" not in text, url
