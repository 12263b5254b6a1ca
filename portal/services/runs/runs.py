"""Runs: simulate or post all that is due, chunk by chunk, each run with its report (billing-rules 8).

It commits: a chunk is a transaction, so that a run that is killed anywhere loses nothing
and goes on when it is started again.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import date, datetime

from sqlalchemy import delete, false, insert, select, update
from sqlalchemy.exc import OperationalError

from portal import logs
from portal.domain.errors import RuleBroken, WayOut
from portal.domain.schedule import FIRST_DAY, LAST_DAY
from portal.domain.wording import long_day
from portal.extensions import db
from portal.models import Customer, Run, RunException, RunState, RunTotal, RunUndo, SimulatedCharge
from portal.models.raw_tables import raw_table
from portal.models.run import SILENT_FOR
from portal.services import credit, locking
from portal.services.billing.failures import Failed, check_concerns_one, failed
from portal.services.billing.planning import Fingerprint, PlannedCharge, Worked, due_ids, work_out
from portal.services.billing.posting import Failure, PositionMoved, Posting, line_row, post_chunk
from portal.services.chunks import CHUNK, in_chunks
from portal.services.runs.differences import Differences, differences
from portal.services.runs.reports import keep_differences, report_chunk

Clock = Callable[[], datetime]
SIMULATED = raw_table(SimulatedCharge)
TRIES = 20

log = logging.getLogger("portal.runs")


class PreviewOutdated(RuleBroken):
    """What would be posted is no longer what the simulation showed."""

    def __init__(self, sentence: str, differences: Differences) -> None:
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
    seen: str = "",
) -> Run:
    """A new run, with nothing done yet. RuleBroken for posting a day after today.

    With `seen`, the fingerprint that a person has seen of a simulation, the run first makes sure that this is
    still what it would post.
    """
    if not FIRST_DAY <= through <= LAST_DAY:
        raise RuleBroken(f"Dates must be between {FIRST_DAY.year} and {LAST_DAY.year}.")
    if not simulate and through > today:
        raise RuleBroken(
            f"Charges cannot be posted before their day: {long_day(through)} is after today, {long_day(today)}. "
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
        fingerprint=seen,
        started_by=by,
        started_at=now,
        heartbeat_at=now,
        due_count=len(due_ids(through, customer_id)),
    )
    db.session.add(run)
    db.session.flush()
    return run


@logs.by_number("run")
def carry_out(run_id: int, today: date, clock: Clock, chunk: int = CHUNK) -> Run:
    """Do a run to its end, committing each chunk; started again, it goes on where it stopped."""
    run = db.session.get_one(Run, run_id)
    if run.state != RunState.RUNNING:
        return run
    what = "Simulation" if run.simulate else "Run"
    log.info(
        "%s goes on" if run.done_count else "%s begins", what, extra={"through": run.through.isoformat()}
    )
    if run.simulate:
        _simulate(run, today, clock, chunk)
    elif run.fingerprint and not run.done_count and _is_outdated(run, today, clock):
        return db.session.get_one(Run, run_id)
    else:
        _post(run, today, clock, chunk)
    run = db.session.get_one(Run, run_id)
    run.state, run.finished_at = RunState.DONE, clock()
    counts = {"charges": run.charge_count, "held": run.held_count, "failed": run.failed_count}
    seconds = (run.finished_at - run.started_at).total_seconds()
    db.session.commit()
    log.info("%s done", what, extra={**counts, "seconds": seconds})
    return run


def is_interrupted(run: Run, now: datetime) -> bool:
    """Whether it stopped without being done."""
    return run.state == RunState.RUNNING and now - run.heartbeat_at > SILENT_FOR


def made_good_by(run: Run) -> Run | None:
    """The first later run that has posted, without a failure, whatever this one was to post; None where none has."""
    whose = Run.customer_id.is_(None) | (Run.customer_id == run.customer_id if run.customer_id else false())
    query = select(Run).where(
        Run.id > run.id,
        ~Run.simulate,
        Run.state == RunState.DONE,
        Run.failed_count == 0,
        Run.id.not_in(select(RunUndo.run_id)),
        Run.through >= run.through,
        whose,
    )
    return db.session.scalars(query.order_by(Run.id).limit(1)).first()


def take_up(run: Run, now: datetime) -> bool:
    """Claim an interrupted run, so that one process alone goes on with it; whether it was there to be claimed."""
    if not is_interrupted(run, now):
        return False
    claimed = db.session.connection().execute(
        update(Run)
        .where(Run.id == run.id, Run.state == RunState.RUNNING, Run.heartbeat_at == run.heartbeat_at)
        .values(heartbeat_at=now)
    )
    return claimed.rowcount == 1


def check_unchanged(simulation: Run, seen: str, today: date) -> Differences:
    """What would be posted now. PreviewOutdated unless it is what the person has `seen` the fingerprint of."""
    found = differences(simulation, today)
    if found.fingerprint != seen:
        raise PreviewOutdated(found.sentence, found)
    return found


# -- posting


def _post(run: Run, today: date, clock: Clock, size: int) -> None:
    run_id, through, by = run.id, run.through, run.started_by
    ids = due_ids(through, run.customer_id)
    # What it passed over before is still due, and is counted anew.
    db.session.execute(delete(RunException).where(RunException.run_id == run_id))
    run.held_count = run.failed_count = 0
    run.due_count = run.done_count + len(ids)
    db.session.commit()
    for chunk in in_chunks(ids, size):
        posting = _post_again_and_again(chunk, through, today, run_id, by, clock)
        report_chunk(run_id, posting, len(chunk), clock())
        db.session.commit()
    _set_off(today, by, clock)


def _set_off(today: date, by: str, clock: Clock) -> None:
    """Set off what met while a chunk was posted and somebody gave a discount at the same moment."""
    for customer_id in credit.who_can_set_off():
        locking.lock(Customer, [customer_id])
        credit.lock_open(customer_id)
        credit.set_off(customer_id, credit.Act(today, by, clock()))
        db.session.commit()


def _post_again_and_again(
    chunk: Sequence[int], through: date, today: date, run_id: int, by: str, clock: Clock
) -> Posting:
    """Post a chunk; where somebody else was at work on it, read it again."""
    for attempt in range(TRIES):
        try:
            return post_chunk(chunk, through, today, run_id, by, clock())
        except (PositionMoved, OperationalError):
            db.session.rollback()
            if attempt + 1 == TRIES:
                raise
    raise AssertionError("unreachable")


def _is_outdated(run: Run, today: date, clock: Clock) -> bool:
    """Whether its simulation no longer holds: then it is refused, and the first differences are kept with it."""
    run_id, seen = run.id, run.fingerprint
    simulation = db.session.get_one(Run, run.simulation_id)

    def beat() -> None:
        db.session.execute(update(Run).where(Run.id == run_id).values(heartbeat_at=clock()))
        db.session.commit()

    found = differences(simulation, today, beat)
    if found.fingerprint == seen:
        return False
    run = db.session.get_one(Run, run_id)
    keep_differences(run_id, found)
    run.state, run.finished_at, run.fingerprint = RunState.REFUSED, clock(), found.fingerprint
    run.failed_count = found.count
    db.session.commit()
    return True


# -- simulating


def _simulate(run: Run, today: date, clock: Clock, size: int) -> None:
    """Write the report of a simulation; one that was interrupted is done again from the start."""
    run_id, through = run.id, run.through
    ids = due_ids(through, run.customer_id)
    for of_run in (SIMULATED.c.run_id, RunException.run_id, RunTotal.run_id):
        db.session.execute(delete(of_run.table).where(of_run == run_id))
    run.done_count = run.charge_count = run.held_count = run.failed_count = 0
    run.due_count = len(ids)
    fingerprint = Fingerprint()
    db.session.commit()
    for chunk in in_chunks(ids, size):
        simulated, ready = Posting(), []
        for worked in work_out(chunk, through, today):
            if isinstance(worked, Failed):
                simulated.failed.append(Failure(worked.assignment_id, worked.sentence))
            elif worked.held:
                simulated.held.append(worked.held)
            else:
                ready.append(worked)
        for worked in _kept(run_id, ready, today, simulated):
            simulated.take(worked)
            for due in worked.due.charges:
                fingerprint.add(worked.loaded.facts, due)
        report_chunk(run_id, simulated, len(chunk), clock())
        db.session.commit()
    db.session.get_one(Run, run_id).fingerprint = fingerprint.hex()


def _kept(run_id: int, ready: list[Worked], today: date, simulated: Posting) -> list[Worked]:
    """Write the lines of a chunk; where the database refuses some, of each assignment by itself. What is in."""
    rows = [_simulated(run_id, planned) for worked in ready for planned in worked.planned(today)]
    try:
        with db.session.begin_nested():
            if rows:
                db.session.execute(insert(SIMULATED), rows)
        return ready
    except Exception as error:
        check_concerns_one(error)
        if len(ready) > 1:
            return [one for worked in ready for one in _kept(run_id, [worked], today, simulated)]
        told = failed(ready[0].loaded.facts.assignment_id, error)
        simulated.failed.append(Failure(told.assignment_id, told.sentence))
        return []


def _simulated(run_id: int, planned: PlannedCharge) -> dict[str, object]:
    return {
        **line_row(planned.facts, planned.due),
        "run_id": run_id,
        "provisional": planned.provisional,
    }
