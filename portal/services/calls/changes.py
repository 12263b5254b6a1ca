"""What a file says of calls that it found there: kept while it is taken in, done once all of it is in.

What a call was before is kept as well (CallSaid): it is that again when the import is undone.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, func, insert, select, true, update

from portal.extensions import db
from portal.models import Call, CallChange, CallCover, CallImport, CallSaid
from portal.models.raw_tables import raw_table
from portal.services.calls import said_again
from portal.services.calls.counting import imports_to_come
from portal.services.calls.rows import Record
from portal.services.chunks import in_chunks

CALL, CHANGE, SAID = raw_table(Call), raw_table(CallChange), raw_table(CallSaid)
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
    rows = [
        {"import_id": import_id, "call_id": id, "customer_id": said[id].customer_id}
        | _values(said[id], came_in_on)
        for id in sorted(said)
    ]
    if rows:
        db.session.connection().execute(insert(CHANGE), rows)


def replace(said: Mapping[int, Record], came_in_on: date) -> None:
    """Let calls of the same file, which count nowhere yet, be what it says of them now."""
    rows = [{"this": id} | _values(said[id], came_in_on) for id in sorted(said)]
    if rows:
        said_again.write_out(said)
        new: dict[str, Any] = {name: bindparam(name) for name in VALUES}
        query = update(CALL).where(CALL.c.id == bindparam("this")).values(new)
        db.session.connection().execute(query, rows)
        for some in in_chunks(sorted(said), AT_ONCE):  # what it said before the calls were its own
            own = select(CALL.c.id).where(CALL.c.id == SAID.c.call_id, CALL.c.import_id == SAID.c.import_id)
            db.session.connection().execute(delete(SAID).where(SAID.c.call_id.in_(some), own.exists()))


def moved_to(import_id: int, customer_ids: Collection[int]) -> dict[int, date]:
    """The customers to whom calls of these customers move with a file, each with the first day that this reaches."""
    query = (
        select(CallChange.customer_id, func.min(CallChange.day))
        .join(Call, Call.id == CallChange.call_id)
        .where(CallChange.import_id == import_id, Call.customer_id.in_(customer_ids))
        .where(CallChange.customer_id != Call.customer_id)
        .group_by(CallChange.customer_id)
    )
    return {row[0]: row[1] for row in db.session.execute(query)}


def carry_out(import_id: int, customer_ids: Collection[int]) -> None:
    """Do what a file says of calls of customers, who are locked: what covered these is to be worked out anew.

    A file that replaces has the last word, also on whose a call is: those to whom calls move are locked, too. One that
    does not takes over what no other file that is done has said.
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
        said_again.write_out(db.session.scalars(in_change).all())
        _keep_what_was(import_id, CALL.c.id.in_(in_change))
        db.session.execute(
            delete(CallCover)
            .where(CallCover.call_id.in_(in_change))
            .execution_options(synchronize_session=False)
        )
        new: dict[str, Any] = {name: CHANGE.c[name] for name in VALUES}
        new |= {"customer_id": CHANGE.c.customer_id, "import_id": import_id}
        new |= {"covered_seconds": 0, "covered_amount": 0}
        db.session.connection().execute(update(CALL).where(named).values(new))
    elif to_come := imports_to_come():
        is_to_come = CALL.c.import_id.in_(to_come)
        _keep_what_was(import_id, CALL.c.id.in_(select(CallChange.call_id).where(mine)) & is_to_come)
        query = update(CALL).where(named, is_to_come).values(import_id=import_id)
        db.session.connection().execute(query)
    db.session.execute(delete(CallChange).where(mine).execution_options(synchronize_session=False))
    for known in list(db.session.identity_map.values()):
        if isinstance(known, Call):
            db.session.expire(known)


def _keep_what_was(import_id: int, which: ColumnElement[bool]) -> None:
    """Keep calls as they are before they become a file's; what that file has said of them before is their own now."""
    names = ("import_id", "customer_id", *VALUES)
    was = CALL.c.import_id.is_distinct_from(import_id)
    kept = select(SAID.c.id).where(
        SAID.c.call_id == CALL.c.id, SAID.c.import_id.is_not_distinct_from(CALL.c.import_id)
    )
    calls = select(CALL.c.id, true(), *(CALL.c[name] for name in names)).where(which, was, ~kept.exists())
    connection = db.session.connection()
    connection.execute(
        insert(SAID).from_select(["call_id", "was_its_own", *names], calls.order_by(CALL.c.id))
    )
    found = select(CALL.c.id).where(which)
    connection.execute(delete(SAID).where(SAID.c.import_id == import_id, SAID.c.call_id.in_(found)))


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
