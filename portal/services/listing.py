"""Lists of any length, a page at a time: by keyset, never by counting rows off.

The place in a list is a row of it: the page after row 812, or before it. What the row is sorted by is read
from the row itself, so an address holds nothing but its id.
"""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, func, literal, select, tuple_

from portal.extensions import db

PAGE_SIZE = 50

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Sort:
    """What a list is sorted by: columns, the last of them unique, all in one direction."""

    columns: tuple[Any, ...]
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page of a list. `after` and `before` are the rows to go on from, where there are more.

    `total` is how many there are in all, or, above what was to be counted at most, one more than that.
    """

    rows: list[Row]
    total: int
    after: int | None = None
    before: int | None = None


def page(
    query: Select[Row],
    sort: Sort,
    after: int | None = None,
    before: int | None = None,
    size: int = PAGE_SIZE,
    total: int | None = None,
    count_most: int | None = None,
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
        total = count(everything, count_most) if more or place is not None else len(rows)
    if backwards:
        rows.reverse()
    if not rows:
        return Page(rows, total)
    follows = bool(before) if backwards else more
    precedes = more if backwards else place is not None
    return Page(rows, total, _id(rows[-1]) if follows else None, _id(rows[0]) if precedes else None)


def count(query: Select[Any], most: int | None = None) -> int:
    """How many rows a query has; `most + 1` where it has more than that."""
    model = query.column_descriptions[0]["entity"]
    if most is None:
        return db.session.scalar(query.with_only_columns(func.count(model.id)).order_by(None)) or 0
    some = query.with_only_columns(model.id).order_by(None).limit(most + 1).subquery()
    return db.session.scalar(select(func.count()).select_from(some)) or 0


def _id(row: Any) -> int:
    return int(row.id)


def _place(sort: Sort, id: int | None) -> tuple[Any, ...] | None:
    """What the row `id` is sorted by, None where it is gone."""
    if id is None:
        return None
    model = sort.columns[-1].class_
    found = db.session.execute(select(*sort.columns).where(model.id == id)).one_or_none()
    return tuple(found) if found else None
