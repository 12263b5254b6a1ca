"""Workbooks of Excel (XLSX): the rows of one sheet, as text.

A workbook is a ZIP archive that says itself how large it is. So it is unpacked to its end first, keeping nothing, and
refused where that would be too much; then read by calamine.
"""

import re
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, BinaryIO

from python_calamine import CalamineError, CalamineWorkbook

from portal.domain.errors import Invalid
from portal.domain.wording import listed, whole
from portal.services.csv.files import COLUMNS_MAX, ZIP

# Unpacked: all of it in bytes, and one sheet in cells, those counted that are empty between others.
BYTES_MAX, CELLS_MAX = 200 * 1024**2, 4_000_000
BLOCK = 1 << 20
# A cell of a sheet, with its place.
PLACE = re.compile(rb"""<(?:\w+:)?c\s[^>]*?\br\s*=\s*["']([A-Z]{1,3})(\d{1,7})["']""")
LONGEST_TAG = 1_000
# A number with more digits is one that a spreadsheet has shortened.
EXACT = 10**15

_TOO_LARGE = f"The workbook unpacks to more than {BYTES_MAX // 1024**2} MB. It is not read: split it."
_TOO_WIDE = (
    f"A sheet of the workbook reaches over more than {whole(CELLS_MAX)} cells. Delete what is empty, and save it "
    "again."
)
_DAMAGED = "The workbook is damaged and cannot be read. Save it again as XLSX or CSV."
_LOCKED = "The workbook has a password. Save it without one."


def is_workbook(file: BinaryIO) -> bool:
    """Whether a file is a workbook of Excel, by its beginning and its parts."""
    file.seek(0)
    if not file.read(4).startswith(ZIP):
        return False
    try:
        return any(name.startswith("xl/") for name in zipfile.ZipFile(file).namelist())
    except (zipfile.BadZipFile, OSError, ValueError):
        return False


def rows_of(file: BinaryIO, sheet: str = "") -> tuple[str, list[tuple[int, list[str]]]]:
    """The name of a sheet, the first one if none is asked for, and its rows that are not empty, each with its number.

    Invalid, with a sentence, for what cannot be read.
    """
    _make_sure(file)
    file.seek(0)
    try:
        book = CalamineWorkbook.from_filelike(file)
        name = _named(book.sheet_names, sheet)
        return name, list(_texts(book.get_sheet_by_name(name).iter_rows()))
    except Invalid:
        raise
    except CalamineError as error:
        raise Invalid("file", _LOCKED if "assword" in str(error) else _DAMAGED) from None
    except Exception:  # whatever else a file can do to its reader
        raise Invalid("file", _DAMAGED) from None


def _named(names: list[str], wanted: str) -> str:
    if not names:
        raise Invalid("file", "The workbook has no sheet.")
    if not wanted:
        return names[0]
    found = next((name for name in names if name.strip().casefold() == wanted.strip().casefold()), None)
    if found is None:
        has = listed(names[:10], "or") + (" or another" if len(names) > 10 else "")
        raise Invalid("sheet", f"The workbook has no sheet {wanted[:60]}. Enter {has}.")
    return found


def _texts(rows: Iterator[list[Any]]) -> Iterator[tuple[int, list[str]]]:
    for number, row in enumerate(rows, 1):
        cells = [_text(cell) for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        if len(cells) > COLUMNS_MAX:
            raise Invalid("file", f"The sheet has more than {COLUMNS_MAX} columns.")
        if cells:
            yield number, cells


def _text(cell: Any) -> str:
    """A cell as a file of text would have it."""
    match cell:
        case bool():
            return "yes" if cell else "no"
        case float():
            if abs(cell) >= EXACT:
                return f"{cell:.5E}"
            return str(int(cell)) if cell == int(cell) else format(Decimal(repr(cell)), "f")
        case datetime():
            return str(cell.date()) if cell.time() == time() else cell.isoformat(" ")
        case date() | time() | timedelta():
            return str(cell)
    return str(cell).strip()


# -- made sure


def _make_sure(file: BinaryIO) -> None:
    """Invalid for a workbook that would not fit, whatever it says of itself."""
    total = 0
    try:
        with zipfile.ZipFile(file) as archive:
            for part in archive.infolist():
                total = _unpacked(file, part, total)
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, EOFError):
        raise Invalid("file", _DAMAGED) from None


def _unpacked(file: BinaryIO, part: zipfile.ZipInfo, total: int) -> int:
    """How much there is of all parts with this one. Its bytes are counted, not what the archive says of them."""
    behind, rows, columns = b"", 0, 0
    for block in _blocks(file, part):
        total += len(block)
        if total > BYTES_MAX:
            raise Invalid("file", _TOO_LARGE)
        text = behind + block
        for column, row in PLACE.findall(text):
            rows, columns = max(rows, int(row)), max(columns, _number(column))
        if rows * columns > CELLS_MAX:
            raise Invalid("file", _TOO_WIDE)
        behind = text[-LONGEST_TAG:]
    return total


def _blocks(file: BinaryIO, part: zipfile.ZipInfo) -> Iterator[bytes]:
    file.seek(part.header_offset)
    header = file.read(30)
    if len(header) < 30:
        raise EOFError
    file.seek(int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little"), 1)
    if part.compress_type == zipfile.ZIP_STORED:
        left = part.compress_size
        while left and (block := file.read(min(left, BLOCK))):
            left -= len(block)
            yield block
        return
    if part.compress_type != zipfile.ZIP_DEFLATED:
        raise zipfile.BadZipFile
    unpack = zlib.decompressobj(-zlib.MAX_WBITS)
    while not unpack.eof:
        packed = unpack.unconsumed_tail or file.read(BLOCK)
        if not packed:
            raise EOFError
        yield unpack.decompress(packed, BLOCK)


def _number(letters: bytes) -> int:
    found = 0
    for letter in letters:
        found = found * 26 + letter - 64
    return found
