"""Lines of DIDs as people bring them: pasted, from a CSV file, or as a block of numbers.

A text that cannot be read at all is refused with a sentence (Invalid). What is wrong with one line is found
later, line by line (portal.services.dids.intake).
"""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from portal.domain.csv_reading import SEPARATOR, delimiter_of
from portal.domain.errors import Invalid
from portal.domain.names import name_key
from portal.domain.phone_numbers import NotANumber, block, read_number
from portal.domain.wording import whole
from portal.services.dids.dids import MANY

TEXT_MAX = 800_000  # bytes
LINE_MAX = 2_000  # characters
TOO_LONG = f"Line {{}} is longer than {whole(LINE_MAX)} characters. Is this a list of numbers?"
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

# The names that a column goes by, in files of this portal and of others.
NAMES = {
    "number": (
        "number", "did", "did number", "ddi", "phone", "phone number", "telephone", "e164", "e.164", "msisdn",
    ),
    "country": ("country", "country code", "region"),
    "customer": ("customer", "customer name", "account", "client"),
    "package": ("package", "package name", "product", "plan"),
    "start_date": ("start date", "start", "from", "since"),
    "quantity": ("quantity", "qty"),
}  # fmt: skip
COLUMN = {name: column for column, names in NAMES.items() for name in names}


@dataclass(frozen=True, slots=True)
class Line:
    """One line: where it stood, what stood in it, and what its columns say."""

    place: int
    cells: tuple[str, ...]
    says: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lines:
    """All the lines of one text, under the heads of its columns, if it has any."""

    lines: list[Line]
    head: tuple[str, ...] = ("number",)
    ignored: tuple[str, ...] = ()


def decoded(content: bytes) -> str:
    """The text of a file: UTF-8 with or without its mark, UTF-16 with it, else the Windows encoding."""
    if len(content) > TEXT_MAX:
        raise Invalid("file", f"The file is larger than {TEXT_MAX // 1000} KB. Split it.")
    if content.startswith(b"PK\x03\x04") or content.startswith(b"\xd0\xcf\x11\xe0"):
        raise Invalid("file", "This is a spreadsheet or an archive. Save it as CSV and choose that file.")
    marked = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if marked else ("utf-8-sig", "cp1252", "latin-1"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if CONTROL.search(text):
            break
        return text
    raise Invalid("file", "This is not a text file. Choose a CSV file.")


def read_lines(text: str, name: str) -> Lines:
    """The lines of a text. A first line that names the number's column makes the others columns too.

    `name` is the field that a refusal belongs to.
    """
    text = text.removeprefix("\ufeff")
    if len(text.encode(errors="replace")) > TEXT_MAX:
        raise Invalid(name, f"This is more than {TEXT_MAX // 1000} KB. Split it.")
    if CONTROL.search(text):
        raise Invalid(name, "It contains control characters. Save it as CSV again.")
    rows = list(_rows(text, name))
    if not rows:
        raise Invalid(name, "It contains no lines. Enter one number on each line.")
    head = rows[0][1]
    columns = [COLUMN.get(_plain(cell), "") for cell in head]
    if "number" in columns:
        return _columns(rows, columns, head, name)
    if all(len(cells) == 1 for _, cells in rows) or name != "file":
        return Lines(_bounded([Line(place, cells, _only(cells)) for place, cells in rows], name))
    raise Invalid(name, "The first line names no column for the numbers. Name it number, did or phone.")


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


def _rows(text: str, name: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The lines that are not empty, as cells, each with its place."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    if said := SEPARATOR.fullmatch(first):
        text = text.replace(first, "", 1)  # its line stays and counts
    delimiter = said[1] if said else delimiter_of(first)
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


def _columns(
    rows: list[tuple[int, tuple[str, ...]]], columns: list[str], head: tuple[str, ...], name: str
) -> Lines:
    known = [column for column in columns if column]
    if len(set(known)) < len(known):
        twice = next(column for column in known if known.count(column) > 1)
        raise Invalid(
            name, f"Two columns in the first line mean {twice.replace('_', ' ')}. Keep only one of them."
        )
    lines = [Line(place, cells, _under(columns, cells)) for place, cells in rows[1:]]
    if not lines:
        raise Invalid(name, "There are no lines below the first one. Enter one number on each line.")
    ignored = tuple(
        cell
        for cell, column in zip(head, columns, strict=True)
        if cell and not column and _plain(cell) not in OURS
    )
    return Lines(_bounded(lines, name), head, ignored)


# Columns that the file of bad rows has, when it comes back mended.
OURS = ("line", "reason")


def _bounded(lines: list[Line], name: str) -> list[Line]:
    if len(lines) > MANY:
        raise Invalid(
            name,
            f"There are {whole(len(lines))} lines; {whole(MANY)} at most can be added at once. Split the list.",
        )
    return lines


def _under(columns: list[str], cells: tuple[str, ...]) -> dict[str, str]:
    """What a line says in each column that has a meaning."""
    says = {column: cell for column, cell in zip(columns, cells, strict=False) if column}
    return says | {"more": "yes"} if any(cells[len(columns) :]) else says


def _only(cells: tuple[str, ...]) -> dict[str, str]:
    """A line without columns holds a number and nothing else."""
    filled = [cell for cell in cells if cell]
    return {"number": filled[0]} if len(filled) == 1 else {"number": " ".join(filled), "more": "yes"}


def _plain(cell: str) -> str:
    return re.sub(r"[\s_-]+", " ", name_key(cell.lstrip("'").strip()))
