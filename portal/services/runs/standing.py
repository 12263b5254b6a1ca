"""Whether a run still goes on, asked and changed by one at a time."""

import logging
from datetime import datetime

from sqlalchemy import update

from portal import logs
from portal.extensions import db
from portal.models import Run, RunState

log = logging.getLogger("portal.runs")


def lock_going(run_id: int, now: datetime) -> bool:
    """Lock a run that is still going on, and read it anew; whether it is. Nobody stops or ends it meanwhile."""
    touched = db.session.connection().execute(
        update(Run).where(Run.id == run_id, Run.state == RunState.RUNNING).values(heartbeat_at=now)
    )
    if touched.rowcount != 1:
        return False
    db.session.get_one(Run, run_id, populate_existing=True)
    return True


def finish(run: Run, state: RunState, now: datetime) -> None:
    """Say that a run which was locked is over."""
    run.state, run.finished_at = state, now
    counts = {"charges": run.charge_count, "held": run.held_count, "failed": run.failed_count}
    seconds = (now - run.started_at).total_seconds()
    with logs.about(run=run.id):
        log.info("%s %s", _what(run), state.value, extra={**counts, "seconds": seconds})


def tell_begun(run: Run) -> None:
    """Log that somebody is at work on a run."""
    does = "%s goes on" if run.done_count else "%s begins"
    with logs.about(run=run.id):
        log.info(does, _what(run), extra={"through": run.through.isoformat()})


def _what(run: Run) -> str:
    return "Simulation" if run.simulate else "Run"
