"""A column of a file to move in with: its names, what it is for, and how what stands in it is read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum, StrEnum, auto
from typing import Any, Protocol, TypeVar

from portal.domain.addresses import country_called
from portal.domain.csv_files.cells import Bad, as_written, short
from portal.domain.csv_files.dates import EitherOrder, read_day
from portal.domain.csv_files.layout import DayOrder
from portal.domain.csv_files.numbers import read_decimal
from portal.domain.currencies import CURRENCIES
from portal.domain.names import search_key, written
from portal.domain.schedule import FIRST_DAY, LAST_DAY
from portal.domain.wording import listed

FORMULA = "="
YES = ("yes", "y", "true", "1", "on", "x", "ja", "oui", "si")
NO = ("no", "n", "false", "0", "off", "nein", "non")
SIGNS = {"£": "GBP", "€": "EUR", "US$": "USD", "$": "USD", "¥": "JPY"}

Member = TypeVar("Member", bound=StrEnum)


class Holds(Enum):
    """What a whole column is looked through for before a line of it is read."""

    TEXT = auto()
    DAY = auto()
    NUMBER = auto()


class Ways(Protocol):
    """How a file writes days and numbers."""

    @property
    def day_order(self) -> DayOrder:
        """Which of two numbers is the day."""

    @property
    def decimal(self) -> str:
        """The sign before decimals; empty: as each number shows."""


Read = Callable[[str, str, Ways], Any]


def text(what: str, cell: str, ways: Ways) -> str:
    """A text of one line, as it is kept."""
    return written(cell)


def free_text(what: str, cell: str, ways: Ways) -> str:
    """A text as it stands, of any number of lines."""
    return cell.replace("\r\n", "\n").replace("\r", "\n").strip()


def lines(what: str, cell: str, ways: Ways) -> str:
    """A text of several lines."""
    return "\n".join(
        line for line in map(written, cell.replace("\r\n", "\n").replace("\r", "\n").split("\n")) if line
    )


def number(what: str, cell: str, ways: Ways) -> Decimal:
    """A decimal."""
    return read_decimal(what, cell.replace("%", ""), ways.decimal)


def whole_number(what: str, cell: str, ways: Ways) -> int:
    """A whole number."""
    found = read_decimal(what, cell, ways.decimal)
    if found != int(found):
        raise Bad(f"{what} is {short(cell)}: enter a whole number.")
    return int(found)


def day(what: str, cell: str, ways: Ways) -> date:
    """A day of the calendar."""
    try:
        found = read_day(cell, ways.day_order)
    except EitherOrder:
        raise Bad(
            f"{what} is {short(cell)}: the day or the month may be first. Say which in the layout of the file.",
            f"{what} does not say whether the day or the month is first.",
        ) from None
    except ValueError:
        raise Bad(
            f"{what} is {short(cell)}: enter a day as in 2026-11-30.", f"{what} is not a day."
        ) from None
    if not FIRST_DAY <= found <= LAST_DAY:
        raise Bad(f"{what} is {short(cell)}: it must be between {FIRST_DAY.year} and {LAST_DAY.year}.")
    return found


def yes_or_no(what: str, cell: str, ways: Ways) -> bool:
    """Whether it is so."""
    plain = search_key(cell)
    if plain not in (*YES, *NO):
        raise Bad(f"{what} is {short(cell)}: enter yes or no.")
    return plain in YES


def currency(what: str, cell: str, ways: Ways) -> str:
    """A currency by its code, or by a sign that means one."""
    plain = cell.strip()
    code = SIGNS.get(plain, plain.upper())
    if code not in CURRENCIES:
        raise Bad(f"{what} is {short(cell)}: enter three letters, such as USD.")
    return code


def country(what: str, cell: str, ways: Ways) -> str:
    """A country by its code or its name."""
    code = country_called(cell)
    if not code:
        raise Bad(f"{what} is {short(cell)}: enter a code such as GB, or the name in English.")
    return code


def one_of(words: Mapping[Member, tuple[str, ...]]) -> Read:
    """Reads one of a few things, each by any of its words: the first is the one that is named."""
    by_word = {search_key(word): member for member, names in words.items() for word in (member.value, *names)}
    named = listed([names[0] for names in words.values()], "or")

    def read(what: str, cell: str, ways: Ways) -> Member:
        found = by_word.get(search_key(cell.replace("_", " ")), by_word.get(search_key(cell)))
        if found is None:
            raise Bad(f"{what} is {short(cell)}: enter {named}.")
        return found

    return read


@dataclass(frozen=True, slots=True)
class Column:
    """A column that a kind of file can have. `label` is its heading in files of our own.

    Without any of the columns that are needed a file says nothing. What is asked may be said once, for all lines that
    do not say it.
    """

    name: str
    label: str
    use: str
    read: Read = text
    # Headings that it is known by besides its label, the best known first: as `known_by` compares them.
    names: tuple[str, ...] = ()
    holds: Holds = Holds.TEXT
    is_needed: bool = False
    is_asked: bool = False
    # One of many that few files have.
    is_further: bool = False
    sample: str = ""

    def value(self, cell: str, ways: Ways) -> Any:
        """What stands in a cell that is not empty. Bad says why it cannot be read."""
        plain = as_written(cell.strip())
        if plain.startswith(FORMULA):
            raise Bad(
                f"{self.label} is a formula: {short(plain)}. Enter its result.", f"{self.label} is a formula."
            )
        return self.read(self.label, plain, ways)


Columns = tuple[Column, ...]


def day_column(name: str, label: str, use: str, **more: Any) -> Column:
    """A column of days."""
    return Column(name, label, use, day, holds=Holds.DAY, **more)


def number_column(name: str, label: str, use: str, **more: Any) -> Column:
    """A column of decimals."""
    return Column(name, label, use, number, holds=Holds.NUMBER, **more)
