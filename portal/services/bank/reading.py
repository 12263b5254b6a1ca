"""A file of statements, read: CAMT, MT940, OFX, Stripe's report, or any CSV whose columns are known or described.

A file that cannot be read is refused with a sentence (Invalid) and changes nothing. Where the columns of a CSV are not
known, it waits until somebody has described them (Undescribed).
"""

import csv
import gzip
import io
import re
import zlib
from dataclasses import dataclass, replace
from io import SEEK_END, BytesIO
from typing import BinaryIO

from portal.domain.bank_account import IBAN, compact
from portal.domain.bank_files.camt import is_camt, read_camt
from portal.domain.bank_files.layout import BankLayout, names_lines
from portal.domain.bank_files.mt940 import is_mt940, read_mt940
from portal.domain.bank_files.ofx import is_ofx, read_ofx
from portal.domain.bank_files.proposing import check_layout, propose
from portal.domain.bank_files.statement import Statement, checked
from portal.domain.bank_files.stripe import names_stripe, read_stripe
from portal.domain.bank_files.table import read_rows
from portal.domain.check_digits import remainder
from portal.domain.csv_files.heading import HEADING_LINES, Heading, find_heading, numbered
from portal.domain.csv_files.text import SEPARATOR, delimiter_of
from portal.domain.errors import Invalid
from portal.models import FileKind
from portal.services.csv import files, layouts

SIZE_MAX = 32 * 1024**2  # bytes, unpacked
TOO_LARGE = f"The file is larger than {SIZE_MAX // 1024**2} MB. Export a shorter span of days."
DAMAGED = "The compressed file is incomplete or damaged and cannot be unpacked."
BEGIN = 64 * 1024
WHOSE = "The file does not say whose account it is. Enter its number, or a name for it."
ENDS = re.compile(r"\r\n|\r|\n")
FIRST_LINES = 200

Rows = list[tuple[int, list[str]]]


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV cut into cells, with the layout that it is read by: remembered, or proposed.

    `asks` is what somebody has to say first, by what it is about. `first` are its first lines as they stand, and
    `account` is whose it is, as far as the file, or who gave it, says so.
    """

    rows: Rows
    first: list[str]
    heading: Heading
    layout: BankLayout
    asks: dict[str, str]
    account: str = ""

    @property
    def records(self) -> Rows:
        """The rows below the names of the columns, each with its place."""
        return [row for row in self.rows if row[0] > self.heading.lines]

    @property
    def choices(self) -> list[tuple[int, str]]:
        """The lines that may name the columns, counted from 1, as they stand."""
        places = {place for place, _ in self.rows}
        return [
            (number, line) for number, line in enumerate(self.first[:HEADING_LINES], 1) if number in places
        ]

    def read(self, layout: BankLayout | None = None, account: str = "") -> list[Statement]:
        """The statements as a layout reads them; without one, as its own does."""
        layout = layout or self.layout
        if missing := check_layout(layout):
            raise Invalid(*missing)
        layouts.check_places(self.heading.head, layout)
        account = compact(account) or self.account
        if layout["own_account"] is None and not account:
            raise Invalid("account", WHOSE)
        return checked(read_rows(self.records, layout, account))


class Undescribed(Exception):
    """Somebody has to say first how a CSV says what a line is."""

    def __init__(self, table: Table) -> None:
        super().__init__(" ".join(table.asks.values()))
        self.table = table


def unpacked(given: BinaryIO) -> bytes:
    """All of a file, unpacked where it is gzip. Invalid where it is empty, damaged or too large."""
    if not given.seek(0, SEEK_END):
        raise Invalid("file", "The file is empty.")
    try:
        content = files.unpacked(given).read(SIZE_MAX + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise Invalid("file", DAMAGED) from None
    if len(content) > SIZE_MAX:
        raise Invalid("file", TOO_LARGE)
    return content


def read_file(content: bytes, account: str = "") -> list[Statement]:
    """The statements of a file. `account` is whose it is where the file does not say it. Invalid, or Undescribed."""
    begin = _begin(content)
    if is_camt(begin):
        return _of_account(read_camt(content), account)
    if is_ofx(begin):
        return _of_account(read_ofx(content), account)
    if is_mt940(begin):
        return _of_account(read_mt940(_text(content)), account)
    table = read_table(content, account)
    if names_stripe(table.heading.head):
        return checked(read_stripe(table.heading.head, table.records))
    if table.asks:
        raise Undescribed(table)
    return table.read()


def _of_account(statements: list[Statement], account: str) -> list[Statement]:
    """Statements that can be kept; one that does not say whose account it is of is of the `account` that was named."""
    named = [one if one.account else replace(one, account=compact(account)) for one in statements]
    if any(not one.account for one in named):
        raise Invalid("account", WHOSE)
    return checked(named)


def read_table(content: bytes, account: str = "", line: int | None = None) -> Table:
    """A CSV cut into cells. Its columns are named by a `line` of it (0: by none), without one by what is found."""
    files.make_sure(BytesIO(content))
    text = _text(content)
    first = ENDS.split(text, maxsplit=FIRST_LINES)[:FIRST_LINES]
    said = next((SEPARATOR.fullmatch(one) for one in first if one.strip()), None)
    delimiter = said[1] if said else delimiter_of([one for one in first if one.strip()])
    rows = _rows(text, delimiter)
    heading = _heading(first, delimiter, rows, line)
    records = [cells for place, cells in rows if place > heading.lines]
    files.check_heading(heading.head, len(records), first[0])
    account = compact(account) or _account_above(first[: heading.lines])
    if names_stripe(heading.head):
        return Table(rows, first, heading, BankLayout(), {}, account)
    layout = layouts.remembered(FileKind.STATEMENTS, BankLayout, heading.head, has_names=heading.has_names)
    asks: dict[str, str] = {}
    if layout is None:
        layout, asks = propose(heading, records)
    if layout["own_account"] is None and not account:
        asks = asks | {"account": WHOSE}
    return Table(rows, first, heading, layout, asks, account)


def described(table: Table, layout: BankLayout, account: str) -> list[Statement]:
    """The statements of a file as somebody has described it; the layout is remembered. Invalid names the field."""
    statements = table.read(layout, account)
    layouts.remember(FileKind.STATEMENTS, table.heading.head, layout)
    return statements


def _begin(content: bytes) -> str:
    head = content[:BEGIN]
    if head[:2] in files.UTF_16:
        return head.decode("utf-16", errors="replace")
    return head.removeprefix(files.BOM).decode("latin-1")


def _text(content: bytes) -> str:
    """The text of a file that can be read, whatever encoding it has."""
    readable = files.make_sure(BytesIO(content))
    return files.as_utf8(BytesIO(content), readable.encoding).read().decode().removeprefix("\ufeff")


def _rows(text: str, delimiter: str) -> Rows:
    """The lines that are not empty, as cells, each with its place."""
    rows: Rows = []
    place = 1
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells) and not SEPARATOR.fullmatch(delimiter.join(cells)):
                rows.append((place, cells))
            place = reader.line_num + 1
    except csv.Error:
        raise Invalid("file", f"Line {place} cannot be cut into cells. Save the file as CSV again.") from None
    return rows


def _heading(first: list[str], delimiter: str, rows: Rows, line: int | None) -> Heading:
    if line is not None:
        named = next((cells for place, cells in rows if place == line), None)
        if named:
            return Heading(named, True, line)
        width = max((len(cells) for _, cells in rows), default=0)
        return Heading(numbered(width), False, 0)

    def is_known(row: list[str]) -> bool:
        return names_lines(row) or names_stripe(row)

    def is_remembered(row: list[str]) -> bool:
        return layouts.remembered(FileKind.STATEMENTS, BankLayout, row) is not None

    return find_heading(first, delimiter, is_remembered, is_known)


def _account_above(lines: list[str]) -> str:
    """The one IBAN that stands above the names of the columns; empty where there is none, or more than one."""
    found = {
        given
        for line in lines
        for cell in re.split(r"[;,\t|\"]", line)
        if IBAN.fullmatch(given := compact(cell)) and remainder(given) == 1
    }
    return found.pop() if len(found) == 1 else ""
