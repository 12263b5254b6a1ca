"""Calls: rated call records, what a customer spent and on which day."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.extensions import db
from portal.models.columns import PK, UTC, Money


class Call(db.Model):
    """A rated call. `day` is the civil day on which it started in the portal's time zone."""

    __table_args__ = (
        UniqueConstraint("customer_id", "call_id"),
        Index("ix_call_customer_id_day", "customer_id", "day"),
        Index("ix_call_did_id_day", "did_id", "day"),
    )

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    call_id: Mapped[str] = mapped_column(String(120))
    did_id: Mapped[int | None] = mapped_column(ForeignKey("did.id"))
    started_at: Mapped[datetime | None] = mapped_column(UTC)
    day: Mapped[date]
    destination: Mapped[str] = mapped_column(String(40), default="")
    seconds: Mapped[int] = mapped_column(default=0)
    amount: Mapped[Decimal] = mapped_column(Money)
