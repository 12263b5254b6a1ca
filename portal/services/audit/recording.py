"""The audit log: who did what to which thing when, with before and after.

What is watched is written down as the session writes it, in the same transaction, so that no act can be
forgotten and none is logged that did not happen. What a statement changes without objects (a run's charges)
is told by the row that commands it (the run).
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from hashlib import sha256
from typing import Any

from sqlalchemy import event, insert, inspect
from sqlalchemy.orm import Session, configure_mappers

from portal.domain.names import search_key
from portal.domain.wording import digits, whole
from portal.extensions import db
from portal.models import AuditEntry, BalanceEntry, Did, EntrySource
from portal.services.audit.watched import MASKED, QUIET, WATCHED, Watch

LABEL_LONGEST = 250


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: their e-mail, what they may do, where from, what they say about it; and when, if not now."""

    by: str
    role: str = ""
    address: str = ""
    comment: str = ""
    at: datetime | None = None


NOBODY = Actor("")
_actor: ContextVar[Actor] = ContextVar("actor", default=NOBODY)
_clock: list[Callable[[], datetime]] = []


def act_as(actor: Actor) -> None:
    """From now on, in this request or command, what is written is this person's act."""
    _actor.set(actor)


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """What is written in here is this person's act."""
    before = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(before)


def register(clock: Callable[[], datetime]) -> None:
    """Watch every session; `clock` says when an act is done."""
    _clock[:] = [clock]
    configure_mappers()
    for model, watch in WATCHED.items():
        for name in watch.fields:
            # Else a value that was not read before it is replaced would be told as having been nothing.
            getattr(model, name).impl.active_history = True
    if not event.contains(Session, "after_flush", _after_flush):
        event.listen(Session, "before_flush", _before_flush)
        event.listen(Session, "after_flush", _after_flush)


def _before_flush(session: Session, _context: Any, _some: Any) -> None:
    """Say of what was taken out of its owner's list that it is deleted: it would go without being told."""
    for owner in session.dirty:
        state = inspect(owner)
        for list_ in state.mapper.relationships:
            if list_.cascade.delete_orphan:
                for part in state.attrs[list_.key].history.deleted or ():
                    if part in session and inspect(part).persistent:
                        session.delete(part)


def _after_flush(session: Session, _context: Any) -> None:
    rows = [
        row
        for act, things in (("added", session.new), ("changed", session.dirty), ("removed", session.deleted))
        for thing in things
        if (watch := WATCHED.get(type(thing)))
        for row in _entries(act, thing, watch)
    ]
    _write(session, rows)


def tell_added(model: type, rows: Iterable[Any]) -> None:
    """Write down that a statement has added rows of a watched kind. Each has what is told of the kind's objects."""
    _write(db.session(), [line for row in rows for line in _entries("added", row, WATCHED[model])])


def _write(session: Session, lines: Sequence[dict[str, Any]]) -> None:
    if lines:
        session.connection().execute(insert(AuditEntry.__table__), lines)


def _entries(act: str, thing: Any, watch: Watch) -> list[dict[str, Any]]:
    """The lines of the log that tell of it: one; none where nothing that is told has changed."""
    before, after = _values(act, thing, watch.fields)
    if act == "changed" and not after:
        return []
    if act == "changed" and type(thing) in QUIET and QUIET[type(thing)].isdisjoint(after):
        return []
    if isinstance(thing, BalanceEntry) and thing.source != EntrySource.ADJUSTMENT:
        return []
    if act == "changed" and isinstance(thing, Did) and before.get("customer_id"):
        return _handed_on(thing, watch, before, after)
    return [
        line(
            _named(act, before, after), watch.noun, watch.id(thing), watch.label(thing), before, after,
            customer_id=watch.customer(thing), overrides="override_reason" in after and bool(after["override_reason"]),
        )
    ]  # fmt: skip


def _handed_on(did: Did, watch: Watch, before: dict[str, Any], after: dict[str, Any]) -> list[dict[str, Any]]:
    """A DID left a customer: a line of whom it left, and one of whom it went to, so that either's history tells it."""
    left, came_to = before["customer_id"], after.get("customer_id")
    name, said = watch.label(did), (watch.noun, watch.id(did))
    gone = line("changed", *said, name, {"customer_id": left}, {"customer_id": None}, customer_id=left)
    before, after = before | {"customer_id": None}, dict(after)
    if not came_to:
        del before["customer_id"], after["customer_id"]
    come = line(_named("changed", before, after), *said, name, before, after, customer_id=came_to)
    return [gone, come] if after else [gone]


def line(
    act: str,
    noun: str,
    noun_id: int | None,
    label: str,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    *,
    customer_id: int | None = None,
    overrides: bool = False,
) -> dict[str, Any]:
    """A line of the log as it is stored, by whoever acts."""
    actor = _actor.get()
    return {
        "done_at": actor.at or _clock[0](),
        "done_by": actor.by,
        "role": actor.role,
        "address": actor.address,
        "act": act,
        "noun": noun,
        "noun_id": noun_id,
        "customer_id": customer_id,
        "label": label[:LABEL_LONGEST],
        "before": json.dumps(before or {}, ensure_ascii=False),
        "after": json.dumps(after or {}, ensure_ascii=False),
        "comment": actor.comment,
        "overrides": overrides,
        "search_key": search_key(" ".join((actor.by, act, noun, label, actor.comment))),
    }


def _values(act: str, thing: Any, fields: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, Any]]:
    before, after = {}, {}
    for name in fields:
        if act == "added":
            if (value := plain(getattr(thing, name))) not in ("", None, [], False):
                after[name] = value
            continue
        state = inspect(thing)
        history = state.attrs[name].history
        many = state.mapper.relationships.get(name) is not None
        gone, same, come = ([*(some or ())] for some in (history.deleted, history.unchanged, history.added))
        if act == "removed":  # as it was, also where it was changed before it went
            before[name] = plain([*gone, *same] if many else next(iter(gone or same), None))
        elif history.has_changes():
            was = [*gone, *same] if many else next(iter(gone), None)
            now = [*come, *same] if many else next(iter(come), None)
            if plain(was) != plain(now):
                before[name], after[name] = plain(was), plain(now)
    for name in fields:
        mask = MASKED.get((type(thing), name))
        for values in (before, after):
            if mask and values.get(name):
                values[name] = mask(values[name])
    return before, after


def _named(act: str, before: dict[str, Any], after: dict[str, Any]) -> str:
    """The act in the trade's words, where there is one."""
    if after.get("undone_on"):
        return "undone"
    if act == "changed":
        if "done_at" in after:
            return "ticked off" if after["done_at"] else "taken up again"
        if "withdrawn_on" in after:
            return "withdrawn"
        if "archived_on" in after:
            return "archived" if after["archived_on"] else "restored"
        if "end_date" in after:
            return "ended" if after["end_date"] else "end removed"
        if "active" in after:
            return "reactivated" if after["active"] else "deactivated"
    if act == "added":
        return {"reversal": "reversed", "assigned": "assigned", "ended": "ended", "archived": "archived"}.get(
            str(after.get("kind")), act
        )
    return act


def plain(value: Any) -> Any:
    """A value as the log keeps it: text, number, or a list of them."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Decimal):
        return digits(value)
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return sorted((plain(item) for item in value), key=str)
    if isinstance(value, bytes):  # a picture: that it is another one, not what it shows
        return f"picture {sha256(value).hexdigest()[:8]}, {whole(len(value))} bytes"
    if value is None or isinstance(value, bool | int | str):
        return value
    return getattr(value, "name", str(value))
