"""A backup of the database in one file, and back: of SQLite while it is in use, of PostgreSQL by its own programs.

A file is there whole or not at all, and is its owner's alone. It is restored into an empty database and nowhere else:
nothing that is there can be lost by it.
"""

import os
import re
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from sqlalchemy import Engine, inspect

from portal import private
from portal.domain.errors import RuleBroken
from portal.domain.wording import listed

OF_SQLITE, OF_POSTGRESQL = b"SQLite format 3\0", b"PGDMP"
NO_BACKUP = "{} is no backup of the portal."
# Where the client programs of PostgreSQL lie beside the PATH: several versions, side by side.
ALSO_IN = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")


def back_up(engine: Engine, path: Path) -> None:
    """Write everything that the database holds into a new file. RuleBroken where that cannot be."""
    if path.exists():
        raise RuleBroken(f"{path} is there already. Name a new file.")
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    os.close(private.opener(str(part), os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    try:
        if engine.dialect.name == "sqlite":
            _copy(_file_of(engine), part)
        else:
            _run(engine, "pg_dump", "--format=custom", "--no-owner", "--no-acl", f"--file={part}")
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)


def restore(engine: Engine, path: Path) -> None:
    """Put everything that a backup holds into the empty database. RuleBroken where that cannot be."""
    with open(path, "rb") as file:
        begins = file.read(len(OF_SQLITE))
    kinds = {"sqlite": OF_SQLITE, "postgresql": OF_POSTGRESQL}
    if not begins.startswith(tuple(kinds.values())):
        raise RuleBroken(NO_BACKUP.format(path))
    if not begins.startswith(kinds[engine.dialect.name]):
        of = "SQLite" if begins.startswith(OF_SQLITE) else "PostgreSQL"
        raise RuleBroken(
            f"{path} is a backup of {of}, and PORTAL_DATABASE_URL names another kind of database. "
            "portal move takes a SQLite file over to PostgreSQL."
        )
    with engine.connect() as connection:
        is_empty = not inspect(connection).get_table_names()
    engine.dispose()
    if not is_empty:
        raise RuleBroken(
            "The database is not empty, and a backup is restored into an empty one: nothing can be lost by it. "
            "Stop the portal, then make a new database (PostgreSQL: createdb; PORTAL_DATABASE_URL names it), or "
            "move the SQLite file away."
        )
    if engine.dialect.name == "sqlite":
        _restore_file(path, _file_of(engine))
    else:
        whole = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-acl")
        _run(engine, "pg_restore", *whole, str(path))


def _file_of(engine: Engine) -> Path:
    if not engine.url.database or engine.url.database == ":memory:":
        raise RuleBroken("A database in memory is kept nowhere.")
    return Path(engine.url.database)


def _restore_file(path: Path, target: Path) -> None:
    for left in (target.with_name(target.name + "-wal"), target.with_name(target.name + "-shm")):
        if left.exists() and left.stat().st_size:
            raise RuleBroken(f"{left} is left of another database. Stop the portal and move it away, too.")
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    os.close(private.opener(str(part), os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    try:
        _copy(path, part)
        with closing(sqlite3.connect(part)) as copy:
            if not copy.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
                raise RuleBroken(NO_BACKUP.format(path))
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _copy(source: Path, target: Path) -> None:
    """A consistent copy, whoever writes into the source meanwhile; checked from its first page to its last."""
    if not source.exists():
        raise RuleBroken(f"There is no database: {source}.")
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        try:
            old.backup(new)
            new.execute("PRAGMA journal_mode=DELETE")  # all of it in the one file
            found = [row[0] for row in new.execute("PRAGMA integrity_check(1)")]
        except sqlite3.DatabaseError as error:  # a copy that was cut off, say
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                raise
            found = [str(error)]
        if found != ["ok"]:
            raise RuleBroken(f"{source} is damaged: {found[0]}")


def _run(engine: Engine, name: str, *arguments: str) -> None:
    """Run a program of PostgreSQL on the database. Its password is in no list of processes."""
    from psycopg.conninfo import make_conninfo

    with engine.connect() as connection:
        version = int((connection.dialect.server_version_info or (0,))[0])
    engine.dispose()
    _, named = engine.dialect.create_connect_args(engine.url)
    named.pop("context", None)  # of the driver's own
    password = named.pop("password", None)
    environment = {**os.environ, **({"PGPASSWORD": str(password)} if password else {})}
    command = [
        *(_program(name, version), "--no-password", f"--dbname={make_conninfo(**named)}", *arguments),
    ]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if "error:" in line] or done.stderr.splitlines()
        raise RuleBroken(f"{name} failed, and nothing was changed: {said[0] if said else done.returncode}")


def _program(name: str, server: int) -> str:
    """A program of PostgreSQL that is as new as the server: of its version, else the oldest that is newer."""
    folders = os.environ.get("PATH", "").split(os.pathsep)
    folders += [str(found) for pattern in ALSO_IN for found in Path("/").glob(pattern.removeprefix("/"))]
    versions: dict[int, str] = {}
    for folder in folders:
        if (path := shutil.which(name, path=folder)) and (version := _version_of(path)):
            versions.setdefault(version, path)
    if fit := [version for version in versions if version >= server]:
        return versions[min(fit)]
    found = (
        f"found: {listed([str(version) for version in sorted(versions)])}" if versions else "none was found"
    )
    raise RuleBroken(
        f"{name} of PostgreSQL {server} or newer is needed, as the server is ({found}). "
        f"Install it (Debian: apt install postgresql-client-{server}), or put its folder on the PATH."
    )


def _version_of(path: str) -> int:
    """The major version that a program says of itself; 0 where it says none."""
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
    match = re.search(r"\) (\d+)", said)
    return int(match[1]) if match else 0
