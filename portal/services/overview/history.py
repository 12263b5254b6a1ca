"""What was charged and what was left of it, by month and by package, of the last twelve months."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from sqlalchemy import case, func, select

from portal.extensions import db
from portal.models import Charge, Package
from portal.services.overview.recurring import rate
from portal.services.overview.remembering import remembered

MONTHS = 12


@dataclass(slots=True)
class Sums:
    """Posted charges of one currency added up, before tax."""

    amount: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    count: int = 0

    @property
    def margin(self) -> Decimal:
        """Amount less cost."""
        return self.amount - self.cost

    @property
    def margin_rate(self) -> Decimal | None:
        """The margin in whole per cent of the amount; None where nothing was charged."""
        return rate(self.margin, self.amount)

    def add(self, other: "Sums") -> None:
        """Take in other charges."""
        self.amount += other.amount
        self.cost += other.cost
        self.count += other.count


@dataclass(slots=True)
class Month:
    """A month's charges: what recurs, and what was charged once. That of today is not over."""

    begins: date
    is_running: bool
    recurring: Sums = field(default_factory=Sums)
    once: Sums = field(default_factory=Sums)


@dataclass(slots=True)
class OfPackage:
    """A package's charges; without a package, those that people made by hand."""

    package_id: int | None
    name: str
    sums: Sums = field(default_factory=Sums)


@dataclass(slots=True)
class History:
    """One currency's charges of the months since `begins`, from the first month that has any."""

    currency: str
    begins: date
    months: list[Month]
    packages: list[OfPackage]

    @property
    def total(self) -> Sums:
        """All of it."""
        total = Sums()
        for of_package in self.packages:
            total.add(of_package.sums)
        return total


def firsts(today: date, months: int = MONTHS) -> list[date]:
    """The firsts of the last months, this month's last."""
    number = today.year * 12 + today.month - 1
    return [date(n // 12, n % 12 + 1, 1) for n in range(number - months + 1, number + 1)]


@remembered
def history(currency: str, today: date) -> History:
    """What was charged in a currency in the last twelve months, this month's so far included."""
    begins = firsts(today)
    months = {day: Month(day, day == begins[-1]) for day in begins}
    packages: dict[int | None, OfPackage] = {}
    names = {row[0]: row[1] for row in db.session.execute(select(Package.id, Package.name))}
    for index, package_id, once, amount, cost, count in _sums(currency, begins):
        name = names.get(package_id, "") if package_id else "Charged by hand"
        month, sums = months[begins[index]], Sums(amount, cost, count)
        (month.once if once else month.recurring).add(sums)
        packages.setdefault(package_id, OfPackage(package_id, name)).sums.add(sums)
    kept = list(months.values())
    while len(kept) > 1 and not kept[0].recurring.count + kept[0].once.count:
        kept.pop(0)
    ranked = sorted(packages.values(), key=lambda row: (-row.sums.margin, row.name))
    return History(currency, kept[0].begins, kept, ranked)


def _sums(currency: str, begins: list[date]) -> list[tuple[int, int | None, int, Decimal, Decimal, int]]:
    """Month (counted from 0), package, whether charged once, and the sums, in one pass of the charges."""
    later = [(Charge.charge_on < day, index) for index, day in enumerate(begins[1:])]
    month = case(*later, else_=len(begins) - 1)
    once = case((Charge.period_until.is_(None), 1), else_=0)
    query = (
        select(month, Charge.package_id, once, func.sum(Charge.amount), func.sum(Charge.cost), func.count())
        .where(Charge.charge_on >= begins[0], Charge.currency == currency)
        .group_by(month, Charge.package_id, once)
    )
    return [tuple(row) for row in db.session.execute(query)]


def currencies_charged(today: date) -> list[str]:
    """The currencies in which something was charged in the last twelve months."""
    found: dict[str, int] = defaultdict(int)
    query = select(Charge.currency, func.count()).where(Charge.charge_on >= firsts(today)[0])
    for currency, count in db.session.execute(query.group_by(Charge.currency)):
        found[currency] += count
    return sorted(found)
