"""Corrections back to a day: what was wrong, since when, what is said of it, and the terms as they stood before."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.extensions import db
from portal.models.assignment import Assignment
from portal.models.columns import PK, UTC, Money
from portal.models.customer import Customer
from portal.models.package import Package


class Correction(db.Model):
    """Terms corrected back to a day: those of a package, of chosen assignments, or a customer's tax rate.

    `right` says what holds since, `before` (JSON) the terms as they stood: of a package its prices in the currency, of
    a customer the tax rates. `sentence` is what each customer reads. The charges that were posted for it name it.
    """

    __table_args__ = (
        Index("ix_correction_package_id_id", "package_id", "id"),
        Index("ix_correction_customer_id_id", "customer_id", "id"),
    )

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    token: Mapped[str] = mapped_column(String(64), unique=True)
    package_id: Mapped[int | None] = mapped_column(ForeignKey("package.id"))
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"))
    currency: Mapped[str] = mapped_column(String(3), default="")
    since: Mapped[date]
    right: Mapped[str] = mapped_column(Text)
    sentence: Mapped[str] = mapped_column(Text)
    before: Mapped[str] = mapped_column(Text, default="")
    # What it changed the tax on calls by, in the balance.
    call_tax: Mapped[Decimal] = mapped_column(Money, default=Decimal(0))
    made_on: Mapped[date]
    made_by: Mapped[str] = mapped_column(String(254), default="")
    made_at: Mapped[datetime] = mapped_column(UTC)

    package: Mapped[Package | None] = relationship()
    customer: Mapped[Customer | None] = relationship()


class CorrectedAssignment(db.Model):
    """An assignment that a correction was chosen for, with its own prices and quantities as they stood (JSON)."""

    correction_id: Mapped[int] = mapped_column(PK, ForeignKey("correction.id"), primary_key=True)
    assignment_id: Mapped[int] = mapped_column(
        PK, ForeignKey("assignment.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    before: Mapped[str] = mapped_column(Text)

    correction: Mapped[Correction] = relationship()
    assignment: Mapped[Assignment] = relationship()
