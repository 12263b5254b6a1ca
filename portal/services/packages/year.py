"""The twelve months that would follow if a package were assigned today, one unit of it.

Worked out by the engine that bills, from a definition that need not be stored, nor complete.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby

from dateutil.relativedelta import relativedelta

from portal.domain.charges import charges_due
from portal.domain.commitment import earliest_last_day, locked_until
from portal.domain.currencies import CURRENCIES
from portal.domain.due import DueCharge, Kind, Position
from portal.domain.errors import Invalid
from portal.domain.money import from_micros, minor_unit
from portal.domain.schedule import Frequency, days_that_meet
from portal.domain.terms import PackageType, Proration, Terms, always
from portal.domain.wording import listed, long_day, price_in
from portal.services.calls import destinations
from portal.services.packages.definition import (
    PRICE_LABELS,
    Definition,
    PriceSet,
    problems,
    that_round_to_nothing,
    tidied,
)

ONCE = (Kind.SETUP, Kind.ONE_OFF)
# What is wrong there leaves nothing to be worked out.
IN_THE_WAY = ("prices-", "frequency_match", "minimum_days")
# More lines than this in a month are counted, not listed.
LISTED = 6


@dataclass(frozen=True, slots=True)
class YearLine:
    """A charge of one unit."""

    day: date
    kind: Kind
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Month:
    """The charges of a calendar month; `lines` is empty where there are too many to list."""

    first: date
    lines: tuple[YearLine, ...]
    count: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class YearSums:
    """What twelve months come to in one currency: what recurs, and what is paid once."""

    currency: str
    retail: Decimal
    cost: Decimal
    once_retail: Decimal
    once_cost: Decimal

    @property
    def margin(self) -> Decimal:
        """Retail less cost of what recurs."""
        return self.retail - self.cost

    @property
    def once_margin(self) -> Decimal:
        """Retail less cost of what is paid once."""
        return self.once_retail - self.once_cost


@dataclass(frozen=True, slots=True)
class Year:
    """What the form shows while it is filled. `problem` says why there is nothing to show yet."""

    currency: str = ""
    months: tuple[Month, ...] = ()
    sums: tuple[YearSums, ...] = ()
    warnings: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    problem: str = ""


def year_ahead(definition: Definition, today: date, currency: str = "") -> Year:
    """The charges of the next twelve months, month by month: in `currency`, or the first there is."""
    definition = _readable(tidied(definition))
    for problem in problems(definition):
        if problem.field.startswith(IN_THE_WAY):
            return Year(problem=problem.sentence)
    warnings, remarks = tuple(_warnings(definition)), tuple(_remarks(definition, today))
    if not definition.prices:
        return Year("", (), (), warnings, remarks, "Choose a currency to see what will be charged.")
    charges = {prices.currency: _charges(definition, prices, today) for prices in definition.prices}
    shown = currency if currency in charges else definition.prices[0].currency
    return Year(
        shown,
        tuple(_months(charges[shown])),
        tuple(_sums(code, found) for code, found in charges.items()),
        warnings,
        remarks,
    )


def _readable(definition: Definition) -> Definition:
    """The same, with one set of prices for each currency that was chosen."""
    chosen = {prices.currency: prices for prices in definition.prices if prices.currency in CURRENCIES}
    return replace(definition, prices=tuple(chosen.values()))


def _charges(definition: Definition, prices: PriceSet, today: date) -> tuple[DueCharge, ...]:
    terms = Terms(
        start_date=today,
        schedules=always(definition.schedule),
        prices=always(prices.in_micros()),
        quantities=always(1),
        unit=minor_unit(prices.currency),
        proration=definition.proration or Proration.NONE,
        minimum_spend=definition.minimum_spend and definition.recurs,
    )
    # A minimum spend is charged at the end of its period: the twelfth month's on the day after.
    days_less = timedelta(days=0 if terms.minimum_spend else 1)
    return charges_due(terms, Position(), today + relativedelta(years=1) - days_less).charges


def _months(charges: Iterable[DueCharge]) -> Iterator[Month]:
    billed = (charge for charge in charges if charge.amount)
    for first, found in groupby(billed, key=lambda charge: charge.charge_on.replace(day=1)):
        lines = tuple(YearLine(c.charge_on, c.kind, from_micros(c.amount)) for c in found)
        amount = sum((line.amount for line in lines), Decimal(0))
        yield Month(first, lines if len(lines) <= LISTED else (), len(lines), amount)


def _sums(currency: str, charges: Sequence[DueCharge]) -> YearSums:
    def total(name: str, once: bool) -> Decimal:
        return from_micros(sum(getattr(c, name) for c in charges if (c.kind in ONCE) == once))

    return YearSums(
        currency, total("amount", False), total("cost", False), total("amount", True), total("cost", True)
    )


def _warnings(definition: Definition) -> Iterator[str]:
    """What is allowed, and hardly meant."""
    for prices in definition.prices:
        currency = prices.currency
        loss = prices.cost - prices.retail
        if loss > 0 and definition.minimum_spend:
            yield f"Retail is below cost: a period without spend loses {price_in(loss, currency)}."
        elif loss > 0:
            yield f"Retail is below cost: each charge loses {price_in(loss, currency)}."
        if (loss := prices.setup_cost - prices.setup_retail) > 0:
            yield f"Setup Retail is below Setup Cost: each assignment loses {price_in(loss, currency)} once."
        yield from that_round_to_nothing({name: getattr(prices, name) for name in PRICE_LABELS}, currency)
    if definition.type == PackageType.FREE_MINUTES:
        yield from _pattern_warnings(definition.destination)


def _pattern_warnings(pattern: str) -> Iterator[str]:
    """Why a pattern cannot be held, or which parts of it match anywhere in a number."""
    try:
        destinations.compiled(pattern)
    except Invalid as problem:
        yield f"Destination: {problem.sentence}"
        return
    for part, without in destinations.dead_parts(pattern):
        yield f"{part} matches no number: numbers are looked through without + or 00. Write {without}."
    for part in destinations.open_parts(pattern):
        yield f"{part} matches anywhere in a number. Enter ^{part} for numbers that begin with it."


def _remarks(definition: Definition, today: date) -> Iterator[str]:
    """What somebody should know before they assign it."""
    if definition.frequency == Frequency.MONTHLY and (sentence := _short_months(definition.frequency_match)):
        yield sentence
    if definition.frequency == Frequency.NONE:
        yield "Charged once, on the start date."
    if definition.minimum_spend and definition.recurs:
        yield "Charged at the end of each period: these amounts at most, less what was spent on calls in it."
    if definition.recurs and definition.proration is None:
        yield "Choose Partial Periods to see what is charged for the first days."
    lock = locked_until(today, definition.minimum_days)
    if lock:
        last = earliest_last_day(lock, today)
        yield (
            f"Locked for {definition.minimum_days} days, until {long_day(lock)}: "
            f"its last day can be {long_day(last)} or later."
        )


def _short_months(match: tuple[int, ...]) -> str:
    """What becomes of the 29th, 30th and 31st in shorter months; empty where nothing does."""
    meeting = days_that_meet(match)
    if not meeting:
        late = match[-1] if match and match[-1] > 28 else 0
        return f"{late} falls on the last day of shorter months." if late else ""
    if meeting == (28, 29):
        return "28 and 29 fall together in February, except in leap years: one charge there, not two."
    where = "in shorter months" if {30, 31} <= set(meeting) else "in February"
    days = listed([str(day) for day in meeting])
    return f"{days} fall together on the last day {where}: one charge there, not {len(meeting)}."
