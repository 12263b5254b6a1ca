"""Upcoming charges as a table: all that falls due over a span of days, however much, day by day.

What is held, and what cannot be worked out, stands below them with its reason.
"""

import pickle
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from heapq import merge
from itertools import islice
from tempfile import TemporaryFile
from typing import IO, Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from portal.domain.schedule import LAST_DAY, ONE_DAY
from portal.domain.wording import long_day, plural
from portal.extensions import db
from portal.long_answers import goes_on
from portal.models import Assignment, AssignmentPosition, Customer
from portal.services.billing.failures import Failed
from portal.services.billing.loading import usage_wait_days
from portal.services.billing.planning import Held, PlannedCharge, in_order, work_out
from portal.services.charges.explaining import explained
from portal.services.chunks import CHUNK, in_chunks
from portal.services.exports.charges import COST, WHAT, WHY
from portal.services.exports.table import AT_ONCE, Column, Table
from portal.services.listing import AT_FIRST

# As many lines are sorted in memory.
SORTED_AT_ONCE = 20_000
# As many of each file are in memory.
READ_AT_ONCE = 50
Item = TypeVar("Item")


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
    """The lines some days at a time: the first is handed on before those to come are worked out."""
    apart: list[Held | Failed] = []
    coming = _Coming(customer_id)
    wanted = AT_FIRST
    for first, last in _spans(begins, through, today):
        lines: Iterator[PlannedCharge] = _lines(first, last, today, coming, apart)
        if first != last:  # those of one day stand in the order of their assignments
            lines = sorted_on_disk(lines, in_order, SORTED_AT_ONCE)
        while some := list(islice(lines, wanted)):
            yield _told(some)
            wanted = AT_ONCE
    for start in range(0, len(apart), AT_ONCE):
        yield _said(apart[start : start + AT_ONCE])


def _spans(begins: date, through: date, today: date) -> Iterator[tuple[date, date]]:
    """The days cut into what is overdue, today, and what comes."""
    tomorrow = min(today, LAST_DAY - ONE_DAY) + ONE_DAY
    for first, last in ((begins, today - ONE_DAY), (today, today), (tomorrow, LAST_DAY)):
        if max(first, begins) <= min(last, through):
            yield max(first, begins), min(last, through)


class _Coming:
    """The assignments of which anything is due, by the day from which it may be: each is worked out when it is."""

    def __init__(self, customer_id: int | None) -> None:
        self.customer_id = customer_id
        self.read_through: date | None = None
        self.again: dict[date, array[int]] = {}

    def up_to(self, day: date) -> list[int]:
        """Those of which anything may be due up to a day, in the order of their ids; they are not told again."""
        position = AssignmentPosition.assignment_id
        query = select(position).where(AssignmentPosition.next_charge_on <= day)
        if self.read_through:
            query = query.where(AssignmentPosition.next_charge_on > self.read_through)
        if self.customer_id is not None:
            query = query.join(Assignment, Assignment.id == position)
            query = query.where(Assignment.customer_id == self.customer_id)
        found = list(db.session.scalars(query))
        for on in [on for on in self.again if on <= day]:
            found += self.again.pop(on)
        self.read_through = day
        return sorted(found)

    def once_more(self, id: int, day: date | None) -> None:
        """Tell an assignment again, from a day on."""
        if day is not None:
            self.again.setdefault(day, array("q")).append(id)


def _lines(
    begins: date, through: date, today: date, coming: _Coming, apart: list[Held | Failed]
) -> Iterator[PlannedCharge]:
    """The lines in the order of their assignments; what brings none is put `apart`."""
    wait = ONE_DAY * usage_wait_days()
    due_by = min(through, LAST_DAY - wait) + wait
    ahead = max(due_by, today)  # what is held is so as of today
    for ids in in_chunks(coming.up_to(due_by), CHUNK):
        for worked in work_out(ids, ahead, today):
            if isinstance(worked, Failed):
                apart.append(worked)
                continue
            if worked.held:
                apart.append(worked.held)
                continue
            later = [line.charge_on for line in worked.due.charges if line.charge_on > through]
            if worked.due.next_charge_on:
                later.append(worked.due.next_charge_on)
            coming.once_more(worked.loaded.facts.assignment_id, min(later, default=None))
            of_span = (line for line in worked.planned(today) if begins <= line.charge_on <= through)
            yield from sorted(of_span, key=in_order)
        db.session.rollback()
        goes_on()


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


def sorted_on_disk(items: Iterable[Item], key: Callable[[Item], Any], at_once: int) -> Iterator[Item]:
    """Any number of items in the order of `key`: so many at once in memory, the others in files without a name."""
    rest, parts = iter(items), []
    while some := sorted(islice(rest, at_once), key=key):
        parts.append(_kept(some))
    return merge(*map(_read, parts), key=key)


def _kept(items: Sequence[Any]) -> IO[bytes]:
    file = TemporaryFile()  # noqa: SIM115 - it is read, and closed, later
    for some in in_chunks(items, READ_AT_ONCE):
        pickle.dump(some, file)
    file.seek(0)
    return file


def _read(file: IO[bytes]) -> Iterator[Any]:
    with file:
        while file.peek(1):  # type: ignore[attr-defined]
            yield from pickle.load(file)
