"""Very many rows into a table, as the driver can do it quickest."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import text

from portal.extensions import db


def fill(table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    """Write rows, money as millionths and words as text; the next id that the table gives comes after theirs."""
    names = ", ".join(columns)
    raw: Any = db.session.connection().connection.driver_connection
    if db.engine.dialect.name == "postgresql":
        with raw.cursor() as cursor, cursor.copy(f'COPY "{table}" ({names}) FROM STDIN') as copy:
            for row in rows:
                copy.write_row(row)
        if columns[0] == "id":
            last = f'(SELECT max(id) FROM "{table}")'
            db.session.execute(text(f"SELECT setval(pg_get_serial_sequence('\"{table}\"', 'id'), {last})"))
    else:
        marks = ", ".join("?" * len(columns))
        plain = (tuple(map(_plain, row)) for row in rows)
        raw.executemany(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', plain)


def _plain(value: Any) -> Any:
    """A value as SQLAlchemy stores it in SQLite."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
    return value.isoformat() if isinstance(value, date) else value


def last_id(table: str) -> int:
    """The last id that a table ever gave, also of a row that is gone: ids are never used again (billing-rules 8)."""
    if db.engine.dialect.name == "postgresql":
        sequence = db.session.scalar(text(f"SELECT pg_get_serial_sequence('\"{table}\"', 'id')"))
        query = text(f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {sequence}")
    else:
        query = text(f"SELECT seq FROM sqlite_sequence WHERE name = '{table}'")
    return db.session.scalar(query) or 0
