"""A line of a file as a call, or the reason why not. The hot path: a million lines go through here."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from operator import itemgetter
from typing import NamedTuple
from zoneinfo import ZoneInfo

from portal.domain.schedule import ONE_DAY
from portal.domain.wording import listed
from portal.services.calls.columns import Mapping, currency_of, in_milliseconds
from portal.services.calls.destinations import bare
from portal.services.calls.files import Block, cells_of
from portal.services.calls.owners import Customers, Dids
from portal.services.calls.values import (
    Bad,
    Memo,
    Times,
    amount_reader,
    as_written,
    read_currency,
    seconds_reader,
    short,
    shortened,
)
from portal.services.csv.reading import SHORTENED

CALL_ID_MAX = 120
DESTINATION_MAX = 40
FORMULA = ("=", "@")
QUOTES = "The quotation marks of the line do not match. (A record must be on one line.)"
ENDS = "There is a line break in the middle of the record."
WANTED = ("customer", "call_id", "did", "destination", "started_at", "seconds", "amount", "cost", "currency")


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

    def __init__(
        self, mapping: Mapping, head: list[str], delimiter: str, zone: ZoneInfo, today: date
    ) -> None:
        self.width, self.delimiter = (width := len(head)), delimiter
        # A column that is not there is an empty cell behind the last one.
        self.places = [mapping.places.get(name, width) for name in WANTED]
        self.wanted = itemgetter(*self.places)
        comma = delimiter != ","
        self.customers, self.dids, self.times = Customers(), Dids(today), Times(zone)
        self.seconds: Memo[int] = Memo(seconds_reader(1000 if in_milliseconds(head, mapping) else 1))
        self.amounts: Memo[int] = Memo(amount_reader("Charge", comma))
        self.costs: Memo[int] = Memo(amount_reader("Cost", comma))
        self.has_seconds = mapping["seconds"] is not None
        self.today, self.last_day = today, (today + ONE_DAY).isoformat()
        self.currencies: Memo[str] = Memo(read_currency)
        # What the charge is in, by its column's name, where the row does not say.
        self.currency = currency_of(head, mapping, "amount")
        self.currency_of_cost = currency_of(head, mapping, "cost")
        self.has_currency = bool(self.currency) or mapping["currency"] is not None

    def renew(self, *, surely: bool = False) -> None:
        """Read customers and DIDs anew, if they have changed; `surely`: in any case."""
        if surely or self.customers.have_changed():
            self.customers = Customers()
        if surely or self.dids.have_changed():
            self.dids = Dids(self.today)

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
        customer, call_id, did, destination, started, length, amount, cost, currency = self.wanted(row)
        call_id = call_id.strip()
        if call_id[:1] == "'":
            call_id = as_written(call_id)
        if not call_id or len(call_id) > CALL_ID_MAX or call_id[0] in FORMULA or not call_id.isprintable():
            raise Bad(_call_id(call_id))
        if "+" in call_id and SHORTENED.fullmatch(call_id):
            raise Bad(shortened("call id", call_id))
        number = _number(destination, "destination")
        instant, day = self.times.read(started)
        if day > self.last_day:
            raise Bad(f"Start time {short(started)} is more than a day in the future.")
        source = self.dids.on(_number(did, "source"), day) if did else None
        other = self.dids.on(number, day) if number else None
        if customer.strip():
            customer_id = self.customers.named[customer]
            if source and source[1] != customer_id and (not other or other[1] != customer_id):
                raise Bad(self._of_another(customer_id, source[1], did, day))
        elif owner := source or other:
            customer_id = owner[1]
            if customer_id in self.customers.archived:
                raise Bad(self._of_archived(customer_id, did if source else destination))
        else:
            raise Bad(_whose(did, destination))
        if self.has_currency:
            self._check_currency(currency, customer_id, amount)
        if cost and self.currency_of_cost:
            self._check_cost(customer_id, cost)
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

    def _check_currency(self, said: str, customer_id: int, amount: str) -> None:
        """A charge in another currency than its customer's is another amount. Nothing is the same in all of them."""
        currency = self.currencies[said if said.strip() else self.currency]
        theirs = self.customers.currency_of(customer_id)
        if currency and currency != theirs:
            raise Bad(
                f"The call is in {currency}; {self.customers.called(customer_id)} is charged in {theirs}."
            )
        if not currency and self.amounts[amount]:
            raise Bad(f"The currency is missing. Enter {theirs} if the call is in {theirs}.")

    def _check_cost(self, customer_id: int, cost: str) -> None:
        """The same of a cost whose column's name says a currency."""
        currency, theirs = self.currencies[self.currency_of_cost], self.customers.currency_of(customer_id)
        if currency != theirs and self.costs[cost]:
            raise Bad(
                f"Its cost is in {currency}; {self.customers.called(customer_id)} is charged in {theirs}."
            )

    def _of_another(self, named: int, owner: int, did: str, day: str) -> str:
        called = self.customers.called
        return f"The row names {called(named)}, but its source {short(did)} was a DID of {called(owner)} on {day}."

    def _of_archived(self, owner: int, did: str) -> str:
        return f"{short(did)} is a DID of {self.customers.why_not(owner)}"

    def _check_width(self, row: list[str]) -> None:
        """A line with more cells than columns, or fewer. Empty cells at its end are nothing to speak of."""
        while len(row) > self.width and not row[-1].strip():
            row.pop()
        if len(row) != self.width:
            raise Bad(f"The row has {len(row)} cells; the first line names {self.width} columns.")

    def _look_up(self, rows: Sequence[list[str] | None]) -> None:
        if not self.dids.all_in_mind:
            places = (self.places[2], self.places[3])
            self.dids.look_up(row[place] for row in rows if row for place in places if place < len(row))


def _whose(did: str, destination: str) -> str:
    numbers = [short(number) for number in (did, destination) if number.strip()]
    nobodys = f": {listed(numbers)} {'is not a DID' if len(numbers) == 1 else 'are not DIDs'} of a customer"
    return f"The row does not say whose call it is{nobodys if numbers else ''}."


def _call_id(call_id: str) -> str:
    if not call_id:
        return "The call id is missing."
    if len(call_id) > CALL_ID_MAX:
        return f"The call id is longer than {CALL_ID_MAX} characters."
    if call_id[0] in FORMULA:
        return f"The call id {short(call_id)} is a formula."
    return "The call id contains control characters."


def _number(text: str, what: str) -> str:
    """A number without leading + or 00; also names that are no numbers."""
    if text.isdigit() and text.isascii() and text[:2] != "00" and len(text) <= DESTINATION_MAX:
        return text
    plain = as_written(text.strip())
    if "+" in plain[1:] and SHORTENED.fullmatch(plain):
        raise Bad(shortened(what, plain))
    number = bare(plain)
    if len(number) > DESTINATION_MAX or not number.isprintable():
        raise Bad(
            f"{short(text)} is not a number: it has more than {DESTINATION_MAX} characters or unreadable ones."
        )
    if number[:1] in FORMULA and number:
        raise Bad(f"{short(text)} is a formula.")
    return number
