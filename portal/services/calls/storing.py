"""Calls into the database, a chunk at a time: each once, known by customer and call id.

Both databases pass over what is there already in one statement; only where that happened are the calls of the
chunk compared with what stands.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import bindparam, delete, func, select, update

from portal.extensions import db
from portal.models import Call, CallCover
from portal.models.raw_tables import raw_table
from portal.services.calls.rows import BadRow, Chunk, Record
from portal.services.calls.values import short

COLUMNS = (
    "customer_id", "call_id", "did_id", "other_did_id", "started_at", "day", "destination", "seconds", "amount", "cost",
    "came_in_on", "import_id",
)  # fmt: skip
NAMES = ", ".join(COLUMNS)
BACK, NULL = "\\", "\\N"
CALL = raw_table(Call)
PASS_OVER = "ON CONFLICT (customer_id, call_id) DO NOTHING"


@dataclass(slots=True)
class Stored:
    """What became of a chunk: taken anew, known already, replaced, and the bad ones among them.

    `reached` is, for customers whose call moved to another day, the first day that this reaches.
    """

    taken: int = 0
    known: int = 0
    replaced: int = 0
    bad: list[BadRow] = field(default_factory=list)
    reached: dict[int, date] = field(default_factory=dict)


def store(chunk: Chunk, came_in_on: date, import_id: int, replaces: bool) -> Stored:
    """Put the calls of a chunk in. Said again alike, one is passed over; else it is bad, or replaces what stands."""
    if not chunk.records:
        return Stored()
    before = _newest()
    inserted = _insert(chunk.records, came_in_on.isoformat(), import_id)
    if inserted == len(chunk.records):
        return Stored(taken=inserted)
    return _compare(chunk, before, came_in_on, import_id, replaces)


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
    day = date.fromisoformat(came_in_on)
    sql = f"INSERT INTO call ({NAMES}) VALUES (?,?,?,?,?,?,?,?,?,?,'{day}',{import_id:d}) {PASS_OVER}"
    return int(_driver().executemany(sql, records).rowcount)


def _copy(records: Sequence[Record], came_in_on: str, import_id: int) -> int:
    """COPY into a table of this transaction, and from there what is not there yet."""
    with _driver().cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE IF NOT EXISTS call_stage (customer_id bigint, call_id text, did_id bigint, "
            "other_did_id bigint, started_at timestamp, day date, destination text, seconds int, amount bigint, "
            "cost bigint) ON COMMIT DELETE ROWS"
        )
        cursor.execute("TRUNCATE call_stage")
        with cursor.copy("COPY call_stage FROM STDIN") as copy:
            copy.write(_as_copied(records))
        cursor.execute(
            f"INSERT INTO call ({NAMES}) SELECT customer_id, call_id, did_id, other_did_id, "
            f"started_at AT TIME ZONE 'UTC', day, destination, seconds, amount, cost, %s, %s "
            f"FROM call_stage {PASS_OVER}",
            (date.fromisoformat(came_in_on), import_id),
        )
        return int(cursor.rowcount)


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
    """A call that stands in the database; `fresh` until it was met in the chunk that put it there."""

    id: int
    values: tuple[Any, ...]
    dids: tuple[int | None, int | None]
    fresh: bool


def _compare(chunk: Chunk, before: int, came_in_on: date, import_id: int, replaces: bool) -> Stored:
    """Find out of each call of a chunk whether it was taken, known, or known with other values."""
    stored, stands, replaced = Stored(), _standing(chunk.records, before), []
    for line, row, record in zip(chunk.lines, chunk.rows, chunk.records, strict=True):
        stood = stands[record.customer_id, record.call_id]
        if _is_alike(stood, record):
            if stood.fresh:
                stored.taken += 1
            else:
                stored.known += 1
            stood.fresh = False
        elif replaces:
            stored.replaced += 1
            replaced.append((stood.id, record))
            for day in map(date.fromisoformat, (stood.values[1], record.day)):
                stored.reached[record.customer_id] = min(stored.reached.get(record.customer_id, day), day)
            stood.values, stood.dids = record[4:], record[2:4]
        else:
            stored.bad.append(BadRow(line, row[:-1], _differs(stood, record)))
    _replace(replaced, came_in_on, import_id)
    return stored


def _is_alike(stood: _Stands, record: Record) -> bool:
    """Whether a call is said again alike. That a DID was not known at one of the times makes no difference."""
    return stood.values == record[4:] and all(
        one == other or one is None or other is None
        for one, other in zip(stood.dids, record[2:4], strict=True)
    )


def _differs(stood: _Stands, record: Record) -> str:
    words = ("start time", "day", "destination", "seconds", "charge", "cost")
    pairs = zip(words, stood.values, record[4:], strict=True)
    names = [word for word, one, other in pairs if one != other] or ["DID"]
    if "start time" in names and "day" in names:
        names.remove("day")
    return (
        f"Call {short(record.call_id)} was already imported with another {' and '.join(names)}. "
        "To replace it, start an import that replaces calls."
    )


def _standing(records: Sequence[Record], before: int) -> dict[tuple[int, str], _Stands]:
    """The calls of the chunk as they stand, by customer and call id."""
    if _is_sqlite():
        keys = json.dumps([(record.customer_id, record.call_id) for record in records])
        rows = _driver().execute(
            "SELECT c.id, c.customer_id, c.call_id, c.did_id, c.other_did_id, c.started_at, c.day, c.destination, "
            "c.seconds, c.amount, c.cost FROM json_each(?) AS k CROSS JOIN call AS c "
            "ON c.customer_id = json_extract(k.value, '$[0]') AND c.call_id = json_extract(k.value, '$[1]')",
            (keys,),
        )
    else:
        rows = _driver().execute(
            "SELECT c.id, c.customer_id, c.call_id, c.did_id, c.other_did_id, "
            "to_char(c.started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), c.day::text, c.destination, "
            "c.seconds, c.amount, c.cost FROM call_stage AS s "
            "JOIN call AS c ON c.customer_id = s.customer_id AND c.call_id = s.call_id"
        )
    return {
        (customer, call_id): _Stands(id, values, (did, other), id > before)
        for id, customer, call_id, did, other, *rest in rows
        if (values := tuple(rest))
    }


def _replace(replaced: list[tuple[int, Record]], came_in_on: date, import_id: int) -> None:
    """Let calls be what is said of them now; what covered them is worked out anew."""
    if not replaced:
        return
    db.session.execute(delete(CallCover).where(CallCover.call_id.in_([id for id, _ in replaced])))
    rows = [
        {
            **record._asdict(),
            "this": id,
            "started_at": datetime.fromisoformat(record.started_at).replace(tzinfo=UTC),
            "day": date.fromisoformat(record.day),
            "came_in_on": came_in_on,
            "import_id": import_id,
            "covered_seconds": 0,
            "covered_amount": 0,
        }
        for id, record in replaced
    ]
    names = [name for name in rows[0] if name != "this"]
    query = (
        update(CALL).where(CALL.c.id == bindparam("this")).values({name: bindparam(name) for name in names})
    )
    db.session.connection().execute(query, rows)
