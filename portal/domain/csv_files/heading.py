"""Which line of a file names its columns, and how the names of columns are compared."""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from portal.domain.csv_files.cells import SHORTENED
from portal.domain.csv_files.text import SEPARATOR, split
from portal.domain.names import name_key

# The names of the columns stand in one of these lines.
HEADING_LINES = 20
# What a file of bad rows has before the columns of the file they come from.
OF_BAD_ROWS = ("line", "reason")
# Figures and times, which name nothing.
VALUE = re.compile(r"[+\-]?[\d.,:/\-\s()TZ+]+")
# What a column is called where the file names none: Column 1.
NUMBERED = re.compile(r"column(\d+)", re.ASCII)


class Heading(NamedTuple):
    """The names of a file's columns, whether the file gives them, and the lines before its first record."""

    head: list[str]
    has_names: bool
    lines: int


def plain_name(cell: str) -> str:
    """A column's name as names are compared."""
    return re.sub(r"[\s_\-./#]+", "", name_key(cell.strip().strip("'\"")))


def of_bad_rows(head: Sequence[str]) -> bool:
    """Whether a file is one of bad rows, mended and sent again."""
    return tuple(plain_name(cell) for cell in head[: len(OF_BAD_ROWS)]) == OF_BAD_ROWS


def numbered(width: int) -> list[str]:
    """What the columns of a file are called that names none."""
    return [f"Column {number}" for number in range(1, width + 1)]


def is_numbered(head: Sequence[str]) -> bool:
    """Whether these are the names of columns that have none."""
    return bool(head) and all(NUMBERED.fullmatch(plain_name(cell)) for cell in head)


def looks_like_values(row: Sequence[str]) -> bool:
    """Whether a line holds values instead of names: figures, times, or nothing in them."""
    filled = [cell.strip() for cell in row if cell.strip()]
    return not filled or any(VALUE.fullmatch(cell) or SHORTENED.fullmatch(cell) for cell in filled)


def find_heading(
    lines: Sequence[str],
    delimiter: str,
    is_remembered: Callable[[list[str]], bool],
    is_known: Callable[[list[str]], bool],
) -> Heading:
    """Where the names of the columns stand in the first lines of a file; behind its title, or nowhere.

    What is remembered counts first, then names that are known, then a first line that holds no values.
    """
    begin = 1 if lines and SEPARATOR.fullmatch(lines[0]) else 0
    rows = [split(line, delimiter) or [] for line in lines[:HEADING_LINES]]
    places = [
        place for place in range(begin, len(rows)) if sum(bool(cell.strip()) for cell in rows[place]) > 1
    ]
    for is_heading in (is_remembered, is_known, None):
        for place in places:
            row = rows[place]
            if is_heading(row) if is_heading else not looks_like_values(row):
                return Heading(row, True, place + 1)
            if is_heading is None:
                return Heading(numbered(len(row)), False, place)
    return Heading(rows[begin] if len(rows) > begin else [], True, begin + 1)
