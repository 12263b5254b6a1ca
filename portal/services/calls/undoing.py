"""Undoing an import of calls: they leave, or become what other files say of them (billing-rules 16).

A call that a later file also held is that file's then; a call that the import has replaced is again what it was. What
follows is worked out as for late calls: free minutes, minimum spends, balances. The days that it reaches are stored
with the calls that leave, so that nothing is lost wherever it stops. Calls of archived customers are left and named.

It commits: some calls, then some customers, at a time. Killed anywhere, it goes on when it is asked for again; done by
several at once, it comes to the same.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    delete,
    func,
    insert,
    literal,
    select,
    tuple_,
    type_coerce,
    update,
)
from sqlalchemy.exc import IntegrityError, OperationalError

from portal.database import make_room, make_way
from portal.domain.errors import Invalid, RuleBroken, WayOut
from portal.domain.wording import whole
from portal.extensions import db
from portal.models import (
    Call,
    CallChange,
    CallCover,
    CallImport,
    CallSaid,
    CallsSaidAgain,
    Customer,
    Did,
    ImportState,
    ImportUndo,
    ImportUndoCustomer,
)
from portal.models.call import TAKEN_BACK
from portal.models.raw_tables import raw_table
from portal.services import locking
from portal.services.again import again_and_again
from portal.services.calls import effects, importing, keeping, said_again
from portal.services.calls.changes import VALUES
from portal.services.calls.effects import too_late
from portal.services.calls.would_undo import OF_CUSTOMER, Tally, heirs_of
from portal.services.charges.by_hand import REASON_LONGEST
from portal.services.chunks import in_chunks
from portal.services.planner import count_anew

CHUNK = 4_000
CUSTOMERS = 500
# An import of fewer calls is undone while one waits.
SMALL = importing.SMALL
# What the database says where two were at work on the same calls.
MET = (OperationalError, IntegrityError)
CALL, CHANGE, SAID = raw_table(Call), raw_table(CallChange), raw_table(CallSaid)

Clock = Callable[[], datetime]
log = logging.getLogger("portal.calls")


def undoings_of(import_: CallImport) -> list[ImportUndo]:
    """How an import was undone, the latest first."""
    query = select(ImportUndo).where(ImportUndo.import_id == import_.id)
    return list(db.session.scalars(query.order_by(ImportUndo.id.desc())))


def check_can_be_undone(import_: CallImport, now: datetime) -> None:
    """RuleBroken for an import that is still at work, or of which nothing is in."""
    to_import = WayOut("Show the import", "calls.show", {"import_id": import_.id})
    if import_.state == ImportState.RUNNING and not importing.is_interrupted(import_, now):
        raise RuleBroken(f"{import_.file_name} is still being imported. Stop the import first.", to_import)
    counts = (import_.taken_count, import_.replaced_count, import_.known_count)
    if import_.state == ImportState.DISCARDED or not any(counts):
        raise RuleBroken("Nothing was imported from this file, so there is nothing to undo.", to_import)
    if import_.state == ImportState.UNDONE and not has_calls(import_):
        raise RuleBroken("Nothing of this import is left to undo.", to_import)


def can_be_undone(import_: CallImport, now: datetime) -> bool:
    """Whether it can be undone, or undoing it can be gone on with."""
    try:
        check_can_be_undone(import_, now)
    except RuleBroken:
        return False
    return import_.state != ImportState.UNDOING or importing.is_silent(import_, now)


def has_calls(import_: CallImport) -> bool:
    """Whether any call is this import's."""
    return db.session.scalar(select(Call.id).where(Call.import_id == import_.id).limit(1)) is not None


def start_undoing(import_: CallImport, reason: str, *, by: str, now: datetime) -> ImportUndo:
    """A new undoing with nothing done yet, or the one that was interrupted, to go on with.

    Invalid names `reason`; RuleBroken where the import cannot be undone, or somebody is at it.
    """
    locking.lock(CallImport, [import_.id])
    check_can_be_undone(import_, now)
    if import_.state == ImportState.UNDOING:
        if not importing.is_silent(import_, now):
            to_import = WayOut("Show the import", "calls.show", {"import_id": import_.id})
            raise RuleBroken("This import is already being undone.", to_import)
        import_.heartbeat_at = now
        return undoings_of(import_)[0]
    if not reason.strip():
        raise Invalid("reason", "Enter why it is undone: the reason is kept.")
    if len(reason) > REASON_LONGEST:
        raise Invalid("reason", f"Too long: {whole(REASON_LONGEST)} characters at most.")
    count = db.session.scalar(select(func.count()).where(Call.import_id == import_.id)) or 0
    undo = ImportUndo(
        import_id=import_.id, reason=reason.strip(), due_count=count, started_by=by, started_at=now
    )
    db.session.add(undo)
    import_.state, import_.heartbeat_at = ImportState.UNDOING, now
    db.session.flush()
    return undo


def carry_out(
    import_id: int,
    today: date,
    clock: Clock,
    size: int = CHUNK,
    say: Callable[[ImportUndo], object] = bool,
    is_asked_to_stop: Callable[[], bool] = bool,
) -> ImportUndo:
    """Undo an import to the end, as far as that has come: some calls at a time, then what follows for customers."""
    import_ = db.session.get_one(CallImport, import_id)
    undo = undoings_of(import_)[0]
    undo_id = undo.id
    if import_.state != ImportState.UNDOING:
        return undo
    is_large = undo.due_count > SMALL
    if is_large:
        make_room(db.session.connection())
    count_anew(*importing.OF_CALLS)
    take_back, settle, last = again_and_again(_take_back, MET), again_and_again(_settle, MET), 0
    while ids := _calls_after(import_id, last, size):
        if is_asked_to_stop():
            return undo
        take_back(undo_id, import_id, ids, today, clock())
        last = ids[-1]
        say(undo)
        if is_large:
            make_way(db.engine)
    for forget in (_forget_changes, _forget_said):
        forget_some = again_and_again(forget, MET)
        while forget_some(import_id, size):
            if is_asked_to_stop():
                return undo
            if is_large:
                make_way(db.engine)
    while customers := _to_settle(undo_id):
        if is_asked_to_stop():
            return undo
        settle(undo_id, import_id, customers, today, clock())
        say(undo)
        if is_large:
            make_way(db.engine)
    return _finish(undo_id, import_id, clock())


def _calls_after(import_id: int, last: int, size: int) -> list[int]:
    query = select(Call.id).where(Call.import_id == import_id, Call.id > last).order_by(Call.id).limit(size)
    return list(db.session.scalars(query))


class _Of(NamedTuple):
    """A call of the import, and what it becomes: `to` no customer where no other file says anything of it.

    Without `said_id` it stays as it is, and is the file's that says it again.
    """

    id: int
    customer_id: int
    day: date
    micros: int
    said_id: int | None
    import_id: int | None
    came_in_on: date | None
    to: int | None
    new_day: date | None
    new_micros: int | None


def _take_back(undo_id: int, import_id: int, ids: Sequence[int], today: date, now: datetime) -> None:
    """Let calls leave, or become what others say of them, and keep what that takes from whom."""
    archived = _lock(ids)
    found = _of_calls(import_id, ids)
    taken = [of for of in found if not archived & {of.customer_id, of.to}]
    given = [of for of in taken if of.to]
    _give_back(given)
    rest = [of.id for of in taken if not of.to]
    came = _let_changes_be(rest)
    db.session.execute(
        delete(Call)
        .where(Call.id.in_([id for id in rest if id not in came]))
        .execution_options(synchronize_session=False)
    )
    came_too = [*came.values(), *_split_off({of.id: of.said_id for of in given if of.said_id})]
    tallies: dict[int, Tally] = defaultdict(Tally)
    late = too_late(today)

    def tell(customer_id: int, day: date, micros: int, calls: int) -> None:
        tally, is_late = tallies[customer_id], day < late
        tally.calls, tally.micros = tally.calls + calls, tally.micros + micros
        tally.reach(day, day, day if is_late else None, day if is_late else None)

    for of in taken:
        tell(of.customer_id, of.day, of.micros, 1)
        if of.to and of.new_day:
            tell(of.to, of.new_day, -(of.new_micros or 0), 0)
    for one in came_too:
        tell(one.customer_id, one.day, -one.micros, 0)
    _keep(undo_id, tallies)
    counts = {
        "done_count": ImportUndo.done_count + len(taken),
        "given_count": ImportUndo.given_count + len(given) + len(came),
    }
    db.session.execute(update(ImportUndo).where(ImportUndo.id == undo_id).values(counts))
    _beat(import_id, now)


def _lock(ids: Sequence[int]) -> set[int]:
    """Lock what calls, and what is said of them, name; whoever of the customers is archived."""
    said = select(CallSaid.did_id, CallSaid.other_did_id, CallSaid.customer_id, CallSaid.import_id).where(
        CallSaid.call_id.in_(ids)
    )
    rows = db.session.execute(said).all()
    locking.lock_ids(Did, {id for row in rows for id in row[:2]}, shared=True)
    customers = set(db.session.scalars(select(Call.customer_id).where(Call.id.in_(ids)).distinct()))
    customers |= {row.customer_id for row in rows}
    changes = select(CallChange.customer_id).where(CallChange.call_id.in_(ids))
    customers |= set(db.session.scalars(changes))
    locking.lock_ids(Customer, customers)
    # Whoever undoes one of these imports comes before this, or after it.
    imports = {row.import_id for row in rows} | said_again.imports_that_say(ids)
    of_others = select(CallImport.id).where(CallImport.id.in_(imports), CallImport.state.not_in(TAKEN_BACK))
    locking.lock_ids(CallImport, list(db.session.scalars(of_others)), shared=True)
    archived = select(Customer.id).where(Customer.id.in_(customers), Customer.archived_on.is_not(None))
    return set(db.session.scalars(archived))


def _of_calls(import_id: int, ids: Sequence[int]) -> list[_Of]:
    heirs = heirs_of(Call.id.in_(ids))
    become = {
        row[0]: row[1:]
        for row in db.session.execute(
            select(
                heirs.c.call_id, heirs.c.said_id, heirs.c.import_id, heirs.c.came_in_on, heirs.c.customer_id,
                heirs.c.day, type_coerce(heirs.c.amount, BigInteger).label("micros"),
            )
        )
    }  # fmt: skip
    query = select(
        Call.id, Call.customer_id, Call.day, type_coerce(Call.amount, BigInteger).label("micros")
    ).where(Call.import_id == import_id, Call.id.in_(ids))
    nothing = (None,) * 6
    rows = db.session.execute(query.order_by(Call.id))
    return [_Of(*row, *become.get(row.id, nothing)) for row in rows]


OF_FILE = (*VALUES, "customer_id", "import_id")


def _give_back(given: Sequence[_Of]) -> None:
    """Let calls be what others say of them. What they say is kept: in its place, for the next time."""
    ids = [of.id for of in given]
    db.session.execute(
        delete(CallCover).where(CallCover.call_id.in_(ids)).execution_options(synchronize_session=False)
    )
    connection, uncovered = db.session.connection(), {"covered_seconds": 0, "covered_amount": 0}
    if changed := [of for of in given if of.said_id]:
        said_again.write_out([of.id for of in changed])
        which = (CALL.c.id == SAID.c.call_id) & SAID.c.id.in_([of.said_id for of in changed])
        connection.execute(update(CALL).where(which).values(_as_said() | uncovered))
    stay = defaultdict(list)
    for of in given:
        if not of.said_id:
            stay[of.import_id, of.came_in_on].append(of.id)
    for (import_id, came_in_on), ids in stay.items():
        new = {"import_id": import_id, "came_in_on": came_in_on} | uncovered
        connection.execute(update(CALL).where(CALL.c.id.in_(ids)).values(new))
    for known in list(db.session.identity_map.values()):
        if isinstance(known, Call):
            db.session.expire(known)


def _as_said() -> dict[str, Any]:
    """What a row of CallSaid says of a call. A DID that was deleted meanwhile is none any more."""
    said: dict[str, Any] = {name: SAID.c[name] for name in OF_FILE}
    for name in ("did_id", "other_did_id"):
        said[name] = select(Did.id).where(Did.id == SAID.c[name]).scalar_subquery()
    return said


class _Came(NamedTuple):
    """A call that came to a customer when another one's was undone."""

    customer_id: int
    day: date
    micros: int


def _let_changes_be(ids: Sequence[int]) -> dict[int, _Came]:
    """Let calls that no other file has said be the calls of imports at work that are going to; which they are."""
    query = select(func.min(CallChange.import_id), CallChange.call_id).where(CallChange.call_id.in_(ids))
    query = query.join(CallImport, (CallImport.id == CallChange.import_id) & CallImport.is_at_work())
    owners = {row[1]: row[0] for row in db.session.execute(query.group_by(CallChange.call_id))}
    if not owners:
        return {}
    which = tuple_(CHANGE.c.call_id, CHANGE.c.import_id).in_(list(owners.items()))
    db.session.execute(
        delete(CallCover).where(CallCover.call_id.in_(owners)).execution_options(synchronize_session=False)
    )
    new: dict[str, Any] = {name: CHANGE.c[name] for name in OF_FILE}
    new |= {"covered_seconds": 0, "covered_amount": 0}
    connection = db.session.connection()
    said = select(CHANGE.c.call_id, CHANGE.c.customer_id, CHANGE.c.day, CHANGE.c.amount).where(which)
    came = {row[0]: _Came(*row[1:]) for row in connection.execute(said)}
    connection.execute(update(CALL).where(CALL.c.id == CHANGE.c.call_id, which).values(new))
    connection.execute(delete(CHANGE).where(which))
    return came


def _split_off(given: Mapping[int, int]) -> list[_Came]:
    """Let what files say of calls that had moved be calls of their own, once these have moved back.

    `given` has for each call the row of CallSaid that it became: what was said later of another customer was said of
    the call where it had been moved to.
    """
    later = (
        select(
            SAID.c.id,
            SAID.c.call_id,
            SAID.c.customer_id,
            SAID.c.day,
            SAID.c.amount,
            CALL.c.call_id.label("key"),
        )
        .join(CALL, CALL.c.id == SAID.c.call_id)
        .join(CallImport, CallImport.id == SAID.c.import_id)
        .where(SAID.c.call_id.in_(given), SAID.c.customer_id != CALL.c.customer_id)
        .where(CallImport.state.not_in(TAKEN_BACK))
        .order_by(SAID.c.id)
    )
    came, made = [], dict[tuple[int, int], int]()
    connection = db.session.connection()
    for row in connection.execute(later).all():
        if row.id < given[row.call_id]:
            continue
        this = SAID.c.id == row.id
        whose = (row.call_id, row.customer_id)
        if whose not in made:
            stands = (CALL.c.call_id == row.key) & (CALL.c.customer_id == row.customer_id)
            id = connection.scalar(select(CALL.c.id).where(stands))
            if id is None:
                said = _as_said()
                values = select(literal(row.key), *said.values()).where(this)
                connection.execute(insert(CALL).from_select(["call_id", *said], values))
                id = connection.execute(select(CALL.c.id).where(stands)).scalar_one()
                came.append(_Came(row.customer_id, row.day, row.amount))
            made[whose] = id
        connection.execute(update(SAID).where(this).values(call_id=made[whose]))
    return came


def _keep(undo_id: int, tallies: Mapping[int, Tally]) -> None:
    """Add to what was taken from customers, who are locked: what follows from it is to be worked out."""
    table, connection = OF_CUSTOMER, db.session.connection()
    for some in in_chunks(sorted(tallies)):
        query = select(table).where(table.c.undo_id == undo_id, table.c.customer_id.in_(some))
        for row in connection.execute(query).all():
            tally = tallies[row.customer_id]
            tally.calls, tally.micros = tally.calls + row.call_count, tally.micros + row.amount
            tally.reach(row.first_day, row.last_day, row.late_from, row.late_through)
        which = (table.c.undo_id == undo_id) & table.c.customer_id.in_(some)
        connection.execute(delete(table).where(which))
        rows = [
            {
                "undo_id": undo_id, "customer_id": id, "first_day": of.first_day, "last_day": of.last_day,
                "late_from": of.late_from, "late_through": of.late_through, "call_count": of.calls,
                "amount": of.micros, "is_settled": False,
            }
            for id in some if (of := tallies[id])
        ]  # fmt: skip
        connection.execute(insert(table), rows)


def _beat(import_id: int, now: datetime) -> None:
    """Say that somebody is at it."""
    db.session.execute(update(CallImport).where(CallImport.id == import_id).values(heartbeat_at=now))


def _forget_changes(import_id: int, size: int) -> bool:
    """Forget what the import was going to say of calls, some at a time; whether there was any."""
    query = select(CallChange.call_id).where(CallChange.import_id == import_id)
    ids = list(db.session.scalars(query.order_by(CallChange.call_id).limit(size)))
    which = (CallChange.import_id == import_id) & CallChange.call_id.in_(ids)
    db.session.execute(delete(CallChange).where(which).execution_options(synchronize_session=False))
    return bool(ids)


def _forget_said(import_id: int, size: int) -> bool:
    """Forget what it says of calls that are others', some at a time; whether there was any."""
    again = delete(CallsSaidAgain).where(CallsSaidAgain.import_id == import_id)
    db.session.execute(again.execution_options(synchronize_session=False))
    query = select(CallSaid.id).where(CallSaid.import_id == import_id).order_by(CallSaid.id).limit(size)
    ids = list(db.session.scalars(query))
    db.session.execute(
        delete(CallSaid).where(CallSaid.id.in_(ids)).execution_options(synchronize_session=False)
    )
    return bool(ids)


def _to_settle(undo_id: int) -> list[int]:
    of = ImportUndoCustomer
    query = select(of.customer_id).where(of.undo_id == undo_id, of.is_settled.is_(False))
    return list(db.session.scalars(query.order_by(of.customer_id).limit(CUSTOMERS)))


def _settle(undo_id: int, import_id: int, customers: Collection[int], today: date, now: datetime) -> None:
    """Work out what follows for customers."""
    locking.lock_ids(Customer, customers)
    of = ImportUndoCustomer
    which = (of.undo_id == undo_id) & of.customer_id.in_(customers)
    reached = select(of.customer_id, of.first_day).where(which, of.is_settled.is_(False))
    days = {row[0]: row[1] for row in db.session.execute(reached)}
    if days:
        effects.settle(days, today, now)
    db.session.execute(
        update(of).where(which).values(is_settled=True).execution_options(synchronize_session=False)
    )
    _beat(import_id, now)


def _finish(undo_id: int, import_id: int, now: datetime) -> ImportUndo:
    """Say that an import is undone; the lines of one that was stopped are needed no more."""
    (import_,) = locking.lock(CallImport, [import_id])
    undo = db.session.get_one(ImportUndo, undo_id, populate_existing=True)
    file_id = import_.file_id
    if import_.state == ImportState.UNDOING:
        import_.state, import_.file_id, undo.finished_at = ImportState.UNDONE, None, now
        log.info("Import undone", extra={"import": import_id, "calls": undo.done_count})
    db.session.commit()
    if file_id is not None:
        keeping.let_go(file_id)
    return undo
