"""A table as CSV, line by line, and as a workbook for Excel: neither ever whole in memory.

In both a text is a text, whatever it begins with: nothing is ever carried out. A workbook holds numbers as numbers and
days as days; where Excel could not hold one exactly (more than 15 digits), its text.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import IO, Any
from zoneinfo import ZoneInfo

from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from portal.domain.money import minor_digits
from portal.domain.wording import exact, whole
from portal.services.csv.export import MARK, line
from portal.services.exports.table import Kind, Line, Table, text

# What a sheet and a cell can hold. Letters are counted as Excel does: one beyond the first 65,536 is two.
SHEET_ROWS = 1_048_576
CELL_LETTERS = 32_767
EXACT_DIGITS = 15
WIDTHS = {Kind.TEXT: 24, Kind.NUMBER: 12, Kind.MONEY: 14, Kind.DAY: 12, Kind.MOMENT: 20}
# XlsxWriter takes a text between these for markup of its own, and writes it as it is.
RICH = ("<r>", "</r>")


def as_csv(table: Table, zone: ZoneInfo) -> Iterator[str]:
    """The file, a chunk of lines at a time."""
    kinds = [column.kind for column in table.columns]
    yield MARK + line(table.head)
    for lines in table.lines():
        yield "".join(
            line([_written(kind, value, currency, zone) for kind, value in zip(kinds, values, strict=True)])
            for currency, values in lines
        )


def _written(kind: Kind, value: Any, currency: str, zone: ZoneInfo) -> str:
    if value is None:
        return ""
    if kind == Kind.TEXT:
        return text(value)
    if kind in (Kind.NUMBER, Kind.MONEY):
        return _number(value, minor_digits(currency) if kind == Kind.MONEY else 0)
    if isinstance(value, datetime):
        return _local(value, zone).isoformat(" ", "seconds")
    return str(value.isoformat())


def _number(value: Decimal | int, places: int) -> str:
    if isinstance(value, int):
        return str(value)
    return exact(value, places)


def _places(value: Decimal) -> int:
    return len(exact(value).partition(".")[2])


def _local(value: datetime, zone: ZoneInfo) -> datetime:
    return value.astimezone(zone).replace(tzinfo=None, microsecond=0)


def as_xlsx(table: Table, file: IO[bytes], zone: ZoneInfo, sheet_rows: int = SHEET_ROWS) -> int:
    """Write the workbook, and say how many rows of the table are in it."""
    with Workbook(file, {"constant_memory": True, "use_zip64": True}) as book:
        book.set_properties({"created": datetime(2000, 1, 1, tzinfo=UTC), "title": table.name})
        return _Book(book, table, zone, sheet_rows).write()


class _Book:
    """A workbook that is being written: the sheet, and how far it is."""

    def __init__(self, book: Workbook, table: Table, zone: ZoneInfo, sheet_rows: int) -> None:
        self.book, self.table, self.zone, self.sheet_rows = book, table, zone, sheet_rows
        self.bold = book.add_format({"bold": True})
        self.day = book.add_format({"num_format": "yyyy-mm-dd"})
        self.moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self.of_places: dict[int, Any] = {}
        self.sheets, self.row = 0, 0
        self.sheet = self._next_sheet()

    def write(self) -> int:
        kinds, count = [column.kind for column in self.table.columns], 0
        for lines in self.table.lines():
            for one in lines:
                # Kept for the sentence that says where the rest is.
                if self.row == self.sheet_rows - 1:
                    self._go_on()
                self._write(kinds, one)
                count += 1
        return count

    def _go_on(self) -> None:
        full, row = self.sheet, self.row
        self.sheet = self._next_sheet()
        full.write_string(row, 0, f"More rows are on the sheet {self.sheet.get_name()}.")

    def _next_sheet(self) -> Worksheet:
        self.sheets += 1
        name = self.table.name[:25] + (f" {self.sheets}" if self.sheets > 1 else "")
        sheet = self.book.add_worksheet(name)
        sheet.freeze_panes(1, 0)
        for place, column in enumerate(self.table.columns):
            sheet.set_column(place, place, max(WIDTHS[column.kind], min(len(column.heading) + 2, 30)))
        for place, heading in enumerate(self.table.head):
            sheet.write_string(0, place, heading, self.bold)
        self.row = 1
        return sheet

    def _write(self, kinds: list[Kind], one: Line) -> None:
        sheet, row = self.sheet, self.row
        for place, (kind, value) in enumerate(zip(kinds, one.values, strict=True)):
            if value is None:
                continue
            if kind == Kind.TEXT:
                if words := text(value):
                    sheet.write_string(row, place, fitting(words))
            elif kind in (Kind.NUMBER, Kind.MONEY):
                self._write_number(row, place, value, minor_digits(one.currency) if kind == Kind.MONEY else 0)
            elif isinstance(value, datetime):
                sheet.write_datetime(row, place, _local(value, self.zone), self.moment)
            elif isinstance(value, date):
                sheet.write_datetime(row, place, value, self.day)
        self.row += 1

    def _write_number(self, row: int, place: int, value: Decimal | int, least: int) -> None:
        number = Decimal(value)
        places = max(least, _places(number))
        if len(number.normalize().as_tuple().digits) > EXACT_DIGITS:
            self.sheet.write_string(row, place, _number(value, least))
        else:
            self.sheet.write_number(row, place, number, self._format(places))

    def _format(self, places: int) -> Any:
        if places not in self.of_places:
            decimals = "." + "0" * places if places else ""
            self.of_places[places] = self.book.add_format({"num_format": f"0{decimals}"})
        return self.of_places[places]


def fitting(words: str) -> str:
    """A text as a cell of Excel can hold it: one that is longer ends with how much longer it is."""
    if words.startswith(RICH[0]) and words.endswith(RICH[1]):
        words += " "
    if _letters(words) <= CELL_LETTERS:
        return words
    said = f" [cut: the whole text has {whole(len(words))} letters; the CSV file holds all of it]"
    kept = words.encode("utf-16-le")[: 2 * (CELL_LETTERS - len(said))].decode("utf-16-le", errors="ignore")
    return kept + said


def _letters(words: str) -> int:
    return len(words) if words.isascii() else len(words.encode("utf-16-le")) // 2
