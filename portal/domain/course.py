"""When an assignment is charged: the course that its schedule brings, whatever it comes to (billing-rules 3, 4 and 6).

What is asked names all that the answer depends on, and is remembered by it: of very many assignments, most take a
course that another one has taken. What no longer matters, since it lies before the cursor, is left out of the question.
"""

from datetime import date
from functools import lru_cache
from typing import NamedTuple

from portal.domain.schedule import FIRST_DAY, ONE_DAY
from portal.domain.terms import (
    Proration,
    Segment,
    Span,
    Terms,
    charged_at_the_start,
    segments,
    span_from,
)


class Times(NamedTuple):
    """What says when, from a day on: all but the end date, which may change on the way.

    `found` are the segments of what recurs, none of what is charged once. `proration` is asked on the first day only.
    """

    found: tuple[Segment, ...]
    begins: date
    sets_up: bool
    proration: Proration
    minimum_spend: bool
    wait_days: int


class Course(NamedTuple):
    """Steps in their order, each a period (None: the first day, with what it brings once) and the day it is found on.

    Then the new cursor, and the next day on which the schedule brings anything (None: never again).
    """

    steps: tuple[tuple[Span | None, date], ...]
    cursor: date | None
    next_day: date | None


def times_of(terms: Terms, cursor: date | None) -> Times:
    """What says when an assignment is charged that is dealt with up to `cursor` (None: not begun)."""
    found = segments(terms) if terms.recurs else ()
    if cursor is None or cursor < terms.begins:
        return Times(
            found, terms.begins, terms.sets_up, terms.proration, terms.minimum_spend, terms.wait_days
        )
    while len(found) > 1 and found[1].begins <= cursor:
        found = found[1:]
    if found:
        found = (Segment(FIRST_DAY, found[0].rhythm), *found[1:])
    return Times(found, FIRST_DAY, False, Proration.NONE, terms.minimum_spend, terms.wait_days)


@lru_cache(maxsize=32_768)
def course(times: Times, cursor: date | None, since: date, end: date | None, through: date) -> Course:
    """The steps from `cursor` on that fall due up to `through`, while `end` is the end date, as is known `since`."""
    steps: list[tuple[Span | None, date]] = []
    while (day := next_step(times, cursor, end)) is not None and day <= through:
        found_on = max(day, since)
        if cursor is not None and cursor >= times.begins:
            span = span_from(times.found, cursor)
            steps.append((span, found_on))
            cursor = span.until
            continue
        if cursor is None and times.sets_up:
            steps.append((None, found_on))
        cursor = times.begins
        if times.found:
            span = span_from(times.found, cursor)
            if not (span.is_whole or charged_at_the_start(times.proration, times.found, span)):
                cursor = span.until
    return Course(tuple(steps), cursor, day)


def next_step(times: Times, cursor: date | None, end: date | None) -> date | None:
    """The day on which the schedule brings something next, given the end date; None for never again."""
    if cursor is None or (times.found and cursor < times.begins):
        return times.begins if end is None or times.begins <= end else None
    if not times.found or (end and cursor > end):
        return None
    if times.minimum_spend:
        until = span_from(times.found, cursor).until
        return (min(until, end + ONE_DAY) if end else until) + ONE_DAY * times.wait_days
    return cursor
