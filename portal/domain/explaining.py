"""Why a charge is what it is: one sentence of plain words, rendered when it is read (billing-rules 11).

Nothing is kept for this and nothing is built while a run works: the sentence comes out of the fields of a
charge, posted, simulated or planned alike, and out of the terms of its assignment. It names amounts and prices
the customer pays, never cost: what the customer reads is what staff read.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

from portal.domain.due import Kind
from portal.domain.minimum_spend import shortfall
from portal.domain.money import from_micros, minor_unit, to_micros
from portal.domain.proration import share
from portal.domain.schedule import FIRST_DAY, Frequency, Schedule, after, days_in, on_or_before
from portal.domain.terms import History, Segment, Terms, in_force, segment_at, segments
from portal.domain.wording import (
    MONTHS,
    NAMED,
    WEEKDAYS,
    day,
    listed,
    money,
    ordinal,
    percent,
    price,
    short_day,
    span_in_words,
    whole,
)

CORRECTIONS = (Kind.CREDIT, Kind.DIFFERENCE)
# Which of the four prices a charge takes that falls due once.
RETAIL = {Kind.SETUP: "setup_retail", Kind.ONE_OFF: "retail"}
COST = {Kind.SETUP: "setup_cost", Kind.ONE_OFF: "cost"}


class ChargeFacts(Protocol):
    """What every charge says of itself, posted, simulated or planned."""

    @property
    def kind(self) -> Kind: ...
    @property
    def charge_on(self) -> date: ...
    @property
    def period_from(self) -> date: ...
    @property
    def period_until(self) -> date | None: ...
    @property
    def quantity(self) -> int: ...
    @property
    def unit_price(self) -> Decimal: ...
    @property
    def days(self) -> int: ...
    @property
    def whole_days(self) -> int: ...
    @property
    def spend(self) -> Decimal | None: ...
    @property
    def currency(self) -> str: ...
    @property
    def amount(self) -> Decimal: ...
    @property
    def tax_rate(self) -> Decimal: ...
    @property
    def tax(self) -> Decimal: ...


@dataclass(frozen=True, slots=True)
class Origin:
    """The terms a charge stands on, each with the day since which it holds (None: from the beginning)."""

    # The day whose terms these are.
    on: date
    schedule: Schedule
    anchor: date
    schedule_since: date | None
    price_since: date | None
    cost_since: date | None
    quantity_since: date | None
    tax_rate_since: date | None


@dataclass(frozen=True, slots=True)
class CorrectedBack:
    """What is said of the correction back to a day that posted a charge; `is_of_tax` where a tax rate was wrong."""

    sentence: str
    is_of_tax: bool = False


def explain(
    line: ChargeFacts,
    terms: Terms | None = None,
    original: ChargeFacts | None = None,
    corrected: "CorrectedBack | None" = None,
) -> str:
    """Where a charge comes from, in one sentence or two.

    `terms` are its assignment's, if it has one; `original` is the charge that it reverses or undoes; `corrected` what
    is said of the correction back to a day that posted it.
    """
    if corrected is not None and line.kind != Kind.UNDO:
        how = _corrected_tax(line) if corrected.is_of_tax else _corrected_back(line, terms)
        return f"Corrected on {short_day(line.charge_on)}: {corrected.sentence} {how}"
    match line.kind:
        case Kind.SETUP:
            return f"Setup, once, on the start date: {_times(line)}.{_own(line, terms)}"
        case Kind.ONE_OFF:
            return f"Charged once, on the start date: {_times(line)}.{_own(line, terms)}"
        case Kind.RECURRING:
            return f"{_why_that_day(line, terms)}{_product(line, terms)}.{_own(line, terms)}"
        case Kind.MINIMUM_SPEND:
            return f"{_minimum_spend(line, terms)}{_own(line, terms)}"
        case Kind.CREDIT | Kind.DIFFERENCE:
            return _correction(line, terms)
        case Kind.REVERSAL:
            return _reversal(line, original)
        case Kind.UNDO:
            return _undo(line, original)
        case Kind.OPENING_ITEM:
            return _opening_item(line)
        case Kind.WRITE_OFF:
            return "Written off: it no longer has to be paid."
        case Kind.WRITE_OFF_LAPSED:
            return "A part of a write-off that is no longer needed, because the charge was reduced."
    return "A discount, entered by hand." if line.amount < 0 else "A charge entered by hand."


def origin(line: ChargeFacts, terms: Terms) -> Origin:
    """The terms that a charge of an assignment stands on, and since when each holds."""
    first = _first_day(line, terms)
    segment = _segment(line, terms)
    anchor = segment.begins if segment else terms.start_date
    taxed = line.period_until if line.spend is not None and line.period_until else first
    return Origin(
        on=first,
        schedule=in_force(terms.schedules, anchor),
        anchor=_anchor(anchor, terms),
        schedule_since=_since(terms.schedules, anchor),
        price_since=price_since(terms, RETAIL.get(line.kind, "retail"), first),
        cost_since=price_since(terms, COST.get(line.kind, "cost"), first),
        quantity_since=_since(terms.quantities, first),
        tax_rate_since=_since(_changes(terms.tax_rates), taxed),
    )


def _anchor(begins: date, terms: Terms) -> date:
    """What charge dates are counted from where a schedule holds since a day."""
    return terms.anchor if begins == terms.start_date else begins


def _since(history: History[Any], on: date) -> date | None:
    """The day from which the value in force on `on` holds; None where it always has."""
    effective_from = [begins for begins, _ in history if begins <= on]
    return effective_from[-1] if effective_from and effective_from[-1] > FIRST_DAY else None


def _changes(history: History[Any]) -> History[Any]:
    """A history without what repeats the value before it, as a rate does where its category alone became another."""
    return tuple(row for index, row in enumerate(history) if index == 0 or row[1] != history[index - 1][1])


def _first_day(line: ChargeFacts, terms: Terms) -> date:
    """The day whose terms a charge takes: what is charged once bears the start date, whenever charging begins."""
    return terms.begins if line.kind in RETAIL else line.period_from


def price_since(terms: Terms, name: str, on: date) -> date | None:
    """The day from which one of the prices in force on `on` holds as it is, its own or not; None if it always has."""
    held: History[tuple[Any, Any]] = tuple(
        (at, (getattr(prices, name), own_price(terms, name, at))) for at, prices in terms.prices
    )
    return _since(_changes(held), on)


def own_price(terms: Terms, name: str, on: date) -> int | None:
    """One of the prices in force on a day, in micros, where it is the assignment's own."""
    history = terms.own_prices
    return getattr(in_force(history, on), name) if history and history[0][0] <= on else None


def _segment(line: ChargeFacts, terms: Terms | None) -> Segment | None:
    return segment_at(segments(terms), line.period_from) if terms and terms.recurs else None


# -- arithmetic


def _times(line: ChargeFacts) -> str:
    return f"{price(line.unit_price, line.currency)} × {whole(line.quantity)}"


def _share(line: ChargeFacts, terms: Terms | None) -> str:
    """The fraction of a period that is not whole: ` × 9/31 (9 of the 31 days from 1 to 31 May)`."""
    if line.days == line.whole_days:
        return ""
    counted = f"{line.days} of the {line.whole_days} days"
    segment = _segment(line, terms)
    if segment:
        begins, until = (
            on_or_before(segment.rhythm, line.period_from),
            after(segment.rhythm, line.period_from),
        )
        if (until - begins).days == line.whole_days:
            counted += f" from {span_in_words(begins, until)}"
    return f" × {line.days}/{line.whole_days} ({counted})"


def _product(line: ChargeFacts, terms: Terms | None) -> str:
    assert line.period_until is not None
    if line.days == line.whole_days:
        return f"{_times(line)} for {span_in_words(line.period_from, line.period_until)}"
    return f"{_times(line)}{_share(line, terms)} comes to {money(line.amount, line.currency)}"


def _own(line: ChargeFacts, terms: Terms | None) -> str:
    """That the price is the assignment's own, in words for customers too; nothing where it is the package's."""
    if terms is None:
        return ""
    name, first = RETAIL.get(line.kind, "retail"), _first_day(line, terms)
    if own_price(terms, name, first) != to_micros(line.unit_price):
        return ""
    what = "minimum" if line.kind == Kind.MINIMUM_SPEND else "price"
    since = price_since(terms, name, first)
    written = "" if since is None else f", since {(short_day if since.year == first.year else day)(since)}"
    return f" {price(line.unit_price, line.currency)} is the {what} agreed for it{written}."


# -- why that day


def _why_that_day(line: ChargeFacts, terms: Terms | None) -> str:
    """What brings a recurring charge on its day; nothing where the terms are not known."""
    segment = _segment(line, terms)
    if segment is None or terms is None:
        return ""
    on = line.period_from
    if on_or_before(segment.rhythm, on) != on:
        return _between_charge_dates(on, terms)
    schedule = in_force(terms.schedules, segment.begins)
    anchor = _anchor(segment.begins, terms)
    if anchor == segment.begins:
        reason = "the day it started" if anchor == terms.start_date else "the day its schedule changed"
    else:
        reason = day(anchor)
    match schedule.frequency:
        case Frequency.DAILY:
            return "Every day. "
        case Frequency.WEEKLY:
            if schedule.match:
                return f"Every {listed([WEEKDAYS[number - 1] for number in schedule.match])}. "
            return f"Every {WEEKDAYS[on.weekday()]}, counted from {reason}. "
        case Frequency.MONTHLY if schedule.match:
            return _match_days(on, schedule.match)
        case Frequency.MONTHLY:
            rule = f"Every month on the {ordinal(anchor.day)}"
        case Frequency.QUARTERLY:
            rule = f"Every third month on the {ordinal(anchor.day)}"
        case _:
            rule = f"Every year on {short_day(anchor)}"
    shorter = f", in {MONTHS[on.month - 1]} on its last day" if on.day != anchor.day else ""
    return f"{rule}{shorter}, counted from {reason}. "


def _between_charge_dates(on: date, terms: Terms) -> str:
    if on == terms.begins:
        verb = "Started" if terms.begins == terms.start_date else "Charged from"
        return f"{verb} {'on ' if verb == 'Started' else ''}{short_day(on)}, between two charge dates. "
    return "Its schedule changed: the days up to the next charge date are charged by days. "


def _match_days(on: date, match: tuple[int, ...]) -> str:
    """The days of the month, and where this is the last day because the month has no such day."""
    named = (
        f"the {listed([ordinal(number) for number in match])}"
        if len(match) <= NAMED
        else f"{len(match)} days"
    )
    rule = f"Every month on {named}"
    missing = [number for number in match if number > on.day]
    if on.day < days_in(on.year, on.month) or not missing:
        return f"{rule}. "
    return f"{rule}, in {MONTHS[on.month - 1]} on its last day. "


# -- minimum spend


def _measured(line: ChargeFacts, terms: Terms | None, so_far: str = "") -> str:
    """The minimum and what was spent: ` 50.00 × 1, spent 25.00 from 1 to 31 Jan`, to follow the word."""
    assert line.spend is not None and line.period_until is not None
    spent = f"spent {money(line.spend, line.currency)}{so_far}"
    when = f"{'on' if line.days == 1 else 'from'} {span_in_words(line.period_from, line.period_until)}"
    return f"{_times(line)}{_share(line, terms)}, {spent} {when}"


def _missing(line: ChargeFacts) -> Decimal:
    """The shortfall that the fields of a minimum spend, or of its correction, come to."""
    assert line.spend is not None
    return from_micros(
        shortfall(
            to_micros(line.unit_price), line.quantity, line.days, line.whole_days, to_micros(line.spend),
            minor_unit(line.currency),
        )
    )  # fmt: skip


def _minimum_spend(line: ChargeFacts, terms: Terms | None) -> str:
    missing = f"{money(line.amount, line.currency)} is missing" if line.amount else "nothing is missing"
    if getattr(line, "provisional", False):
        return (
            f"Minimum {_measured(line, terms, ' so far')}: {missing} if nothing more is spent. "
            "The period has not ended, so this is not certain yet."
        )
    return f"Minimum {_measured(line, terms)}: {missing}."


# -- corrections and reversals


def _correction(line: ChargeFacts, terms: Terms | None) -> str:
    """What a period comes to now, what was charged for it, and the difference."""
    currency = line.currency
    if line.spend is not None:
        should = _missing(line)
        now = f"{_opening(line, terms)}minimum {_measured(line, terms)}: {money(should, currency)} is missing"
    else:
        should = from_micros(
            share(to_micros(line.unit_price), line.quantity, line.days, line.whole_days, minor_unit(currency))
        )
        now = f"{_opening(line, terms)}{_used(line)} {money(should, currency)}"
    return f"{now}; {_was_charged(line, should)}."


def _corrected_back(line: ChargeFacts, terms: Terms | None) -> str:
    """What a charge comes to at the right terms, what was charged, and the difference."""
    currency = line.currency
    if line.spend is not None:
        should = _missing(line)
        now = f"Minimum {_measured(line, terms)}: {money(should, currency)} is missing"
    else:
        should = from_micros(
            share(to_micros(line.unit_price), line.quantity, line.days, line.whole_days, minor_unit(currency))
        )
        when = f" for {span_in_words(line.period_from, line.period_until)}" if line.period_until else ""
        now = f"{_times(line)}{_share(line, terms)}{when} comes to {money(should, currency)}"
    return f"{now}; {_was_charged(line, should)}."


def _corrected_tax(line: ChargeFacts) -> str:
    """The tax that goes back or is added, at which rate."""
    done = "goes back" if line.tax < 0 else "is added"
    tax = money(abs(line.tax), line.currency)
    return f"At {percent(line.tax_rate)}, tax of {tax} {done}; the amount stays as it is."


def _was_charged(line: ChargeFacts, should: Decimal) -> str:
    """What stood of a charge before a line corrected it, and what becomes of the difference."""
    stood = should - line.amount
    was = f"{money(stood, line.currency)} was charged" if stood else "nothing was charged"
    if not line.amount:
        return f"{was}, so the amount stays as it is"
    done = "goes back" if line.amount < 0 else "is added"
    return f"{was}, so {money(abs(line.amount), line.currency)} {done}"


def _used(line: ChargeFacts) -> str:
    if not line.days:
        return "no day of this period is used, which comes to"
    if line.days == line.whole_days:
        return f"all {line.whole_days} days come to" if line.days > 1 else "its one day comes to"
    return f"{line.days} of {line.whole_days} days used {'comes' if line.days == 1 else 'come'} to"


def _opening(line: ChargeFacts, terms: Terms | None) -> str:
    """What made the period be worked out again: the end date as it was known then."""
    known = in_force(terms.ends, line.charge_on) if terms else None
    if known and line.kind == Kind.CREDIT:
        return f"Ended on {short_day(known)}: "
    if terms and len(terms.ends) > 1 and line.spend is None:
        return f"The end date moved to {short_day(known)}: " if known else "The end date was removed: "
    return "Recalculated: "


def _reversal(line: ChargeFacts, original: ChargeFacts | None) -> str:
    stood = money(-line.amount, line.currency)
    if original is None:
        return f"Reverses {stood} in full."
    if original.amount == -line.amount:
        return f"Reverses the charge of {short_day(original.charge_on)} in full: {stood}."
    return f"Reverses the charge of {short_day(original.charge_on)} with its credits and differences: {stood} in all."


def _opening_item(line: ChargeFacts) -> str:
    number = getattr(line, "opening_number", None)
    return (
        f"An opening item: what was still to be paid of {number}, of {day(line.charge_on)}, when this account was "
        "moved here from another system. Its tax was charged there."
    )


UNDONE = {Kind.CREDIT: "credit", Kind.DIFFERENCE: "difference"}


def _undo(line: ChargeFacts, original: ChargeFacts | None) -> str:
    sum_ = money(abs(line.amount), line.currency)
    if original is not None and original.kind == Kind.WRITE_OFF_LAPSED:
        return f"{sum_} of a write-off is needed again, because the charge is there again."
    what = UNDONE.get(original.kind, "charge") if original is not None else "charge"
    if not line.amount:
        sum_ = f"tax of {money(abs(line.tax), line.currency)}"
    done = "goes back" if (line.amount or line.tax) < 0 else "is charged again"
    return f"The {what} of {short_day(line.charge_on)} was undone, as if it had never been posted: {sum_} {done}."
