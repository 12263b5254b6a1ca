"""Positions: up to which day an assignment is charged, locked, and the next day on which anything falls due."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, case, func, select

from portal.domain.due import Position
from portal.domain.errors import RuleBroken
from portal.domain.schedule import LAST_DAY, ONE_DAY
from portal.extensions import db
from portal.models import Assignment, AssignmentPosition, Package
from portal.services import locking
from portal.services.billing.failures import Failed, failed, load_each
from portal.services.billing.loading import Loaded, usage_wait_days
from portal.services.chunks import in_chunks

# So far apart the first and the last assignment of a customer may be, for the positions between them to be read.
CLOSE = 200_000
# Those of a customer who has so many are looked for on so many of the first days on which anybody is charged.
BY_DAY_FROM, DAYS = 5_000, 4


def between(customer_id: int) -> list[ColumnElement[bool]]:
    """Among which positions those of a customer are, where PostgreSQL is quicker to read these than everybody's day by
    day: the assignments of a large customer mostly come in together. SQLite begins with the customer of itself.
    """
    if db.engine.dialect.name != "postgresql":
        return []
    ends = select(func.min(Assignment.id), func.max(Assignment.id)).where(
        Assignment.customer_id == customer_id
    )
    first, last = db.session.execute(ends).one()
    if first is None or last - first > CLOSE:
        return []
    return [AssignmentPosition.assignment_id.between(first, last)]


def by_day(among: list[ColumnElement[bool]]) -> Any:
    """The day to sort positions by: `among` some, an expression, so that no index of days is gone through for it."""
    day = AssignmentPosition.next_charge_on
    return func.coalesce(day, LAST_DAY) if among else day


def on_first_days(customer_id: int, most: int, many: int) -> list[tuple[int, date]]:
    """The first of the assignments of a customer who has very many, as far as they are due on the first days on which
    anybody's are: found in the order of their ids, where all of the customer's would be read for the first of them.

    `many` is how many the customer is known to have; 0: that is not known.
    """
    if many < BY_DAY_FROM:
        return []
    # Each by itself: SQLite finds both ends of an index, but not in one look.
    ends = (
        select(end(Assignment.id)).where(Assignment.customer_id == customer_id)
        for end in (func.min, func.max)
    )
    first, last = db.session.execute(select(*(end.scalar_subquery() for end in ends))).one()
    if last - first > 2 * many:  # most between them are others', and would be looked at for nothing
        return []
    id, on = AssignmentPosition.assignment_id, AssignmentPosition.next_charge_on
    # The sum keeps SQLite from beginning with the customer.
    theirs = (
        select(id).join(Assignment).where(id.between(first, last), Assignment.customer_id + 0 == customer_id)
    )
    found: list[tuple[int, date]] = []
    day = db.session.scalar(select(func.min(on)))
    for _ in range(DAYS):
        if day is None or len(found) == most:
            break
        of_day = theirs.where(on == day).order_by(id).limit(most - len(found))
        found += [(one, day) for one in db.session.scalars(of_day)]
        day = db.session.scalar(select(func.min(on)).where(on > day))
    return found


def posted_through(customer_id: int, today: date) -> date:
    """The last day up to which all that a customer is charged is posted, but for what is held: today, where no charge
    waits for a run, nor a minimum spend for its last calls.
    """
    on, waits = AssignmentPosition.next_charge_on, ~AssignmentPosition.is_held
    is_theirs = Assignment.customer_id == customer_id
    theirs = select(on).join(Assignment).where(is_theirs, waits)
    # Behind a run nobody's waits, and before it most on one day: seldom all of theirs are looked at for the first.
    anybodys = select(func.min(on)).where(on <= today, waits).scalar_subquery()
    # One by one, beginning with theirs: many thousands of others' may stand before the first of them.
    each = select(on).where(AssignmentPosition.assignment_id == Assignment.id, waits).correlate(Assignment)
    of_that_day = (
        select(anybodys).select_from(Assignment).where(is_theirs, each.scalar_subquery() == anybodys).limit(1)
    ).scalar_subquery()
    of_any = theirs.where(on <= today).with_only_columns(func.min(on)).scalar_subquery()
    first = case((anybodys.is_not(None), func.coalesce(of_that_day, of_any)))
    wait = ONE_DAY * usage_wait_days()  # a minimum spend is found so much later than the day it bears
    of_package = theirs.where(on <= today + wait, Assignment.package_id == Package.id).correlate(Package)
    found = select(func.min(of_package.with_only_columns(func.min(on)).scalar_subquery())).where(
        Package.minimum_spend
    )
    day, found_on = db.session.execute(select(first, found.scalar_subquery())).one()
    return min((one - ONE_DAY for one in (day, found_on and found_on - wait) if one), default=today)


def has_begun(assignment: Assignment) -> bool:
    """Whether a run has dealt with it: from then on changes hold from a day on.

    Holds its position, so that a run that is at work on it comes wholly before or wholly after the change.
    """
    lock_positions([assignment.id])
    if assignment.position is None:
        raise RuleBroken(
            "It is not known up to which day this assignment is charged, so it cannot be changed. Ask "
            "whoever runs the portal to correct this first."
        )
    return assignment.position.charged_until is not None


def lock_positions(ids: Iterable[int]) -> None:
    """Lock the positions of assignments and read them anew."""
    locking.lock(AssignmentPosition, ids)


def find_next(assignment: Assignment, today: date) -> None:
    """Work out anew the next day on which anything can fall due, and move the position's version on."""
    find_next_of([assignment], today)


def find_next_of(assignments: Sequence[Assignment], today: date) -> None:
    """The same for many, read together."""
    positions = {assignment.id: assignment.position for assignment in assignments}
    for some in in_chunks(list(positions)):
        for item in load_each(some, spend_before=today + ONE_DAY):
            id = item.assignment_id if isinstance(item, Failed) else item.facts.assignment_id
            if position := positions[id]:
                position.next_charge_on = today if isinstance(item, Failed) else _next_day_of(item, today)
                position.version += 1


def _next_day_of(loaded: Loaded, today: date) -> date | None:
    """The next day; today where that cannot be worked out: the next run says so."""
    try:
        return _next_day(loaded, today)
    except Exception as error:
        failed(loaded.facts.assignment_id, error)
        return today


def _next_day(loaded: Loaded, today: date) -> date | None:
    begins, end = loaded.terms.begins, loaded.terms.ends[-1][1]
    if loaded.position == Position() and (end is None or begins <= end):
        return begins
    due = loaded.due(today)
    days = [charge.found_on for charge in due.charges] + ([due.next_charge_on] if due.next_charge_on else [])
    return min((day for day in days if day <= LAST_DAY), default=None)
