"""A look at a file before its calls are taken in: how it is read, and what would be taken.

Nothing is written. The first rows are looked at while its layout is described, all of it (or as much as one can wait
for) before somebody lets it go on.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import BinaryIO, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import select, tuple_

from portal.domain.call_files.layout import Layout
from portal.domain.call_files.proposing import propose
from portal.domain.csv_files.heading import HEADING_LINES, Heading, is_numbered, numbered
from portal.domain.csv_files.proof import Proof, Proposal
from portal.domain.csv_files.text import SEPARATOR, split
from portal.domain.errors import Invalid
from portal.domain.money import MICROS
from portal.domain.schedule import FIRST_DAY, LAST_DAY
from portal.extensions import db
from portal.models import Call, CallImport
from portal.services.calls import importing, keeping, moves
from portal.services.calls.rows import BadRow, Chunk, Reader, Record
from portal.services.chunks import in_chunks
from portal.services.csv import files

FIRST_ROWS = 5
EXAMPLES = 3
AT_ONCE = 2_000


# -- while the layout is described


@dataclass(frozen=True, slots=True)
class Waiting:
    """A file that waits: the lines that may name its columns, how it is cut, and the layout that is proposed.

    Where it has one already, that is proposed.
    """

    lines: list[str]
    heading: Heading
    shape: files.Shape
    proposal: Proposal[Layout]

    @property
    def begin(self) -> int:
        """The first line that may name the columns: behind the one that says what stands between cells."""
        return 1 if self.lines and SEPARATOR.fullmatch(self.lines[0]) else 0

    @property
    def choices(self) -> list[tuple[int, str]]:
        """The lines that may name the columns, counted from 1, as they stand; 0: none does."""
        return [
            (number, line)
            for number, line in enumerate(self.lines[:HEADING_LINES], 1)
            if number > self.begin
            and len([cell for cell in split(line, self.shape.delimiter) or [] if cell.strip()]) > 1
        ]

    def rows(self, count: int) -> list[list[str]]:
        """The first records."""
        lines = self.lines[self.shape.lines_before :][:count]
        return [split(line, self.shape.delimiter) or [] for line in lines]


def waiting(import_: CallImport, line: int | None = None) -> Waiting:
    """A file that waits, its columns named by a `line` of it, counted from 1; 0: by none. None: as was found.

    Invalid for a line that cannot name them.
    """
    assert import_.file_id is not None, "the lines of an import that waits are kept"
    kept = keeping.opened(import_.file_id)
    head = json.loads(import_.head)
    heading = Heading(head, not is_numbered(head), import_.lines_before)
    if line in (None, heading.lines if heading.has_names else 0):
        lines, shape = files.first_lines(kept), importing.shape_of(import_)
        if import_.layout:
            return Waiting(lines, heading, shape, Proposal(importing.layout_of(import_), {}))
        proof = Proof.from_dict(json.loads(import_.proof or "[]"))
    else:
        readable = files.look_again(kept)
        lines, heading = readable.first, _heading(readable.first, import_.delimiter, line or 0)
        shape = importing.shape_with(readable, import_.delimiter, heading)
        proof = importing.prove(keeping.opened(import_.file_id), shape)
    first = split(lines[heading.lines], shape.delimiter) if len(lines) > heading.lines else None
    return Waiting(lines, heading, shape, propose(heading, proof, first or []))


def _heading(lines: Sequence[str], delimiter: str, line: int) -> Heading:
    """What a line of a file names its columns; 0: numbers do."""
    if not 0 <= line <= min(len(lines), HEADING_LINES):
        raise Invalid("heading", "Choose a line from the list.")
    if line:
        return Heading(split(lines[line - 1], delimiter) or [], True, line)
    begin = 1 if SEPARATOR.fullmatch(lines[0]) else 0
    return Heading(
        numbered(len(split(lines[begin], delimiter) or []) if len(lines) > begin else 0), False, begin
    )


# -- what would be taken


@dataclass(slots=True)
class OfCustomer:
    """What a customer would get: calls and their sum, in the customer's currency."""

    id: int
    name: str
    currency: str
    calls: int = 0
    micros: int = 0

    @property
    def amount(self) -> Decimal:
        """The sum."""
        return Decimal(self.micros) / MICROS


@dataclass(slots=True)
class OfReason:
    """Rows that are bad for one reason: how many, and the first of them."""

    reason: str
    count: int = 0
    examples: list[BadRow] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class AsRead:
    """A call as a row says it: its line, whose, where to, when, how long and for how much."""

    line: int
    name: str
    destination: str
    started_at: datetime
    seconds: int
    amount: Decimal
    currency: str


@dataclass(slots=True)
class Look:
    """What a file comes to: its first rows as they are read, and what would become of all that were looked at."""

    first: list[AsRead | BadRow] = field(default_factory=list)
    customers: dict[int, OfCustomer] = field(default_factory=dict)
    reasons: dict[str, OfReason] = field(default_factory=dict)
    first_day: date | None = None
    last_day: date | None = None
    counts: Counter[str] = field(default_factory=Counter)
    # Lines that were looked at, and those that were not.
    lines: int = 0
    lines_left: int = 0

    @property
    def bad(self) -> int:
        """How many rows are bad."""
        return sum(reason.count for reason in self.reasons.values())

    @property
    def new(self) -> int:
        """How many calls would be taken in."""
        return sum(customer.calls for customer in self.customers.values())


def look(import_: CallImport, today: date, zone: ZoneInfo, most: int | None = None) -> Look:
    """What would become of the records of a file that waits to go on: of the first `most` lines."""
    assert import_.file_id is not None, "the lines of an import that waits are kept"
    shape, layout = importing.shape_of(import_), importing.layout_of(import_)
    head = json.loads(import_.head)
    reader = Reader(layout, head, shape, zone, today)
    found = _look(keeping.opened(import_.file_id), reader, head, replaces=import_.replaces, most=most)
    found.lines_left = import_.lines_total - found.lines
    return found


class Undescribed(Invalid):
    """The layout of a file is not known."""


def check(file: BinaryIO, readable: files.Readable, today: date, zone: ZoneInfo, *, replaces: bool) -> Look:
    """What would become of all records of a file that nobody has kept.

    Invalid where it cannot be taken in; Undescribed where somebody has to describe its layout first.
    """
    found = importing.examine(file, readable)
    if found.layout is None:
        raise Undescribed(
            "file", f"{found.sentence} Describe the layout once on a page: import the file under Calls."
        )
    reader = Reader(found.layout, found.head, found.shape, zone, today)
    text = files.as_utf8(file, found.readable.encoding)
    return _look(text, reader, found.head, replaces=replaces)


def _look(
    file: BinaryIO, reader: Reader, head: Sequence[str], *, replaces: bool, most: int | None = None
) -> Look:
    found, seen = Look(), dict[int, int]()
    moving, may_move = moves.WouldMove(head) if replaces else None, list[_MayMove]()
    for block in files.blocks(file, reader.shape, min(most or importing.CHUNK, importing.CHUNK)):
        new = _add(found, reader.read(block), reader, seen, replaces=replaces)
        if moving and new:
            standing = moving.standing(list({record.call_id for record in new}))
            may_move += [
                _MayMove(record.customer_id, record.call_id, record.amount, standing[record.call_id])
                for record in new
                if record.call_id in standing
            ]
        found.lines += block.lines
        if most and found.lines >= most:
            break
    if moving:
        _move(found, may_move, moving, seen)
    return found


class _MayMove(NamedTuple):
    """A call that stands under its id, with another customer, too: it moves unless the file says it of that one."""

    customer_id: int
    call_id: str
    micros: int
    standing: list[moves.Elsewhere]


def _move(
    found: Look, may_move: Sequence[_MayMove], moving: moves.WouldMove, seen: Mapping[int, int]
) -> None:
    """Count what moves as replaced, and not as new."""
    for one in may_move:
        stays = [of for of in one.standing if hash((of.customer_id, one.call_id)) not in seen]
        if moving.takes(one.customer_id, stays):
            of = found.customers[one.customer_id]
            of.calls -= 1
            of.micros -= one.micros
            found.counts["replaced"] += 1
            found.counts["moved"] += 1


def first_rows(import_: CallImport, at: Waiting, layout: Layout, today: date, zone: ZoneInfo) -> Look:
    """The first records of a file as a layout reads them."""
    assert import_.file_id is not None, "the lines of an import that waits are kept"
    reader, found = Reader(layout, at.heading.head, at.shape, zone, today), Look()
    block = next(files.blocks(keeping.opened(import_.file_id), at.shape, FIRST_ROWS), None)
    if block:
        _add(found, reader.read(block), reader, {}, replaces=True)
    return found


def _add(found: Look, chunk: Chunk, reader: Reader, seen: dict[int, int], *, replaces: bool) -> list[Record]:
    """Count what a chunk comes to; its new calls. `seen` has what the file said before of each call."""
    found.counts["unanswered"] += chunk.unanswered
    found.counts["passed"] += chunk.passed
    bad, new = list(chunk.bad), list[Record]()
    stands = _standing(chunk.records)
    for line, row, record in zip(chunk.lines, chunk.rows, chunk.records, strict=True):
        of = found.customers.get(record.customer_id)
        if of is None:
            id, currency = record.customer_id, reader.customers.currency_of(record.customer_id)
            of = found.customers[id] = OfCustomer(id, reader.customers.names[id], currency)
        key, values = hash((record.customer_id, record.call_id)), hash(record[4:])
        stood = seen.get(key, stands.get((record.customer_id, record.call_id)))
        seen[key] = values
        if stood is None:
            of.calls += 1
            of.micros += record.amount
            new.append(record)
        elif stood == values:
            found.counts["known"] += 1
        elif replaces:
            found.counts["replaced"] += 1
        else:
            bad.append(BadRow(line, row[:-1], OTHER_VALUES, OTHER_VALUES))
    for one in bad:
        reason = found.reasons.setdefault(one.reason, OfReason(one.reason))
        reason.count += 1
        if len(reason.examples) < EXAMPLES:
            reason.examples.append(one)
    days = {record.day for record in chunk.records}
    if days:
        found.first_day = min(date.fromisoformat(min(days)), found.first_day or LAST_DAY)
        found.last_day = max(date.fromisoformat(max(days)), found.last_day or FIRST_DAY)
    if len(found.first) < FIRST_ROWS:
        calls = [
            _as_read(line, record, found.customers[record.customer_id])
            for line, record in zip(chunk.lines[:FIRST_ROWS], chunk.records[:FIRST_ROWS], strict=True)
        ]
        found.first = sorted([*found.first, *calls, *bad], key=lambda row: row.line)[:FIRST_ROWS]
    return new


def _as_read(line: int, record: Record, of: OfCustomer) -> AsRead:
    started_at = datetime.fromisoformat(record.started_at).replace(tzinfo=UTC)
    amount = Decimal(record.amount) / MICROS
    return AsRead(line, of.name, record.destination, started_at, record.seconds, amount, of.currency)


OTHER_VALUES = (
    "The call was already imported with other values. To replace it, start an import that replaces calls."
)


def _standing(records: Sequence[Record]) -> dict[tuple[int, str], int]:
    """What stands of these calls: a number that is another whenever one of its values is."""
    found = {}
    keys = tuple_(Call.customer_id, Call.call_id)
    what = select(
        Call.customer_id,
        Call.call_id,
        Call.started_at,
        Call.day,
        Call.destination,
        Call.seconds,
        Call.amount,
        Call.cost,
    )
    for some in in_chunks([(record.customer_id, record.call_id) for record in records], AT_ONCE):
        for customer_id, call_id, started_at, day, *rest, amount, cost in db.session.execute(
            what.where(keys.in_(some))
        ):
            started = started_at.replace(tzinfo=None).isoformat(" ", "microseconds") if started_at else None
            micros = [None if value is None else int(value * MICROS) for value in (amount, cost)]
            found[customer_id, call_id] = hash((started, day.isoformat(), *rest, *micros))
    return found
