"""What a file says of calls that it found there: kept while it is taken in, done once all of it is in."""

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update

from portal.extensions import db
from portal.models import Call, CallChange, CallCover, CallImport
from portal.models.raw_tables import raw_table
from portal.services.calls.counting import imports_to_come
from portal.services.calls.rows import Record
from portal.services.chunks import in_chunks

CALL, CHANGE = raw_table(Call), raw_table(CallChange)
AT_ONCE = 5_000
VALUES = (
    "did_id", "other_did_id", "started_at", "day", "destination", "seconds", "amount", "cost", "came_in_on",
)  # fmt: skip


def keep(import_id: int, said: Mapping[int, Record], came_in_on: date) -> None:
    """Keep what is said of calls, by their ids, in place of what the same file said of them before."""
    for some in in_chunks(sorted(said), AT_ONCE):
        db.session.execute(
            delete(CallChange).where(CallChange.import_id == import_id, CallChange.call_id.in_(some))
        )
    rows = [{"import_id": import_id, "call_id": id} | _values(said[id], came_in_on) for id in sorted(said)]
    if rows:
        db.session.connection().execute(insert(CHANGE), rows)


def replace(said: Mapping[int, Record], came_in_on: date) -> None:
    """Let calls of the same file, which count nowhere yet, be what it says of them now."""
    rows = [{"this": id} | _values(said[id], came_in_on) for id in sorted(said)]
    if rows:
        new: dict[str, Any] = {name: bindparam(name) for name in VALUES}
        query = update(CALL).where(CALL.c.id == bindparam("this")).values(new)
        db.session.connection().execute(query, rows)


def carry_out(import_id: int, customer_ids: Collection[int]) -> None:
    """Do what a file says of calls of customers, who are locked: what covered these is to be worked out anew.

    A file that replaces has the last word. One that does not takes over what no other file that is done has said.
    """
    theirs = select(Call.id).where(Call.customer_id.in_(customer_ids))
    mine = (CallChange.import_id == import_id) & CallChange.call_id.in_(theirs)
    if not db.session.scalar(select(CallChange.call_id).where(mine).limit(1)):
        return
    named = (
        (CALL.c.id == CHANGE.c.call_id)
        & (CHANGE.c.import_id == import_id)
        & CALL.c.customer_id.in_(customer_ids)
    )
    if db.session.get_one(CallImport, import_id).replaces:
        in_change = select(CallChange.call_id).where(mine)
        db.session.execute(
            delete(CallCover)
            .where(CallCover.call_id.in_(in_change))
            .execution_options(synchronize_session=False)
        )
        new: dict[str, Any] = {name: CHANGE.c[name] for name in VALUES}
        new |= {"import_id": import_id, "covered_seconds": 0, "covered_amount": 0}
        db.session.connection().execute(update(CALL).where(named).values(new))
    elif to_come := imports_to_come():
        query = update(CALL).where(named, CALL.c.import_id.in_(to_come)).values(import_id=import_id)
        db.session.connection().execute(query)
    db.session.execute(delete(CallChange).where(mine).execution_options(synchronize_session=False))
    for known in list(db.session.identity_map.values()):
        if isinstance(known, Call):
            db.session.expire(known)


def _values(record: Record, came_in_on: date) -> dict[str, Any]:
    return {
        "did_id": record.did_id,
        "other_did_id": record.other_did_id,
        "started_at": datetime.fromisoformat(record.started_at).replace(tzinfo=UTC),
        "day": date.fromisoformat(record.day),
        "destination": record.destination,
        "seconds": record.seconds,
        "amount": record.amount,
        "cost": record.cost,
        "came_in_on": came_in_on,
    }
