"""What recurs in a month: of all assignments in force, at the prices and quantities of today."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import selectinload

from portal.extensions import db
from portal.models import Assignment, AssignmentQuantity, Customer, Package
from portal.services.overview.remembering import Reading
from portal.services.packages.figures import OwnHolding, in_force, monthly_prices, own_held, with_quantity


@dataclass(frozen=True, slots=True)
class Recurring:
    """What one currency brings in a month, before tax. A minimum spend counts as what it asks for."""

    currency: str
    assignments: int = 0
    retail: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)

    @property
    def margin(self) -> Decimal:
        """Retail less cost."""
        return self.retail - self.cost

    @property
    def margin_rate(self) -> Decimal | None:
        """The margin in per cent of retail, whole; None where nothing recurs."""
        return rate(self.margin, self.retail)


def rate(part: Decimal, whole: Decimal) -> Decimal | None:
    """A part in whole per cent; None of nothing."""
    return (100 * part / whole).quantize(Decimal(1)) if whole else None


def recurring(reading: Reading) -> list[Recurring]:
    """What recurs, for each currency, the largest number of assignments first."""
    return reading.answer("recurring", reading.terms, lambda: add_up(reading.today))


def add_up(today: date, *among: ColumnElement[bool]) -> list[Recurring]:
    """What recurs of all assignments in force, or of those among them."""
    sums: dict[str, tuple[int, Decimal, Decimal]] = defaultdict(lambda: (0, Decimal(0), Decimal(0)))
    held = _assigned(today, *among)
    packages = _packages({package_id for package_id, _ in held})
    own: dict[tuple[int, str], list[OwnHolding]] = defaultdict(list)
    for one in own_held(and_(in_force(today), *among), today):
        own[one.package_id, one.currency].append(one)
    for (package_id, currency), units in held.items():
        package = packages[package_id]
        prices = monthly_prices(package, currency, today)
        if not package.recurs or prices is None:
            continue
        count, *so_far = sums[currency]
        found_now = prices.of(units, own[package_id, currency])
        retail, cost = (sum(two, Decimal(0)) for two in zip(so_far, found_now, strict=True))
        sums[currency] = (count + sum(units.values()), retail, cost)
    found = [Recurring(currency, *values) for currency, values in sums.items()]
    return sorted(found, key=lambda row: (-row.assignments, row.currency))


def _assigned(today: date, *among: ColumnElement[bool]) -> dict[tuple[int, str], dict[int, int]]:
    """By package and currency how many assignments in force have which quantity."""
    by = (Assignment.package_id, Customer.currency, AssignmentQuantity.quantity)
    query = select(*by, func.count()).join(Customer, Customer.id == Assignment.customer_id)
    found: dict[tuple[int, str], dict[int, int]] = defaultdict(dict)
    for package_id, currency, quantity, count in db.session.execute(
        with_quantity(query.where(in_force(today), *among).group_by(*by), today)
    ):
        found[package_id, currency][quantity] = count
    return found


def _packages(ids: set[int]) -> dict[int, Package]:
    query = select(Package).where(Package.id.in_(ids))
    query = query.options(selectinload(Package.schedules), selectinload(Package.prices))
    return {package.id: package for package in db.session.scalars(query)}
