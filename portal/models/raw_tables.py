"""Tables as they are stored: money as integers, words as text. The hot path has nothing to convert."""

from typing import Any

from sqlalchemy import BigInteger, Column, Enum, MetaData, String, Table

from portal.models import BalanceEntry, Charge, DueSum, OpenItem
from portal.models.columns import Days, Money


def raw_table(model: Any) -> Table:
    """The model's table with money as integers and words as text."""
    return as_stored(model.__table__)


def as_stored(table: Table) -> Table:
    """A table with money as integers and words as text."""

    def raw(type_: Any) -> Any:
        if isinstance(type_, Money):
            return BigInteger()
        return String() if isinstance(type_, Enum | Days) else type_

    def default(column: Any) -> Any:
        return getattr(column.server_default, "arg", None)

    columns = (Column(c.name, raw(c.type), server_default=default(c)) for c in table.columns)
    return Table(table.name, MetaData(), *columns)


CHARGE, ENTRY, OPEN = raw_table(Charge), raw_table(BalanceEntry), raw_table(OpenItem)
DUE = raw_table(DueSum)
