"""Runs: simulate or post all that is due, chunk by chunk, each run with its report (billing-rules 8).

It commits: a chunk is a transaction, so that a run that is killed anywhere loses nothing
and goes on when it is started again.
"""

from collections.abc import Callable
from datetime import date, datetime

from sqlalchemy import exists, false, select, update

from portal import logs
from portal.domain.errors import RuleBroken, WayOut
from portal.domain.schedule import FIRST_DAY, LAST_DAY
from portal.domain.wording import long_day
from portal.extensions import db
from portal.models import Run, RunShard, RunState, RunUndo
from portal.models.run import SILENT_FOR
from portal.services.billing.planning import due_count
from portal.services.chunks import AT_ONCE
from portal.services.runs import pairs, shards
from portal.services.runs.differences import Differences, differences
from portal.services.runs.reports import keep_differences
from portal.services.runs.simulations import simulate as _simulate
from portal.services.runs.standing import finish, lock_going, tell_begun

Clock = Callable[[], datetime]
# With fewer assignments due it is carried out while one waits.
SMALL = 2_000


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
        due_count=due_count(through, customer_id),
    )
    db.session.add(run)
    db.session.flush()
    return run


@logs.by_number("run")
def carry_out(
    run_id: int, today: date, clock: Clock, most: int = AT_ONCE, between: Callable[[], object] = bool
) -> Run:
    """Do a run to its end, committing each chunk; started again, it goes on where it stopped.

    `between` is called after each chunk, in whichever thread has done it: what it raises ends it there, and nothing
    is lost.
    """
    run = db.session.get_one(Run, run_id)
    if run.state == RunState.RUNNING and run.simulate:
        _simulate(run, today, clock, most, between)
    elif run.state == RunState.RUNNING:
        numbers = begin(run, today, clock)
        db.session.commit()
        pairs.post_all(
            numbers, lambda number, pause: shards.post(run_id, number, today, clock, most, pause), between
        )
        shards.finish_if_all(run_id, today, clock)
    return db.session.get_one(Run, run_id, populate_existing=True)


def begin(run: Run, today: date, clock: Clock) -> list[int]:
    """The shards of a run that are still to be posted; none where it is refused. The caller commits.

    One that is to post a simulation is compared with it first, which commits.
    """
    run_id = run.id
    is_divided = db.session.scalar(select(exists().where(RunShard.run_id == run_id)))
    if run.fingerprint and not is_divided and _is_outdated(run, today, clock):
        return []
    if not lock_going(run_id, clock()):
        return []
    run = db.session.get_one(Run, run_id)
    tell_begun(run)
    run.going_since, run.going_from = clock(), run.done_count
    return shards.left_of(run)


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
    """Claim a stopped or interrupted run, so that one process alone goes on with it; whether it could be claimed."""
    if run.state != RunState.STOPPED and not is_interrupted(run, now):
        return False
    claimed = db.session.connection().execute(
        update(Run)
        .where(Run.id == run.id, Run.state == run.state, Run.heartbeat_at == run.heartbeat_at)
        .values(heartbeat_at=now)
    )
    if claimed.rowcount != 1:
        return False
    claimed_run = db.session.get_one(Run, run.id, populate_existing=True)
    claimed_run.state, claimed_run.going_since = RunState.RUNNING, None
    return True


def stop(run: Run, now: datetime) -> None:
    """Let whoever is at work on it stop behind the chunk they have in hand. RuleBroken where it is not going on."""
    if not lock_going(run.id, now):
        raise RuleBroken("This run is not going on, so it cannot be stopped.")
    run.state = RunState.STOPPED


def check_unchanged(simulation: Run, seen: str, today: date) -> Differences:
    """What would be posted now. PreviewOutdated unless it is what the person has `seen` the fingerprint of."""
    found = differences(simulation, today)
    if found.fingerprint != seen:
        raise PreviewOutdated(found.sentence, found)
    return found


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
    if lock_going(run_id, clock()):
        run = db.session.get_one(Run, run_id)
        keep_differences(run_id, found)
        run.fingerprint, run.failed_count = found.fingerprint, found.count
        finish(run, RunState.REFUSED, clock())
    db.session.commit()
    return True
