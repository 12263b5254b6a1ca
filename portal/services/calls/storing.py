"""Calls into the database, a chunk at a time: each once, known by customer and call id.

Both databases pass over what is there already in one statement; only where that happened are the calls of the
chunk compared with what stands. What a file says of calls that are not its own is kept until all of it is in
(portal.services.calls.changes).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import chain
from operator import itemgetter
from typing import Any

from sqlalchemy import func, select

from portal.domain.csv_files.cells import short
from portal.domain.wording import listed
from portal.extensions import db
from portal.models import Call, CallChange, CallImport
from portal.services.calls import changes, moves, said_again
from portal.services.calls.rows import BadRow, Chunk, Record
from portal.services.chunks import in_chunks
from portal.services.copying import AT_A_TIME

COLUMNS = (
    "customer_id", "call_id", "did_id", "other_did_id", "started_at", "day", "destination", "seconds", "amount", "cost",
    "came_in_on", "import_id",
)  # fmt: skip
NAMES = ", ".join(COLUMNS)
BACK, NULL = "\\", "\\N"
BY_CUSTOMER = itemgetter(COLUMNS.index("customer_id"))
ALIKE = "A row above is alike in customer, numbers, start time and seconds: the call was counted once."
PASS_OVER = "ON CONFLICT (customer_id, call_id) DO NOTHING"
# On PostgreSQL, what was copied (s) with the calls that stand (c). Each is found by the index of these two columns, and
# that alone has the order that is asked for (`_staged`): to join them, all calls there are would be read.
STAGED = (
    "FROM call_stage AS s JOIN LATERAL (SELECT * FROM call WHERE customer_id = s.customer_id "
    "AND call_id >= s.call_id ORDER BY call_id LIMIT 1) AS c ON c.call_id = s.call_id"
)


@dataclass(slots=True)
class Stored:
    """What became of a chunk: taken anew, known already, replaced, and the bad ones among them.

    `alike` are those known already that the same file said before.
    `reached` is, for customers whose calls change that were there before, the first day that this reaches.
    """

    taken: int = 0
    known: int = 0
    replaced: int = 0
    bad: list[BadRow] = field(default_factory=list)
    alike: list[BadRow] = field(default_factory=list)
    reached: dict[int, date] = field(default_factory=dict)


def store(chunk: Chunk, came_in_on: date, import_id: int, replaces: bool) -> Stored:
    """Put the calls of a chunk in. Said again alike, one is passed over; else it is bad, or replaces what stands."""
    moved = [] if replaces else moves.without_moved(chunk)
    if not chunk.records:
        return Stored(bad=moved)
    before = _newest()
    inserted = _insert(chunk.records, came_in_on.isoformat(), import_id)
    if inserted == len(chunk.records):
        return Stored(taken=inserted, bad=moved)
    stored = _compare(chunk, before, came_in_on, import_id, replaces)
    stored.bad += moved
    return stored


def _newest() -> int:
    return db.session.scalar(select(func.max(Call.id))) or 0


def _driver() -> Any:
    return db.session.connection().connection.driver_connection


def _is_sqlite() -> bool:
    return db.session.connection().dialect.name == "sqlite"


def _insert(records: Sequence[Record], came_in_on: str, import_id: int) -> int:
    """Insert those that are not there; how many."""
    return (_insert_sqlite if _is_sqlite() else _copy)(records, came_in_on, import_id)


def _insert_sqlite(records: Sequence[Record], came_in_on: str, import_id: int) -> int:
    """Some rows a statement: each by itself takes twice as long (portal.services.copying).

    The calls of a customer one after the other, as they stand in its index: that takes two thirds of the time. Of a
    call that the file says twice the first still counts.
    """
    row = f"(?,?,?,?,?,?,?,?,?,?,'{date.fromisoformat(came_in_on)}',{import_id:d})"
    driver, inserted = _driver(), 0
    for some in in_chunks(sorted(records, key=BY_CUSTOMER), AT_A_TIME):
        sql = f"INSERT INTO call ({NAMES}) VALUES {','.join([row] * len(some))} {PASS_OVER}"
        inserted += driver.execute(sql, tuple(chain.from_iterable(some))).rowcount
    return inserted


def _copy(records: Sequence[Record], came_in_on: str, import_id: int) -> int:
    """COPY into a table of this transaction, and from there what is not there yet.

    In one order, whatever the file's: of two files with the same calls one waits for the other, and never both. Of a
    call that the file says twice the first counts.
    """
    with _driver().cursor() as cursor:
        cursor.execute(
            'CREATE TEMP TABLE IF NOT EXISTS call_stage (customer_id bigint, call_id text COLLATE "C", did_id bigint, '
            'other_did_id bigint, started_at timestamp, day date, destination text COLLATE "C", seconds int, '
            "amount bigint, cost bigint) ON COMMIT DELETE ROWS"
        )
        cursor.execute("TRUNCATE call_stage")
        with cursor.copy("COPY call_stage FROM STDIN") as copy:
            copy.write(_as_copied(records))
    # Not by the driver alone: should it be made to wait in a circle all the same, whoever called can try again.
    inserted = db.session.connection().exec_driver_sql(
        f"INSERT INTO call ({NAMES}) SELECT customer_id, call_id, did_id, other_did_id, "
        f"started_at AT TIME ZONE 'UTC', day, destination, seconds, amount, cost, %s, %s "
        f"FROM call_stage ORDER BY call_id, customer_id, ctid {PASS_OVER}",
        (date.fromisoformat(came_in_on), import_id),
    )
    return int(inserted.rowcount)


def _as_copied(records: Sequence[Record]) -> str:
    """The records as COPY reads them."""
    return "".join(
        f"{customer}\t{call_id.replace(BACK, BACK * 2)}\t{NULL if did is None else did}"
        f"\t{NULL if other is None else other}\t{started}\t{day}\t{number.replace(BACK, BACK * 2)}\t{length}"
        f"\t{amount}\t{NULL if cost is None else cost}\n"
        for customer, call_id, did, other, started, day, number, length, amount, cost in records
    )


# -- what stands already


@dataclass(slots=True)
class _Stands:
    """A call that stands in the database, as this file may have changed it before.

    `fresh` until it was met in the chunk that put it there; `kept` where this file has said something of it.
    """

    id: int
    import_id: int | None
    values: tuple[Any, ...]
    dids: tuple[int | None, int | None]
    fresh: bool
    kept: bool


def _compare(chunk: Chunk, before: int, came_in_on: date, import_id: int, replaces: bool) -> Stored:
    """Find out of each call of a chunk whether it was taken, known, or known with other values."""
    stored, stands = Stored(), _standing(chunk.records, before, import_id)
    others = set(db.session.scalars(select(CallImport.id).where(CallImport.is_at_work()))) - {import_id}
    said: dict[int, Record] = {}
    own: dict[int, Record] = {}
    again: set[int] = set()
    also: dict[int, Record] = {}
    for line, row, record in zip(chunk.lines, chunk.rows, chunk.records, strict=True):
        stood = stands[record.customer_id, record.call_id]
        if _is_alike(stood, record):
            if stood.fresh:
                stored.taken += 1
            else:
                stored.known += 1
                if stood.import_id == import_id:
                    stored.alike.append(BadRow(line, row[:-1], ALIKE, ALIKE))
            stood.fresh = False
            if stood.import_id != import_id and not stood.kept:
                # What may change without anybody's lock, or has changed, is kept as it is said.
                if replaces or stood.import_id in others or stood.dids != record[2:4]:
                    also.setdefault(stood.id, record)
                else:
                    again.add(stood.id)
            if stood.import_id in others and not stood.kept:
                # That one may never be done: then it is this file's.
                said[stood.id] = record._replace(did_id=stood.dids[0], other_did_id=stood.dids[1])
                stood.kept = True
                _reach(stored, record.customer_id, record.day)
        elif replaces:
            stored.replaced += 1
            (own if stood.import_id == import_id else said)[stood.id] = record
            _reach(stored, record.customer_id, min(stood.values[1], record.day))
            stood.values, stood.dids, stood.kept = record[4:], record[2:4], True
        else:
            stored.bad.append(BadRow(line, row[:-1], *_differs(stood, record)))
    said_again.keep(import_id, again, came_in_on)
    _keep_said(also, came_in_on, import_id)
    changes.replace(own, came_in_on)
    changes.keep(import_id, said, came_in_on)
    return stored


SAID = COLUMNS[0], *COLUMNS[2:]


def _keep_said(said: dict[int, Record], came_in_on: date, import_id: int) -> None:
    """Keep what this file says, too, of calls that are other files', by their ids: the first that it says of each."""
    if not said:
        return
    place = said_again.next_place(import_id, came_in_on)
    names, once = ", ".join(SAID), "ON CONFLICT (call_id, import_id) DO NOTHING"
    if _is_sqlite():
        rows = [
            (id, record[0], *record[2:], came_in_on.isoformat(), import_id)
            for id, record in sorted(said.items())
        ]
        marks = ",".join("?" * len(rows[0]))
        _driver().executemany(
            f"INSERT INTO call_said (was_its_own, place, call_id, {names}) VALUES (false,{place:d},{marks}) {once}",
            rows,
        )
        return
    _staged(
        f"INSERT INTO call_said (was_its_own, place, call_id, {names}) "
        "SELECT false, %s, c.id, s.customer_id, s.did_id, s.other_did_id, s.started_at AT TIME ZONE 'UTC', "
        "s.day, s.destination, s.seconds, s.amount, s.cost, %s, %s "
        f"{STAGED} WHERE c.id = ANY(%s) ORDER BY c.id, s.ctid {once}",
        (place, came_in_on, import_id, list(said)),
    )


def _staged(statement: str, values: Sequence[Any] | None = None) -> Any:
    """Execute what reads STAGED, by that index whatever PostgreSQL takes for quickest.

    Where the table was last counted as it was empty, it takes one call for all there are: each would be found by
    reading all calls of its customer, and sorting that one.
    """
    driver = _driver()
    driver.execute("SET LOCAL enable_sort = off")
    found = driver.execute(statement, values)
    driver.execute("SET LOCAL enable_sort = on")
    return found


def _reach(stored: Stored, customer_id: int, text: str) -> None:
    day = date.fromisoformat(text)
    stored.reached[customer_id] = min(stored.reached.get(customer_id, day), day)


def _is_alike(stood: _Stands, record: Record) -> bool:
    """Whether a call is said again alike. That a DID was not known at one of the times makes no difference."""
    return stood.values == record[4:] and (
        stood.dids == record[2:4]
        or all(
            one == other or one is None or other is None
            for one, other in zip(stood.dids, record[2:4], strict=True)
        )
    )


def _differs(stood: _Stands, record: Record) -> tuple[str, str]:
    """Why a call that is there already with other values is bad: the sentence, and what such rows have in common."""
    words = ("start time", "day", "destination", "seconds", "charge", "cost")
    pairs = zip(words, stood.values, record[4:], strict=True)
    names = [word for word, one, other in pairs if one != other] or ["DID"]
    if "start time" in names and "day" in names:
        names.remove("day")
    what = (
        f"already imported with another {listed(names)}. To replace it, start an import that replaces calls."
    )
    return f"Call {short(record.call_id)} was {what}", f"The call was {what}"


SQLITE_VALUES = "{0}.started_at, {0}.day, {0}.destination, {0}.seconds, {0}.amount, {0}.cost"
POSTGRESQL_VALUES = SQLITE_VALUES.replace(
    "{0}.started_at, {0}.day",
    "to_char({0}.started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), {0}.day::text",
)
OF_CALL = "c.id, c.import_id, c.customer_id, c.call_id, c.did_id, c.other_did_id, "
OF_CHANGE = "w.call_id, w.did_id, w.other_did_id, "


def _standing(records: Sequence[Record], before: int, import_id: int) -> dict[tuple[int, str], _Stands]:
    """The calls of the chunk as they stand, by customer and call id; where this file changes one, as it says."""
    values = SQLITE_VALUES if _is_sqlite() else POSTGRESQL_VALUES
    wanted, changed = f"SELECT {OF_CALL}{values.format('c')}", ""
    if db.session.scalar(select(CallChange.call_id).where(CallChange.import_id == import_id).limit(1)):
        wanted += f", {OF_CHANGE}{values.format('w')}"
        changed = f"LEFT JOIN call_change AS w ON w.call_id = c.id AND w.import_id = {import_id:d}"
    if _is_sqlite():
        keys = json.dumps([(record.customer_id, record.call_id) for record in records])
        rows = _driver().execute(
            f"{wanted} FROM json_each(?) AS k CROSS JOIN call AS c "
            "ON c.customer_id = json_extract(k.value, '$[0]') AND c.call_id = json_extract(k.value, '$[1]') "
            f"{changed}",
            (keys,),
        )
    else:
        rows = _staged(f"{wanted} {STAGED} {changed}")
    found = {}
    for (
        id, came_with, customer, call_id, did, other, started, day, number, length, amount, cost, *change,
    ) in rows:  # fmt: skip
        stands, dids = (started, day, number, length, amount, cost), (did, other)
        kept = bool(change) and change[0] is not None
        if kept:
            stands, dids = tuple(change[3:]), (change[1], change[2])
        is_fresh = id > before and came_with == import_id
        found[customer, call_id] = _Stands(id, came_with, stands, dids, is_fresh, kept)
    return found
