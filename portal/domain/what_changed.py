"""Why a customer was charged another sum than before: a reason for each assignment, and each charge by hand."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from portal.domain.due import Kind
from portal.domain.phone_numbers import international
from portal.domain.wording import day, money, percent, plural, price, whole

ZERO = Decimal(0)
QUANTITY = ", quantity "
ONCE = (Kind.SETUP, Kind.ONE_OFF)


@dataclass(slots=True)
class Side:
    """What was charged in one of the two spans. `prices`, `quantities` and `rates` are of what recurs."""

    amount: Decimal = ZERO
    tax: Decimal = ZERO
    count: int = 0
    last_on: date | None = None
    kinds: set[Kind] = field(default_factory=set)
    prices: set[Decimal] = field(default_factory=set)
    quantities: set[int] = field(default_factory=set)
    rates: set[Decimal] = field(default_factory=set)

    @property
    def total(self) -> Decimal:
        """With tax."""
        return self.amount + self.tax


@dataclass(slots=True)
class Item:
    """What one assignment was charged in both spans, or charges by hand of one name; `starts_on` is None of these."""

    label: str
    did_number: str = ""
    quantity: int = 1
    starts_on: date | None = None
    ends_on: date | None = None
    once: bool = False
    corrected: bool = False  # only what corrections back to a day posted
    before: Side = field(default_factory=Side)
    now: Side = field(default_factory=Side)

    @property
    def difference(self) -> Decimal:
        """How much more it was than before, with tax."""
        return self.now.total - self.before.total


@dataclass(frozen=True, slots=True)
class Change:
    """A line: by how much, with tax, and why."""

    amount: Decimal
    words: str


def changes(items: Iterable[Item], since: date, through: date, currency: str) -> list[Change]:
    """A line for each reason, the largest first. They add up to the difference of the two spans.

    `since` is the first day of the span before, `through` the last of the later one. What is the same with several
    assignments of a package is one line.
    """
    alike: dict[tuple[str, str], list[Item]] = defaultdict(list)
    for item in items:
        if item.difference:
            alike[item.label, _reason(item, since, through, currency)].append(item)
    lines = [
        Change(sum((item.difference for item in some), ZERO), f"{_named(some, reason)}{reason}")
        for (_, reason), some in alike.items()
    ]
    return sorted((line for line in lines if line.amount), key=lambda line: (-abs(line.amount), line.words))


def _named(items: list[Item], reason: str) -> str:
    first, quantity = items[0], sum(item.quantity for item in items)
    if first.starts_on is None or first.corrected or reason.startswith(QUANTITY):
        return first.label  # of what was corrected, each line may count others
    on = f" on {international(first.did_number)}" if len(items) == 1 and first.did_number else ""
    many = f" × {whole(quantity)}" if quantity != 1 else ""
    return f"{first.label}{many}{on}"


def _reason(item: Item, since: date, through: date, currency: str) -> str:
    now, before = item.now, item.before
    here = now if now.count else before
    if item.corrected:
        return f", corrected on {day(here.last_on)}"
    if Kind.REVERSAL in now.kinds:
        return f", reversed on {day(now.last_on)}"
    if item.starts_on is None:
        what = ", discount" if here.amount < 0 else ""
        return (
            f"{what}, on {day(here.last_on)}"
            if not (now.count and before.count)
            else _instead(item, currency)
        )
    if item.once:
        return f", {'setup' if Kind.SETUP in here.kinds else 'charged once'} on {day(here.last_on)}"
    if item.ends_on and item.ends_on <= through and item.difference < 0:
        return f", {'credit, ' if Kind.CREDIT in now.kinds else ''}ended on {day(item.ends_on)}"
    if item.starts_on >= since and item.difference > 0:
        return f", since {day(item.starts_on)}"
    return _of_what_recurs(item, currency)


def _of_what_recurs(item: Item, currency: str) -> str:
    now, before = item.now, item.before
    if Kind.MINIMUM_SPEND in now.kinds | before.kinds:
        return f", not reached by calls{_instead(item, currency)}"
    if not (now.count and before.count):
        return f", charged on {day((now if now.count else before).last_on)}"
    if now.amount == before.amount:
        rates = [percent(min(side.rates, default=ZERO)) for side in (now, before)]
        return f", tax {rates[0]} instead of {rates[1]}" if rates[0] != rates[1] else _instead(item, currency)
    if (pair := _one_each(now.quantities, before.quantities)) and pair[0] != pair[1]:
        return f"{QUANTITY}{whole(pair[0])} instead of {whole(pair[1])}"
    if (prices := _one_each(now.prices, before.prices)) and prices[0] != prices[1]:
        return f", price {price(prices[0], currency)} instead of {price(prices[1], currency)}"
    if now.count != before.count:
        return f", charged {plural(now.count, 'time')} instead of {whole(before.count)}"
    return _instead(item, currency)


def _one_each(now: set, before: set) -> tuple | None:  # type: ignore[type-arg]
    """The only value of each, where each has one."""
    return (next(iter(now)), next(iter(before))) if len(now) == len(before) == 1 else None


def _instead(item: Item, currency: str) -> str:
    return f", {money(item.now.total, currency)} instead of {money(item.before.total, currency)}"
