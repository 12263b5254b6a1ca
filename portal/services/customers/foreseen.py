"""What a customer will be charged next: by day, and what the next month comes to as far as is known."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from dateutil.relativedelta import relativedelta

from portal.domain.due import Kind
from portal.domain.schedule import FIRST_DAY
from portal.domain.wording import listed_of, plural, whole
from portal.models import Customer
from portal.services.billing.failures import Failed
from portal.services.billing.planning import PlannedCharge
from portal.services.charges.explaining import Explained
from portal.services.packages.holdings import known_count
from portal.services.runs.upcoming import Day, upcoming

# Of how many days, and of how many of a day's charges, the names are told.
DAYS_TOLD, NAMES_TOLD = 6, 3
SAID = {Kind.SETUP: ", setup", Kind.CREDIT: ", credit", Kind.DIFFERENCE: ", difference"}


@dataclass(frozen=True, slots=True)
class ForeseenDay:
    """What is charged on a day, before tax. `provisional`: less, where more is spent on calls."""

    on: date
    words: str
    amount: Decimal
    provisional: bool


@dataclass(frozen=True, slots=True)
class Foreseen:
    """The next days with charges, and what `month`, the next one, comes to before tax.

    `amount` is None where it is too much to work out; `at_most`: less, where more is spent on calls.
    """

    month: date
    amount: Decimal | None
    at_most: bool
    days: Sequence[ForeseenDay]
    more: bool
    failed: Sequence[Failed]


@dataclass(frozen=True, slots=True)
class Month:
    """The charges of a month to come. `at_most`: less, where more is spent on calls."""

    first: date
    lines: Sequence[Explained]

    @property
    def amount(self) -> Decimal:
        """What they come to, before tax."""
        return sum((line.charge.amount for line in self.lines), Decimal(0))

    @property
    def at_most(self) -> bool:
        """Whether a minimum spend is among them of which the calls still count."""
        return any(line.charge.provisional for line in self.lines)


def by_month(lines: Sequence[Explained]) -> list[Month]:
    """Charges to come, in the order of their days, month by month."""
    months: dict[date, list[Explained]] = {}
    for line in lines:
        months.setdefault(line.charge.charge_on.replace(day=1), []).append(line)
    return [Month(first, some) for first, some in months.items()]


def foreseen(customer: Customer, today: date) -> Foreseen:
    """What is due and not posted yet, and what comes, through the end of the next month."""
    month = today.replace(day=1) + relativedelta(months=1)
    through, many = month + relativedelta(months=1, days=-1), known_count(customer.id)
    found = upcoming(FIRST_DAY, through, today, customer.id, briefly=True, many=many)
    days = [_told(day, customer.currency) for day in found.days]
    of_month = [day for day in days if day.on >= month]
    told = [day for day in days if day.amount or day.provisional]
    return Foreseen(
        month,
        None if found.left_out_from else sum((day.amount for day in of_month), Decimal(0)),
        any(day.provisional for day in of_month),
        told[:DAYS_TOLD],
        len(told) > DAYS_TOLD or found.left_out_from is not None,
        found.failed,
    )


def _told(day: Day, currency: str) -> ForeseenDay:
    sums = day.totals.get(currency)
    words = _named(day.lines) if day.lines else plural(day.count, "charge")
    return ForeseenDay(
        day.on, words, sums.amount if sums else Decimal(0), any(line.provisional for line in day.lines)
    )


def _named(lines: Iterable[PlannedCharge]) -> str:
    """What is charged, alike ones together: Hosted PBX Seat × 13, SIP Trunk 10, setup."""
    alike: dict[tuple[str, str], int] = {}
    for line in lines:
        if line.amount or line.provisional:
            key = (line.label, SAID.get(line.kind, ""))
            alike[key] = alike.get(key, 0) + line.quantity
    names = [
        f"{label}{said}{f' × {whole(quantity)}' if quantity > 1 else ''}"
        for (label, said), quantity in alike.items()
    ]
    return listed_of(names[:NAMES_TOLD], len(names))
