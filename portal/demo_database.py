"""The demo's own database, while the first migration may still be written anew.

What an earlier first migration made cannot be brought up to date: it is set aside, and the demo company loaded anew.
Nothing that was named by a setting is ever set aside.
"""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from zlib import crc32

from portal.config import DEMO, ROOT

FIRST = ROOT / "migrations" / "versions" / "0001_everything_the_portal_keeps.py"


def set_aside(config: Mapping[str, Any]) -> Path | None:
    """Rename the demo's database if another first migration made it: its new place, None where it stays."""
    path = _own(config)
    if path is None or not path.exists() or _made_by(path) in (None, _first()):
        return None
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # all of it is in the one file that is renamed
    aside = _free(path)
    path.rename(aside)
    for rest in ("-wal", "-shm"):
        path.with_name(path.name + rest).unlink(missing_ok=True)
    return aside


def keep_first(config: Mapping[str, Any]) -> None:
    """Write down in the demo's database which first migration made it."""
    if path := _own(config):
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"PRAGMA user_version = {_first()}")


def _own(config: Mapping[str, Any]) -> Path | None:
    own: Path = config["INSTANCE"] / "portal.db"
    is_own = config["MODE"] == DEMO and config["SQLALCHEMY_DATABASE_URI"] == f"sqlite:///{own}"
    return own if is_own else None


def _made_by(path: Path) -> int | None:
    """By which first migration; 0 where that was not kept yet, None where there is no table."""
    with closing(sqlite3.connect(path)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
            return None
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _first() -> int:
    return crc32(FIRST.read_bytes()) & 0x7FFFFFFF


def _free(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"portal-aside-{number}.db")).exists():
        number += 1
    return aside
