"""A line of a file as a call, or the reason why not. The hot path: a million lines go through here."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from operator import itemgetter
from typing import NamedTuple
from zoneinfo import ZoneInfo

from portal.domain.call_files import names
from portal.domain.call_files.cells import MANY, Amounts, number_reader, read_currency, seconds_reader
from portal.domain.call_files.layout import Codes, Layout
from portal.domain.call_files.times import Times
from portal.domain.csv_files.cells import SHORTENED, Bad, Memo, as_written, short, shortened
from portal.domain.csv_files.text import cells_of
from portal.domain.schedule import ONE_DAY
from portal.domain.wording import day as in_words
from portal.domain.wording import listed
from portal.services.calls.owners import Customers, Dids
from portal.services.csv.files import Block, Shape

CALL_ID_MAX = 120
FORMULA = ("=", "@")
QUOTES = "The quotation marks of the line do not match."
ENDS = "There is a line break in the middle of the record."
WANTED = (
    "customer", "call_id", "did", "destination", "started_at", "clock", "seconds", "amount", "cost", "currency", "run",
)  # fmt: skip
# How a line begins that holds a sum, or says how many records there are.
TOTAL = re.compile(
    r"\W*(?:grand|sub)?[\s-]*(?:totals?|totale|totaux|sums?|summen?|gesamt(?:summe)?|insgesamt|somme|suma|records?|count)"
    r"(?:\s+(?:of|for|calls?|records?|rows?|lines?|costs?|charges?|amount|duration|minutes|seconds)\b.*)?"
    r"[\W\d]*(?:[A-Z]{3}\W*)?"
    r"|\W*number of\b.*|\W*[\d.,]+\s*(?:records?|rows?|calls?|lines?|datens.tze)\b.*",
    re.IGNORECASE | re.DOTALL,
)
TOTAL_MAX = 200
# CUCM says below the names of its columns what kind each is.
KIND = re.compile(r"INTEGER|VARCHAR\(\d+\)|UNIQUEIDENTIFIER", re.ASCII)
# What a sign of many currencies may mean.
MEANT = {
    "$": (
        "AUD", "BBD", "BMD", "BSD", "BZD", "CAD", "FJD", "HKD", "JMD", "KYD", "NZD", "SGD", "TTD", "TWD", "USD", "XCD",
    ),
    "¥": ("CNY", "JPY"),
}  # fmt: skip


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
    reason: str


class NoCall(Enum):
    """A row that is good, and no call."""

    UNANSWERED = "unanswered"
    PASSED = "passed over"


@dataclass(slots=True)
class Chunk:
    """Some records of a file, read: calls with their lines, bad rows, and how many of those that are no calls."""

    records: list[Record] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    bad: list[BadRow] = field(default_factory=list)
    unanswered: int = 0
    passed: int = 0


class Reader:
    """Reads the records of one file into calls."""

    def __init__(
        self, layout: Layout, head: Sequence[str], shape: Shape, zone: ZoneInfo, today: date
    ) -> None:
        self.layout, self.shape, self.width = layout, shape, (width := shape.width)
        # A column that is not there is an empty cell behind the last one.
        self.places = [layout.columns.get(name, width) for name in WANTED]
        self.wanted = itemgetter(*self.places)
        self.customers, self.dids = Customers(), Dids(today)
        self.times = Times(zone, layout.zone, layout.day_order)
        self.seconds: Memo[int | None] = Memo(seconds_reader(layout, shape.delimiter))
        self.amounts = Amounts("Charge", layout, shape.delimiter)
        self.costs = Amounts("Cost", layout, shape.delimiter)
        self.number = number_reader(layout.country)
        self.has_seconds, self.has_ids = layout["seconds"] is not None, layout["call_id"] is not None
        self.has_clock, self.run = (
            layout["clock"] is not None,
            layout.run if layout["run"] is not None else "",
        )
        self.are_carriers_codes = layout.codes == Codes.CARRIER
        self.today, self.last_day = today, (today + ONE_DAY).isoformat()
        self.currencies: Memo[str] = Memo(read_currency)
        # What the charge is in, by its column's name or the layout, where the row does not say.
        self.currency = _unit(head, layout["amount"]) or layout.currency
        self.currency_of_cost = _unit(head, layout["cost"])
        self.has_currency = bool(self.currency) or layout["currency"] is not None

    def renew(self, *, surely: bool = False) -> None:
        """Read customers and DIDs anew, if they have changed; `surely`: in any case."""
        if surely or self.customers.have_changed():
            self.customers = Customers()
        if surely or self.dids.have_changed():
            self.dids = Dids(self.today)

    def read(self, block: Block) -> Chunk:
        """The calls of a block of records, and its bad rows."""
        rows = cells_of(block.records, self.shape.delimiter)
        self._look_up(rows)
        chunk, width = Chunk(), self.width
        records, lines, taken = chunk.records, chunk.lines, chunk.rows
        for line, row in zip(block.numbers, rows, strict=True):
            if not row:
                if row is None:
                    text = block.records[block.numbers.index(line)].rstrip("\r")
                    why = QUOTES if text.count('"') & 1 else ENDS
                    chunk.bad.append(BadRow(line, [text], why, why))
                continue
            try:
                if len(row) != width:
                    self._check_width(row)
                row.append("")
                record = self._record(row)
                if type(record) is Record:
                    records.append(record)
                    lines.append(line)
                    taken.append(row)
                elif record is NoCall.UNANSWERED:
                    chunk.unanswered += 1
                else:
                    chunk.passed += 1
            except Bad as bad:
                cells = row[:width] if row[-1] == "" and len(row) > width else row
                if self._is_passed_over(line, cells):
                    chunk.passed += 1
                elif any(cell.strip() for cell in cells):
                    chunk.bad.append(BadRow(line, cells, str(bad), bad.reason))
        return chunk

    def _is_passed_over(self, line: int, cells: list[str]) -> bool:
        """Whether a row that is no call is no bad one either: a total, the end of a report, or kinds of columns.

        Where there are more cells, or fewer, than columns, a start time may stand in any of them.
        """
        filled = [cell.strip() for cell in cells if cell.strip()]
        if not filled or len(filled[0]) > TOTAL_MAX:
            return False
        if len(cells) != self.width:
            is_at_the_end = 0 < self.shape.footer <= line
            return (is_at_the_end or bool(TOTAL.fullmatch(filled[0]))) and not any(
                map(self.times.can_read, filled)
            )
        place = self.layout["started_at"]
        if place is not None and self.times.can_read(cells[place]):
            return False
        return bool(TOTAL.fullmatch(filled[0])) or all(map(KIND.fullmatch, filled))

    def _record(self, row: list[str]) -> Record | NoCall:
        customer, call_id, did, destination, started, clock, length, amount, cost, currency, run = (
            self.wanted(row)
        )
        if self.run and run.strip() != self.run:
            return NoCall.PASSED
        charged, seconds = self.amounts[amount], self.seconds[length]
        if not charged and not seconds and started.strip():
            return NoCall.UNANSWERED
        if self.has_ids:
            call_id = call_id.strip()
            if call_id[:1] == "'":
                call_id = as_written(call_id)
            if (
                not call_id
                or len(call_id) > CALL_ID_MAX
                or call_id[0] in FORMULA
                or not call_id.isprintable()
            ):
                raise _bad_call_id(call_id)
            if "+" in call_id and SHORTENED.fullmatch(call_id):
                raise shortened("call id", call_id)
        number = self.number(destination, "destination")
        if self.has_clock:
            started = f"{started.strip()} {clock.strip()}"
        instant, day = self.times.read(started)
        if day > self.last_day:
            raise Bad(
                f"Start time {short(started)} is more than a day in the future.",
                "Start time is more than a day in the future.",
            )
        came_from = self.number(did, "source") if did else ""
        source = self.dids.on(came_from, day) if came_from else None
        other = self.dids.on(number, day) if number else None
        if customer.strip() and not (self.are_carriers_codes and not self.customers.knows(customer)):
            customer_id = self.customers.named[customer]
            if source and source[1] != customer_id and (not other or other[1] != customer_id):
                raise self._of_another(customer_id, source[1], did, day)
        elif owner := source or other:
            customer_id = owner[1]
            if customer_id in self.customers.archived:
                raise Bad(self._of_archived(customer_id, did if source else destination))
        else:
            raise _whose(did, destination)
        if self.has_currency or amount in self.amounts.said:
            self._check_currency(currency, customer_id, amount)
        if cost and self.currency_of_cost:
            self._check_cost(customer_id, cost)
        if charged is None:
            raise Bad("Charge is empty: enter a number such as 0.0125.")
        if seconds is None:
            if self.has_seconds:
                raise Bad("Seconds are empty: enter a whole number, or a time such as 00:01:30.")
            seconds = 0
        # Twice as quick as calling Record, and this is done a million times.
        return new_tuple(
            Record,
            (
                customer_id,
                call_id if self.has_ids else f"{instant} {came_from}>{number} {seconds}s",
                source[0] if source and source[1] == customer_id else None,
                other[0] if other and other[1] == customer_id else None,
                instant,
                day,
                number,
                seconds,
                charged,
                self.costs[cost] if cost else None,
            ),
        )

    def _check_currency(self, said: str, customer_id: int, amount: str) -> None:
        """A charge in another currency than its customer's is another amount. Nothing is the same in all of them."""
        currency = self.currencies[said if said.strip() else self.currency]
        theirs, in_cell = self.customers.currency_of(customer_id), self.amounts.said.get(amount, "")
        called = self.customers.called(customer_id)
        if in_cell in MANY and currency not in MEANT[in_cell]:
            in_words = MANY[in_cell]
            if theirs in MEANT[in_cell] and not currency:
                raise Bad(
                    f"Charge is {short(amount)}: {in_cell} may be {in_words} of any country. Say which currency in the "
                    "layout of the file.",
                    f"{in_cell} may be {in_words} of any country. Say which currency in the layout of the file.",
                )
            raise Bad(
                f"The call is in {in_words} ({short(amount)}); {called} is charged in {theirs}.",
                f"The call is in {in_words}; {called} is charged in {theirs}.",
            )
        if in_cell and in_cell not in MANY:
            if currency and currency != in_cell:
                raise Bad(
                    f"Charge is {short(amount)}, but the currency of the row is {currency}.",
                    "The charge names another currency than the row.",
                )
            currency = in_cell
        if currency and currency != theirs:
            raise Bad(f"The call is in {currency}; {called} is charged in {theirs}.")
        if not currency and self.amounts[amount]:
            raise Bad(f"The currency is missing. Enter {theirs} if the call is in {theirs}.")

    def _check_cost(self, customer_id: int, cost: str) -> None:
        """The same of a cost whose column's name says a currency."""
        currency, theirs = self.currencies[self.currency_of_cost], self.customers.currency_of(customer_id)
        if currency != theirs and self.costs[cost]:
            raise Bad(
                f"Its cost is in {currency}; {self.customers.called(customer_id)} is charged in {theirs}."
            )

    def _of_another(self, named: int, owner: int, did: str, day: str) -> Bad:
        called, on = self.customers.called, in_words(date.fromisoformat(day))
        return Bad(
            f"The row names {called(named)}, but its source {short(did)} was a DID of {called(owner)} on {on}.",
            f"The row names {called(named)}, but its source was a DID of {called(owner)}.",
        )

    def _of_archived(self, owner: int, did: str) -> str:
        return f"{short(did)} is a DID of {self.customers.why_not(owner)}"

    def _check_width(self, row: list[str]) -> None:
        """A line with more cells than columns, or fewer. Empty cells at its end are nothing to speak of."""
        while len(row) > self.width and not row[-1].strip():
            row.pop()
        if len(row) != self.width:
            names = "the first line names" if self.shape.lines_before == 1 else "there are"
            raise Bad(f"The row has {len(row)} cells; {names} {self.width} columns.")

    def _look_up(self, rows: Sequence[list[str] | None]) -> None:
        if not self.dids.all_in_mind:
            places = (self.places[2], self.places[3])
            cells = {row[place] for row in rows if row for place in places if place < len(row)}
            self.dids.look_up(filter(None, map(self._plain, cells)))

    def _plain(self, text: str) -> str:
        """A number as DIDs are looked up; empty for what is none."""
        try:
            return self.number(text, "")
        except Bad:
            return ""


def _unit(head: Sequence[str], place: int | None) -> str:
    """The currency that a column's name says; empty where it does not."""
    return names.without_currency(head[place])[1] if place is not None and place < len(head) else ""


def _whose(did: str, destination: str) -> Bad:
    numbers = [short(number) for number in (did, destination) if number.strip()]
    if not numbers:
        return Bad("The row does not say whose call it is.")
    are = "is not a DID" if len(numbers) == 1 else "are not DIDs"
    return Bad(
        f"The row does not say whose call it is: {listed(numbers)} {are} of a customer.",
        "The row does not say whose call it is: its numbers are not DIDs of a customer.",
    )


def _bad_call_id(call_id: str) -> Bad:
    if not call_id:
        return Bad("The call id is missing.")
    if len(call_id) > CALL_ID_MAX:
        return Bad(f"The call id is longer than {CALL_ID_MAX} characters.")
    if call_id[0] in FORMULA:
        return Bad(f"The call id {short(call_id)} is a formula.", "The call id is a formula.")
    return Bad("The call id contains control characters.")
