"""Tables as they are stored: money as integers, words as text. The hot path has nothing to convert."""

from typing import Any

from sqlalchemy import BigInteger, Column, Enum, MetaData, String, Table

from portal.models import BalanceEntry, Charge, OpenItem
from portal.models.columns import Money


def raw_table(model: Any) -> Table:
    """The model's table with money as integers and words as text."""

    def raw(type_: Any) -> Any:
        if isinstance(type_, Money):
            return BigInteger()
        return String() if isinstance(type_, Enum) else type_

    table = model.__table__
    return Table(table.name, MetaData(), *(Column(c.name, raw(c.type)) for c in table.columns))


CHARGE, ENTRY, OPEN = raw_table(Charge), raw_table(BalanceEntry), raw_table(OpenItem)
