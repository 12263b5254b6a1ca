"""What was charged and what was left of it, by month and by package, of the last twelve months."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from sqlalchemy import case, func, select

from portal.domain.names import search_key
from portal.extensions import db
from portal.models import Charge, Package
from portal.services.overview.recurring import rate
from portal.services.overview.remembering import Reading, spans

# Currency, package, charged once or not, amount, cost, how many.
Row = tuple[str, int | None, int, Decimal, Decimal, int]


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
    """A package's charges; without a package, those that people made by hand."""

    package_id: int | None
    name: str
    sums: MonthSums = field(default_factory=MonthSums)


@dataclass(slots=True)
class History:
    """One currency's charges of the months since `begins`, from the first month that has any."""

    currency: str
    begins: date
    months: list[Month]
    packages: list[OfPackage]

    @property
    def total(self) -> MonthSums:
        """All of it."""
        total = MonthSums()
        for of_package in self.packages:
            total.add(of_package.sums)
        return total


def history(currency: str, today: date, charged: list[list[Row]]) -> History:
    """What was charged in a currency in the last twelve months, this month's so far included."""
    begins = [span[0] for span in spans(today)]
    months = [Month(day, day == begins[-1]) for day in begins]
    packages: dict[int | None, OfPackage] = {}
    names = {row[0]: row[1] for row in db.session.execute(select(Package.id, Package.name))}
    for month, sums in zip(months, charged, strict=True):
        for charged_in, package_id, once, amount, cost, count in sums:
            if charged_in != currency:
                continue
            (month.once if once else month.recurring).add(MonthSums(amount, cost, count))
            name = names.get(package_id, "") if package_id else "Manual charges"
            packages.setdefault(package_id, OfPackage(package_id, name)).sums.add(
                MonthSums(amount, cost, count)
            )
    while len(months) > 1 and not months[0].recurring.count + months[0].once.count:
        months.pop(0)
    ranked = sorted(packages.values(), key=lambda row: (-row.sums.margin, search_key(row.name)))
    return History(currency, months[0].begins, months, ranked)


def by_month(reading: Reading) -> list[list[Row]]:
    """The sums of each of the last months; a month that is no longer charged in is added up once."""
    return [
        reading.answer(("month", span), count, lambda span=span: _sums(*span)) if count else []  # type: ignore[misc]
        for span, count in zip(spans(reading.today), reading.fingerprints.months, strict=True)
    ]


def _sums(begins: date, until: date) -> list[Row]:
    """The charges of a span added up by currency, package and whether they are charged once."""
    once = case((Charge.period_until.is_(None), 1), else_=0)
    by = (Charge.currency, Charge.package_id, once)
    query = (
        select(*by, func.sum(Charge.amount), func.sum(Charge.cost), func.count())
        .where(Charge.charge_on >= begins, Charge.charge_on < until)
        .group_by(*by)
    )
    return [tuple(row) for row in db.session.execute(query)]


def currencies(charged: list[list[Row]]) -> set[str]:
    """The currencies in which something was charged."""
    return {row[0] for sums in charged for row in sums}
