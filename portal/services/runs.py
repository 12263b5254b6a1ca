"""Runs: simulate or post all that is due, chunk by chunk, each run with its report.

The one service that commits: a chunk is a transaction, so that a run that is killed anywhere loses nothing
and goes on when it is started again.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.exc import OperationalError

from portal.domain.errors import RuleBroken, WayOut
from portal.domain.schedule import FIRST_DAY, LAST_DAY
from portal.extensions import db
from portal.models import Charge, Outcome, Run, RunException, RunState, SimulatedCharge
from portal.services.planning import CHUNK, Fingerprint, PlannedCharge, Totals, chunks, due_ids, work_out
from portal.services.posting import Posting, SomebodyWasHere, post_chunk, raw_table

Clock = Callable[[], datetime]
SIMULATED = raw_table(SimulatedCharge)
# A run whose heartbeat is older than this was interrupted.
SILENT_FOR = timedelta(seconds=60)
TRIES = 20
DIFFERENCES_SHOWN = 200


class PreviewOutdated(RuleBroken):
    """What would be posted is no longer what the simulation showed."""

    def __init__(self, sentence: str, differences: "Differences") -> None:
        super().__init__(sentence)
        self.differences = differences


def start(
    through: date,
    *,
    simulate: bool,
    today: date,
    by: str,
    now: datetime,
    customer_id: int | None = None,
    simulation_id: int | None = None,
) -> Run:
    """A new run, with nothing done yet. RuleBroken for posting a day after today."""
    if not FIRST_DAY <= through <= LAST_DAY:
        raise RuleBroken(f"Dates lie between {FIRST_DAY.year} and {LAST_DAY.year}.")
    if not simulate and through > today:
        raise RuleBroken(
            f"Charges are not posted before their day: {through.isoformat()} is after today, {today.isoformat()}. "
            "Simulate that day instead.",
            WayOut(
                "Simulate instead", "runs.new", {"through": through.isoformat(), "customer_id": customer_id}
            ),
        )
    run = Run(
        simulate=simulate,
        customer_id=customer_id,
        through=through,
        simulation_id=simulation_id,
        started_by=by,
        started_at=now,
        heartbeat_at=now,
        due_count=len(due_ids(through, customer_id)),
    )
    db.session.add(run)
    db.session.flush()
    return run


def carry_out(run_id: int, today: date, clock: Clock, chunk: int = CHUNK) -> Run:
    """Do a run to its end, committing each chunk; started again, it goes on where it stopped."""
    run = db.session.get_one(Run, run_id)
    ids = due_ids(run.through, run.customer_id)
    if run.simulate:
        _simulate(run, ids, today, clock, chunk)
    else:
        _post(run, ids, today, clock, chunk)
    run = db.session.get_one(Run, run_id)
    run.state, run.finished_at = RunState.DONE, clock()
    db.session.commit()
    return run


def is_interrupted(run: Run, now: datetime) -> bool:
    """Whether it stopped without being done."""
    return run.state == RunState.RUNNING and now - run.heartbeat_at > SILENT_FOR


def _post(run: Run, ids: list[int], today: date, clock: Clock, size: int) -> None:
    run_id, through, by = run.id, run.through, run.started_by
    _forget_exceptions(run)
    db.session.commit()
    for chunk in chunks(ids, size):
        posting = _post_again_and_again(chunk, through, today, run_id, by, clock)
        _report(run_id, posting, len(chunk), clock())
        db.session.commit()
        db.session.expunge_all()


def _post_again_and_again(
    chunk: Sequence[int], through: date, today: date, run_id: int, by: str, clock: Clock
) -> Posting:
    """Post a chunk; where somebody else was at work on it, read it again."""
    for attempt in range(TRIES):
        try:
            return post_chunk(chunk, through, today, run_id, by, clock())
        except (SomebodyWasHere, OperationalError):
            db.session.rollback()
            if attempt + 1 == TRIES:
                raise
    raise AssertionError("unreachable")


def _report(run_id: int, posting: Posting, seen: int, now: datetime) -> None:
    run = db.session.get_one(Run, run_id)
    run.done_count += seen
    run.charge_count += posting.charges
    run.held_count += len(posting.held)
    run.failed_count += len(posting.failed)
    run.heartbeat_at = now
    for held in posting.held:
        db.session.add(_held(run_id, held.facts.assignment_id, held.lines, held.first_on))
    for failure in posting.failed:
        db.session.add(
            RunException(
                run_id=run_id,
                assignment_id=failure.assignment_id,
                outcome=Outcome.FAILED,
                sentence=failure.sentence,
            )
        )


def _held(run_id: int, assignment_id: int, lines: int, first_on: date) -> RunException:
    return RunException(
        run_id=run_id,
        assignment_id=assignment_id,
        outcome=Outcome.HELD,
        line_count=lines,
        sentence=f"{lines} charges since {first_on.isoformat()} wait for a choice; none of them was posted.",
    )


def _forget_exceptions(run: Run) -> None:
    """A run that goes on counts its exceptions anew: they are still due."""
    db.session.execute(RunException.__table__.delete().where(RunException.run_id == run.id))
    run.held_count = run.failed_count = 0
    run.due_count = run.done_count + len(due_ids(run.through, run.customer_id))


def _simulate(run: Run, ids: list[int], today: date, clock: Clock, size: int) -> None:
    """Write the report of a simulation; one that was interrupted is done again from the start."""
    run_id, through = run.id, run.through
    db.session.execute(SIMULATED.delete().where(SIMULATED.c.run_id == run_id))
    db.session.execute(RunException.__table__.delete().where(RunException.run_id == run_id))
    run.done_count = run.charge_count = run.held_count = 0
    run.due_count = len(ids)
    fingerprint = Fingerprint()
    db.session.commit()
    for chunk in chunks(ids, size):
        rows, held = [], []
        for worked in work_out(chunk, through, today):
            if worked.held:
                held.append(worked.held)
                continue
            for planned in worked.planned(today):
                fingerprint.add(planned.facts, planned.due)
                rows.append(_simulated(run_id, planned))
        if rows:
            db.session.execute(insert(SIMULATED), rows)
        _report(run_id, Posting(charges=len(rows), held=held), len(chunk), clock())
        db.session.commit()
        db.session.expunge_all()
    db.session.get_one(Run, run_id).fingerprint = fingerprint.hex()


def _simulated(run_id: int, planned: PlannedCharge) -> dict[str, object]:
    facts, due = planned.facts, planned.due
    return {
        "run_id": run_id,
        "customer_id": facts.customer_id,
        "assignment_id": facts.assignment_id,
        "package_id": facts.package_id,
        "kind": due.kind.value,
        "charge_on": due.charge_on,
        "period_from": due.period_from,
        "period_until": due.period_until,
        "number": due.number,
        "quantity": due.quantity,
        "unit_price": due.unit_price,
        "unit_cost": due.unit_cost,
        "days": due.days,
        "whole_days": due.whole_days,
        "spend": due.spend,
        "currency": facts.currency,
        "amount": due.amount,
        "cost": due.cost,
        "tax_rate": due.tax_rate,
        "tax": due.tax,
        "label": facts.label,
        "did_number": facts.did_number,
        "provisional": planned.provisional,
    }


# -- what has changed since a simulation


@dataclass(slots=True)
class Difference:
    """A charge that is no longer what the simulation showed: `was` or `now` is None where it was not or is not."""

    was: SimulatedCharge | None
    now: PlannedCharge | None


@dataclass(slots=True)
class Differences:
    """All that has changed since a simulation: the first few, how many, and the fingerprint as of now."""

    fingerprint: str
    count: int = 0
    charge_count: int = 0
    first: list[Difference] = field(default_factory=list)

    def add(self, was: SimulatedCharge | None, now: PlannedCharge | None) -> None:
        """Count one, and keep it if it is among the first."""
        self.count += 1
        if len(self.first) < DIFFERENCES_SHOWN:
            self.first.append(Difference(was, now))


def differences(simulation: Run, today: date) -> Differences:
    """What a posting of the simulation's day would do now that the simulation did not show."""
    shown = select(SimulatedCharge.assignment_id).where(SimulatedCharge.run_id == simulation.id).distinct()
    due = set(due_ids(simulation.through, simulation.customer_id))
    found, fingerprint = Differences(""), Fingerprint()
    for chunk in chunks(sorted({*due, *db.session.scalars(shown)})):
        was = {_key(line): line for line in _lines_of(simulation.id, chunk)}
        for planned in _planned([id for id in chunk if id in due], simulation.through, today):
            fingerprint.add(planned.facts, planned.due)
            found.charge_count += 1
            before = was.pop(planned.key, None)
            if before is None or not _same(before, planned):
                found.add(before, planned)
        for gone in was.values():
            found.add(gone, None)
    found.fingerprint = fingerprint.hex()
    return found


def _planned(ids: Sequence[int], through: date, today: date) -> Iterator[PlannedCharge]:
    for worked in work_out(ids, through, today) if ids else ():
        if not worked.held:
            yield from worked.planned(today)


def _lines_of(run_id: int, ids: Sequence[int]) -> Iterator[SimulatedCharge]:
    query = select(SimulatedCharge).where(
        SimulatedCharge.run_id == run_id, SimulatedCharge.assignment_id.in_(ids)
    )
    return iter(db.session.scalars(query.order_by(SimulatedCharge.id)))


def _key(line: SimulatedCharge) -> tuple[int, str, str, int]:
    return (line.assignment_id, line.kind.value, line.period_from.isoformat(), line.number)


def _same(was: SimulatedCharge, now: PlannedCharge) -> bool:
    return (was.charge_on, was.amount, was.cost, was.tax) == (now.charge_on, now.amount, now.cost, now.tax)


def check_unchanged(simulation: Run, seen: str, today: date) -> Differences:
    """What would be posted now. PreviewOutdated unless it is what the person has `seen` the fingerprint of."""
    found = differences(simulation, today)
    if found.fingerprint != seen:
        raise PreviewOutdated(
            f"{found.count} of the charges have changed since this simulation. Nothing was posted yet.", found
        )
    return found


def totals_of(run: Run) -> dict[str, Totals]:
    """Sums of a run's charges, posted or simulated, for each currency."""
    model: Any = SimulatedCharge if run.simulate else Charge
    query = (
        select(
            model.currency, func.sum(model.amount), func.sum(model.cost), func.sum(model.tax), func.count()
        )
        .where(model.run_id == run.id)
        .group_by(model.currency)
        .order_by(model.currency)
    )
    return {row[0]: Totals(*row[1:]) for row in db.session.execute(query)}
