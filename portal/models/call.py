"""Calls: rated call records, the files they came in, and what free minutes cover of them."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    and_,
    text,
    true,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Mapped, mapped_column, relationship
from sqlalchemy.sql.functions import FunctionElement

from portal.extensions import db
from portal.models.columns import PK, UTC, Money, code, word
from portal.models.customer import Customer


class Call(db.Model):
    """A rated call. `day` is the civil day on which it started in the portal's time zone.

    A call is known by customer and call id. `amount` is what it was rated at, `covered_amount` what free
    minutes take of it; the rest is spend. It counts for a DID that it names in either direction.
    """

    __table_args__ = (
        # By call id first: an import that replaces calls asks under which other customers an id stands.
        UniqueConstraint("call_id", "customer_id"),
        CheckConstraint("amount >= 0 and seconds >= 0", name="not_negative"),
        CheckConstraint("covered_amount between 0 and amount", name="covered"),
        # A customer's calls in the order of their days, and what they come to by destination: added up off it alone.
        Index(
            "ix_call_of_customer",
            "customer_id",
            "day",
            "id",
            "amount",
            "covered_amount",
            "seconds",
            "covered_seconds",
            "destination",
        ),
        # Not every call names a DID: what names none is in no index of DIDs.
        Index(
            "ix_call_did_id_day",
            "did_id",
            "day",
            sqlite_where=text("did_id IS NOT NULL"),
            postgresql_where=text("did_id IS NOT NULL"),
        ),
        # What staff look for among the calls of all customers. By day first: the calls of a night come side by side.
        Index("ix_call_day_destination", "day", "destination"),
        Index("ix_call_import_id", "import_id"),
        # Few calls lead to a DID of the portal's own: asked before a DID is deleted.
        Index(
            "ix_call_other_did_id",
            "other_did_id",
            sqlite_where=text("other_did_id IS NOT NULL"),
            postgresql_where=text("other_did_id IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    call_id: Mapped[str] = mapped_column(code(120))
    did_id: Mapped[int | None] = mapped_column(ForeignKey("did.id"))
    # The other end of the call, where that is a DID of the customer too.
    other_did_id: Mapped[int | None] = mapped_column(ForeignKey("did.id"))
    started_at: Mapped[datetime | None] = mapped_column(UTC)
    day: Mapped[date]
    # Digits only, without + or 00.
    destination: Mapped[str] = mapped_column(code(40), default="")
    seconds: Mapped[int] = mapped_column(default=0)
    amount: Mapped[Decimal] = mapped_column(Money)
    cost: Mapped[Decimal | None] = mapped_column(Money)
    covered_seconds: Mapped[int] = mapped_column(default=0, server_default="0")
    covered_amount: Mapped[Decimal] = mapped_column(Money, default=Decimal(0), server_default="0")
    # The day it came in, and with which file: imports are never removed, so no key has to be checked a million times.
    came_in_on: Mapped[date]
    import_id: Mapped[int | None] = mapped_column(PK)

    customer: Mapped[Customer] = relationship()

    @property
    def spend(self) -> Decimal:
        """What is left of the amount after free minutes."""
        return self.amount - self.covered_amount


class when(FunctionElement[datetime]):
    """When a call was, for an order of them: where its time is not known, before every other of the day."""

    type = UTC()
    inherit_cache = True
    name = "when"


@compiles(when)
def _when(element: when, compiler: Any, **how: Any) -> str:
    """Written out, as it is in the index."""
    long_ago = "'2000-01-01 00:00:00+00'::timestamptz"
    return f"coalesce({compiler.process(element.clauses.clauses[0], **how)}, {long_ago})"


@compiles(when, "sqlite")
def _when_in_text(element: when, compiler: Any, **how: Any) -> str:
    long_ago = "'2000-01-01 00:00:00.000000'"
    return f"coalesce({compiler.process(element.clauses.clauses[0], **how)}, {long_ago})"


# The newest first, of all customers: a page shows fifty of the many of a day.
Index("ix_call_newest", Call.day, when(Call.started_at), Call.id)


class CallCover(db.Model):
    """What one bundle of free minutes covers of one call, in the period that begins on `period_from`."""

    __table_args__ = (
        UniqueConstraint("call_id", "assignment_id", "period_from"),
        Index("ix_call_cover_assignment_id_period_from", "assignment_id", "period_from"),
    )

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    call_id: Mapped[int] = mapped_column(ForeignKey("call.id", ondelete="CASCADE"))
    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignment.id"))
    period_from: Mapped[date]
    seconds: Mapped[int]
    amount: Mapped[Decimal] = mapped_column(Money)


class CallFile(db.Model):
    """The lines of a file of calls, kept in pieces where every server finds them, until its import needs them no more.

    One that no import has is still being kept, or is left of somebody who was killed in keeping it or letting it go.
    """

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    kept_at: Mapped[datetime] = mapped_column(UTC)


class CallFilePiece(db.Model):
    """A piece of a file, packed with zlib. It `begins` so many bytes after the beginning of the unpacked file."""

    file_id: Mapped[int] = mapped_column(
        PK, ForeignKey("call_file.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    begins: Mapped[int] = mapped_column(PK, primary_key=True, autoincrement=False)
    packed: Mapped[bytes] = mapped_column(LargeBinary)


class ImportState(StrEnum):
    """How far the import of a file has come; one that is being undone, or was, does not go on."""

    RUNNING = "running"
    STOPPED = "stopped"
    DONE = "done"
    DISCARDED = "discarded"
    UNDOING = "undoing"
    UNDONE = "undone"


# The calls of such an import are on their way out: nothing is given back to it, and nothing more comes of its file.
TAKEN_BACK = (ImportState.UNDOING, ImportState.UNDONE)


class CallImport(db.Model):
    """A file of call records: how far it has come, and what became of its rows.

    It is at work until all that follows from its calls is worked out. While lines are still to come, its calls count
    nowhere: neither in balances nor for free minutes.
    """

    # A file that comes again is known by its content.
    __table_args__ = (Index("ix_call_import_digest", "digest"),)

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    file_name: Mapped[str] = mapped_column(String(250))
    # Its lines, kept while some of them may still be needed: none once it is done or discarded.
    file_id: Mapped[int | None] = mapped_column(ForeignKey("call_file.id", ondelete="SET NULL"))
    digest: Mapped[str] = mapped_column(String(64), default="")
    replaces: Mapped[bool] = mapped_column(default=False)
    # How the file says what a call is, as JSON (portal.domain.call_files.layout); empty until somebody has said it.
    layout: Mapped[str] = mapped_column(Text, default="")
    # Until then, what was found in its columns, as JSON (portal.domain.csv_files.proof).
    proof: Mapped[str] = mapped_column(Text, default="", server_default="")
    # The names of the file's columns, as JSON; the lines before the first record, and the line from which on none has
    # as many cells as there are columns (0: none such).
    head: Mapped[str] = mapped_column(Text, default="[]", server_default="[]")
    delimiter: Mapped[str] = mapped_column(String(1), default=",", server_default=",")
    lines_before: Mapped[int] = mapped_column(default=1, server_default="1")
    footer: Mapped[int] = mapped_column(PK, default=0, server_default="0")
    state: Mapped[ImportState] = mapped_column(word(ImportState, "state"), default=ImportState.RUNNING)
    sentence: Mapped[str] = mapped_column(Text, default="")
    lines_total: Mapped[int] = mapped_column(PK, default=0, server_default="0")
    bytes_total: Mapped[int] = mapped_column(PK, default=0)
    bytes_done: Mapped[int] = mapped_column(PK, default=0)
    lines_done: Mapped[int] = mapped_column(PK, default=0)
    taken_count: Mapped[int] = mapped_column(default=0)
    known_count: Mapped[int] = mapped_column(default=0)
    replaced_count: Mapped[int] = mapped_column(default=0)
    bad_count: Mapped[int] = mapped_column(default=0)
    late_count: Mapped[int] = mapped_column(default=0)
    # Rows without charge and seconds; lines of totals and the like; rows alike that count as one call.
    unanswered_count: Mapped[int] = mapped_column(default=0, server_default="0")
    passed_count: Mapped[int] = mapped_column(default=0, server_default="0")
    alike_count: Mapped[int] = mapped_column(default=0, server_default="0")
    started_by: Mapped[str] = mapped_column(String(254), default="")
    started_at: Mapped[datetime] = mapped_column(UTC)
    heartbeat_at: Mapped[datetime] = mapped_column(UTC)
    # How long nobody was at work on it between its start and its end.
    paused_seconds: Mapped[int] = mapped_column(default=0, server_default="0")
    finished_at: Mapped[datetime | None] = mapped_column(UTC)
    # Its bad rows wait until somebody says that they are dealt with.
    bad_rows_dealt_with_by: Mapped[str] = mapped_column(String(254), default="", server_default="")
    # Nobody, where it was discarded because nobody came in time.
    discarded_by: Mapped[str] = mapped_column(String(254), default="", server_default="")

    @classmethod
    def is_at_work(cls) -> ColumnElement[bool]:
        """Whether something is still to follow from it."""
        return cls.state.in_((ImportState.RUNNING, ImportState.STOPPED))

    @classmethod
    def has_lines_to_come(cls) -> ColumnElement[bool]:
        """Whether some of its lines are still to be taken in, or would be, were it not being undone."""
        is_open = cls.state.in_((ImportState.RUNNING, ImportState.STOPPED, ImportState.UNDOING))
        return and_(is_open, cls.file_id.is_not(None), cls.bytes_done < cls.bytes_total)


class CallChange(db.Model):
    """What a file says of a call that it found there: kept until all of the file is in, and done then.

    So an import at work changes nothing that counts: a call that it replaces stays as it was, and one that it says
    again, while another import that is not done has it, stays that one's. `customer_id` is whose the file says it is:
    another one's than the call's where it is to move.
    """

    __table_args__ = (Index("ix_call_change_call_id", "call_id"),)

    import_id: Mapped[int] = mapped_column(
        PK, ForeignKey("call_import.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    call_id: Mapped[int] = mapped_column(
        PK, ForeignKey("call.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    customer_id: Mapped[int] = mapped_column(PK)
    # A DID that is deleted meanwhile is none any more.
    did_id: Mapped[int | None] = mapped_column(ForeignKey("did.id", ondelete="SET NULL"))
    other_did_id: Mapped[int | None] = mapped_column(ForeignKey("did.id", ondelete="SET NULL"))
    started_at: Mapped[datetime | None] = mapped_column(UTC)
    day: Mapped[date]
    destination: Mapped[str] = mapped_column(String(40))
    seconds: Mapped[int]
    amount: Mapped[Decimal] = mapped_column(Money)
    cost: Mapped[Decimal | None] = mapped_column(Money)
    came_in_on: Mapped[date]


class CallSaid(db.Model):
    """What a file says of a call that is another file's: that one said it before, or has replaced it.

    So the call has something to become when the import that has it is undone. Of each file the last that it says, in
    the order in which they were replaced, or came later; the call `was_its_own` where it was replaced. A call of no
    import may be replaced, too. What is said just as the call stands is kept for many calls at once (CallsSaidAgain).
    Customers and imports are never removed; a DID that was deleted is none any more.
    """

    __table_args__ = (UniqueConstraint("call_id", "import_id"), Index("ix_call_said_import_id", "import_id"))

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    call_id: Mapped[int] = mapped_column(ForeignKey("call.id", ondelete="CASCADE"))
    import_id: Mapped[int | None] = mapped_column(PK)
    was_its_own: Mapped[bool]
    # When it was said, in the order of CallsSaidAgain, by a file that replaces nothing.
    place: Mapped[int | None] = mapped_column(PK)
    customer_id: Mapped[int] = mapped_column(PK)
    did_id: Mapped[int | None] = mapped_column(PK)
    other_did_id: Mapped[int | None] = mapped_column(PK)
    started_at: Mapped[datetime | None] = mapped_column(UTC)
    day: Mapped[date]
    destination: Mapped[str] = mapped_column(String(40))
    seconds: Mapped[int]
    amount: Mapped[Decimal] = mapped_column(Money)
    cost: Mapped[Decimal | None] = mapped_column(Money)
    came_in_on: Mapped[date]


class CallsSaidAgain(db.Model):
    """Calls of other files that a file which replaces nothing says, too, just as they stand: their ids, as JSON.

    A row for each chunk of the file and each `block` of ids (portal.services.calls.said_again), in the order in which
    they were said. Before such a call changes, what was said of it is written out as CallSaid. An id may be of a call
    that has left.
    """

    __table_args__ = (
        Index("ix_calls_said_again_block", "block"),
        Index("ix_calls_said_again_import_id", "import_id"),
    )

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    import_id: Mapped[int] = mapped_column(PK)
    block: Mapped[int] = mapped_column(PK)
    came_in_on: Mapped[date]
    call_ids: Mapped[str] = mapped_column(Text)


class CallMove(db.Model):
    """A call that an import has moved from one customer to another: as it was then, whatever became of it.

    `moved_id` is the call's row, which may be gone.
    """

    __table_args__ = (Index("ix_call_move_from_customer_id_call_id", "from_customer_id", "call_id"),)

    import_id: Mapped[int] = mapped_column(
        PK, ForeignKey("call_import.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    moved_id: Mapped[int] = mapped_column(PK, primary_key=True, autoincrement=False)
    call_id: Mapped[str] = mapped_column(String(120))
    from_customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    to_customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    day: Mapped[date]
    amount: Mapped[Decimal] = mapped_column(Money)


class ImportUndo(db.Model):
    """Undoing an import: who, when and why. What a first one had to leave, a later one may take back.

    Counts are of the import's calls: all there were, those dealt with, and those of them that another file has now.
    """

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    import_id: Mapped[int] = mapped_column(ForeignKey("call_import.id"), index=True)
    reason: Mapped[str] = mapped_column(Text)
    due_count: Mapped[int] = mapped_column(default=0)
    done_count: Mapped[int] = mapped_column(default=0)
    given_count: Mapped[int] = mapped_column(default=0)
    started_by: Mapped[str] = mapped_column(String(254), default="")
    started_at: Mapped[datetime] = mapped_column(UTC)
    finished_at: Mapped[datetime | None] = mapped_column(UTC)


class ImportUndoCustomer(db.Model):
    """What undoing an import took from a customer: calls, what they were rated at, and the days it reaches from.

    `late_from` to `late_through` are the days of calls too old to reopen a period that had ended. Until it
    `is_settled`, what follows from it is to be worked out.
    """

    undo_id: Mapped[int] = mapped_column(
        PK, ForeignKey("import_undo.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    customer_id: Mapped[int] = mapped_column(
        PK, ForeignKey("customer.id"), primary_key=True, autoincrement=False, index=True
    )
    first_day: Mapped[date]
    last_day: Mapped[date]
    late_from: Mapped[date | None]
    late_through: Mapped[date | None]
    call_count: Mapped[int] = mapped_column(default=0)
    amount: Mapped[Decimal] = mapped_column(Money, default=Decimal(0))
    is_settled: Mapped[bool] = mapped_column(default=False)


class CallReject(db.Model):
    """A row of a file that was not taken: its line, its fields as they stood, and why.

    `reason` is what rows have in common that were not taken for the same reason. A row that is not bad is alike to
    another of the file, and counts as one call with it.
    """

    __table_args__ = (Index("ix_call_reject_import_id_line", "import_id", "line"),)

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    import_id: Mapped[int] = mapped_column(ForeignKey("call_import.id", ondelete="CASCADE"))
    line: Mapped[int] = mapped_column(PK)
    row: Mapped[str] = mapped_column(Text)
    sentence: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    is_bad: Mapped[bool] = mapped_column(default=True, server_default=true())
