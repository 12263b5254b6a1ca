"""A file of call records, plain or gzip: made sure that it can be read to its end before anything is taken.

A line is a record. Nothing here holds more than a block of the file, whatever its size.
"""

import codecs
import csv
import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from io import SEEK_END, BytesIO
from itertools import islice
from typing import BinaryIO, NamedTuple, cast

from portal.domain.errors import Invalid
from portal.services.calls.columns import COLUMNS_MAX
from portal.services.csv.reading import SEPARATOR, delimiter_of

GZIP, BOM = b"\x1f\x8b", b"\xef\xbb\xbf"
BLOCK = 1 << 20
LINE_MAX = 64 * 1024
# Unpacked: more than this is no file of calls; packed a hundredfold, it is a bomb.
BYTES_MAX = 8 * 1024**3
PACKED_MAX = 100
HARMLESS = 32 * 1024**2
OTHER_FILES = {
    b"PK\x03\x04": "This is a spreadsheet or an archive. Save it as CSV and choose that file.",
    b"\xd0\xcf\x11\xe0": "This is a spreadsheet. Save it as CSV and choose that file.",
    b"%PDF": "This is a PDF. Choose a CSV file.",
    b"BZh": "This file is compressed with bzip2. Choose a plain file, or one compressed with gzip.",
    b"\xfd7zX": "This file is compressed with xz. Choose a plain file, or one compressed with gzip.",
    b"\xff\xfe": "This file is in UTF-16. Save it as CSV in UTF-8.",
    b"\xfe\xff": "This file is in UTF-16. Save it as CSV in UTF-8.",
}


@dataclass(frozen=True, slots=True)
class Readable:
    """What is known of a file that was read once to its end: its first line, size unpacked, and lines of records."""

    head: list[str]
    delimiter: str
    bytes: int
    lines: int
    digest: str


def make_sure(given: BinaryIO) -> Readable:
    """Read a file to its end, keeping nothing. Invalid with a sentence where it is no file of call records."""
    size = given.seek(0, SEEK_END)
    if not size:
        raise Invalid("file", "The file is empty.")
    given.seek(0)
    first = given.read(8)
    for magic, sentence in OTHER_FILES.items():
        if first.startswith(magic):
            raise Invalid("file", sentence)
    decoder, digest = codecs.getincrementaldecoder("utf-8")(), sha256()
    head, bytes, lines, open_line, last = b"", 0, 0, 0, b""
    try:
        file = unpacked(given)
        while block := file.read(BLOCK):
            bytes += len(block)
            _check_size(bytes, size)
            if b"\0" in block:
                raise Invalid("file", "The file contains control characters. Choose a CSV file.")
            decoder.decode(block)
            digest.update(block)
            pieces = block.split(b"\n")
            lines += len(pieces) - 1
            longest = max(len(pieces[0]) + open_line, *map(len, pieces)) if len(pieces) > 1 else 0
            open_line = len(pieces[-1]) if len(pieces) > 1 else open_line + len(block)
            if max(longest, open_line) > LINE_MAX:
                raise Invalid("file", _TOO_LONG)
            if len(head) < LINE_MAX and head.count(b"\n") < 2:
                head += block[:LINE_MAX]
            last = block[-1:]
        decoder.decode(b"", final=True)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise Invalid(
            "file", "The compressed file is incomplete or damaged and cannot be unpacked."
        ) from None
    except UnicodeDecodeError:
        raise Invalid("file", "The file is not in UTF-8. Save it as CSV in UTF-8.") from None
    return _described(head, bytes, lines + (last not in (b"\n", b"")), digest.hexdigest())


_OTHER_ENDS = "Its line endings are not those of a CSV file. Save it as CSV again."
_TOO_LONG = f"A line is longer than {LINE_MAX // 1024} KB. Is this a CSV file of call records?"


def _check_size(bytes: int, packed: int) -> None:
    if bytes > BYTES_MAX:
        raise Invalid("file", f"The file is larger than {BYTES_MAX // 1024**3} GB. Split it.")
    if bytes > HARMLESS and bytes > packed * PACKED_MAX:
        raise Invalid(
            "file",
            f"The file unpacks to more than {PACKED_MAX} times its size. It cannot be a file of calls.",
        )


def _described(head: bytes, bytes: int, lines: int, digest: str) -> Readable:
    heading = _heading(BytesIO(head))
    if not heading.line.strip():
        raise Invalid("file", "The first line is empty. It must contain the names of the columns.")
    cells = split(heading.line, heading.delimiter)
    if cells is None:
        raise Invalid("file", _OTHER_ENDS)
    if len(cells) < 2:
        raise Invalid("file", "The first line names one column only. Is this a CSV file of call records?")
    if len(cells) > COLUMNS_MAX:
        raise Invalid("file", f"The first line names more than {COLUMNS_MAX} columns.")
    if lines <= heading.lines:
        raise Invalid("file", "There are no lines below the first one.")
    return Readable(cells, heading.delimiter, bytes, lines - heading.lines, digest)


def unpacked(file: BinaryIO) -> BinaryIO:
    """The file from its beginning, unpacked as it is read."""
    file.seek(0)
    is_packed = file.read(2) == GZIP
    file.seek(0)
    return cast(BinaryIO, gzip.GzipFile(fileobj=file, mode="rb")) if is_packed else file


class Heading(NamedTuple):
    """The line that names the columns, what stands between them, and the lines and bytes up to its end."""

    line: str
    delimiter: str
    lines: int
    bytes: int


def _heading(file: BinaryIO) -> Heading:
    """Read the heading: the first line, or the second where the first says to Excel what stands between cells."""
    raw = file.readline(LINE_MAX + 2)
    line, bytes = raw.removeprefix(BOM).decode(errors="replace").strip("\r\n"), len(raw)
    if not (said := SEPARATOR.fullmatch(line)):
        return Heading(line, delimiter_of(line), 1, bytes)
    raw = file.readline(LINE_MAX + 2)
    return Heading(raw.decode(errors="replace").strip("\r\n"), said[1], 2, bytes + len(raw))


def first_rows(file: BinaryIO, count: int = 3) -> list[list[str]]:
    """The first records of a file that is unpacked, to show what each column holds."""
    delimiter = _heading(file).delimiter
    lines = [line.decode(errors="replace").strip("\r\n") for line in islice(file, count)]
    return [split(line, delimiter) or [] for line in lines]


@dataclass(frozen=True, slots=True)
class Block:
    """Some lines: the number of the first of them in the file, their text, and where the file stands after them."""

    first: int
    lines: list[str]
    position: int


def blocks(file: BinaryIO, size: int, position: int = 0, done: int = 0) -> Iterator[Block]:
    """The lines of records of a file that is unpacked, `size` at a time; from where `done` of them were dealt with."""
    heading = _heading(file)
    if position:
        file.seek(position)
    else:
        position = heading.bytes
    while lines := list(islice(file, size)):
        position += sum(map(len, lines))
        text = b"".join(lines).decode()
        yield Block(done + heading.lines + 1, text.removesuffix("\n").split("\n"), position)
        done += len(lines)


def cells_of(lines: list[str], delimiter: str) -> list[list[str] | None]:
    """The cells of each line; None for one that cannot be told apart, none at all for an empty one."""
    if any('"' in line and line.count('"') & 1 for line in lines):
        return [None if line.count('"') & 1 else split(line, delimiter) for line in lines]
    try:
        rows: list[list[str] | None] = list(csv.reader(lines, delimiter=delimiter))
    except csv.Error:
        rows = []
    return rows if len(rows) == len(lines) else [split(line, delimiter) for line in lines]


def split(line: str, delimiter: str) -> list[str] | None:
    """The cells of one line; None where there is the end of a line in the middle of it."""
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return None
