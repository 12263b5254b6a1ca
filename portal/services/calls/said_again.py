"""What files say of calls that other files have, just as these stand: the ids of the calls, many in one row.

A switch that sends the whole month every night says each call many times over. It is asked for only when an import is
undone, so it is kept as small as can be; by blocks of ids, so that few rows have to be looked through for some calls.
"""

import json
from collections.abc import Collection
from datetime import date
from itertools import groupby

from sqlalchemy import (
    CTE,
    JSON,
    BigInteger,
    ColumnElement,
    Date,
    bindparam,
    cast,
    func,
    insert,
    select,
    text,
    true,
    update,
)

from portal.extensions import db
from portal.models import Call, CallsSaidAgain

# So many ids are a block: about as many as a chunk of a file puts in.
BLOCK = 8_192
# The block of a row that only says when something was said.
NONE = -1


def keep(import_id: int, call_ids: Collection[int], came_in_on: date) -> None:
    """Keep that a file says these calls as they stand."""
    rows = [
        {"import_id": import_id, "block": block, "came_in_on": came_in_on, "call_ids": json.dumps(list(ids))}
        for block, ids in groupby(sorted(call_ids), lambda id: id // BLOCK)
    ]
    if rows:
        db.session.execute(insert(CallsSaidAgain), rows)


def next_place(import_id: int, came_in_on: date) -> int:
    """The place of what a file says now among all that is said."""
    values = {"import_id": import_id, "block": NONE, "came_in_on": came_in_on, "call_ids": "[]"}
    return db.session.scalars(insert(CallsSaidAgain).values(values).returning(CallsSaidAgain.id)).one()


def said_again(which: ColumnElement[bool]) -> CTE:
    """The calls (Call) that are as `which` says, as files say them: call_id, import_id, place, came_in_on."""
    again = CallsSaidAgain
    if db.session.connection().dialect.name == "sqlite":
        ids = func.json_each(again.call_ids).table_valued("value")
    else:
        ids = func.json_array_elements_text(cast(again.call_ids, JSON)).table_valued("value")
    id = cast(ids.c.value, BigInteger)
    blocks = select(Call.id // BLOCK).where(which).distinct()
    said = select(id.label("call_id"), again.import_id, again.id.label("place"), again.came_in_on)
    said = said.join_from(again, ids, true()).where(again.block.in_(blocks))
    # Taken apart once: SQLite would do it for each of the calls that it is joined with.
    return said.cte("said_again").prefix_with("MATERIALIZED")


def imports_that_say(call_ids: Collection[int]) -> set[int]:
    """The imports that may have said some of these calls."""
    blocks = {id // BLOCK for id in call_ids}
    query = select(CallsSaidAgain.import_id).where(CallsSaidAgain.block.in_(blocks)).distinct()
    return set(db.session.scalars(query))


OF_CALL = "customer_id, did_id, other_did_id, started_at, day, destination, seconds, amount, cost"
WRITE_OUT = text(
    f"INSERT INTO call_said (call_id, import_id, was_its_own, place, came_in_on, {OF_CALL}) "
    f"SELECT id, :import_id, false, :place, :came_in_on, {OF_CALL} FROM call WHERE id IN :ids ORDER BY id "
    "ON CONFLICT (call_id, import_id) DO NOTHING"
).bindparams(bindparam("ids", expanding=True), bindparam("came_in_on", type_=Date))


def write_out(call_ids: Collection[int]) -> None:
    """Before calls change: keep with each of them what files said of it as it stands."""
    wanted, again = set(call_ids), CallsSaidAgain
    query = select(again.id).where(again.block.in_({id // BLOCK for id in wanted})).order_by(again.id)
    for id in db.session.scalars(query).all():
        while not _is_written_out(id, wanted):
            pass  # what customers of others have in the same row was written out meanwhile


def _is_written_out(id: int, wanted: set[int]) -> bool:
    """Whether a row says nothing of these calls any more: not where somebody else has changed it meanwhile."""
    again = CallsSaidAgain
    query = select(again.import_id, again.came_in_on, again.call_ids).where(again.id == id)
    row = db.session.execute(query).one_or_none()
    found = json.loads(row.call_ids) if row else []
    if row is None or not (ids := wanted.intersection(found)):
        return True
    left = json.dumps([id for id in found if id not in ids])
    as_read = update(again).where(again.id == id, again.call_ids == row.call_ids).values(call_ids=left)
    if db.session.connection().execute(as_read).rowcount != 1:
        return False
    said = {"import_id": row.import_id, "place": id, "came_in_on": row.came_in_on}
    db.session.execute(WRITE_OUT, said | {"ids": sorted(ids)})
    return True
