"""Balance entries: what moves a customer's balance. Their sum is the balance."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from portal.extensions import db
from portal.models.columns import PK, UTC, Money, word


class EntrySource(StrEnum):
    """Where an entry comes from."""

    CHARGE = "charge"


class BalanceEntry(db.Model):
    """One movement of a balance: dated the day it is made, naming the day it is for."""

    __table_args__ = (
        Index("ix_balance_entry_customer_id_made_on_id", "customer_id", "made_on", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    source: Mapped[EntrySource] = mapped_column(word(EntrySource, "source"))
    charge_id: Mapped[int | None] = mapped_column(ForeignKey("charge.id"), unique=True)
    made_on: Mapped[date]
    for_day: Mapped[date]
    amount: Mapped[Decimal] = mapped_column(Money)
    reason: Mapped[str] = mapped_column(Text, default="")
    made_at: Mapped[datetime] = mapped_column(UTC)
