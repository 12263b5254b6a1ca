"""Reading the audit log: what was done, by whom, to what."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    Text,
    and_,
    column,
    func,
    or_,
    select,
    table,
    true,
    union_all,
)

from portal.domain.names import search_words
from portal.domain.phone_numbers import international, parts_to_find
from portal.domain.schedule import FIRST_DAY
from portal.domain.wording import day
from portal.extensions import db
from portal.models import AuditEntry
from portal.services.among import among
from portal.services.audit.watched import OF_NO_CUSTOMER, WATCHED
from portal.services.listing import COUNTED, Sort, told_ids
from portal.services.packages.definition import FIELDS, PRICE_LABELS

# By when it was done, not by when it was written down: an import can tell of days that are past.
NEWEST = Sort((AuditEntry.done_at, AuditEntry.id), descending=True)
# Whatever is watched, and of that what is of one customer.
NOUNS = tuple(dict.fromkeys(watch.noun for watch in WATCHED.values()))
NOUNS_OF_CUSTOMERS = tuple(noun for noun in NOUNS if noun not in OF_NO_CUSTOMER)
NUMBER = re.compile(r"\+\d{7,15}\b")
# What a person calls the fields that the log keeps under their stored names.
LABELS = {
    **{name: field.label for name, field in FIELDS.items()},
    **PRICE_LABELS,
    "did_id": "DID",
    "package_id": "Package",
    "customer_id": "Customer",
    "start_date": "Start Date",
    "end_date": "End Date",
    "auto_decrement_credit": "Auto Decrement Credit",
}


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One act, the name of what it was done to, and each field that changed: its label, what it was, what it is."""

    entry: AuditEntry
    label: str
    changes: list[tuple[str, str, str]]


def find_entries(
    text: str = "",
    noun: str = "",
    noun_id: int | None = None,
    *,
    overrides: bool = False,
    customer_id: int | None = None,
) -> Select[AuditEntry]:
    """The acts that hold every word of `text`, or the number that it is, on one kind of thing, or on one thing.

    `customer_id`: on a customer, and on all that is, or was, theirs when it was done.
    """
    query = select(AuditEntry).where(_is_said(text, AuditEntry.search_key))
    if noun:
        query = query.where(AuditEntry.noun == noun)
    if customer_id is not None:
        query = query.where(AuditEntry.customer_id == customer_id)
    if noun_id is not None:
        query = query.where(AuditEntry.noun_id == noun_id)
    if overrides:
        query = query.where(AuditEntry.overrides)
    if not text.strip():
        return query
    # In their order SQLite would look through all that there are once more, wherever they lie, to fill a page of few.
    is_narrow = noun or customer_id is not None or overrides
    found = query.with_only_columns(AuditEntry.id) if is_narrow else _ids(query, text)
    ids = told_ids(found.limit(COUNTED + 1))
    return select(AuditEntry).where(among(AuditEntry.id, ids)) if len(ids) <= COUNTED else query


def _is_said(text: str, key: Any) -> ColumnElement[bool]:
    """Whether a key holds every word of a text, or the number that it is."""
    words = and_(true(), *(key.contains(word, autoescape=True) for word in search_words(text)))
    return or_(words, *map(key.contains, parts_to_find(text)))


def _ids(query: Select[AuditEntry], text: str) -> Select[int] | CompoundSelect[int]:
    """The ids of what a query finds: on SQLite with the texts of many entries as one (migrations/parts.py)."""
    ids = query.with_only_columns(AuditEntry.id)
    if db.engine.dialect.name == "postgresql":
        return ids
    many = table("part_audit_entry", column("id"), column("since"), column("texts", Text))
    last = select(func.coalesce(func.max(many.c.id), 0)).scalar_subquery()
    among_them = ids.join(many, AuditEntry.id.between(many.c.since, many.c.id)).where(
        _is_said(text, many.c.texts)
    )
    return union_all(among_them, ids.where(AuditEntry.id > last))


def latest_of_customer(customer_id: int, most: int) -> list[AuditLine]:
    """The latest acts on a customer and on what is theirs."""
    query = find_entries(customer_id=customer_id).order_by(*(column.desc() for column in NEWEST.columns))
    return [audit_line(entry) for entry in db.session.scalars(query.limit(most))]


def noun_choices(nouns: Sequence[str]) -> list[tuple[str, str]]:
    """What a list of acts can be narrowed to, in words."""
    return [("", "Everything"), *((noun, noun[:1].upper() + noun[1:]) for noun in nouns)]


def audit_line(entry: AuditEntry) -> AuditLine:
    """An act as it is shown; a DID in its name as people read it."""
    before, after = json.loads(entry.before or "{}"), json.loads(entry.after or "{}")
    names = list(dict.fromkeys([*before, *after]))
    return AuditLine(
        entry,
        NUMBER.sub(lambda number: international(number[0]), entry.label),
        [(label(name), shown(before.get(name), name), shown(after.get(name), name)) for name in names],
    )


def label(name: str) -> str:
    """A stored name as the forms call it."""
    return LABELS.get(name, name.replace("_", " ").capitalize())


def shown(value: Any, name: str = "") -> str:
    """A value of the log as text; the number of another thing as #7."""
    if value is None or value == "":
        return "nothing"
    if name.endswith("_id") and isinstance(value, int):
        return f"#{value}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    text = str(value)
    if name in PRICE_LABELS:  # kept without the zeros at its end
        return f"{text}0" if text[-2:-1] == "." else text
    try:
        on = date.fromisoformat(text)
    except ValueError:
        return text
    return "the beginning" if on == FIRST_DAY else day(on)
