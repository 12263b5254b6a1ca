"""Notes on customers as a table."""

from sqlalchemy import Select
from sqlalchemy.orm import joinedload

from portal.models import Note
from portal.services.exports.table import Column, Kind, Table, rows_of
from portal.services.listing import Sort

COLUMNS = (
    Column("Customer Number", lambda note: f"#{note.customer_id}"),
    Column("Customer", lambda note: note.customer.name),
    Column("Note", lambda note: note.text),
    Column("Written By", lambda note: note.created_by),
    Column("Written", lambda note: note.created_at, Kind.MOMENT),
    Column("Come Back On", lambda note: note.come_back_on, Kind.DAY),
    Column("Done By", lambda note: note.done_by),
    Column("Done", lambda note: note.done_at, Kind.MOMENT),
)


def notes(query: Select[Note], sort: Sort) -> Table:
    """The notes that a list finds, in its order."""
    return Table("notes", COLUMNS, rows_of(query.options(joinedload(Note.customer)), sort))
