"""Upcoming charges as a table: all that falls due over a span of days, however much, day by day.

What is held, and what cannot be worked out, stands below them with its reason.
"""

import pickle
from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from heapq import merge
from io import SEEK_END
from itertools import islice
from tempfile import TemporaryFile
from typing import IO, Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import selectinload

from portal.domain.schedule import LAST_DAY, ONE_DAY
from portal.domain.wording import long_day, plural
from portal.extensions import db
from portal.long_answers import goes_on
from portal.models import Assignment, AssignmentPosition, Customer
from portal.services.billing.failures import Failed
from portal.services.billing.loading import usage_wait_days
from portal.services.billing.planning import Held, PlannedCharge, Worked, in_order, work_out
from portal.services.billing.positions import between, by_day
from portal.services.charges.explaining import explained
from portal.services.chunks import CHUNK, in_chunks
from portal.services.exports.charges import COST, WHAT, WHY
from portal.services.exports.table import AT_ONCE, Column, Table

# So far ahead an assignment is worked out at once, when anything of it falls due: few are due again sooner.
AHEAD, AHEAD_OF_ONE = timedelta(days=9), timedelta(days=365)
# The first lines that are handed on, and of how many assignments where there are many: few of one customer's, which are
# worked out for a year; more of everybody's, as some are due only in the days that minimum spends wait for calls.
AT_FIRST, FEW, MANY = 25, 50, 200
# As many lines of days to come are kept in memory.
IN_MEMORY = 20_000
# As many are read at once of those that are kept in a file.
READ_AT_ONCE = 50
# Of more assignments than this the first are read by themselves.
VERY_MANY = 2_000


@dataclass(frozen=True, slots=True)
class Row:
    """A line that falls due, or, without one, what is said of an assignment that brings none."""

    charge: PlannedCharge | None
    customer: Customer
    currency: str
    label: str = ""
    did_number: str = ""
    why: str = ""
    remark: str = ""


def _of_line(column: Column) -> Column:
    """A column of charges, empty where a row has none."""
    return Column(column.heading, lambda row: column.value(row) if row.charge else None, column.kind)


def _columns() -> Iterator[Column]:
    of_rows = {
        "Customer": lambda row: row.customer.name,
        "Customer Number": lambda row: f"#{row.customer.id}",
        "For": lambda row: row.label,
        "DID": lambda row: row.did_number,
        "Currency": lambda row: row.currency,
    }
    for column in (*WHAT, *COST):
        own = of_rows.get(column.heading)
        yield Column(column.heading, own, column.kind) if own else _of_line(column)
    yield WHY
    yield Column("Remark", lambda row: row.remark)


COLUMNS = tuple(_columns())


def upcoming(begins: date, through: date, today: date, customer_id: int | None = None) -> Table:
    """The charges dated from `begins` to `through` that are not posted, as far as is known today."""
    chunks = _chunks(begins, through, today, customer_id)
    return Table("upcoming", COLUMNS, chunks, lambda row: row.currency)


def _chunks(begins: date, through: date, today: date, customer_id: int | None) -> Iterator[list[Row]]:
    """The lines some at a time: those of a day are handed on before those of the next are worked out."""
    apart: list[Held | Failed] = []
    lines = _lines(begins, through, today, _Coming(customer_id), apart)
    wanted = AT_FIRST
    while some := list(islice(lines, wanted)):
        yield _told(some)
        wanted = AT_ONCE
    for start in range(0, len(apart), AT_ONCE):
        yield _said(apart[start : start + AT_ONCE])


def _lines(
    begins: date, through: date, today: date, coming: "_Coming", apart: list[Held | Failed]
) -> Iterator[PlannedCharge]:
    """The lines day by day, each day's in the order of their assignments; what brings none is put `apart`."""
    wait = ONE_DAY * usage_wait_days()
    with TemporaryFile() as file:
        for first, last in _spans(begins, through, today, AHEAD if coming.is_of_all else AHEAD_OF_ONE):
            later = Later(file)
            of_span = _OfSpan(first, last, _later_by(last, wait), today, coming, later, apart)
            day = first
            while day <= last:
                yield from merge(of_span.lines(day, _later_by(day, wait)), later.of(day), key=in_order)
                coming_on = coming.next()
                ahead = [later.next(), None if coming_on is None else coming_on - wait]
                day = max(day + ONE_DAY, min((one for one in ahead if one), default=LAST_DAY + ONE_DAY))


def _later_by(day: date, wait: timedelta) -> date:
    return min(day, LAST_DAY - wait) + wait


def _spans(begins: date, through: date, today: date, ahead: timedelta) -> Iterator[tuple[date, date]]:
    """The days, as many at a time as assignments are worked out ahead: what is overdue together with the first."""
    first, last = begins, max(begins, today)
    while first <= through:
        last = min(last, LAST_DAY - ahead) + ahead
        yield first, min(last, through)
        first = last + ONE_DAY


class _Coming:
    """The assignments of which anything is due, by the day from which it may be: each is worked out when it is."""

    def __init__(self, customer_id: int | None) -> None:
        self.customer_id = customer_id
        self.among = [] if customer_id is None else between(customer_id)
        self.read_through: date | None = None
        self.first: date | None = None
        self.first_is_known = False
        self.again: dict[date, array[int]] = {}

    @property
    def is_of_all(self) -> bool:
        """Whether they are everybody's, and not of one customer."""
        return self.customer_id is None

    def up_to(self, day: date, most: date) -> Iterator[Sequence[int]]:
        """Those of which anything may be due up to a day, some at a time by their ids; they are not told again.

        With them those of the days after it, up to `most`, as long as they are few.
        """
        found: list[int] = []
        if self.read_through is None or day > self.read_through:
            day = max(day, min(self._few_by(), most))
            query = self._unread(AssignmentPosition.assignment_id)
            query = query.where(AssignmentPosition.next_charge_on <= day)
            self.read_through, self.first_is_known = day, False
            if not self.again and db.session.execute(query.offset(VERY_MANY).limit(1)).first():
                # The first lines do not wait until very many are told.
                by_id = query.order_by(AssignmentPosition.assignment_id)
                begun = list(db.session.scalars(by_id.limit(MANY if self.is_of_all else FEW)))
                yield begun
                query = query.where(AssignmentPosition.assignment_id > begun[-1])
            found = list(db.session.scalars(query))
        for on in [on for on in self.again if on <= self.read_through]:
            found += self.again.pop(on)
        yield from _few_at_first(sorted(found))

    def next(self) -> date | None:
        """The day from which anything may be due of those that were not told."""
        if not self.first_is_known:  # asked when it is wanted: the first lines need not wait for it
            self.first = db.session.scalar(self._unread(func.min(AssignmentPosition.next_charge_on)))
            self.first_is_known = True
        return min([*self.again, *([self.first] if self.first else [])], default=None)

    def _few_by(self) -> date:
        """The last day up to which they are few."""
        on = AssignmentPosition.next_charge_on
        following = (
            self._unread(on).where(on.is_not(None)).order_by(by_day(self.among)).offset(CHUNK).limit(1)
        )
        too_many: date | None = db.session.scalar(following)
        return too_many - ONE_DAY if too_many else LAST_DAY

    def once_more(self, id: int, day: date) -> None:
        """Tell an assignment again, from a day on."""
        self.again.setdefault(day, array("q")).append(id)

    def _unread(self, what: Any) -> Select[Any]:
        query = select(what)
        if self.read_through:
            query = query.where(AssignmentPosition.next_charge_on > self.read_through)
        if self.customer_id is not None:
            query = query.join(Assignment, Assignment.id == AssignmentPosition.assignment_id)
            query = query.where(Assignment.customer_id == self.customer_id, *self.among)
        return query


@dataclass(frozen=True, slots=True)
class _OfSpan:
    """Some days, to whose last one each assignment is worked out when anything of it falls due, and once."""

    first: date
    last: date
    due_by: date
    today: date
    coming: _Coming
    later: "Later"
    apart: list[Held | Failed]

    def lines(self, day: date, due_by: date) -> Iterator[PlannedCharge]:
        """The lines of a day of those of which anything is due by then; those of later days are put away."""
        ahead = max(self.due_by, self.today)  # what is held is so as of today
        for ids in self.coming.up_to(due_by, self.due_by):
            found: list[PlannedCharge] = []
            for worked in work_out(ids, ahead, self.today):
                if isinstance(worked, Failed):
                    self.apart.append(worked)
                elif worked.held:
                    self.apart.append(worked.held)
                else:
                    found += self._of(worked)
            found.sort(key=in_order)
            for line in found:
                if line.charge_on > day:
                    self.later.put(line)
            yield from (line for line in found if line.charge_on <= day)
            db.session.rollback()
            goes_on()

    def _of(self, worked: Worked) -> Iterator[PlannedCharge]:
        beyond = [line.charge_on for line in worked.due.charges if line.charge_on > self.last]
        if worked.due.next_charge_on:
            beyond.append(worked.due.next_charge_on)
        if beyond:
            # Not among these days any more, of which it was told to the last.
            on = max(min(beyond), self.due_by + ONE_DAY)
            self.coming.once_more(worked.loaded.facts.assignment_id, on)
        return (line for line in worked.planned(self.today) if self.first <= line.charge_on <= self.last)


def _few_at_first(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    """Some at a time, of many few at first: a customer's are worked out for a year, and the file is to begin soon."""
    few = FEW if len(ids) > MANY else 0
    yield from in_chunks(ids[:few], FEW)
    yield from in_chunks(ids[few:], CHUNK)


def _told(some: list[PlannedCharge]) -> list[Row]:
    customers = _customers({line.customer_id for line in some})
    return [
        Row(
            told.charge,
            customers[told.charge.customer_id],
            told.charge.currency,
            told.charge.label,
            told.charge.did_number,
            told.why,
            "if nothing more is spent" if told.charge.provisional else "",
        )
        for told in explained(some)
        if told.charge.customer_id in customers
    ]


def _said(some: Sequence[Held | Failed]) -> list[Row]:
    customers = _customers(
        {one.customer_id if isinstance(one, Failed) else one.facts.customer_id for one in some}
    )
    return [row for one in some if (row := _aside(one, customers))]


def _aside(one: Held | Failed, customers: dict[int, Customer]) -> Row | None:
    if isinstance(one, Failed):
        customer = customers.get(one.customer_id)
        return customer and Row(None, customer, customer.currency, one.label, remark=one.sentence)
    said = f"Held: {plural(one.lines, 'charge')} since {long_day(one.first_on)} wait for a choice."
    customer = customers.get(one.facts.customer_id)
    return customer and Row(
        None, customer, customer.currency, one.facts.label, one.facts.did_number, remark=said
    )


def _customers(ids: set[int]) -> dict[int, Customer]:
    query = select(Customer).where(Customer.id.in_(ids)).options(selectinload(Customer.account_codes))
    return {customer.id: customer for customer in db.session.scalars(query)}


class Later:
    """Lines by the day that they bear, any number of them: so many in memory, the others in a file."""

    def __init__(self, file: IO[bytes], most: int = IN_MEMORY) -> None:
        self.file, self.most, self.count = file, most, 0
        self.lines: dict[date, list[PlannedCharge]] = defaultdict(list)
        self.kept: dict[date, list[list[int]]] = defaultdict(list)

    def put(self, line: PlannedCharge) -> None:
        """Put a line away."""
        self.lines[line.charge_on].append(line)
        self.count += 1
        if self.count >= self.most:
            self._keep()

    def next(self) -> date | None:
        """The first day that has lines."""
        return min([*self.lines, *self.kept], default=None)

    def of(self, day: date) -> Iterator[PlannedCharge]:
        """The lines of a day in their order; they are not told again."""
        some = sorted(self.lines.pop(day, ()), key=in_order)
        self.count -= len(some)
        return merge(some, *map(self._read, self.kept.pop(day, ())), key=in_order)

    def _keep(self) -> None:
        for day, lines in self.lines.items():
            places = []
            for some in in_chunks(sorted(lines, key=in_order), READ_AT_ONCE):
                places.append(self.file.seek(0, SEEK_END))
                pickle.dump(some, self.file)
            self.kept[day].append(places)
        self.lines.clear()
        self.count = 0

    def _read(self, places: Sequence[int]) -> Iterator[PlannedCharge]:
        for place in places:
            self.file.seek(place)
            yield from pickle.load(self.file)
