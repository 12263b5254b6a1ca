"""Locks: what checks a rule and then writes first locks what the rule reads, and reads it under the lock.

On PostgreSQL two acts can be at work at the same moment. Each locks the rows that its rules read, in the ORDER of
their kinds and, within a kind, by id: whoever is second waits, reads what the first one left, and gets the sentence
it would have got a second later. Because everybody keeps the order, nobody ever waits in a circle.

company           its settings, its people's invitations; shared by posting and by calls, whose days it fixes
DID               whose it is, and removing it; shared by assigning to it, and by calls that name it
bank file         its columns, while somebody has to describe them
bank line         what becomes of a line of a bank statement
customer          all that people do with what is a customer's: data, tax rates, assignments, payments, charges,
                  invitations; and what their calls cost. Shared by what only must find them active
package           what it is and charges; shared by assigning it, and by changes that are held against its prices
ConnexCS package  its name, and removing it; shared by a package that gets it
person            what they may do; with all owners, where one of them may be the last
position          where an assignment stands: runs, notices (shared), and what changes what a run would post
charge            what is left to pay of it: allocations, and what runs and reversals take off it
import            how far a file of calls is, and whether it goes on
move import       how far a file to move in with is, and whether it goes on

There is no lock for an assignment, a payment, an allocation or an invitation: it is locked by its owner's row, and
read anew (`read_anew`) once that is held. Nothing but this module says FOR UPDATE. SQLite has one writer at a time
(portal.database) and needs none of it: there the same statements read anew.

What changes is locked FOR NO KEY UPDATE, which lets rows that point to it be added meanwhile, and what only must
stay as it is FOR SHARE. A row is never locked FOR UPDATE before it is deleted: nobody else holds it by then.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, event, inspect, select
from sqlalchemy.orm import Session, SessionTransaction

from portal.extensions import db
from portal.models import (
    AccountCode,
    Assignment,
    AssignmentEnd,
    AssignmentPosition,
    AssignmentPrice,
    AssignmentQuantity,
    BankFile,
    BankLine,
    CallImport,
    Charge,
    Company,
    ConnexcsPackage,
    Contact,
    Customer,
    CustomerTaxRate,
    Did,
    MoveImport,
    Package,
    PackagePrice,
    PackageSchedule,
)
from portal.models.user import User
from portal.services.among import among
from portal.services.chunks import in_chunks

Row = TypeVar("Row")
# A statement that reads objects names so many ids; one that only locks takes so many.
IDS_AT_ONCE = 5_000

ORDER: tuple[type, ...] = (
    Company, Did, BankFile, BankLine, Customer, Package, ConnexcsPackage, User, AssignmentPosition, Charge, CallImport,
    MoveImport,
)  # fmt: skip
# Rows that belong to another one and are read anew with it, by the column that names it.
PARTS: dict[type, tuple[tuple[type, str], ...]] = {
    Package: ((PackagePrice, "package_id"), (PackageSchedule, "package_id")),
    Customer: ((CustomerTaxRate, "customer_id"), (AccountCode, "customer_id"), (Contact, "customer_id")),
    Assignment: (
        (AssignmentQuantity, "assignment_id"),
        (AssignmentPrice, "assignment_id"),
        (AssignmentEnd, "assignment_id"),
    ),
}

log = logging.getLogger("portal.locking")


class OutOfOrder(AssertionError):
    """A lock was taken that could make two acts wait for each other: a fault of the code, nobody's mistake."""


def lock(model: type[Row], ids: Iterable[int | None], *, shared: bool = False) -> list[Row]:
    """Lock rows and read them anew: those that are there, by id. None among the ids means nothing to lock.

    `shared`: they must only stay as they are; others may hold them likewise.
    """
    return _locked(model, ids, shared)


def lock_one(model: type[Row], id: int, *, shared: bool = False) -> Row | None:
    """Lock one row and read it anew; None where there is none (any more)."""
    return next(iter(lock(model, [id], shared=shared)), None)


def lock_ids(model: type[Any], ids: Iterable[int | None], *, shared: bool = False) -> list[int]:
    """Lock very many rows without reading them: the ids of those that are there."""
    key, found = _key(model), []
    has = _taken(db.session()).get(model, {})
    wanted = {id for id in ids if id is not None}
    new = [id for id in sorted(wanted) if id not in has or (not shared and not has[id])]
    for some in in_chunks(new, IDS_AT_ONCE):
        found.extend(lock_where(model, among(key, some), shared=shared))
    return sorted({*found, *(wanted - set(new))})


def lock_where(model: type[Any], *where: ColumnElement[bool], shared: bool = False) -> list[int]:
    """Lock all rows that are as `where` says, by id, without reading them: their ids."""
    session, key = db.session(), _key(model)
    _watch_kind(session, model)
    session.flush()
    query = select(key).select_from(model).where(*where).order_by(key)
    found = list(session.connection().scalars(for_update(query, model, shared)))
    _note(session, model, found, shared)
    return found


def read_anew(model: type[Row], ids: Iterable[int], *options: Any) -> list[Row]:
    """Read rows anew, by id, whose owner is locked: assignments, payments, allocations, invitations."""
    session, wanted = db.session(), sorted(set(ids))
    return _read(session, model, wanted, lambda query: query.options(*options))


def has_locked(model: type[Any], ids: Iterable[int]) -> bool:
    """Whether this transaction has all of these to itself."""
    has = _taken(db.session()).get(model, {})
    return all(has.get(id) for id in ids)


def for_update(query: Select[Any], model: type[Any], shared: bool) -> Select[Any]:
    """The statement that locks what it reads of a kind."""
    return query.with_for_update(of=model, read=shared, key_share=not shared)


def lock_if_free(model: type[Row]) -> Row | None:
    """The one row of a table, locked and read anew; None where somebody else has it, or there is none.

    It never waits, so it cannot make two acts wait for each other and needs no place in the order.
    """
    query = select(model).execution_options(populate_existing=True)
    return db.session.scalars(query.with_for_update(skip_locked=True)).one_or_none()


# -- taking them


def _locked(model: type[Row], ids: Iterable[int | None], shared: bool) -> list[Row]:
    session = db.session()
    wanted = sorted({id for id in ids if id is not None})
    has = _taken(session).get(model, {})
    new = [id for id in wanted if id not in has or (not shared and not has[id])]
    if new:
        _watch_kind(session, model, new)
    rows = _read(session, model, new, lambda query: for_update(query, model, shared))
    _note(session, model, map(_identity, rows), shared)
    # What was read under the lock only we can have changed since; what was only locked is read now.
    known = session.info.setdefault(READ, {}).setdefault(model, set())
    rest = set(wanted) - set(new)
    rows += _read(session, model, sorted(rest - known), lambda query: query)
    rows += [row for id in rest & known if (row := session.get(model, id)) is not None]
    known.update(wanted)
    return sorted(rows, key=_identity)


def _read(session: Session, model: type[Row], ids: Sequence[int], how: Any) -> list[Row]:
    """Objects as they are stored now, with their parts, whatever this session knew of them before."""
    if not ids:
        return []
    session.flush()
    _forget_parts(session, model, set(ids))
    found: list[Row] = []
    key = _key(model)
    for some in in_chunks(ids):
        query = how(select(model).where(among(key, some)).order_by(key))
        found.extend(session.scalars(query.execution_options(populate_existing=True)).unique())
    return found


def _forget_parts(session: Session, model: type[Any], ids: set[int]) -> None:
    parts = PARTS.get(model)
    if not parts:
        return
    for held in list(session.identity_map.values()):
        for part, owner in parts:
            if isinstance(held, part) and held.__dict__.get(owner) in ids:
                session.expire(held)


def _key(model: type[Any]) -> Any:
    return inspect(model).primary_key[0]


def _identity(row: Any) -> int:
    (id,) = inspect(row).identity
    return int(id)


# -- what a transaction holds


Taken = dict[type, dict[int, bool]]  # for each kind its ids, and whether they are held alone
TAKEN, READ, BEFORE = "locks taken", "read under locks", "locks before savepoint"
NOT, LOG, RAISE = "not", "log", "raise"
_watching: ContextVar[str] = ContextVar("watching", default=NOT)


@contextmanager
def watched(how: str = LOG) -> Iterator[None]:
    """In here a transaction is one act: what is locked out of order is logged as an error, or raised.

    (A test, or the demo, makes several acts in one transaction, with nobody beside it.)
    """
    token = _watching.set(how)
    try:
        yield
    finally:
        _watching.reset(token)


def watch(how: str) -> None:
    """The same from now on, in this request."""
    _watching.set(how)


def _taken(session: Session) -> Taken:
    found: Taken = session.info.setdefault(TAKEN, {})
    return found


def _note(session: Session, model: type[Any], ids: Iterable[int], shared: bool) -> None:
    has = _taken(session).setdefault(model, {})
    for id in ids:
        has[id] = has.get(id, False) or not shared


def _watch_kind(session: Session, model: type[Any], ids: Sequence[int] = ()) -> None:
    """Complain of a lock that is not behind all that are held."""
    place = ORDER.index(model)
    if _watching.get() == NOT:
        return
    taken = _taken(session)
    for later in ORDER[place + 1 :]:
        if taken.get(later):
            _complain(f"{model.__name__} is locked after {later.__name__}")
    has = taken.get(model, {})
    if any(id in has for id in ids):
        _complain(f"{model.__name__} is locked alone after it was shared")
    elif ids and has and ids[0] < max(has):
        _complain(f"{model.__name__} {ids[0]} is locked after {max(has)}")


def _complain(sentence: str) -> None:
    if _watching.get() == RAISE:
        raise OutOfOrder(sentence)
    log.error("Locks out of order: %s", sentence, stack_info=True)


@event.listens_for(Session, "after_transaction_create")
def _began(session: Session, transaction: SessionTransaction) -> None:
    if transaction.nested:
        before = {kind: dict(ids) for kind, ids in _taken(session).items()}
        session.info.setdefault(BEFORE, {})[transaction] = before


@event.listens_for(Session, "after_soft_rollback")
def _rolled_back(session: Session, transaction: SessionTransaction) -> None:
    """With a savepoint that is taken back, what was locked since is let go."""
    if transaction.nested and transaction in session.info.get(BEFORE, {}):
        session.info[TAKEN] = session.info[BEFORE][transaction]
        session.info.pop(READ, None)


@event.listens_for(Session, "after_transaction_end")
def _ended(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        for what in (TAKEN, READ, BEFORE):
            session.info.pop(what, None)
