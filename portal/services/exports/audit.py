"""The audit log as a table: who did what to what, and what changed by it."""

from sqlalchemy import Select

from portal.models import AuditEntry
from portal.services.audit.lists import NEWEST, AuditLine, audit_line
from portal.services.exports.table import Column, Kind, Table, rows_of, yes

ONLY_AFTER = ("added", "reversed")


def changed(line: AuditLine) -> str:
    """Each field that changed, one a line: Retail: 10 → 12."""
    said = line.entry.act
    return "\n".join(
        f"{label}: {'' if said in ONLY_AFTER else f'{was} → '}{'removed' if said == 'removed' else now}"
        for label, was, now in line.changes
    )


COLUMNS = (
    Column("When", lambda line: line.entry.done_at, Kind.MOMENT),
    Column("Who", lambda line: line.entry.done_by or "the portal"),
    Column("Role", lambda line: line.entry.role),
    Column("Address", lambda line: line.entry.address),
    Column("Action", lambda line: line.entry.act),
    Column("What", lambda line: line.entry.noun),
    Column("Number", lambda line: line.entry.noun_id and f"#{line.entry.noun_id}"),
    Column("Name", lambda line: line.entry.label),
    Column("Changed", changed),
    Column("Comment", lambda line: line.entry.comment),
    Column("Overrides A Lock", lambda line: yes(line.entry.overrides)),
)


def acts(query: Select[AuditEntry], name: str = "audit") -> Table:
    """The acts that a list finds, the newest first."""
    return Table(name, COLUMNS, rows_of(query, NEWEST, lambda some: [audit_line(one) for one in some]))
