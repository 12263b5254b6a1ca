"""What falls due over a span of days, day by day: the preview of everybody's charges, or of one customer's.

It is the plan that a run would post. What it reads and works out is bounded: of too much, the days that fit.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select

from portal.domain.due import DueCharge
from portal.domain.schedule import FIRST_DAY, LAST_DAY, ONE_DAY
from portal.extensions import db
from portal.models import Assignment, AssignmentPosition
from portal.services.billing.failures import Failed
from portal.services.billing.loading import usage_wait_days
from portal.services.billing.planning import (
    Held,
    PlannedCharge,
    Totals,
    Worked,
    in_order,
    planned_totals,
    sums_of,
    work_out,
)
from portal.services.billing.positions import between, by_day, on_first_days
from portal.services.chunks import CHUNK, collecting_nothing, in_chunks

# How many assignments are read for a page, how many lines worked out, and how many of them shown.
ASSIGNMENTS_MOST = 5_000
LINES_MOST = 40_000
# The same where they stand beside other things.
BRIEFLY = 500, 4_000
SHOWN_MOST = 300
SHOWN_OF_ONE_DAY = 1_000

Line = tuple[Worked, DueCharge]


@dataclass(slots=True)
class Day:
    """The charges of a day; `lines` is empty where there are too many to show, but they are all counted."""

    on: date
    count: int
    totals: dict[str, Totals]
    lines: list[PlannedCharge]


@dataclass(slots=True)
class Upcoming:
    """What falls due from `begins` to `through`, both included.

    `left_out_from` is the first day of the span that was too much to work out. `overdue` are charges dated
    before the span that are due and not posted yet.
    """

    begins: date
    through: date
    days: list[Day] = field(default_factory=list)
    totals: dict[str, Totals] = field(default_factory=dict)
    count: int = 0
    held: list[Held] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    overdue: int = 0
    left_out_from: date | None = None

    @property
    def lines(self) -> Iterator[PlannedCharge]:
        """The charges that are shown, in order."""
        return (line for day in self.days for line in day.lines)


class TooMuch(Exception):
    """More lines than a page works out."""


def upcoming(
    begins: date,
    through: date,
    today: date,
    customer_id: int | None = None,
    *,
    briefly: bool = False,
    many: int = 0,
) -> Upcoming:
    """The charges dated from `begins` to `through` that are not posted, as far as is known today.

    `briefly`: as much as fits beside other things on a page. `many`: how many assignments the customer is known to
    have.
    """
    most, lines_most = BRIEFLY if briefly else (ASSIGNMENTS_MOST, LINES_MOST)
    wait = ONE_DAY * usage_wait_days()
    ids, last = _that_fit(min(through, LAST_DAY - wait) + wait, customer_id, most, many)
    fits = min(through, last - wait) if last else through
    # All of them together, which is quickest; where that was too much, some at a time, for not all of them will fit.
    at_once = max(most, CHUNK)
    while fits >= begins:
        try:
            with collecting_nothing():
                return _by_day(ids, begins, fits, through, wait, today, lines_most, at_once)
        except TooMuch:
            at_once, days = CHUNK, (fits - begins).days
            fits = begins + timedelta(days=days // 2) if days else begins - ONE_DAY
    return Upcoming(begins, through, left_out_from=begins)


def _that_fit(ahead: date, customer_id: int | None, most: int, many: int) -> tuple[list[int], date | None]:
    """The assignments due up to `ahead`; of too many, those due up to the last day that is read whole, and it."""
    among = between(customer_id) if customer_id is not None else []
    query = (
        select(AssignmentPosition.assignment_id, AssignmentPosition.next_charge_on)
        .where(AssignmentPosition.next_charge_on <= ahead)
        .order_by(by_day(among), AssignmentPosition.assignment_id)
        .limit(most + 1)
    )
    rows: Sequence[Any] = ()
    if customer_id is not None:
        query = query.join(Assignment, Assignment.id == AssignmentPosition.assignment_id)
        query = query.where(Assignment.customer_id == customer_id, *among)
        rows = on_first_days(customer_id, most + 1, many)
    if len(rows) <= most or rows[-1][1] > ahead:
        rows = db.session.execute(query).all()
    if len(rows) <= most:
        return sorted(id for id, _ in rows), None
    too_far: date = rows[-1][1] or FIRST_DAY
    return sorted(id for id, on in rows if on and on < too_far), too_far - ONE_DAY


def _by_day(
    ids: list[int],
    begins: date,
    fits: date,
    through: date,
    wait: timedelta,
    today: date,
    most: int,
    at_once: int,
) -> Upcoming:
    found = Upcoming(begins, through, left_out_from=fits + ONE_DAY if fits < through else None)
    by_day: dict[date, list[Line]] = defaultdict(list)
    worked_out = 0
    for chunk in in_chunks(ids, at_once):
        for worked in work_out(chunk, fits + wait, today):
            if isinstance(worked, Failed):
                found.failed.append(worked)
                continue
            if worked.held:
                found.held.append(worked.held)
                continue
            worked_out += len(worked.due.charges)
            if worked_out > most:
                raise TooMuch
            for due in worked.due.charges:
                if due.charge_on < begins:
                    found.overdue += 1
                elif due.charge_on <= fits:
                    by_day[due.charge_on].append((worked, due))
    found.days = list(_days(by_day, today, SHOWN_OF_ONE_DAY if begins == through else SHOWN_MOST))
    found.count = sum(day.count for day in found.days)
    found.totals = sums_of(day.totals for day in found.days)
    return found


def _days(by_day: dict[date, list[Line]], today: date, shown_most: int) -> Iterator[Day]:
    """The lines of each day, with them shown as long as they are few enough in all; others are only added up."""
    room = shown_most
    for on, of_day in sorted(by_day.items()):
        fits = len(of_day) <= room or len(by_day) == 1
        lines = sorted((worked.line(due, today) for worked, due in of_day), key=in_order) if fits else []
        totals = planned_totals((worked.loaded.facts.currency, due) for worked, due in of_day)
        yield Day(on, len(of_day), totals, lines[:shown_most])
        room -= len(lines)
