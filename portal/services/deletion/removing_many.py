"""Removing many assignments: those that may vanish do, each other one stays with its reason (billing-rules 7)."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date

from sqlalchemy import select

from portal.domain.wording import long_day
from portal.extensions import db
from portal.models import Assignment, CallCover, Charge
from portal.services.batch import Batch, Refused
from portal.services.chunks import in_chunks
from portal.services.runs.assignment_locks import lock_assignments

# Which assignments are removed, and which are not.
Removal = Batch[Assignment, Assignment]


def sort_out(assignments: Sequence[Assignment], today: date) -> Removal:
    """Which of them may be removed today. Nothing is stored."""
    ids = [assignment.id for assignment in assignments if assignment.start_date >= today]
    charged, used = _named_by(Charge.assignment_id, ids), _named_by(CallCover.assignment_id, ids)
    removal: Removal = Batch()
    for assignment in assignments:
        if assignment.start_date < today:
            reason = f"It started on {long_day(assignment.start_date)}."
        elif assignment.id in charged:
            reason = "A charge was posted on it."
        elif assignment.id in used:
            reason = "Calls have used its minutes."
        else:
            removal.done.append(assignment)
            continue
        removal.refused.append(Refused(assignment, reason))
    return removal


def remove_many(assignment_ids: Iterable[int], today: date) -> Removal:
    """Remove all of them that may be removed."""
    removal = sort_out(lock_assignments(assignment_ids), today)
    for assignment in removal.done:
        db.session.delete(assignment)
    db.session.flush()
    return removal


def _named_by(column: object, ids: Collection[int]) -> set[int]:
    """Those of the assignments that some row names."""
    found: set[int] = set()
    for some in in_chunks(sorted(ids)):
        found |= set(db.session.scalars(select(column).where(column.in_(some)).distinct()))  # type: ignore[attr-defined,call-overload]
    return found
