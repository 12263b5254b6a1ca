"""Moving in: files of customers, packages and the rest, what became of their lines, and what was made of them."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from portal.extensions import db
from portal.models.call import ImportState
from portal.models.columns import PK, UTC, Money, word
from portal.models.file_layout import FileKind


class MoveImport(db.Model):
    """A file to move in with: how far it has come, and what became of it.

    It is stopped until somebody has looked at what would be made; `items_total` is 0 until then. What its lines make is
    dealt with in their order, some at a time; `items_done` says how far.
    """

    __table_args__ = (Index("ix_move_import_kind_digest", "kind", "digest"),)

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    kind: Mapped[FileKind] = mapped_column(word(FileKind, "kind"))
    file_name: Mapped[str] = mapped_column(String(250))
    # Of a workbook: the sheet.
    sheet: Mapped[str] = mapped_column(String(120), default="", server_default="")
    digest: Mapped[str] = mapped_column(String(64))
    # The names of the columns, and how the file says what things are, as JSON; empty until somebody has said it.
    head: Mapped[str] = mapped_column(Text)
    layout: Mapped[str] = mapped_column(Text, default="")
    # Whether a line of the file names its columns.
    has_names: Mapped[bool] = mapped_column(default=True)
    # What somebody has to say first; and what is so of all lines that do not say it, as JSON.
    sentence: Mapped[str] = mapped_column(Text, default="", server_default="")
    of_all: Mapped[str] = mapped_column(Text, default="{}", server_default="{}")
    state: Mapped[ImportState] = mapped_column(word(ImportState, "state"), default=ImportState.STOPPED)
    takes_changes: Mapped[bool] = mapped_column(default=False)
    lines_total: Mapped[int] = mapped_column(PK, default=0)
    items_total: Mapped[int] = mapped_column(PK, default=0)
    items_done: Mapped[int] = mapped_column(PK, default=0)
    made_count: Mapped[int] = mapped_column(PK, default=0)
    changed_count: Mapped[int] = mapped_column(PK, default=0)
    same_count: Mapped[int] = mapped_column(PK, default=0)
    # Changes that nobody asked for.
    left_count: Mapped[int] = mapped_column(PK, default=0)
    bad_count: Mapped[int] = mapped_column(PK, default=0)
    started_by: Mapped[str] = mapped_column(String(254), default="")
    started_at: Mapped[datetime] = mapped_column(UTC)
    heartbeat_at: Mapped[datetime] = mapped_column(UTC)
    finished_at: Mapped[datetime | None] = mapped_column(UTC)
    undone_by: Mapped[str] = mapped_column(String(254), default="", server_default="")
    undone_at: Mapped[datetime | None] = mapped_column(UTC)
    undo_reason: Mapped[str] = mapped_column(Text, default="", server_default="")


class MoveLine(db.Model):
    """A line of such a file: where it stood, and its cells as JSON. Kept while it may be needed: a bad one for good.

    `sentence` is why it is bad.
    """

    import_id: Mapped[int] = mapped_column(
        PK, ForeignKey("move_import.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    place: Mapped[int] = mapped_column(PK, primary_key=True, autoincrement=False)
    cells: Mapped[str] = mapped_column(Text)
    sentence: Mapped[str] = mapped_column(Text, default="", server_default="")


class MoveMade(db.Model):
    """Something that an import has made, or changed: of which line, and which thing.

    Of a change, `before` and `after` are what it took away and what it put there, as JSON. `left` is why it could not
    be taken back. No foreign key leads to the thing: it may be removed.
    """

    __table_args__ = (
        Index("ix_move_made_import_id_id", "import_id", "id"),
        Index("ix_move_made_noun_thing_id", "noun", "thing_id"),
    )

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    import_id: Mapped[int] = mapped_column(ForeignKey("move_import.id", ondelete="CASCADE"))
    place: Mapped[int] = mapped_column(PK)
    noun: Mapped[str] = mapped_column(String(20))
    thing_id: Mapped[int] = mapped_column(PK)
    label: Mapped[str] = mapped_column(String(250), default="")
    is_change: Mapped[bool] = mapped_column(default=False)
    before: Mapped[str] = mapped_column(Text, default="")
    after: Mapped[str] = mapped_column(Text, default="")
    # Of an assignment: what the other system charged for it in a month, where the file says so.
    monthly: Mapped[Decimal | None] = mapped_column(Money)
    taken_back_on: Mapped[date | None]
    left: Mapped[str] = mapped_column(Text, default="", server_default="")
