"""What falls due over a span, day by day, bounded to what a page can work out."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from portal.domain.schedule import Frequency
from portal.services.billing.planning import due_ids, plan
from portal.services.charges.explaining import explained
from portal.services.runs import upcoming as module
from portal.services.runs.upcoming import upcoming
from tests.trade import TODAY, a_customer, a_package, assigned, run

pytestmark = pytest.mark.usefixtures("session")

NOVEMBER, DECEMBER, NEW_YEAR = date(2026, 11, 1), date(2026, 12, 1), date(2026, 12, 31)


@pytest.fixture
def trade(session):
    """Two customers in two currencies with a trunk each, and a watch every Monday for one of them."""
    acme, globex = a_customer("Acme"), a_customer("Globex", "USD")
    trunk = a_package("Trunk", "20", match=(1,), currencies=("GBP", "USD"))
    assigned(trunk, acme, NOVEMBER)
    assigned(trunk, globex, NOVEMBER)
    assigned(a_package("Watch", "3", frequency=Frequency.WEEKLY, match=(1,)), acme, TODAY)
    run()
    return acme, globex


def test_it_is_what_a_run_would_post_by_day(trade):
    found = upcoming(TODAY, NEW_YEAR, TODAY)
    assert [(day.on.isoformat(), day.count) for day in found.days] == [
        ("2026-11-23", 1), ("2026-11-30", 1), ("2026-12-01", 2), ("2026-12-07", 1), ("2026-12-14", 1),
        ("2026-12-21", 1), ("2026-12-28", 1),
    ]  # fmt: skip
    assert list(found.lines) == plan(due_ids(NEW_YEAR), NEW_YEAR, TODAY).charges
    assert {c: (s.amount, s.margin) for c, s in found.totals.items()} == {
        "GBP": (Decimal(38), Decimal(-32)), "USD": (Decimal(20), Decimal(10)),
    }  # fmt: skip


def test_for_one_customer(trade):
    found = upcoming(DECEMBER, DECEMBER, TODAY, trade[1].id)
    assert [(line.customer_id, line.amount) for line in found.lines] == [(trade[1].id, Decimal(20))]


def test_what_is_overdue_is_counted_apart(trade):
    assigned(a_package("Late", "1", match=(1,)), trade[0], date(2026, 9, 1))
    found = upcoming(TODAY, DECEMBER, TODAY)
    assert found.overdue == 3
    assert all(line.charge_on >= TODAY for line in found.lines)
    assert upcoming(date(2026, 9, 1), DECEMBER, TODAY).overdue == 0


def test_what_is_held_is_named_and_not_added_up(trade):
    assigned(a_package("Old", "1", match=(1,)), trade[0], date(2020, 1, 1))
    found = upcoming(TODAY, DECEMBER, TODAY)
    assert [held.facts.label for held in found.held] == ["Old"]
    assert "Old" not in {line.label for line in found.lines}


def test_a_minimum_spend_that_runs_is_marked(session):
    assigned(a_package("Commitment", "50", minimum_spend=True), a_customer(), NOVEMBER)
    run()
    (line,) = upcoming(TODAY, DECEMBER, TODAY).lines
    assert (line.charge_on, line.amount, line.provisional) == (DECEMBER, Decimal(50), True)
    (told,) = explained([line])
    assert "if nothing more is spent" in told.why


def test_of_too_many_assignments_the_days_that_fit(trade, monkeypatch):
    monkeypatch.setattr(module, "ASSIGNMENTS_MOST", 1)
    found = upcoming(TODAY, NEW_YEAR, TODAY)
    # Both trunks are due on 1 December; a minimum spend of 30 November could wait until then for its calls.
    assert found.left_out_from == date(2026, 11, 30)
    assert [day.on for day in found.days] == [date(2026, 11, 23)]


@pytest.mark.parametrize("most", [1, 3, 5, 9])
def test_of_very_many_assignments_the_same_fit_however_they_are_found(trade, most):
    acme, globex = trade
    trunk = a_package("Line", "2", match=(15,), currencies=("GBP", "USD"))
    for late in (0, 0, 1, 1, 1, 2, 40):
        for customer in (acme, globex):
            assigned(trunk, customer, TODAY + timedelta(days=late))
    for ahead in (TODAY, TODAY + timedelta(days=1), NEW_YEAR):
        found = [module._that_fit(ahead, acme.id, most, many) for many in (0, 10_000)]
        assert found[0] == found[1]


def test_of_too_many_lines_the_days_that_fit(trade, monkeypatch):
    monkeypatch.setattr(module, "LINES_MOST", 4)
    found = upcoming(TODAY, NEW_YEAR, TODAY)
    assert found.left_out_from is not None
    assert found.left_out_from > TODAY
    assert 0 < found.count <= 4
    monkeypatch.setattr(module, "LINES_MOST", 0)
    nothing = upcoming(TODAY, NEW_YEAR, TODAY)
    assert (nothing.count, nothing.left_out_from) == (0, TODAY)


def test_a_day_with_very_many_lines_is_counted_and_leads_to_them(trade, monkeypatch):
    monkeypatch.setattr(module, "SHOWN_MOST", 3)
    monkeypatch.setattr(module, "SHOWN_OF_ONE_DAY", 1)
    shown = [(day.count, len(day.lines)) for day in upcoming(TODAY, NEW_YEAR, TODAY).days]
    assert shown == [(1, 1), (1, 1), (2, 0), (1, 1), (1, 0), (1, 0), (1, 0)]
    (day,) = upcoming(DECEMBER, DECEMBER, TODAY).days
    assert (day.count, len(day.lines)) == (2, 1)


def test_the_last_days_of_the_calendar_are_no_stumbling_block(trade):
    assert upcoming(date(2199, 12, 31), date(2199, 12, 31), TODAY, trade[1].id).count == 0
    assert upcoming(TODAY - timedelta(days=5), TODAY - timedelta(days=5), TODAY).count == 0
