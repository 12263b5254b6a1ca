"""Very many rows into one table, as its database takes them quickest: COPY, or a hundred rows a statement.

An INSERT with named values spends more on the names of each row than on storing it; and SQLite takes half as long over
a row that comes with others, since it opens and closes the tables, the foreign keys and the triggers once for all.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any

from psycopg import Error
from sqlalchemy import Table
from sqlalchemy.exc import DBAPIError

from portal.extensions import db
from portal.services.chunks import in_chunks

AT_A_TIME = 100  # more gain nothing


def copy_in(table: Table, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows, each with the values of `columns` in their order, all of them or none.

    Raises what SQLAlchemy raises, of whichever kind: whoever called tells a row that breaks a rule from a database that
    does not answer, or made somebody wait in a circle.
    """
    if not rows:
        return
    connection = db.session.connection()
    values = _by_column(table, columns, rows, connection.dialect)
    names = ", ".join(f'"{name}"' for name in values)
    plain = list(zip(*values.values(), strict=True))
    if connection.dialect.name == "sqlite":
        marks = f"({', '.join('?' * len(values))})"
        for some in in_chunks(plain, AT_A_TIME):
            sql = f'INSERT INTO "{table.name}" ({names}) VALUES {", ".join([marks] * len(some))}'
            connection.exec_driver_sql(sql, tuple(chain.from_iterable(some)))
        return
    sql = f'COPY "{table.name}" ({names}) FROM STDIN'
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(sql) as copy:
            for row in plain:
                copy.write_row(row)
    except Error as error:  # of the driver's own, since COPY goes by no statement of SQLAlchemy's
        raise DBAPIError.instance(sql, None, error, Error, dialect=connection.dialect) from error


def _by_column(
    table: Table, columns: Sequence[str], rows: Sequence[Sequence[Any]], dialect: Any
) -> dict[str, Iterable[Any]]:
    """The values of each column as the driver takes them. A column in which nothing stands is left out: sqlite3 takes
    five times as long over None as over a number."""
    found: dict[str, Iterable[Any]] = {}
    for name, values in zip(columns, zip(*rows, strict=True), strict=True):
        column = table.c[name]
        if column.server_default is None and values.count(None) == len(values):
            continue
        turn = column.type.dialect_impl(dialect).bind_processor(dialect)
        found[name] = map(_Once(turn).__getitem__, values) if turn else values
    return found


class _Once(dict[Any, Any]):
    """What values become, each worked out when it first comes: the same days come again and again."""

    def __init__(self, turn: Callable[[Any], Any]) -> None:
        self._turn = turn

    def __missing__(self, value: Any) -> Any:
        self[value] = found = self._turn(value)
        return found
