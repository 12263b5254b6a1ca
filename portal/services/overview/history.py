"""What was charged and what was left of it: by month, of the last twelve; by package, of this month and the last."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from sqlalchemy import select

from portal.domain.names import search_key
from portal.extensions import db
from portal.models import Package
from portal.services.charges.sums import Charged, charged_since
from portal.services.overview.recurring import rate

MONTHS = 12
# Packages and customers are compared over this month and the one before: early in a month it alone says little.
COMPARED = 2


@dataclass(slots=True)
class MonthSums:
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

    def add(self, other: "MonthSums") -> None:
        """Take in other charges."""
        self.amount += other.amount
        self.cost += other.cost
        self.count += other.count


@dataclass(slots=True)
class Month:
    """A month's charges: what recurs, and what was charged once. That of today is not over."""

    begins: date
    is_running: bool
    recurring: MonthSums = field(default_factory=MonthSums)
    once: MonthSums = field(default_factory=MonthSums)


@dataclass(slots=True)
class OfPackage:
    """A package's charges; of package 0, those that people made by hand."""

    package_id: int
    name: str
    sums: MonthSums = field(default_factory=MonthSums)


@dataclass(slots=True)
class History:
    """One currency's charges of the months since `begins`, from the first month that has any.

    `packages` are of the months since `compared_since`.
    """

    currency: str
    begins: date
    months: list[Month]
    compared_since: date
    packages: list[OfPackage]

    @property
    def total(self) -> MonthSums:
        """Of all packages."""
        total = MonthSums()
        for of_package in self.packages:
            total.add(of_package.sums)
        return total


def charged(today: date) -> Charged:
    """All that was charged in the last twelve months, and since."""
    return charged_since(begins(today)[0])


def history(currency: str, today: date, charged: Charged) -> History:
    """What was charged in a currency in the last twelve months, this month's so far included."""
    months = [Month(day, is_running=False) for day in begins(today)]
    months[-1].is_running = True
    place = {month.begins: month for month in months}
    compared_from = compared_since(today)
    packages: dict[int, OfPackage] = {}
    names = {row[0]: row[1] for row in db.session.execute(select(Package.id, Package.name))}
    for (begins_on, charged_in, package_id, is_once), (amount, cost, count) in sorted(charged.sums.items()):
        if charged_in != currency:
            continue
        month = place.get(begins_on, months[-1])  # what bears a day to come is told with this month
        (month.once if is_once else month.recurring).add(MonthSums(amount, cost, count))
        if begins_on < compared_from:
            continue
        of_package = packages.setdefault(
            package_id, OfPackage(package_id, names.get(package_id, "Manual charges"))
        )
        of_package.sums.add(MonthSums(amount, cost, count))
    while len(months) > 1 and not months[0].recurring.count + months[0].once.count:
        months.pop(0)
    ranked = sorted(packages.values(), key=lambda row: (-row.sums.margin, search_key(row.name)))
    return History(currency, months[0].begins, months, compared_from, ranked)


def compared_since(today: date) -> date:
    """The first day of those whose charges packages and customers are compared by."""
    return begins(today)[-COMPARED]


def currencies(charged: Charged) -> set[str]:
    """The currencies in which something was charged."""
    return {currency for _, currency, _, _ in charged.sums}


def begins(today: date) -> list[date]:
    """The first days of the last months, this month's last."""
    number = today.year * 12 + today.month - 1
    return [date(n // 12, n % 12 + 1, 1) for n in range(number - MONTHS + 1, number + 1)]
