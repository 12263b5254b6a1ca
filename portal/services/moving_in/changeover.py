"""The changeover: what recurs a month here, beside what the other system charged, by customer and in all."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select

from portal.domain.wording import plain
from portal.extensions import db
from portal.models import Assignment, Customer, MoveMade
from portal.services.among import among
from portal.services.chunks import in_chunks
from portal.services.csv import export
from portal.services.customers.ranking import recurring
from portal.services.overview.remembering import Reading

ZERO = Decimal(0)
VERY_MANY = 20_000
HEAD = (
    "Customer", "Customer Number", "Currency", "Assignments", "Monthly Before", "Monthly Here", "Difference",
    "Without A Figure",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """A customer with assignments that files have brought in.

    `before` is what the other system charged for these in a month, where the file says it; `without` counts those of
    which it does not. `here` is what recurs of all that the customer has now.
    """

    customer_id: int
    name: str
    search_key: str
    currency: str
    assignments: int
    before: Decimal
    without: int
    here: Decimal

    @property
    def difference(self) -> Decimal:
        """How much more recurs here."""
        return self.here - self.before

    @property
    def is_compared(self) -> bool:
        """Whether there is a figure of the other system for all of them."""
        return not self.without


@dataclass(slots=True)
class Sums:
    """All customers of one currency."""

    customers: int = 0
    before: Decimal = ZERO
    here: Decimal = ZERO
    differ: int = 0
    without: int = 0

    @property
    def difference(self) -> Decimal:
        """How much more recurs here."""
        return self.here - self.before


@dataclass(frozen=True, slots=True)
class Changeover:
    """The report of a day: who differs first, the largest difference before; then those without figures; the rest.

    `rows` may be the first of them; `count` is how many there are.
    """

    day: date
    rows: Sequence[Row]
    count: int
    sums: dict[str, Sums] = field(default_factory=dict)


def first_of(reading: Reading, most: int) -> Changeover:
    """The first rows of it, remembered: all that files have ever brought is gone through for them."""

    def find() -> Changeover:
        found = changeover(reading.today)
        return replace(found, rows=found.rows[:most])

    return reading.answer(("changeover", most), reading.terms, find)


def changeover(today: date) -> Changeover:
    """Every customer to whom a file has brought assignments."""
    brought = _brought()
    # Of very many customers it is found with that of all others: a few hundred at a time takes ten times as long.
    here = recurring(today, None if len(brought) > VERY_MANY else list(brought))
    rows = []
    sums: dict[str, Sums] = defaultdict(Sums)
    for id, name, search_key, currency in _customers(list(brought)):
        count, figures, before = brought[id]
        recurs = here[id].retail if id in here else ZERO
        row = Row(id, name, search_key, currency, count, before, count - figures, recurs)
        rows.append(row)
        total = sums[row.currency]
        total.customers += 1
        total.before += row.before
        total.here += row.here
        total.differ += row.is_compared and bool(row.difference)
        total.without += row.without
    rows.sort(key=_place)
    return Changeover(today, rows, len(rows), dict(sorted(sums.items())))


def _place(row: Row) -> tuple[int, Decimal, str, int]:
    kind = (0 if row.difference else 2) if row.is_compared else 1
    return kind, -abs(row.difference), row.search_key, row.customer_id


def _brought() -> dict[int, tuple[int, int, Decimal]]:
    """How many assignments files have brought to each customer, of how many the figure is known, and their sum."""
    query = (
        select(Assignment.customer_id, func.count(), func.count(MoveMade.monthly), func.sum(MoveMade.monthly))
        .join(Assignment, Assignment.id == MoveMade.thing_id)
        .where(MoveMade.noun == "assignment", MoveMade.is_change.is_(False))
        .where(MoveMade.taken_back_on.is_(None), Assignment.withdrawn_on.is_(None))
        .group_by(Assignment.customer_id)
    )
    return {id: (count, figures, before or ZERO) for id, count, figures, before in db.session.execute(query)}


def _customers(ids: Sequence[int]) -> Iterator[Any]:
    query = select(Customer.id, Customer.name, Customer.search_key, Customer.currency)
    for some in in_chunks(sorted(ids)):
        yield from db.session.execute(query.where(among(Customer.id, some)).order_by(Customer.id))


def as_csv(today: date) -> Iterator[str]:
    """The report as a file: a line a customer, in the order of the page. It is found once the file has begun."""
    return export.lines(HEAD, _lines(today))


def _lines(today: date) -> Iterator[list[object]]:
    for row in changeover(today).rows:
        yield _cells(row)


def _cells(row: Row) -> list[object]:
    before, difference = (
        (plain(row.before, row.currency), plain(row.difference, row.currency))
        if row.is_compared
        else ("", "")
    )
    here = plain(row.here, row.currency)
    return [
        row.name, f"#{row.customer_id}", row.currency, row.assignments, before, here, difference, row.without,
    ]  # fmt: skip
