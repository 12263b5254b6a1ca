"""Ending many assignments on one day, or each as early as it may: those that may not stay, with their reasons."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from portal.domain.errors import Invalid
from portal.domain.wording import day, plural
from portal.extensions import db
from portal.models import Assignment, BulkKind
from portal.services import bulk_acts
from portal.services.assignments.changing import check_change_of_end, keep_end
from portal.services.assignments.ending import last_day_of
from portal.services.batch import Batch, Refused
from portal.services.billing.positions import find_next_of
from portal.services.calls.effects import bundles_changed
from portal.services.runs.assignment_locks import lock_assignments

# Which assignments end on the day, and which do not.
Ending = Batch[Assignment, Assignment]


def sort_out(assignments: Iterable[Assignment], end_date: date | None, today: date) -> Ending:
    """Which of them may end on that day, or at all without one. Nothing is stored."""
    ending: Ending = Batch()
    for assignment in assignments:
        if assignment.position is None:
            reason = (
                "It is not known up to which day it is charged: ask whoever runs the portal to correct this."
            )
            ending.refused.append(Refused(assignment, reason))
            continue
        try:
            check_change_of_end(assignment, last_day_of(assignment, end_date, today), today)
        except Invalid as problem:
            ending.refused.append(Refused(assignment, problem.sentence))
        else:
            ending.done.append(assignment)
    return ending


def end_many(
    assignments: Sequence[Assignment], end_date: date | None, today: date, *, by: str, now: datetime
) -> Ending:
    """Give all of them that may have it the same last day; without one, each the earliest that it may have.

    Without a day, an end that was agreed stays as it is. It can be undone in one act.
    """
    ending = sort_out(lock_assignments(assignment.id for assignment in assignments), end_date, today)
    last_days = {one.id: last_day_of(one, end_date, today) for one in ending.done}
    changed = [
        one for one in ending.done if one.end_date != last_days[one.id] and (end_date or not one.end_date)
    ]
    as_last = day(end_date) if end_date else "the earliest last day of each"
    bulk_acts.record(
        BulkKind.ENDED,
        f"{plural(len(changed), 'assignment')} on {as_last}",
        {one.id: bulk_acts.LastDay(last_days[one.id], before=one.end_date) for one in changed},
        today=today, by=by, now=now,
    )  # fmt: skip
    for assignment in changed:
        keep_end(
            assignment, last_days[assignment.id], today, begun=assignment.position.charged_until is not None
        )
    db.session.flush()
    find_next_of(changed, today)
    db.session.flush()
    bundles_changed(changed, today, now)
    return ending
