"""Taking a portal over from SQLite to PostgreSQL: every row, in one transaction, and each compared before it is stored.

Foreign keys are taken off while the rows go in, in whatever order, and put on again: PostgreSQL then checks them all.
"""

import os
from collections.abc import Callable, Generator
from contextlib import closing
from itertools import zip_longest
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    Integer,
    LargeBinary,
    Table,
    create_engine,
    func,
    insert,
    inspect,
    select,
    text,
)

from portal import database, schema
from portal.backups import OF_SQLITE
from portal.domain.errors import RuleBroken
from portal.extensions import db

AT_ONCE = 2_000  # rows
FEW = 20  # where a row may hold a megabyte
# What a database that nobody has worked with holds nothing of.
WORKED_WITH = ("user", "customer", "package", "charge", "audit_entry")
# As they are there: not all of them are as the models have them (migrations/charge_keys.py).
KEYS = """
    SELECT conrelid::regclass::text AS whose, conname AS name, pg_get_constraintdef(oid) AS says
    FROM pg_constraint WHERE contype = 'f' ORDER BY oid
"""

Say = Callable[[str, int], None]


def move(file: Path, target: Engine, say: Say) -> int:
    """Every row of a SQLite database, into a PostgreSQL whose tables were just made; how many there are.

    RuleBroken where that cannot be, or where a row is not the same afterwards: then nothing was moved.
    """
    _refuse_what_is_no_database(file)
    source = create_engine(f"sqlite:///{file}")
    try:
        with database.reading(), source.connect() as old, source.connect() as watching:
            schema.check(old, exact=True)
            before = _writes(watching)
            with target.begin() as new:
                _refuse_what_is_in_use(new)
                count = _move(old, new, say)
                watching.rollback()
                if _writes(watching) != before:
                    raise RuleBroken(
                        "Somebody wrote into the SQLite database meanwhile. Nothing was moved. Stop the portal, and "
                        "its commands in cron, then start again."
                    )
            return count
    finally:
        source.dispose()


def _refuse_what_is_no_database(file: Path) -> None:
    with open(file, "rb") as opened:
        if opened.read(len(OF_SQLITE)) != OF_SQLITE:
            raise RuleBroken(f"{file} is no SQLite database.")
    if not (os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)):
        raise RuleBroken(
            f"SQLite keeps files of its own beside {file} while it is read. "
            "Copy it into a folder that you may write to."
        )


def _writes(connection: Connection) -> int:
    """A number that is another one once somebody else has written."""
    return int(connection.exec_driver_sql("PRAGMA data_version").scalar_one())


def _refuse_what_is_in_use(connection: Connection) -> None:
    for name in WORKED_WITH:
        if connection.execute(select(db.metadata.tables[name]).limit(1)).first():
            raise RuleBroken("The PostgreSQL database is not empty. Move into a new one: createdb.")


def _move(old: Connection, new: Connection, say: Say) -> int:
    tables = list(db.metadata.tables.values())
    keys = new.execute(text(KEYS)).all()
    for key in keys:
        new.execute(text(f'ALTER TABLE {key.whose} DROP CONSTRAINT "{key.name}"'))
    for table in tables:
        new.execute(table.delete())  # what the migrations have put there
    total = 0
    for table in tables:
        count = 0
        for rows in _rows(old, table).partitions():
            new.execute(insert(table), [dict(row._mapping) for row in rows])
            count += len(rows)
        _count_on(old, new, table)
        say(table.name, count)
        total += count
    for key in keys:
        new.execute(text(f'ALTER TABLE {key.whose} ADD CONSTRAINT "{key.name}" {key.says}'))
    for table in tables:
        compare(old, new, table)
    return total


def _rows(connection: Connection, table: Table) -> Any:
    """Its rows in an order that is the same on both databases."""
    ordered = list(table.primary_key) or list(table.columns)
    query = select(table).order_by(*ordered)
    is_long = any(isinstance(column.type, LargeBinary) for column in table.columns)
    return connection.execute(query.execution_options(yield_per=FEW if is_long else AT_ONCE))


def _count_on(old: Connection, new: Connection, table: Table) -> None:
    """New rows go on after the last number that was ever given: ids are never used again."""
    keys = list(table.primary_key)
    if len(keys) != 1 or not isinstance(keys[0].type, Integer):
        return
    (key,) = keys
    last = old.scalar(select(func.max(key))) or 0
    if inspect(old).has_table("sqlite_sequence"):
        given = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        last = max(last, old.scalar(given, {"name": table.name}) or 0)
    sequence = new.scalar(
        text("SELECT pg_get_serial_sequence(:table, :key)"), {"table": f'"{table.name}"', "key": key.name}
    )
    if sequence and last:
        new.execute(text("SELECT setval(:sequence, :last)"), {"sequence": sequence, "last": last})


def compare(old: Connection, new: Connection, table: Table) -> None:
    """Hold each row against its like. RuleBroken at the first that is not the same, or not there."""
    with closing(_tuples(old, table)) as there, closing(_tuples(new, table)) as here:
        for number, (was, is_now) in enumerate(zip_longest(there, here), start=1):
            if was != is_now:
                raise RuleBroken(
                    f"Row {number} of the table {table.name} is not the same on both databases. Nothing was moved."
                )


def _tuples(connection: Connection, table: Table) -> Generator[tuple[Any, ...], None, None]:
    with _rows(connection, table) as result:
        for rows in result.partitions():
            yield from map(tuple, rows)
