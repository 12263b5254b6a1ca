"""What came off charges is the same whether it is kept added up or read row by row."""

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from random import Random

import pytest
from sqlalchemy import func, select

from portal.domain.due import Kind
from portal.extensions import db
from portal.models import (
    Allocation,
    AllocationMark,
    AllocationSource,
    AllocationSum,
    Charge,
    Payment,
    PaymentState,
)
from portal.services import credit
from portal.services.charges import sums
from portal.services.charges.write_off import move_due_day, write_off
from portal.services.credit import came_off as module
from portal.services.credit.came_off import by_source, came_off
from portal.services.credit.charged import posted_since
from portal.services.credit.items import open_items
from portal.services.credit.items import posted_since as scanned
from portal.services.credit.ledger import charge_ledger
from portal.services.credit.open_sums import open_sums
from portal.services.credit.putting import put, refreshed, standing, take_back
from portal.services.runs import runs, undoing
from tests.services.charges.test_sums import by_hand_of, fold
from tests.trade import BEN, NOW, TODAY, a_customer, a_package, assigned, run

FIRST, LAST = date(2026, 1, 1), date(2026, 12, 31)
SPANS = ((FIRST, LAST), (date(2026, 11, 1), TODAY), (date(2026, 10, 5), date(2026, 11, 21)))


@pytest.fixture(autouse=True)
def _keeps_everybody(monkeypatch):
    monkeypatch.setattr(module, "KEPT_FROM", 1)


def paid(customer, amount, day=TODAY):
    payment = Payment(
        token=f"{customer.id} {amount} {day}", customer=customer, state=PaymentState.COMPLETED, paid_on=day,
        amount=Decimal(amount), created_by=BEN, created_at=NOW, fee=Decimal(0), description="Bank transfer",
    )  # fmt: skip
    return credit.record_payment(payment, day, now=NOW)


@pytest.fixture
def acme(session):
    """A customer who paid, some of it before its day; a discount, a write-off, a payment released, a run undone."""
    customer = a_customer("Acme", tax_rate="20")
    for retail in ("31.17", "12"):
        assigned(a_package(f"Line {retail}", retail, cost="1", match=(1, 15)), customer, date(2026, 10, 1))
    run(date(2026, 11, 1))
    paid(customer, 100, date(2026, 11, 3))
    by_hand_of(customer, -7, date(2026, 10, 20))
    later = by_hand_of(customer, 12)
    early = paid(customer, 30)
    credit.release(early, TODAY, by=BEN, now=NOW)
    credit.allocate(early, {later.id: Decimal(5)}, today=TODAY - timedelta(days=3), by=BEN, now=NOW)
    write_off(by_hand_of(customer, 5), "Gone.", today=TODAY, by=BEN, now=NOW)
    wrong = runs.start(TODAY, simulate=False, today=TODAY, by=BEN, now=NOW)
    session.commit()
    runs.carry_out(wrong.id, TODAY, lambda: NOW)
    paid(customer, 45)
    undo = undoing.start_undoing(wrong, "Wrong", by=BEN, now=NOW)
    session.commit()
    undoing.carry_out_undoing(undo.id, TODAY, lambda: NOW)
    sources = set(db.session.scalars(select(Allocation.source)))
    assert {AllocationSource.PAYMENT, AllocationSource.DISCOUNT, AllocationSource.WRITE_OFF} <= sources
    assert db.session.scalar(select(func.count()).where(Allocation.released_on.is_not(None)))
    return customer


def said(customer, begins, through):
    found = defaultdict(Decimal)
    for row in came_off(customer.id, begins, through):
        found[row.on, row.source, row.payment_id, row.by_charge_id, row.label] += row.amount
    return {key: amount for key, amount in found.items() if amount}


def read(customer, begins, through):
    """The same, from every allocation."""
    found = defaultdict(Decimal)
    for row in db.session.scalars(select(Allocation).where(Allocation.customer_id == customer.id)):
        assert row.charge.total > 0
        for on, sign in ((row.made_on, -1), (row.released_on, 1)):
            day = on and max(on, row.charge.charge_on)
            if day and begins <= day <= through:
                found[day, row.source, row.payment_id, row.by_charge_id, row.charge.label] += (
                    sign * row.amount
                )
    return {key: amount for key, amount in found.items() if amount}


def read_by_source(customer, begins, through):
    found = defaultdict(Decimal)
    for row in db.session.scalars(select(Allocation).where(Allocation.customer_id == customer.id)):
        if row.source == AllocationSource.CREDIT and Kind.UNDO in (row.charge.kind, row.by_charge.kind):
            continue
        for on, sign in ((row.made_on, 1), (row.released_on, -1)):
            if on and begins <= on <= through:
                found[row.source] += sign * row.amount
    return dict(found)


def agree(customer):
    for span in SPANS:
        assert said(customer, *span) == read(customer, *span)
        assert by_source(customer.id, *span) == read_by_source(customer, *span)
    assert said(customer, FIRST, LAST)


def kept():
    return db.session.scalar(select(func.sum(AllocationSum.amount))) or 0


def test_what_is_kept_is_what_a_scan_says_before_and_behind_the_mark(acme):
    agree(acme)
    ledgers = [charge_ledger(acme.id, *span) for span in SPANS]
    assert not kept()
    fold()
    assert kept() == db.session.scalar(select(func.sum(Allocation.amount)))
    agree(acme)
    assert [charge_ledger(acme.id, *span) for span in SPANS] == ledgers
    by_hand_of(acme, 9)
    late = paid(acme, 4)
    agree(acme)
    sums.fold()
    credit.release(late, TODAY, by=BEN, now=NOW)
    agree(acme)
    fold()
    agree(acme)


def test_only_off_whose_charges_very_much_came_is_kept_and_whoever_is_later_with_all_of_it(acme, monkeypatch):
    few = a_customer("Few")
    by_hand_of(few, 1)
    paid(few, 1)
    monkeypatch.setattr(module, "KEPT_FROM", 3)
    fold()
    assert set(db.session.scalars(select(AllocationSum.customer_id))) == {acme.id}
    agree(few)
    for amount in (2, 3, 4):
        by_hand_of(few, amount)
        paid(few, amount)
    fold()
    assert set(db.session.scalars(select(AllocationSum.customer_id))) == {acme.id, few.id}
    agree(few)
    agree(acme)


def test_the_mark_stands_at_the_last_of_them(acme):
    fold()
    assert db.session.get_one(AllocationMark, 1).through_id == db.session.scalar(
        select(func.max(Allocation.id))
    )


def test_the_lines_that_a_page_shows_are_the_first_of_all_of_them(acme):
    fold()
    whole = charge_ledger(acme.id, FIRST, LAST)
    some = charge_ledger(acme.id, FIRST, LAST, 3)
    assert some.lines == whole.lines[:3]
    assert (some.opening, some.rest_count) == (whole.opening, len(whole.lines) - 3)
    assert some.rest == sum(line.amount for line in whole.lines[3:])


def test_what_was_posted_late_is_the_same_where_charges_are_kept(acme, monkeypatch):
    monkeypatch.setattr("portal.services.credit.charged.KEPT_FROM", 1)
    days = [TODAY - timedelta(days=n) for n in (-12, 0, 1, 20, 40)]
    before = [scanned(day, Charge.customer_id == acme.id) for day in days]
    assert any(before)
    assert [posted_since(acme.id, day) for day in days] == before
    fold()
    assert [posted_since(acme.id, day) for day in days] == before
    by_hand_of(acme, 8, date(2026, 10, 9))
    before = [scanned(day, Charge.customer_id == acme.id) for day in days]
    assert [posted_since(acme.id, day) for day in days] == before


def opened(customer, day):
    """What was open on a day by due day, and credit to use, from each charge."""
    by_day, credit_to_use = defaultdict(Decimal), Decimal(0)
    for item in open_items(customer.id, day):
        by_day[item.due_on] += max(item.left, Decimal(0))
        credit_to_use += max(-item.left, Decimal(0))
    return {on: left for on, left in by_day.items() if left}, credit_to_use


def open_on_all_days(customer):
    for back in range(-3, 45):
        day = TODAY - timedelta(days=back)
        assert open_sums(customer.id, day) == opened(customer, day)


def test_what_was_open_at_the_end_of_a_day_is_added_up_as_it_is_listed(acme):
    open_on_all_days(acme)
    fold()
    open_on_all_days(acme)


@pytest.mark.parametrize("seed", range(5))
def test_what_was_open_is_so_whatever_was_put_taken_back_or_moved_on_whichever_day(
    session, monkeypatch, seed
):
    monkeypatch.setattr("portal.services.credit.charged.KEPT_FROM", 1)
    random, acme, act = Random(seed), a_customer("Acme"), credit.Act(TODAY, BEN, NOW)

    def some_day():
        return TODAY - timedelta(days=random.randint(0, 30))

    for _ in range(3):
        for most in (40, -4, 40, 40, -3, 40):
            by_hand_of(acme, Decimal(random.randint(10, 99) * most) / 100, some_day())
        for _ in range(6):
            found = open_items(acme.id)
            item = random.choice([item for item in found if item.left > 0])
            discount = random.choice([None, *(item for item in found if item.left < 0)])
            most = min(item.left, -discount.left) if discount else item.left
            source = AllocationSource.DISCOUNT if discount else AllocationSource.BALANCE
            amount = random.choice((most, (most / 2).quantize(Decimal("0.01"), "ROUND_UP")))
            by = discount and discount.charge
            refreshed([put(item.charge, amount, source, act, by_charge=by, made_on=some_day())])
        for row in random.sample(standing(Allocation.customer_id == acme.id), 3):
            take_back(row, row.amount, act, on=some_day())
            refreshed([row])
        for item in random.sample([item for item in open_items(acme.id) if item.left > 0], 2):
            move_due_day(item.charge, item.due_on + timedelta(3), "Asked.", today=some_day(), by=BEN, now=NOW)
        open_on_all_days(acme)
        fold()
        open_on_all_days(acme)
    by_hand_of(acme, -2_000, some_day())
    assert open_sums(acme.id)[1] > 0
    open_on_all_days(acme)
