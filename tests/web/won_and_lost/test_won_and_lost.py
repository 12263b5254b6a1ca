"""The list of what was won and lost, and how the overview leads to it."""

from datetime import timedelta

import pytest

from portal.services.assignments.changing import change_quantity
from tests.pages import page, words
from tests.trade import TODAY, a_customer, a_did, a_package, assigned
from tests.web.http.test_downloads import of_csv, of_xlsx

FIRST = TODAY.replace(day=1)
BEFORE = FIRST - timedelta(days=40)


@pytest.fixture(autouse=True)
def its_today(app, monkeypatch):
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


@pytest.fixture
def trade(session):
    """Acme has a trunk more since this month, and a number no longer; Globex has more of one, and less."""
    acme, globex = a_customer("Acme"), a_customer("Globex")
    number = a_did(acme, "+442079460000")
    trunk, seat = a_package("Trunk", "24.50"), a_package("Number", "3")
    assigned(trunk, acme, FIRST)
    assigned(seat, acme, BEFORE, did=number, end_date=FIRST + timedelta(days=1))
    assigned(trunk, globex, BEFORE)
    for quantity, later in ((2, 5), (5, 1)):
        held = assigned(seat, globex, BEFORE, quantity=quantity)
        change_quantity(held, later, TODAY, BEFORE)
    session.commit()
    return acme, globex


def rows(soup):
    return [words(row) for row in soup.select("tbody tr")]


def test_each_assignment_says_what_became_of_it_the_most_won_first(client, trade):
    found = page(client.get("/won-and-lost"))
    assert rows(found) == [
        "Acme Trunk new 0.00 24.50 +24.50",
        "Globex Number more 6.00 15.00 +9.00",
        "Acme Number +44 20 7946 0000 ended 3.00 0.00 −3.00",
        "Globex Number less 15.00 3.00 −12.00",
    ]
    assert words(found.select_one("p.totals")).startswith("+18.50 GBP a month")
    assert rows(page(client.get("/won-and-lost?sort=-customer")))[0].startswith("Globex")
    assert rows(page(client.get("/won-and-lost?kind=less"))) == ["Globex Number less 15.00 3.00 −12.00"]


def test_the_overview_leads_from_what_was_lost_to_whom(client, trade):
    overview = page(client.get("/"))
    links = {words(link): link["href"] for link in overview.select("section[aria-labelledby=won] a")}
    assert rows(page(client.get(links["Ended"]))) == ["Acme Number +44 20 7946 0000 ended 3.00 0.00 −3.00"]
    assert rows(page(client.get(links["New"]))) == ["Acme Trunk new 0.00 24.50 +24.50"]


def test_days_that_cannot_be_are_refused_at_their_field(client, trade):
    soup = page(client.get("/won-and-lost?from=2026-12-24&to=2026-12-01"), 422)
    assert words(soup.select_one("#span-error")) == "To is before From."
    assert client.get("/won-and-lost/list.csv?from=soon").status_code == 422


def test_where_nothing_moved_that_is_said(client, trade):
    soup = page(client.get("/won-and-lost?from=2024-03-01&to=2024-03-31"))
    assert "Nothing was won or lost in GBP on these days." in words(soup)


def test_a_long_list_has_pages_and_its_file_has_all_of_it(client, trade, session, monkeypatch):
    monkeypatch.setattr("portal.web.won_and_lost.pages.A_PAGE", 3)
    first, second = (page(client.get(f"/won-and-lost?page={number}")) for number in (1, 2))
    assert (len(rows(first)), len(rows(second))) == (3, 1)
    assert "4 assignments, page 1 of 2" in words(first)
    lines = of_csv(client.get("/won-and-lost/list.csv?kind=new"))
    assert [(one["Customer"], one["Change"], one["Monthly After"]) for one in lines] == [
        ("Acme", "new", "24.50")
    ]
    assert len(of_xlsx(client.get("/won-and-lost/list.xlsx"))) == 4
