"""When a package is charged: frequencies, match days, charge dates (billing-rules 3).

Every date is worked out from the match day or the anchor, never from the date before it, so that the 31st
is 28 February and then 31 March. A day that a month does not have falls on the month's last day.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from portal.domain.errors import Invalid

FIRST_DAY = date(2000, 1, 1)
LAST_DAY = date(2199, 12, 31)
ONE_DAY = timedelta(days=1)


class Frequency(StrEnum):
    """How often a package is charged; `none` is charged once."""

    NONE = "none"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    YEARLY = "yearly"


MONTHS_APART = {Frequency.MONTHLY: 1, Frequency.QUARTERLY: 3, Frequency.YEARLY: 12}
MATCH_MAX = {Frequency.WEEKLY: 7, Frequency.MONTHLY: 31}


class Schedule(NamedTuple):
    """A frequency and the days it matches: weekdays 1 (Monday) to 7, or days 1 to 31 of a month."""

    frequency: Frequency
    match: tuple[int, ...] = ()


class Rhythm(NamedTuple):
    """A schedule with its anchor worked in, so that any day leads to the charge dates around it.

    `weekdays` for weekly; else every `months_apart` months, in the months whose number (year * 12 + month)
    leaves `phase`, on `days`. Neither: every day.
    """

    weekdays: tuple[int, ...] = ()
    months_apart: int = 0
    phase: int = 0
    days: tuple[int, ...] = ()


def make_schedule(frequency: Frequency, match: tuple[int, ...] = ()) -> Schedule:
    """A schedule whose match days are sorted, once each. Invalid for days that cannot be."""
    days = tuple(sorted(set(match)))
    most = MATCH_MAX.get(frequency, 0)
    if days and not most:
        raise Invalid("frequency_match", f"A {frequency} package has no match days.")
    if days and not (days[0] >= 1 and days[-1] <= most):
        wrong = next(day for day in days if not 1 <= day <= most)
        what = "a weekday from 1 (Monday) to 7 (Sunday)" if most == 7 else "a day of the month from 1 to 31"
        raise Invalid("frequency_match", f"{wrong} is not {what}.")
    return Schedule(frequency, days)


@lru_cache(maxsize=65536)
def rhythm(schedule: Schedule, anchor: date) -> Rhythm:
    """The charge dates of a recurring schedule, seen from `anchor`. ValueError for frequency none."""
    match schedule.frequency:
        case Frequency.DAILY:
            return Rhythm()
        case Frequency.WEEKLY:
            return Rhythm(weekdays=schedule.match or (anchor.isoweekday(),))
        case Frequency.MONTHLY | Frequency.QUARTERLY | Frequency.YEARLY:
            apart = MONTHS_APART[schedule.frequency]
            phase = (anchor.year * 12 + anchor.month - 1) % apart
            return Rhythm(months_apart=apart, phase=phase, days=schedule.match or (anchor.day,))
    raise ValueError("a package without a frequency has no charge dates")


def days_in(year: int, month: int) -> int:
    """The number of days of a month."""
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


def _dates_of_month(month_number: int, days: tuple[int, ...]) -> list[date]:
    """The charge dates in a month; days that fall together on its last day are one."""
    year, month = divmod(month_number, 12)
    last = days_in(year, month + 1)
    if days[-1] <= last:
        return [date(year, month + 1, day) for day in days]
    return [date(year, month + 1, day) for day in sorted({min(day, last) for day in days})]


@lru_cache(maxsize=262_144)
def on_or_after(rhythm: Rhythm, day: date) -> date:
    """The first charge date that is not before `day`."""
    if rhythm.months_apart:
        number = day.year * 12 + day.month - 1
        number += (rhythm.phase - number) % rhythm.months_apart
        while True:
            for candidate in _dates_of_month(number, rhythm.days):
                if candidate >= day:
                    return candidate
            number += rhythm.months_apart
    if rhythm.weekdays:
        today = day.isoweekday()
        return day + timedelta(days=min((weekday - today) % 7 for weekday in rhythm.weekdays))
    return day


@lru_cache(maxsize=262_144)
def on_or_before(rhythm: Rhythm, day: date) -> date:
    """The last charge date that is not after `day`, reckoned back beyond the anchor if need be."""
    if rhythm.months_apart:
        number = day.year * 12 + day.month - 1
        number -= (number - rhythm.phase) % rhythm.months_apart
        while True:
            for candidate in reversed(_dates_of_month(number, rhythm.days)):
                if candidate <= day:
                    return candidate
            number -= rhythm.months_apart
    if rhythm.weekdays:
        today = day.isoweekday()
        return day - timedelta(days=min((today - weekday) % 7 for weekday in rhythm.weekdays))
    return day


@lru_cache(maxsize=262_144)
def after(rhythm: Rhythm, day: date) -> date:
    """The first charge date after `day`."""
    return on_or_after(rhythm, day + ONE_DAY)


def charge_dates(schedule: Schedule, anchor: date, until: date) -> Iterator[date]:
    """The charge dates from `anchor` on, before `until`."""
    if schedule.frequency == Frequency.NONE:
        if anchor < until:
            yield anchor
        return
    beat = rhythm(schedule, anchor)
    day = on_or_after(beat, anchor)
    while day < until:
        yield day
        day = after(beat, day)


def days_that_meet(match: tuple[int, ...]) -> tuple[int, ...]:
    """The match days of a month that fall together in a short one: (29, 30, 31) of (1, 29, 30, 31); else none."""
    meeting = tuple(day for day in match if day >= 28)
    return meeting if len(meeting) > 1 else ()
