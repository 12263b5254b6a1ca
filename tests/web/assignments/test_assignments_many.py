"""Many at once: a package to chosen DIDs or customers, a last day for chosen assignments."""

from datetime import date

import pytest
from sqlalchemy import func, select

from portal.models import Assignment
from portal.services.billing.posting import post_chunk
from portal.web.assignments.many import packed, unpacked
from tests.pages import error_at, page, part, words
from tests.trade import BEN, NOW, TODAY, a_customer, a_did, a_package, assigned, run

HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def _today(app, monkeypatch):
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


@pytest.fixture
def dids(session):
    """Two DIDs of a customer, and one in stock."""
    northwind = a_customer()
    return [a_did(northwind), a_did(northwind, "+442079460124"), a_did(None, "+442079460125")]


def asked(package, ids, **fields):
    return {
        "ids": ids, "package": package.id, "quantity": 1, "start_date": TODAY.isoformat(), "token": "form-1", **fields
    }  # fmt: skip


def count(session):
    return session.scalar(select(func.count(Assignment.id)))


def test_among_very_many_one_searches_by_package_or_number(client, dids, monkeypatch):
    northwind, trunk, rental = dids[0].customer, a_package("Trunk"), a_package("Rental", "2")
    dids.append(a_did(northwind, "+442079460126"))
    for which, did in ((trunk, None), (rental, dids[0]), (rental, dids[1]), (rental, dids[3])):
        assigned(which, northwind, did=did)
    home, address = f"/customers/{northwind.id}", f"/customers/{northwind.id}/assignments"
    assert not page(client.get(home)).select_one("#assignments [role=search]")

    monkeypatch.setattr("portal.services.assignments.lists.PAGE", 3)
    assert page(client.get(home)).select_one(f'#assignments form[action="{address}"]')
    for text, found in (("trunk", 1), ("rent", 3), ("020 7946 0124", 1), ("nothing such", 0), ("", 4)):
        shown = page(client.get(address, query_string={"q": text})).select_one("#assignments")
        assert len(shown.select("tbody tr")) == found, text
        assert "4 assigned" in words(shown.header), "what is searched for changes no count"
    soup = page(client.get(address, query_string={"q": "nothing such"}))
    assert "No package matches." in words(soup)
    assert soup.select_one(f'#assignments-found a[href="{address}"]')


def test_one_comes_back_to_the_list_as_it_stood(client, dids):
    opened = page(client.post("/assignments/many/dids?q=7946&sort=-added", data={"ids": [dids[0].id]}))
    cancel = opened.select_one('.form__end a[href^="/dids?"]')["href"]
    assert cancel == "/dids?q=7946&sort=-added"
    action = opened.select_one("#assign-many")["action"]
    assert client.post(action, data=asked(a_package(), [dids[0].id])).location == cancel


def test_ids_are_carried_as_short_as_they_can_be_written():
    assert packed([9, 3, 4, 5, 3]) == "3-5,9"
    assert unpacked(["3-5,9", "12", "x"]) == (3, 4, 5, 9, 12)


def test_the_form_is_opened_by_a_lists_chosen_rows(client, dids):
    soup = page(client.post("/assignments/many/dids", data={"ids": [did.id for did in dids]}))
    assert words(soup.select_one("h1")) == "Assign package to 3 DIDs"
    assert unpacked([soup.select_one("[name=ids]")["value"]]) == tuple(sorted(did.id for did in dids))


def test_all_that_a_list_found_may_be_meant(client, dids):
    soup = page(client.post("/assignments/many/dids?state=customer", data={"all_found": "1"}))
    assert words(soup.select_one("h1")) == "Assign package to 2 DIDs"


def test_nothing_chosen_leads_back_to_the_list(client, session):
    soup = page(client.post("/assignments/many/dids"), 409)
    assert "No DID was selected. Tick one or more rows first." in words(soup.select_one("main"))


def test_what_will_be_charged_in_sum_and_who_is_refused_is_shown_first(client, session, dids):
    data = asked(a_package(retail="30", setup_retail="5"), packed([did.id for did in dids]))
    fragment = part(client.post("/assignments/many/dids/draft", data=data, headers=HTMX))
    whole = page(client.post("/assignments/many/dids/draft", data=data)).select_one("#draft")
    for soup in (fragment, whole):
        assert "Assigned to 2 of 3 DIDs" in words(soup)
        assert "GBP 2 10.00 730.00 146.00" in words(soup)
        assert "+44 20 7946 0125: It is in stock. Give it to a customer first." in words(soup)
    assert count(session) == 0


def test_those_who_may_have_it_get_it_once_and_the_others_are_named(client, session, dids):
    data = asked(a_package(), packed([did.id for did in dids]), quantity=2)
    for _ in range(2):
        soup = page(client.post("/assignments/many/dids/assign", data={**data, "twice": "1"}))
        assert words(soup.select_one("h1")) == "Assigned to 2 of 3 DIDs"
    assert count(session) == 2


def test_when_all_get_it_one_is_back_at_the_list(client, session):
    customers = [a_customer(), a_customer("Globex")]
    data = asked(a_package(), packed([customer.id for customer in customers]))
    for _ in range(2):
        response = client.post("/assignments/many/customers/assign", data=data)
    assert response.status_code in (200, 303)
    assert count(session) == 2


def test_what_can_be_nobodys_is_shown_at_its_field(client, session, dids):
    data = asked(a_package(), packed([did.id for did in dids[:2]]), quantity=0)
    assert error_at(
        page(client.post("/assignments/many/dids/assign", data=data), 422), "quantity"
    ).startswith("Quantity must be")
    assert count(session) == 0


def test_when_nobody_can_have_it_nothing_is_done(client, session, dids):
    data = asked(a_package(), str(dids[2].id))
    soup = page(client.post("/assignments/many/dids/assign", data=data), 409)
    assert "It is in stock" in words(soup.select_one("main"))


def test_a_viewer_assigns_nothing(as_viewer, session, dids):
    assert as_viewer.post("/assignments/many/dids", data={"ids": dids[0].id}).status_code == 403
    assert as_viewer.post("/assignments/many/dids/assign", data=asked(a_package(), "1")).status_code == 403


# -- ending many


@pytest.fixture
def three(session):
    """Two assignments that may end, and one that is locked between them."""
    northwind = a_customer()
    packages = a_package(), a_package("Locked", minimum_days=60), a_package("Fax")
    made = [assigned(package, northwind, date(2026, 11, 1)) for package in packages]
    run()
    return made


def test_the_last_day_is_asked_and_who_may_not_end_is_shown_first(client, three):
    data = {"ids": [one.id for one in three]}
    soup = page(client.post("/assignments/end", data=data))
    assert words(soup.select_one("h1")) == "End 3 assignments"
    assert (
        "1 assignment cannot end on 22 Nov 2026: Locked of Northwind Telecom: Not before 30 December"
        in words(soup)
    )


def test_those_that_may_end_do_and_the_others_stay(client, session, three):
    data = {"ids": packed([one.id for one in three]), "end_date": "2026-11-30"}
    soup = page(client.post("/assignments/end", data=data))
    assert words(soup.select_one("h1")) == "2 assignments end on 30 Nov 2026"
    session.expire_all()
    assert [one.end_date for one in three] == [date(2026, 11, 30), None, date(2026, 11, 30)]


def test_when_all_end_one_is_back_at_the_customer(client, three):
    data = {"ids": packed([three[0].id, three[2].id]), "end_date": "2026-11-30"}
    response = client.post("/assignments/end", data=data)
    assert (response.status_code, response.location) == (303, f"/customers/{three[0].customer_id}")


def test_without_a_day_nothing_ends(client, three):
    soup = page(client.post("/assignments/end", data={"ids": str(three[0].id), "end_date": ""}), 422)
    assert error_at(soup, "end_date").startswith("Choose their last day.")


def test_those_chosen_in_a_packages_list_end_and_one_is_back_there(client, three):
    package = three[0].package
    soup = page(client.get(f"/packages/{package.id}"))
    assert [box["value"] for box in soup.select("#assigned .row-select")] == [str(three[0].id)]
    form = soup.select_one("#bulk-assigned")
    asked = page(client.post(form["action"], data={"ids": three[0].id}))
    sent = {field["name"]: field["value"] for field in asked.select("#end-many input[value]")}
    assert sent["came_from"] == "package"
    response = client.post("/assignments/end", data=sent)
    assert response.location == f"/packages/{package.id}"
    assert three[0].end_date == TODAY


def test_all_who_have_a_package_are_chosen_at_once(client, three):
    package, other = three[0].package, assigned(three[0].package, a_customer("Globex"), date(2026, 12, 1))
    path = f"/assignments/end?of=package&package={package.id}"
    soup = page(client.post(path, data={"all_found": "1", "ids": three[1].id}))
    assert words(soup.select_one("h1")) == "End 1 assignment"
    soup = page(client.post(f"{path}&state=all", data={"all_found": "1"}))
    assert words(soup.select_one("h1")) == "End 2 assignments"
    gone = soup.select_one("form[action='/assignments/remove'] [name=ids]")["value"]
    assert gone == str(other.id), "what has not begun can be removed instead"
    page(client.post(f"{path.replace(str(package.id), '999')}", data={"all_found": "1"}), 409)


def test_packages_on_chosen_dids_end(client, session, dids):
    lines = [
        assigned(a_package(f"Line {n}"), did.customer, date(2026, 11, 1), did=did)
        for n, did in enumerate(dids[:2])
    ]
    over = assigned(
        a_package("Over"), dids[0].customer, date(2026, 10, 1), did=dids[0], end_date=date(2026, 10, 31)
    )
    run()
    soup = page(client.post("/assignments/end?of=dids", data={"ids": [did.id for did in dids]}))
    assert words(soup.select_one("h1")) == "End 2 assignments"
    sent = {field["name"]: field["value"] for field in soup.select("#end-many input[value]")}
    assert client.post("/assignments/end", data=sent).location == "/dids"
    session.expire_all()
    assert [one.end_date for one in (*lines, over)] == [TODAY, TODAY, date(2026, 10, 31)]
    nothing = page(client.post("/assignments/end?of=dids", data={"ids": dids[2].id}), 409)
    assert "Nothing is assigned to what was selected." in words(nothing)


# -- removing many


def test_what_can_be_removed_is_shown_with_what_stays_and_why_and_then_removed(client, session, three):
    customer = three[0].customer
    later = assigned(a_package("Later"), customer, date(2026, 12, 1))
    todays = assigned(a_package("Today", match=()), customer, TODAY)
    charged = assigned(a_package("Charged", match=()), customer, TODAY)
    post_chunk([charged.id], TODAY, TODAY, None, BEN, NOW)
    session.commit()
    ids = packed([one.id for one in (three[0], later, todays, charged)])
    soup = page(client.post("/assignments/remove", data={"ids": ids}))
    said = words(soup)
    assert "2 assignments are not removed:" in said
    assert "SIP Trunk 10 of Northwind Telecom: It started on 1 November 2026." in said
    assert "Charged of Northwind Telecom: A charge was posted on it." in said
    assert count(session) == 6, "nothing is removed before it was shown"
    sent = {field["name"]: field["value"] for field in soup.select("main form.measure input")}
    response = client.post("/assignments/remove", data=sent)
    assert response.location == f"/customers/{customer.id}"
    session.expire_all()
    assert count(session) == 4
    page(client.post("/assignments/remove", data=sent), 409)
    refused = page(client.post("/assignments/remove", data={"ids": three[0].id, "seen": "1"}), 409)
    assert words(refused.select_one("form[action='/assignments/end'] button")) == "End them instead"
    assert count(session) == 4
