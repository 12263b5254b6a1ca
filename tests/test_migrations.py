"""The migrations run both ways, on both databases, and end where the models stand."""

from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import create_engine, inspect, make_url, text
from sqlalchemy.exc import DBAPIError

from portal.database import alembic_config
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


@pytest.mark.parametrize("table", ["charge", "balance_entry"])
@pytest.mark.parametrize("act", ["UPDATE {} SET customer_id = 1", "DELETE FROM {}"])
def test_what_was_posted_is_never_edited_and_never_deleted(app, table, act):
    with app.app_context(), db.engine.connect() as connection:
        _post_something(connection, table)
        with pytest.raises(DBAPIError, match="never edited, never deleted"):
            connection.execute(text(act.format(table)))


def _post_something(connection, table):
    """One row, whatever it says: its references and rules are not what is tested here."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        connection.exec_driver_sql("PRAGMA ignore_check_constraints=ON")
    else:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        for check in inspect(connection).get_check_constraints(table):
            connection.execute(text(f'ALTER TABLE {table} DROP CONSTRAINT "{check["name"]}"'))
    columns = [c for c in db.metadata.tables[table].columns if not c.nullable]
    values = {c.name: {int: "1", bool: "true", str: "'x'"}.get(_kind(c), "'2026-01-31'") for c in columns}
    connection.execute(
        text(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(values.values())})")
    )
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL session_replication_role = origin"))


def _kind(column):
    kind = getattr(column.type, "impl", column.type).python_type
    return kind if kind in (int, bool, str) else None
