"""Undoing an act on many things: assigning, ending, archiving (billing-rules 16).

What cannot be undone stays as it is, with its reason, and can be undone later, once nothing is in the way.
"""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from portal.domain.errors import RuleBroken, WayOut
from portal.extensions import db
from portal.models import (
    Assignment,
    BulkAct,
    BulkActThing,
    BulkKind,
    Charge,
    Company,
    Package,
    counts_as_posted,
)
from portal.models.company import ONLY
from portal.services import locking
from portal.services.assignments.withdrawing import withdraw
from portal.services.batch import Batch, Refused
from portal.services.billing.positions import find_next_of
from portal.services.bulk_acts import SEVERAL
from portal.services.calls.effects import bundles_changed
from portal.services.chunks import in_chunks
from portal.services.credit import Act
from portal.services.runs.assignment_locks import lock_assignments
from portal.services.runs.undoing import LINES, take_back_all_of

WHY = "Assigning it was undone."
# How many of them it was undone for, by id, and what stays as it is.
Undone = Batch[int, Assignment]


def undo_act(act: BulkAct, today: date, *, by: str, now: datetime) -> Undone:
    """Undo an act for all for which that is possible. RuleBroken where nothing of it is left to undo."""
    ids = [thing.thing_id for thing in act.things]
    if act.kind == BulkKind.ARCHIVED:
        locking.lock(Package, ids)
        undone = _put_on_sale(_left_to_undo(act), act)
    else:
        if act.kind == BulkKind.ASSIGNED:
            locking.lock(Company, [ONLY], shared=True)
        assignments = {found.id: found for found in lock_assignments(ids, *_OPTIONS)}
        found = [assignments[thing.thing_id] for thing in _left_to_undo(act) if thing.thing_id in assignments]
        undone = (
            _take_away(found, today, by, now)
            if act.kind == BulkKind.ASSIGNED
            else _give_back(found, act, today, now)
        )
    stays = {refused.thing.id for refused in undone.refused}
    act.things = [thing for thing in act.things if thing.thing_id in stays]
    act.undone_on, act.undone_by = today, by
    db.session.flush()
    return undone


_OPTIONS = (
    joinedload(Assignment.package),
    joinedload(Assignment.customer),
    joinedload(Assignment.did),
    joinedload(Assignment.position),
    selectinload(Assignment.ends),
)


def _left_to_undo(act: BulkAct) -> Sequence[BulkActThing]:
    """What the act was done to, read once all of it is locked: of two who undo it, the second finds nothing."""
    db.session.refresh(act)
    if not act.things:
        raise RuleBroken(
            "This was undone already.", WayOut("See the audit log", "audit.index", {"noun": SEVERAL})
        )
    return act.things


def _take_away(assignments: Sequence[Assignment], today: date, by: str, now: datetime) -> Undone:
    """Withdraw assignments, with all that was posted of them."""
    left = take_back_all_of(assignments, WHY, Act(today, by, now))
    undone = _sorted(assignments, left)
    withdraw([assignment for assignment in assignments if assignment.id not in left], today, now)
    return undone


def _give_back(assignments: Sequence[Assignment], act: BulkAct, today: date, now: datetime) -> Undone:
    """Give assignments the last day that they had before."""
    before = {thing.thing_id: thing.last_day_before for thing in act.things}
    left = _why_ended(assignments, act)
    undone = _sorted(assignments, left)
    changed = [assignment for assignment in assignments if assignment.id not in left]
    for assignment in changed:
        assignment.end_date = before[assignment.id]
        *earlier, last = assignment.ends
        if earlier and earlier[-1].end_date == assignment.end_date and last.known_on == act.done_on:
            assignment.ends.remove(last)
        else:
            last.end_date = assignment.end_date
    db.session.flush()
    find_next_of(changed, today)
    db.session.flush()
    bundles_changed(changed, today, now)
    return undone


def _why_ended(assignments: Sequence[Assignment], act: BulkAct) -> dict[int, str]:
    """Those that keep their last day, each with a sentence."""
    left = {}
    given = {thing.thing_id: thing.last_day for thing in act.things}
    posted = _posted_since(assignments, act)
    again = _assigned_again(assignments, act)
    for one in assignments:
        worked = one.position.worked_through if one.position else None
        last_day = given[one.id]
        if one.customer.archived_on:
            left[one.id] = "The customer is archived."
        elif one.end_date != last_day or one.withdrawn_on:
            left[one.id] = "Its end date was changed since."
        elif one.did and (one.did.customer_id != one.customer_id or one.did.archived_on):
            left[one.id] = "Its DID is no longer the customer's."
        elif one.id in posted:
            left[one.id] = "Something was posted for it since."
        elif one.position is None or (worked and last_day and worked > last_day):
            left[one.id] = "A run has passed its last day."
        elif one.id in again:
            left[one.id] = "The package was assigned again since."
    return left


def _posted_since(assignments: Sequence[Assignment], act: BulkAct) -> set[int]:
    """Those for which something was posted after the act, that still counts."""
    found: set[int] = set()
    for some in in_chunks([assignment.id for assignment in assignments]):
        query = select(Charge.assignment_id).where(
            Charge.assignment_id.in_(some),
            Charge.id > (act.last_charge_id or 0),
            Charge.kind.in_(LINES),
            counts_as_posted(),
        )
        found |= {id for id in db.session.scalars(query.distinct()) if id}
    return found


def _assigned_again(assignments: Sequence[Assignment], act: BulkAct) -> set[int]:
    """Those whose package the same customer, or DID, was given again after the act."""
    later = select(Assignment.package_id, Assignment.customer_id, Assignment.did_id).where(
        Assignment.created_at > act.done_at, Assignment.withdrawn_on.is_(None)
    )
    given: set[tuple[int | None, ...]] = set()
    for some in in_chunks(sorted({one.customer_id for one in assignments})):
        given |= {tuple(row) for row in db.session.execute(later.where(Assignment.customer_id.in_(some)))}
    return {one.id for one in assignments if (one.package_id, one.customer_id, one.did_id) in given}


def _put_on_sale(things: Sequence[BulkActThing], act: BulkAct) -> Undone:
    """Put packages back on sale that nobody has restored and archived again since."""
    undone: Undone = Batch()
    for package in locking.lock(Package, [thing.thing_id for thing in things]):
        if package.archived_on == act.done_on:
            package.archived_on = None
            undone.done.append(package.id)
    return undone


def _sorted(assignments: Sequence[Assignment], left: dict[int, str]) -> Undone:
    undone: Undone = Batch()
    for assignment in assignments:
        if assignment.id in left:
            undone.refused.append(Refused(assignment, left[assignment.id]))
        else:
            undone.done.append(assignment.id)
    return undone
