"""DIDs: the list, the row that opens in it, one DID's page, and what is done with many."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from portal.models import Did
from tests.pages import error_at, page, part, words
from tests.trade import TODAY, a_customer, a_did, a_package, assigned, run

HTMX = {"HX-Request": "true"}
LONDON = "+4420794600"


@pytest.fixture(autouse=True)
def _on_a_sunday(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


def numbers(soup: Any) -> list[str]:
    return [words(link) for link in soup.select("tbody th.lead a")]


# -- the list


def test_the_list_shows_numbers_as_people_read_them_and_whose_they_are(
    session: Any, client: FlaskClient
) -> None:
    a_did(a_customer("Acme"), LONDON + "01")
    a_did(None, LONDON + "02")
    soup = page(client.get("/dids"))
    rows = [words(row) for row in soup.select("tbody tr")]
    assert rows[0].startswith("+44 20 7946 0001 Acme ")
    assert rows[1].startswith("+44 20 7946 0002 in stock ")
    assert words(soup.select_one(".pager")).startswith("2 DIDs ")


def test_an_empty_list_offers_the_first_step(client: FlaskClient) -> None:
    soup = page(client.get("/dids"))
    assert "No DIDs yet." in words(soup.select_one(".empty"))


@pytest.mark.parametrize("text", ["7946 0001", "020 7946 0001", "%2B44 20 79", "acme"])
def test_searching_finds_numbers_in_any_format_and_customers(
    session: Any, client: FlaskClient, text: str
) -> None:
    a_did(a_customer("Acme"), LONDON + "01")
    a_did(None, "+33199008765")
    assert numbers(page(client.get(f"/dids?q={text}"))) == ["+44 20 7946 0001"]
    assert numbers(part(client.get(f"/dids?q={text}", headers=HTMX))) == ["+44 20 7946 0001"]


def test_filters_tell_stock_from_what_customers_have(session: Any, client: FlaskClient) -> None:
    acme = a_customer("Acme")
    a_did(acme, LONDON + "01")
    a_did(None, LONDON + "02")
    a_did(None, "+33199008765").country = "FR"
    assert numbers(page(client.get("/dids?state=stock&country=GB"))) == ["+44 20 7946 0002"]
    assert numbers(page(client.get("/dids?state=customer"))) == ["+44 20 7946 0001"]
    assert numbers(page(client.get(f"/dids?customer={acme.id}"))) == ["+44 20 7946 0001"]
    assert "No DID matches." in words(page(client.get("/dids?state=archived")).select_one(".empty"))


def test_every_sorting_pages_through_every_number_once(session: Any, client: FlaskClient) -> None:
    for number in range(60):
        a_did(None, f"{LONDON}{number * 7 % 60:02}")
    for sort in ("number", "-number", "added", "-added"):
        first = page(client.get(f"/dids?sort={sort}"))
        second = page(client.get(first.select_one("a[rel=next]")["href"]))
        assert len({*numbers(first), *numbers(second)}) == 60, sort
        assert numbers(page(client.get(second.select_one("a[rel=prev]")["href"]))) == numbers(first), sort


@pytest.mark.parametrize(
    "arguments", ["customer=x", "customer=99999999999999999999", "country=XX", "after=0"]
)
def test_an_address_that_says_nothing_known_shows_the_list(
    session: Any, client: FlaskClient, arguments: str
) -> None:
    a_did(None, LONDON + "01")
    page(client.get(f"/dids?{arguments}"))


# -- the row


def test_a_row_opens_gives_the_number_away_and_closes(session: Any, client: FlaskClient) -> None:
    acme, did = a_customer("Acme"), a_did(None, LONDON + "01")
    row = part(client.get(f"/dids/{did.id}/row/edit", headers=HTMX))
    assert row.select_one('input[name="customer"][list]')
    data = {"customer": "acme", "version": did.version}
    row = part(client.post(f"/dids/{did.id}/row", data=data, headers=HTMX))
    assert "Acme" in words(row)
    assert did.customer is acme


def test_without_script_the_row_opens_in_the_list(session: Any, client: FlaskClient) -> None:
    acme, did = a_customer("Acme"), a_did(None, LONDON + "01")
    soup = page(client.get(client.get(f"/dids/{did.id}/row/edit?state=stock").location))
    data = {"customer": f"#{acme.id}", "version": did.version}
    answer = client.post(soup.select_one("tr.editing form")["action"], data=data)
    assert answer.location == "/dids?state=stock"
    assert did.customer is acme


def test_an_empty_customer_takes_the_number_back_to_stock(session: Any, client: FlaskClient) -> None:
    did = a_did(a_customer("Acme"), LONDON + "01")
    part(client.post(f"/dids/{did.id}/row", data={"customer": "", "version": did.version}, headers=HTMX))
    assert did.customer is None


def test_who_is_not_there_is_said_in_the_row(session: Any, client: FlaskClient) -> None:
    did = a_did(None, LONDON + "01")
    data = {"customer": "Nobody", "version": did.version}
    row = part(client.post(f"/dids/{did.id}/row", data=data, headers=HTMX), 422)
    assert "There is no customer called Nobody." in error_at(row, "customer")
    assert "There is no customer called Nobody." in error_at(
        page(client.post(f"/dids/{did.id}/row", data=data), 422), "customer"
    )


def test_a_number_with_a_package_stays_and_the_row_says_why(session: Any, client: FlaskClient) -> None:
    acme, did = a_customer("Acme"), None
    a_customer("Globex")
    did = a_did(acme, LONDON + "01")
    assigned(a_package("UK DID"), acme, did=did)
    data = {"customer": "Globex", "version": did.version}
    row = part(client.post(f"/dids/{did.id}/row", data=data, headers=HTMX), 409)
    assert "UK DID" in error_at(row, "customer")
    assert row.select_one('input[name="customer"]')["value"] == "Globex"
    assert did.customer is acme


def test_the_second_of_two_rows_is_told(session: Any, client: FlaskClient) -> None:
    a_customer("Acme"), a_customer("Globex")
    did = a_did(None, LONDON + "01")
    stale = {"customer": "Acme", "version": did.version}
    client.post(f"/dids/{did.id}/row", data=stale | {"customer": "Globex"})
    row = part(client.post(f"/dids/{did.id}/row", data=stale, headers=HTMX), 409)
    assert "it is now with Globex" in error_at(row, "customer")


# -- one DID


def test_the_page_shows_what_comes_and_what_was_charged_on_the_number(
    session: Any, client: FlaskClient
) -> None:
    acme = a_customer("Acme")
    did = a_did(acme, LONDON + "01")
    assigned(a_package("UK DID", "1.20", match=(22,)), acme, did=did)
    run()
    soup = page(client.get(f"/dids/{did.id}"))
    assert words(soup.h1) == "+44 20 7946 0001"
    assert "Acme" in words(soup.aside)
    soup = page(client.get(f"/dids/{did.id}/next-charges"))
    assert words(soup.select('section[aria-labelledby="next-charges"] tbody tr')[0]).startswith(
        "22 Dec 2026 UK DID"
    )
    soup = page(client.get(f"/dids/{did.id}/charges"))
    posted = words(soup.select_one('section[aria-labelledby="posted"] tbody tr'))
    assert posted.startswith("22 Nov 2026 UK DID")
    assert "1.20 GBP" in posted


def test_the_figures_are_refreshed_when_something_was_assigned(session: Any, client: FlaskClient) -> None:
    acme = a_customer("Acme")
    did = a_did(acme, LONDON + "01")
    assigned(a_package("UK DID", "1.20"), acme, did=did)
    soup = part(client.get(f"/dids/{did.id}", headers=HTMX))
    assert "Recurring, a month 1.20 GBP" in words(soup)


def test_a_number_is_given_and_returned_on_its_page(session: Any, client: FlaskClient) -> None:
    acme, did = a_customer("Acme"), a_did(None, LONDON + "01")
    client.post(f"/dids/{did.id}/customer", data={"customer": "Acme", "version": did.version})
    assert did.customer is acme
    client.post(f"/dids/{did.id}/release")
    assert did.customer is None


def test_a_number_that_has_moved_tells_whose_it_was(
    app: Flask, session: Any, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme, _ = a_customer("Acme"), a_customer("Globex")
    client.post(
        "/dids",
        data={"by": "one", "token": "one", "number": LONDON + "01", "country": "GB", "customer": "Acme"},
    )
    number = session.scalars(select(Did)).one()
    assert number.customer_id == acme.id
    monkeypatch.setitem(app.config, "TODAY", (TODAY + timedelta(1)).isoformat())
    client.post(f"/dids/{number.id}/customer", data={"customer": "Globex", "version": number.version})
    table = page(client.get(f"/dids/{number.id}/customer")).select_one("section[aria-labelledby=held]")
    assert [words(row) for row in table.select("tbody tr")] == [
        "Globex 23 Nov 2026 now",
        "Acme 22 Nov 2026 22 Nov 2026",
    ]


@pytest.mark.parametrize("act", ["release", "delete", "customer"])
def test_a_number_in_use_is_not_moved_and_the_page_says_why(
    session: Any, client: FlaskClient, act: str
) -> None:
    acme = a_customer("Acme")
    did = a_did(acme, LONDON + "01")
    assigned(a_package("UK DID", minimum_days=30), acme, TODAY - timedelta(1), did=did)
    data = {"customer": "", "version": did.version}
    soup = page(client.post(f"/dids/{did.id}/{act}", data=data), 409)
    said = words(soup.select_one("[role=alert]"))
    assert "locked until 21 December 2026" in said
    assert said.startswith("Not ")
    assert did.customer is acme


def test_a_number_in_stock_is_deleted(session: Any, client: FlaskClient) -> None:
    did = a_did(None, LONDON + "01")
    assert client.post(f"/dids/{did.id}/delete").location == "/dids"
    assert session.scalar(select(func.count(Did.id))) == 0


def test_a_number_that_was_charged_for_is_archived_and_restored(session: Any, client: FlaskClient) -> None:
    acme = a_customer("Acme")
    did = a_did(acme, LONDON + "01")
    assignment = assigned(a_package("UK DID"), acme, did=did)
    assignment.end_date, assignment.position.next_charge_on = TODAY.replace(day=21), None
    assignment.start_date = TODAY.replace(day=20)
    did.customer = None
    client.post(f"/dids/{did.id}/delete")
    assert did.archived_on == TODAY
    assert numbers(page(client.get("/dids?state=archived"))) == ["+44 20 7946 0001"]
    client.post(f"/dids/{did.id}/restore")
    assert did.archived_on is None


@pytest.mark.parametrize("path", ["", "/row", "/row/edit", "/next-charges", "/charges", "/customer"])
def test_no_such_number_is_not_found(client: FlaskClient, path: str) -> None:
    page(client.get(f"/dids/999{path}"), 404)


# -- many at once


def test_many_are_given_to_a_customer_after_asking_whom(session: Any, client: FlaskClient) -> None:
    acme = a_customer("Acme")
    ids = [a_did(None, f"{LONDON}{n:02}").id for n in range(3)]
    soup = page(client.post("/dids/give", data={"ids": ids}))
    assert words(soup.h1) == "Give 3 DIDs to a customer"
    assert [int(field["value"]) for field in soup.select('input[name="ids"]')] == ids
    page(client.post("/dids/give", data={"ids": ids, "customer": "Nobody"}), 422)
    client.post("/dids/give", data={"ids": ids, "customer": "Acme"})
    assert session.scalar(select(func.count(Did.id)).where(Did.customer_id == acme.id)) == 3


def test_all_that_the_filter_found_are_meant_where_that_is_ticked(session: Any, client: FlaskClient) -> None:
    for number in range(60):
        a_did(None, f"{LONDON}{number:02}")
    a_did(a_customer("Acme"), "+33199008765")
    soup = page(client.get("/dids?state=stock"))
    assert "all 60 that match" in words(soup.select_one("form.bulk"))
    asked = page(client.post(soup.select_one("form.bulk")["action"], data={"all_found": "1"}))
    assert words(asked.h1) == "Give 60 DIDs to a customer"


def test_what_cannot_be_returned_is_named_and_the_others_are(session: Any, client: FlaskClient) -> None:
    acme = a_customer("Acme")
    free, held = a_did(acme, LONDON + "01"), a_did(acme, LONDON + "02")
    assigned(a_package("UK DID"), acme, TODAY - timedelta(1), did=held)
    soup = page(client.post("/dids/release", data={"ids": [free.id, held.id]}))
    assert words(soup.h1) == "1 DID stayed as it was"
    assert "1 DID returned to stock." in words(soup.select_one(".note"))
    assert "+44 20 7946 0002 still has UK DID. The first day" in words(soup.select_one("tbody tr"))
    assert (free.customer, held.customer) == (None, acme)


@pytest.mark.parametrize("act", ["give", "release"])
@pytest.mark.parametrize("ids", [[], ["x"], ["-1"], ["99999999999999999999"]])
def test_choosing_nothing_is_said(client: FlaskClient, act: str, ids: list[str]) -> None:
    soup = page(client.post(f"/dids/{act}", data={"ids": ids}), 422)
    assert "No DID was selected." in words(soup.main)


def test_numbers_that_are_gone_are_passed_over(session: Any, client: FlaskClient) -> None:
    did = a_did(a_customer("Acme"), LONDON + "01")
    assert client.post("/dids/release", data={"ids": [did.id, 999]}).status_code == 303
    assert did.customer is None
    page(client.post("/dids/release", data={"ids": [999]}), 422)
