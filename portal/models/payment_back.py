"""Money paid out of a balance, and the payments that it returns (billing-rules 13)."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from portal.domain.bank_reference import telling_letters
from portal.extensions import db
from portal.models.columns import KEY, PK, UTC, Money, word
from portal.models.customer import Customer
from portal.models.payment import HAS_REFERENCE, Payment, PaymentMethod


class PaymentBack(db.Model):
    """Money paid out of a balance. It counts until it is cancelled: it came back, or was a mistake."""

    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        Index("ix_payment_back_customer_id_id", "customer_id", "id"),
        Index("ix_payment_back_paid_on_id", "paid_on", "id"),
        Index("ix_payment_back_amount_id", "amount", "id"),
        Index(
            "ix_payment_back_reference_key",
            "reference_key",
            sqlite_where=HAS_REFERENCE,
            postgresql_where=HAS_REFERENCE,
        ),
    )

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    token: Mapped[str] = mapped_column(String(64), unique=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    paid_on: Mapped[date]
    amount: Mapped[Decimal] = mapped_column(Money)
    method: Mapped[PaymentMethod] = mapped_column(word(PaymentMethod, "method"))
    bank_reference: Mapped[str] = mapped_column(String(140), default="")
    # What it is found by, by its beginning; empty where the reference tells nothing.
    reference_key: Mapped[str] = mapped_column(KEY, default="")
    cancelled_on: Mapped[date | None]
    created_by: Mapped[str] = mapped_column(String(254), default="")
    created_at: Mapped[datetime] = mapped_column(UTC)
    version: Mapped[int] = mapped_column(default=1)

    customer: Mapped[Customer] = relationship()
    returned: Mapped[list["ReturnedPayment"]] = relationship(
        back_populates="payment_back", order_by="ReturnedPayment.id"
    )

    __mapper_args__ = {"version_id_col": version}

    @validates("bank_reference")
    def _key_reference(self, _field: str, text: str) -> str:
        self.reference_key = telling_letters(text)
        return text


class ReturnedPayment(db.Model):
    """How much of a payment a payment back returns: no longer left of it while that is not cancelled."""

    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        Index("ix_returned_payment_payment_id", "payment_id"),
        Index("ix_returned_payment_payment_back_id", "payment_back_id"),
    )

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    payment_back_id: Mapped[int] = mapped_column(ForeignKey("payment_back.id"))
    payment_id: Mapped[int] = mapped_column(ForeignKey("payment.id"))
    amount: Mapped[Decimal] = mapped_column(Money)

    payment_back: Mapped[PaymentBack] = relationship(back_populates="returned")
    payment: Mapped[Payment] = relationship()
