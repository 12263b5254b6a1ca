"""What the columns of a whole file prove: which of two numbers is the day, which sign is before decimals, and more.

Nothing is decided by one row: what one proves, another must not contradict.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Generic, NamedTuple, TypeVar

from portal.domain.csv_files.cells import CELL_MAX, as_written, bare, is_nothing
from portal.domain.csv_files.layout import DayOrder, Described

DATE = re.compile(r"(\d{1,2})([-/.])(\d{1,2})[-/.](\d{4}|\d\d)(?!\d)(?P<rest>.*)", re.ASCII)
ISO_DAY = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}", re.ASCII)
TIME_OF_DAY = re.compile(r"\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d+)?(?:\s*[ap]\.?m\.?)?", re.ASCII | re.IGNORECASE)
SHORT_CLOCK = re.compile(r"\d{1,6}:[0-5]\d(?:[.,]\d+)?", re.ASCII)
# The number in an amount, and whether it is below zero.
FIGURE = re.compile(
    r"([+\-\u2212]?)\s*(?:[£€$¥]|[a-z]{3})?\s*([+\-\u2212]?)\s*(\d[\d.,]*|[.,]\d+)(?:\s*(?:[£€$¥]|[a-z]{3}))?\s*(-?)",
    re.IGNORECASE,
)
SHORTEST = 5
PHONE = re.compile(rf"\+?\d{{{SHORTEST},20}}", re.ASCII)
# As much of a cell as says what it is of; as many different ones as are kept in mind of a column.
BEGIN = 24
IN_MIND = 20_000
# What a file that proves an order of day and month is said to show.
PROVED = {
    DayOrder.NONE: "",
    DayOrder.DAY: " A number above 12 shows that the day is.",
    DayOrder.MONTH: " A number above 12 shows that the month is.",
}

Layout = TypeVar("Layout", bound=Described)


class Proposal(NamedTuple, Generic[Layout]):
    """A layout, and what somebody has to say first: sentences by what they are about."""

    layout: Layout
    asks: dict[str, str]

    @property
    def sentence(self) -> str:
        """All that is asked; empty where nothing is."""
        return " ".join(self.asks.values())


@dataclass(slots=True)
class Facts:
    """What was found in one column: in how many different cells, at least."""

    filled: int = 0
    numbers: int = 0
    # Dates with the year last: with a first or a second number above 12, or none; any with points between.
    day_is_first: int = 0
    day_is_second: int = 0
    open_dates: int = 0
    points_in_dates: int = 0
    # A day without a time, a time without a day, and a length of minutes and seconds.
    days: int = 0
    times: int = 0
    clocks: int = 0
    # Amounts: below and above zero, with a point or a comma that must be the decimal sign, or with one that may be.
    below: int = 0
    above: int = 0
    points: int = 0
    commas: int = 0
    either: int = 0

    @property
    def day_order(self) -> DayOrder:
        """Which number is the day, as far as the whole column proves it."""
        if bool(self.day_is_first) != bool(self.day_is_second):
            return DayOrder.DAY if self.day_is_first else DayOrder.MONTH
        only_points = self.points_in_dates and self.points_in_dates == self.open_dates
        return DayOrder.DAY if only_points and not self.day_is_first else DayOrder.NONE

    @property
    def has_two_orders(self) -> bool:
        """Whether some dates have the day first, and others the month."""
        return bool(self.day_is_first and self.day_is_second)

    @property
    def needs_day_order(self) -> bool:
        """Whether there are dates of which a layout has to say which number is the day."""
        return bool(self.day_is_first or self.day_is_second or self.open_dates)

    @property
    def decimal(self) -> str:
        """The decimal sign, as far as the whole column proves it."""
        if bool(self.points) != bool(self.commas):
            return "." if self.points else ","
        return ""

    @property
    def is_below_zero(self) -> bool:
        """Whether all amounts are below zero."""
        return bool(self.below and not self.above)

    @property
    def is_numbers(self) -> bool:
        """Whether most of it is phone numbers."""
        return self.numbers * 2 > self.filled

    @property
    def is_days_alone(self) -> bool:
        """Whether it holds days without a time."""
        return bool(self.filled) and self.days == self.filled

    @property
    def is_times_alone(self) -> bool:
        """Whether it holds times without a day."""
        return bool(self.filled) and self.times == self.filled


class Proof:
    """What the columns of a file hold, gathered row by row. Each different cell is looked at once."""

    def __init__(self, width: int) -> None:
        self.columns = [Facts() for _ in range(width)]
        self._seen: list[set[str]] = [set() for _ in range(width)]

    def add(self, rows: Iterable[Sequence[str] | None]) -> None:
        """Look at some rows; those that are not as wide as the file say nothing."""
        width = len(self.columns)
        for row in rows:
            if row is None or len(row) != width:
                continue
            for facts, seen, cell in zip(self.columns, self._seen, row, strict=True):
                begin = cell[:BEGIN]
                if begin not in seen:
                    if len(seen) >= IN_MIND:
                        seen.clear()
                    seen.add(begin)
                    _look(facts, cell)

    def to_dict(self) -> list[dict[str, int]]:
        """As it is kept."""
        return [{name: value for name, value in asdict(facts).items() if value} for facts in self.columns]

    @classmethod
    def from_dict(cls, kept: Iterable[dict[str, int]]) -> "Proof":
        """As it was kept."""
        proof = cls(0)
        proof.columns = [Facts(**found) for found in kept]
        return proof


def _look(facts: Facts, cell: str) -> None:
    """Add what one cell says."""
    text = as_written(cell.strip())
    if text.isdecimal() and text.isascii():  # most cells, and nothing else to be seen in them
        facts.filled += 1
        facts.numbers += len(text) >= SHORTEST
        facts.above += bool(text.strip("0"))
        return
    if text[4:5] in ("-", "/") and text[:4].isdecimal():
        facts.filled += 1
        facts.days += bool(ISO_DAY.fullmatch(text))
        return
    if is_nothing(text):
        return
    facts.filled += 1
    if len(text) > CELL_MAX:
        return
    if PHONE.fullmatch(bare(text)) or "<" in text:
        facts.numbers += 1
    if found := DATE.match(text):
        _look_at_date(facts, found)
    elif found := ISO_DAY.fullmatch(text):
        facts.days += 1
    elif TIME_OF_DAY.fullmatch(text) or SHORT_CLOCK.fullmatch(text):
        facts.times += bool(TIME_OF_DAY.fullmatch(text))
        facts.clocks += bool(SHORT_CLOCK.fullmatch(text))
    elif found := FIGURE.fullmatch(text):
        _look_at_amount(facts, found)


def _look_at_date(facts: Facts, found: re.Match[str]) -> None:
    one, other = int(found[1]), int(found[3])
    facts.days += not found["rest"].strip()
    if one > 12 or other > 12:
        facts.day_is_first += 12 < one <= 31 and other <= 12
        facts.day_is_second += 12 < other <= 31 and one <= 12
    else:
        facts.open_dates += 1
        facts.points_in_dates += found[2] == "."


def _look_at_amount(facts: Facts, found: re.Match[str]) -> None:
    is_below = any(sign and sign != "+" for sign in found.group(1, 2, 4))
    digits = found[3]
    if digits.strip("0.,"):
        facts.below += is_below
        facts.above += not is_below
    point, comma = digits.rfind("."), digits.rfind(",")
    if point < 0 and comma < 0:
        return
    last = max(point, comma)
    # Three digits behind one to three, the first of them no 0, may be thousands.
    front, rest = digits[:last], digits[last + 1 :]
    may_be_thousands = len(rest) == 3 and front[:1] not in ("", "0") and not (point >= 0 and comma >= 0)
    if may_be_thousands:
        facts.either += 1
    else:
        facts.points += digits[last] == "."
        facts.commas += digits[last] == ","
