"""On PostgreSQL one process posts two shards of a run at a time, and comes to what it would have posted by itself."""

from datetime import date, datetime
from threading import Barrier, get_ident

import pytest
from sqlalchemy import func, select

from portal.domain.errors import RuleBroken
from portal.extensions import db
from portal.models import Charge, Run, RunShard, RunState
from portal.services.runs import pairs, runs, shards
from tests.trade import BEN, NOW, TODAY, a_customer, a_package, assigned

NOVEMBER = date(2026, 11, 1)
CUSTOMERS, EACH = 6, 3
LONG = 20  # seconds after which nobody comes any more


@pytest.fixture
def trade(session, monkeypatch):
    """Customers with a shard each, in which several assignments are due."""
    monkeypatch.setattr(shards, "SHARD", 1)
    monkeypatch.setattr(shards, "ALONE", 1)
    trunk = a_package(setup_retail="25")
    for number in range(CUSTOMERS):
        customer = a_customer(f"Acme {number}")
        for _ in range(EACH):
            assigned(trunk, customer, NOVEMBER)
    run = runs.start(TODAY, simulate=False, today=TODAY, by=BEN, now=NOW)
    db.session.commit()
    return run.id


def clock() -> datetime:
    return NOW


def posted() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count(Charge.id)))


ALL = CUSTOMERS * EACH * 2  # a month and its setup each


@pytest.mark.only_on("postgresql")
def test_two_shards_are_posted_at_the_same_moment(trade):
    both, met = Barrier(2, timeout=LONG), set()

    def meet() -> datetime:
        if get_ident() not in met:
            met.add(get_ident())
            both.wait()
        return NOW

    def begun(number, pause):
        meet()
        shards.post(trade, number, TODAY, clock, 1, pause)

    numbers = runs.begin(db.session.get_one(Run, trade), TODAY, clock)
    db.session.commit()
    pairs.post_all(numbers, begun, bool)
    assert len(met) == 2 and posted() == ALL


def test_two_at_a_time_post_each_charge_once(trade):
    done = runs.carry_out(trade, TODAY, clock, most=1)
    assert (done.state, done.charge_count, done.done_count) == (RunState.DONE, ALL, CUSTOMERS * EACH)
    assert posted() == ALL
    once = select(Charge.assignment_id, Charge.kind, Charge.period_from).distinct()
    assert len(db.session.execute(once).all()) == ALL
    assert db.session.scalar(select(func.count()).select_from(RunShard).where(~RunShard.is_done)) == 0


@pytest.mark.parametrize("whose", ["the first chunk's", "a later chunk's"])
def test_what_one_half_raises_ends_both_and_the_run_goes_on_from_there(trade, whose):
    least, chunks = {"the first chunk's": 1, "a later chunk's": 4}[whose], []

    def fail():
        chunks.append(1)
        if len(chunks) >= least:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        runs.carry_out(trade, TODAY, clock, most=1, between=fail)
    assert 2 * least <= posted() <= 2 * least + 2, "the other half has only ended the chunk it had in hand"
    assert runs.carry_out(trade, TODAY, clock, most=1).charge_count == ALL
    assert posted() == ALL


def test_whoever_stops_a_run_stops_both_halves(trade):
    def somebody_stops():
        try:
            runs.stop(db.session.get_one(Run, trade), NOW)
        except RuleBroken:
            db.session.rollback()  # the other half has
        db.session.commit()

    stopped = runs.carry_out(trade, TODAY, clock, most=1, between=somebody_stops)
    assert stopped.state == RunState.STOPPED and 2 <= posted() <= 4
    assert runs.take_up(db.session.get_one(Run, trade), NOW)
    db.session.commit()
    assert runs.carry_out(trade, TODAY, clock, most=1).state == RunState.DONE
    assert posted() == ALL
