"""Very many rows into a table, a few thousand at a time, with ids of their own."""

from collections.abc import Iterable, Sequence
from functools import cache
from itertools import islice
from typing import Any

from sqlalchemy import Table, text

from portal.extensions import db
from portal.models.raw_tables import as_stored
from portal.services.copying import copy_in

TOGETHER = 5_000


def fill(table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    """Write rows, money as millionths and words as text; the next id that the table gives comes after theirs."""
    left = iter(rows)
    while some := list(islice(left, TOGETHER)):
        copy_in(_raw(table), columns, some)
    if db.engine.dialect.name == "postgresql" and columns[0] == "id":
        last = f'(SELECT max(id) FROM "{table}")'
        db.session.execute(text(f"SELECT setval(pg_get_serial_sequence('\"{table}\"', 'id'), {last})"))


@cache
def _raw(table: str) -> Table:
    return as_stored(db.metadata.tables[table])


def last_id(table: str) -> int:
    """The last id that a table ever gave, also of a row that is gone: ids are never used again (billing-rules 8)."""
    if db.engine.dialect.name == "postgresql":
        sequence = db.session.scalar(text(f"SELECT pg_get_serial_sequence('\"{table}\"', 'id')"))
        query = text(f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {sequence}")
    else:
        query = text(f"SELECT seq FROM sqlite_sequence WHERE name = '{table}'")
    return db.session.scalar(query) or 0
