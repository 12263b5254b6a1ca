"""What PostgreSQL's planner believes of tables, put right before very much is asked of them.

`count_anew` commits.
"""

from typing import Any

from sqlalchemy import text

from portal.extensions import db

# Tables of which it believes that there is at most one row on each of their pages.
THOUGHT_EMPTY = text(
    "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relname = ANY(:names) "
    "AND relpages > 0 AND reltuples BETWEEN 0 AND relpages"
)


def count_anew(*models: Any) -> None:
    """Let PostgreSQL count the tables of these that it takes for empty. SQLite counts none.

    It may have counted while their first rows were not committed yet, or behind an import that was undone. Of a single
    row it takes one way to be as quick as another, and what joins two such tables can take an hour for a second. What
    somebody else is counting is left to them.
    """
    if db.session.connection().dialect.name == "postgresql":
        names = [model.__tablename__ for model in models]
        for name in db.session.scalars(THOUGHT_EMPTY, {"names": names}).all():
            db.session.execute(text(f'ANALYZE (SKIP_LOCKED) "{name}"'))
        db.session.commit()
