"""The audit log: who did what to which thing when, with before and after.

What is watched is written down as the session writes it, in the same transaction, so that no act can be
forgotten and none is logged that did not happen. What a statement changes without objects (a run's charges)
is told by the row that commands it (the run).
"""

import json
from collections.abc import Callable, Iterator
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
from portal.models import AuditEntry, BalanceEntry, EntrySource
from portal.services.audit.watched import QUIET, WATCHED, Watch

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
        event.listen(Session, "after_flush", _after_flush)


def _after_flush(session: Session, _context: Any) -> None:
    rows = [
        row
        for act, things in (("added", session.new), ("changed", session.dirty), ("removed", session.deleted))
        for thing in things
        if (watch := WATCHED.get(type(thing))) and (row := _entry(act, thing, watch))
    ]
    if rows:
        session.connection().execute(insert(AuditEntry.__table__), rows)


def _entry(act: str, thing: Any, watch: Watch) -> dict[str, Any] | None:
    """One line of the log; None where nothing that is told has changed."""
    before, after = _values(act, thing, watch.fields)
    if act == "changed" and not after:
        return None
    if act == "changed" and type(thing) in QUIET and QUIET[type(thing)] not in after:
        return None
    if isinstance(thing, BalanceEntry) and thing.source != EntrySource.ADJUSTMENT:
        return None
    return line(
        _named(act, before, after), watch.noun, watch.id(thing), watch.label(thing), before, after,
        customer_id=watch.customer(thing), overrides="override_reason" in after and bool(after["override_reason"]),
    )  # fmt: skip


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
    state = inspect(thing)
    before, after = {}, {}
    for name in fields:
        if act == "changed":
            history = state.attrs[name].history
            if not history.has_changes():
                continue
            many = state.mapper.relationships.get(name) is not None
            was = [*history.deleted, *history.unchanged] if many else next(iter(history.deleted or ()), None)
            now = [*history.added, *history.unchanged] if many else next(iter(history.added or ()), None)
            if plain(was) != plain(now):
                before[name], after[name] = plain(was), plain(now)
        elif act == "added":
            if (value := plain(getattr(thing, name))) not in ("", None, [], False):
                after[name] = value
        else:
            before[name] = plain(state.dict.get(name))
    return before, after


def _named(act: str, before: dict[str, Any], after: dict[str, Any]) -> str:
    """The act in the trade's words, where there is one."""
    if after.get("undone_on"):
        return "undone"
    if act == "changed":
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
