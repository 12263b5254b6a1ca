"""The migrations run both ways, on both databases, and end where the models stand."""

import re
from importlib.metadata import version
from pathlib import Path

import pytest
from alembic import command, context
from click.testing import CliRunner
from procrastinate.schema import SchemaManager
from sqlalchemy import Index, UniqueConstraint, create_engine, inspect, make_url, text
from sqlalchemy.exc import IntegrityError

from portal.cli import main
from portal.config import ROOT
from portal.database import KEPT, alembic_config, upgrade
from portal.domain.errors import RuleBroken
from portal.extensions import db
from tests import world


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path):
    """An empty database of its own."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/m.db"
        return
    server = make_url(request.getfixturevalue("postgresql_url"))
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("DROP DATABASE IF EXISTS portal_test_migrations WITH (FORCE)"))
        connection.execute(text("CREATE DATABASE portal_test_migrations"))
    yield server.set(database="portal_test_migrations").render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.execute(text("DROP DATABASE portal_test_migrations WITH (FORCE)"))
    engine.dispose()


# Of an index of an expression, as ix_call_newest is, Alembic reads nothing on SQLite: PostgreSQL's is compared.
@pytest.mark.filterwarnings("ignore:.*expression-based index")
def test_migrations_run_both_ways_and_match_the_models(url, tmp_path):
    app = world.make_app(tmp_path, url)
    config = alembic_config(app)
    command.upgrade(config, "head")
    command.downgrade(config, "base")
    with app.app_context():
        assert set(inspect(db.engine).get_table_names()) <= {"alembic_version", "sqlite_sequence"}
    command.upgrade(config, "head")
    command.check(config)
    with app.app_context():
        db.engine.dispose()


def test_the_queue_is_made_as_the_installed_procrastinate_has_it():
    """Another version of it needs a migration; what an old migration makes stays as it was."""
    kept = sorted((ROOT / "migrations").glob("procrastinate-*.sql"))[-1]
    assert kept.stem == f"procrastinate-{version('procrastinate')}"
    assert kept.read_text() == SchemaManager.get_schema()


def test_a_process_that_migrates_and_goes_on_keeps_its_foreign_keys(url, tmp_path):
    app = world.make_app(tmp_path, url)
    with app.app_context():
        db.session.execute(text("SELECT 1"))  # a connection that was there before, and waits in the pool
        db.session.rollback()
        upgrade(app)
        _hold_foreign_keys()


def test_a_migration_that_fails_in_the_middle_leaves_the_foreign_keys_on(url, tmp_path, monkeypatch):
    app = world.make_app(tmp_path, url)
    upgrade(app)
    monkeypatch.setattr(context, "run_migrations", lambda: 1 / 0)
    with app.app_context():
        with pytest.raises(ZeroDivisionError):
            upgrade(app)
        _hold_foreign_keys()


def _hold_foreign_keys():
    """Whether every connection of the pool, and the next one, refuses a charge of a customer who is not there."""
    connections = [db.engine.connect() for _ in range(3)]
    try:
        for connection in connections:
            if connection.dialect.name == "sqlite":
                assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
                connection.rollback()
            with pytest.raises(IntegrityError, match=re.compile("foreign key", re.IGNORECASE)):
                _post(connection, "balance_entry", customer_id=404, source="'adjustment'")
            connection.rollback()
    finally:
        for connection in connections:
            connection.close()
        db.session.remove()
        db.engine.dispose()


# -- what is written once


APPEND_ONLY = ["audit_entry", "balance_entry", "charge", "due_day"]
ACTS = [
    "UPDATE {table} SET {a} = {a}",
    "DELETE FROM {table}",
    "INSERT INTO {table} ({names}) VALUES ({values}) ON CONFLICT (id) DO UPDATE SET {a} = excluded.{a}",
]
ACTS_OF = {
    "sqlite": [
        "INSERT OR REPLACE INTO {table} ({names}) VALUES ({values})",
        "REPLACE INTO {table} ({names}) VALUES ({values})",
        "UPDATE OR REPLACE {table} SET id = id + 1",
    ],
    "postgresql": ["TRUNCATE {table} CASCADE", "TRUNCATE audit_entry, customer CASCADE"],
}
WRITTEN_ONCE = "written once, never edited, never deleted"


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_what_was_posted_is_never_edited_and_never_deleted(app, table):
    with app.app_context(), db.engine.connect() as connection:
        row = _post_something(connection, table)
        a = "comment" if table == "audit_entry" else "reason"
        for act in (*ACTS, *ACTS_OF[connection.dialect.name]):
            said = act.format(table=table, names=", ".join(row), values=", ".join(row.values()), a=a)
            with pytest.raises(IntegrityError, match=WRITTEN_ONCE), connection.begin_nested():
                connection.execute(text(said))


def _keys():
    """Every unique key of every table that is written once: its columns. With the id among them it is the id's own."""
    for name in APPEND_ONLY:
        table = db.metadata.tables[name]
        for key in sorted((*table.constraints, *table.indexes), key=lambda key: str(key.name)):
            is_unique = isinstance(key, UniqueConstraint) or (isinstance(key, Index) and key.unique)
            if is_unique and "id" not in key.columns:
                yield pytest.param(name, [column.name for column in key.columns], id=f"{name}: {key.name}")


@pytest.mark.parametrize(("table", "columns"), list(_keys()))
def test_what_was_posted_is_replaced_through_none_of_its_keys(app, table, columns):
    with app.app_context(), db.engine.connect() as connection:
        # A charge has one entry that took it from the balance.
        source = {"source": "'charge'"} if table == "balance_entry" else {}
        key = {name: "'2026-01-31'" if name.startswith("period") else "1" for name in columns}
        first = _post_something(connection, table, id="11", **key, **source)
        names, values = ", ".join(first), ", ".join({**first, "id": "12"}.values())
        replace = "INSERT OR REPLACE" if connection.dialect.name == "sqlite" else "INSERT"
        with pytest.raises(IntegrityError), connection.begin_nested():
            connection.execute(text(f"{replace} INTO {table} ({names}) VALUES ({values})"))
        assert list(connection.execute(text(f"SELECT id FROM {table}")).scalars()) == [11]


def test_a_key_that_holds_for_some_rows_only_refuses_no_others(app):
    """A charge that was taken from the balance may be named by other entries: of an allocation, of its release."""
    with app.app_context(), db.engine.connect() as connection:
        _post_something(connection, "balance_entry", source="'charge'", charge_id="1")
        for source in ("allocation", "release", "release"):
            _post_something(connection, "balance_entry", source=f"'{source}'", charge_id="1")
        assert connection.execute(text("SELECT count(*) FROM balance_entry")).scalar() == 4


def test_every_table_with_a_trigger_is_one_that_is_written_once(app):
    """The list above is the database's: a table that is guarded from now on is tried as well."""
    with app.app_context(), db.engine.connect() as connection:
        where = (  # those that keep an index of parts (migrations/parts.py) guard nothing
            "SELECT DISTINCT tbl_name FROM sqlite_master WHERE type = 'trigger' AND name NOT LIKE 'part_%'"
            if connection.dialect.name == "sqlite"
            else "SELECT DISTINCT event_object_table FROM information_schema.triggers"
            " WHERE event_object_table <> 'procrastinate_jobs'"
        )
        beside = (
            ["charge_key"] if connection.dialect.name == "postgresql" else []
        )  # migrations/charge_keys.py
        assert sorted(connection.execute(text(where)).scalars()) == sorted(APPEND_ONLY + beside)


def _post_something(connection, table, **given):
    """One row, whatever it says: its references and rules are not what is tested here. Its values, as SQL."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        connection.exec_driver_sql("PRAGMA ignore_check_constraints=ON")
    else:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        for check in inspect(connection).get_check_constraints(table):
            connection.execute(text(f'ALTER TABLE {table} DROP CONSTRAINT "{check["name"]}"'))
    row = _post(connection, table, **given)
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL session_replication_role = origin"))
    return row


def _post(connection, table, **given):
    columns = [c for c in db.metadata.tables[table].columns if not c.nullable and c.name != "id"]
    row = {c.name: {int: "1", bool: "true", str: "'x'"}.get(_kind(c), "'2026-01-31'") for c in columns}
    row |= {name: str(value) for name, value in given.items()}
    connection.execute(text(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(row.values())})"))
    id = connection.execute(text(f"SELECT max(id) FROM {table}")).scalar()
    return {"id": str(id), **row}


def _kind(column):
    kind = getattr(column.type, "impl", column.type).python_type
    return kind if kind in (int, bool, str) else None


# -- what a downgrade would lose


@pytest.mark.parametrize("table", KEPT)
@pytest.mark.slow
def test_a_downgrade_that_would_lose_something_is_refused_unless_the_database_is_named(url, tmp_path, table):
    app = world.make_app(tmp_path, url)
    config = alembic_config(app)
    upgrade(app)
    with app.app_context():
        with db.engine.connect() as connection:
            name = connection.engine.url.database.rsplit("/", 1)[-1]
            if connection.dialect.name == "sqlite":  # its references are not what is tested here
                connection.detach()
                connection.connection.dbapi_connection.execute("PRAGMA foreign_keys=OFF")
            _post_something(connection, table)
            connection.exec_driver_sql(
                "PRAGMA foreign_keys=OFF"
            ) if connection.dialect.name == "sqlite" else None
            connection.commit()
        for typed, says in (
            (None, f"The database {name} contains 1 "),
            ("portal", f"called {name}, not portal"),
        ):
            config.attributes["database"] = typed
            with pytest.raises(RuleBroken, match=says):
                command.downgrade(config, "base")
            with db.engine.connect() as connection:
                assert connection.execute(text(f'SELECT count(*) FROM "{table}"')).scalar() == 1
        config.attributes["database"] = name
        command.downgrade(config, "base")
        assert not set(KEPT) & set(inspect(db.engine).get_table_names())
        db.session.remove()
        db.engine.dispose()


@pytest.mark.slow
def test_the_command_asks_for_the_name_of_the_database_and_takes_no_other(url, tmp_path, monkeypatch):
    app = world.make_app(tmp_path, url)
    upgrade(app)
    monkeypatch.setattr("portal.create_app", lambda: app)
    with app.app_context(), db.engine.begin() as connection:
        _post_something(connection, "customer")
        name = connection.engine.url.database.rsplit("/", 1)[-1]
    refused = CliRunner().invoke(main, ["db", "downgrade", "base"])
    assert refused.exit_code == 1
    assert "contains 1 customer. A downgrade may lose them for good" in refused.output
    assert f"--database {name}" in refused.output
    assert CliRunner().invoke(main, ["db", "downgrade", "base", "--database", "other"]).exit_code == 1
    assert CliRunner().invoke(main, ["db", "downgrade", "base", "--database", name]).exit_code == 0
    with app.app_context():
        db.engine.dispose()
