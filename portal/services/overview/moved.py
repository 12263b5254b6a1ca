"""The assignments behind what was won and lost, one by one (billing-rules 5).

They are found when they are asked for, and remembered until something changes: only what one page shows is named.
"""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import compress
from typing import NamedTuple

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import joinedload

from portal.domain.money import from_micros, to_micros
from portal.extensions import db
from portal.models import Assignment, AssignmentPrice, AssignmentQuantity, Customer
from portal.services.among import among
from portal.services.chunks import in_chunks
from portal.services.listing import AT_FIRST
from portal.services.overview.remembering import Reading
from portal.services.overview.won_and_lost import KINDS, Alike, Both, became, units_on
from portal.services.packages.figures import in_force

SORTS = ("-difference", "difference", "customer", "-customer")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for: assignments that come to something else on the day `after` than on the day `before`.

    `kind`: one of KINDS, or empty for all of them.
    """

    currency: str
    before: date
    after: date
    kind: str = ""
    sort: str = "-difference"


class Row(NamedTuple):
    """What stands in a line: an assignment, what became of it, and what it came to in a month then and later."""

    assignment: Assignment
    kind: str
    was: Decimal
    now: Decimal

    @property
    def difference(self) -> Decimal:
        """What was won by it; below zero, lost."""
        return self.now - self.was


@dataclass(slots=True)
class Moved:
    """Which assignments moved, in order: the place in KINDS of what became of each, and in micros what it came to."""

    ids: "array[int]" = field(default_factory=lambda: array("q"))
    kinds: "array[int]" = field(default_factory=lambda: array("b"))
    were: "array[int]" = field(default_factory=lambda: array("q"))
    are: "array[int]" = field(default_factory=lambda: array("q"))

    @property
    def difference(self) -> Decimal:
        """What was won by all of them; below zero, lost."""
        return from_micros(sum(self.are) - sum(self.were))

    def rows(self, first: int, until: int) -> list[Row]:
        """Some of them with their names."""
        ids = self.ids[first:until]
        query = select(Assignment).where(among(Assignment.id, ids)).options(*WITH_NAMES)
        found = {one.id: one for one in db.session.scalars(query)}
        each = zip(ids, self.kinds[first:until], self.were[first:until], self.are[first:until], strict=True)
        return [
            Row(found[id], KINDS[kind], from_micros(was), from_micros(now))
            for id, kind, was, now in each
            if id in found
        ]

    def every(self, size: int) -> Iterator[Sequence[Row]]:
        """All of them, some at a time."""
        first = 0
        for some in filter(len, (self.ids[:AT_FIRST], *in_chunks(self.ids[AT_FIRST:], size))):
            yield self.rows(first, first + len(some))
            first += len(some)


WITH_NAMES = (
    joinedload(Assignment.customer),
    joinedload(Assignment.package),
    joinedload(Assignment.did),
)


def moved(reading: Reading, asked: Asked) -> Moved:
    """All that moved between the two days is remembered until something changes: each kind and order comes of it."""
    currency, before, after = asked.currency, asked.before, asked.after
    question = ("moved", currency, before, after)
    return _chosen(reading.answer(question, reading.terms, lambda: _find(currency, before, after)), asked)


def find(asked: Asked) -> Moved:
    """The same from the assignments themselves."""
    return _chosen(_find(asked.currency, asked.before, asked.after), asked)


def _find(currency: str, before: date, after: date) -> Moved:
    """All of them, what was won by most first: as the list begins."""
    both, found = Both(before, after), list[tuple[int, int, int, int]]()
    for row in _may_have_moved(currency, both):
        if not both.recurs(row):
            continue
        (was, _), (now, _) = both.values(row)
        if kind := became(row, was, now):
            found.append((row.id, KINDS.index(kind), to_micros(was), to_micros(now)))
    found.sort(key=lambda row: row[2] - row[3])
    return _in_columns(found)


def _in_columns(rows: Sequence[tuple[int, int, int, int]]) -> Moved:
    return Moved(*(array(code, [row[place] for row in rows]) for place, code in enumerate("qbqq")))


def _chosen(found: Moved, asked: Asked) -> Moved:
    """Those of one kind, or all, in order: by what was won by each, or by the name of whose it is.

    There are hundreds of thousands where a package became dearer: no line is looked at by itself but for the names.
    """
    columns = [found.ids, found.kinds, found.were, found.are]
    if asked.kind:
        is_of_kind = bytes(number == KINDS.index(asked.kind) for number in range(256))
        chosen = found.kinds.tobytes().translate(is_of_kind)
        columns = [array(column.typecode, compress(column, chosen)) for column in columns]
    if asked.sort.endswith("customer"):
        return _by_name(list(zip(*columns, strict=True)), asked.sort.startswith("-"))
    if not asked.sort.startswith("-"):
        columns = [column[::-1] for column in columns]
    return Moved(*columns)


def _by_name(rows: list[tuple[int, int, int, int]], downwards: bool) -> Moved:
    by_name = (
        select(Assignment.id)
        .join(Customer)
        .where(among(Assignment.id, [row[0] for row in rows]))
        .order_by(Customer.search_key, Customer.id, Assignment.id)
    )
    places = {id: place for place, id in enumerate(db.session.scalars(by_name))}
    rows.sort(key=lambda row: places.get(row[0], len(places)), reverse=downwards)
    return _in_columns(rows)


def _may_have_moved(currency: str, both: Both) -> Iterator[Alike]:
    """Assignments that run on one of the days alone, or whose quantity, package or own prices may be others by then."""
    first, last = both.days
    before, after = in_force(first), in_force(last)
    changed = exists().where(
        AssignmentQuantity.assignment_id == Assignment.id,
        AssignmentQuantity.effective_from > first,
        AssignmentQuantity.effective_from <= last,
    )
    has_own = exists().where(AssignmentPrice.assignment_id == Assignment.id)
    repriced = among(Assignment.package_id, both.repriced(currency))
    query = (
        select(
            Assignment.id,
            Assignment.package_id,
            Customer.currency,
            units_on(first),
            units_on(last),
        )
        .join(Customer, Customer.id == Assignment.customer_id)
        .where(Customer.currency == currency, before | after)
        .where(or_(~(before & after), changed, has_own, repriced))
        .order_by(Assignment.id)
    )
    return (Alike(*row, 1) for row in db.session.execute(query))
