"""How long PostgreSQL is waited for, and what happens when it no longer answers.

A server that is stopped, or whose disk hangs, keeps its connections open and times nothing out. So there is a
deadline on this side too: `Connection` gives up an answer that does not come, and `Watch`, a thread in each process,
asks every moment whether the server still answers. While it does not, whoever waits for it is let go, and nobody
begins to wait: they are told at once (`portal/web/http/away.py`).
"""

import logging
import os
import socket
import threading
from dataclasses import dataclass
from typing import Any, TypeVar
from weakref import WeakSet

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import Engine, event

log = logging.getLogger("portal.database")

Answer = TypeVar("Answer")

CONNECT = 2  # seconds for a new connection: the least that psycopg knows
GRACE = 5  # seconds more than the server gives a statement until this side gives it up
NO_ANSWER = "the database does not answer"


@dataclass(frozen=True)
class Limits:
    """Seconds; None for as long as it takes. `answer`: after how many without one the server is known to hang."""

    statement: int | None
    lock: int
    answer: float
    every: float


class Connection(psycopg.Connection[Any]):
    """A connection that gives an answer up which does not come: it is closed, and of no use any more."""

    patience: float | None = None  # seconds for one answer

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """What the server answers. OperationalError where it took longer than `patience`."""
        try:
            return super().wait(gen, interval, self.patience if timeout is None else timeout)
        except psycopg.OperationalError as error:
            if self.pgconn.transaction_status != TransactionStatus.ACTIVE:
                raise
            self.pgconn.finish()
            raise psycopg.OperationalError(NO_ANSWER) from error


class Patience:
    """What the connections of one engine have in common: their limits, and whether the server is known to hang."""

    def __init__(self, engine: Engine, limits: Limits) -> None:
        self.engine, self.limits = engine, limits
        self.hangs = False
        self._open: WeakSet[Connection] = WeakSet()
        event.listen(engine, "do_connect", self._connect)

    def _connect(self, _dialect: Any, _record: Any, arguments: Any, named: Any) -> Connection:
        if self.hangs:
            raise psycopg.OperationalError(NO_ANSWER)
        connection = self.connect(*arguments, **named)
        self._open.add(connection)
        return connection

    def connect(self, *arguments: Any, **named: Any) -> Connection:
        """A new connection with these limits, for as long as it lives."""
        connection = Connection.connect(
            *arguments, **{"connect_timeout": CONNECT, "autocommit": True, **named}
        )
        statement, lock = self.limits.statement, self.limits.lock
        connection.patience = CONNECT
        # Where others read a large table too, the first rows of it are else others each time: so is what fits of them.
        always = "SET synchronize_seqscans = off"
        connection.execute(
            f"SET statement_timeout = '{statement or 0}s'; SET lock_timeout = '{lock}s'; {always}"
        )
        connection.autocommit = False
        connection.patience = statement + GRACE if statement else None
        return connection

    def let_go(self) -> None:
        """End every wait that is going on: what waits finds its connection closed."""
        for connection in list(self._open):
            try:
                twin = os.dup(connection.fileno())
            except (OSError, psycopg.Error):
                continue
            with socket.socket(fileno=twin) as wire:
                if not connection.closed:
                    wire.shutdown(socket.SHUT_RDWR)


class Watch(threading.Thread):
    """Asks again and again whether the server answers, on a connection of its own, and says so in `patience.hangs`."""

    def __init__(self, patience: Patience) -> None:
        super().__init__(name="database watch", daemon=True)
        self.patience = patience
        self.connection: Connection | None = None
        self._ended = threading.Event()

    def end(self) -> None:
        """Ask no more."""
        self._ended.set()

    def run(self) -> None:
        """Go on for as long as the process lives. Its connection is there from the first: a new one waits longer."""
        self.look()
        while not self._ended.wait(self.patience.limits.every):
            self.look()
        if self.connection is not None:
            self.connection.close()

    def look(self) -> None:
        """Ask once. A server that refuses is away, not hanging: whoever needs it hears that at once."""
        hangs = False
        try:
            self.connection = self.connection or self._connect()
            self.connection.execute("SELECT 1")
        except psycopg.Error as error:
            hangs = isinstance(error, psycopg.errors.ConnectionTimeout) or str(error) == NO_ANSWER
            if self.connection is not None:
                self.connection.close()
            self.connection = None
        before, self.patience.hangs = self.patience.hangs, hangs
        if hangs:
            self.patience.let_go()
        if hangs != before:
            log.error("The database does not answer." if hangs else "The database answers again.")

    def _connect(self) -> Connection:
        dialect, url = self.patience.engine.dialect, self.patience.engine.url
        arguments, named = dialect.create_connect_args(url)
        connection = self.patience.connect(*arguments, **named)
        connection.autocommit = True
        connection.patience = self.patience.limits.answer
        return connection
