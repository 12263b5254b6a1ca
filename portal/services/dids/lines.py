"""Lines of DIDs as people bring them: pasted, from a CSV file, or as a block of numbers.

A text that cannot be read at all is refused with a sentence (Invalid). Where its columns are not known by name, or
what stands in them can be meant in two ways, it waits until somebody has described it (Undescribed). What is wrong
with one line is found later, line by line (portal.services.dids.intake).
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO

from portal.domain.csv_files.heading import HEADING_LINES, Heading, find_heading, numbered, of_bad_rows
from portal.domain.csv_files.text import SEPARATOR, delimiter_of
from portal.domain.did_files.layout import DidLayout, names_dids
from portal.domain.did_files.numbers import read_numbers
from portal.domain.did_files.proposing import NO_NUMBER, propose
from portal.domain.errors import Invalid
from portal.domain.phone_numbers import NotANumber, block, read_number
from portal.domain.wording import whole
from portal.models import FileKind
from portal.services.csv import files, layouts
from portal.services.dids.dids import MANY

TEXT_MAX = 800_000  # bytes
LINE_MAX = 2_000  # characters
TOO_LONG = f"Line {{}} is longer than {whole(LINE_MAX)} characters. Is this a list of numbers?"
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
ENDS = re.compile(r"\r\n|\r|\n")
FIRST_LINES = 200
# A list of numbers and nothing else is as one whose first line says so.
SIMPLE = DidLayout({"number": 0})
Cells = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One line: where it stood, what stood in it, and what its columns say."""

    place: int
    cells: Cells
    says: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lines:
    """All the lines of one text, under the heads of its columns, if it has any, and how they are meant."""

    lines: list[Line]
    head: Cells = ("number",)
    ignored: Cells = ()
    layout: DidLayout = SIMPLE


@dataclass(frozen=True, slots=True)
class Table:
    """A text cut into cells, with the layout that it is read by: remembered, or proposed.

    `asks` is what somebody has to say first, by what it is about. `first` are its first lines as they stand.
    """

    rows: list[tuple[int, Cells]]
    first: list[str]
    heading: Heading
    layout: DidLayout
    asks: dict[str, str]
    name: str
    is_simple: bool = False

    @property
    def records(self) -> list[tuple[int, Cells]]:
        """The rows below the names of the columns, each with its place."""
        return [row for row in self.rows if row[0] > self.heading.lines]

    @property
    def choices(self) -> list[tuple[int, str]]:
        """The lines that may name the columns, counted from 1, as they stand; 0: none does."""
        places = {place for place, _ in self.rows}
        return [
            (number, line)
            for number, line in enumerate(self.first[:HEADING_LINES], 1)
            if number in places and not SEPARATOR.fullmatch(line)
        ]

    def read(self, layout: DidLayout | None = None) -> Lines:
        """The lines as a layout reads them; without one, as its own does."""
        layout = layout or self.layout
        head = tuple(self.heading.head)
        if self.is_simple:
            return Lines(
                [Line(place, cells, _only(cells)) for place, cells in self.records], head, (), layout
            )
        lines = [Line(place, cells, _under(layout, len(head), cells)) for place, cells in self.records]
        used = set(layout.columns.values()) | (set(range(len(OURS))) if of_bad_rows(head) else set())
        ignored = tuple(cell for place, cell in enumerate(head) if cell and place not in used)
        return Lines(lines, head, ignored, layout)


class Undescribed(Exception):
    """Somebody has to say first how a text says what a DID is."""

    def __init__(self, table: Table) -> None:
        super().__init__(" ".join(table.asks.values()))
        self.table = table


def decoded(content: bytes) -> str:
    """The text of a file, whatever encoding it has, plain or gzip."""
    if len(content) > TEXT_MAX:
        raise _too_large("file")
    readable = files.make_sure(BytesIO(content))
    text = files.as_utf8(BytesIO(content), readable.encoding).read(TEXT_MAX + 1)
    if len(text) > TEXT_MAX:
        raise _too_large("file")
    return text.decode().removeprefix("\ufeff")


def read_lines(text: str, name: str, country: str = "", line: int | None = None) -> Lines:
    """The lines of a text. Invalid at the field `name` where it cannot be read, Undescribed where that has to be said.

    `country` is that of numbers for which no line says one; `line` as of `read_table`.
    """
    table = read_table(text, name, country, line)
    if table.asks:
        raise Undescribed(table)
    return table.read()


def read_table(text: str, name: str, country: str = "", line: int | None = None) -> Table:
    """A text cut into cells. Its columns are named by a `line` of it (0: by none), without one by what is found."""
    text = text.removeprefix("\ufeff")
    if len(text.encode(errors="replace")) > TEXT_MAX:
        raise _too_large(name)
    if CONTROL.search(text):
        raise Invalid(name, "It contains control characters. Save it as CSV again.")
    first = ENDS.split(text, maxsplit=FIRST_LINES)[:FIRST_LINES]
    delimiter = _delimiter(first)
    rows = list(_rows(text, delimiter, name))
    if not rows:
        raise Invalid(name, "It contains no lines. Enter one number on each line.")
    heading = _heading(first, delimiter, rows, line)
    records = [cells for place, cells in rows if place > heading.lines]
    if not records:
        raise Invalid(name, "There are no lines below the first one. Enter one number on each line.")
    if len(records) > MANY:
        raise Invalid(name, TOO_MANY.format(whole(len(records)), "lines"))
    head, is_simple = heading.head, len(heading.head) == 1 and not heading.has_names
    has_names = heading.has_names or is_simple
    layout = layouts.remembered(FileKind.DIDS, DidLayout, head, has_names=has_names)
    if layout and (has_names or _fits(layout, records, country)):
        return Table(rows, first, heading, layout, {}, name, is_simple)
    layout, asks = propose(heading._replace(has_names=has_names), records, country)
    return Table(rows, first, heading, layout, asks, name, is_simple)


def check_layout(table: Table, layout: DidLayout) -> None:
    """Invalid where a layout does not say where the numbers stand, or one column means two things."""
    if layout["number"] is None:
        raise Invalid("number", NO_NUMBER)
    layouts.check_places(table.heading.head, layout)


def remember(table: Table, layout: DidLayout) -> None:
    """Keep how somebody described a text with such columns. Invalid where it cannot be."""
    check_layout(table, layout)
    layouts.remember(FileKind.DIDS, table.heading.head, layout)


def block_lines(first: str, last: str, country: str) -> Lines:
    """A block, as a line for each of its numbers. Invalid names the field."""
    found = {}
    for name, text in (("first", first), ("last", last)):
        try:
            found[name] = read_number(text, country)
        except NotANumber as error:
            raise Invalid(name, str(error)) from None
    try:
        numbers = block(found["first"], found["last"], MANY)
    except NotANumber as error:
        raise Invalid("last", str(error)) from None
    return Lines([Line(place, (number,), {"number": number}) for place, number in enumerate(numbers, 1)])


TOO_MANY = f"There are {{}} {{}}; {whole(MANY)} at most can be added at once. Split the list."
# Columns that the file of bad rows has, when it comes back mended.
OURS = ("line", "reason")


def _too_large(name: str) -> Invalid:
    return Invalid(name, f"This is more than {TEXT_MAX // 1000} KB. Split it.")


def _delimiter(first: list[str]) -> str:
    """What stands between the cells: as the first line says, else by the first lines."""
    said = next((line for line in first if line.strip()), "")
    if found := SEPARATOR.fullmatch(said):
        return found[1]
    return delimiter_of([line for line in first if line.strip()])


def _rows(text: str, delimiter: str, name: str) -> Iterator[tuple[int, Cells]]:
    """The lines that are not empty, as cells, each with its place."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    if SEPARATOR.fullmatch(first):
        text = text.replace(first, "", 1)  # its line stays and counts
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True
    )
    place = 1
    try:
        for row in reader:
            cells = tuple(cell.strip() for cell in row)
            if any(cells):
                if sum(map(len, cells)) > LINE_MAX:
                    raise Invalid(name, TOO_LONG.format(place))
                yield place, cells
            place = reader.line_num + 1
    except csv.Error as error:
        if "field limit" in str(error):
            raise Invalid(name, TOO_LONG.format(place)) from None
        raise Invalid(name, f"The quotation marks do not match, from line {place} on.") from None


def _heading(first: list[str], delimiter: str, rows: list[tuple[int, Cells]], line: int | None) -> Heading:
    """What names the columns; a list of which most lines are one number has none, unless its first line is one."""
    if line is not None:
        named = next((cells for place, cells in rows if place == line), None)
        return Heading(list(named), True, line) if named else _nameless(rows, 0)
    place, cells = rows[0]
    if _width(rows) == 1:
        is_heading = names_dids(cells) or _is_remembered(list(cells))
        return Heading(list(cells), True, place) if is_heading else _nameless(rows, 0)
    found = find_heading(first, delimiter, _is_remembered, names_dids)
    if found.has_names and not names_dids(found.head) and not _is_remembered(found.head):
        nameless = _nameless(rows, 0)
        layout = layouts.remembered(FileKind.DIDS, DidLayout, nameless.head, has_names=False)
        if layout and _fits(layout, [cells], ""):  # somebody has said that such a first line names nothing
            return nameless
    named = next((cells for place, cells in rows if place == found.lines), None) if found.has_names else None
    lines = 0 if found.has_names else found.lines
    return Heading(list(named), True, found.lines) if named else _nameless(rows, lines)


def _is_remembered(row: list[str]) -> bool:
    """Whether somebody has described a list with these names."""
    return layouts.remembered(FileKind.DIDS, DidLayout, row) is not None


def _nameless(rows: list[tuple[int, Cells]], lines: int) -> Heading:
    width = _width(rows)
    return Heading(["number"] if width == 1 else numbered(width), False, lines)


def _width(rows: list[tuple[int, Cells]]) -> int:
    """How many cells most lines have."""
    return Counter(len(cells) for _, cells in rows).most_common(1)[0][0]


def _fits(layout: DidLayout, records: list[Cells], country: str) -> bool:
    """Whether a text without names is one of this layout: where the number is to be, some line has one."""
    place = layout["number"]
    if place is None:
        return False
    for cells in records:
        with suppress(NotANumber):
            if place < len(cells) and read_numbers(cells[place], "", country, layout, MANY):
                return True
    return False


def _under(layout: DidLayout, width: int, cells: Cells) -> dict[str, str]:
    """What a line says in each column that has a meaning."""
    says = {name: cells[place] for name, place in layout.columns.items() if place < len(cells)}
    return says | {"more": "yes"} if any(cells[width:]) else says


def _only(cells: Cells) -> dict[str, str]:
    """A line without columns holds a number and nothing else."""
    filled = [cell for cell in cells if cell]
    return {"number": filled[0]} if len(filled) == 1 else {"number": " ".join(filled), "more": "yes"}
