"""A file to move in with as rows: CSV or TSV, plain or gzip, in any encoding; or a sheet of a workbook."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import BinaryIO, NamedTuple

from portal.domain.csv_files.heading import Heading, find_heading
from portal.domain.csv_files.text import SEPARATOR, cells_of, delimiter_of
from portal.domain.errors import Invalid
from portal.domain.move_files.lines import TORN
from portal.domain.wording import whole
from portal.services.csv import files, workbooks

LINES_MAX = 100_000
CELL_MAX = 10_000
AT_ONCE = 5_000

Known = Callable[[list[str]], bool]


class Row(NamedTuple):
    """A row: where it stands, its cells, and why it cannot be told apart into cells, where that is so."""

    place: int
    cells: list[str]
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a file below the line that names its columns, each with its place; `sheet` is that of a workbook."""

    heading: Heading
    rows: list[Row]
    digest: str
    sheet: str = ""


def read_table(file: BinaryIO, sheet: str, is_remembered: Known, is_known: Known) -> Table:
    """A file as rows. Invalid, with a sentence, for what cannot be one of rows."""
    if workbooks.is_workbook(file):
        return _of_workbook(file, sheet, is_remembered, is_known)
    if sheet:
        raise Invalid("sheet", "This file has no sheets. Leave the sheet empty, or choose a workbook (XLSX).")
    return _of_text(file, is_remembered, is_known)


def _of_text(file: BinaryIO, is_remembered: Known, is_known: Known) -> Table:
    readable = files.make_sure(file)
    said = SEPARATOR.fullmatch(readable.first[0])
    delimiter = said[1] if said else delimiter_of(readable.first)
    heading = find_heading(readable.first, delimiter, is_remembered, is_known)
    files.check_heading(
        heading.head, readable.lines - heading.lines, readable.first[max(heading.lines - 1, 0)]
    )
    if readable.lines - heading.lines > LINES_MAX:
        raise _too_many(readable.lines - heading.lines)
    shape = files.Shape(delimiter, len(heading.head), heading.lines)
    rows: list[Row] = []
    for block in files.blocks(files.as_utf8(file, readable.encoding), shape, AT_ONCE):
        for place, record, cells in zip(
            block.numbers, block.records, cells_of(block.records, delimiter), strict=True
        ):
            if cells is None:
                rows.append(Row(place, [record], TORN))
            elif any(cell.strip() for cell in cells):
                rows.append(Row(place, cells))
    return _checked(Table(heading, rows, readable.digest))


def _of_workbook(file: BinaryIO, sheet: str, is_remembered: Known, is_known: Known) -> Table:
    name, rows = workbooks.rows_of(file, sheet)
    if not rows:
        raise Invalid("sheet", f"The sheet {name} is empty. Choose another one.")
    lines = _as_lines(rows)
    heading = find_heading(lines, ",", is_remembered, is_known)
    if len(heading.head) < 2:
        raise Invalid(
            "sheet", f"The first lines of the sheet {name} have one column only. Choose another sheet."
        )
    below = [Row(*row) for row in rows if row[0] > heading.lines]
    if len(below) > LINES_MAX:
        raise _too_many(len(below))
    return _checked(Table(heading, below, _digest(file), name))


def _checked(table: Table) -> Table:
    """The same; Invalid where it has no lines, or a cell that is no value."""
    if not table.rows:
        raise Invalid("file", "There are no lines below the names of the columns.")
    for place, cells, _ in table.rows:
        if any(len(cell) > CELL_MAX for cell in cells):
            raise Invalid(
                "file", f"Line {whole(place)} has a cell of more than {whole(CELL_MAX)} characters."
            )
    return table


def _as_lines(rows: Sequence[tuple[int, list[str]]]) -> list[str]:
    """The first rows of a sheet as lines of text, each at its place."""
    by_place = dict(rows[: files.FIRST_LINES])
    last = min(max(by_place), files.FIRST_LINES)
    return [_line(by_place.get(place, [])) for place in range(1, last + 1)]


def _line(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow([" ".join(cell.split()) for cell in cells])
    return text.getvalue()


def _digest(file: BinaryIO) -> str:
    file.seek(0)
    found = sha256()
    for block in _blocks(file):
        found.update(block)
    return found.hexdigest()


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    while block := file.read(files.BLOCK):
        yield block


def _too_many(count: int) -> Invalid:
    return Invalid(
        "file",
        f"There are {whole(count)} lines; {whole(LINES_MAX)} at most can be moved in at once. Split the file.",
    )
