"""Tables that are written once: what is in them is neither edited nor taken away, by the database's own word.

SQLite fires no delete trigger for the row that `INSERT OR REPLACE` takes away (unless a connection asks for it), so
there an insert that meets a row, by its id or by another unique key, is refused before it can replace anything.
"""

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op


def refuse_edits(table: str) -> None:
    """Let nothing change a row of `table`, replace it, or take it away. After its indexes have been made."""
    says = f"{table}: written once, never edited, never deleted"
    if op.get_bind().dialect.name == "sqlite":
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{says}'); END"
            )
        there = " OR ".join(f"EXISTS (SELECT 1 FROM {table} WHERE {met})" for met in _meetings(table))
        op.execute(
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN {there} "
            f"BEGIN SELECT RAISE(ABORT, '{says}'); END"
        )
        return
    op.execute(
        f"CREATE FUNCTION {table}_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{says}' USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    for act, each in (("UPDATE OR DELETE", "ROW"), ("TRUNCATE", "STATEMENT")):
        op.execute(
            f"CREATE TRIGGER {table}_no_{act.split()[0].lower()} BEFORE {act} ON {table} "
            f"FOR EACH {each} EXECUTE FUNCTION {table}_is_append_only()"
        )


def allow_edits(table: str) -> None:
    """Undo refuse_edits; SQLite drops a table's triggers with the table."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"DROP FUNCTION {table}_is_append_only() CASCADE")


def _meetings(table: str) -> Iterator[str]:
    """For each unique key, what says that a row has the key of the new one.

    A column that is NULL equals nothing, here as in the key; an id that is not given is -1 to a trigger.
    """
    inspector = sa.inspect(op.get_bind())
    yield _same(inspector.get_pk_constraint(table)["constrained_columns"])
    for constraint in inspector.get_unique_constraints(table):
        yield _same(constraint["column_names"])
    new = ", ".join(f'NEW."{name}" AS "{name}"' for name in (c["name"] for c in inspector.get_columns(table)))
    for index in inspector.get_indexes(table):
        if not index["unique"]:
            continue
        met = _same(index["column_names"])
        where = index.get("dialect_options", {}).get("sqlite_where")
        if where is not None:  # a key of some rows only
            met += f" AND ({where}) AND EXISTS (SELECT 1 FROM (SELECT {new}) WHERE {where})"
        yield met


def _same(columns: list[str]) -> str:
    return " AND ".join(f'"{column}" = NEW."{column}"' for column in columns)
