"""A backup holds every row, and gives every row back, into an empty database and no other."""

import os
import sqlite3
import stat
import threading
from contextlib import closing, contextmanager
from datetime import date

import pytest
from click.testing import CliRunner
from sqlalchemy import create_engine, inspect, make_url, text

from portal import backups, schema
from portal.cli import main
from portal.domain.errors import RuleBroken
from portal.extensions import db
from portal.services.runs import runs
from tests import postgresql, world
from tests.conftest import POSTGRESQL, SQLITE
from tests.trade import NOW, TODAY, a_customer, a_did, a_package, assigned

NAME = "portal_test_restored"


@pytest.fixture(autouse=True)
def _programs(folder, monkeypatch):
    """pg_dump and pg_restore of the server's version are on the PATH, behind older ones that may be there."""
    if not os.environ.get("PORTAL_TEST_DATABASE_URL"):
        home = folder / "programs"
        home.mkdir(exist_ok=True)
        monkeypatch.setenv("PATH", f"{os.environ['PATH']}{os.pathsep}{postgresql.binaries(home)}")


@pytest.fixture
def used(app, session):
    """A database that somebody has worked with."""
    acme = a_customer("Acme Ünïted")
    trunk = a_package("Trunk", "24.50", match=(1, 15), setup_retail="25")
    assigned(trunk, acme, date(2026, 1, 1), did=a_did(acme))
    assigned(a_package("Phone", "8.123456", match=(3,)), acme, date(2026, 2, 1), auto_decrement_credit=True)
    run = runs.start(TODAY, simulate=False, today=TODAY, by="test", now=NOW)
    session.commit()
    runs.carry_out(run.id, TODAY, lambda: NOW)
    session.commit()
    return app


@contextmanager
def another(app, tmp_path):
    """An application on an empty database of the same kind."""
    url = app.config["SQLALCHEMY_DATABASE_URI"]
    if url.startswith("sqlite"):
        yield world.make_app(tmp_path, f"sqlite:///{tmp_path / 'restored.db'}")
        return
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)"))
        connection.execute(text(f"CREATE DATABASE {NAME}"))
    made = world.make_app(tmp_path, make_url(url).set(database=NAME).render_as_string(hide_password=False))
    yield made
    with made.app_context():
        db.engine.dispose()
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE {NAME} WITH (FORCE)"))
    engine.dispose()


def rows(app):
    """Every row of every table, as the database itself gives it."""
    with app.app_context(), db.engine.connect() as connection:
        return {
            name: sorted(map(repr, connection.execute(text(f'SELECT * FROM "{name}"'))))
            for name in inspect(connection).get_table_names()
        }


def engine_of(app):
    with app.app_context():
        return db.engine


def test_every_row_is_there_again(used, tmp_path):
    before, file = rows(used), tmp_path / "portal.backup"
    backups.back_up(engine_of(used), file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not file.with_name("portal.backup.part").exists()
    with another(used, tmp_path) as restored:
        backups.restore(engine_of(restored), file)
        assert rows(restored) == before
        assert len(before["charge"]) > 20 and len(before["customer"]) == 1
        with restored.app_context():
            with db.engine.connect() as connection:
                schema.check(connection, exact=True)
            with pytest.raises(Exception, match="never"), db.engine.begin() as connection:
                connection.execute(text("DELETE FROM charge"))  # what refuses that is there again, too
            db.session.remove()
            a_customer("Globex")  # with an id that nobody had
            db.session.commit()
        with pytest.raises(RuleBroken, match="The database is not empty"):
            backups.restore(engine_of(restored), file)
        again = tmp_path / "again.backup"
        backups.back_up(engine_of(restored), again)
        assert again.exists()
        with restored.app_context():
            db.engine.dispose()


@pytest.mark.only_on(SQLITE)
def test_a_backup_of_a_database_in_use_is_of_one_moment(used, tmp_path):
    """While it is copied, another connection adds a charge and its balance entry's like, always both or neither."""
    path = engine_of(used).url.database
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE one (n INTEGER)")
        connection.execute("CREATE TABLE two (n INTEGER)")
    stop = threading.Event()

    def write():
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            while not stop.is_set():
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("INSERT INTO one VALUES (1)")
                connection.execute("INSERT INTO two VALUES (1)")
                connection.execute("COMMIT")

    writing = threading.Thread(target=write)
    writing.start()
    try:
        for number in range(10):
            file = tmp_path / f"{number}.backup"
            backups.back_up(engine_of(used), file)
            with closing(sqlite3.connect(file)) as connection:
                counts = [
                    connection.execute(f"SELECT count(*) FROM {name}").fetchone() for name in ("one", "two")
                ]
            assert counts[0] == counts[1]
    finally:
        stop.set()
        writing.join()


def test_the_commands_say_what_they_did_and_overwrite_nothing(used, tmp_path, monkeypatch):
    file = tmp_path / "portal.backup"
    monkeypatch.setattr("portal.create_app", lambda: used)
    done = CliRunner().invoke(main, ["backup", str(file)])
    assert done.exit_code == 0 and done.output.startswith(f"Written to {file}: ")
    again = CliRunner().invoke(main, ["backup", str(file)])
    assert again.exit_code == 1 and "is there already. Name a new file." in again.output
    with another(used, tmp_path) as restored:
        monkeypatch.setattr("portal.create_app", lambda: restored)
        done = CliRunner().invoke(main, ["restore", str(file)])
        assert (done.exit_code, done.output) == (0, f"Restored from {file}.\n")
        with restored.app_context():
            db.engine.dispose()


def test_what_is_no_backup_is_refused(used, tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("nothing of ours")
    with pytest.raises(RuleBroken, match="is no backup of the portal"):
        backups.restore(engine_of(used), file)
    other = backups.OF_POSTGRESQL if engine_of(used).dialect.name == "sqlite" else backups.OF_SQLITE
    file.write_bytes(other + b"...")
    with pytest.raises(RuleBroken, match="names another kind of database"):
        backups.restore(engine_of(used), file)


@pytest.mark.only_on(SQLITE)
def test_a_damaged_backup_of_sqlite_is_refused_and_leaves_nothing(used, tmp_path):
    file = tmp_path / "portal.backup"
    backups.back_up(engine_of(used), file)
    content = bytearray(file.read_bytes())
    content[40_000:120_000] = b"x" * 80_000
    file.write_bytes(content)
    with another(used, tmp_path) as restored:
        with pytest.raises((RuleBroken, sqlite3.DatabaseError)):
            backups.restore(engine_of(restored), file)
        assert rows(restored) == {}
        with restored.app_context():
            db.engine.dispose()


@pytest.mark.only_on(SQLITE)
def test_a_backup_of_sqlite_that_was_cut_off_is_refused_as_damaged(used, tmp_path):
    file = tmp_path / "portal.backup"
    backups.back_up(engine_of(used), file)
    file.write_bytes(file.read_bytes()[:100_000])
    with another(used, tmp_path) as restored:
        with pytest.raises(RuleBroken, match="is damaged"):
            backups.restore(engine_of(restored), file)
        assert rows(restored) == {}
        with restored.app_context():
            db.engine.dispose()


@pytest.mark.only_on(SQLITE)
def test_a_sqlite_database_of_something_else_is_refused_and_leaves_nothing(used, tmp_path):
    file = tmp_path / "other.db"
    with closing(sqlite3.connect(file)) as other:
        other.execute("CREATE TABLE charge (amount)")
    with another(used, tmp_path) as restored:
        with pytest.raises(RuleBroken, match="is no backup of the portal"):
            backups.restore(engine_of(restored), file)
        assert rows(restored) == {}
        with restored.app_context():
            db.engine.dispose()


@pytest.mark.only_on(POSTGRESQL)
def test_a_half_backup_of_postgresql_is_refused_and_leaves_nothing(used, tmp_path):
    file = tmp_path / "portal.backup"
    backups.back_up(engine_of(used), file)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with another(used, tmp_path) as restored:
        with pytest.raises(RuleBroken, match="pg_restore failed, and nothing was changed"):
            backups.restore(engine_of(restored), file)
        assert rows(restored) == {}


@pytest.mark.only_on(POSTGRESQL)
def test_a_pg_dump_older_than_the_server_is_not_used(used, tmp_path, monkeypatch):
    old = tmp_path / "pg_dump"
    old.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.1'\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(backups, "ALSO_IN", ())
    with pytest.raises(RuleBroken, match=r"or newer is needed, as the server is \(found: 9\)"):
        backups.back_up(engine_of(used), tmp_path / "portal.backup")
    assert not (tmp_path / "portal.backup").exists() and not (tmp_path / "portal.backup.part").exists()
