"""Days are chosen by a click on a month or a year, and typed only where they are others."""

from datetime import date

import pytest

from portal.web.shared.spans import span_of
from tests.pages import page, words
from tests.trade import TODAY, a_customer, a_package, assigned, run


@pytest.fixture(autouse=True)
def acme(app, session, monkeypatch):
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())
    customer = a_customer("Acme")
    assigned(a_package("Trunk", "20"), customer, date(2026, 10, 1))
    run(TODAY)
    session.commit()
    return customer


def chosen(soup):
    (span,) = soup.select("div.span")
    return [words(one) for one in span.select("[aria-current]")], "open" in span.select_one("details").attrs


def test_three_months_and_a_year_are_a_click_away_on_every_page_that_asks_for_days(client, acme):
    months = ["Nov", "Oct", "Sep", "2026"]
    mine, staff = f"/customers/{acme.id}/as-customer", f"/customers/{acme.id}"
    for path, first in (
        ("/charges", ["All days"]),
        ("/payments", ["All days"]),
        ("/margins", ["So far this month"]),
        ("/won-and-lost", ["So far this month"]),
        (f"{staff}/calls", ["Last 30 days"]),
        (f"{staff}/credit?part=balance", ["A month to today"]),
        (f"{staff}/summary", []),
        (f"{mine}/summary", []),
        (f"{mine}/charges", ["3 months"]),
    ):
        soup = page(client.get(path))
        links = soup.select("div.span nav a")
        assert [words(link) for link in links] == first + months, path
        assert chosen(soup) == ((first or months)[:1], False), path
        october = links[len(first) + 1]["href"]
        assert october.endswith("from=2026-10-01&to=2026-10-31"), path
        assert chosen(page(client.get(october))) == (["Oct"], False), path


def test_months_that_come_are_those_to_choose_from_where_charges_come(client):
    soup = page(client.get("/charges/upcoming"))
    assert [words(link) for link in soup.select("div.span nav a")] == ["Next 30 days", "Nov", "Dec", "Jan"]


def test_a_choice_keeps_what_else_the_list_is_narrowed_to(client):
    soup = page(client.get("/charges?q=Acme&kind=recurring&from=2026-10-01&to=2026-10-31&after=9"))
    links = [link["href"] for link in soup.select("div.span nav a")]
    assert links[0] == "/charges?q=Acme&kind=recurring"
    assert links[1] == "/charges?q=Acme&kind=recurring&from=2026-11-01&to=2026-11-30"


def test_other_days_are_open_where_they_are_asked_for_and_what_was_typed_wrong_stays(client, acme):
    path = f"/customers/{acme.id}/summary"
    assert chosen(page(client.get(f"{path}?from=2026-10-03&to=2026-11-30"))) == ([], True)
    soup = page(client.get(f"{path}?from=2026-11-30&to=2026-11-01"), 422)
    assert chosen(soup) == ([], True) and "To is before From." in words(soup)
    assert soup.select_one("input[name=from]")["value"] == "2026-11-30"


@pytest.mark.parametrize(("day", "year"), [("2027-01-31", "2026"), ("2027-02-01", "2027")])
def test_the_year_is_that_of_the_last_month_that_is_over(app, monkeypatch, day, year):
    monkeypatch.setitem(app.config, "TODAY", day)
    with app.test_request_context("/"):
        assert span_of(None, None).choices[-1].words == year
