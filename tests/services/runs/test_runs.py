"""A run posts what its simulation showed, says what has changed since, and goes on where it stopped."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, insert, select, update

from portal.domain.errors import RuleBroken
from portal.domain.terms import Proration
from portal.extensions import db
from portal.models import (
    AssignmentPosition,
    Charge,
    Outcome,
    Run,
    RunException,
    RunShard,
    RunState,
    SimulatedCharge,
)
from portal.services.billing import planning
from portal.services.billing.posting import CHARGE
from portal.services.runs import reports, runs, shards
from tests.trade import BEN, NOW, TODAY, a_customer, a_package, assigned

pytestmark = pytest.mark.usefixtures("session")

NOVEMBER = date(2026, 11, 1)
SAID = (
    "assignment_id",
    "kind",
    "charge_on",
    "period_from",
    "period_until",
    "number",
    "amount",
    "cost",
    "tax",
)


def clock() -> datetime:
    return NOW


def a_run(through: date = TODAY, *, simulate: bool = False, **more: object) -> Run:
    """A run, carried out."""
    run = runs.start(through, simulate=simulate, today=TODAY, by=BEN, now=NOW, **more)
    db.session.commit()
    return runs.carry_out(run.id, TODAY, clock)


def lines(model: type, run: Run) -> list[tuple]:
    rows = db.session.scalars(select(model).where(model.run_id == run.id).order_by(model.id))
    return [tuple(getattr(row, name) for name in SAID) for row in rows]


@pytest.fixture
def trade(session):
    """Two customers with an assignment each, due since the first of November."""
    trunk = a_package(currencies=("GBP", "USD"), setup_retail="25")
    return [
        assigned(trunk, a_customer("Acme"), NOVEMBER),
        assigned(trunk, a_customer("Globex", "USD"), NOVEMBER, quantity=2),
    ]


def test_a_run_posts_what_its_simulation_showed(trade):
    simulation = a_run(simulate=True)
    assert db.session.scalar(select(func.count(Charge.id))) == 0
    shown = lines(SimulatedCharge, simulation)
    posting = a_run(simulation_id=simulation.id, seen=simulation.fingerprint)
    assert posting.state == RunState.DONE
    assert lines(Charge, posting) == shown
    assert len(shown) == posting.charge_count == 4


def test_the_report_keeps_the_totals_of_each_currency(trade):
    run = a_run()
    totals = reports.totals_of([run])[run.id]
    assert {c: (t.amount, t.cost, t.tax, t.count) for c, t in totals.items()} == {
        "GBP": (Decimal("49.50"), Decimal(10), Decimal("9.90"), 2),
        "USD": (Decimal(99), Decimal(20), Decimal("19.80"), 2),
    }


def test_a_second_run_finds_nothing_left_to_post(trade):
    a_run()
    again = a_run()
    assert (again.charge_count, again.due_count) == (0, 0)


def test_a_run_for_one_customer_leaves_the_others_alone(trade):
    run = a_run(customer_id=trade[0].customer_id)
    assert {row[0] for row in lines(Charge, run)} == {trade[0].id}


def test_a_day_after_today_is_simulated_but_not_posted(trade):
    tomorrow = TODAY + timedelta(days=1)
    with pytest.raises(RuleBroken) as refusal:
        a_run(tomorrow)
    assert "22 November 2026" in refusal.value.sentence
    assert refusal.value.way_out.endpoint == "runs.new"
    assert a_run(tomorrow, simulate=True).charge_count == 4


def test_what_changed_since_a_simulation_is_told_before_anything_is_posted(trade):
    simulation, gone_id = a_run(simulate=True), trade[0].id
    added = assigned(a_package("Seat", "7.50", match=(22,)), trade[0].customer, TODAY)
    trade[1].quantities[0].quantity = 3
    db.session.delete(trade[0])
    db.session.commit()
    with pytest.raises(runs.PreviewOutdated) as outdated:
        runs.check_unchanged(simulation, simulation.fingerprint, TODAY)
    found = outdated.value.differences
    told = {(d.line.assignment_id, d.line.kind.value): (d.was, d.now) for d in found.first}
    assert (found.count, len(told)) == (5, 5)
    new, more, gone = told[added.id, "recurring"], told[trade[1].id, "recurring"], told[gone_id, "setup"]
    assert new[0] is None
    assert (more[0].amount, more[1].amount) == (Decimal(49), Decimal("73.50"))
    assert gone[1] is None
    assert "Nothing has been posted yet" in outdated.value.sentence
    assert runs.check_unchanged(simulation, found.fingerprint, TODAY).charge_count == found.charge_count


def test_a_run_whose_simulation_is_out_of_date_is_refused_and_keeps_the_differences(trade):
    simulation = a_run(simulate=True)
    added = assigned(a_package("Seat", "7.50"), trade[0].customer, NOVEMBER)
    db.session.commit()
    refused = a_run(simulation_id=simulation.id, seen=simulation.fingerprint)
    assert (refused.state, refused.charge_count) == (RunState.REFUSED, 0)
    kept = reports.exceptions_of(refused, Outcome.CHANGED)
    assert [(e.assignment_id, e.sentence) for e in kept] == [(added.id, "1 November 2026: 7.50 GBP is new.")]
    posted = a_run(simulation_id=simulation.id, seen=refused.fingerprint)
    assert (posted.state, posted.charge_count) == (RunState.DONE, 5)


def test_more_than_forty_old_lines_are_held_and_everything_else_is_posted(trade):
    old = assigned(a_package("Line", "5"), trade[0].customer, date(2022, 1, 1))
    run = a_run()
    assert (run.held_count, run.charge_count) == (1, 4)
    (exception,) = reports.exceptions_of(run, Outcome.HELD)
    assert exception.assignment_id == old.id
    assert "1 January 2022" in exception.sentence
    assert db.session.get_one(AssignmentPosition, old.id).held_lines == 59


def stand_in_the_way(assignment):
    """Something that the position does not know of was posted for the period that is due."""
    nothing = dict.fromkeys(("unit_price", "unit_cost", "amount", "cost", "tax_rate", "tax"), 0)
    db.session.execute(
        insert(CHARGE).values(
            customer_id=assignment.customer_id, assignment_id=assignment.id, package_id=assignment.package_id,
            kind="recurring", charge_on=NOVEMBER, period_from=NOVEMBER, period_until=date(2026, 12, 1),
            number=0, quantity=1, days=1, whole_days=1, currency="GBP", label="x", did_number="",
            auto_decrement_credit=False, reason="", posted_by="", posted_at=NOW, **nothing,
        )
    )  # fmt: skip


def test_a_conflict_fails_that_assignment_alone_and_is_reported(trade):
    stand_in_the_way(trade[0])
    run = a_run()
    assert (run.failed_count, run.charge_count) == (1, 2)
    (exception,) = reports.exceptions_of(run, Outcome.FAILED)
    assert exception.assignment_id == trade[0].id
    assert "None of its charges was posted" in exception.sentence
    totals = reports.totals_of([run])[run.id]
    assert set(totals) == {"USD"}


def interrupted(run_id: int) -> Run:
    """The run as it stands if nothing was heard of it for two minutes."""
    run = db.session.get_one(Run, run_id)
    run.state, run.finished_at = RunState.RUNNING, None
    run.heartbeat_at = NOW - timedelta(minutes=2)
    db.session.commit()
    return run


def test_an_interrupted_run_goes_on_where_it_stopped(trade, monkeypatch):
    run = runs.start(TODAY, simulate=False, today=TODAY, by=BEN, now=NOW)
    db.session.commit()
    stored, stop = shards.store, iter([False, True])

    def store(*asked):
        if next(stop):
            raise KeyboardInterrupt
        return stored(*asked)

    monkeypatch.setattr(shards, "store", store)
    with pytest.raises(KeyboardInterrupt):
        runs.carry_out(run.id, TODAY, clock, most=1)
    db.session.rollback()
    monkeypatch.undo()
    run = interrupted(run.id)
    assert (run.done_count, run.charge_count, runs.is_interrupted(run, NOW)) == (1, 2, True)
    assert runs.take_up(run, NOW)
    db.session.commit()
    run = runs.carry_out(run.id, TODAY, clock)
    assert (run.state, run.done_count, run.due_count, run.charge_count) == (RunState.DONE, 2, 2, 4)
    assert reports.totals_of([run])[run.id]["USD"].count == 2


def test_an_interrupted_run_is_taken_up_once(trade):
    run = interrupted(a_run().id)
    db.session.refresh(run)
    db.session.expunge(run)
    assert runs.take_up(run, NOW)
    assert not runs.take_up(run, NOW)


def test_an_interrupted_simulation_is_written_again(trade):
    simulation = a_run(simulate=True)
    before, fingerprint = lines(SimulatedCharge, simulation), simulation.fingerprint
    interrupted(simulation.id)
    again = runs.carry_out(simulation.id, TODAY, clock)
    assert lines(SimulatedCharge, again) == before
    assert (again.fingerprint, again.charge_count, again.done_count) == (fingerprint, 4, 2)
    assert reports.totals_of([again])[again.id]["GBP"].count == 2


def test_a_simulation_does_not_depend_on_its_chunks(trade):
    whole = a_run(simulate=True)
    run = runs.start(TODAY, simulate=True, today=TODAY, by=BEN, now=NOW)
    db.session.commit()
    assert runs.carry_out(run.id, TODAY, clock, most=1).fingerprint == whole.fingerprint


def test_the_list_of_runs_is_newest_first_and_paged(trade):
    made = [a_run(simulate=True).id for _ in range(3)]
    assert [run.id for run in reports.run_page(None, None).rows] == made[::-1]
    assert reports.run_page(None, None, simulate=False).total == 0


def test_how_long_a_run_still_takes_follows_from_what_it_has_done_since_it_goes_on():
    run = Run(
        done_count=75, going_from=50, due_count=150, started_at=NOW - timedelta(days=1), going_since=NOW
    )
    soon = NOW + timedelta(seconds=10)
    assert (reports.rate(run, soon), reports.left(run, soon)) == (2.5, timedelta(seconds=30))
    not_begun = Run(done_count=0, going_from=0, due_count=100, started_at=NOW)
    assert (reports.rate(not_begun, soon), reports.left(not_begun, soon)) == (None, None)


def test_a_run_is_stopped_behind_a_chunk_and_continued_by_whoever_asks(trade):
    run = runs.start(TODAY, simulate=False, today=TODAY, by=BEN, now=NOW)
    db.session.commit()

    def somebody_stops():
        runs.stop(db.session.get_one(Run, run.id), NOW)
        db.session.commit()

    stopped = runs.carry_out(run.id, TODAY, clock, most=1, between=somebody_stops)
    assert (stopped.state, stopped.done_count, stopped.charge_count) == (RunState.STOPPED, 1, 2)
    with pytest.raises(RuleBroken, match="not going on"):
        runs.stop(stopped, NOW)
    db.session.rollback()
    assert runs.carry_out(run.id, TODAY, clock).done_count == 1, "it goes on only when somebody says so"
    assert runs.take_up(stopped, NOW)
    db.session.commit()
    done = runs.carry_out(run.id, TODAY, clock)
    assert (done.state, done.done_count, done.charge_count) == (RunState.DONE, 2, 4)


def test_what_ends_a_run_between_two_chunks_loses_nothing(trade):
    run = runs.start(TODAY, simulate=False, today=TODAY, by=BEN, now=NOW)
    db.session.commit()
    with pytest.raises(KeyboardInterrupt):
        runs.carry_out(run.id, TODAY, clock, most=1, between=lambda: raise_(KeyboardInterrupt))
    assert db.session.get_one(Run, run.id).charge_count == 2
    assert runs.carry_out(run.id, TODAY, clock).charge_count == 4


def raise_(error):
    raise error


def test_a_run_is_divided_by_its_customers_and_every_one_is_in_one_shard(trade, monkeypatch):
    monkeypatch.setattr(shards, "SHARD", 1)
    monkeypatch.setattr(shards, "ALONE", 1)
    run = runs.start(TODAY, simulate=False, today=TODAY, by=BEN, now=NOW)
    numbers = runs.begin(run, TODAY, clock)
    db.session.commit()
    made = db.session.scalars(select(RunShard).order_by(RunShard.number)).all()
    assert numbers == [0, 1] == [shard.number for shard in made]
    assert [shard.due_count for shard in made] == [1, 1]
    bounds = [(shard.customers_from, shard.customers_until) for shard in made]
    assert bounds[0][0] is None and bounds[0][1] == bounds[1][0] and bounds[1][1] is None
    shards.post(run.id, 1, TODAY, clock, 500)
    shards.finish_if_all(run.id, TODAY, clock)
    assert (run.state, run.charge_count) == (RunState.RUNNING, 2)
    shards.post(run.id, 0, TODAY, clock, 500)
    shards.finish_if_all(run.id, TODAY, clock)
    db.session.refresh(run)
    assert (run.state, run.done_count, run.charge_count) == (RunState.DONE, 2, 4)


def test_a_shard_that_is_done_twice_reports_what_was_held_once(trade, monkeypatch):
    """Whoever is killed between its last chunk and saying so has it done again by somebody else."""
    monkeypatch.setattr(planning, "HELD_ABOVE", 0)
    run = runs.start(TODAY, simulate=False, today=TODAY, by=BEN, now=NOW)
    runs.begin(run, TODAY, clock)
    db.session.commit()
    held = []
    for _ in range(2):
        shards.post(run.id, 0, TODAY, clock, 500)
        db.session.execute(update(RunShard).values(is_done=False))
        db.session.refresh(run)
        held.append((run.held_count, len(reports.exceptions_of(run, Outcome.HELD))))
    assert held[0] == held[1] and held[0][0] == held[0][1] > 0


def test_a_minimum_spend_whose_period_runs_is_marked_in_a_simulation(session):
    assigned(
        a_package("Commitment", "50", minimum_spend=True, proration=Proration.DAILY), a_customer(), NOVEMBER
    )
    simulation = a_run(date(2026, 12, 31), simulate=True)
    (line,) = db.session.scalars(select(SimulatedCharge).where(SimulatedCharge.run_id == simulation.id))
    assert (line.charge_on, line.amount, line.provisional) == (date(2026, 12, 1), Decimal(50), True)
    assert db.session.scalar(select(func.count(RunException.id))) == 0
