"""What was charged, by month, currency and package: the same as all charges added up, whoever posts meanwhile."""

import time
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, insert, select

from portal.extensions import db
from portal.models import Charge, ChargeMark, ChargeSum
from portal.services import marks
from portal.services.charges import by_hand, sums
from tests.trade import BEN, NOW, TODAY, a_customer, a_package, assigned, run

FIRST = date(2000, 1, 1)
SAME = {"today": TODAY, "by": BEN, "now": NOW}


def scanned(since=FIRST):
    """The same, from every charge."""
    found = {}
    for charge in db.session.scalars(select(Charge)):
        key = charge.charge_on.replace(day=1), charge.currency, charge.package_id or 0, charge.is_once
        before = found.get(key, sums.Sums())
        if key[0] >= since:
            found[key] = before.and_(sums.Sums(charge.amount, charge.cost, 1))
    return found


def fold():
    """Fold until nothing stands after the mark: on PostgreSQL it waits for whoever else is at work on the server."""
    for _ in range(600):
        sums.fold()
        if not sums.charged_since(FIRST).left:
            return
        db.session.rollback()
        time.sleep(0.05)
    raise AssertionError("Somebody on the server has been at work for half a minute.")


def by_hand_of(customer, amount, day=TODAY):
    """A charge made by hand."""
    asked = by_hand.ManualCharge(customer, day, Decimal(amount), Decimal(1), "A visit")
    return by_hand.charge_manually(asked, token=f"{amount} {day} {customer.id}", **SAME)


def test_a_month_has_its_charges_before_and_behind_the_mark(session):
    customer = a_customer()
    assigned(a_package(match=(1, 15)), customer, date(2026, 9, 1))
    run(date(2026, 10, 1))
    assert sums.charged_since(FIRST).sums == scanned() != {}
    fold()
    assert sums.charged_since(FIRST) == sums.Charged(scanned(), 0)
    run()
    by_hand.reverse(by_hand_of(customer, 10), "It was wrong.", **SAME)
    assert sums.charged_since(FIRST) == sums.Charged(scanned(), 5)
    since = date(2026, 11, 1)
    assert sums.charged_since(since).sums == scanned(since) != scanned()


def test_the_mark_moves_over_many_charges_a_part_at_a_time(session, monkeypatch):
    monkeypatch.setattr(marks, "AT_ONCE", 7)
    assigned(a_package(match=tuple(range(1, 29))), a_customer(), date(2026, 10, 20))
    run()
    fold()
    assert sums.charged_since(FIRST) == sums.Charged(scanned(), 0)
    fold()
    assert sums.charged_since(FIRST) == sums.Charged(scanned(), 0)


def test_ids_that_no_charge_has_are_passed_in_one_step(session):
    """Where customers are divided between servers, the ids of the second begin at a thousand million."""
    customer = a_customer()
    by_hand_of(customer, 1)
    session.flush()
    row = dict(session.execute(select(Charge.__table__)).mappings().one())
    session.execute(insert(Charge.__table__).values(row | {"id": row["id"] + 1_000_000_000, "token": "far"}))
    session.commit()
    commits = []
    event.listen(session(), "after_commit", commits.append)
    fold()
    assert sums.charged_since(FIRST) == sums.Charged(scanned(), 0)
    assert len(commits) < 1_000


ACTS = st.lists(st.sampled_from(("run", "charge", "discount", "reverse", "fold", "another")), max_size=14)


@given(acts=ACTS)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.slow
def test_whatever_happened_the_sums_are_those_of_a_scan(database, app, acts):
    database.clean()
    with app.app_context():
        customer, day, made = a_customer(), date(2026, 7, 1), []
        for place, act in enumerate(acts):
            if act == "another":
                currency = ("GBP", "EUR")[place % 2]
                package = a_package(f"{place}", currencies=("GBP", "EUR"), match=(1, 20), setup_retail="3")
                assigned(package, a_customer(f"{place}", currency), date(2026, 7, 1))
            elif act == "run":
                day = min(day + timedelta(days=25), TODAY)
                run(day)
            elif act == "reverse" and made:
                by_hand.reverse(made.pop(), "It was wrong.", **SAME)
            elif act == "fold":
                sums.fold()
            elif act in ("charge", "discount"):
                made.append(by_hand_of(customer, place + 1 if act == "charge" else -place - 1, day))
            assert sums.charged_since(FIRST).sums == scanned()
        fold()
        assert sums.charged_since(FIRST) == sums.Charged(scanned(), 0)


@pytest.mark.only_on("postgresql")
def test_a_charge_that_was_committed_late_is_not_passed_over(app):
    """Somebody takes an id, somebody else the next one and is done sooner: the mark waits for the first."""
    with app.app_context():
        early, late = a_customer("Early"), a_customer("Late")
        by_hand_of(late, 1)
        db.session.commit()
        fold()
        through = db.session.get_one(ChargeMark, 1).through_id
        db.session.rollback()
        with app.app_context():  # another session, another transaction
            by_hand_of(db.session.merge(early), 2)
            with app.app_context():
                by_hand_of(db.session.merge(late), 3)
                db.session.commit()
                for _ in range(3):
                    sums.fold()
                assert db.session.get_one(ChargeMark, 1).through_id == through
                assert sums.charged_since(FIRST).sums == scanned()
                db.session.rollback()
            db.session.commit()
        for _ in range(2):
            fold()
        assert sums.charged_since(FIRST) == sums.Charged(scanned(), 0)
        assert sum(db.session.scalars(select(ChargeSum.charges))) == 3


@pytest.mark.only_on("postgresql")
def test_while_somebody_moves_the_mark_nobody_waits_for_it(app):
    with app.app_context():
        by_hand_of(a_customer(), 1)
        db.session.commit()
        fold()
        db.session.scalars(select(ChargeMark).with_for_update()).one()
        with app.app_context():
            by_hand_of(a_customer("Other"), 2)
            db.session.commit()
            sums.fold()
            assert sums.charged_since(FIRST).left == 1
