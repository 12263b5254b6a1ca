"""What recurs in a month: of all assignments in force, at the prices and quantities of today."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import func, select
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
    return reading.answer("recurring", reading.fingerprints.assignments, lambda: _add_up(reading.today))


def _add_up(today: date) -> list[Recurring]:
    sums: dict[str, tuple[int, Decimal, Decimal]] = defaultdict(lambda: (0, Decimal(0), Decimal(0)))
    held = _assigned(today)
    packages = _packages({package_id for package_id, _, _, _ in held})
    own: dict[tuple[int, str], list[OwnHolding]] = defaultdict(list)
    for one in own_held(in_force(today), today):
        own[one.package_id, one.currency].append(one)
    for package_id, currency, assignments, quantity in held:
        package = packages[package_id]
        prices = monthly_prices(package, currency, today)
        if not package.recurs or prices is None:
            continue
        count, *so_far = sums[currency]
        found_now = prices.of(quantity, own[package_id, currency])
        retail, cost = (sum(two, Decimal(0)) for two in zip(so_far, found_now, strict=True))
        sums[currency] = (count + assignments, retail, cost)
    found = [Recurring(currency, *values) for currency, values in sums.items()]
    return sorted(found, key=lambda row: (-row.assignments, row.currency))


def _assigned(today: date) -> list[tuple[int, str, int, int]]:
    """Package, currency, how many assignments are in force and the sum of their quantities."""
    query = (
        select(Assignment.package_id, Customer.currency, func.count(), func.sum(AssignmentQuantity.quantity))
        .join(Customer, Customer.id == Assignment.customer_id)
        .where(in_force(today))
        .group_by(Assignment.package_id, Customer.currency)
    )
    return [(row[0], row[1], row[2], int(row[3])) for row in db.session.execute(with_quantity(query, today))]


def _packages(ids: set[int]) -> dict[int, Package]:
    query = select(Package).where(Package.id.in_(ids))
    query = query.options(selectinload(Package.schedules), selectinload(Package.prices))
    return {package.id: package for package in db.session.scalars(query)}
