"""How both databases are spoken to, and how their tables are brought up to date.

SQLite: a writer takes the write lock when it begins, so that nothing it has read goes stale under
it; a reader (a GET) begins without, and cannot write. PostgreSQL needs nothing said.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from flask import Flask, request
from sqlalchemy import Connection, Engine, event

from portal.config import ROOT

if TYPE_CHECKING:
    from alembic.config import Config

_reading: ContextVar[bool] = ContextVar("reading", default=False)

PRAGMAS = ("busy_timeout=15000", "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON")


# For very many rows at once: pages that are met again stay in memory, and the log is not copied back at every commit.
ROOMY = ("cache_size=-65536", "wal_autocheckpoint=16000")


def make_room(connection: Connection) -> None:
    """Give SQLite room for very many rows, for as long as the connection lives. PostgreSQL has room of its own."""
    if connection.dialect.name == "sqlite":
        for pragma in ROOMY:
            connection.exec_driver_sql(f"PRAGMA {pragma}")


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
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


@contextmanager
def reading() -> Iterator[None]:
    """Transactions that begin in here only read (held by SQLite; elsewhere a promise)."""
    token = _reading.set(True)
    try:
        yield
    finally:
        _reading.reset(token)


def register(app: Flask) -> None:
    """Let every GET be a reader."""

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
