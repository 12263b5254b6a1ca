"""Mail: every message the portal sends, kept before it is sent, and the notices among them."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.extensions import db
from portal.models.assignment import Assignment
from portal.models.columns import PK, UTC, Money, word


class MailState(StrEnum):
    """Whether a message has left."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"


class Mail(db.Model):
    """A message to one person. Its key makes it one, whatever is started again."""

    __table_args__ = (Index("ix_mail_state_due_at", "state", "due_at"),)

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    key: Mapped[str] = mapped_column(String(200), unique=True)
    to: Mapped[str] = mapped_column(String(254))
    subject: Mapped[str] = mapped_column(String(250))
    text: Mapped[str] = mapped_column(Text)
    html: Mapped[str] = mapped_column(Text, default="")
    # A message that carries a link to sign in by is not shown to anybody, and forgotten once it is sent.
    secret: Mapped[bool] = mapped_column(default=False)
    state: Mapped[MailState] = mapped_column(word(MailState, "state"), default=MailState.WAITING)
    tries: Mapped[int] = mapped_column(default=0)
    sentence: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(UTC)
    # When it is tried next: whoever sends it moves this on first, so that nobody else sends it meanwhile.
    due_at: Mapped[datetime] = mapped_column(UTC)
    sent_at: Mapped[datetime | None] = mapped_column(UTC)

    attachment: Mapped["MailAttachment | None"] = relationship(cascade="all, delete-orphan")


class MailAttachment(db.Model):
    """The PDF that a message carries, kept until the message has left or is given up."""

    mail_id: Mapped[int] = mapped_column(
        PK, ForeignKey("mail.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    name: Mapped[str] = mapped_column(String(255))
    content: Mapped[bytes] = mapped_column(LargeBinary)


class Notice(db.Model):
    """That a charge comes: one for an assignment and charge date, whatever is started again."""

    __table_args__ = (
        UniqueConstraint("assignment_id", "charge_on"),
        Index("ix_notice_charge_on_id", "charge_on", "id"),
    )

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignment.id", ondelete="CASCADE"))
    charge_on: Mapped[date]
    currency: Mapped[str] = mapped_column(String(3))
    # As announced; the charge may come to another amount, and is not announced again.
    amount: Mapped[Decimal] = mapped_column(Money)
    tax: Mapped[Decimal] = mapped_column(Money)
    mail_id: Mapped[int | None] = mapped_column(ForeignKey("mail.id"))
    made_on: Mapped[date]

    assignment: Mapped[Assignment] = relationship()
    mail: Mapped[Mail | None] = relationship()
