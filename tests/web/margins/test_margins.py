"""The page of what earns, and what the overview and the lists of DIDs say of it."""

from datetime import timedelta

import pytest

from tests.pages import page, words
from tests.trade import TODAY, a_customer, a_did, a_package, assigned, run
from tests.web.http.test_downloads import of_csv, of_xlsx

FIRST = TODAY.replace(day=1)
LONDON = "+4420794600"


@pytest.fixture(autouse=True)
def its_today(app, monkeypatch):
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


@pytest.fixture
def trade(session):
    """Acme pays for a trunk, and for one of two numbers; the other costs and brings nothing; Globex has a bare one."""
    acme, globex = a_customer("Acme"), a_customer("Globex")
    paid, free, bare = (a_did(whose, f"{LONDON}0{place}") for place, whose in enumerate((acme, acme, globex)))
    a_did(None, f"{LONDON}09")
    number, test_line = a_package("Number", "3", cost="1"), a_package("Test line", "0", cost="2")
    assigned(a_package("Trunk", "24.50", cost="10"), acme, FIRST - timedelta(days=40))
    assigned(number, acme, FIRST, did=paid, quantity=2)
    assigned(test_line, acme, FIRST, did=free)
    run()
    session.commit()
    return paid, free, bare


def rows(soup):
    return [words(row) for row in soup.select("tbody tr")]


def test_what_earns_is_told_by_package_customer_and_did_largest_first(client, trade):
    assert rows(page(client.get("/margins"))) == [
        "Trunk 1 24.50 10.00 14.50 59%",
        "Number 1 6.00 2.00 4.00 67%",
        "Test line 1 0.00 2.00 −2.00",
    ]
    assert rows(page(client.get("/margins?by=did&sort=margin"))) == [
        "+44 20 7946 0001 1 0.00 2.00 −2.00",
        "+44 20 7946 0000 1 6.00 2.00 4.00 67%",
        "Not on a DID 1 24.50 10.00 14.50 59%",
    ]
    found = page(client.get(f"/margins?by=customer&from={FIRST - timedelta(days=60)}"))
    assert rows(found) == ["Acme 4 55.00 24.00 31.00 56%"]
    assert words(found.select_one("tfoot")) == "All of it 4 55.00 24.00 31.00 56%"
    nothing = page(client.get("/margins?from=2026-09-01&to=2026-09-02"))
    assert "Nothing was charged in GBP on these days." in words(nothing)


def test_days_that_cannot_be_are_refused_at_their_field(client, trade):
    for query, sentence in (
        ("from=2024-01-01", "Choose 366 days at most."),
        ("from=2026-12-24", "To is before From."),
        ("from=soon", "Enter From and To as dates, such as 2026-11-30."),
    ):
        soup = page(client.get(f"/margins?{query}"), 422)
        assert words(soup.select_one("#span-error")) == sentence
        assert client.get(f"/margins/list.csv?{query}").status_code == 422


def test_the_file_has_all_of_it(client, trade):
    rows = of_csv(client.get("/margins/list.csv?by=did"))
    assert [(row["DID"], row["Charged"], row["Margin"]) for row in rows] == [
        ("Not on a DID", "24.50", "14.50"),
        (f"{LONDON}00", "6.00", "4.00"),
        (f"{LONDON}01", "0.00", "-2.00"),
    ]
    assert len(of_xlsx(client.get("/margins/list.xlsx?by=did"))) == 3
    assert of_csv(client.get("/margins/list.csv?by=customer"))[0]["Customer Number"].startswith("#")


def test_the_overview_counts_the_dids_that_earn_nothing_and_leads_to_them(client, trade):
    paid, *_ = trade
    soup = page(client.get("/"))
    lines = [line for line in soup.select(".todo li") if "of 4 DIDs." in words(line)]
    assert [words(line.select_one(".todo__says")) for line in lines] == [
        "1 DID costs 2.00 GBP a month and brings nothing, of 4 DIDs.",
        "1 DID with a customer and no package, of 4 DIDs.",
        "1 DID in stock, of 4 DIDs.",
    ]
    ways = [line.select_one(".todo__act a")["href"] for line in lines]
    found = {way: page(client.get(way)) for way in ways}
    assert [words(page.select_one("tbody th")) for page in found.values()] == [
        "+44 20 7946 0001", "+44 20 7946 0002", "+44 20 7946 0009",
    ]  # fmt: skip
    listed = rows(page(client.get("/dids?state=customer")))
    assert "Acme Number × 2 6.00 GBP 4.00" in listed[0]
    assert "Acme Test line 0.00 GBP −2.00" in listed[1]
    assert "Recurring, a month 6.00 GBP Cost, a month 2.00 GBP Margin, a month 4.00 GBP" in words(
        page(client.get(f"/dids/{paid.id}"))
    )


def test_the_overview_says_what_was_won_and_lost_since_last_month(client, session, trade):
    soup = page(client.get("/"))
    assert [words(row) for row in soup.select("section[aria-labelledby=won] tr")] == [
        "On 31 Oct 2026 24.50", "New 1 assignment +6.00", "More 0.00", "Less 0.00", "Ended 0.00", "Won or lost +6.00",
        "Today 3 assignments 30.50",
    ]  # fmt: skip
    assert words(soup.select_one("section[aria-labelledby=figures] dl")).startswith(
        "Recurring, a month 30.50 +6.00 since"
    )
