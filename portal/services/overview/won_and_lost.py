"""What recurs in a month, won and lost between two days: new, more, less and ended (billing-rules 5).

What they come to is the difference of what recurred on both days, to the last unit: each assignment is worked out, and
rounded, by itself. Those that are alike are counted by the database and worked out once.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import ColumnElement, Integer, case, exists, func, literal, select
from sqlalchemy.orm import aliased, selectinload

from portal.domain.schedule import ONE_DAY
from portal.extensions import db
from portal.models import Assignment, AssignmentPrice, AssignmentQuantity, Customer, Package
from portal.services.overview import whole_table
from portal.services.overview.remembering import Reading
from portal.services.packages.definition import OwnPriceSet
from portal.services.packages.figures import MonthlyPrices, in_force, monthly_prices, own_held

ZERO = Decimal(0)
NEW, MORE, LESS, ENDED = KINDS = ("new", "more", "less", "ended")


@dataclass(slots=True)
class WonAndLost:
    """What recurs in one currency on a day, what became of it, and what recurs on a later day; less and ended are lost.

    `before` + `new` + `more` - `less` - `ended` is `after`. `counts` says of how many assignments each of the four is;
    the costs are those of what recurs on either day.
    """

    currency: str
    before: Decimal = ZERO
    new: Decimal = ZERO
    more: Decimal = ZERO
    less: Decimal = ZERO
    ended: Decimal = ZERO
    after: Decimal = ZERO
    cost_before: Decimal = ZERO
    cost_after: Decimal = ZERO
    counts: dict[str, int] | None = None

    @property
    def difference(self) -> Decimal:
        """What was won, less what was lost."""
        return self.after - self.before

    @property
    def margin_difference(self) -> Decimal:
        """By how much what is left of it is more than it was."""
        return self.difference - (self.cost_after - self.cost_before)


class Alike(NamedTuple):
    """Assignments of which the same can be said: the quantity that each has on both days, 0 where it does not run.

    `id` is of a single one that has prices of its own; 0 of all others.
    """

    id: int
    package_id: int
    currency: str
    before: int
    after: int
    assignments: int


def of_month(reading: Reading, since: date) -> list[WonAndLost]:
    """From the end of `since` until today, remembered until something changes."""
    question = ("won and lost", since)
    return reading.answer(question, reading.terms, lambda: won_and_lost(since, reading.today))


def month_before(today: date) -> date:
    """The last day of the month before this one."""
    return today.replace(day=1) - ONE_DAY


def won_and_lost(before: date, after: date) -> list[WonAndLost]:
    """Between two days, for each currency of which anything recurs on either; end dates as they are known now.

    Both are counted in the twelve months from the later day, so that the calendar alone wins and loses nothing.
    """
    rows = [*_alike(before, after), *_single(before, after)]
    both, sums = Both(before, after), dict[str, WonAndLost]()
    for row in rows:
        if both.recurs(row):
            of_currency = sums.setdefault(row.currency, WonAndLost(row.currency, counts=defaultdict(int)))
            _add(of_currency, row, *both.values(row))
    return sorted(sums.values(), key=lambda row: row.currency)


class Both:
    """What assignments come to in a month, and cost, on either of two days."""

    def __init__(self, before: date, after: date) -> None:
        self.days = (before, after)
        self.packages = _packages()
        self.own = tuple(
            {one.assignment_id: one.prices for one in own_held(in_force(day), day)} for day in self.days
        )
        self.prices: dict[tuple[int, str, date], MonthlyPrices | None] = {}

    def recurs(self, row: Alike) -> bool:
        """Whether its package charges again and again."""
        return bool(self.packages[row.package_id].recurs)

    def values(self, row: Alike) -> list[tuple[Decimal, Decimal]]:
        """Then and later: what such an assignment comes to, and what it costs."""
        return [
            _value(self.at(row.package_id, row.currency, day), quantity, own.get(row.id))
            for day, quantity, own in zip(self.days, (row.before, row.after), self.own, strict=True)
        ]

    def at(self, package_id: int, currency: str, day: date) -> MonthlyPrices | None:
        """A package's prices on one of the days; both are counted in the twelve months from the later one."""
        key = (package_id, currency, day)
        if key not in self.prices:
            self.prices[key] = monthly_prices(self.packages[package_id], currency, day, self.days[1])
        return self.prices[key]

    def repriced(self, currency: str) -> list[int]:
        """The packages that come to something else on the later day, quantity for quantity."""
        return [id for id in self.packages if len({self.at(id, currency, day) for day in self.days}) > 1]


def _value(prices: MonthlyPrices | None, quantity: int, own: OwnPriceSet | None) -> tuple[Decimal, Decimal]:
    """What an assignment comes to in a month, and what it costs."""
    if prices is None or not quantity:
        return ZERO, ZERO
    return (prices.at(own) if own else prices).of({quantity: 1})


def _add(sums: WonAndLost, row: Alike, then: tuple[Decimal, Decimal], later: tuple[Decimal, Decimal]) -> None:
    (was, cost_then), (now, cost_later) = then, later
    sums.cost_before += cost_then * row.assignments
    sums.cost_after += cost_later * row.assignments
    sums.before += was * row.assignments
    sums.after += now * row.assignments
    if kind := became(row, was, now):
        setattr(sums, kind, getattr(sums, kind) + abs(now - was) * row.assignments)
        assert sums.counts is not None
        sums.counts[kind] += row.assignments


def became(row: Alike, was: Decimal, now: Decimal) -> str:
    """What became of such an assignment: one of KINDS; empty where it comes to the same."""
    if was == now:
        return ""
    if not row.before:
        return NEW
    if not row.after:
        return ENDED
    return MORE if now > was else LESS


def _alike(before: date, after: date) -> Iterator[Alike]:
    """The assignments at the package's prices, which are nearly all, by package, currency and quantities."""
    package = whole_table.by(Assignment.package_id).label("of")
    was, now = units_on(before).label("was"), units_on(after).label("now")
    has_own = exists().where(AssignmentPrice.assignment_id == Assignment.id)
    each = (
        select(package, Customer.currency, was, now)
        .select_from(Assignment)
        .outerjoin(Customer, Customer.id == Assignment.customer_id)  # so that assignments are read first
        .where(whole_table.where(in_force(before) | in_force(after)), ~has_own)
        .subquery()
    )
    query = select(each, func.count()).group_by(*each.c)
    return (Alike(0, *row) for row in db.session.execute(query))


def _single(before: date, after: date) -> Iterator[Alike]:
    """Those that have, or once had, a price of their own, one by one."""
    has_own = exists().where(AssignmentPrice.assignment_id == Assignment.id)
    query = (
        select(Assignment.id, Assignment.package_id, Customer.currency, units_on(before), units_on(after))
        .join(Customer, Customer.id == Assignment.customer_id)
        .where(in_force(before) | in_force(after), has_own)
        .order_by(Assignment.id)
    )
    return (Alike(*row, 1) for row in db.session.execute(query))


def units_on(day: date) -> ColumnElement[int]:
    """How many units an assignment has on a day; 0 where its service does not run."""
    row = aliased(AssignmentQuantity)
    units = (
        select(row.quantity)
        .where(row.assignment_id == Assignment.id, row.effective_from <= day)
        .order_by(row.effective_from.desc())
        .limit(1)
        .scalar_subquery()
    )
    return case((in_force(day), func.coalesce(units, 0)), else_=literal(0, Integer))


def _packages() -> dict[int, Package]:
    query = select(Package).options(selectinload(Package.schedules), selectinload(Package.prices))
    return {package.id: package for package in db.session.scalars(query)}
