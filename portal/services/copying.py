"""Very many rows into one table, or moved on in it, as its database takes them quickest.

A statement with named values spends more on the names of each row than on storing it. PostgreSQL takes rows by COPY,
and what moves as arrays; SQLite a hundred rows a statement, which take it half as long as each by itself, since it
opens and closes the tables, the foreign keys and the triggers once for all. To hand a value over takes longer than to
store it: what very many rows share is handed over once.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from itertools import chain
from typing import Any

from psycopg import Error
from sqlalchemy import Connection, Dialect, Table
from sqlalchemy.exc import DBAPIError

from portal.extensions import db
from portal.services.chunks import in_chunks

AT_A_TIME = 100  # more gain nothing
# So many rows a statement into a table of a connection's own, as long as it has no more values than SQLite takes.
LAID, BOUND = (1_000, 100, 10, 1), 32_766
NOTHING: Mapping[str, Any] = {}
Values = tuple[Any, ...]
PLACES = ", ".join(
    ["n INTEGER PRIMARY KEY", *(f"v{n + 1}" for n in range(40))]
)  # of as many values as any row has
# What would end a value, or a row, that PostgreSQL is told as text.
ESCAPED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def copy_in(
    table: Table, columns: Sequence[str], rows: Sequence[Sequence[Any]], same: Mapping[str, Any] = NOTHING
) -> None:
    """Insert rows, each with the values of `columns` in their order and what is the `same` of all; all of them or none.

    Raises what SQLAlchemy raises, of whichever kind: whoever called tells a row that breaks a rule from a database that
    does not answer, or made somebody wait in a circle.
    """
    if not rows:
        return
    connection = db.session.connection()
    dialect = connection.dialect
    values = _by_column(table, columns, rows, dialect)
    alike = tuple(_as_stored(table, name, dialect)(value) for name, value in same.items())
    plain = list(zip(*values.values(), strict=True))
    if dialect.name == "sqlite":
        for some in in_chunks(plain, AT_A_TIME):
            sql = _insert(table.name, tuple(same), tuple(values), len(some))
            connection.exec_driver_sql(sql, (*alike, *chain.from_iterable(some)))
        return
    with _taking(connection, table.name, (*same, *values)) as copy:
        for row in plain:
            copy.write_row(alike + row)


def copy_shared(
    table: Table,
    own: Sequence[str],
    shared: Sequence[str],
    rows: Sequence[tuple[Values, Values]],
    same: Mapping[str, Any] = NOTHING,
    said: Callable[..., Values] = lambda *values: values,
) -> None:
    """The same for rows of which many share most of their values: each with those of its `own`, and with what the
    `shared` ones are `said` by, once for all who have the same.
    """
    if rows:
        lay_out(table, own, shared, rows, said)(same)


def lay_out(
    table: Table,
    own: Sequence[str],
    shared: Sequence[str],
    rows: Sequence[tuple[Values, Values]],
    said: Callable[..., Values] = lambda *values: values,
) -> Callable[[Mapping[str, Any]], None]:
    """Make such rows ready to be inserted, with nothing asked of the database: what inserts them, once it is told what
    is the same of all.
    """
    dialect = db.engine.dialect
    numbers: dict[Values, int] = {}
    places = [numbers.setdefault(in_common, len(numbers)) for _, in_common in rows]
    mine = _by_column(table, own, [each for each, _ in rows], dialect)
    theirs = _by_column(table, shared, [said(*values) for values in numbers], dialect)
    names = tuple(mine), tuple(theirs)
    if dialect.name == "sqlite":
        laid = [
            *_laid("shared_values", theirs.values()),
            *_laid("own_values", (places, *mine.values())),
        ]
        return partial(_put_together, table, names, laid)
    return partial(_put_lines, table, names, _lines(mine.values()), places, _lines(theirs.values()))


def _put_lines(
    table: Table,
    names: tuple[Sequence[str], Sequence[str]],
    begins: Sequence[str],
    places: Sequence[int],
    ends: Sequence[str],
    same: Mapping[str, Any],
) -> None:
    connection, (mine, theirs) = db.session.connection(), names
    alike = (_as_text(_as_stored(table, name, connection.dialect)(value)) for name, value in same.items())
    ends = ["\t".join(line) for line in zip(*([value] * len(ends) for value in alike), ends, strict=True)]
    with _taking(connection, table.name, (*mine, *same, *theirs)) as copy:
        copy.write("".join([f"{begin}\t{ends[n]}\n" for begin, n in zip(begins, places, strict=True)]))


def _put_together(
    table: Table,
    names: tuple[Sequence[str], Sequence[str]],
    laid: Iterable[tuple[str, Values]],
    same: Mapping[str, Any],
) -> None:
    """Lay what rows share, and what is each one's own, into tables of this connection, and insert both together."""
    connection, (mine, theirs) = db.session.connection(), names
    _lay(connection, laid)
    taken = [f"own_values.v{n + 2}" for n in range(len(mine))]
    taken += [*("?" for _ in same), *(f"shared_values.v{n + 1}" for n in range(len(theirs)))]
    connection.exec_driver_sql(
        f'INSERT INTO "{table.name}" ({_names((*mine, *same, *theirs))}) SELECT {", ".join(taken)} FROM own_values '
        "CROSS JOIN shared_values ON shared_values.n = own_values.v1 + 1 ORDER BY own_values.n",
        tuple(_as_stored(table, name, connection.dialect)(value) for name, value in same.items()),
    )


def _laid(name: str, columns: Iterable[Iterable[Any]]) -> Iterator[tuple[str, Values]]:
    """The statements that lay rows into a table of a connection's own: v1 and on, numbered from 1. Few and long, for
    between two of them another thread goes on.
    """
    rows = list(zip(*columns, strict=True))
    yield f"CREATE TEMP TABLE IF NOT EXISTS {name} ({PLACES})", ()
    yield f"DELETE FROM temp.{name}", ()
    width, start = len(rows[0]), 0
    for at in LAID:
        while len(rows) - start >= at and at * width <= BOUND:
            yield _insert_laid(name, width, at), tuple(chain.from_iterable(rows[start : start + at]))
            start += at


@cache
def _insert_laid(name: str, width: int, rows: int) -> str:
    columns, row = ", ".join(f"v{n + 1}" for n in range(width)), ", ".join("?" * width)
    return f"INSERT INTO temp.{name} ({columns}) VALUES {', '.join([f'({row})'] * rows)}"


def _lay(connection: Connection, laid: Iterable[tuple[str, Values]]) -> None:
    for sql, values in laid:
        connection.exec_driver_sql(sql, values)


@contextmanager
def _taking(connection: Connection, table: str, columns: Iterable[str]) -> Iterator[Any]:
    """What PostgreSQL takes rows by."""
    sql = f'COPY "{table}" ({_names(columns)}) FROM STDIN'
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(sql) as copy:
            yield copy
    except Error as error:  # of the driver's own, since COPY goes by no statement of SQLAlchemy's
        raise DBAPIError.instance(sql, None, error, Error, dialect=connection.dialect) from error


def _lines(columns: Iterable[Iterable[Any]]) -> list[str]:
    """Columns as lines of what PostgreSQL reads in COPY."""
    texts = (map(_Once(_as_text).__getitem__, values) for values in columns)
    return list(map("\t".join, zip(*texts, strict=True)))


def _as_text(value: Any) -> str:
    """A value as PostgreSQL reads it there."""
    if value is None:
        return "\\N"
    return value.translate(ESCAPED) if isinstance(value, str) else str(value)


@cache
def _insert(table: str, same: tuple[str, ...], columns: tuple[str, ...], rows: int) -> str:
    """One statement for so many rows; what is the same of all is bound once."""
    alike, width = [f"?{n + 1}" for n in range(len(same))], len(columns)
    each = (
        ", ".join([*alike, *(f"?{len(same) + row * width + n + 1}" for n in range(width))])
        for row in range(rows)
    )
    return (
        f'INSERT INTO "{table}" ({_names((*same, *columns))}) VALUES {", ".join(f"({row})" for row in each)}'
    )


def _names(columns: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in columns)


def lay_moves(
    table: Table, key: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], also: Mapping[str, int]
) -> Callable[[], int]:
    """Make ready what changes rows by compare-and-set, each with its key, the version it was seen in, and the values of
    `columns`, with nothing asked of the database: what does it, and says how many were met as they were seen.

    The version goes on by one, and `also` is what becomes the same of all.
    """
    if not rows:
        return int
    dialect = db.engine.dialect
    values = _by_column(table, (key, "version", *columns), rows, dialect)
    given = [name for name in columns if name in values]
    fixed = {
        "version": 'stands."version" + 1',
        **{name: "NULL" for name in columns if name not in values},
        **also,
    }
    always = [f'"{name}" = {value}' for name, value in fixed.items()]
    if dialect.name == "sqlite":
        laid = list(_laid("seen_values", [values[name] for name in (key, "version", *given)]))
        sets = ", ".join([*(f'"{name}" = seen.v{n + 3}' for n, name in enumerate(given)), *always])
        sql = (
            f'UPDATE "{table.name}" AS stands SET {sets} FROM temp.seen_values AS seen '
            f'WHERE stands."{key}" = seen.v1 AND stands."version" = seen.v2'
        )
        return partial(_move, laid, sql, ())
    arrays = [f"%s::{table.c[name].type.compile(dialect)}[]" for name in values]
    sets = ", ".join([*(f'"{name}" = seen."{name}"' for name in given), *always])
    sql = (
        f'UPDATE "{table.name}" AS stands SET {sets} FROM unnest({", ".join(arrays)}) AS seen ({_names(values)}) '
        f'WHERE stands."{key}" = seen."{key}" AND stands."version" = seen."version" '
        f'AND stands."{key}" = ANY ({arrays[0]})'  # else it may read all there are
    )
    written = list(map(_array, values.values()))
    return partial(_move, (), sql, (*written, written[0]))


def _move(laid: Iterable[tuple[str, Values]], sql: str, values: Values) -> int:
    connection = db.session.connection()
    _lay(connection, laid)
    return connection.exec_driver_sql(sql, values).rowcount


def _array(values: Iterable[Any]) -> str:
    """Numbers and days as PostgreSQL writes an array of them: the driver would look at each by itself."""
    return f"{{{','.join('NULL' if value is None else str(value) for value in values)}}}"


def _by_column(
    table: Table,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    dialect: Dialect,
) -> dict[str, Iterable[Any]]:
    """The values of each column as the driver takes them. A column in which nothing stands is left out: sqlite3 takes
    five times as long over None as over a number."""
    found: dict[str, Iterable[Any]] = {}
    for name, values in zip(columns, zip(*rows, strict=True), strict=True):
        is_empty = table.c[name].server_default is None and values.count(None) == len(values)
        if not is_empty:
            turn = _as_stored(table, name, dialect)
            found[name] = values if turn is _as_it_is else map(_Once(turn).__getitem__, values)
    return found


def _as_stored(table: Table, name: str, dialect: Dialect) -> Callable[[Any], Any]:
    """What makes of a column's values what the driver takes."""
    return table.c[name].type.dialect_impl(dialect).bind_processor(dialect) or _as_it_is


def _as_it_is(value: Any) -> Any:
    return value


class _Once(dict[Any, Any]):
    """What values become, each worked out when it first comes: the same days come again and again."""

    def __init__(self, turn: Callable[[Any], Any]) -> None:
        self._turn = turn

    def __missing__(self, value: Any) -> Any:
        self[value] = found = self._turn(value)
        return found
