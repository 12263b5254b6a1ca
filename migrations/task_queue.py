"""The tables and functions of the task queue (Procrastinate), on PostgreSQL only: SQLite has no workers.

What a version of it needs lies beside this file as it was published, so that a migration does the same for ever.
Another version is another migration: what its release notes name, or the difference of the two files.
"""

from pathlib import Path

from alembic import op

OURS = """
    SELECT 'TABLE IF EXISTS ' || oid::regclass::text
    FROM pg_class WHERE relkind = 'r' AND relname LIKE 'procrastinate\\_%'
    UNION ALL SELECT 'FUNCTION IF EXISTS ' || oid::regprocedure::text
    FROM pg_proc WHERE proname LIKE 'procrastinate\\_%'
    UNION ALL SELECT 'TYPE IF EXISTS ' || t.oid::regtype::text
    FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
    WHERE typname LIKE 'procrastinate\\_%' AND (typtype = 'e' OR c.relkind = 'c')
"""


def make_queue(version: str) -> None:
    """Make the queue as a version of Procrastinate publishes it."""
    if op.get_bind().dialect.name != "postgresql":
        return
    # The driver's own connection: to SQLAlchemy a percent sign in a function would be a parameter.
    sql = (Path(__file__).parent / f"procrastinate-{version}.sql").read_text()
    op.get_bind().connection.driver_connection.execute(sql)


def drop_queue() -> None:
    """Take away everything whose name is the queue's, whichever version made it."""
    if op.get_bind().dialect.name == "postgresql":
        for what in op.get_bind().exec_driver_sql(OURS.replace("%", "%%")).scalars().all():
            op.execute(f"DROP {what} CASCADE")
