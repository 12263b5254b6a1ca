"""Statements of the provider's bank accounts, their lines, and what was booked from each (billing-rules 13)."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, deferred, mapped_column, relationship

from portal.domain.bank_files.statement import Kind
from portal.extensions import db
from portal.models.columns import KEY, PK, UTC, Money, word
from portal.models.payment import Payment, PaymentMethod
from portal.models.payment_back import PaymentBack


class LineState(StrEnum):
    """What became of a line: every line is one of these."""

    OPEN = "open"
    BOOKED = "booked"
    SET_ASIDE = "set_aside"


class BookedAs(StrEnum):
    """What a line was booked as: a payment, one that was there before, one that came back, money paid back."""

    PAYMENT = "payment"
    RECORDED = "recorded"
    RETURNED = "returned"
    PAID_BACK = "paid_back"


WAITS = text("content is not null")
IS_OPEN = text("state = 'open'")
IS_BOOKED = text("state = 'booked' and payer_key <> ''")


class BankFile(db.Model):
    """A file of statements. Its `content` (gzip) is kept only while somebody has to describe its columns."""

    __table_args__ = (Index("ix_bank_file_waits", "id", sqlite_where=WAITS, postgresql_where=WAITS),)

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    name: Mapped[str] = mapped_column(String(250))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    # Whose account it is of, where the file does not say it.
    account: Mapped[str] = mapped_column(String(250), default="")
    content: Mapped[bytes | None] = deferred(mapped_column(LargeBinary))
    kept_by: Mapped[str] = mapped_column(String(254), default="")
    kept_at: Mapped[datetime] = mapped_column(UTC)


class BankStatement(db.Model):
    """A statement of an account in one currency. A balance is None where the file does not say it.

    `digest` is of its lines and balances: the same statement is there once. Of its lines `known_count` stood in an
    earlier statement. `booking_by` is who has asked to book all exact lines, while that goes on.
    """

    __table_args__ = (Index("ix_bank_statement_account_through", "account", "through"),)

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    file_id: Mapped[int] = mapped_column(ForeignKey("bank_file.id"), index=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    account: Mapped[str] = mapped_column(String(250))
    currency: Mapped[str] = mapped_column(String(3))
    number: Mapped[str] = mapped_column(String(250), default="")
    opening: Mapped[Decimal | None] = mapped_column(Money)
    closing: Mapped[Decimal | None] = mapped_column(Money)
    begins: Mapped[date]
    through: Mapped[date]
    line_count: Mapped[int]
    known_count: Mapped[int]
    passed_over_count: Mapped[int]
    total: Mapped[Decimal] = mapped_column(Money)
    booking_by: Mapped[str] = mapped_column(String(254), default="")

    file: Mapped[BankFile] = relationship()

    @property
    def difference(self) -> Decimal | None:
        """By how much the closing balance is more than opening balance and lines; None where one is not known."""
        if self.opening is None or self.closing is None:
            return None
        return self.closing - self.opening - self.total


class BankLine(db.Model):
    """A line of a statement, or of several that overlap: known by its `key`, it is there once.

    `account` is the provider's own, `payer_account`, `name` and `email` are those of the other side; `payer_key` is
    what the payer is remembered by. `numbers` are the customers' numbers that payment references in it can mean.
    """

    __table_args__ = (
        Index("ix_bank_line_booked_on_id", "booked_on", "id"),
        Index("ix_bank_line_open", "id", sqlite_where=IS_OPEN, postgresql_where=IS_OPEN),
        Index("ix_bank_line_payer_key", "payer_key", sqlite_where=IS_BOOKED, postgresql_where=IS_BOOKED),
    )

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    account: Mapped[str] = mapped_column(String(250))
    currency: Mapped[str] = mapped_column(String(3))
    booked_on: Mapped[date]
    amount: Mapped[Decimal] = mapped_column(Money)
    kind: Mapped[Kind] = mapped_column(word(Kind, "kind"))
    name: Mapped[str] = mapped_column(String(250), default="")
    payer_account: Mapped[str] = mapped_column(String(250), default="")
    email: Mapped[str] = mapped_column(String(254), default="")
    payer_key: Mapped[str] = mapped_column(KEY, default="")
    text: Mapped[str] = mapped_column(Text, default="")
    bank_reference: Mapped[str] = mapped_column(String(140), default="")
    # What else was given to it, a line each.
    other_references: Mapped[str] = mapped_column(Text, default="")
    numbers: Mapped[str] = mapped_column(Text, default="")
    method: Mapped[PaymentMethod] = mapped_column(word(PaymentMethod, "method"))
    fee: Mapped[Decimal] = mapped_column(Money, default=Decimal(0))
    returned: Mapped[Decimal | None] = mapped_column(Money)
    state: Mapped[LineState] = mapped_column(word(LineState, "state"), default=LineState.OPEN)
    # Why it was set aside.
    note: Mapped[str] = mapped_column(String(250), default="")
    decided_by: Mapped[str] = mapped_column(String(254), default="")
    decided_at: Mapped[datetime | None] = mapped_column(UTC)
    version: Mapped[int] = mapped_column(default=1)

    bookings: Mapped[list["BankBooking"]] = relationship(
        back_populates="line", order_by="BankBooking.id", cascade="all, delete-orphan"
    )

    __mapper_args__ = {"version_id_col": version}


class BankStatementLine(db.Model):
    """Which lines a statement has, in its order."""

    __table_args__ = (Index("ix_bank_statement_line_line_id", "line_id"),)

    statement_id: Mapped[int] = mapped_column(
        PK, ForeignKey("bank_statement.id"), primary_key=True, autoincrement=False
    )
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    line_id: Mapped[int] = mapped_column(PK, ForeignKey("bank_line.id"))


class BankBooking(db.Model):
    """What a line was booked as, or a part of it."""

    __table_args__ = (
        CheckConstraint("(payment_id is null) <> (payment_back_id is null)", name="one_of_two"),
        Index("ix_bank_booking_line_id", "line_id"),
        Index("ix_bank_booking_payment_id", "payment_id"),
        Index("ix_bank_booking_payment_back_id", "payment_back_id"),
    )

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    line_id: Mapped[int] = mapped_column(ForeignKey("bank_line.id"))
    booked_as: Mapped[BookedAs] = mapped_column(word(BookedAs, "booked_as"))
    payment_id: Mapped[int | None] = mapped_column(ForeignKey("payment.id"))
    payment_back_id: Mapped[int | None] = mapped_column(ForeignKey("payment_back.id"))

    line: Mapped[BankLine] = relationship(back_populates="bookings")
    payment: Mapped[Payment | None] = relationship()
    payment_back: Mapped[PaymentBack | None] = relationship()
