"""What stands in the way of deleting, releasing or archiving, from when it is possible, and the way out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import joinedload

from portal.domain.commitment import earliest_last_day
from portal.domain.errors import CannotDelete, WayOut
from portal.domain.schedule import ONE_DAY
from portal.domain.wording import listed_of, long_day, plural, whole
from portal.extensions import db
from portal.models import (
    Assignment,
    AssignmentPosition,
    CallCover,
    Charge,
    counts_as_posted,
)
from portal.services.assignments.ending import over_each
from portal.services.billing.failures import Failed
from portal.services.billing.planning import PlannedCharge, Totals, totals
from portal.services.chunks import in_chunks

# A refusal names this many of the assignments in the way, and counts the rest.
NAMED = 20


class Reason(NamedTuple):
    """What else stands in the way: a sentence, and what can be done about it."""

    sentence: str
    way_out: WayOut | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why not: a sentence, the assignments in the way, from when, what falls due until then, and the way out.

    `failed` are those of which it cannot be worked out what falls due; `others` is what stands in the way besides.
    """

    sentence: str
    blocking: Sequence[Assignment] = ()
    blocking_count: int = 0
    possible_on: date | None = None
    falls_due: Sequence[PlannedCharge] = ()
    way_out: WayOut | None = None
    failed: Sequence[Failed] = ()
    others: Sequence[Reason] = ()

    @property
    def totals(self) -> dict[str, Totals]:
        """What falls due until then, for each currency."""
        return totals(self.falls_due)


class Refused(CannotDelete):
    """The refusal, raised."""

    def __init__(self, refusal: Refusal) -> None:
        sentences = [refusal.sentence, *(reason.sentence for reason in refusal.others)]
        super().__init__(" ".join(sentences), refusal.way_out)
        self.refusal = refusal


def refuse(refusal: Refusal | None) -> None:
    if refusal:
        raise Refused(refusal)


def why_not_remove(assignments: Iterable[Assignment], today: date) -> dict[int, str]:
    """Those that cannot vanish, by id, and why: started before today, charged, or with minutes that were used."""
    found: dict[int, str] = {}
    others = []
    for assignment in assignments:
        if assignment.start_date < today:
            found[assignment.id] = f"It started on {long_day(assignment.start_date)}."
        else:
            others.append(assignment.id)
    for some in in_chunks(sorted(others)):
        used = select(CallCover.assignment_id).where(CallCover.assignment_id.in_(some)).distinct()
        found |= dict.fromkeys(db.session.scalars(used), "Calls have used its minutes.")
        posted = Charge.assignment_id.in_(some) & counts_as_posted()
        charged = select(Charge.assignment_id).where(posted).distinct()
        found |= {id: "A charge was posted on it." for id in db.session.scalars(charged) if id}
    return found


def is_removable(assignment: Assignment, today: date) -> bool:
    """Whether it can vanish: not started, or started today with nothing posted and no minute used."""
    return not why_not_remove([assignment], today)


def in_the_way(query: Select[Assignment]) -> tuple[list[Assignment], int]:
    count = db.session.scalar(select(func.count()).select_from(query.subquery())) or 0
    named = query.options(
        joinedload(Assignment.customer), joinedload(Assignment.did), joinedload(Assignment.package)
    )
    return list(db.session.scalars(named.order_by(Assignment.id).limit(NAMED))) if count else [], count


def why_not_close(query: Select[Assignment], name: str, today: date) -> Refusal | None:
    """Why a DID or customer with these assignments cannot be closed: one has not ended or has something due."""
    open_ones = query.outerjoin(AssignmentPosition).where(
        or_(
            Assignment.end_date.is_(None),
            Assignment.end_date >= today,
            AssignmentPosition.assignment_id.is_(None),
            AssignmentPosition.next_charge_on.is_not(None),
        )
    )
    blocking, count = in_the_way(open_ones)
    if not count:
        return None
    possible_on, falls_due, failed = _until_all_are_over(open_ones, today)
    names = listed_of([_name(assignment, today) for assignment in blocking[:3]], count)
    when = f"The first day on which it is possible is {long_day(possible_on)}."
    if possible_on == today:
        when = "It is possible today, once these are removed or posted."
    return Refusal(
        f"{name} still has {names}. {when}",
        blocking,
        count,
        possible_on,
        falls_due,
        _way_to_end(blocking[0], today) if count == 1 else _way_to_end_all(open_ones, today),
        failed,
    )


def _until_all_are_over(
    query: Select[Assignment], today: date
) -> tuple[date, list[PlannedCharge], list[Failed]]:
    """The first day on which nothing of any of these assignments is open, and what falls due until then.

    Each ends as early as it may, or when it is to end already; what can be removed falls due no more. Of those
    that cannot be worked out only the last day is known.
    """
    found = db.session.scalars(query).all()
    begun = why_not_remove(found, today)
    last_days = {one.id: _last_day(one, today) for one in found if one.id in begun}
    possible_on, falls_due, failed = today, [], []
    for over in over_each(last_days, today):
        if isinstance(over, Failed):
            failed.append(over)
            possible_on = max(possible_on, last_days[over.assignment_id] + ONE_DAY)
        else:
            possible_on = max(possible_on, over.on)
            falls_due.extend(over.charges)
    return possible_on, falls_due, failed


def _way_to_end(assignment: Assignment, today: date) -> WayOut | None:
    """What lets the one assignment in the way end as early as it may; None where its end date is set already."""
    this, name = {"assignment_id": assignment.id}, assignment.package.name
    if is_removable(assignment, today):
        return WayOut(f"Remove {name}", "assignments.delete", this, {"version": assignment.version})
    if assignment.end_date:
        due_on = assignment.position.next_charge_on if assignment.position else None
        if due_on and due_on <= today and assignment.has_ended_on(today):
            return WayOut("Post what is due", "runs.new", {"customer_id": assignment.customer_id})
        return None
    last_day = _last_day(assignment, today)
    fields = {"end_date": last_day.isoformat(), "version": assignment.version}
    return WayOut(f"End {name} on {long_day(last_day)}", "assignments.end", this, fields)


def _way_to_end_all(query: Select[Assignment], today: date) -> WayOut | None:
    """What lets all that run on end together, on the first day on which all of them may; shown before it is done."""
    found = list(db.session.scalars(query.order_by(Assignment.id)))
    begun = why_not_remove(found, today)
    removable = [assignment for assignment in found if assignment.id not in begun]
    running = [assignment for assignment in found if not assignment.end_date and assignment.id in begun]
    if not running and removable:
        ids = ",".join(str(assignment.id) for assignment in removable)
        return WayOut(
            f"Remove {plural(len(removable), 'assignment')}", "assignments.remove_many", {}, {"ids": ids}
        )
    if not running:
        return None
    last_day = max(_last_day(assignment, today) for assignment in running)
    which = "Show the effect of ending it" if len(running) == 1 else f"End {whole(len(running))} assignments"
    ids = ",".join(str(assignment.id) for assignment in running)
    return WayOut(
        which, "assignments.end_many", {}, {"ids": ids, "end_date": last_day.isoformat(), "show": "1"}
    )


def _last_day(assignment: Assignment, today: date) -> date:
    """The earliest day that can be an assignment's last one, or is it already."""
    return assignment.end_date or max(
        earliest_last_day(assignment.locked_until, assignment.start_date), today
    )


def _name(assignment: Assignment, today: date) -> str:
    if assignment.has_ended_on(today):
        return f"{assignment.package.name} (ended, with charges still to be posted)"
    if assignment.end_date:
        return f"{assignment.package.name} (until {long_day(assignment.end_date)})"
    if is_removable(assignment, today):
        return f"{assignment.package.name} (from {long_day(assignment.start_date)})"
    if assignment.is_locked_on(today) and assignment.locked_until:
        return f"{assignment.package.name} (locked until {long_day(assignment.locked_until)})"
    return assignment.package.name
