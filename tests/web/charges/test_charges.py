"""Charges: the list, one charge with its story, a manual charge, reversing, and what is to come."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import func, select
from werkzeug.datastructures import MultiDict

from portal.domain.due import Kind
from portal.domain.terms import Proration
from portal.models import Charge
from portal.services.assignments.changing import change_end
from tests.pages import error_at, page, part, words
from tests.trade import BEN, NOW, TODAY, a_customer, a_did, a_package, assigned, run

HTMX = {"HX-Request": "true"}
NOVEMBER = date(2026, 11, 1)


@pytest.fixture(autouse=True)
def _on_a_sunday(app, monkeypatch):
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


@pytest.fixture
def acme(session):
    """Acme has a trunk, and a seat on a DID that ended on 10 November; both charged for November."""
    customer = a_customer("Acme")
    assigned(a_package("Trunk", "20", match=(1,)), customer, NOVEMBER, quantity=2)
    seat = a_package("Seat", "30", match=(1,), proration=Proration.DAILY)
    on_did = assigned(seat, customer, NOVEMBER, did=a_did(customer))
    run(NOVEMBER)
    change_end(on_did, date(2026, 11, 10), date(2026, 11, 5), by=BEN, now=NOW)
    run()
    session.commit()
    return customer


def charge_of(session, kind=Kind.RECURRING, label="Trunk"):
    return session.scalars(select(Charge).where(Charge.kind == kind, Charge.label == label)).one()


def rows(soup):
    return [words(row) for row in soup.select("tbody tr")]


# -- the list


def test_the_list_says_what_was_charged_to_whom_and_why(client, acme):
    soup = page(client.get("/charges"))
    assert len(rows(soup)) == 3
    newest = soup.select_one("tbody tr")
    assert "Seat , credit on +44 20 7946 0123" in words(newest)
    assert "Ended on 10 Nov: 10 of 30 days used come to 10.00" in words(newest.select_one(".why"))
    assert words(newest.select_one("[data-label=Amount]")) == "−20.00"
    assert "Amount, GBP" in words(soup.select_one("thead"))
    assert "3 charges" in words(soup.select_one(".pager"))
    assert words(soup.select_one(".totals")).startswith("50.00 GBP cost ")
    assert words(soup.select_one("tfoot [data-label=Amount]")) == "50.00"


def test_search_answers_the_list_alone(client, acme):
    soup = part(client.get("/charges?q=trunk", headers=HTMX))
    assert len(rows(soup)) == 1
    assert "No charge matches" in words(part(client.get("/charges?q=zebra", headers=HTMX)))


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ("kind=credit", 1), ("currency=GBP", 3), ("paid=from_balance", 0), ("paid=to_pay", 2), ("from=2026-11-02", 1),
        ("to=2026-11-01", 2), ("customer=1", None), ("kind=nonsense", 3), ("customer=x", 3), ("sort=nonsense", 3),
        ("after=999999", 3), ("from=2026-11-01&to=2026-11-01&q=acme", 2),
    ],
)  # fmt: skip
def test_filters_are_in_the_address(client, acme, asked, count):
    if asked == "customer=1":
        asked, count = f"customer={acme.id}", 3
    assert len(rows(page(client.get(f"/charges?{asked}")))) == count


@pytest.mark.parametrize(
    ("span", "sentence"),
    [
        ("from=2026-11-31", "as dates, such as"),
        ("from=1999-01-01", "between 2000 and 2199"),
        ("from=2026-11-02&to=2026-11-01", "To is before From"),
    ],
)
def test_days_that_cannot_be_stay_as_typed_with_a_sentence(client, acme, span, sentence):
    for path, status in (
        ("/charges", 200),
        ("/charges/upcoming", 422),
        (f"/customers/{acme.id}/summary", 422),
    ):
        soup = page(client.get(f"{path}?{span}"), status)
        assert sentence in error_at(soup, "from")
        assert soup.select_one("[name=from]")["value"] == span[5:15]


def test_before_anything_is_charged_the_list_says_what_belongs_there(client):
    assert "A run posts what is due" in words(page(client.get("/charges")).select_one("main"))


# -- one charge


def test_a_charge_tells_its_whole_story(client, session, acme):
    charge = charge_of(session, label="Seat")
    soup = page(client.get(f"/charges/{charge.id}"))
    main = words(soup.select_one("main"))
    assert "Every month on the 1st. 30.00 × 1 for 1 to 30 Nov." in main
    assert "monthly, 1st since the beginning , counted from 1 Nov 2026" in main
    assert f"assigned by {BEN}" in main
    assert "Posted 22 Nov 2026, 12:00" in main
    assert "Remaining 10.00 2.00" in main
    credit = charge_of(session, Kind.CREDIT, "Seat")
    assert soup.select_one(f'a[href="/charges/{credit.id}"]')


def test_a_charge_that_is_not_there_is_not_found(client):
    page(client.get("/charges/999999"), 404)


# -- reversing


def test_reversing_asks_for_a_reason_and_shows_what_is_posted(client, session, acme):
    charge = charge_of(session, label="Seat")
    address = f"/charges/{charge.id}/reversal"
    soup = page(client.get(address))
    assert "−10.00 GBP" in words(soup.select_one("main"))
    assert "with its 1 correction" in words(soup.select_one("main"))
    assert "Enter why" in error_at(page(client.post(address, data={"reason": " "}), 422), "reason")
    assert "Enter why" in error_at(part(client.post(address, data={}, headers=HTMX), 422), "reason")
    answer = client.post(address, data={"reason": "Wrong customer"})
    made = charge_of(session, Kind.REVERSAL, "Seat")
    assert answer.location == f"/charges/{made.id}"
    assert (made.amount, made.reason) == (Decimal(-10), "Wrong customer")
    shown = page(client.get(answer.location)).select_one("main")
    assert "Wrong customer" in words(shown)
    story = shown.select_one("section[aria-labelledby=story]")
    assert story.select_one(f'a[href="/charges/{charge.id}"]'), "a reversal leads to what it takes back"
    assert words(story.select_one("tfoot")) == "Remaining 0.00 0.00"


def test_a_second_reversal_is_refused_with_the_way_to_the_first(client, session, acme):
    address = f"/charges/{charge_of(session).id}/reversal"
    client.post(address, data={"reason": "Wrong"})
    made = charge_of(session, Kind.REVERSAL)
    soup = page(client.post(address, data={"reason": "Wrong"}), 409)
    assert "already reversed" in words(soup)
    assert soup.select_one(f'a[href="/charges/{made.id}"]')
    shown = page(client.get(f"/charges/{charge_of(session).id}"))
    assert "reversed" in words(shown.select_one(".head"))
    assert not shown.select_one(f'a[href="{address}"]')


# -- by hand


def typed(customer, **more):
    return {
        "customer_id": customer.id, "token": "form", "assignment": "", "charge_on": "2026-11-20",
        "amount": "12.50", "cost": "4", "description": "Visit", **more,
    }  # fmt: skip


def test_a_manual_charge_begins_with_its_customer(client, acme):
    soup = page(client.get("/charges/new"))
    assert soup.select_one("form[method=get] [name=customer]")
    assert client.get("/charges/new?customer=acme").location == f"/charges/new?customer_id={acme.id}"
    assert "no customer called Nobody" in error_at(
        page(client.get("/charges/new?customer=Nobody"), 422), "customer"
    )


def test_a_manual_charge_is_made_once(client, session, acme):
    form = page(client.get(f"/charges/new?customer_id={acme.id}"))
    assert form.select_one("[name=assignment] option").text == "None"
    first, second = (client.post("/charges", data=typed(acme)) for _ in range(2))
    made = charge_of(session, Kind.MANUAL, "Visit")
    assert first.location == second.location == f"/charges/{made.id}"
    assert (made.amount, made.tax, made.posted_by) == (
        Decimal("12.50"),
        Decimal("2.50"),
        "owner@lumen.example",
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount", "lots"), ("amount", ""), ("amount", "1.001"), ("amount", "9999999999"), ("cost", "NaN"),
        ("charge_on", "2026-11-23"), ("charge_on", "2026-02-30"), ("charge_on", ""), ("description", ""),
        ("description", "x" * 121), ("assignment", "999999"), ("assignment", "x"),
    ],
)  # fmt: skip
def test_what_cannot_be_charged_is_told_at_its_field(client, session, acme, field, value):
    soup = page(client.post("/charges", data=typed(acme, **{field: value})), 422)
    assert error_at(soup, field)
    assert soup.select_one("[name=description]")["value"] == typed(acme, **{field: value})["description"]
    assert session.scalar(select(func.count(Charge.id))) == 3


def test_an_assignment_of_somebody_else_cannot_be_named(client, session, acme):
    theirs = assigned(a_package("Theirs"), a_customer("Globex"), NOVEMBER)
    session.commit()
    soup = page(client.post("/charges", data=typed(acme, assignment=theirs.id)), 422)
    assert "from the list" in error_at(soup, "assignment")
    page(client.post("/charges", data={**typed(acme), "customer_id": "999999"}), 404)


def test_a_viewer_sees_no_button_that_would_refuse_them(as_viewer, session, acme):
    charge = charge_of(session)
    for path in ("/charges", f"/charges/{charge.id}", "/charges/upcoming", "/runs"):
        assert not page(as_viewer.get(path)).select(
            ".head .button--primary, form[method=post][action^='/charges']"
        )
    assert not page(as_viewer.get(f"/charges/{charge.id}")).select('a[href$="/reversal"]')
    page(as_viewer.post("/charges", data=typed(acme)), 403)


# -- what is to come


def test_upcoming_charges_stand_by_day_with_their_reasons(client, acme):
    soup = page(client.get("/charges/upcoming"))
    assert "Tue 1 Dec 2026 1 charge 40.00" in words(soup.select_one(".day-head"))
    line = soup.select("tbody tr")[1]
    assert "Acme Trunk × 2" in words(line)
    assert "Every month on the 1st. 20.00 × 2 for 1 to 31 Dec." in words(line)
    assert [words(cell) for cell in line.select("td.num")] == ["20.00", "20.00", "40.00"]


def test_a_customers_upcoming_charges_are_theirs_over_a_year(client, session, acme):
    assigned(a_package("Other", "9"), a_customer("Globex"), NOVEMBER)
    session.commit()
    soup = page(client.get(f"/customers/{acme.id}/upcoming"))
    assert "12 charges on 12 days" in words(soup.select_one(".totals"))
    assert "Globex" not in words(soup.select_one("main"))
    page(client.get("/customers/999999/upcoming"), 404)


def test_what_is_overdue_leads_to_a_run(client, session, acme):
    assigned(a_package("Late", "1", match=(1,)), acme, date(2026, 10, 1))
    session.commit()
    soup = page(client.get("/charges/upcoming"))
    assert "2 charges dated before 22 Nov 2026 are due and not posted yet." in words(
        soup.select_one("#exceptions")
    )
    assert words(soup.select_one(".exceptions")) == "2 charges not posted yet"
    form = soup.select_one(".head form[action='/runs']")
    sent = {field["name"]: field["value"] for field in form.select("input")}
    soup = page(client.post(form["action"], data=sent, follow_redirects=True))
    assert words(soup.select_one("h1")) == "Simulation up to 22 Nov 2026"
    assert words(soup.select_one(".head .button--primary")) == "Post 2 charges"


def test_ticked_charges_are_seen_and_then_reversed_with_one_reason(client, session, acme):
    run(TODAY)
    session.commit()
    soup = page(client.get("/charges?q=acme&sort=amount"))
    ids = [box["value"] for box in soup.select(".row-select")]
    assert len(ids) == 3, "a seat, its credit, and a trunk"
    path = soup.select_one("#bulk")["action"]
    page(client.post(path, data={}), 409)
    asked = page(client.post(path, data={"ids": ids}))
    assert words(asked.select_one("h1")) == "Reverse 2 charges"
    assert "50.00" in words(asked.select_one(".facts")) and "with 1 correction" in words(asked)
    sent = [
        (field["name"], field.get("value", "")) for field in asked.select("#reverse input, #reverse textarea")
    ]
    path = asked.select_one("#reverse")["action"]
    without = page(client.post(path, data=MultiDict(sent)), 422)
    assert error_at(without, "reason").startswith("Enter why")
    data = MultiDict([pair for pair in sent if pair[0] != "reason"] + [("reason", "The wrong run")])
    response = client.post(path, data=data)
    assert response.location == "/charges?q=acme&sort=amount"
    reversals = session.scalars(select(Charge).where(Charge.kind == Kind.REVERSAL)).all()
    assert {str(one.reverses_id) for one in reversals} == {
        str(charge_of(session, label=name).id) for name in ("Trunk", "Seat")
    }
    again = page(client.post(path, data=data), 409)
    assert "has changed since it was shown" in words(again) and "already reversed" in words(again)
