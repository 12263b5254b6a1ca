"""Ending many assignments on one day: those that may end do, each other one stays with its reason."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from portal.domain.errors import Invalid
from portal.domain.wording import day, plural
from portal.extensions import db
from portal.models import Assignment, BulkKind
from portal.services import bulk_acts
from portal.services.assignments.changing import check_change_of_end, keep_end
from portal.services.batch import Batch, Refused
from portal.services.billing.positions import find_next_of
from portal.services.calls.effects import bundles_changed
from portal.services.runs.assignment_locks import lock_assignments

# Which assignments end on the day, and which do not.
Ending = Batch[Assignment, Assignment]


def sort_out(assignments: Iterable[Assignment], end_date: date, today: date) -> Ending:
    """Which of them may end on that day. Nothing is stored."""
    ending: Ending = Batch()
    for assignment in assignments:
        if assignment.position is None:
            reason = (
                "It is not known up to which day it is charged: ask whoever runs the portal to correct this."
            )
            ending.refused.append(Refused(assignment, reason))
            continue
        try:
            check_change_of_end(assignment, end_date, today)
        except Invalid as problem:
            ending.refused.append(Refused(assignment, problem.sentence))
        else:
            ending.done.append(assignment)
    return ending


def end_many(
    assignments: Sequence[Assignment], end_date: date, today: date, *, by: str, now: datetime
) -> Ending:
    """Give all of them that may have it the same last day, so that it can be undone in one act."""
    ending = sort_out(lock_assignments(assignment.id for assignment in assignments), end_date, today)
    changed = [assignment for assignment in ending.done if assignment.end_date != end_date]
    bulk_acts.record(
        BulkKind.ENDED,
        f"{plural(len(changed), 'assignment')} on {day(end_date)}",
        {assignment.id: assignment.end_date for assignment in changed},
        today=today, by=by, now=now, end_date=end_date,
    )  # fmt: skip
    for assignment in changed:
        keep_end(assignment, end_date, today, begun=assignment.position.charged_until is not None)
    db.session.flush()
    find_next_of(changed, today)
    db.session.flush()
    bundles_changed(changed, today, now)
    return ending
