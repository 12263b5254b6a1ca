"""Which migration a database is at, and whether this portal may work with it.

What posts charges or takes in calls needs exactly the migration that this portal was made for: a rule that another
version added or took away would be broken in silence. A server, and a command that only reads, may go on beside a
newer database whose migrations say that it may: each newer one has `older_may_serve = True`. Then pages are served, and
what posts or takes in is refused by itself, in the very transaction that would do it.
"""

import re
from functools import cache
from time import monotonic

from sqlalchemy import Connection, Engine, event, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from portal.config import ROOT
from portal.domain.errors import RuleBroken

# Kept by the migrations themselves, beside what Alembic keeps: the older versions that may serve this database.
MAY_SERVE = "may_serve"
AT = "SELECT version_num FROM alembic_version"
# Where posting and taking in begin, and where they put what they made. (A chunk of calls moves its import on.)
POSTS = re.compile(
    r"\s*(?:INSERT INTO \"?(?:run|charge|balance_entry|call|call_file|call_import)\"? |UPDATE call_import )"
)
SEEN = "portal.schema"
LOOKS_EVERY = 5  # seconds: how often a server asks whether the database was upgraded under it


class OtherVersion(RuleBroken):
    """The database is at another migration than this portal was made for."""


@cache
def revisions() -> tuple[str, ...]:
    """The migrations that this portal knows, the first one first. (Their files begin with their numbers.)"""
    return tuple(
        sorted(path.name.split("_")[0] for path in (ROOT / "migrations" / "versions").glob("[0-9]*.py"))
    )


def newest() -> str:
    """The migration that this portal was made for."""
    return revisions()[-1]


def at(connection: Connection) -> str:
    """The migration that a database is at; empty for one without tables."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.scalar(text(AT)) or "")


def check(connection: Connection, *, exact: bool) -> None:
    """Whether this portal may work with a database: `exact` for what posts or takes in. Raises OtherVersion."""
    found = at(connection)
    if found == newest() or (found and not exact and newest() in _may_serve(connection, found)):
        return
    raise OtherVersion(_sentence(found))


def _may_serve(connection: Connection, found: str) -> set[str]:
    if not inspect(connection).has_table(MAY_SERVE):
        return set()
    query = text(f"SELECT revision FROM {MAY_SERVE} WHERE beside = :found")
    return set(connection.scalars(query, {"found": found}))


def _sentence(found: str) -> str:
    if not found:
        return "The database has no tables yet. Make them: portal db upgrade."
    if found in revisions():
        return (
            f"The database is at version {found}, and this portal needs {newest()}. "
            "Make a backup, then bring it up to date: portal db upgrade."
        )
    return (
        f"The database is at version {found}, which is newer than this portal ({newest()}). "
        "Install the portal that the database was upgraded with."
    )


def keep_who_may_serve(connection: Connection, now: str | None, older: list[str]) -> None:
    """After a migration: which older versions may serve the database beside the one that it is `now` at."""
    connection.execute(text(f"DROP TABLE IF EXISTS {MAY_SERVE}"))
    if older:
        connection.execute(text(f"CREATE TABLE {MAY_SERVE} (revision VARCHAR(32), beside VARCHAR(32))"))
        rows = [{"revision": revision, "now": now} for revision in older]
        connection.execute(text(f"INSERT INTO {MAY_SERVE} (revision, beside) VALUES (:revision, :now)"), rows)


def guard(engine: Engine) -> None:
    """Let no transaction post or take in on a database of another version: it is held still until the transaction ends.

    A database in memory is nobody else's, and was made by this portal.
    """
    if engine.dialect.name == "sqlite" and engine.url.database in (None, "", ":memory:"):
        return
    query = AT if engine.dialect.name == "sqlite" else f"{AT} FOR SHARE"

    @event.listens_for(engine, "begin")
    def _anew(connection: Connection) -> None:
        connection.info.pop(SEEN, None)

    @event.listens_for(engine, "before_cursor_execute")
    def _look(connection: Connection, _cursor: object, statement: str, *_rest: object) -> None:
        if POSTS.match(statement) and SEEN not in connection.info:
            found = connection.exec_driver_sql(query).scalar()
            if found != newest():
                raise OtherVersion(_sentence(str(found or "")))
            connection.info[SEEN] = found


class Served:
    """What a server knows of the database's version: asked again every few seconds, not at every request."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.looked_at: float | None = None
        self.why_not = ""

    def refusal(self) -> str:
        """Why this portal may not serve the database; empty where it may, or where nobody can say."""
        if self.looked_at is None or monotonic() - self.looked_at > LOOKS_EVERY:
            self.look()
        return self.why_not

    def look(self) -> None:
        """Ask now."""
        try:
            with self.engine.connect() as connection:
                check(connection, exact=False)
            self.why_not = ""
        except OtherVersion as error:
            self.why_not = error.sentence
        except SQLAlchemyError:
            return  # it is away: whoever needs it is told
        self.looked_at = monotonic()
