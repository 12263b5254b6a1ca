"""What the store alone takes for what a run writes: an INSERT..SELECT a table of the very rows, and positions moved.

The rows are taken from a database in which a run has posted them, and put into a copy of it as it was before: into its
own tables, with their indexes, triggers and foreign keys, and into those that there were before runs were made quicker
(before/), filled with the same rows first.
"""

from contextlib import closing
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, inspect, select, text

from benchmarks.stores import SQLITE, Place
from portal.database import make_room
from portal.extensions import db
from portal.models import BalanceEntry, Charge, Run

READ = ("assignment", "customer", "package")
INSERTED = ("run_position", "charge", "balance_entry", "open_item")
MOVED = "assignment_position"
BEFORE = Path(__file__).with_name("before")
ZERO = {"BOOLEAN": "false", "TEXT": "''", "VARCHAR": "''"}  # of what the schema no longer has; else 0


class Mark(NamedTuple):
    """The last ids that were given."""

    run: int
    charge: int
    entry: int


def mark() -> Mark:
    """How far the ids have come."""
    return Mark(
        *(db.session.scalar(select(func.max(model.id))) or 0 for model in (Run, Charge, BalanceEntry))
    )


def measure(there: Place, since: Mark, posted: str, name: str) -> tuple[float, float]:
    """Seconds for what was `posted` since a mark, into a database as it was: the tables of before, and those of now."""
    with there.portal(name), db.engine.connect() as connection:
        _stage(there, connection, since, posted)
        connection.commit()
        if there.kind == SQLITE:
            make_room(connection)
        _make_before(there.kind, connection)
        connection.commit()
        return _timed(there.kind, connection, "before_"), _timed(there.kind, connection, "")


# -- the rows


def _rows(since: Mark) -> dict[str, str]:
    """What a run has added to each table, and the positions that it has moved, as conditions."""
    runs = f"run_id > {since.run}"
    return {
        "run": f"id > {since.run}",
        "run_position": runs,
        "charge": f"id > {since.charge}",
        "balance_entry": f"id > {since.entry}",
        "open_item": f"charge_id > {since.charge}",
        MOVED: f"assignment_id IN (SELECT assignment_id FROM run_position WHERE {runs})",
    }


def _stage(there: Place, connection: Connection, since: Mark, posted: str) -> None:
    """Lay the rows ready, where nothing has to be checked, and let the runs themselves be there."""
    rows = _rows(since)
    if there.kind == SQLITE:
        raw: Any = connection.connection.driver_connection
        raw.execute(f"ATTACH '{there.folder}/{posted}.db' AS posted")
        raw.execute(f"ATTACH '{there.folder}/ready.db' AS ready")
        for table, which in rows.items():
            raw.execute(f"CREATE TABLE ready.stage_{table} AS SELECT * FROM posted.{table} WHERE "
                        f"{which.replace('FROM run_position', 'FROM posted.run_position')}")  # fmt: skip
        raw.execute("DETACH posted")
    else:
        _copy_across(there, connection, rows, posted)
    connection.execute(text("INSERT INTO run SELECT * FROM stage_run"))


def _copy_across(there: Place, connection: Connection, rows: dict[str, str], posted: str) -> None:
    into: Any = connection.connection.driver_connection
    with there.portal(posted), closing(db.engine.raw_connection()) as other:
        source: Any = other.driver_connection
        for table, which in rows.items():
            connection.execute(text(f"CREATE UNLOGGED TABLE stage_{table} (LIKE {table})"))
            query = f"COPY (SELECT * FROM {table} WHERE {which} ORDER BY 1) TO STDOUT (FORMAT BINARY)"
            with (
                source.cursor() as reads,
                into.cursor() as writes,
                reads.copy(query) as out,
                writes.copy(f"COPY stage_{table} FROM STDIN (FORMAT BINARY)") as ready,
            ):
                for block in out:
                    ready.write(block)
            connection.execute(text(f"ANALYZE stage_{table}"))


# -- the tables that there were before


def _make_before(kind: str, connection: Connection) -> None:
    """Make them, and fill them with what the tables have now."""
    raw: Any = connection.connection.driver_connection
    script = (BEFORE / f"{kind}.sql").read_text()
    raw.executescript(script) if kind == SQLITE else raw.execute(script)
    for table in (*INSERTED, MOVED):
        connection.exec_driver_sql(_insert(connection, f"before_{table}", table))


def _columns(connection: Connection, table: str) -> list[str]:
    return list(connection.exec_driver_sql(f"SELECT * FROM {table} LIMIT 0").keys())


def _insert(connection: Connection, into: str, source: str) -> str:
    """The statement that puts all rows of one table into another one, which may have more columns or fewer."""
    has, named = set(_columns(connection, source)), {}
    for column in inspect(connection).get_columns(into):
        if column["name"] in has:
            named[column["name"]] = f'"{column["name"]}"'
        elif not column["nullable"] and column["default"] is None:
            named[column["name"]] = ZERO.get(str(column["type"]).partition("(")[0], "0")
    names = ", ".join(f'"{name}"' for name in named)
    return f"INSERT INTO {into} ({names}) SELECT {', '.join(named.values())} FROM {source} ORDER BY 1"


def _move(connection: Connection, into: str, source: str) -> str:
    """The statement that moves positions on."""
    both = set(_columns(connection, into)) & set(_columns(connection, source)) - {"assignment_id"}
    moved = ", ".join(f"{name} = moved.{name}" for name in sorted(both))
    return (
        f"UPDATE {into} SET {moved} FROM {source} AS moved WHERE {into}.assignment_id = moved.assignment_id"
    )


# -- timed


def _timed(kind: str, connection: Connection, prefix: str) -> float:
    """Seconds for all of it, in one transaction."""
    _get_ready(kind, connection, prefix)
    statements = [_insert(connection, prefix + table, f"stage_{table}") for table in INSERTED]
    statements.append(_move(connection, prefix + MOVED, f"stage_{MOVED}"))
    connection.rollback()
    begun = perf_counter()
    for statement in statements:
        connection.exec_driver_sql(statement)
    connection.commit()
    return perf_counter() - begun


def _get_ready(kind: str, connection: Connection, prefix: str) -> None:
    """Read what is going to be needed, as a run has read it; write what waits to be written."""
    connection.rollback()
    raw: Any = connection.connection.driver_connection
    if kind == SQLITE:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        raw.execute("ANALYZE")
        return
    raw.autocommit = True
    tables = [*(prefix + table for table in (*INSERTED, MOVED)), *READ]
    for table in tables:
        raw.execute(f"VACUUM (ANALYZE) {table}")
        raw.execute(f"SELECT count(*) FROM {table}")
    raw.execute("CHECKPOINT")
    raw.autocommit = False
