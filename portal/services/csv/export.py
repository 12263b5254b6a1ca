"""CSV that a spreadsheet takes for what it says, and never for something to carry out.

A cell that a spreadsheet would work out gets an apostrophe before it, which spreadsheets hide and our own
readers leave out. Plain numbers stay as they are: `-12.50`, `+44 20 7946 0000`. A cell that holds any
separator is quoted, so that no other reading of the file begins a cell in the middle of one.
"""

import re
from collections.abc import Iterable, Iterator

# Before the first line of a file: without it Excel takes UTF-8 for the Windows encoding, and reads other letters.
MARK = "\ufeff"
PLAIN_NUMBER = re.compile(r"[+-]?[0-9][0-9 ]*(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?")
# At the beginning, or after what some program or other takes for the end of a cell. Full-width signs count, too.
FORMULA = re.compile(r"(^|[;,\t\r\n\v\f])(?=[ \u00a0\ufeff\"]*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])")
SEPARATOR = re.compile(r"[\",;\t\r\n\v\f]")


def cell(value: object, between: str = ",") -> str:
    """A value as a cell: harmless, and quoted where it has to be."""
    text = "" if value is None else str(value)
    if not text:
        return text
    if FORMULA.search(text) and not PLAIN_NUMBER.fullmatch(text):
        text = FORMULA.sub(r"\1'", text)
    return '"' + text.replace('"', '""') + '"' if SEPARATOR.search(text) or between in text else text


def line(values: Iterable[object], between: str = ",") -> str:
    """A line of CSV."""
    return between.join(cell(value, between) for value in values) + "\r\n"


def lines(head: Iterable[object], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """A file, line by line."""
    yield MARK + line(head)
    for row in rows:
        yield line(row)
