"""Runs the migrations, on SQLite and on PostgreSQL, from `portal db` or from alembic itself."""

import sys
from pathlib import Path
from typing import Any

from alembic import context
from sqlalchemy import TypeDecorator

from portal import create_app
from portal.database import refuse_to_lose
from portal.extensions import db
from portal.schema import MAY_SERVE, keep_who_may_serve

# The task queue's own (migrations/task_queue.py): no model describes it.
QUEUE = ("procrastinate_", "idx_procrastinate_")
# What finds rows by a part of a text (migrations/parts.py), with the tables that SQLite makes for it.
PARTS = ("part_",)
# What few charges refer to (migrations/charge_keys.py), and the keys of all.
KEYS = "charge_key"

# What migrations share lies beside this file, in a checkout and in an installed wheel alike.
if (here := str(Path(__file__).parent)) not in sys.path:
    sys.path.append(here)


def render_item(kind: str, item: Any, autogen: Any) -> str | bool:
    """Write a column type of ours as what it is stored as: old migrations know nothing of models."""
    if kind == "type" and isinstance(item, TypeDecorator):
        autogen.imports.add("import sqlalchemy as sa")
        return f"sa.{item.impl!r}"
    return False


def migrate() -> None:
    """Run what is asked for, in one transaction, with SQLite's foreign keys held off meanwhile.

    SQLite alters a table by building it anew; with foreign keys on, dropping the old one would take
    the rows that refer to it along. They are checked before the commit instead. A connection without
    foreign keys is used for this and nothing else: it never comes back to the pool.
    """
    with db.engine.connect() as connection:
        lite = connection.dialect.name == "sqlite"
        if lite:
            connection.detach()
            raw = connection.connection.dbapi_connection
            raw.execute("PRAGMA foreign_keys=OFF")
        context.configure(
            connection=connection,
            target_metadata=db.metadata,
            render_as_batch=True,
            render_item=render_item,
            compare_type=True,
            include_name=lambda name, kind, _parents: (
                (kind, name) not in (("table", MAY_SERVE), ("table", KEYS))
                and not (name or "").startswith(QUEUE + PARTS)
            ),
            include_object=lambda it, _name, kind, *_: (
                kind != "foreign_key_constraint" or it.parent.name != "charge"
            ),
        )
        with context.begin_transaction():
            if goes() == "downgrade":
                refuse_to_lose(connection, typed_name())
            context.run_migrations()
            if lite and (broken := connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()):
                raise RuntimeError(f"{len(broken):,} rows would refer to nothing, such as {broken[0]}")
        if goes():
            now = context.get_context().get_current_revision()
            keep_who_may_serve(connection, now, older_that_may_serve(now))
            connection.commit()


def older_that_may_serve(revision: str | None) -> list[str]:
    """The versions before this migration whose servers may go on: as far back as each migration says so."""
    found: list[str] = []
    while revision and getattr(
        (step := context.script.get_revision(revision)).module, "older_may_serve", False
    ):
        revision = step.down_revision
        found.append(revision)
    return found


def goes() -> str:
    """Whether an upgrade or a downgrade is asked for; empty for what only looks. Alembic names its functions so."""
    asked = getattr(context.get_context().opts.get("fn"), "__name__", "")
    return asked if asked in ("upgrade", "downgrade") else ""


def typed_name() -> str | None:
    """The database's name, where somebody typed it: `portal db downgrade --database`, `alembic -x database=...`."""
    typed = context.get_x_argument(as_dictionary=True).get("database")
    return attributes.get("database") or typed


attributes = context.config.attributes
app = attributes.get("app") or create_app(attributes.get("config"))
with app.app_context():
    migrate()
