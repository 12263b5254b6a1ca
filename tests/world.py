"""The two databases that tests run on, and the small cast that is there before a test begins.

Whatever takes long and always comes to the same is done once: templates are compiled, static files compressed, and
SQLite's tables made.

The provider is Lumen Voice. Olivia owns the portal, Ben does its billing, Vera only looks.
"""

import atexit
import os
import shutil
import sqlite3
import tempfile
import time
from contextlib import suppress
from datetime import timedelta
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import alembic.command  # noqa: F401 (its own imports warn; here that is nobody's failure)
import sqlalchemy
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, create_engine, event, select, text, update
from sqlalchemy.pool import QueuePool

from portal import clock, create_app, private
from portal.config import FIXED
from portal.database import upgrade
from portal.extensions import db
from portal.models import Company
from portal.models.session import UserSession
from portal.models.user import User
from portal.services.people import user_sessions
from portal.services.people.people import create_staff
from portal.tasks.foreground import do_what_waits

# Beside the charges, on PostgreSQL: no model describes it (migrations/charge_keys.py).
KEYS = (
    "charge_id",
    "customer_id",
    "package_id",
    "corrects_id",
    "reverses_id",
    "correction_id",
    "writes_off_id",
)
CHARGE_KEY = sqlalchemy.table("charge_key", *map(sqlalchemy.column, KEYS))
PASSWORD = "correct-horse-battery"
STAFF = {"owner": "Olivia Brandt", "billing": "Ben Clerk", "viewer": "Vera Look"}


class Client(FlaskClient):
    """A browser without script. What a test has changed is committed before each request."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        """Answer in an application context, and so a database session, of its own."""
        from flask import has_app_context

        if has_app_context():
            db.session.commit()
        kwargs.setdefault("buffered", True)  # static files are closed once they are read
        with self.application.app_context():
            answer = super().open(*args, **kwargs)
            if answer.request.method == "POST" and answer.status_code != 503:  # else the database is away
                do_what_waits("mail")  # on PostgreSQL, as a worker does
            return answer


def email(role: str) -> str:
    """The address that a member of staff signs in with."""
    return f"{role}@lumen.example"


def signed_in(app: Flask, role: str) -> FlaskClient:
    """A browser in which one of STAFF is signed in."""
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie.update(app.extensions["portal.tests.cast"][email(role)], _fresh=True, fs_paa=time.time())
    return client


def cookie_of(user: User) -> dict[str, str]:
    """What the cookie of a browser holds in which a person has signed in."""
    key = user_sessions.begin(user.id, "A browser", "127.0.0.1", clock.now())
    return {"_user_id": user.fs_uniquifier, "session_key": key}


@event.listens_for(Engine, "connect")
def _wait_for_no_disk(connection: Any, _record: Any) -> None:
    """What a crash of the machine would lose is thrown away anyway."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous=OFF")


class Pool(QueuePool):
    """Connections as in earnest, but none outlives its pool.

    Whoever still has one while the pool is emptied (a thread that answers a browser which has gone) closes it in
    giving it back. Left to the pool that nobody has any more, it would be found open during some later test.
    """

    emptied = False

    def dispose(self) -> None:
        """Close the connections that are here now, and from now on those that come back."""
        self.emptied = True
        super().dispose()

    def _do_return_conn(self, record: Any) -> None:
        super()._do_return_conn(record)
        if self.emptied:
            super().dispose()


# Where test processes side by side find what one of them has made ready.
SHARED = "TESTS_OF_PORTAL_SHARE"
READY_MADE = ("templates", "static")  # what an instance folder has that comes to the same in each


@cache
def shared() -> Path:
    """A folder for what is ready-made, as long as the first process lasts that asks for it."""
    if SHARED not in os.environ:
        os.environ[SHARED] = tempfile.mkdtemp(prefix="portal-shared-")
        atexit.register(shutil.rmtree, os.environ[SHARED], ignore_errors=True)
    for name in READY_MADE:
        Path(os.environ[SHARED], name).mkdir(exist_ok=True)
    return Path(os.environ[SHARED])


def new_folder(folder: Path, name: str) -> Path:
    """For a fixture of a module: one process may set it up more than once, as tests are dealt out anew."""
    home = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=folder))
    home.chmod(0o755)
    return home


def share(instance: Path) -> None:
    """Let an application find what was made ready by others, unless it has a folder for it already."""
    private.folder(instance)
    for name in READY_MADE:
        with suppress(FileExistsError):
            (instance / name).symlink_to(shared() / name)


def make_app(folder: Path, url: str, **config: Any) -> Flask:
    """An application as tests want it: cheap passwords, no CSRF tokens to copy, no limits."""
    share(folder / "instance")
    app = create_app(
        {
            "INSTANCE": folder / "instance",
            "SQLALCHEMY_DATABASE_URI": url,
            "SQLALCHEMY_ENGINE_OPTIONS": {**FIXED["SQLALCHEMY_ENGINE_OPTIONS"], "poolclass": Pool},
            "SECRET_KEY": "for tests only, and long enough",
            "TESTING": True,
            "WTF_CSRF_ENABLED": False,
            "RATELIMIT_ENABLED": False,
            "SECURITY_PASSWORD_HASH": "plaintext",
            "SECURITY_PASSWORD_SCHEMES": ["plaintext"],
            **config,
        }
    )
    app.test_client_class = Client
    return app


class Database:
    """One migrated database, the application on it, and how it is made as it was."""

    def __init__(self, folder: Path, url: str) -> None:
        self.app = make_app(folder, url)
        self.settings = dict(self.app.config)
        upgrade(self.app)
        with self.app.app_context():
            company = db.session.get_one(Company, 1)
            company.name = "Lumen Voice"
            for role, name in STAFF.items():
                create_staff(email(role), name, PASSWORD, role)
            db.session.commit()
            self.app.extensions["portal.tests.cast"] = {
                user.email: cookie_of(user) for user in db.session.scalars(select(User)).all()
            }
            # Seen already, for as long as tests last: no page has to write down that somebody is there.
            db.session.execute(update(UserSession).values(seen_at=clock.now() + timedelta(hours=6)))
            db.session.commit()
        self.keep()

    def keep(self) -> None:
        """Remember what every test finds."""
        raise NotImplementedError

    def clean(self) -> None:
        """Make the database as it was kept."""
        raise NotImplementedError

    def set_again(self) -> None:
        """Let the application have the settings that it began with."""
        self.app.config.clear()
        self.app.config.update(self.settings)

    def close(self) -> None:
        """Leave no connection behind for the next test."""
        with self.app.app_context():
            db.engine.dispose()

    def end(self) -> None:
        """Leave no connection behind."""
        self.close()


class Sqlite(Database):
    """A file, and a copy of it as it was.

    Each test has a file of its own, which the one name leads to: a connection that a thread of the test before has not
    closed yet goes on with the file it knows, instead of meeting another one under its log.
    """

    def __init__(self, folder: Path) -> None:
        self.name, self.kept = folder / "test.db", folder / "kept.db"
        self.files = count()
        self._lead_to(self._next_file())
        super().__init__(folder, f"sqlite:///{self.name}")

    def _next_file(self) -> Path:
        return self.name.with_name(f"test-{next(self.files)}.db")

    def _lead_to(self, file: Path) -> None:
        """Let the name stand for another file (SQLite keeps its log beside the file, not beside the name)."""
        link = self.name.with_name("link.db")
        link.symlink_to(file)
        link.replace(self.name)

    def keep(self) -> None:
        """Copy the file, once nothing stands in its log any more."""
        self.close()
        shutil.copyfile(self.name, self.kept)

    def clean(self) -> None:
        """Start with a copy. (Deleting rows would meet the triggers that keep charges.)"""
        self.close()
        before, file = self.name.resolve(), self._next_file()
        shutil.copyfile(self.kept, file)
        self._lead_to(file)
        for suffix in ("", "-wal", "-shm"):
            before.with_name(before.name + suffix).unlink(missing_ok=True)


class Postgresql(Database):
    """A database emptied row by row, past triggers and foreign keys; counters go on.

    One connection stays at it for the whole session: it knows all the tables already and how to empty them, which
    takes a new one longer than most tests. The application's connections stay in their pool for the same reason.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self.engine = create_engine(url, isolation_level="AUTOCOMMIT", max_overflow=5)
        self.cleaning = self.engine.connect()
        super().__init__(folder, url)

    def keep(self) -> None:
        """Keep the rows in temporary tables, and what puts them back as a function of this connection's own."""
        super().close()
        steps = [
            f"DELETE FROM procrastinate_{name};" for name in ("events", "periodic_defers", "jobs", "workers")
        ]
        for table in (*db.metadata.sorted_tables, CHARGE_KEY):
            steps.append(f'DELETE FROM "{table.name}";')
            kept = f'pg_temp."kept_{table.name}"'
            self.cleaning.execute(text(f"DROP TABLE IF EXISTS {kept}"))
            if self.cleaning.execute(select(table).limit(1)).first():
                self.cleaning.execute(text(f'CREATE TABLE {kept} AS TABLE "{table.name}"'))
                steps.append(f'INSERT INTO "{table.name}" TABLE {kept};')
        function = "CREATE OR REPLACE FUNCTION pg_temp.clean() RETURNS void LANGUAGE plpgsql"
        setting = "SET session_replication_role = replica"
        self.cleaning.execute(text(f"{function} {setting} AS $$ BEGIN {' '.join(steps)} END $$"))

    def clean(self) -> None:
        """Take all rows away in one statement, and put the first ones back."""
        self.cleaning.execute(text("SELECT pg_temp.clean()"))

    def close(self) -> None:
        """Leave the connections to the next test, unless one has not come back."""
        with self.app.app_context():
            if db.engine.pool.checkedout():
                super().close()

    def end(self) -> None:
        """Leave no connection behind."""
        super().close()
        self.cleaning.close()
        self.engine.dispose()
