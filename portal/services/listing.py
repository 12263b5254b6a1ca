"""Lists of any length, a page at a time: by keyset, never by counting rows off.

The place in a list is a row of it: the page after row 812, or before it. What the row is sorted by is read
from the row itself, so an address holds nothing but its id.

How many there are is told exactly up to COUNTED, and beyond it as "more than": no page reads a million rows to count
them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, CompoundSelect, Select, Text, cast, func, literal, select, tuple_, union

from portal.domain.wording import plural, whole
from portal.extensions import db

PAGE_SIZE = 50
# As many rows are counted; where there are more, COUNTED + 1 stands for all of them.
COUNTED = 10_000
AT_ONCE = 10_000
# So few rows of very many come first: whoever asked for a file sees at once that it begins.
AT_FIRST = PAGE_SIZE

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Sort:
    """What a list is sorted by: columns, the last of them unique, all in one direction."""

    columns: tuple[Any, ...]
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page of a list. `after` and `before` are the rows to go on from, where there are more.

    `total` is how many there are in all, as `count` says it.
    """

    rows: list[Row]
    total: int
    after: int | None = None
    before: int | None = None

    @property
    def is_counted(self) -> bool:
        """Whether `total` is how many there are, and not only that there are more."""
        return self.total <= COUNTED


def page(
    query: Select[Row],
    sort: Sort,
    after: int | None = None,
    before: int | None = None,
    size: int = PAGE_SIZE,
    total: int | None = None,
) -> Page[Row]:
    """The rows after (or before) a row, and how many there are in all: `total`, where that is known.

    A row that has gone meanwhile leads to the first page.
    """
    everything = query
    place = _place(sort, before if before is not None else after)
    backwards = before is not None and place is not None
    downwards = sort.descending != backwards
    if place is not None:
        keys, here = (
            tuple_(*sort.columns),
            tuple_(*map(literal, place, (column.type for column in sort.columns))),
        )
        query = query.where(keys < here if downwards else keys > here)
    order = [column.desc() if downwards else column.asc() for column in sort.columns]
    found = list(db.session.scalars(query.order_by(*order).limit(size + 1)).unique())
    more, rows = len(found) > size, found[:size]
    if total is None:
        total = count(everything) if more or place is not None else len(rows)
    if backwards:
        rows.reverse()
    if not rows:
        return Page(rows, total)
    follows = bool(before) if backwards else more
    precedes = more if backwards else place is not None
    return Page(rows, total, _id(rows[-1]) if follows else None, _id(rows[0]) if precedes else None)


def every(query: Select[Row], sort: Sort, size: int = AT_ONCE) -> Iterator[list[Row]]:
    """All rows of a query, however many, some at a time; each once, though others come or go meanwhile."""
    place: tuple[Any, ...] | None = None
    wanted = min(AT_FIRST, size)
    order = [column.desc() if sort.descending else column.asc() for column in sort.columns]
    while True:
        some = query.add_columns(*sort.columns).order_by(*order).limit(wanted)
        if place is not None:
            keys, here = tuple_(*sort.columns), tuple_(*map(literal, place, (c.type for c in sort.columns)))
            some = some.where(keys < here if sort.descending else keys > here)
        found = db.session.execute(some).all()
        if found:
            yield [row[0] for row in found]
        if len(found) < wanted:
            return
        place, wanted = tuple(found[-1][1:]), size


def count(query: Select[Any]) -> int:
    """How many rows of a model a query has; COUNTED + 1 where it has more than COUNTED."""
    model = query.column_descriptions[0]["entity"]
    return count_rows(query.with_only_columns(model.id))


def count_rows(query: Select[Any]) -> int:
    """The same of any query."""
    some = query.order_by(None).limit(COUNTED + 1).subquery()
    return db.session.scalar(select(func.count()).select_from(some)) or 0


def ids_in_any(query: Select[Any], ways: Iterable[ColumnElement[bool]]) -> list[int]:
    """The ids of what a query finds in any of some ways, each read off its own index; COUNTED + 1 where more are.

    One condition for all of them is often asked of every row.
    """
    model = query.column_descriptions[0]["entity"]
    some = (query.with_only_columns(model.id).where(way).limit(COUNTED + 1).subquery() for way in ways)
    return told_ids(union(*(select(one.c.id) for one in some)).limit(COUNTED + 1))


def told_ids(query: Select[Any] | CompoundSelect[Any]) -> list[int]:
    """The ids that a query finds, in any order, told as one text: one by one, ten thousand take longer than to find."""
    id = query.subquery().c[0]
    told = db.session.scalar(select(func.aggregate_strings(cast(id, Text), ",")))
    return list(map(int, told.split(","))) if told else []


def values_of(column: Any) -> list[Any]:
    """The different values of a column that an index begins with: leaping from each to the next, in one statement."""
    leap = select(func.min(column).label("value")).cte("leap", recursive=True)
    following = select(func.min(column)).where(column > leap.c.value).scalar_subquery()
    leap = leap.union_all(select(following).where(leap.c.value.is_not(None)))
    return list(db.session.scalars(select(leap.c.value).where(leap.c.value.is_not(None))))


def counted(count: int, one: str = "", many: str | None = None) -> str:
    """How many there are, in words: 412 charges, or more than 10,000 charges; without a noun, 412."""
    told = min(count, COUNTED)
    words = plural(told, one, many) if one else whole(told)
    return f"more than {words}" if count > COUNTED else words


def _id(row: Any) -> int:
    return int(row.id)


def _place(sort: Sort, id: int | None) -> tuple[Any, ...] | None:
    """What the row `id` is sorted by, None where it is gone."""
    if id is None:
        return None
    model = sort.columns[-1].class_
    found = db.session.execute(select(*sort.columns).where(model.id == id)).one_or_none()
    return tuple(found) if found else None
