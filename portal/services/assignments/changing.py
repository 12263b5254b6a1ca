"""Changing an assignment: its quantity, its end date, and while nothing is posted its start date."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from portal.domain.commitment import earliest_last_day, locked_until
from portal.domain.days import check_day
from portal.domain.errors import Invalid, RuleBroken
from portal.domain.money import QUANTITY_MAX
from portal.domain.schedule import ONE_DAY
from portal.domain.wording import long_day, whole
from portal.extensions import db
from portal.models import Assignment, AssignmentEnd, AssignmentQuantity
from portal.services.assignments.assigning import check_end
from portal.services.assignments.own_prices import make_own_change, plan_own_change
from portal.services.billing.positions import find_next, has_begun
from portal.services.calls.effects import bundles_changed
from portal.services.packages import line_bound
from portal.services.runs.assignment_locks import lock_assignment, touch


def change_quantity(assignment: Assignment, quantity: int, effective_from: date, today: date) -> None:
    """A new quantity from `effective_from` on; at once while nothing of it has been posted.

    Invalid for a day that is not after today, for a number out of bounds, and for fewer units while locked.
    """
    lock_assignment(assignment.id)
    check_change_of_quantity(assignment, quantity, effective_from, today)
    if effective_from <= today:
        first, *others = assignment.quantities or [AssignmentQuantity()]
        first.quantity = quantity
        assignment.quantities = [first, *(row for row in others if row.effective_from > today)]
        touch(assignment)
        return
    _keep_quantity(assignment, quantity, effective_from)


def check_change_of_quantity(
    assignment: Assignment, quantity: int, effective_from: date, today: date
) -> None:
    """Whether the quantity may become this one from a day on. Invalid says why not."""
    if not 1 <= quantity <= QUANTITY_MAX:
        raise Invalid("quantity", f"Quantity must be 1 to {whole(QUANTITY_MAX)}.")
    check_day("effective_from", effective_from)
    since = min(today, assignment.start_date)
    own = line_bound.own_history(assignment)
    line_bound.check_quantity(assignment.package, assignment.customer.currency, quantity, since, own)
    if effective_from <= today:
        if has_begun(assignment):
            raise Invalid(
                "effective_from",
                f"A new quantity takes effect tomorrow, {long_day(today + ONE_DAY)}, or later. One that was wrong is "
                "corrected back to a day.",
            )
        if assignment.is_locked_on(today) and quantity < assignment.quantity_on(today):
            raise _locked_quantity(assignment)
        return
    if assignment.is_locked_on(effective_from) and quantity < assignment.quantity_on(effective_from):
        raise _locked_quantity(assignment)
    _check_later_quantities(assignment, quantity, effective_from)


def _check_later_quantities(assignment: Assignment, quantity: int, effective_from: date) -> None:
    """While locked, none that was planned for a later day may be fewer."""
    for row in assignment.quantities:
        if (
            row.effective_from > effective_from
            and assignment.is_locked_on(row.effective_from)
            and row.quantity < quantity
        ):
            raise Invalid(
                "quantity",
                f"{whole(row.quantity)} are planned from {long_day(row.effective_from)}. "
                f"While it is locked the quantity cannot be reduced: "
                f"choose that day, or {whole(row.quantity)} at most.",
            )


def _keep_quantity(assignment: Assignment, quantity: int, effective_from: date) -> None:
    """Store a quantity from a day on."""
    touch(assignment)
    for row in assignment.quantities:
        if row.effective_from == effective_from:
            row.quantity = quantity
            return
    assignment.quantities.append(AssignmentQuantity(effective_from=effective_from, quantity=quantity))
    assignment.quantities.sort(key=lambda row: row.effective_from)


def _locked_quantity(assignment: Assignment) -> Invalid:
    assert assignment.locked_until
    return Invalid(
        "quantity",
        f"While it is locked, until {long_day(assignment.locked_until)}, the quantity can be increased "
        "but not reduced.",
    )


def change_end(
    assignment: Assignment,
    end_date: date | None,
    today: date,
    *,
    by: str,
    now: datetime,
    override_reason: str = "",
) -> None:
    """Set, move or remove the end date; what was charged too much or too little is posted by the next run.

    Invalid for a day that may not be the last one. The owner may override the lock with a reason, which is kept.
    """
    lock_assignment(assignment.id)
    if end_date == assignment.end_date:
        return
    check_change_of_end(assignment, end_date, today, override=bool(override_reason))
    if overrides(assignment, end_date):
        assignment.override_reason, assignment.override_by, assignment.override_at = override_reason, by, now
    keep_end(assignment, end_date, today, begun=has_begun(assignment))
    db.session.flush()
    find_next(assignment, today)
    bundles_changed([assignment], today, now)


def check_change_of_end(
    assignment: Assignment, end_date: date | None, today: date, *, override: bool = False
) -> None:
    """Whether the end date may become this one. Invalid says why not."""
    if assignment.has_ended_on(today):
        raise Invalid("end_date", over(assignment))
    if end_date:
        check_day("end_date", end_date)
        check_end(end_date, assignment.start_date, None if override else assignment.locked_until)


def over(assignment: Assignment) -> str:
    """What is said of an assignment that has ended, or was withdrawn, to whoever would change it."""
    assert assignment.end_date
    what, on = ("ended", assignment.end_date)
    if assignment.withdrawn_on:
        what, on = ("was withdrawn", assignment.withdrawn_on)
    return f"It {what} on {long_day(on)}. Assign the package again instead."


def overrides(assignment: Assignment, end_date: date | None) -> bool:
    """Whether a last day is one that only the owner may give: before the lock falls away."""
    lock = assignment.locked_until
    return bool(end_date and lock and end_date < earliest_last_day(lock, assignment.start_date))


def keep_end(assignment: Assignment, end_date: date | None, today: date, *, begun: bool) -> None:
    """Store an end date, with the day since which it is known once a run has dealt with the assignment."""
    assignment.end_date = end_date
    if not assignment.ends:
        assignment.ends.append(AssignmentEnd(end_date=end_date))
        return
    if not begun:
        assignment.ends[0].end_date = end_date
        return
    if assignment.ends[-1].known_on >= today:
        assignment.ends[-1].end_date = end_date
    else:
        assignment.ends.append(AssignmentEnd(known_on=today, end_date=end_date))
    position = assignment.position
    if position.worked_through and position.worked_through >= today:
        position.worked_through = today - ONE_DAY  # today's run did not see it yet


def change_start(assignment: Assignment, start_date: date, charge_from: date | None, today: date) -> None:
    """Another start date, while nothing has been posted; the lock moves with it."""
    lock_assignment(assignment.id)
    if (start_date, charge_from) == (assignment.start_date, assignment.charge_from):
        return
    if has_begun(assignment):
        raise Invalid(
            "start_date",
            "The start date is fixed, because charges have been posted. Assign the package again instead.",
        )
    if (
        start_date != assignment.start_date
        and assignment.is_locked_on(today)
        and assignment.start_date <= today
    ):
        raise Invalid("start_date", "It has started and is locked, so its start date cannot change.")
    lock = locked_until(start_date, assignment.minimum_days)
    for name, day in (("start_date", start_date), ("charge_from", charge_from)):
        check_day(name, day)
    if charge_from and charge_from < start_date:
        raise Invalid("charge_from", "Charging cannot begin before the start date.")
    if assignment.end_date:
        check_end(assignment.end_date, start_date, lock)
    assignment.start_date, assignment.charge_from, assignment.locked_until = start_date, charge_from, lock
    db.session.flush()
    find_next(assignment, today)


# -- everything that a form lets one change, together


@dataclass(frozen=True, slots=True)
class Change:
    """An assignment as somebody wants to have it."""

    quantity: int
    effective_from: date
    start_date: date
    charge_from: date | None
    end_date: date | None
    auto_decrement_credit: bool
    override_reason: str = ""
    # Own prices that change, by their names; None is the package's price.
    own: tuple[tuple[str, Decimal | None], ...] = ()


def make_change(assignment: Assignment, change: Change, today: date, *, by: str, now: datetime) -> None:
    """Make of the assignment what is wanted, all or nothing. Invalid names the field that cannot be."""
    lock_assignment(assignment.id)
    if assignment.has_ended_on(today):
        raise RuleBroken(over(assignment))
    if change.quantity != assignment.quantity_on(change.effective_from):
        change_quantity(assignment, change.quantity, change.effective_from, today)
    if (change.start_date, change.charge_from) != (assignment.start_date, assignment.charge_from):
        change_end(assignment, None, today, by=by, now=now)  # a new start is held against the new end only
        change_start(assignment, change.start_date, change.charge_from, today)
    change_end(assignment, change.end_date, today, by=by, now=now, override_reason=change.override_reason)
    if change.own:
        make_own_change(plan_own_change(assignment, dict(change.own), change.effective_from, today))
    assignment.auto_decrement_credit = change.auto_decrement_credit
    bundles_changed([assignment], today, now)
