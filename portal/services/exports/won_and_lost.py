"""What was won and lost, as a table: each assignment, what became of it, and what it comes to in a month."""

from portal.services.exports.table import AT_ONCE, Column, Kind, Table
from portal.services.overview.moved import Asked, Moved


def won_and_lost(asked: Asked, found: Moved) -> Table:
    """All lines in their order."""
    columns = (
        Column("Customer", lambda row: row.assignment.customer.name),
        Column("Customer Number", lambda row: f"#{row.assignment.customer_id}"),
        Column("Package", lambda row: row.assignment.package.name),
        Column("DID", lambda row: row.assignment.did and row.assignment.did.number),
        Column("Start Date", lambda row: row.assignment.start_date, Kind.DAY),
        Column("End Date", lambda row: row.assignment.end_date, Kind.DAY),
        Column("Change", lambda row: row.kind),
        Column("From", lambda _: asked.before, Kind.DAY),
        Column("To", lambda _: asked.after, Kind.DAY),
        Column("Currency", lambda _: asked.currency),
        Column("Monthly Before", lambda row: row.was, Kind.MONEY),
        Column("Monthly After", lambda row: row.now, Kind.MONEY),
        Column("Difference", lambda row: row.difference, Kind.MONEY),
    )
    return Table("won-and-lost", columns, found.every(AT_ONCE), lambda _: asked.currency)
