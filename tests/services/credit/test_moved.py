"""What a balance has moved by is the same whether it is kept added up or read entry by entry."""

import time
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from portal.extensions import db
from portal.models import BalanceEntry, BalanceMark, BalanceSum, Customer, EntrySource
from portal.services.charges import sums
from portal.services.credit import Act, balances
from portal.services.credit import moved as module
from portal.services.credit.balance import balance_of, enter, moved_since
from portal.services.customers.glance import glance
from tests.trade import BEN, NOW, TODAY, a_customer

DAYS = [TODAY + timedelta(days=n) for n in range(-6, 3)]


@pytest.fixture(autouse=True)
def _keeps_everybody(monkeypatch):
    monkeypatch.setattr(module, "KEPT_FROM", 1)


@pytest.fixture
def acme(session):
    customer = a_customer("Acme")
    for amount, day in ((100, DAYS[0]), (-30, DAYS[1]), ("-0.000001", DAYS[1]), (12, DAYS[4])):
        entered(customer, amount, day)
    return customer


def entered(customer, amount, day=TODAY):
    enter(customer.id, EntrySource.ADJUSTMENT, Decimal(amount), day, Act(day, BEN, NOW))
    db.session.commit()


def entries(customer):
    query = select(BalanceEntry.made_on, BalanceEntry.amount).where(BalanceEntry.customer_id == customer.id)
    return [(day, amount) for day, amount in db.session.execute(query)]


def agree(customer):
    """Everything that says how a balance stands says what the entries say."""
    made = entries(customer)
    now = sum(amount for _, amount in made)
    assert balance_of(customer.id) == balances([customer.id]).get(customer.id, 0) == now
    assert balances([customer.id], below_zero=True) == ({customer.id: now} if now < 0 else {})
    assert glance(customer, TODAY).balance == now
    for day in DAYS:
        then = sum(amount for on, amount in made if on < day)
        assert balance_of(customer.id, day) == then
        assert moved_since(customer.id, day) == now - then
        assert balances([customer.id], through=day - timedelta(days=1)).get(customer.id, 0) == then


def fold():
    """Until the mark stands at the last entry: on PostgreSQL it waits for whoever else is at work on the server."""
    last = db.session.scalar(select(func.max(BalanceEntry.id)))
    for _ in range(600):
        sums.fold()
        if db.session.scalar(select(BalanceMark.through_id)) == last:
            return
        db.session.rollback()
        time.sleep(0.05)
    raise AssertionError("Somebody on the server has been at work for half a minute.")


def kept():
    return db.session.scalar(select(func.sum(BalanceSum.amount))) or 0


@pytest.mark.parametrize("few", [0, 2, 2_000])
def test_what_is_kept_is_what_a_scan_says_before_and_behind_the_mark(acme, few, monkeypatch):
    monkeypatch.setattr(module, "FEW", few)
    agree(acme)
    assert not kept()
    fold()
    assert kept() == sum(amount for _, amount in entries(acme))
    agree(acme)
    entered(acme, -500)
    agree(acme)
    entered(acme, 7, DAYS[2])  # a clock that was put back: not behind all that was kept
    entered(a_customer("Other"), 3, DAYS[0])
    agree(acme)
    fold()
    agree(acme)
    assert kept() == sum(
        amount for customer in db.session.scalars(select(Customer)) for _, amount in entries(customer)
    )


def test_only_who_has_very_many_entries_is_kept_and_whoever_is_later_with_all_of_them(acme, monkeypatch):
    few = a_customer("Few")
    entered(few, 1)
    monkeypatch.setattr(module, "KEPT_FROM", 3)
    fold()
    assert set(db.session.scalars(select(BalanceSum.customer_id))) == {acme.id}
    agree(few)
    for amount in (2, 3, -4):
        entered(few, amount, date(2026, 11, 20))
    fold()
    assert set(db.session.scalars(select(BalanceSum.customer_id))) == {acme.id, few.id}
    agree(few)
    agree(acme)
    entered(acme, -500)
    entered(a_customer("Other"), 3)
    everybody = list(db.session.scalars(select(Customer.id)))
    for through in (None, *DAYS):
        alone = {id: of for one in everybody for id, of in balances([one], through=through).items()}
        assert balances(everybody, through=through) == alone


def test_what_an_act_has_entered_itself_is_in_its_balance(acme):
    fold()
    enter(acme.id, EntrySource.ADJUSTMENT, Decimal(-9), TODAY, Act(TODAY, BEN, NOW))
    agree(acme)
    db.session.rollback()
    agree(acme)
