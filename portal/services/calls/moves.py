"""Calls that move from one customer to another, with an import that replaces calls (billing-rules 10).

A call moves where its id stands under another customer, came from files of the same layout, and the file that replaces
does not say it of that customer, too: a call may have two ends, each of them charged. That is known once all of the
file is in. The call then keeps its row, and what the file says is one more change of it.

It commits: some calls at a time.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, delete, func, insert, select, tuple_, update
from sqlalchemy.orm import aliased

from portal.domain.csv_files.cells import short
from portal.extensions import db
from portal.models import Call, CallChange, CallImport, CallMove, CallSaid, Customer
from portal.models.call import TAKEN_BACK
from portal.models.raw_tables import raw_table
from portal.services import locking
from portal.services.calls.changes import VALUES
from portal.services.calls.rows import BadRow, Chunk
from portal.services.chunks import in_chunks
from portal.services.csv.layouts import digest_of

AT_ONCE = 2_000
MOVED = "The call was moved to another customer. To move it back, start an import that replaces calls."
CALL, CHANGE, MOVE, SAID = (raw_table(model) for model in (Call, CallChange, CallMove, CallSaid))


class Pair(NamedTuple):
    """A call as a file has it, by its id, and the call of another customer that it is."""

    new: int
    old: int
    to: int
    whose: int


# -- once all of a file is in


def find(import_id: int) -> None:
    """Let calls of a file be what they were under other customers. It commits; done again, it changes nothing."""
    sources, last = _of_the_same_layout(import_id), 0
    has_sources = db.session.scalar(sources.limit(1)) is not None
    while has_sources and (pairs := _pairs(import_id, sources, Call.id > last)):
        last = pairs[-1].new
        locking.lock_ids(Customer, {id for pair in pairs for id in (pair.to, pair.whose)})
        here = Call.id.in_([pair.new for pair in pairs])
        _let_be(import_id, [pair for pair in _pairs(import_id, sources, here) if pair in pairs])
        db.session.commit()


def _of_the_same_layout(import_id: int) -> Select[int]:
    """The imports of files with the same columns, but for those that are taken back: very many, after some years."""
    stands = CallImport.state.not_in(TAKEN_BACK)
    own = db.session.scalar(select(CallImport.head).where(CallImport.id == import_id, stands))
    return _with_columns(json.loads(own) if own else None).where(CallImport.id != import_id)


def _with_columns(own: Sequence[str] | None) -> Select[int]:
    heads = () if own is None else db.session.scalars(select(CallImport.head).distinct()).all()
    alike = [head for head in heads if digest_of(json.loads(head)) == digest_of(own or ())]
    return select(CallImport.id).where(CallImport.head.in_(alike), CallImport.state.not_in(TAKEN_BACK))


def _pairs(import_id: int, sources: Select[int], which: ColumnElement[bool]) -> list[Pair]:
    """Calls of a file (those that are as `which` says) that stand under another customer; of several the oldest."""
    old = aliased(Call)
    said = select(CallSaid.id).where(CallSaid.call_id == old.id, CallSaid.import_id == import_id)
    changed = select(CallChange.call_id).where(
        CallChange.call_id == old.id, CallChange.import_id == import_id
    )
    query = (
        select(Call.id, old.id, Call.customer_id, old.customer_id)
        .join(old, (old.call_id == Call.call_id) & (old.customer_id != Call.customer_id))
        .join(Customer, Customer.id == old.customer_id)
        .where(Call.import_id == import_id, which, old.import_id.in_(sources))
        .where(Customer.archived_on.is_(None))  # whose account stands still
        .where(~said.exists(), ~changed.exists())
        .order_by(Call.id, old.id)
        .limit(AT_ONCE)
    )
    found: list[Pair] = []
    news, olds = set[int](), set[int]()
    for row in db.session.execute(query):
        pair = Pair(*row)
        if pair.new not in news and pair.old not in olds:
            found.append(pair)
            news.add(pair.new)
            olds.add(pair.old)
    return found


def _let_be(import_id: int, pairs: Sequence[Pair]) -> None:
    """Let what a file has as new calls be changes of those that were there, whose customers are locked."""
    by_id = {pair.new: pair for pair in pairs}
    rows = db.session.execute(select(CALL).where(CALL.c.id.in_(list(by_id))).order_by(CALL.c.id)).all()
    if not rows:
        return
    made: list[dict[str, Any]] = []
    moves: list[dict[str, Any]] = []
    for row in rows:
        pair, values = by_id[row.id], row._mapping
        change = {name: values[name] for name in VALUES}
        made.append({"import_id": import_id, "call_id": pair.old, "customer_id": pair.to, **change})
        whose = {"from_customer_id": pair.whose, "to_customer_id": pair.to}
        of_call = {name: values[name] for name in ("call_id", "day", "amount")}
        moves.append({"import_id": import_id, "moved_id": pair.old, **whose, **of_call})
    connection = db.session.connection()
    connection.execute(insert(CHANGE), made)
    connection.execute(insert(MOVE), moves)
    for pair in by_id.values():
        for table in (SAID, CHANGE):  # what other files say of it
            has = table.alias()
            there = select(has.c.call_id).where(
                has.c.call_id == pair.old, has.c.import_id == table.c.import_id
            )
            moved = update(table).where(table.c.call_id == pair.new, ~there.exists())
            connection.execute(moved.values(call_id=pair.old))
    connection.execute(delete(CALL).where(CALL.c.id.in_(list(by_id))))
    counts = {
        "taken_count": CallImport.taken_count - len(rows),
        "replaced_count": CallImport.replaced_count + len(rows),
    }
    connection.execute(update(CallImport).where(CallImport.id == import_id).values(counts))


# -- while a file is read


def without_moved(chunk: Chunk) -> list[BadRow]:
    """Take from a chunk the calls that were moved away from the customer whom it says: they are bad rows."""
    if not chunk.records or not db.session.scalar(select(CallMove.moved_id).limit(1)):
        return []
    keys, away = tuple_(CallMove.from_customer_id, CallMove.call_id), set[tuple[int, str]]()
    moved = select(CallMove.from_customer_id, CallMove.call_id).join(
        Call, (Call.id == CallMove.moved_id) & (Call.customer_id != CallMove.from_customer_id)
    )
    for some in in_chunks([(record.customer_id, record.call_id) for record in chunk.records], AT_ONCE):
        away |= {(row[0], row[1]) for row in db.session.execute(moved.where(keys.in_(some)))}
    if not away:
        return []
    bad, kept = [], []
    for line, row, record in zip(chunk.lines, chunk.rows, chunk.records, strict=True):
        if (record.customer_id, record.call_id) in away:
            bad.append(BadRow(line, row[:-1], f"Call {short(record.call_id)}: {MOVED}", MOVED))
        else:
            kept.append((line, row, record))
    chunk.lines, chunk.rows, chunk.records = (
        [one[0] for one in kept],
        [one[1] for one in kept],
        [one[2] for one in kept],
    )
    return bad


# -- to be looked at


class Elsewhere(NamedTuple):
    """A call that stands under a customer, and may become another one's."""

    id: int
    customer_id: int


class WouldMove:
    """Which calls a file that replaces would move, found out as it is looked at: `head` names its columns."""

    def __init__(self, head: Sequence[str]) -> None:
        self._sources = _with_columns(head)
        self._has_sources = db.session.scalar(self._sources.limit(1)) is not None
        self._taken = set[int]()

    def standing(self, call_ids: Sequence[str]) -> dict[str, list[Elsewhere]]:
        """The calls with these ids that files of the same layout brought in, the oldest first."""
        found: dict[str, list[Elsewhere]] = defaultdict(list)
        for some in in_chunks(call_ids if self._has_sources else ()):
            query = (
                select(Call.call_id, Call.id, Call.customer_id)
                .join(Customer, Customer.id == Call.customer_id)
                .where(Call.call_id.in_(some), Call.import_id.in_(self._sources))
                .where(Customer.archived_on.is_(None))  # whose account stands still
            )
            for call_id, id, customer_id in db.session.execute(query.order_by(Call.id)):
                found[call_id].append(Elsewhere(id, customer_id))
        return found

    def takes(self, customer_id: int, standing: Sequence[Elsewhere]) -> bool:
        """Whether a call of a customer is one of those that stand, which then is no other's."""
        for one in standing:
            if one.customer_id != customer_id and one.id not in self._taken:
                self._taken.add(one.id)
                return True
        return False


class Moved(NamedTuple):
    """Calls that an import has moved: how many, and the first of them."""

    calls: int
    first: list[CallMove]


def moved_by(import_id: int, most: int) -> Moved:
    """What an import has moved, by day."""
    of_import = CallMove.import_id == import_id
    count = db.session.scalar(select(func.count()).where(of_import)) or 0
    query = select(CallMove).where(of_import).order_by(CallMove.day, CallMove.moved_id).limit(most)
    return Moved(count, list(db.session.scalars(query)) if count else [])


def all_moved_by(import_id: int) -> Iterator[CallMove]:
    """All that an import has moved, by day."""
    query = select(CallMove).where(CallMove.import_id == import_id)
    yield from db.session.scalars(query.order_by(CallMove.day, CallMove.moved_id))
