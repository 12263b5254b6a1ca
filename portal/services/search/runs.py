"""Runs by number, with how far each has come."""

from sqlalchemy.orm import joinedload

from portal.domain.searching import Rank, Typed
from portal.domain.wording import day, plural
from portal.extensions import db
from portal.models import Run, RunState
from portal.services.search.hits import Hit, Hits, Kind


def find_runs(typed: Typed) -> Hits:
    """The run that has this number."""
    if typed.run_id is None:
        return Hits(Kind.RUN)
    run = db.session.get(Run, typed.run_id, options=[joinedload(Run.customer)])
    if run is None:
        return Hits(Kind.RUN)
    what = "Simulation" if run.simulate else "Run"
    known = (
        run.customer.name if run.customer else "all customers",
        plural(run.charge_count, "charge"),
        *([run.state.value] if run.state != RunState.DONE else []),
    )
    return Hits(
        Kind.RUN,
        (
            Hit(
                Kind.RUN, run.id, f"{what} {run.id}, up to {day(run.through)}", Rank.EXACT, "by number", known
            ),
        ),
    )
