"""Payments of customers."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.domain.payments import PaymentMethod, PaymentState
from portal.extensions import db
from portal.models.columns import KEY, PK, UTC, Money, word
from portal.models.customer import Customer

HAS_REFERENCE = text("reference_key <> ''")
IS_PART = text("split_from_id is not null")
TOLD_APART = text(
    "reference_key <> '' and again_reason = '' and state <> 'cancelled' and split_from_id is null"
)


class Payment(db.Model):
    """Money received. What stands behind `#` in its description is for staff only; the fee is for reference.

    `bank_reference` is that of the transaction; `reference_key` is what it is told apart by, empty where it tells
    nothing. `again_reason` says why a payment was taken in whose method and reference were there already.
    `split_from` is the payment that this one is a part of, split off for another customer: it shares its reference.
    """

    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("fee >= 0", name="fee"),
        Index("ix_payment_customer_id_id", "customer_id", "id"),
        Index("ix_payment_paid_on_id", "paid_on", "id"),
        Index("ix_payment_amount_id", "amount", "id"),
        # The few among the many: SQLite takes no index that says next to nothing of most rows.
        Index("ix_payment_split_from_id", "split_from_id", sqlite_where=IS_PART, postgresql_where=IS_PART),
        # What a payment is found by, by its beginning: of each, also of what is cancelled, or a part.
        Index(
            "ix_payment_reference_key",
            "reference_key",
            sqlite_where=HAS_REFERENCE,
            postgresql_where=HAS_REFERENCE,
        ),
        # The same payment is taken in twice only with a reason (billing-rules 13).
        Index(
            "uq_payment_reference_key",
            "reference_key",
            unique=True,
            sqlite_where=TOLD_APART,
            postgresql_where=TOLD_APART,
        ),
    )

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    token: Mapped[str] = mapped_column(String(64), unique=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    state: Mapped[PaymentState] = mapped_column(word(PaymentState, "state"))
    paid_on: Mapped[date]
    amount: Mapped[Decimal] = mapped_column(Money)
    fee: Mapped[Decimal] = mapped_column(Money, default=Decimal(0))
    method: Mapped[PaymentMethod] = mapped_column(
        word(PaymentMethod, "method"), default=PaymentMethod.BANK_TRANSFER
    )
    bank_reference: Mapped[str] = mapped_column(String(140), default="")
    reference_key: Mapped[str] = mapped_column(KEY, default="")
    again_reason: Mapped[str] = mapped_column(Text, default="")
    description: Mapped[str] = mapped_column(Text, default="")
    confirm_by_email: Mapped[bool] = mapped_column(default=False)
    created_by: Mapped[str] = mapped_column(String(254), default="")
    created_at: Mapped[datetime] = mapped_column(UTC)
    version: Mapped[int] = mapped_column(default=1)

    split_from_id: Mapped[int | None] = mapped_column(ForeignKey("payment.id"))

    customer: Mapped[Customer] = relationship()
    split_from: Mapped["Payment | None"] = relationship(remote_side=[id])

    __mapper_args__ = {"version_id_col": version}

    @property
    def public_description(self) -> str:
        """What the customer reads."""
        return self.description.partition("#")[0].strip()
