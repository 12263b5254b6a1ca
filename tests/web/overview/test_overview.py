"""The overview: what is to be done first, the chart with its question above and the same amounts below it."""

import time
from datetime import date, timedelta

import pytest

from portal.clock import now
from portal.domain.schedule import Frequency
from portal.models import CallImport, Company, ImportState, Mail, MailState
from portal.services.assignments.changing import change_end
from portal.services.overview import remembering
from portal.services.runs import runs
from portal.web.overview import pages
from portal.web.shared.filters import instant
from tests.pages import page, words
from tests.trade import BEN, NOW, TODAY, a_customer, a_package, assigned, run


@pytest.fixture(autouse=True)
def on_the_day(app, monkeypatch):
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


@pytest.fixture
def trading(session):
    """A provider that has sold something in two currencies, and made a mistake."""
    session.get_one(Company, 1).default_currency = "GBP"
    customer, other = a_customer(), a_customer("Cedar Falls", "USD")
    trunk = a_package("SIP Trunk 10", currencies=("GBP", "USD"), match=(15, 30))
    for buyer in (customer, other):
        assigned(trunk, buyer, date(2026, 8, 1))
    assigned(a_package("Mistake", "3", cost="4"), customer, date(2026, 9, 1))
    run()
    assigned(a_package("Daily", "1", frequency=Frequency.DAILY, match=()), customer, date(2026, 9, 1))
    run()
    assigned(a_package("Phone", "89", frequency=Frequency.NONE, match=()), customer)
    session.commit()


def test_a_new_portal_says_what_to_do_first(client):
    shown = page(client.get("/"))
    assert "Nothing is assigned yet, so nothing is charged." in shown.text
    assert not shown.select("main .button--primary")
    assert not shown.select("tbody td b")


def to_do(response):
    """The rows of what is to be done, those that are folded too."""
    return [
        words(row)
        for row in page(response).select("#to-do ~ * li, #to-do ~ li, section[aria-labelledby=to-do] li")
    ]


def test_each_currency_recurs_in_a_row_of_its_own(client, trading):
    rows = page(client.get("/")).select("section[aria-labelledby=recurs] tbody tr")
    assert [words(row.th) for row in rows] == ["GBP", "USD"]
    assert words(rows[1]) == "USD 1 49.00 49.00 20.00 29.00 59%"


def test_what_is_to_be_done_is_named_with_its_way(client, trading):
    rows = to_do(client.get("/"))
    assert rows[0] == "due today 1 charge to post 89.00 GBP Post"
    assert "held Northwind Telecom Daily, 83 charges not posted. Choose Northwind Telecom" in rows
    assert "below cost Mistake costs 4.00 and is sold for 3.00 GBP. −1.00 GBP Raise price Mistake" in rows


def test_who_may_change_nothing_is_offered_nothing_that_changes(as_viewer, trading):
    shown = page(as_viewer.get("/"))
    assert not shown.select("main form")
    for link in shown.select(".todo__act a"):
        assert as_viewer.get(link["href"]).status_code == 200


def test_seven_rows_are_seen_at_once_and_the_fold_says_what_is_in_it(client, session):
    """One of every kind before any has two."""
    cheap = [a_package(f"Cheap {number}", "1", cost="2") for number in range(7)]
    customer = a_customer()
    for package in cheap[:2]:
        change_end(assigned(package, customer), TODAY, TODAY, by=BEN, now=NOW)
    session.commit()
    section = page(client.get("/")).select_one("section[aria-labelledby=to-do]")
    rows = section.select_one("ul").select("li")
    assert len(rows) == 6 and words(rows[-1]).startswith("ends Northwind Telecom")
    assert words(section.summary) == "3 more prices below cost"


def test_figures_of_before_are_told_with_their_time_and_the_same_however_often_they_are_asked_for(
    app, client, trading, monkeypatch
):
    """An age would make every two answers differ."""
    monkeypatch.setitem(app.config, "TESTING", False)
    monkeypatch.setattr(remembering, "QUICK", -1.0)  # whatever is added up takes long
    monkeypatch.setattr(pages, "afterwards", lambda _what: None)  # and is not there yet
    remembering.forget()
    begun = now()
    assert "sums as of" not in client.get("/").text
    assigned(a_package("Late", "1", match=()), a_customer("Late"), date(2026, 9, 1))
    before = client.get("/")
    time.sleep(1.1)
    after = client.get("/")
    assert any(f"sums as of {instant(at)}" in before.text for at in (begun, now()))
    assert after.data == before.data


def test_the_calendar_and_the_tables_say_what_the_charts_show(client, trading):
    shown = page(client.get("/"))
    calendar = {
        cell.time["datetime"]: words(cell.b) for cell in shown.select(".calendar li") if cell.select_one("b")
    }
    assert calendar == {
        "2026-11-22": "89.00",
        "2026-11-30": "24.50",
        "2026-12-01": "3.00",
        "2026-12-15": "24.50",
    }
    assert all(
        f"from={day}" in cell["href"]
        for day, cell in zip(calendar, shown.select(".calendar li a"), strict=False)
    )
    months = [words(row) for row in shown.select("#months tbody tr")]
    assert months[-1] == "Nov 2026 so far 27.50 13.50 49% 0.00"
    by_day = [
        words(row)
        for row in shown.select(
            "#ahead ~ * details:not(#months) tbody tr, .folds details:not(#months) tbody tr"
        )
    ]
    assert by_day[0].startswith("1 3.00") and by_day[29].startswith("30 141.00 expected")
    for ledger in ("packages", "customers"):
        rows = shown.select(f"section[aria-labelledby={ledger}] tbody tr")
        named = [words(row.th) for row in rows]
        assert named == (["SIP Trunk 10", "Mistake"] if ledger == "packages" else ["Northwind Telecom"])
    assert all(drawing["aria-label"] for drawing in shown.select("main svg[role=img]"))
    assert len(shown.select("main svg[role=img]")) == 1 and len(shown.select("td .bar--loss")) == 1


def test_the_address_chooses_the_currency_and_a_browser_is_shown_it_again(client, trading):
    def told():
        return words(page(client.get("/")).select_one("#figures"))

    assert told() == "In GBP"
    assert words(page(client.get("/?currency=USD")).select_one("#figures")) == "In USD"
    assert told() == "In USD"
    assert words(page(client.get("/?currency=XXX")).select_one("#figures")) == "In USD"
    assert words(page(client.get("/?currency=GBP")).select_one("#figures")) == told() == "In GBP"


def test_amounts_are_written_as_their_currency_has_them(client, session):
    assigned(a_package("Seat", "1400", cost="580", currencies=("JPY",)), a_customer("Sakurame", "JPY"), TODAY)
    session.commit()
    shown = page(client.get("/"))
    facts = words(shown.select_one("section[aria-labelledby=figures] dl"))
    assert facts.startswith(
        "Recurring, a month 1,400 +1,400 since 31 Oct Margin of it 820 59%, +820 since 31 Oct"
    )
    won = [words(row) for row in shown.select("section[aria-labelledby=won] tr")]
    assert (
        won[:2] == ["On 31 Oct 2026 0", "New 1 assignment +1,400"] and won[-1] == "Today 1 assignment 1,400"
    )


# -- a run that did not take place, and mail that does not leave


@pytest.fixture
def neglected(session):
    """The last run was 24 days ago, something is due since, and a message could not be sent."""
    day = TODAY - timedelta(days=24)
    made = runs.start(day, simulate=False, today=day, by="the night", now=NOW)
    runs.carry_out(made.id, day, lambda: NOW)
    assigned(a_package("Weekly", frequency=Frequency.WEEKLY, match=()), a_customer(), day)
    said = {"to": "ann@acme.example", "subject": "x", "text": "x", "created_at": now(), "due_at": now()}
    session.add(Mail(key="one", state=MailState.WAITING, sentence="It could not be reached.", **said))
    session.commit()


def test_after_24_days_without_a_run_it_is_not_nothing_that_needs_attention(client, as_viewer, neglected):
    rows = to_do(client.get("/"))
    assert rows[1].startswith("no run No run for 24 days the last for all customers was up to 29 Oct 2026")
    assert "1 assignment has overdue charges" in rows[1]
    assert "1 message could not be sent yet. The last reason: It could not be reached." in rows[2]
    for browser, first in ((client, "/runs/new"), (as_viewer, "/runs")):
        links = [link["href"] for link in page(browser.get("/")).select(".todo__act a")]
        ways = links if browser is client else links[1:]
        assert ways[:2] == [first, "/settings/mail"]
        for link in links:
            assert browser.get(link).status_code == 200


def test_where_nothing_is_to_be_done_all_that_was_looked_for_is_named(client):
    shown = words(page(client.get("/")).select_one("section[aria-labelledby=to-do]"))
    assert "Nothing is due today" in shown
    assert "Nothing else: no run is missing or failed" in shown and "all mail was sent" in shown


@pytest.mark.parametrize(("days", "is_told"), [("7", True), ("8", False), ("0", False)])
def test_that_no_calls_came_is_told_after_the_days_that_are_set(
    client, session, app, monkeypatch, days, is_told
):
    monkeypatch.setitem(app.config, "CALLS_EXPECTED_DAYS", int(days))
    when = NOW - timedelta(days=8)
    session.add(CallImport(file_name="night.csv", state=ImportState.DONE, started_at=when, heartbeat_at=when))
    session.commit()
    shown = page(client.get("/")).select_one("section[aria-labelledby=to-do]")
    assert ("No calls for 8 days: the last file came on 14 Nov 2026" in words(shown)) == is_told
    assert [link["href"] for link in shown.select(".todo__act a")] == (["/calls"] if is_told else [])
