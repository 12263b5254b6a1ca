"""What earns, as a table: charged, cost and margin of each package, customer or DID over a span of days."""

from portal.services.exports.table import AT_ONCE, Column, Kind, Table
from portal.services.overview.margins import CUSTOMER, DID, PACKAGE, Asked, Margins, Row

WITHOUT = {PACKAGE: "Manual charges", CUSTOMER: "", DID: "Not on a DID"}


def name_of(by: str, row: Row) -> str:
    """What a line is called."""
    if row.of is None:
        return WITHOUT[by]
    return str(getattr(row.of, "number" if by == DID else "name"))


def margins(asked: Asked, found: Margins) -> Table:
    """All lines in their order."""
    heading = {PACKAGE: "Package", CUSTOMER: "Customer", DID: "DID"}[asked.by]
    number = (
        [Column("Customer Number", lambda row: row.of and f"#{row.of.id}")] if asked.by == CUSTOMER else []
    )
    columns = (
        Column(heading, lambda row: name_of(asked.by, row)),
        *number,
        Column("From", lambda _: asked.begins, Kind.DAY),
        Column("To", lambda _: asked.through, Kind.DAY),
        Column("Currency", lambda _: asked.currency),
        Column("Charges", lambda row: row.left.charges, Kind.NUMBER),
        Column("Charged", lambda row: row.left.amount, Kind.MONEY),
        Column("Cost", lambda row: row.left.cost, Kind.MONEY),
        Column("Margin", lambda row: row.left.margin, Kind.MONEY),
        Column("Margin Rate", lambda row: row.left.margin_rate, Kind.NUMBER),
    )
    return Table("margins", columns, found.every(asked.by, AT_ONCE), lambda _: asked.currency)
