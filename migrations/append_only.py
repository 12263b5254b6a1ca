"""Tables that are written once: what is in them is neither edited nor taken away, by the database's own word.

SQLite fires the delete trigger for a row that `INSERT OR REPLACE` takes away where the connection asks for it, as it
has to ask for foreign keys; each of the portal's does (portal/database.py). A trigger that looks before each insert
would not depend on that, and takes three tenths of what it takes to insert a charge.
"""

from alembic import op


def refuse_edits(table: str) -> None:
    """Let nothing change a row of `table`, replace it, or take it away."""
    says = f"{table}: written once, never edited, never deleted"
    if op.get_bind().dialect.name == "sqlite":
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} "
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
