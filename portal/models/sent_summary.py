"""Charge summaries that were sent by mail: of which customer and month, when, to whom, with which sums."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.extensions import db
from portal.models.columns import PK, UTC, Money, word
from portal.models.customer import Customer
from portal.models.mail import Mail, MailState


class SummaryState(StrEnum):
    """How far the sending of a summary is; whether its message has left, the message says."""

    WAITING = "waiting"
    WRITTEN = "written"
    REFUSED = "refused"


WAITS, REFUSED = text("state = 'waiting'"), text("state = 'refused'")


class SentSummary(db.Model):
    """The summary of a customer and month, sent: number 1, and one more each time that somebody asked for it again.

    The sums, with tax, are as they were sent; until it is written there are none.
    """

    __table_args__ = (
        UniqueConstraint("customer_id", "month", "number"),
        CheckConstraint("number > 0", name="number"),
        Index("ix_sent_summary_mail_id", "mail_id"),
        Index("ix_sent_summary_waits", "id", sqlite_where=WAITS, postgresql_where=WAITS),
        Index("ix_sent_summary_refused", "month", sqlite_where=REFUSED, postgresql_where=REFUSED),
    )

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    # Its first day.
    month: Mapped[date]
    number: Mapped[int] = mapped_column(default=1)
    state: Mapped[SummaryState] = mapped_column(word(SummaryState, "state"), default=SummaryState.WAITING)
    # Empty: by itself, as the customer is to get it each month.
    asked_by: Mapped[str] = mapped_column(String(254), default="")
    asked_at: Mapped[datetime] = mapped_column(UTC)
    written_on: Mapped[date | None]
    to: Mapped[str] = mapped_column(String(254), default="")
    currency: Mapped[str] = mapped_column(String(3), default="")
    charged: Mapped[Decimal | None] = mapped_column(Money)
    # On the last day of the month, and on the day it was written.
    to_pay_then: Mapped[Decimal | None] = mapped_column(Money)
    to_pay: Mapped[Decimal | None] = mapped_column(Money)
    # Why it was refused, or why it went without its PDF.
    sentence: Mapped[str] = mapped_column(Text, default="")
    mail_id: Mapped[int | None] = mapped_column(ForeignKey("mail.id"))

    customer: Mapped[Customer] = relationship()
    mail: Mapped[Mail | None] = relationship()

    @property
    def has_failed(self) -> bool:
        """Whether it will not arrive: it was refused here, or its message was given up."""
        return self.state == SummaryState.REFUSED or bool(self.mail and self.mail.state == MailState.FAILED)
