"""A file of rows, plain or gzip: made sure that it can be read to its end before anything is taken.

Whatever letters it is written in, it is read, kept and gone through as UTF-8. Nothing here holds more than a block of
it, whatever its size.
"""

import codecs
import gzip
import zipfile
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from io import SEEK_END, BufferedReader, RawIOBase
from itertools import islice
from typing import Any, BinaryIO, cast

from portal.domain.csv_files.text import RECORD_LINES, lines_of_record, no_table, split
from portal.domain.errors import Invalid

COLUMNS_MAX = 200
GZIP, BOM = b"\x1f\x8b", b"\xef\xbb\xbf"
UTF_8, WINDOWS, LATIN = "utf-8", "cp1252", "latin-1"
UTF_16 = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
BLOCK = 1 << 20
LINE_MAX = 64 * 1024
# Lines that are kept in mind from its beginning and its end.
FIRST_LINES, LAST_LINES = 200, 20
# Unpacked: more than this is no file of rows; packed a hundredfold, it is a bomb.
BYTES_MAX = 8 * 1024**3
PACKED_MAX = 100
HARMLESS = 32 * 1024**2
ZIP = b"PK\x03\x04"
OTHER_FILES = {
    b"\xd0\xcf\x11\xe0": "This is an Excel workbook. Save it as CSV and choose that file.",
    b"%PDF": "This is a PDF. Choose a CSV file.",
    b"BZh": "This file is compressed with bzip2. Choose a plain file, or one compressed with gzip.",
    b"\xfd7zX": "This file is compressed with xz. Choose a plain file, or one compressed with gzip.",
}
WORKBOOK = "This is an Excel workbook. Save it as CSV and choose that file."
OPEN_DOCUMENT = "This is a spreadsheet (OpenDocument). Save it as CSV and choose that file."
ARCHIVE = "This is a ZIP archive. Unpack it and choose the CSV file in it, plain or compressed with gzip."


@dataclass(frozen=True, slots=True)
class Readable:
    """What is known of a file that was read once to its end. Bytes are those of its text in UTF-8."""

    encoding: str
    bytes: int
    lines: int
    digest: str
    first: list[str]
    last: list[str]

    def footer(self, delimiter: str, width: int) -> int:
        """The line from which on no line has as many cells as there are columns; 0 where the last one has."""
        count = 0
        for line in reversed(self.last):
            cells = split(line, delimiter)
            if cells is None or len(cells) == width:
                break
            count += 1
        return self.lines - count + 1 if count else 0


@dataclass(slots=True)
class _Read:
    """What was found while a file was read."""

    size: int = 0
    lines: int = 0
    open_line: int = 0
    head: bytes = b""
    tail: bytes = b""
    digest: Any = field(default_factory=sha256)

    def add(self, block: bytes) -> None:
        """One more block of it."""
        if b"\0" in block:
            raise Invalid("file", "The file contains control characters. Choose a CSV file.")
        self.size += len(block)
        self.digest.update(block)
        pieces = block.split(b"\n")
        self.lines += len(pieces) - 1
        longest = max(len(pieces[0]) + self.open_line, *map(len, pieces)) if len(pieces) > 1 else 0
        self.open_line = len(pieces[-1]) if len(pieces) > 1 else self.open_line + len(block)
        if max(longest, self.open_line) > LINE_MAX:
            raise Invalid("file", _TOO_LONG)
        if len(self.head) < LINE_MAX:
            self.head += block[:LINE_MAX]
        self.tail = (self.tail + block)[-LINE_MAX:]


_OTHER_ENDS = "Its line endings are not those of a CSV file. Save it as CSV again."
_TOO_LONG = f"A line is longer than {LINE_MAX // 1024} KB. Is this a CSV file?"
_DAMAGED = "The compressed file is incomplete or damaged and cannot be unpacked."


def make_sure(given: BinaryIO) -> Readable:
    """Read a file to its end, keeping nothing. Invalid with a sentence where it is none of rows."""
    size = given.seek(0, SEEK_END)
    if not size:
        raise Invalid("file", "The file is empty.")
    given.seek(0)
    first = given.read(8)
    if first.startswith(ZIP):
        raise Invalid("file", _in_zip(given))
    for magic, sentence in OTHER_FILES.items():
        if first.startswith(magic):
            raise Invalid("file", sentence)
    try:
        encodings = _encodings(given)
        for encoding in encodings:
            try:
                return _described(encoding, _read_through(given, encoding, size))
            except UnicodeDecodeError:
                if encoding == encodings[-1]:
                    raise Invalid("file", "The file is damaged: some of it is no text.") from None
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise Invalid("file", _DAMAGED) from None
    raise AssertionError("unreachable")


def look_again(kept: BinaryIO) -> Readable:
    """The same of a file that was kept: it is unpacked, and in UTF-8."""
    return _described(UTF_8, _read_through(kept, UTF_8, BYTES_MAX))


def first_lines(kept: BinaryIO) -> list[str]:
    """The first lines of a file that was kept."""
    begin = kept.read(LINE_MAX)
    lines = _lines(begin.removeprefix(BOM).removesuffix(b"\n"))
    return (lines[:-1] if len(begin) == LINE_MAX and len(lines) > 1 else lines)[:FIRST_LINES]


def _in_zip(given: BinaryIO) -> str:
    """What a file is that was packed as ZIP: most are workbooks."""
    try:
        found = zipfile.ZipFile(given).namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        found = []
    if any(name.startswith("xl/") for name in found):
        return WORKBOOK
    return OPEN_DOCUMENT if "mimetype" in found else ARCHIVE


def _encodings(given: BinaryIO) -> list[str]:
    """What a file can be written in, by its beginning; all but the last are given up where a byte contradicts."""
    first = unpacked(given).read(64)
    if first[:2] in UTF_16:
        return [UTF_16[first[:2]]]
    # Latin letters in UTF-16: every other byte is zero.
    zeros = first[0::2].count(0), first[1::2].count(0)
    if min(zeros) == 0 and max(zeros) * 3 > len(first):
        return ["utf-16-be" if zeros[0] else "utf-16-le"]
    return [UTF_8, WINDOWS, LATIN]


def _read_through(given: BinaryIO, encoding: str, packed: int) -> _Read:
    """Read all of a file in one encoding. UnicodeDecodeError where it is written in another."""
    read, decoder = _Read(), codecs.getincrementaldecoder(UTF_8)()
    file = as_utf8(given, encoding)
    while block := file.read(BLOCK):
        if encoding == UTF_8:
            decoder.decode(block)
        read.add(block)
        _check_size(read.size, packed)
    decoder.decode(b"", final=True)
    return read


def _check_size(bytes: int, packed: int) -> None:
    if bytes > BYTES_MAX:
        raise Invalid("file", f"The file is larger than {BYTES_MAX // 1024**3} GB. Split it.")
    if bytes > HARMLESS and bytes > packed * PACKED_MAX:
        raise Invalid(
            "file",
            f"The file unpacks to more than {PACKED_MAX} times its size. It is not read.",
        )


def _described(encoding: str, read: _Read) -> Readable:
    first = _lines(read.head.removeprefix(BOM).removesuffix(b"\n"))
    if read.size > len(read.head):
        first = first[:-1] or first
    first = first[:FIRST_LINES]
    if sentence := no_table("\n".join(first)):
        raise Invalid("file", sentence)
    last = _lines(read.tail.removesuffix(b"\n"))
    if read.size > LINE_MAX:
        last = last[1:]
    lines = read.lines + (not read.tail.endswith(b"\n"))
    return Readable(encoding, read.size, lines, read.digest.hexdigest(), first, last[-LAST_LINES:])


def _lines(text: bytes) -> list[str]:
    return [line.strip("\r") for line in text.decode(errors="replace").split("\n")]


def check_heading(head: list[str], lines_left: int, first_line: str) -> None:
    """Invalid where the columns of a file, by their names, cannot be those of a file of rows."""
    if "\r" in first_line.strip("\r"):
        raise Invalid("file", _OTHER_ENDS)
    if not any(cell.strip() for cell in head):
        raise Invalid("file", "The first lines are empty. One must contain the names of the columns.")
    if len(head) < 2:
        raise Invalid("file", "The first lines have one column only. Is this a CSV file?")
    if len(head) > COLUMNS_MAX:
        raise Invalid("file", f"The file has more than {COLUMNS_MAX} columns.")
    if lines_left <= 0:
        raise Invalid("file", "There are no lines below the names of the columns.")


# -- read


class _AsUtf8(RawIOBase):
    """A file in another encoding, read as UTF-8."""

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        self.file, self.left, self.is_over = file, b"", False
        self.decoder = codecs.getincrementaldecoder(encoding)()

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer as far as one block goes."""
        while not self.left and not self.is_over:
            block = self.file.read(BLOCK)
            self.left, self.is_over = self.decoder.decode(block, final=not block).encode(), not block
        count = min(len(buffer), len(self.left))
        buffer[:count], self.left = self.left[:count], self.left[count:]
        return count


def unpacked(file: BinaryIO) -> BinaryIO:
    """The file from its beginning, unpacked as it is read."""
    file.seek(0)
    is_packed = file.read(2) == GZIP
    file.seek(0)
    return cast(BinaryIO, gzip.GzipFile(fileobj=file, mode="rb")) if is_packed else file


def as_utf8(file: BinaryIO, encoding: str) -> BinaryIO:
    """The file from its beginning, unpacked and in UTF-8 as it is read."""
    plain = unpacked(file)
    return plain if encoding == UTF_8 else cast(BinaryIO, BufferedReader(_AsUtf8(plain, encoding), BLOCK))


@dataclass(frozen=True, slots=True)
class Shape:
    """How the text of a file becomes records: what stands between cells, and the lines before the first record.

    From the line `footer` on, counted from 1, no line has as many cells as there are columns; 0: there are none such.
    """

    delimiter: str
    width: int
    lines_before: int
    footer: int = 0


@dataclass(frozen=True, slots=True)
class Block:
    """Some records: their text, the line of the file that each begins with, and where the file stands after them."""

    records: list[str]
    numbers: range | list[int]
    lines: int
    position: int


def blocks(file: BinaryIO, shape: Shape, size: int, position: int = 0, done: int = 0) -> Iterator[Block]:
    """The records of a file in UTF-8, of `size` lines or a little more at a time; from where `done` were dealt with."""
    if position:
        file.seek(position)
    else:
        position = sum(map(len, islice(file, shape.lines_before)))
    ahead: deque[bytes] = deque()
    while lines := _take(file, ahead, size):
        first = done + shape.lines_before + 1
        records = _text(lines).split("\n")
        numbers: range | list[int] = range(first, first + len(records))
        if any('"' in record and record.count('"') & 1 for record in records):
            begins, count = _records(records, _peek(file, ahead), shape)
            lines += _take(file, ahead, count - len(lines))
            every, ends = _text(lines).split("\n"), [*begins[1:], count]
            records = ["\n".join(every[begin:end]) for begin, end in zip(begins, ends, strict=True)]
            numbers = [first + begin for begin in begins]
        position += sum(map(len, lines))
        yield Block(records, numbers, len(lines), position)
        done += len(lines)


def _text(lines: list[bytes]) -> str:
    return b"".join(lines).decode().removeprefix("\ufeff").removesuffix("\n")


def _take(file: BinaryIO, ahead: deque[bytes], count: int) -> list[bytes]:
    """The next lines, those first that were looked at before."""
    lines = [ahead.popleft() for _ in range(min(count, len(ahead)))]
    return lines + list(islice(file, max(count - len(lines), 0)))


def _peek(file: BinaryIO, ahead: deque[bytes]) -> list[str]:
    """The lines behind those that were taken, as many as a record can go on over."""
    ahead.extend(islice(file, max(RECORD_LINES - len(ahead), 0)))
    return [line.decode().removesuffix("\n") for line in ahead]


def _records(lines: list[str], behind: list[str], shape: Shape) -> tuple[list[int], int]:
    """Where the records begin that begin in these lines, and how many lines they take; some go on behind."""
    every, begins, at = [*lines, *behind], [], 0
    while at < len(lines):
        begins.append(at)
        at += lines_of_record(every, at, shape.delimiter, shape.width)
    return begins, at
