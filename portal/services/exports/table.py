"""A list as a table: its columns, named once, and its rows, a chunk at a time.

Each chunk is read in a transaction of its own that is over before the chunk is handed on: whoever takes an hour to
download a file keeps nobody waiting. A row that is there all the while stands in it once.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, NamedTuple

from sqlalchemy import Select

from portal.database import reading
from portal.extensions import db
from portal.models import Customer
from portal.services.listing import Sort, every

AT_ONCE = 2_000
# What no file can hold or show: control characters, halves of letters, and what is no letter at all.
UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


class Kind(Enum):
    """What stands in a column."""

    TEXT = auto()
    # A count, a rate in per cent: as many decimals as it has.
    NUMBER = auto()
    # At least as many decimals as its currency has.
    MONEY = auto()
    DAY = auto()
    # An instant; or the day alone, where no more is known.
    MOMENT = auto()


class Column(NamedTuple):
    """A column: its heading, and what a row says in it; None leaves the cell empty."""

    heading: str
    value: Callable[[Any], Any]
    kind: Kind = Kind.TEXT


class Line(NamedTuple):
    """A row: what stands in each column, and the currency of its money."""

    currency: str
    values: list[Any]


def _no_currency(_row: Any) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Table:
    """A list to be written into a file called `name`. `currency` says of a row in which its money is."""

    name: str
    columns: Sequence[Column]
    chunks: Iterable[Sequence[Any]]
    currency: Callable[[Any], str] = _no_currency

    @property
    def head(self) -> list[str]:
        """The headings."""
        return [column.heading for column in self.columns]

    def lines(self) -> Iterator[list[Line]]:
        """The rows, once, a chunk at a time."""
        chunks, values = iter(self.chunks), [column.value for column in self.columns]
        while (some := self._next(chunks, values)) is not None:
            if some:
                yield some

    def _next(self, chunks: Iterator[Sequence[Any]], values: list[Callable[[Any], Any]]) -> list[Line] | None:
        with reading():
            some = next(chunks, None)
            if some is None:
                return None
            found = [Line(self.currency(row), [value(row) for value in values]) for row in some]
            db.session.rollback()
        return found


def rows_of(
    query: Select[Any], sort: Sort, with_them: Callable[[list[Any]], Sequence[Any]] | None = None
) -> Iterator[Sequence[Any]]:
    """All that a query finds, in order, a chunk at a time; `with_them` reads what else stands in their rows."""
    for some in every(query, sort, AT_ONCE):
        yield with_them(some) if with_them else some


def text(value: Any) -> str:
    """A value as text that any file can hold."""
    words = "" if value is None else str(value)
    return words if words.isprintable() else UNWRITABLE.sub("", words)


def yes(value: bool) -> str:
    """Yes, or nothing."""
    return "yes" if value else ""


def first_code(customer: Customer | None) -> str:
    """The account code of a customer that another system takes: the first of them."""
    return customer.account_codes[0].code if customer and customer.account_codes else ""
