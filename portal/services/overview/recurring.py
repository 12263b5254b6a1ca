"""What recurs in a month: of all assignments in force, at the prices and quantities of today."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import selectinload

from portal.extensions import db
from portal.models import Assignment, AssignmentQuantity, Customer, Package
from portal.services.overview import whole_table
from portal.services.overview.remembering import Asked, Reading
from portal.services.packages.figures import OwnHolding, in_force, monthly_prices, own_held, with_quantity


@dataclass(frozen=True, slots=True)
class Recurring:
    """What one currency brings in a month, before tax. A minimum spend counts as what it asks for."""

    currency: str
    assignments: int = 0
    retail: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)

    def __add__(self, other: "Recurring") -> "Recurring":
        sums = (getattr(self, name) + getattr(other, name) for name in ("assignments", "retail", "cost"))
        return Recurring(self.currency, *sums)

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
    return _in_all(reading.answer(*_every_package(reading)))


def of_packages(
    reading: Reading, few: Collection[int], many: Collection[int]
) -> dict[int, list[Recurring] | None]:
    """What each of some packages brings, for each currency, the largest number of assignments first.

    Those that `few` have are added up as they are now; those that `many` have are told as all of them are known, and
    None until they are: nobody waits for it.
    """
    found: dict[int, list[Recurring] | None] = {id: [] for id in few}
    known = reading.known(*_every_package(reading)) if many else None
    found |= {id: [] if known is not None else None for id in many}
    sums = dict(known or {})
    if few and (known is None or reading.late):
        sums = {key: one for key, one in sums.items() if key[0] not in few}
        sums |= by_package(reading.today, Assignment.package_id.in_(few))
    for (package_id, _), one in sums.items():
        mine = found.get(package_id)
        if mine is not None:
            mine.append(one)
            mine.sort(key=_largest_first)
    return found


def _every_package(reading: Reading) -> Asked:
    today = reading.today
    return Asked("recurring", reading.terms, lambda: by_package(today))


def add_up(today: date, *among: ColumnElement[bool]) -> list[Recurring]:
    """What recurs of all assignments in force, or of those among them."""
    return _in_all(by_package(today, *among))


def _in_all(sums: Mapping[tuple[int, str], Recurring]) -> list[Recurring]:
    found: dict[str, Recurring] = {}
    for (_, currency), one in sums.items():
        found[currency] = found.get(currency, Recurring(currency)) + one
    return sorted(found.values(), key=_largest_first)


def _largest_first(one: Recurring) -> tuple[int, str]:
    return -one.assignments, one.currency


def by_package(today: date, *among: ColumnElement[bool]) -> dict[tuple[int, str], Recurring]:
    """The same for each package and currency."""
    found: dict[tuple[int, str], Recurring] = {}
    held = _assigned(today, *among)
    packages = _packages({package_id for package_id, _ in held})
    own: dict[tuple[int, str], list[OwnHolding]] = defaultdict(list)
    for one in own_held(and_(in_force(today), *among), today):
        own[one.package_id, one.currency].append(one)
    for (package_id, currency), units in held.items():
        package = packages[package_id]
        prices = monthly_prices(package, currency, today)
        if package.recurs and prices:
            sums = prices.of(units, own[package_id, currency])
            found[package_id, currency] = Recurring(currency, sum(units.values()), *sums)
    return found


def _assigned(today: date, *among: ColumnElement[bool]) -> dict[tuple[int, str], dict[int, int]]:
    """By package and currency how many assignments in force have which quantity."""
    held = in_force(today)
    package = Assignment.package_id if among else whole_table.by(Assignment.package_id)
    by = (package.label("of"), Customer.currency, AssignmentQuantity.quantity)
    query = select(*by, func.count()).select_from(Assignment)
    query = query.outerjoin(
        Customer, Customer.id == Assignment.customer_id
    )  # so that assignments are read first
    query = query.where(*((held, *among) if among else (whole_table.where(held),)))
    found: dict[tuple[int, str], dict[int, int]] = defaultdict(dict)
    for package_id, currency, quantity, count in db.session.execute(
        with_quantity(query.group_by(*by), today)
    ):
        found[package_id, currency][quantity] = count
    return found


def _packages(ids: set[int]) -> dict[int, Package]:
    query = select(Package).where(Package.id.in_(ids))
    query = query.options(selectinload(Package.schedules), selectinload(Package.prices))
    return {package.id: package for package in db.session.scalars(query)}
