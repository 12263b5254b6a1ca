"""What tests of moving in share: a file sent, made and taken back, as a page or a command does."""

import io
from datetime import UTC, datetime
from typing import Any

from portal.extensions import db
from portal.models import FileKind, MoveImport
from portal.services.moving_in import accepting, making, undoing
from tests.trade import TODAY

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
BY = "ben@lumen.example"


def clock() -> datetime:
    return NOW


def sent(kind: FileKind, text: str | bytes, name: str = "a file.csv", **more: Any) -> MoveImport:
    """A file, kept."""
    content = text.encode() if isinstance(text, str) else text
    import_ = accepting.accept(io.BytesIO(content), name, kind, by=BY, now=NOW, **more)
    db.session.commit()
    return import_


def begun(import_: MoveImport, *, takes_changes: bool = False, good_only: bool = True) -> MoveImport:
    """A file that somebody has looked at."""
    making.begin(import_, takes_changes=takes_changes, good_only=good_only, today=TODAY, now=NOW)
    db.session.commit()
    return import_


def moved(kind: FileKind, text: str | bytes, **more: Any) -> MoveImport:
    """A file sent, looked at and made."""
    asked = {name: more.pop(name) for name in ("takes_changes", "good_only") if name in more}
    return making.carry_out(begun(sent(kind, text, **more), **asked).id, TODAY, clock)


def taken_back(import_: MoveImport, reason: str = "The wrong file") -> MoveImport:
    """An import taken back."""
    undoing.begin(import_, reason, by=BY, now=NOW)
    db.session.commit()
    return undoing.carry_out(import_.id, TODAY, clock)


def counts(import_: MoveImport) -> tuple[int, int, int, int, int]:
    """How many were made, changed, there, left as they were, and bad."""
    found = import_
    return found.made_count, found.changed_count, found.same_count, found.left_count, found.bad_count
