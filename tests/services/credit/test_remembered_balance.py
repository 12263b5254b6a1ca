"""A balance of very many entries is remembered, and told as it is now, whatever was entered and by whom."""

import random
from decimal import Decimal

import pytest
from flask import current_app
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import database as databases
from portal.extensions import db
from portal.models import BalanceEntry, EntrySource
from portal.services.credit import balance as module
from portal.services.customers.glance import glance
from tests.trade import BEN, NOW, TODAY, a_customer

ACT = module.Act(TODAY, BEN, NOW)


@pytest.fixture
def two(database, app, monkeypatch):
    database.clean()
    monkeypatch.setattr(module, "VERY_MANY", 3)
    monkeypatch.setattr(module, "FEW", 4)
    monkeypatch.setattr("portal.services.customers.glance.has_many", lambda _id: True)
    with app.app_context():
        current_app.extensions.pop("portal.balances", None)
        found = [a_customer(name) for name in ("Acme", "Globex")]
        db.session.commit()
        yield found


def enter(customer, amount, into=None):
    if into is None:
        module.enter(customer.id, EntrySource.ADJUSTMENT, Decimal(amount), TODAY, ACT, "Said so")
        db.session.flush()
        return
    into.add(
        BalanceEntry(
            customer_id=customer.id, source=EntrySource.ADJUSTMENT, made_on=TODAY, for_day=TODAY,
            amount=Decimal(amount), reason="Said so", made_by=BEN, made_at=NOW,
        )
    )  # fmt: skip
    into.flush()


def read(customer):
    """What a request that only reads is told, on either way."""
    db.session.commit()
    with databases.reading():
        found = {module.balance_of(customer.id), glance(customer, TODAY).balance}
        db.session.rollback()
    assert len(found) == 1
    return found.pop()


def there_is(customer):
    amount = func.coalesce(func.sum(BalanceEntry.amount), 0)
    return db.session.scalar(select(amount).where(BalanceEntry.customer_id == customer.id))


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_entered_the_balance_is_the_sum_of_all_entries(two, seed):
    chosen, remembered = random.Random(seed), 0
    for _ in range(25):
        for _ in range(chosen.choice((0, 1, 1, 3, 6))):
            enter(chosen.choice(two), chosen.choice((-7, -1, 2, 5)))
        if chosen.random() < 0.3:
            db.session.commit()
            enter(chosen.choice(two), 1_000)
            db.session.rollback()
        for customer in two:
            assert read(customer) == there_is(customer)
            remembered += module._kept().get(customer.id) is not None
    # PostgreSQL remembers only while nobody writes into any of its databases, as another test may.
    assert remembered > 20 or db.engine.dialect.name == "postgresql"


def test_an_entry_with_a_lower_id_that_is_committed_later_is_not_passed(two, database):
    """On SQLite there is no such entry: one writes after the other."""
    if db.engine.dialect.name != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    acme, globex = two
    with Session(db.engine) as other:
        enter(acme, 100, into=other)
        for _ in range(4):
            enter(acme, 1)
        assert read(acme) == 4
        assert acme.id not in module._kept()
        other.commit()
    assert read(acme) == 104
    enter(globex, 5)
    enter(acme, 5)
    assert read(acme) == 109


def test_whoever_writes_is_told_what_was_entered_just_now(two):
    acme, _ = two
    for _ in range(4):
        enter(acme, 1)
    assert read(acme) == 4
    enter(acme, 10)
    assert module.balance_of(acme.id) == 14
    db.session.rollback()
    assert read(acme) == 4
