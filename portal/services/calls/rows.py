"""A line of a file as a call, or the reason why not. The hot path: a million lines go through here."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import NamedTuple
from zoneinfo import ZoneInfo

from portal.services.calls.columns import Mapping, in_milliseconds
from portal.services.calls.destinations import bare
from portal.services.calls.files import Block, cells_of
from portal.services.calls.owners import Customers, Dids
from portal.services.calls.values import Bad, Memo, Times, amount_reader, as_written, seconds_reader, short

CALL_ID_MAX = 120
DESTINATION_MAX = 40
FORMULA = ("=", "@")
QUOTES = "The quotation marks of the line do not match. (A record is one line: no cell goes on in the next.)"
ENDS = "There is the end of a line in the middle of it."
WANTED = ("customer", "call_id", "did", "destination", "started_at", "seconds", "amount", "cost")


new_tuple = tuple.__new__


class Record(NamedTuple):
    """A call as it is stored, all but when and with what it came in. Amounts in micros; times as texts."""

    customer_id: int
    call_id: str
    did_id: int | None
    other_did_id: int | None
    started_at: str
    day: str
    destination: str
    seconds: int
    amount: int
    cost: int | None


@dataclass(slots=True)
class BadRow:
    """A line that was not taken: where it stands, what stands there, and why not."""

    line: int
    cells: list[str]
    sentence: str


@dataclass(slots=True)
class Chunk:
    """Some lines of a file, read: calls with their lines, and bad rows."""

    records: list[Record] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    bad: list[BadRow] = field(default_factory=list)


class Reader:
    """Reads the lines of one file into calls."""

    def __init__(self, mapping: Mapping, head: list[str], delimiter: str, zone: ZoneInfo) -> None:
        self.width, self.delimiter = (width := len(head)), delimiter
        # A column that is not there is an empty cell behind the last one.
        self.places = [mapping.places.get(name, width) for name in WANTED]
        self.wanted = itemgetter(*self.places)
        comma = delimiter != ","
        self.customers, self.dids, self.times = Customers(), Dids(), Times(zone)
        self.seconds: Memo[int] = Memo(seconds_reader(1000 if in_milliseconds(head, mapping) else 1))
        self.amounts: Memo[int] = Memo(amount_reader("Charge", comma))
        self.costs: Memo[int] = Memo(amount_reader("Cost", comma))
        self.has_seconds = mapping["seconds"] is not None

    def read(self, block: Block) -> Chunk:
        """The calls of a block of lines, and its bad rows."""
        rows = cells_of(block.lines, self.delimiter)
        self._look_up(rows)
        chunk, width = Chunk(), self.width
        records, lines, taken = chunk.records, chunk.lines, chunk.rows
        for line, row in enumerate(rows, block.first):
            if not row:
                if row is None:
                    text = block.lines[line - block.first].rstrip("\r")
                    chunk.bad.append(BadRow(line, [text], QUOTES if text.count('"') & 1 else ENDS))
                continue
            try:
                if len(row) != width:
                    self._check_width(row)
                row.append("")
                records.append(self._record(row))
                lines.append(line)
                taken.append(row)
            except Bad as bad:
                cells = row[:width] if row[-1] == "" and len(row) > width else row
                if any(cell.strip() for cell in cells):
                    chunk.bad.append(BadRow(line, cells, str(bad)))
        return chunk

    def _record(self, row: list[str]) -> Record:
        customer, call_id, did, destination, started, length, amount, cost = self.wanted(row)
        call_id = call_id.strip()
        if call_id[:1] == "'":
            call_id = as_written(call_id)
        if not call_id or len(call_id) > CALL_ID_MAX or call_id[0] in FORMULA or not call_id.isprintable():
            raise Bad(_call_id(call_id))
        number = _number(destination)
        instant, day = self.times.read(started)
        source = self.dids.on(_number(did), day) if did else None
        if customer.strip():
            customer_id = self.customers.named[customer]
        elif source:
            customer_id = source[1]
        else:
            raise Bad(
                f"It does not say whose it is{f': {short(did)} is no DID of a customer' if did else ''}."
            )
        other = self.dids.on(number, day) if number else None
        # Twice as quick as calling Record, and this is done a million times.
        return new_tuple(
            Record,
            (
                customer_id,
                call_id,
                source[0] if source and source[1] == customer_id else None,
                other[0] if other and other[1] == customer_id else None,
                instant,
                day,
                number,
                self.seconds[length] if self.has_seconds else 0,
                self.amounts[amount],
                self.costs[cost] if cost else None,
            ),
        )

    def _check_width(self, row: list[str]) -> None:
        """A line with more cells than columns, or fewer. Empty cells at its end are nothing to speak of."""
        while len(row) > self.width and not row[-1].strip():
            row.pop()
        if len(row) != self.width:
            raise Bad(f"It has {len(row)} cells; the first line names {self.width} columns.")

    def _look_up(self, rows: Sequence[list[str] | None]) -> None:
        if not self.dids.all_in_mind:
            places = (self.places[2], self.places[3])
            self.dids.look_up(row[place] for row in rows if row for place in places if place < len(row))


def _call_id(call_id: str) -> str:
    if not call_id:
        return "It has no call id."
    if len(call_id) > CALL_ID_MAX:
        return f"The call id is longer than {CALL_ID_MAX} characters."
    if call_id[0] in FORMULA:
        return f"The call id {short(call_id)} is a formula."
    return "There are characters in the call id that no text has."


def _number(text: str) -> str:
    """A number without leading + or 00; also names that are no numbers."""
    if text.isdigit() and text.isascii() and text[:2] != "00" and len(text) <= DESTINATION_MAX:
        return text
    number = bare(as_written(text.strip()))
    if len(number) > DESTINATION_MAX or not number.isprintable():
        raise Bad(
            f"{short(text)} is no number: it has more than {DESTINATION_MAX} characters or unreadable ones."
        )
    if number[:1] in FORMULA and number:
        raise Bad(f"{short(text)} is a formula.")
    return number
