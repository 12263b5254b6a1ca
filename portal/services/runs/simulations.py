"""Simulating: a run's report of what would be posted, with nothing posted.

It commits: a chunk is a transaction. One that was interrupted or stopped is done again from the start; whoever began
it last is the one whose report it becomes.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime

from sqlalchemy import delete

from portal.extensions import db
from portal.models import Run, RunException, RunState, RunTotal, SimulatedCharge
from portal.models.raw_tables import raw_table
from portal.services.billing.failures import Failed, check_concerns_one, failed
from portal.services.billing.planning import Fingerprint, Worked, due_ids, work_out
from portal.services.billing.posting import LINE, WHOSE, Failure, Posting, line, whose
from portal.services.chunks import in_time
from portal.services.copying import copy_shared
from portal.services.runs.reports import report_chunk
from portal.services.runs.standing import finish, lock_going, tell_begun

Clock = Callable[[], datetime]
SIMULATED = raw_table(SimulatedCharge)


def simulate(run: Run, today: date, clock: Clock, most: int, between: Callable[[], object] = bool) -> None:
    """Write the report of a simulation, to its end or until it is stopped."""
    run_id, through, begun = run.id, run.through, clock()
    if not lock_going(run_id, begun):
        db.session.rollback()
        return
    tell_begun(run)
    ids = due_ids(through, run.customer_id)
    for of_run in (SIMULATED.c.run_id, RunException.run_id, RunTotal.run_id):
        db.session.execute(delete(of_run.table).where(of_run == run_id))
    run.done_count = run.charge_count = run.held_count = run.failed_count = 0
    run.due_count, run.going_since, run.going_from = len(ids), begun, 0
    fingerprint = Fingerprint()
    db.session.commit()
    for chunk in in_time(ids, most):
        simulated = _simulate_chunk(run_id, chunk, through, today, fingerprint)
        if not report_chunk(run_id, simulated, chunk, clock(), begun):
            db.session.rollback()
            return
        db.session.commit()
        between()
    if lock_going(run_id, clock()) and run.going_since == begun:
        run.fingerprint = fingerprint.hex()
        finish(run, RunState.DONE, clock())
    db.session.commit()


def _simulate_chunk(
    run_id: int, chunk: Sequence[int], through: date, today: date, fingerprint: Fingerprint
) -> Posting:
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
    return simulated


def _kept(run_id: int, ready: list[Worked], today: date, simulated: Posting) -> list[Worked]:
    """Write the lines of a chunk; where the database refuses some, of each assignment by itself. What is in."""
    rows = [
        (
            whose(planned.facts),
            (planned.package_id, planned.label, planned.currency, planned.due, planned.provisional),
        )
        for worked in ready
        for planned in worked.planned(today)
    ]
    try:
        with db.session.begin_nested():
            copy_shared(SIMULATED, WHOSE, (*LINE, "provisional"), rows, {"run_id": run_id}, line)
        return ready
    except Exception as error:
        check_concerns_one(error)
        if len(ready) > 1:
            return [one for worked in ready for one in _kept(run_id, [worked], today, simulated)]
        told = failed(ready[0].loaded.facts.assignment_id, error)
        simulated.failed.append(Failure(told.assignment_id, told.sentence))
        return []
