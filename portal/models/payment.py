"""Payments of customers, and which charges they are allocated to."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.extensions import db
from portal.models.charge import Charge
from portal.models.columns import PK, UTC, Money, word
from portal.models.customer import Customer


class PaymentState(StrEnum):
    """Only a completed payment is in the balance."""

    PENDING = "pending"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class Payment(db.Model):
    """Money received. What stands behind `#` in its description is for staff only; the fee is for reference."""

    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("fee >= 0", name="fee"),
        Index("ix_payment_customer_id_id", "customer_id", "id"),
    )

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    token: Mapped[str] = mapped_column(String(64), unique=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    state: Mapped[PaymentState] = mapped_column(word(PaymentState, "state"))
    paid_on: Mapped[date]
    amount: Mapped[Decimal] = mapped_column(Money)
    fee: Mapped[Decimal] = mapped_column(Money, default=Decimal(0))
    description: Mapped[str] = mapped_column(Text, default="")
    confirm_by_email: Mapped[bool] = mapped_column(default=False)
    created_by: Mapped[str] = mapped_column(String(254), default="")
    created_at: Mapped[datetime] = mapped_column(UTC)
    version: Mapped[int] = mapped_column(default=1)

    customer: Mapped[Customer] = relationship()

    __mapper_args__ = {"version_id_col": version}

    @property
    def public_description(self) -> str:
        """What the customer reads."""
        return self.description.partition("#")[0].strip()


class Allocation(db.Model):
    """A part of a payment that pays a charge which is to be paid. Released, it is kept and counts no more."""

    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        Index("ix_allocation_charge_id", "charge_id"),
        Index("ix_allocation_payment_id", "payment_id"),
    )

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    token: Mapped[str] = mapped_column(String(64), unique=True)
    payment_id: Mapped[int] = mapped_column(ForeignKey("payment.id"))
    charge_id: Mapped[int] = mapped_column(ForeignKey("charge.id"))
    amount: Mapped[Decimal] = mapped_column(Money)
    made_on: Mapped[date]
    released_on: Mapped[date | None]
    version: Mapped[int] = mapped_column(default=1)

    payment: Mapped[Payment] = relationship()
    charge: Mapped[Charge] = relationship()

    __mapper_args__ = {"version_id_col": version}
