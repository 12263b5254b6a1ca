"""DIDs as a table: each number, with whom it is, what is on it, and what that comes to in a month."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Select
from sqlalchemy.orm import joinedload

from portal.domain.phone_numbers import country_name
from portal.models import Did
from portal.services.dids.earning import OnDid, on_dids
from portal.services.exports.table import Column, Kind, Table, rows_of
from portal.services.listing import Sort


@dataclass(frozen=True, slots=True)
class Row:
    """A DID, and what is on it; None where nothing is."""

    did: Did
    on: OnDid | None


COLUMNS = (
    Column("Number", lambda row: row.did.number),
    Column("Country", lambda row: row.did.country),
    Column("Country Name", lambda row: country_name(row.did.country) if row.did.country else None),
    Column("Customer", lambda row: row.did.customer and row.did.customer.name),
    Column("Customer Number", lambda row: row.did.customer and f"#{row.did.customer_id}"),
    Column("Packages", lambda row: row.on and ", ".join(row.on.packages)),
    Column("Currency", lambda row: row.on and row.on.currency),
    Column("Recurring", lambda row: row.on and row.on.retail, Kind.MONEY),
    Column("Recurring Cost", lambda row: row.on and row.on.cost, Kind.MONEY),
    Column("Margin", lambda row: row.on and row.on.margin, Kind.MONEY),
    Column("Added", lambda row: row.did.created_at, Kind.MOMENT),
    Column("Archived", lambda row: row.did.archived_on, Kind.DAY),
)


def dids(query: Select[Did], sort: Sort, today: date) -> Table:
    """The DIDs that a list finds."""
    query = query.options(joinedload(Did.customer))
    rows = rows_of(query, sort, lambda some: _rows(some, today))
    return Table("DIDs", COLUMNS, rows, lambda row: row.on.currency if row.on else "")


def _rows(some: Sequence[Did], today: date) -> list[Row]:
    on = on_dids([did.id for did in some], today)
    return [Row(did, on.get(did.id)) for did in some]
