"""Free minutes at work: calls in their order, what runs over, late calls, and what minimum spends make of it."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from portal.domain.terms import Proration
from portal.extensions import db
from portal.models import BalanceEntry, Call, CallCover, Charge, EntrySource, ImportState
from portal.services.assignments.assigning import Draft
from portal.services.assignments.bundles import free_minutes, may_meet, overlaps
from portal.services.assignments.changing import change_end
from portal.services.billing.minimums import minimums
from portal.services.deletion import is_removable
from tests.breaking import WAYS, break_one
from tests.calling import a_file, a_line, call_entries, noon, taken_in
from tests.trade import BEN, NOW, TODAY, a_customer, a_did, a_package, assigned, run

pytestmark = pytest.mark.usefixtures("session")
FIRST = date(2026, 11, 1)


def covered() -> dict[str, tuple[int, Decimal]]:
    """Seconds and amount covered of each call."""
    return {
        call.call_id: (call.covered_seconds, call.covered_amount) for call in db.session.scalars(select(Call))
    }


def a_bundle(customer, minutes=10, start=FIRST, destination="", **more):
    package = a_package(f"{minutes} Minutes {destination}", minutes=True, **more.pop("package", {}))
    package.destination = destination
    return assigned(package, customer, start, minutes=minutes, **more)


def test_the_first_minutes_cost_nothing_and_the_call_that_runs_over_is_covered_in_proportion(tmp_path):
    bundle = a_bundle(customer := a_customer(), 10)
    lines = [
        a_line("b", "2026-11-03 11:00:00", 400, "1"),
        a_line("a", "2026-11-03 10:00:00", 400, "1"),
        a_line("c", "2026-11-03 12:00:00", 60, "1"),
        a_line("zero", "2026-11-03 09:00:00", 0, "1"),
        a_line("free", "2026-11-03 09:00:00", 60, "0"),
    ]
    taken_in(a_file(tmp_path, lines))
    # 600 seconds: call a takes 400, call b the other 200, half of it.
    assert covered() == {
        "a": (400, 1),
        "b": (200, Decimal("0.5")),
        "c": (0, 0),
        "zero": (0, 0),
        "free": (0, 0),
    }
    (used,) = free_minutes(customer.id, TODAY)
    assert (used.assignment, used.total, used.used, used.left) == (bundle, 600, 600, 0)


def test_a_file_that_comes_later_works_the_calls_of_the_period_out_again_in_their_order(tmp_path):
    a_bundle(a_customer(), 10)
    taken_in(a_file(tmp_path, [a_line("b", "2026-11-03 11:00:00", 600, "1")]))
    assert covered()["b"] == (600, 1)
    taken_in(a_file(tmp_path, [a_line("a", "2026-11-02 11:00:00", 300, "1")]))
    assert covered() == {"a": (300, 1), "b": (300, Decimal("0.5"))}


def test_each_period_brings_its_minutes_and_what_is_left_over_lapses(tmp_path):
    a_bundle(a_customer(), 1, date(2026, 10, 1))
    taken_in(
        a_file(tmp_path, [a_line(f"{month}", f"2026-{month}-05 11:00:00", 90, "3") for month in (10, 11)])
    )
    assert covered() == {"10": (60, 2), "11": (60, 2)}


def test_only_numbers_that_match_and_a_dids_minutes_before_its_customers(tmp_path):
    customer = a_customer()
    did = a_did(customer)
    a_bundle(customer, 1)
    of_did = a_bundle(customer, 1, did=did, destination="^44")
    taken_in(
        a_file(
            tmp_path,
            [
                a_line("a", "2026-11-03 10:00:00", 90, "3", did=did.number),
                a_line("b", "2026-11-03 11:00:00", 60, "1", destination="33199009999"),
            ],
        )
    )
    assert covered() == {"a": (90, 3), "b": (30, Decimal("0.5"))}
    covers = db.session.scalars(select(CallCover).order_by(CallCover.id)).all()
    assert [(one.assignment_id == of_did.id, one.seconds) for one in covers] == [
        (True, 60),
        (False, 30),
        (False, 30),
    ]


def test_a_late_call_lowers_a_settled_minimum_and_the_next_run_posts_the_difference(tmp_path):
    customer = a_customer()
    promise = a_package("Commitment", "50", minimum_spend=True, cost="0")
    assigned(promise, customer, date(2026, 10, 1))
    taken_in(a_file(tmp_path, [a_line("a", "2026-10-05 10:00:00", 60, "20")]), date(2026, 10, 6))
    run(date(2026, 11, 3))
    taken_in(a_file(tmp_path, [a_line("b", "2026-10-31 10:00:00", 60, "5.50")]), date(2026, 11, 10))
    run(date(2026, 11, 10))
    lines = [(c.kind, c.charge_on, c.amount) for c in db.session.scalars(select(Charge).order_by(Charge.id))]
    assert lines == [
        ("minimum_spend", date(2026, 11, 1), 30),
        ("credit", date(2026, 11, 10), Decimal("-5.50")),
    ]


def test_calls_later_than_the_setting_are_spend_of_their_day_and_counted(tmp_path):
    customer = a_customer()
    a_bundle(customer, 100, date(2026, 6, 1))
    taken_in(a_file(tmp_path, [a_line("old", "2026-07-05 10:00:00", 60, "1")]), date(2026, 7, 6))
    import_ = taken_in(
        a_file(
            tmp_path, [a_line("late", "2026-07-04 10:00:00", 60, "1"), a_line("now", noon(TODAY), 60, "1")]
        ),
        TODAY,
    )
    assert covered() == {"old": (60, 1), "late": (0, 0), "now": (60, 1)}
    assert import_.late_count == 1


def test_a_bundle_assigned_after_the_calls_covers_them_and_one_that_ends_early_by_days_gives_back(tmp_path):
    customer = a_customer()
    taken_in(a_file(tmp_path, [a_line("a", "2026-11-03 10:00:00", 1800, "30")]))
    bundle = a_bundle(customer, 30, package={"proration": Proration.DAILY, "match": (1,)})
    assert covered() == {"a": (1800, 30)}
    entries = (
        select(BalanceEntry.amount).where(BalanceEntry.source == EntrySource.CALLS).order_by(BalanceEntry.id)
    )
    assert db.session.scalars(entries).all() == [-36, 36]
    change_end(bundle, date(2026, 11, 15), date(2026, 11, 10), by=BEN, now=NOW)
    assert covered() == {"a": (900, 15)}
    assert not is_removable(bundle, FIRST)


def test_what_is_spent_what_is_missing_and_the_days_left(tmp_path):
    customer = a_customer()
    assigned(a_package("Commitment 150", "150", minimum_spend=True), customer, FIRST)
    taken_in(a_file(tmp_path, [a_line("a", "2026-11-05 10:00:00", 60, "88.80")]))
    (one,) = minimums(customer.id, TODAY)
    assert (one.spent, one.minimum, one.missing, one.days_left) == (Decimal("88.8"), 150, Decimal("61.2"), 8)
    assert (one.begins, one.until, one.is_met) == (FIRST, date(2026, 12, 1), False)


def test_bundles_that_cover_the_same_calls_are_pointed_out():
    customer = a_customer()
    mine = a_bundle(customer, 10, destination="^44|^91")
    package = a_package("UK", minutes=True)
    package.destination = "^4420"
    draft = Draft(package, customer, None, 1, TODAY, minutes=5)
    assert [(one.mine, one.other) for one in overlaps([draft])] == [(draft, mine)]
    package.destination = "^1"
    assert overlaps([draft]) == []
    over = Draft(package, customer, None, 1, FIRST - timedelta(days=9), FIRST - timedelta(days=1), minutes=5)
    assert overlaps([over]) == []
    assert may_meet("", "^1") and may_meet("44", "^1") and not may_meet("^44", "^1|^91")


def test_what_minutes_have_covered_stays_while_their_assignment_cannot_be_worked_out(tmp_path):
    """New calls are not covered by it; what it covered is not charged all of a sudden, and the file is taken in."""
    customer = a_customer()
    bundle, other = a_bundle(customer, 5), a_bundle(customer, 2)
    taken_in(a_file(tmp_path, [a_line("a", "2026-11-03 11:00:00", 300, "5")]))
    break_one(bundle, WAYS["no quantity"][0])
    taken_in(a_file(tmp_path, [a_line("b", "2026-11-03 10:00:00", 180, "3")], name="more.csv"))
    assert covered() == {"a": (300, 5), "b": (120, 2)}
    assert [used.assignment for used in free_minutes(customer.id, TODAY)] == [other]


def test_a_destination_that_cannot_be_read_stops_nobodys_calls_and_is_told(tmp_path, caplog):
    acme, other = a_customer(tax_rate="0"), a_customer("Other", tax_rate="0")
    bundle = a_bundle(acme, 5, destination="^44")
    a_bundle(acme, 2)
    taken_in(a_file(tmp_path, [a_line("a", "2026-11-03 11:00:00", 300, "5")]))
    bundle.package.destination = "("  # as somebody may put it there by hand
    db.session.commit()
    lines = [
        a_line("b", "2026-11-03 10:00:00", 180, "3"),
        a_line("c", "2026-11-03 10:00:00", 60, "1", customer="Other"),
    ]
    assert taken_in(a_file(tmp_path, lines, name="more.csv")).state == ImportState.DONE
    assert covered() == {"a": (300, 5), "b": (120, 2), "c": (0, 0)}
    assert call_entries(other) == [("2026-11-03", "-1")]
    told = f"Assignment {bundle.id} (5 Minutes ^44, Northwind Telecom) cannot be worked out: A bracket is never closed"
    assert any(told in message for message in caplog.messages)
