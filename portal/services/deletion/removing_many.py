"""Removing many assignments: those that may vanish do, each other one stays with its reason (billing-rules 7)."""

from collections.abc import Iterable, Sequence
from datetime import date

from portal.extensions import db
from portal.models import Assignment
from portal.services.batch import Batch, Refused
from portal.services.deletion.refusals import why_not_remove
from portal.services.runs.assignment_locks import lock_assignments

# Which assignments are removed, and which are not.
Removal = Batch[Assignment, Assignment]


def sort_out(assignments: Sequence[Assignment], today: date) -> Removal:
    """Which of them may be removed today. Nothing is stored."""
    reasons = why_not_remove(assignments, today)
    return Batch(
        [one for one in assignments if one.id not in reasons],
        [Refused(one, reasons[one.id]) for one in assignments if one.id in reasons],
    )


def remove_many(assignment_ids: Iterable[int], today: date) -> Removal:
    """Remove all of them that may be removed."""
    removal = sort_out(lock_assignments(assignment_ids), today)
    for assignment in removal.done:
        db.session.delete(assignment)
    db.session.flush()
    return removal
