"""Why it is different this month: a reason in plain words for each part, and together exactly the difference."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Date, select, text

from portal.domain.schedule import Frequency
from portal.domain.terms import Proration
from portal.domain.wording import difference
from portal.extensions import db
from portal.models import Call, Charge, Package
from portal.services.assignments.changing import change_end, change_quantity
from portal.services.billing.loading import usage_wait_days
from portal.services.calls import call_spend
from portal.services.charges.by_hand import ManualCharge, charge_manually, reverse
from portal.services.corrections.planning import plan
from portal.services.corrections.posting import post
from portal.services.corrections.wanted import Wanted, Whose
from portal.services.what_changed import what_changed
from tests.services.credit.test_credit import History
from tests.trade import BEN, NOW, TODAY, a_customer, a_did, a_package, assigned, run

OCTOBER, NOVEMBER, LAST = date(2026, 10, 1), date(2026, 11, 1), date(2026, 11, 30)


@pytest.fixture
def acme(session):
    """20% tax. A trunk since September, the same in both months."""
    customer = a_customer("Acme", tax_rate="20")
    assigned(a_package("Trunk", "20"), customer, date(2026, 9, 1))
    return customer


def lines(customer, today=TODAY):
    found = what_changed(customer, NOVEMBER, LAST, today)
    assert sum((line.amount for line in found.lines), Decimal(0)) == found.difference
    return [(difference(line.amount, "GBP"), line.words) for line in found.lines]


def called(customer, day, amount):
    db.session.add(
        Call(
            customer_id=customer.id,
            call_id=str(day),
            day=day,
            seconds=60,
            amount=Decimal(amount),
            came_in_on=day,
        )
    )
    db.session.flush()
    call_spend.enter_calls([customer.id], day, day, NOW)


def test_it_names_what_is_new_what_ended_and_the_calls_the_largest_first(acme):
    numbers = a_package("UK Geographic DID", "1.35", match=(5,))
    assigned(numbers, acme, date(2026, 11, 5), did=a_did(acme), quantity=9)
    seat = assigned(a_package("PBX seat", "30", proration=Proration.DAILY), acme, date(2026, 9, 1))
    run(date(2026, 11, 5))
    change_end(seat, date(2026, 11, 27), date(2026, 11, 6), by=BEN, now=NOW)
    called(acme, date(2026, 10, 3), "5")
    called(acme, date(2026, 11, 3), "6")
    run(LAST)
    assert lines(acme, LAST) == [
        ("+14.58", "UK Geographic DID × 9 on +44 20 7946 0123, since 5 Nov 2026"),
        ("−3.60", "PBX seat, credit, ended on 27 Nov 2026"),
        ("+1.20", "Calls, 7.20 instead of 6.00"),
    ]


def test_the_same_with_several_assignments_is_one_line(acme):
    seat = a_package("Seat", "10", match=(1,))
    run(NOVEMBER)
    for number in range(3):
        assigned(seat, acme, NOVEMBER, did=a_did(acme, f"+44207946010{number}"))
    run(TODAY)
    assert lines(acme) == [("+36.00", "Seat × 3, since 1 Nov 2026")]


def test_a_quantity_that_changed_says_both(acme):
    line = assigned(a_package("Seat", "10", match=(1,)), acme, date(2026, 9, 1), quantity=2)
    run(OCTOBER)
    change_quantity(line, 5, NOVEMBER, date(2026, 10, 2))
    run(TODAY)
    assert lines(acme) == [("+36.00", "Seat, quantity 5 instead of 2")]


def test_what_is_charged_once_says_when_in_the_month_after_too(acme):
    assigned(a_package("Router", "10", match=(1,), setup_retail="25"), acme, OCTOBER)
    for day, amount, what in ((date(2026, 10, 9), 7, "Visit"), (date(2026, 11, 9), -2, "Goodwill")):
        asked = ManualCharge(acme, day, Decimal(amount), Decimal(0), what)
        charge_manually(asked, token=what, today=day, by=BEN, now=NOW)
    run(TODAY)
    assert lines(acme) == [
        ("−30.00", "Router, setup on 1 Oct 2026"),
        ("−8.40", "Visit, on 9 Oct 2026"),
        ("−2.40", "Goodwill, discount, on 9 Nov 2026"),
    ]


def test_a_reversed_charge_says_so(session, acme):
    run(TODAY)
    charge = session.scalars(select(Charge).where(Charge.charge_on == NOVEMBER)).one()
    reverse(charge, "By mistake", today=TODAY, by=BEN, now=NOW)
    assert lines(acme) == [("−24.00", "Trunk, reversed on 22 Nov 2026")]


def test_what_was_corrected_back_to_a_day_is_a_line_of_its_own(session, acme):
    run(TODAY)
    package = session.scalars(select(Package).where(Package.name == "Trunk")).one()
    whose, wanted = Whose(package=package), Wanted(OCTOBER, "GBP", {"retail": Decimal("25")})
    seen = plan(wanted, whose, TODAY).fingerprint
    post(wanted, whose, seen=seen, token="correction", today=TODAY, by=BEN, now=NOW)
    assert lines(acme) == [("+12.00", "Trunk, corrected on 22 Nov 2026")]


def test_nothing_is_said_where_nothing_was_charged_before_or_the_span_has_not_begun(acme):
    run(date(2026, 9, 1))
    assert what_changed(acme, date(2026, 9, 1), date(2026, 9, 30), TODAY) is None
    assert what_changed(acme, date(2026, 12, 1), date(2026, 12, 31), TODAY) is None


def spans(customer, today):
    """The days of November and of October that are compared on a day; nothing where none are."""
    found = what_changed(customer, NOVEMBER, LAST, today)
    return found and (found.begins, found.through, found.before_begins, found.before_through)


def test_no_day_is_compared_on_which_a_charge_waits_for_a_run(acme):
    """On the morning of the first nothing is posted yet: all that there was a month before would seem to be gone."""
    assigned(a_package("Seat", "30", match=(15,)), acme, date(2026, 9, 1))
    run(date(2026, 10, 31))
    assert spans(acme, NOVEMBER) is None
    run(NOVEMBER)
    assert spans(acme, NOVEMBER) == (NOVEMBER, NOVEMBER, OCTOBER, OCTOBER)
    assert spans(acme, date(2026, 11, 14))[1::2] == (date(2026, 11, 14), date(2026, 10, 14))
    for today in (date(2026, 11, 15), TODAY, LAST):
        assert spans(acme, today)[1::2] == (date(2026, 11, 14), date(2026, 10, 14))
    run(LAST)
    assert spans(acme, LAST)[1::2] == (LAST, date(2026, 10, 31))
    other = a_customer("Other")
    assigned(a_package("Daily", "1", frequency=Frequency.DAILY, match=()), other, LAST)
    assert spans(acme, LAST)[1] == LAST, "what another customer's charges wait for is nothing to this one"


def test_no_day_is_compared_on_which_a_minimum_spend_waits_for_its_last_calls(acme):
    assigned(a_package("Commitment", "150", match=(1,), minimum_spend=True), acme, date(2026, 9, 1))
    run(NOVEMBER)
    wait = usage_wait_days()
    assert wait and spans(acme, NOVEMBER) is None
    found = NOVEMBER + timedelta(wait)
    run(found - timedelta(1))
    assert spans(acme, found - timedelta(1)) is None
    run(found)
    assert spans(acme, found)[1] == found
    assert lines(acme, found) == []


def test_what_is_held_is_not_waited_for(acme):
    daily = a_package("Recording", "2", frequency=Frequency.DAILY, match=())
    held = assigned(daily, acme, TODAY - timedelta(50))
    run(TODAY)
    assert held.position.is_held and spans(acme, TODAY)[1] == TODAY


def test_the_same_as_before_has_no_lines(acme):
    run(TODAY)
    assert lines(acme) == []


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.slow
def test_in_any_history_the_lines_add_up_to_the_difference(session, seed):
    history = History(seed)
    for _ in range(30):
        history.act()
        begins = history.day - timedelta(days=history.spans.randint(0, 60))
        if history.spans.random() < 0.5:
            begins = begins.replace(day=1)
        through = begins + timedelta(days=history.spans.randint(0, 60))
        found = what_changed(history.customer, begins, through, history.day)
        if found is None:
            continue
        assert found.now == charged(found.begins, found.through)
        assert found.before == charged(found.before_begins, found.before_through)
        assert sum((line.amount for line in found.lines), Decimal(0)) == found.difference
        sizes = [abs(line.amount) for line in found.lines]
        assert sizes == sorted(sizes, reverse=True) and 0 not in sizes
        assert all(line.words for line in found.lines)


def charged(begins, through):
    """What charges and calls of those days come to with tax; a write-off, and what becomes of it, charges nothing."""
    rows = db.session.execute(
        text("SELECT amount + tax, charge_on FROM charge WHERE writes_off_id IS NULL").columns(charge_on=Date)
    ).all()
    rows += db.session.execute(
        text("SELECT -amount, for_day FROM balance_entry WHERE source = 'calls'").columns(for_day=Date)
    ).all()
    return sum((Decimal(int(total)) / 1_000_000 for total, on in rows if begins <= on <= through), Decimal(0))
