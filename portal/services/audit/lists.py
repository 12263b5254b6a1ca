"""Reading the audit log: what was done, by whom, to what."""

import json
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, and_, or_, select, true

from portal.domain.names import search_words
from portal.domain.phone_numbers import parts_to_find
from portal.domain.wording import day
from portal.models import AuditEntry
from portal.services.bulk_acts import SEVERAL
from portal.services.listing import Sort
from portal.services.packages.definition import FIELDS, PRICE_LABELS

NEWEST = Sort((AuditEntry.id,), descending=True)
NOUNS = (
    "package", "customer", "DID", "assignment", "charge", "balance", "payment", "payment back", "run",
    "import", "settings", "person", "ConnexCS package", SEVERAL,
)  # fmt: skip
# What a person calls the fields that the log keeps under their stored names.
LABELS = {
    **{name: field.label for name, field in FIELDS.items()},
    **PRICE_LABELS,
    "did_id": "DID",
    "package_id": "Package",
    "customer_id": "Customer",
}


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One act, with each field that changed: its label, what it was, what it is."""

    entry: AuditEntry
    changes: list[tuple[str, str, str]]


def find_entries(
    text: str = "", noun: str = "", noun_id: int | None = None, *, overrides: bool = False
) -> Select[AuditEntry]:
    """The acts that hold every word of `text`, or the number that it is, on one kind of thing, or on one thing."""
    holds = AuditEntry.search_key.contains
    words = and_(true(), *(holds(word, autoescape=True) for word in search_words(text)))
    query = select(AuditEntry).where(or_(words, *map(holds, parts_to_find(text))))
    if noun:
        query = query.where(AuditEntry.noun == noun)
    if noun_id is not None:
        query = query.where(AuditEntry.noun_id == noun_id)
    return query.where(AuditEntry.overrides) if overrides else query


def audit_line(entry: AuditEntry) -> AuditLine:
    """An act as it is shown."""
    before, after = json.loads(entry.before or "{}"), json.loads(entry.after or "{}")
    names = list(dict.fromkeys([*before, *after]))
    return AuditLine(
        entry, [(label(name), shown(before.get(name)), shown(after.get(name))) for name in names]
    )


def label(name: str) -> str:
    """A stored name as the forms call it."""
    return LABELS.get(name, name.replace("_", " ").capitalize())


def shown(value: Any) -> str:
    """A value of the log as text."""
    if value is None or value == "":
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    try:
        return day(date.fromisoformat(str(value)))
    except ValueError:
        return str(value)
