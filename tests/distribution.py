"""Customers divided among several databases: whose a row is, told from the schema.

The key is the customer. A table is distributed by it where each of its rows is of exactly one customer: it has the
customer's id, or it cannot be without a row (an assignment, a call, a charge) that has. Any other table every database
has whole.
"""

from sqlalchemy import Column, Connection, ForeignKey, Select, Table, insert, select, text
from sqlalchemy.schema import DropConstraint

from portal.extensions import db

AT_ONCE = 2_000
# Each database numbers its rows from here on, the next one from twice as many: a number is given once among all.
NUMBERS = 1_000_000_000


def way_to_customer(table: Table) -> tuple[Column[int], ...] | None:
    """The columns that lead from a row to its customer, the last one the customer's id; None where none do."""
    if table.name == "customer":
        return (table.c.id,)
    own = table.c.get("customer_id")
    if own is not None and not own.nullable:
        return (own,)
    for column in sorted(table.c, key=lambda column: column.name):
        for key in () if column.nullable else column.foreign_keys:
            if key.column.table is not table and (further := way_to_customer(key.column.table)):
                return (column, *further)
    return None


def in_the_way() -> list[ForeignKey]:
    """The foreign keys that no distributed database can keep: from what every one has whole to one customer's rows."""
    return [
        key
        for table in db.metadata.sorted_tables
        if not way_to_customer(table)
        for key in sorted(table.foreign_keys, key=lambda key: key.parent.name)
        if way_to_customer(key.column.table)
    ]


def share(table: Table, number: int, of: int) -> Select[tuple[object, ...]]:
    """The rows of a table that one of so many databases has."""
    query, way = select(table), way_to_customer(table)
    if way is None:
        return query
    for column in way[:-1]:
        (key,) = column.foreign_keys
        query = query.join(key.column.table, key.column == column)
    return query.where(way[-1] % of == number)


def give(whole: Connection, part: Connection, number: int, of: int) -> None:
    """Put one database's share of a whole one into it, with every foreign key that it can keep."""
    for key in in_the_way():
        assert key.constraint is not None
        part.execute(DropConstraint(key.constraint))
    for table in reversed(db.metadata.sorted_tables):
        part.execute(table.delete())  # what the migrations have put there
    for table in db.metadata.sorted_tables:
        with whole.execute(share(table, number, of).execution_options(yield_per=AT_ONCE)) as rows:
            for some in rows.mappings().partitions():
                part.execute(insert(table), [dict(row) for row in some])
        if "id" in table.c and part.scalar(_sequence(table)):
            part.execute(text(f"SELECT setval({_named(table)}, {NUMBERS * (number + 1)})"))


def _sequence(table: Table) -> Select[tuple[object, ...]]:
    return select(text(_named(table)))


def _named(table: Table) -> str:
    return f"""pg_get_serial_sequence('"{table.name}"', 'id')"""
