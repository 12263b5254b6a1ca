"""Runs the migrations, on SQLite and on PostgreSQL, from `portal db` or from alembic itself."""

from typing import Any

from alembic import context
from sqlalchemy import TypeDecorator

from portal import create_app
from portal.extensions import db


def render_item(kind: str, item: Any, autogen: Any) -> str | bool:
    """Write a column type of ours as what it is stored as: old migrations know nothing of models."""
    if kind == "type" and isinstance(item, TypeDecorator):
        autogen.imports.add("import sqlalchemy as sa")
        return f"sa.{item.impl!r}"
    return False


def migrate() -> None:
    """Run what is asked for, in one transaction, with SQLite's foreign keys held off meanwhile.

    SQLite alters a table by building it anew; with foreign keys on, dropping the old one would take
    the rows that refer to it along. They are checked before the commit instead.
    """
    with db.engine.connect() as connection:
        raw = connection.connection.dbapi_connection
        lite = connection.dialect.name == "sqlite"
        if lite:
            raw.execute("PRAGMA foreign_keys=OFF")
        context.configure(
            connection=connection,
            target_metadata=db.metadata,
            render_as_batch=True,
            render_item=render_item,
            compare_type=True,
        )
        try:
            with context.begin_transaction():
                context.run_migrations()
                if lite and (broken := connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()):
                    raise RuntimeError(f"Rows would refer to nothing: {broken[:5]}")
        finally:
            if lite:
                raw.execute("PRAGMA foreign_keys=ON")


attributes = context.config.attributes
app = attributes.get("app") or create_app(attributes.get("config"))
with app.app_context():
    migrate()
