"""What falls due: what a run would post now, and what the next thirty days bring, day by day."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal

from dateutil.relativedelta import relativedelta
from sqlalchemy import func, select

from portal.domain.due import Kind
from portal.domain.money import from_micros
from portal.domain.schedule import ONE_DAY
from portal.extensions import db
from portal.models import AssignmentPosition
from portal.services.billing.failures import Failed
from portal.services.billing.loading import usage_wait_days
from portal.services.billing.planning import Worked, work_out
from portal.services.chunks import in_chunks
from portal.services.listing import COUNTED
from portal.services.overview.remembering import Reading

DAYS = 30
# As many assignments as are worked out for the overview; of more, the days that fit.
ASSIGNMENTS_MOST = 2_000


@dataclass(slots=True)
class DaySums:
    """Amounts in micros of charges that are not posted. `at_most` is the part that calls may still lessen."""

    amount: int = 0
    cost: int = 0
    at_most: int = 0
    count: int = 0

    def add(self, amount: int, cost: int, at_most: int) -> None:
        """Take in one charge."""
        self.amount += amount
        self.cost += cost
        self.at_most += at_most
        self.count += 1


@dataclass(frozen=True, slots=True)
class DayDue:
    """The charges of one currency that bear a day; what is overdue stands under today."""

    on: date
    count: int
    amount: Decimal
    cost: Decimal
    at_most: Decimal

    @property
    def margin(self) -> Decimal:
        """Amount less cost."""
        return self.amount - self.cost


@dataclass(slots=True)
class Due:
    """What falls due from `begins` to `through`, both included.

    `assignments_now` is told as lists tell it (listing.count). `now` counts the charges that a run of today would post;
    `is_whole` is False where there were too many assignments to work out, and then only the days before `through` + 1
    are told.

    `of_month` is, for each currency, what falls due dated in this month, by day as `by_day` is; `has_month` says
    whether all of it was worked out.
    """

    begins: date
    through: date
    is_whole: bool = True
    assignments_now: int = 0
    now: int = 0
    held: int = 0
    failed: list[Failed] = field(default_factory=list)
    by_day: dict[str, dict[date, DaySums]] = field(default_factory=dict)
    has_month: bool = True
    of_month: dict[str, dict[date, DaySums]] = field(default_factory=dict)

    def days(self, currency: str) -> Iterator[DayDue]:
        """Every day of the span, also those on which nothing falls due."""
        day, found = self.begins, self.by_day.get(currency, {})
        while day <= self.through:
            sums = found.get(day, DaySums())
            yield DayDue(day, sums.count, *map(from_micros, (sums.amount, sums.cost, sums.at_most)))
            day += ONE_DAY


def due(reading: Reading) -> Due:
    """What falls due today and in the days after it."""
    today = reading.today
    wait = ONE_DAY * usage_wait_days()
    last_shown, last_of_month = today + timedelta(days=DAYS - 1), month_end(today)
    through = max(last_shown, last_of_month)
    count_now, first_left_out = _how_many(today, through + wait)
    if first_left_out:
        through = first_left_out - ONE_DAY - wait
    found = Due(today, min(through, last_shown), first_left_out is None, assignments_now=count_now)
    found.has_month = through >= last_of_month
    if through < today:
        return found
    rows = _by(through + wait)
    ids = sorted(row[0] for row in rows)
    fingerprint = (through, tuple(rows), reading.terms)
    worked = reading.answer("due", fingerprint, lambda: _work_out(ids, today, through, wait), is_bounded=True)
    return replace(
        found,
        now=worked.now,
        held=worked.held,
        failed=worked.failed,
        by_day=worked.by_day,
        of_month=worked.of_month,
    )


def month_end(day: date) -> date:
    """The last day of a day's month."""
    return day + relativedelta(day=31)


def _how_many(today: date, through: date) -> tuple[int, date | None]:
    """How many assignments are due today; and, where more are by a day than are worked out, the first day left out."""
    day = AssignmentPosition.next_charge_on
    now = select(day).where(day <= today).limit(COUNTED + 1).subquery()
    left_out = select(day).where(day <= through).order_by(day).offset(ASSIGNMENTS_MOST).limit(1)
    count = select(func.count()).select_from(now).scalar_subquery()
    row = db.session.execute(select(count, left_out.scalar_subquery())).one()
    return row[0], row[1]


def _by(through: date) -> list[tuple[int, date, int]]:
    """The assignments due by a day, which are not too many; the version tells where each stands."""
    position = AssignmentPosition
    query = (
        select(position.assignment_id, position.next_charge_on, position.version)
        .where(position.next_charge_on <= through)
        .order_by(position.next_charge_on, position.assignment_id)
    )
    return [(row[0], row[1], row[2]) for row in db.session.execute(query) if row[1]]


def _work_out(ids: list[int], today: date, through: date, wait: timedelta) -> Due:
    found = Due(today, through)
    for chunk in in_chunks(ids):
        for worked in work_out(chunk, through + wait, today):
            if isinstance(worked, Failed):
                found.failed.append(worked)
            else:
                _take(found, worked, today)
    return found


def _take(found: Due, worked: Worked, today: date) -> None:
    """Add an assignment's charges to the days whose date they bear."""
    if worked.held:
        found.held += 1
        return
    currency, begins, ends = worked.loaded.facts.currency, today.replace(day=1), month_end(today)
    by_day = found.by_day.setdefault(currency, {})
    of_month = found.of_month.setdefault(currency, {})
    for charge in worked.due.charges:
        if charge.found_on <= today:
            found.now += 1
        runs = charge.kind == Kind.MINIMUM_SPEND and charge.charge_on > today
        if charge.charge_on <= found.through:
            day = by_day.setdefault(max(charge.charge_on, today), DaySums())
            day.add(charge.amount, charge.cost, charge.amount if runs else 0)
        if begins <= charge.charge_on <= ends:
            day = of_month.setdefault(max(charge.charge_on, today), DaySums())
            day.add(charge.amount, charge.cost, charge.amount if runs else 0)
