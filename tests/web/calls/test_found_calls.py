"""Calls as staff find them: by number, customer and day, on the page and as a file."""

from datetime import date

import pytest

from portal.services import listing
from portal.services.calls import lists
from tests.calling import a_file, a_line, noon, taken_in
from tests.pages import error_at, page, words
from tests.trade import TODAY, a_customer, a_did


@pytest.fixture
def northwind(app, session, tmp_path, monkeypatch):
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())
    customer = a_customer()
    a_customer("Southwind")
    a_did(customer, "+442079460100")
    session.commit()
    day = noon(date(2026, 11, 3))
    lines = [
        a_line("a", day, 60, "1.5", did="+442079460100", destination="447700900123", cost="0.7"),
        a_line("b", noon(date(2026, 11, 4)), 60, "2", customer="Southwind", destination="33199009999"),
        a_line("=c", noon(date(2026, 9, 4)), 60, "2", destination="33199009999"),
    ]
    taken_in(a_file(tmp_path, lines))
    return customer


def rows(soup):
    return [words(row) for row in soup.select("tbody tr")]


def test_the_last_thirty_days_are_shown_the_newest_first(client, northwind):
    soup = page(client.get("/calls/found"))
    assert [row.split()[:3] for row in rows(soup)] == [["4", "Nov", "2026,"], ["3", "Nov", "2026,"]]
    assert "Northwind Telecom +44 20 7946 0100 +44 7700 900123 1:00 0.7000 1.5000 1.5000 GBP" in rows(soup)[1]
    assert soup.select_one("a[href='/calls/found']") is None
    assert page(client.get("/calls")).select_one("a[href='/calls/found']")


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ("number=020+7946+0100", 1), ("number=33", 1), ("number=33&from=2026-01-01", 1), ("customer=Southwind", 1),
        ("number=33&customer=Northwind+Telecom", 0), ("from=2026-11-04&to=2026-11-04", 1), ("number=zz", 0),
    ],
)  # fmt: skip
def test_the_file_has_what_the_list_has(client, northwind, asked, count):
    soup = page(client.get(f"/calls/found?{asked}"))
    assert len(rows(soup)) == count
    found = client.get(f"/calls/found.csv?{asked}")
    assert len(found.text.splitlines()) == count + 1
    link = next((a["href"] for a in soup.select("a") if "found.csv" in a["href"]), None)
    assert bool(link) == bool(count) and (link is None or client.get(link).text == found.text)


def test_the_file_holds_all_that_is_kept_of_a_call_and_its_start_in_the_portals_zone(client, northwind):
    answer = client.get("/calls/found.csv?from=2026-01-01&number=44")
    assert answer.mimetype == "text/csv" and "attachment" in answer.headers["Content-Disposition"]
    assert answer.text.splitlines()[1] == (
        f"2026-11-03 12:00:00,Northwind Telecom,#{northwind.id},+442079460100,,447700900123,60,0,1.5,1.5,0.7,GBP,a"
    )


@pytest.mark.parametrize(
    ("asked", "field", "sentence"),
    [
        ("customer=Nobody", "customer", "There is no customer called Nobody."),
        ("customer=" + "x" * 300, "customer", "Too long"),
        ("number=" + "1" * 61, "number", "Too long"),
    ],
)
def test_what_cannot_be_looked_for_is_said_at_its_field(client, northwind, asked, field, sentence):
    soup = page(client.get(f"/calls/found?{asked}"), 422)
    assert sentence in error_at(soup, field)
    assert client.get(f"/calls/found.csv?{asked}").status_code == 422


def test_days_that_cannot_be_are_said(client, northwind):
    assert "To is before From." in words(
        page(client.get("/calls/found?from=2026-11-02&to=2026-11-01"), 422).main
    )


def test_a_long_list_is_paged_and_says_where_it_stops_counting(client, northwind, monkeypatch):
    monkeypatch.setattr("portal.services.listing.PAGE_SIZE", 1)
    monkeypatch.setattr(listing, "COUNTED", 1)
    monkeypatch.setattr(lists, "COUNTED", 1)
    soup = page(client.get("/calls/found?from=2026-01-01"))
    assert "More than 1 call" in words(soup.main)


def test_a_viewer_may_look(as_viewer, northwind):
    assert len(rows(page(as_viewer.get("/calls/found")))) == 2
    assert as_viewer.get("/calls/found.csv").status_code == 200
