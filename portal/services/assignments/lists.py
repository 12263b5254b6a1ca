"""Assignments as lists show them: which there are, where each stands, and what it is charged next."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, and_, case, func, or_, select
from sqlalchemy import cast as sql_cast
from sqlalchemy.orm import joinedload, selectinload

from portal.domain import wording
from portal.domain.due import Kind
from portal.domain.money import from_micros
from portal.domain.names import search_words
from portal.domain.phone_numbers import parts_to_find
from portal.domain.schedule import ONE_DAY, Schedule
from portal.extensions import db
from portal.models import Assignment, Customer, Did, Package
from portal.services import listing
from portal.services.billing.failures import Failed, failed, load_each
from portal.services.billing.loading import Loaded
from portal.services.chunks import in_chunks
from portal.services.packages.holdings import remember, remembered

# A charge date can come to nothing (a price of 0): so many are looked at to find the next one that does not.
LOOKED_AT = 12
# As many as one act may touch.
MANY = 10_000
# As many as one page shows; as many packages as a customer's page shows, and of one package that is unfolded.
PAGE = 50
GROUPS = 25
UNFOLDED = 25
# What has ended is folded together, whatever its package.
ENDED = "ended"


EVERY, OPEN = "all", "open"
STATES = (EVERY, OPEN)


class State(StrEnum):
    """Where an assignment stands, as its mark says."""

    ACTIVE = "active"
    LOCKED = "locked"
    LATER = "later"
    HELD = "held"
    ENDED = "ended"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class NextCharge:
    """What falls due next: its day, the sum of that day's lines, and what is overdue before today with it.

    `provisional` says that it is a minimum spend, less what is spent so far.
    """

    charge_on: date
    amount: Decimal
    lines: int
    provisional: bool = False
    overdue: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """A row of a list; `failed` where it cannot be worked out what is charged next."""

    assignment: Assignment
    state: State
    next_charge: NextCharge | None
    failed: Failed | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many are assigned (not ended), and how many have ended: each as `listing.count` says it."""

    assigned: int
    ended: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.assigned + self.ended


def state_on(assignment: Assignment, day: date) -> State:
    """Where an assignment stands on a day."""
    if assignment.position and assignment.position.held_lines:
        return State.HELD
    if assignment.withdrawn_on:
        return State.WITHDRAWN
    if assignment.has_ended_on(day):
        return State.ENDED
    if assignment.start_date > day:
        return State.LATER
    return State.LOCKED if assignment.is_locked_on(day) else State.ACTIVE


def find_assignments(customer: Customer | None, state: str, today: date) -> Select[Assignment]:
    """All of them, or a customer's; `open`: those that have not ended and were not withdrawn."""
    query = select(Assignment)
    if customer is not None:
        query = query.where(Assignment.customer_id == customer.id)
    return query.where(is_open(today)) if state == OPEN else query


def is_open(today: date) -> ColumnElement[bool]:
    """Those that have not ended and were not withdrawn."""
    return and_(_not_ended(today), Assignment.withdrawn_on.is_(None))


def of_customer(customer: Customer, text: str = "") -> Select[Assignment]:
    """The assignments of a customer, those on their DIDs too, whose package or number holds `text`."""
    query = select(Assignment).where(Assignment.customer_id == customer.id)
    return query.where(_matches(text)) if text.strip() else query


def _matches(text: str) -> ColumnElement[bool]:
    """Whether the package's name holds every word that was typed, or the DID's number holds it."""
    words = (Package.search_key.contains(word, autoescape=True) for word in search_words(text))
    numbers = (Did.number.contains(part, autoescape=True) for part in parts_to_find(text))
    return or_(Assignment.package.has(and_(*words)), *(Assignment.did.has(number) for number in numbers))


def of_did(did: Did) -> Select[Assignment]:
    """The assignments on a DID, of the customer who has it and of those who had it."""
    return select(Assignment).where(Assignment.did_id == did.id)


def ids_on_dids(did_ids: Collection[int], today: date) -> list[int]:
    """The assignments on these DIDs that have not ended."""
    found: list[int] = []
    for some in in_chunks(sorted(did_ids)):
        found += db.session.scalars(
            select(Assignment.id).where(Assignment.did_id.in_(some), _not_ended(today))
        )
    return found


def ids_of_package(package_id: int, today: date, in_force: bool) -> list[int]:
    """The assignments of a package that have not ended, at most one more than one act may touch.

    `in_force`: those that have begun.
    """
    query = select(Assignment.id).where(Assignment.package_id == package_id, _not_ended(today))
    if in_force:
        query = query.where(Assignment.start_date <= today)
    return list(db.session.scalars(query.order_by(Assignment.id).limit(MANY + 1)))


def _not_ended(today: date) -> ColumnElement[bool]:
    return or_(Assignment.end_date.is_(None), Assignment.end_date >= today)


def counts(query: Select[Assignment], today: date) -> Counts:
    """How many of them have ended, and how many have not."""
    still = _not_ended(today)
    return Counts(listing.count(query.where(still)), listing.count(query.where(~still)))


def page_of(
    query: Select[Assignment],
    today: date,
    after: int | None = None,
    before: int | None = None,
    size: int = PAGE,
) -> listing.Page[Listed]:
    """A page of them, the newest first and those that have ended last, each with its next charge."""
    rows = query.options(*for_rows())
    page = None if after or before else _first_in_force(query, today, size)
    page = page or listing.page(rows, newest(today), after, before, size)
    return listing.Page(listed(page.rows, today), page.total, page.after, page.before)


def _first_in_force(query: Select[Assignment], today: date, size: int) -> listing.Page[Assignment] | None:
    """The first page, where it has none that has ended: read in the order of an index, without sorting fifty thousand.

    None where there are fewer.
    """
    in_order = query.where(_not_ended(today)).order_by(Assignment.id.desc())
    ids = db.session.scalars(in_order.with_only_columns(Assignment.id).limit(size + 1)).all()
    if len(ids) <= size:
        return None
    rows = select(Assignment).where(Assignment.id.in_(ids[:size])).options(*for_rows())
    found = list(db.session.scalars(rows.order_by(Assignment.id.desc())).unique())
    return listing.Page(found, listing.count(query), ids[size - 1])


@dataclass(frozen=True, slots=True)
class Group:
    """What is assigned of one package, or, without a package, what has ended: `rows` where it is unfolded, or is one.

    `count` is how many there are, as `listing.count` says it.
    """

    package: Package | None
    count: int
    rows: Sequence[Listed] = ()

    @property
    def key(self) -> int | str:
        """What an address calls it."""
        return self.package.id if self.package else ENDED

    @property
    def is_one(self) -> bool:
        """Whether it is one assignment, and no group."""
        return self.package is not None and self.count == 1


@dataclass(frozen=True, slots=True)
class Groups:
    """What is assigned to a customer by package, the latest assigned first, and last what has ended.

    `more`: there are other packages than these.
    """

    shown: Sequence[Group] = ()
    more: bool = False


def groups_of(customer: Customer, today: date, unfolded: int | str = "", only: int | str = "") -> Groups:
    """The packages of a customer, each with how many are assigned; with `only`, that one alone.

    `unfolded` is the one whose rows are shown. Either is a package's id, or ENDED.
    """
    mine, open_still = Assignment.customer_id == customer.id, is_open(today)
    found = [row for row in by_package(customer, today) if not only or row[0] == only][: GROUPS + 1]
    ended = 0
    if only in ("", ENDED):
        have_ended = select(Assignment).where(mine, ~open_still)
        ended = remembered(customer.id, today, "ended", lambda: listing.count(have_ended))
    which: list[ColumnElement[bool]] = [Assignment.id.in_([row[2] for row in found if row[1] == 1])]
    if unfolded == ENDED:
        which.append(and_(mine, Assignment.id.in_(_first_of(~open_still, mine))))
    elif any(row[0] == unfolded and row[1] > 1 for row in found):
        which.append(Assignment.id.in_(_first_of(open_still, mine, Assignment.package_id == unfolded)))
    query = select(Assignment).where(or_(*which)).options(*for_rows()).order_by(Assignment.id.desc())
    by_key: dict[int | str, list[Listed]] = {}
    for row in listed(list(db.session.scalars(query)), today):
        gone = row.assignment.has_ended_on(today) or row.assignment.withdrawn_on
        by_key.setdefault(ENDED if gone else row.assignment.package_id, []).append(row)
    packages = {row.assignment.package_id: row.assignment.package for rows in by_key.values() for row in rows}
    packages |= _packages({row[0] for row in found} - packages.keys())
    shown = [Group(packages[row[0]], row[1], by_key.get(row[0], ())) for row in found[:GROUPS]]
    if ended:
        shown.append(Group(None, ended, by_key.get(ENDED, ())))
    return Groups(shown, len(found) > GROUPS)


def _first_of(*which: ColumnElement[bool]) -> Select[int]:
    """The ids of those that are shown of one package."""
    return select(Assignment.id).where(*which).order_by(Assignment.id.desc()).limit(UNFOLDED)


def by_package(customer: Customer, today: date) -> Sequence[tuple[int, ...]]:
    """Each package of a customer, with how many are assigned and the latest of these, the latest assigned first."""
    latest = func.max(Assignment.id)
    query = select(Assignment.package_id, func.count(), latest).where(Assignment.customer_id == customer.id)
    query = query.where(is_open(today)).group_by(Assignment.package_id).order_by(latest.desc())
    found = remembered(
        customer.id, today, "by package", lambda: [tuple(row) for row in db.session.execute(query)]
    )
    remember(customer.id, sum(row[1] for row in found))
    return found


def _packages(ids: Collection[int]) -> dict[int, Package]:
    query = select(Package).where(Package.id.in_(ids)).options(selectinload(Package.schedules))
    return {package.id: package for package in db.session.scalars(query)} if ids else {}


def newest(today: date) -> listing.Sort:
    """The newest first, and those that have ended last."""
    return listing.Sort((_in_force_or_later(today), Assignment.id), descending=True)


def for_rows() -> tuple[Any, ...]:
    """What a row shows, fetched with it."""
    return (
        joinedload(Assignment.package).selectinload(Package.prices),
        joinedload(Assignment.package).selectinload(Package.schedules),
        joinedload(Assignment.customer),
        joinedload(Assignment.did),
        joinedload(Assignment.position),
        selectinload(Assignment.quantities),
        selectinload(Assignment.own_prices),
    )


def listed(assignments: Sequence[Assignment], today: date) -> list[Listed]:
    """Rows of a list, their next charges worked out together."""
    next_of = next_charges([a.id for a in assignments if not a.position or a.position.next_charge_on], today)
    return [_listed(a, next_of.get(a.id), today) for a in assignments]


def _listed(assignment: Assignment, next_charge: NextCharge | Failed | None, today: date) -> Listed:
    state = state_on(assignment, today)
    if isinstance(next_charge, Failed):
        return Listed(assignment, state, None, next_charge)
    return Listed(assignment, state, next_charge)


def next_charges(ids: Sequence[int], today: date) -> dict[int, NextCharge | Failed]:
    """What each of the assignments is charged next, where anything is, or why that cannot be told."""
    found: dict[int, NextCharge | Failed] = {}
    for item in load_each(ids, today + ONE_DAY) if ids else ():
        if isinstance(item, Failed):
            found[item.assignment_id] = item
            continue
        id = item.facts.assignment_id
        try:
            charge = next_charge_of(item, today)
        except Exception as error:
            found[id] = failed(id, error)
            continue
        if charge:
            found[id] = charge
    return found


def next_charge_of(item: Loaded, today: date) -> NextCharge | None:
    """The first charge date that brings a line, looking as far ahead as the engine says anything can be due."""
    through: date | None = today
    for _ in range(LOOKED_AT):
        if through is None:
            return None
        due = item.due(through)
        lines = [c for c in due.charges if c.amount or (c.kind == Kind.MINIMUM_SPEND and c.charge_on > today)]
        if lines:
            break
        through = due.next_charge_on
    else:
        return None
    overdue = [charge for charge in lines if charge.charge_on < today]
    first = min(charge.charge_on for charge in lines)
    counted = lines if overdue else [charge for charge in lines if charge.charge_on == first]
    return NextCharge(
        first,
        from_micros(sum(charge.amount for charge in counted)),
        len(counted),
        any(charge.kind == Kind.MINIMUM_SPEND and charge.charge_on > today for charge in counted),
        bool(overdue),
    )


def charged(assignment: Assignment, day: date) -> str:
    """When it is charged, in few words; without match days, by the day it started on."""
    return wording.charged(*_schedule(assignment, day), assignment.package.minimum_spend)


def how_charged(assignment: Assignment, day: date) -> str:
    """The same as customers read it: monthly on the 15th and 31st."""
    return wording.charged_on(*_schedule(assignment, day), assignment.package.minimum_spend)


def _schedule(assignment: Assignment, day: date) -> tuple[Schedule, date | None]:
    """Its schedule, and the day that its charge dates are counted from where that is its start date."""
    row = assignment.package.schedule_on(day)
    return (
        Schedule(row.frequency, row.frequency_match),
        assignment.start_date if len(assignment.package.schedules) == 1 else None,
    )


def _in_force_or_later(today: date) -> ColumnElement[int]:
    """0 for an assignment whose last day lies before today, else 1."""
    open_still = or_(Assignment.end_date.is_(None), Assignment.end_date >= today)
    return sql_cast(case((open_still, 1), else_=0), Integer)
