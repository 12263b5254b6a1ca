"""What one assignment is charged by: frozen values, each with the day from which it holds."""

from bisect import bisect_right
from datetime import date
from enum import StrEnum
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple, TypeVar

from portal.domain.schedule import (
    FIRST_DAY,
    Frequency,
    Rhythm,
    Schedule,
    after,
    on_or_after,
    on_or_before,
    rhythm,
)

Value = TypeVar("Value")
History = tuple[tuple[date, Value], ...]


class Proration(StrEnum):
    """How a partial period is charged: not at all (or in full at the end), or by days."""

    NONE = "none"
    DAILY = "daily"


class PackageType(StrEnum):
    """What a package gives: a product or service, or call minutes that are not charged."""

    STANDARD = "standard"
    FREE_MINUTES = "free_minutes"


class Prices(NamedTuple):
    """The four prices of a package in one currency, in micros, per unit of quantity."""

    cost: int
    retail: int
    setup_cost: int = 0
    setup_retail: int = 0


class OwnPrices(NamedTuple):
    """Which of the four prices are an assignment's own, in micros, per unit; None is the package's."""

    cost: int | None = None
    retail: int | None = None
    setup_cost: int | None = None
    setup_retail: int | None = None


class Segment(NamedTuple):
    """A stretch of charge dates with one rhythm, from `begins` until the next segment begins."""

    begins: date
    rhythm: Rhythm


def always(value: Value) -> History[Value]:
    """A history of one value that has always held."""
    return ((FIRST_DAY, value),)


def in_force(history: History[Value], day: date) -> Value:
    """The value that holds on `day`. The first value of a history holds before its own day too."""
    if len(history) == 1:
        return history[0][1]
    index = bisect_right(history, day, key=itemgetter(0))
    return history[max(index - 1, 0)][1]


def with_own(prices: History[Prices], own: History[OwnPrices]) -> History[Prices]:
    """A package's prices with those that are an assignment's own in their place (billing-rules 14)."""
    if not own:
        return prices
    own = own if own[0][0] <= FIRST_DAY else ((FIRST_DAY, OwnPrices()), *own)
    days = sorted({FIRST_DAY, *(day for day, _ in prices), *(day for day, _ in own)})
    return tuple((day, _each_own(in_force(prices, day), in_force(own, day))) for day in days)


def _each_own(prices: Prices, own: OwnPrices) -> Prices:
    return Prices(*(theirs if mine is None else mine for theirs, mine in zip(prices, own, strict=True)))


class Terms(NamedTuple):
    """Everything that decides what an assignment is charged.

    `ends` is the end date as it was known from a day on: setting, moving and removing it are changes that a
    late run must see as a punctual one would have. Rates are millionths of a per cent, `unit` is the
    currency's smallest amount in micros, `wait_days` the days a minimum spend waits for its last calls.
    """

    start_date: date
    schedules: History[Schedule]
    prices: History[Prices]
    quantities: History[int]
    ends: History[date | None] = ((FIRST_DAY, None),)
    tax_rates: History[int] = ((FIRST_DAY, 0),)
    unit: int = 10_000
    proration: Proration = Proration.NONE
    minimum_spend: bool = False
    charge_from: date | None = None
    wait_days: int = 0
    # Which of `prices` are the assignment's own, and since when: for what is said of them.
    own_prices: History[OwnPrices] = ()
    # The day that charge dates are counted from, where that is not the start date.
    own_anchor: date | None = None

    @property
    def anchor(self) -> date:
        """The day that charge dates are counted from, until the schedule changes."""
        return self.own_anchor or self.start_date

    @property
    def recurs(self) -> bool:
        """Whether there is a frequency at all."""
        return self.schedules[0][1].frequency != Frequency.NONE

    @property
    def begins(self) -> date:
        """The first day on which anything can be charged."""
        return max(self.start_date, self.charge_from) if self.charge_from else self.start_date

    @property
    def sets_up(self) -> bool:
        """Whether setup and one-off fall due: not where charging begins after the start date."""
        return self.begins == self.start_date


def segments(terms: Terms) -> tuple[Segment, ...]:
    """The rhythms of a recurring assignment, one after the other."""
    return _segments(terms.start_date, terms.schedules, terms.own_anchor or terms.start_date)


@lru_cache(maxsize=32_768)
def _segments(start_date: date, schedules: History[Schedule], anchor: date) -> tuple[Segment, ...]:
    """A changed schedule takes hold on the first charge date of the running one on which it is in force
    (billing-rules 6); that day is its anchor.
    """
    schedule = in_force(schedules, start_date)
    found = [Segment(start_date, rhythm(schedule, anchor))]
    for effective_from, _ in schedules:
        begins, beat = found[-1]
        if effective_from <= begins:
            continue
        takeover = on_or_after(beat, effective_from)
        changed = in_force(schedules, takeover)
        if changed != schedule:
            schedule = changed
            found.append(Segment(takeover, rhythm(schedule, takeover)))
    return tuple(found)


def segment_at(found: tuple[Segment, ...], day: date) -> Segment:
    """The segment that `day` lies in."""
    if len(found) > 1:
        for segment in reversed(found):
            if segment.begins <= day:
                return segment
    return found[0]


class Span(NamedTuple):
    """A period [begins, until) of a schedule, and the days of the whole period it is a part of."""

    begins: date
    until: date
    whole_days: int

    @property
    def is_whole(self) -> bool:
        """Whether it runs from charge date to charge date."""
        return (self.until - self.begins).days == self.whole_days


def span_from(found: tuple[Segment, ...], day: date) -> Span:
    """The period that begins on `day` and ends with the next charge date."""
    beat = segment_at(found, day).rhythm
    until = after(beat, day)
    return Span(day, until, (until - on_or_before(beat, day)).days)


def span_around(found: tuple[Segment, ...], day: date) -> Span:
    """The period of the schedule in which `day` lies; it begins no earlier than its segment."""
    segment = segment_at(found, day)
    return span_from(found, max(on_or_before(segment.rhythm, day), segment.begins))


def charged_at_the_start(proration: Proration, found: tuple[Segment, ...], span: Span) -> bool:
    """Whether a part of a period at its beginning is charged (or measured) by days.

    It is with proration daily, and, whatever the proration, between a change of schedule and the first
    match day (billing-rules 6).
    """
    if proration == Proration.DAILY:
        return True
    return any(span.begins == segment.begins for segment in found[1:])
