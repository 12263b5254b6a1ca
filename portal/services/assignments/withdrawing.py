"""Withdrawing: an assignment as if it had never been made (billing-rules 7 and 16).

One that no charge names is removed. One whose charges were undone stays in the history: without a lock, and with its
last day before its first and before today, so that nothing of it is due and no run looks at it.
"""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import select

from portal.domain.schedule import ONE_DAY
from portal.extensions import db
from portal.models import Assignment, CallCover, Charge
from portal.services.calls.effects import bundles_changed
from portal.services.chunks import in_chunks


def withdraw(assignments: Sequence[Assignment], today: date, now: datetime) -> None:
    """Remove or withdraw assignments of which nothing is posted that was not undone; whoever calls has locked them.

    Calls that their minutes covered are worked out again without them.
    """
    named = _named([assignment.id for assignment in assignments])
    stay = [assignment for assignment in assignments if assignment.id in named]
    for assignment in stay:
        _close(assignment, today)
    db.session.flush()
    bundles_changed(stay, today, now)
    named = _named([assignment.id for assignment in stay])
    for assignment in assignments:
        if assignment.id not in named:
            db.session.delete(assignment)
    db.session.flush()


def _close(assignment: Assignment, today: date) -> None:
    assignment.withdrawn_on = today
    assignment.reference = None  # so that a file may bring it in again
    assignment.end_date = min(assignment.start_date, today) - ONE_DAY
    assignment.locked_until = None
    assignment.ends[0].end_date = assignment.end_date
    del assignment.ends[1:]
    if position := assignment.position:
        position.next_charge_on, position.held_lines = None, 0
        position.version += 1


def _named(ids: Sequence[int]) -> set[int]:
    """Those of the assignments that a charge names, or a call that is too old to be worked out again."""
    found: set[int | None] = set()
    for some in in_chunks(ids):
        for column in (Charge.assignment_id, CallCover.assignment_id):
            found |= set(db.session.scalars(select(column).where(column.in_(some)).distinct()))
    return {id for id in found if id is not None}
