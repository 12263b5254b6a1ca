"""Text as rows: what stands between the cells, and which lines make a record."""

import csv
import re
from collections.abc import Sequence

DELIMITERS = (",", ";", "\t", "|")
# What Excel writes above the first line, to say it.
SEPARATOR = re.compile(r'"?sep=([,;\t|])"?[ ,;]*', re.IGNORECASE)
# A record may go on over so many lines, where a cell in quotation marks does.
RECORD_LINES = 100
# JSON begins so: a bracket, and within it a text, another bracket or a number.
JSON = re.compile(r"\s*(?:\{\s*[\"}]|\[\s*[\[{\"\d\]])")
XML = re.compile(r"\s*<(?:\?xml|!DOCTYPE|[a-z][\w:.-]*[\s/>])", re.IGNORECASE)
HTML = re.compile(r"\s*<(?:!DOCTYPE html|html|table|head|body)\b", re.IGNORECASE)
NO_TABLES = (
    (HTML, "This is a web page (HTML). Export the same as CSV and choose that file."),
    (XML, "This is XML. Export the same as CSV and choose that file."),
    (JSON, "This is JSON. Export the same as CSV and choose that file."),
)


def no_table(begin: str) -> str:
    """What a text is that has no rows, as a sentence, by its beginning; empty where nothing says so."""
    return next((sentence for looks, sentence in NO_TABLES if looks.match(begin)), "")


def delimiter_of(lines: Sequence[str]) -> str:
    """What stands between the cells, by the first lines: what cuts most of them into as many cells, and into most."""

    def weight(delimiter: str) -> tuple[int, int]:
        widths = [len(split(line, delimiter) or ()) for line in lines]
        return max(((widths.count(width) * (width - 1), width) for width in widths if width), default=(0, 0))

    return max(DELIMITERS, key=weight)


def split(line: str, delimiter: str) -> list[str] | None:
    """The cells of one record; None where there is the end of a line in the middle of it."""
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return None


def cells_of(records: list[str], delimiter: str) -> list[list[str] | None]:
    """The cells of each record; None for one that cannot be told apart, none at all for an empty one."""
    if any('"' in record and record.count('"') & 1 for record in records):
        return [None if record.count('"') & 1 else split(record, delimiter) for record in records]
    try:
        rows: list[list[str] | None] = list(csv.reader(records, delimiter=delimiter))
    except csv.Error:
        rows = []
    return rows if len(rows) == len(records) else [split(record, delimiter) for record in records]


def lines_of_record(lines: Sequence[str], at: int, delimiter: str, width: int) -> int:
    """How many lines the record takes that begins `at`: more than one where a quoted cell goes on behind its line.

    Only what then has as many cells as there are columns is one: a stray quotation mark spoils its own line alone.
    """
    if not lines[at].count('"') & 1:
        return 1
    for end in range(at + 1, min(at + RECORD_LINES, len(lines))):
        if lines[end].count('"') & 1:
            cells = split("\n".join(lines[at : end + 1]), delimiter) or []
            while len(cells) > width and not cells[-1].strip():
                cells.pop()
            return end + 1 - at if len(cells) == width else 1
    return 1
