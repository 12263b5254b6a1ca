"""How both databases are spoken to, and how their tables are brought up to date.

SQLite: a writer takes the write lock when it begins, so that nothing it has read goes stale under
it; a reader (a GET) begins without, and cannot write. PostgreSQL needs nothing said.
"""

import os
import sqlite3
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from enum import Enum
from typing import TYPE_CHECKING, Any

from flask import Flask, current_app, request
from sqlalchemy import Connection, Engine, event, inspect
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from portal import private, schema
from portal.config import ROOT
from portal.domain.errors import RuleBroken
from portal.domain.wording import listed, plural
from portal.extensions import db

if TYPE_CHECKING:
    from alembic.config import Config

    from portal.waiting import Patience

_reading: ContextVar[bool] = ContextVar("reading", default=False)

# So long somebody waits until SQLite is free, and asks so often.
BUSY_SECONDS, OFTEN = 15.0, 0.002

# With recursive triggers what REPLACE takes away counts as deleted: else it would take charges, which none may delete.
# Of its own accord SQLite keeps 2 MB of the file in memory: of a large customer it would read the same over and over.
PRAGMAS = (
    f"busy_timeout={int(BUSY_SECONDS * 1000)}",
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "foreign_keys=ON",
    "recursive_triggers=ON",
    "cache_size=-32768",
)

# What nobody can type in again, and so no downgrade takes without a word.
KEPT = {
    "charge": ("charge", "charges"),
    "balance_entry": ("balance entry", "balance entries"),
    "payment": ("payment", "payments"),
    "payment_back": ("payment back", "payments back"),
    "call": ("call", "calls"),
    "customer": ("customer", "customers"),
}

# For very many rows at once: pages that are met again stay in memory, and the log is not copied back at every commit.
ROOMY = ("cache_size=-65536", "wal_autocheckpoint=16000")


def make_room(connection: Connection) -> None:
    """Give SQLite room for very many rows, for as long as the connection lives. PostgreSQL has room of its own."""
    if connection.dialect.name == "sqlite":
        for pragma in ROOMY:
            connection.exec_driver_sql(f"PRAGMA {pragma}")


def plan_each_anew(connection: Connection) -> None:
    """Let PostgreSQL plan each statement for its values, until the transaction ends; SQLite does not know them ever.

    After five times it may keep one plan for all values, though a part of a name is in few rows or in very many.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_custom_plan")


# Seconds, in which whoever waits for SQLite's write lock has asked for it more than once.
A_MOMENT = 0.005


def make_way(engine: Engine) -> None:
    """Let somebody else write into SQLite, between two transactions of many. PostgreSQL has many writers."""
    if engine.dialect.name == "sqlite":
        time.sleep(A_MOMENT)


@event.listens_for(Engine, "do_connect")
def _make_file(dialect: Any, _record: Any, arguments: Any, _named: Any) -> None:
    """Make a SQLite file for its owner alone, before SQLite makes it for all to read; its log is made like it.

    One that is there is not opened: closing it again would let go of what SQLite has locked in it.
    """
    if dialect.name == "sqlite" and arguments and arguments[0] and arguments[0] != ":memory:":
        with suppress(OSError):  # it is there; or cannot be made, which SQLite says
            os.close(private.opener(str(arguments[0]), os.O_CREAT | os.O_EXCL | os.O_WRONLY))


@event.listens_for(Engine, "connect")
def _connect(connection: Any, _record: Any) -> None:
    """Leave transactions to SQLAlchemy, and wait for the lock instead of failing."""
    if isinstance(connection, sqlite3.Connection):
        connection.isolation_level = None
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")


@event.listens_for(Engine, "begin")
def _begin(connection: Connection) -> None:
    """Take the write lock at once, unless this is a reader."""
    if connection.dialect.name == "sqlite":
        reading = _reading.get()
        connection.exec_driver_sql(f"PRAGMA query_only={int(reading)}")
        if reading:
            connection.exec_driver_sql("BEGIN")
        else:
            _begin_to_write(connection)


def _begin_to_write(connection: Connection) -> None:
    """Wait for the write lock. SQLite itself asks ever more seldom, in the end ten times a second: whoever writes very
    much, a transaction after the other, would let nobody in for as long as that takes."""
    driver: Any = connection.connection.dbapi_connection
    until = time.monotonic() + BUSY_SECONDS
    driver.execute("PRAGMA busy_timeout=0")
    try:
        while True:
            try:
                driver.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.Error as error:
                is_busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not is_busy or time.monotonic() > until:
                    raise _told("BEGIN IMMEDIATE", error, connection) from error
            time.sleep(OFTEN)
    finally:
        driver.execute(f"PRAGMA {PRAGMAS[0]}")


def _told(statement: str, error: sqlite3.Error, connection: Connection) -> Exception:
    """What the driver itself was asked and refused, as SQLAlchemy would tell it."""
    return DBAPIError.instance(statement, None, error, sqlite3.Error, dialect=connection.dialect)


@contextmanager
def reading() -> Iterator[None]:
    """Transactions that begin in here only read (held by SQLite; elsewhere a promise)."""
    token = _reading.set(True)
    try:
        yield
    finally:
        _reading.reset(token)


class Kept:
    """A connection to SQLite that one act after the other keeps to: it can tell whether anybody else has written.

    Its log is put away when it says so: SQLite does that behind a commit, where it cannot if anybody reads just then.
    """

    def __init__(self, connection: Connection) -> None:
        driver: Any = connection.connection.driver_connection
        self._connection, self._driver = connection, driver
        self._put_away_at = driver.execute("PRAGMA wal_autocheckpoint").fetchone()[0]
        driver.execute("PRAGMA wal_autocheckpoint=0")

    def begin(self) -> None:
        """Let the transaction that begins now be this connection's; it takes the write lock at once."""
        db.session.connection(bind_arguments={"bind": self._connection})

    def data_version(self) -> int:
        """A number that is another one after any other connection has committed, and only then."""
        try:
            return int(self._driver.execute("PRAGMA data_version").fetchone()[0])
        except sqlite3.Error as error:
            raise _told("PRAGMA data_version", error, self._connection) from error

    def put_log_away(self) -> None:
        """Write what is in the log to its place, so that the log begins anew, unless somebody still reads it."""
        with suppress(sqlite3.Error):  # no room: it stays, as behind any commit
            self._driver.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def end(self) -> None:
        """Leave the connection to others as it was."""
        with suppress(sqlite3.Error):  # it was closed: SQLAlchemy does that where a statement is interrupted
            self._driver.execute(f"PRAGMA wal_autocheckpoint={self._put_away_at}")
        db.session.rollback()  # what an error has left open would lose its connection


def is_file(engine: Engine) -> bool:
    """Whether it is a file of SQLite's, which others read while one writes: in memory all share one connection."""
    return engine.dialect.name == "sqlite" and not isinstance(engine.pool, StaticPool)


@contextmanager
def kept_connection() -> Iterator[Kept]:
    """A connection of SQLite's for acts that follow each other."""
    with db.engine.connect() as connection:
        kept = Kept(connection)
        try:
            yield kept
        finally:
            kept.end()


def is_reading() -> bool:
    """Whether a transaction that begins now only reads."""
    return _reading.get()


def _of_none() -> None:
    """The transaction of what was asked in none."""


def asked_once(name: str) -> dict[Any, Any]:
    """What was asked already, by its name, since the transaction at hand began; for who only reads, so that it is not
    asked twice for a page. Whoever writes asks each time.
    """
    session = db.session()
    transaction, (of, known) = session.get_transaction(), session.info.get(name, (_of_none, {}))
    if transaction is None or of() is not transaction or not is_reading():
        known = {}
        # By a weak reference: in a circle with its session, all this would stay until somebody looks for circles.
        session.info[name] = (weakref.ref(transaction) if transaction else _of_none), known
    return known  # type: ignore[no-any-return]


class Failure(Enum):
    """What the database did not do, whoever asked and for whatever."""

    AWAY = "away"  # it does not answer, or cannot be reached
    BUSY = "busy"  # somebody else holds a lock
    SLOW = "slow"  # the answer would have taken too long
    FULL = "full"  # its disk
    CROSSED = "crossed"  # two acts met, and one was let go on
    OTHER_VERSION = "other version"  # it was upgraded, or was not yet


# By the state that PostgreSQL gives, or SQLite's code.
FAILURES: dict[str | int, Failure] = {
    "40P01": Failure.CROSSED,
    "40001": Failure.CROSSED,
    "55P03": Failure.BUSY,
    "57014": Failure.SLOW,
    "53100": Failure.FULL,
    sqlite3.SQLITE_BUSY: Failure.BUSY,
    sqlite3.SQLITE_LOCKED: Failure.BUSY,
    sqlite3.SQLITE_READONLY: Failure.BUSY,
    sqlite3.SQLITE_FULL: Failure.FULL,
    sqlite3.SQLITE_IOERR_SHMSIZE: Failure.FULL,  # no room for what connections share: it cannot even be read
}


def kind_of(error: SQLAlchemyError) -> Failure:
    """What an error of the database comes to, for those who can do nothing about it."""
    inner = getattr(error, "orig", None)
    code = getattr(inner, "sqlstate", None) or getattr(inner, "sqlite_errorcode", 0)
    if code not in FAILURES and isinstance(code, int):
        code &= 0xFF  # without what kind of it
    return FAILURES.get(code, Failure.AWAY)


def words_of(error: SQLAlchemyError) -> str:
    """What the database said, on one line."""
    return " ".join(str(getattr(error, "orig", None) or error).split())


def patience() -> "Patience | None":
    """How long this application waits for PostgreSQL, and whether that hangs; None on SQLite."""
    found: Patience | None = current_app.extensions["portal.patience"]
    return found


def watch(app: Flask) -> None:
    """From now on, and for as long as this process lives, notice when PostgreSQL no longer answers."""
    if known := app.extensions["portal.patience"]:
        from portal.waiting import Watch

        Watch(known).start()


@contextmanager
def for_a_command() -> Iterator[None]:
    """In here an answer may take as long as it takes, unless PostgreSQL answers nobody any more for half a minute."""
    known = patience()
    if known is None:
        yield
        return
    from portal.waiting import Limits, Watch

    pages, known.limits = known.limits, Limits(None, known.limits.lock, answer=20, every=10)
    watching = Watch(known)
    watching.start()
    try:
        yield
    finally:
        watching.end()
        known.limits = pages


def register(app: Flask) -> None:
    """Let every GET be a reader, and nobody wait for ever."""
    app.extensions["portal.patience"] = None
    with app.app_context():
        schema.guard(db.engine)
        app.extensions["portal.schema"] = schema.Served(db.engine)
        if db.engine.dialect.name == "postgresql":
            from portal.waiting import Limits, Patience  # here: whoever runs on SQLite needs no other driver

            limits = Limits(app.config["STATEMENT_SECONDS"], app.config["LOCK_SECONDS"], answer=1, every=0.25)
            app.extensions["portal.patience"] = Patience(db.engine, limits)

    @app.before_request
    def _read_only() -> None:
        _reading.set(request.method in ("GET", "HEAD", "OPTIONS"))

    @app.teardown_request
    def _as_before(_error: BaseException | None) -> None:
        _reading.set(False)


def alembic_config(app: Flask | None = None) -> "Config":
    """Alembic, pointed at our migrations; in a checkout and in an installed wheel alike."""
    from alembic.config import Config  # here: a quarter of a second that only migrations should take

    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations").replace("%", "%%"))
    config.attributes["app"] = app
    return config


def upgrade(app: Flask, revision: str = "head") -> None:
    """Bring the tables up to date."""
    from alembic import command

    command.upgrade(alembic_config(app), revision)


def refuse_to_lose(connection: Connection, typed: str | None) -> None:
    """Whether a downgrade may go on: where there is anything to lose, the database's name has to be `typed`.

    Raises RuleBroken. Nobody adds to what was counted before the transaction ends.
    """
    name = name_of(connection)
    if typed is not None and typed != name:
        raise RuleBroken(f"This database is called {name}, not {typed}. Nothing was changed.")
    lost = [plural(count, one, many) for (one, many), count in _kept(connection) if count]
    if lost and typed is None:
        raise RuleBroken(
            f"The database {name} contains {listed(lost)}. A downgrade may lose them for good: no upgrade "
            f"brings them back. Nothing was changed. Make a backup; to downgrade anyway, name the database: "
            f"--database {name}"
        )


def name_of(connection: Connection) -> str:
    """What a database is called: on PostgreSQL its name, on SQLite the file's, without its folder."""
    return (connection.engine.url.database or "").replace("\\", "/").rsplit("/", 1)[-1]


def _kept(connection: Connection) -> Iterator[tuple[tuple[str, str], int]]:
    tables = [table for table in KEPT if table in inspect(connection).get_table_names()]
    if tables and connection.dialect.name == "postgresql":
        names = ", ".join(f'"{table}"' for table in tables)
        connection.exec_driver_sql(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE")
    for table in tables:
        yield KEPT[table], connection.exec_driver_sql(f'SELECT count(*) FROM "{table}"').scalar_one()
