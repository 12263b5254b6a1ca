"""Removing an assignment that has not started, or making today its last day."""

from datetime import date, datetime

from portal.domain.commitment import earliest_last_day
from portal.domain.errors import WayOut
from portal.domain.wording import long_day
from portal.models import (
    Assignment,
)
from portal.services.assignments.changing import change_end
from portal.services.assignments.ending import over_each
from portal.services.assignments.withdrawing import withdraw
from portal.services.billing.failures import Failed
from portal.services.deletion.refusals import Refusal, is_removable, refuse
from portal.services.runs.assignment_locks import lock_assignment


def why_not_delete_assignment(assignment: Assignment, today: date) -> Refusal | None:
    """Why an assignment may not be removed or ended today."""
    if is_removable(assignment, today) or assignment.has_ended_on(today):
        return None
    earliest = earliest_last_day(assignment.locked_until, assignment.start_date)
    if today >= earliest:
        return None
    lock = assignment.locked_until
    (over,) = over_each({assignment.id: earliest}, today)
    failed = [over] if isinstance(over, Failed) else []
    falls_due = [] if isinstance(over, Failed) else over.charges
    if lock is None:
        sentence = f"A charge was posted on it before its start on {long_day(assignment.start_date)}."
    else:
        sentence = (
            f"Locked until {long_day(lock)} ({assignment.minimum_days} days from {long_day(assignment.start_date)}). "
            f"Its last day can be {long_day(earliest)}."
        )
    if assignment.end_date == earliest:
        return Refusal(sentence, [assignment], 1, earliest, falls_due, failed=failed)
    return Refusal(
        sentence,
        [assignment],
        1,
        earliest,
        falls_due,
        WayOut(
            f"End it on {long_day(earliest)} instead",
            "assignments.end",
            {"assignment_id": assignment.id},
            {"end_date": earliest.isoformat(), "version": assignment.version},
        ),
        failed,
    )


def delete_assignment(
    assignment: Assignment, today: date, *, by: str, now: datetime, override_reason: str = ""
) -> bool:
    """Remove an assignment that has not started, or make today the last day of one that has.

    True if it was removed, or withdrawn where undone charges name it. One that has ended stays as it is.
    """
    lock_assignment(assignment.id)
    if is_removable(assignment, today):
        withdraw([assignment], today, now)
        return True
    if not assignment.has_ended_on(today):
        if not override_reason:
            refuse(why_not_delete_assignment(assignment, today))
        change_end(assignment, today, today, by=by, now=now, override_reason=override_reason)
    return False
