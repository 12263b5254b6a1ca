"""Balance entries: what moves a customer's balance. Their sum is the balance."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.extensions import db
from portal.models.columns import PK, UTC, Money, word


class EntrySource(StrEnum):
    """Where an entry comes from."""

    CHARGE = "charge"
    CALLS = "calls"
    PAYMENT = "payment"
    ADJUSTMENT = "adjustment"
    # A payment allocated to a charge that is to be paid, the allocation released, and what returns to the balance
    # when something that was paid is credited or reversed.
    ALLOCATION = "allocation"
    RELEASE = "release"
    # A part of a payment that was split off for another customer, and money paid out.
    SPLIT = "split"
    PAYMENT_BACK = "payment_back"


PAID_BACK = text("payment_back_id is not null")
ONE_PER_CHARGE = text("source = 'charge'")


class BalanceEntry(db.Model):
    """One movement of a balance: dated the day it is made, naming the day it is for.

    `amount` moves the balance (below zero: takes from it) and holds `tax`; both have the same sign.
    """

    __table_args__ = (
        # Of the charge's own customer, for the day of the charge.
        ForeignKeyConstraint(
            ["customer_id", "for_day", "charge_id"],
            ["charge.customer_id", "charge.charge_on", "charge.id"],
            name="fk_balance_entry_charge_id_charge",
        ),
        # A balance is added up off it alone.
        Index("ix_balance_entry_customer_id_made_on_id_amount", "customer_id", "made_on", "id", "amount"),
        Index("ix_balance_entry_customer_id_source_for_day", "customer_id", "source", "for_day"),
        Index(
            "uq_balance_entry_charge_id",
            "charge_id",
            unique=True,
            sqlite_where=ONE_PER_CHARGE,
            postgresql_where=ONE_PER_CHARGE,
        ),
        # The few among the very many.
        Index(
            "ix_balance_entry_payment_back_id",
            "payment_back_id",
            sqlite_where=PAID_BACK,
            postgresql_where=PAID_BACK,
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    token: Mapped[str | None] = mapped_column(String(64), unique=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    source: Mapped[EntrySource] = mapped_column(word(EntrySource, "source"))
    charge_id: Mapped[int | None] = mapped_column(PK)
    payment_id: Mapped[int | None] = mapped_column(ForeignKey("payment.id"), index=True)
    payment_back_id: Mapped[int | None] = mapped_column(ForeignKey("payment_back.id"))
    made_on: Mapped[date]
    for_day: Mapped[date]
    amount: Mapped[Decimal] = mapped_column(Money)
    tax: Mapped[Decimal] = mapped_column(Money, default=Decimal(0), server_default="0")
    reason: Mapped[str] = mapped_column(Text, default="")
    made_by: Mapped[str] = mapped_column(String(254), default="")
    made_at: Mapped[datetime] = mapped_column(UTC)
