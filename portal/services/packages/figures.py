"""What a package brings in: who holds how much of it, worked out to a month (billing-rules 5).

A month is a twelfth of the charge dates of the next twelve months, so that weekly, quarterly and yearly
packages can be compared. Each assignment is rounded by itself, as its charges are: whichever sums are made of them
(of a package, a customer, a DID, all) say the same. Sums never mix currencies.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from typing import Any, NamedTuple

from dateutil.relativedelta import relativedelta
from flask import current_app
from sqlalchemy import BindParameter, ColumnElement, Select, case, exists, func, literal, or_, select
from sqlalchemy.orm import aliased, selectinload

from portal import database
from portal.domain.errors import Invalid
from portal.domain.money import from_micros, minor_unit, round_half_up, to_micros
from portal.domain.schedule import LAST_DAY, ONE_DAY, Frequency, Schedule, charge_dates, make_schedule
from portal.extensions import db
from portal.models import (
    Assignment,
    AssignmentPosition,
    AssignmentPrice,
    AssignmentQuantity,
    Customer,
    Package,
)
from portal.services.among import IDS, is_among
from portal.services.packages.definition import PRICE_LABELS, OwnPriceSet

A_YEAR = relativedelta(years=1)
# So many packages' prices are remembered, each by currency and day.
REMEMBERED = 5_000
UNKNOWN: Any = object()
Day = date | BindParameter[date]
_VERSIONS = select(Package.id, Package.token, Package.version).where(is_among(Package.id, IDS))


@dataclass(frozen=True, slots=True)
class Assigned:
    """How much of a package is held in one currency; `units` is how many assignments have which quantity."""

    currency: str
    customers: int
    units: tuple[tuple[int, int], ...]

    @property
    def assignments(self) -> int:
        """How many have it."""
        return sum(count for _, count in self.units)

    @property
    def quantity(self) -> int:
        """How many units all of them have."""
        return sum(quantity * count for quantity, count in self.units)

    def without(self, own: Iterable["OwnHolding"]) -> list[tuple[int, int]]:
        """The same units but for those with own prices."""
        rest = Counter(dict(self.units))
        rest.subtract(one.quantity for one in own)
        return sorted(rest.items())


@dataclass(frozen=True, slots=True)
class Monthly:
    """What one currency's holding comes to in a month."""

    holding: Assigned
    retail: Decimal
    cost: Decimal

    @property
    def margin(self) -> Decimal:
        """Retail less cost."""
        return self.retail - self.cost


def charges_a_month(schedule: Schedule, day: date) -> Fraction:
    """How often a schedule charges in a month, seen from `day`. Nothing for frequency none.

    Nothing, too, for one that cannot be: what has it cannot be worked out, and is told so by itself.
    """
    if schedule.frequency == Frequency.NONE or not _can_be(schedule):
        return Fraction(0)
    until = day + A_YEAR
    if schedule.frequency == Frequency.WEEKLY and not schedule.match:
        return Fraction((until - day).days, 7 * 12)  # each assignment has a weekday of its own
    return Fraction(sum(1 for _ in charge_dates(schedule, day, until)), 12)


def _can_be(schedule: Schedule) -> bool:
    """Whether its match days are days at all."""
    try:
        make_schedule(schedule.frequency, schedule.match)
    except Invalid:
        return False
    return True


def a_month(price: int, quantity: int, times: Fraction, currency: str) -> Decimal:
    """A price in micros for a quantity, charged so many times a month, rounded once."""
    amount = round_half_up(price * quantity * times.numerator, times.denominator, minor_unit(currency))
    return from_micros(amount)


class OwnHolding(NamedTuple):
    """An assignment with own prices (billing-rules 14), and which these are; None is the package's."""

    assignment_id: int
    customer_id: int
    package_id: int
    currency: str
    quantity: int
    prices: OwnPriceSet


class MonthlyPrices(NamedTuple):
    """What a package costs and brings: its prices in micros, and how often it charges in a month."""

    retail: int
    cost: int
    times: Fraction
    currency: str

    def of(self, units: Mapping[int, int], own: Iterable[OwnHolding] = ()) -> tuple[Decimal, Decimal]:
        """What so many assignments of each quantity come to in a month: retail and cost, rounded for each of them.

        `own` are those among them that have own prices.
        """
        own, rest = list(own), units
        if own:
            rest = Counter(units)
            rest.subtract(one.quantity for one in own)
        each = [(self, quantity, count) for quantity, count in rest.items()]
        each += [(self.at(one.prices), one.quantity, 1) for one in own]
        retail = (a_month(it.retail, units, self.times, self.currency) * count for it, units, count in each)
        cost = (a_month(it.cost, units, self.times, self.currency) * count for it, units, count in each)
        return sum(retail, Decimal(0)), sum(cost, Decimal(0))

    def at(self, own: OwnPriceSet) -> "MonthlyPrices":
        """The same with own prices in their place."""
        mine = own.in_micros()
        retail = self.retail if mine.retail is None else mine.retail
        return self._replace(retail=retail, cost=self.cost if mine.cost is None else mine.cost)


def monthly_prices(
    package: Package, currency: str, day: date, counted_from: date | None = None
) -> MonthlyPrices | None:
    """A package's, at the terms of a day; None where it has no prices in the currency.

    How often it charges is counted in the twelve months from that day, or from another.
    """
    prices, schedule = package.price_on(currency, day), package.schedule_on(day)
    if prices is None:
        return None
    times = charges_a_month(Schedule(schedule.frequency, schedule.frequency_match), counted_from or day)
    return MonthlyPrices(to_micros(prices.retail), to_micros(prices.cost), times, currency)


def all_monthly_prices(
    wanted: Collection[tuple[int, str]], day: date
) -> dict[tuple[int, str], MonthlyPrices | None]:
    """The same of many packages, each in a currency. Whoever only reads has them remembered while their packages are of
    the same version: whatever is done to one counts it up.
    """
    kept: dict[Any, MonthlyPrices | None] = {}
    if database.is_reading():  # whoever writes may see what is never kept
        kept = current_app.extensions.setdefault("portal.monthly_prices", kept)
    ids = {id for id, _ in wanted}
    versions = {row[0]: row[1:] for row in db.session.execute(_VERSIONS, {"ids": ids})}
    keys = {(id, currency): (id, *versions[id], currency, day) for id, currency in wanted}
    # Another thread may forget them meanwhile.
    had = {pair: kept.get(key, UNKNOWN) for pair, key in keys.items()}
    found = {pair: prices for pair, prices in had.items() if prices is not UNKNOWN}
    if rest := keys.keys() - found.keys():
        query = select(Package).where(Package.id.in_({id for id, _ in rest}))
        query = query.options(selectinload(Package.schedules), selectinload(Package.prices))
        packages = {package.id: package for package in db.session.scalars(query)}
        new = {pair: monthly_prices(packages[pair[0]], pair[1], day) for pair in rest}
        if len(kept) + len(new) > REMEMBERED:
            kept.clear()
        kept.update({keys[pair]: prices for pair, prices in new.items()})
        found |= new
    return found


def in_force(day: Day) -> ColumnElement[bool]:
    """The assignments whose service runs on `day`."""
    return (Assignment.start_date <= day) & open_on(day)


def open_on(day: Day) -> ColumnElement[bool]:
    """The assignments whose service runs on `day`, or begins later."""
    return or_(Assignment.end_date.is_(None), Assignment.end_date >= day)


def with_quantity(query: Select[*tuple[Any, ...]], day: Day) -> Select[*tuple[Any, ...]]:
    """A query of assignments, joined with the quantity (AssignmentQuantity) that each has on `day`."""
    later = aliased(AssignmentQuantity)
    replaced = (
        select(later.id)
        .where(later.assignment_id == AssignmentQuantity.assignment_id)
        .where(later.effective_from > AssignmentQuantity.effective_from, later.effective_from <= day)
        .exists()
    )
    joined = query.join(AssignmentQuantity, AssignmentQuantity.assignment_id == Assignment.id)
    return joined.where(AssignmentQuantity.effective_from <= day, ~replaced)


def own_held(which: ColumnElement[bool], day: date) -> list[OwnHolding]:
    """The assignments `which` that have own prices on `day`, with the quantities of that day: the exceptions."""
    return own_of(own_query(which, day))


def own_query(which: ColumnElement[bool], day: Day) -> Select[*tuple[Any, ...]]:
    """What asks for them."""
    query = (
        select(
            Assignment.id,
            Assignment.customer_id,
            Assignment.package_id,
            Customer.currency,
            AssignmentQuantity.quantity,
            *(getattr(AssignmentPrice, name) for name in PRICE_LABELS),
        )
        .select_from(AssignmentPrice)
        .join(Assignment, Assignment.id == AssignmentPrice.assignment_id)
        .join(Customer, Customer.id == Assignment.customer_id)
        .where(which, *own_in_force(AssignmentPrice, day))
        .where(or_(*(getattr(AssignmentPrice, name).is_not(None) for name in PRICE_LABELS)))
        .order_by(Assignment.id)
    )
    return with_quantity(query, day)


def own_of(query: Select[*tuple[Any, ...]], asked: Mapping[str, Any] | None = None) -> list[OwnHolding]:
    """What it finds."""
    return [
        OwnHolding(id, customer_id, package_id, currency, quantity, OwnPriceSet(*four))
        for id, customer_id, package_id, currency, quantity, *four in db.session.execute(query, asked)
    ]


def has_own(names: Iterable[str], day: date) -> ColumnElement[bool]:
    """The assignments all of whose prices of these names are own on `day`."""
    row = aliased(AssignmentPrice)
    own = (getattr(row, name).is_not(None) for name in names)
    return exists().where(row.assignment_id == Assignment.id, *own_in_force(row, day), *own)


def own_in_force(row: Any, day: Day) -> tuple[ColumnElement[bool], ...]:
    """The rows of own prices in force on `day`."""
    later = aliased(AssignmentPrice)
    replaced = exists().where(
        later.assignment_id == row.assignment_id,
        later.effective_from > row.effective_from,
        later.effective_from <= day,
    )
    return row.effective_from <= day, ~replaced


def assigned(package: Package, which: ColumnElement[bool], day: date) -> list[Assigned]:
    """How much of the package is held by the assignments `which`, with the quantities of `day`."""
    of = (
        select(Customer.currency)
        .select_from(Assignment)
        .join(Customer, Customer.id == Assignment.customer_id)
        .where(Assignment.package_id == package.id, which)
    )
    query = with_quantity(of.add_columns(AssignmentQuantity.quantity, func.count()), day)
    units: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for currency, quantity, count in db.session.execute(
        query.group_by(Customer.currency, AssignmentQuantity.quantity)
    ):
        units[currency].append((quantity, count))
    customers = of.add_columns(func.count(Customer.id.distinct())).group_by(Customer.currency)
    return [
        Assigned(currency, count, tuple(sorted(units[currency])))
        for currency, count in db.session.execute(customers.order_by(Customer.currency))
        if currency in units
    ]


def monthly(package: Package, today: date) -> list[Monthly]:
    """What the package comes to in a month, for each currency that somebody has it in today."""
    own = own_held((Assignment.package_id == package.id) & in_force(today), today)
    return [
        Monthly(holding, *prices.of(dict(holding.units), [o for o in own if o.currency == holding.currency]))
        for holding in assigned(package, in_force(today), today)
        if (prices := monthly_prices(package, holding.currency, today))
    ]


def next_charge_days(package: Package, most: int) -> list[tuple[date, int]]:
    """The next days on which assignments of the package fall due, and how many on each."""
    day = AssignmentPosition.next_charge_on
    query = (
        select(day, func.count())
        .join(Assignment, Assignment.id == AssignmentPosition.assignment_id)
        .where(Assignment.package_id == package.id, day.is_not(None))
        .group_by(day)
    )
    # Sorted here: asked for the first few, PostgreSQL goes through the days of all assignments instead.
    return sorted((row[0], row[1]) for row in db.session.execute(query) if row[0])[:most]


def schedule_days(package: Package, today: date, after: date, most: int = 5) -> list[date]:
    """The days after one on which today's schedule charges, if by match days: the same for every assignment.

    They end where another schedule is planned.
    """
    row = package.schedule_on(today)
    schedule = Schedule(row.frequency, row.frequency_match)
    if not schedule.match or not _can_be(schedule):
        return []
    until = min((s.effective_from for s in package.schedules if s.effective_from > today), default=LAST_DAY)
    return list(islice(charge_dates(schedule, max(today, after) + ONE_DAY, until), most))


def assigned_to(package_ids: list[int], today: date, most: int = 1000) -> dict[int, int]:
    """How many assignments each package has in force, counted up to `most + 1`."""
    mine = (Assignment.package_id == Package.id, in_force(today))
    one_more = select(literal(1)).where(*mine).offset(most).limit(1).scalar_subquery()
    count = select(func.count()).select_from(Assignment).where(*mine).scalar_subquery()
    query = select(Package.id, case((one_more.is_(None), count), else_=most + 1))
    return {row[0]: row[1] for row in db.session.execute(query.where(Package.id.in_(package_ids)))}
