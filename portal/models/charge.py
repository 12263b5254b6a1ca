"""Charges: posted lines. Never edited, never deleted; corrected or reversed by another charge."""

from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    select,
    text,
)
from sqlalchemy.orm import Mapped, aliased, declared_attr, mapped_column, relationship

from portal.domain.due import Kind
from portal.extensions import db
from portal.models.assignment import Assignment
from portal.models.columns import KEY, PK, UTC, Money, word
from portal.models.correction import Correction
from portal.models.customer import Customer

RARE = text("kind <> 'recurring'")
# What nearly all are is asked first: to look through the others takes a tenth of what it takes to store a charge.
IS_A_KIND = f"kind = 'recurring' or kind in ({', '.join(repr(kind.value) for kind in Kind)})"
CORRECTS = text("corrects_id is not null")
CORRECTION = text("correction_id is not null")
WRITES_OFF = text("writes_off_id is not null")
REVERSES = text("reverses_id is not null")
TOKEN = text("token is not null")
OPENING = text("opening_number is not null")


class ChargeColumns:
    """What a charge says of itself, posted or simulated. `days / whole_days` is the fraction charged."""

    charge_on: Mapped[date]
    period_from: Mapped[date]
    period_until: Mapped[date | None]
    number: Mapped[int] = mapped_column(default=0)
    quantity: Mapped[int] = mapped_column(default=1)
    unit_price: Mapped[Decimal] = mapped_column(Money)
    unit_cost: Mapped[Decimal] = mapped_column(Money)
    days: Mapped[int] = mapped_column(default=1)
    whole_days: Mapped[int] = mapped_column(default=1)
    spend: Mapped[Decimal | None] = mapped_column(Money)
    currency: Mapped[str] = mapped_column(String(3))
    amount: Mapped[Decimal] = mapped_column(Money)
    cost: Mapped[Decimal] = mapped_column(Money)
    tax_rate: Mapped[Decimal] = mapped_column(Money)
    tax: Mapped[Decimal] = mapped_column(Money)
    # Copied, so that renaming a package or releasing a number leaves old charges alone.
    label: Mapped[str] = mapped_column(String(120))
    did_number: Mapped[str] = mapped_column(String(16), default="")

    @declared_attr
    @classmethod
    def kind(cls) -> Mapped[Kind]:
        """What the charge is for."""
        return mapped_column(word(Kind, "kind", check=False))

    @property
    def margin(self) -> Decimal:
        """Amount less cost."""
        return self.amount - self.cost

    @property
    def total(self) -> Decimal:
        """Amount and tax."""
        return self.amount + self.tax

    @property
    def is_once(self) -> bool:
        """Whether it has no service period: its period_from only keeps it from being posted twice."""
        return self.period_until is None


class Charge(ChargeColumns, db.Model):
    """A posted charge. Which of its keys the database holds where: migrations/charge_keys.py."""

    __table_args__ = (
        UniqueConstraint("assignment_id", "kind", "period_from", "number", name="uq_charge_once"),
        CheckConstraint(
            "assignment_id is not null or corrects_id is not null or kind in "
            "('manual', 'opening_item', 'reversal', 'write_off', 'write_off_lapsed', 'undo')",
            name="has_assignment",
        ),
        CheckConstraint("assignment_id is null or package_id is not null", name="has_package"),
        CheckConstraint(
            "kind <> 'opening_item' or (opening_number is not null and due_on is not null "
            "and amount > 0 and cost = 0 and tax = 0)",
            name="opening_item",
        ),
        CheckConstraint(IS_A_KIND, name="kind"),
        CheckConstraint("period_until is null or period_until >= period_from", name="period"),
        CheckConstraint("quantity between 1 and 100000", name="quantity"),
        Index("ix_charge_charge_on_id", "charge_on", "id"),
        # What its balance entries name.
        Index("ix_charge_customer_id_charge_on_id", "customer_id", "charge_on", "id", unique=True),
        Index("ix_charge_package_id_charge_on_id", "package_id", "charge_on", "id"),
        Index("ix_charge_run_id_id", "run_id", "id"),
        # The few among the very many: a list of them alone does not read the others.
        Index(
            "ix_charge_kind_charge_on_id", "kind", "charge_on", "id", sqlite_where=RARE, postgresql_where=RARE
        ),
        Index(
            "ix_charge_writes_off_id", "writes_off_id", sqlite_where=WRITES_OFF, postgresql_where=WRITES_OFF
        ),
        Index(
            "ix_charge_reverses_id",
            "reverses_id",
            unique=True,
            sqlite_where=REVERSES,
            postgresql_where=REVERSES,
        ),
        Index(
            "ix_charge_opening",
            "customer_id",
            "opening_number",
            sqlite_where=OPENING,
            postgresql_where=OPENING,
        ),
        # What an opening item is found by: its number, behind what all their labels begin with.
        Index(
            "ix_charge_opening_search_key",
            "search_key",
            "id",
            sqlite_where=OPENING,
            postgresql_where=OPENING,
        ),
        Index("ix_charge_token", "token", unique=True, sqlite_where=TOKEN, postgresql_where=TOKEN),
        Index("ix_charge_corrects_id", "corrects_id", sqlite_where=CORRECTS, postgresql_where=CORRECTS),
        Index(
            "ix_charge_correction_id", "correction_id", sqlite_where=CORRECTION, postgresql_where=CORRECTION
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    token: Mapped[str | None] = mapped_column(String(64))
    run_id: Mapped[int | None] = mapped_column(ForeignKey("run.id"))
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    assignment_id: Mapped[int | None] = mapped_column(ForeignKey("assignment.id"))
    package_id: Mapped[int | None] = mapped_column(ForeignKey("package.id"))
    auto_decrement_credit: Mapped[bool] = mapped_column(default=False)
    corrects_id: Mapped[int | None] = mapped_column(ForeignKey("charge.id"))
    reverses_id: Mapped[int | None] = mapped_column(ForeignKey("charge.id"))
    # Posted because terms were corrected back to a day.
    correction_id: Mapped[int | None] = mapped_column(ForeignKey("correction.id"))
    # The charge that a write-off, or what returns of one, is about: it is none of its corrections.
    writes_off_id: Mapped[int | None] = mapped_column(ForeignKey("charge.id"))
    # Of a charge that is to be paid and is above zero: when it first falls due.
    due_on: Mapped[date | None]
    # Of an opening item, and of what reverses it or writes it off: its number in the other system. All of these are
    # outside revenue and margin (billing-rules 13).
    opening_number: Mapped[str | None] = mapped_column(String(60))
    # What a manual charge is found by; others are found by their package.
    search_key: Mapped[str] = mapped_column(KEY, default="", server_default="")
    reason: Mapped[str] = mapped_column(Text, default="")
    posted_by: Mapped[str] = mapped_column(String(254), default="")
    posted_at: Mapped[datetime] = mapped_column(UTC)

    customer: Mapped[Customer] = relationship()
    assignment: Mapped[Assignment | None] = relationship()
    correction: Mapped[Correction | None] = relationship()
    corrects: Mapped["Charge | None"] = relationship(foreign_keys=[corrects_id], remote_side=[id])
    writes_off: Mapped["Charge | None"] = relationship(foreign_keys=[writes_off_id], remote_side=[id])
    reverses: Mapped["Charge | None"] = relationship(foreign_keys=[reverses_id], remote_side=[id])

    @property
    def margin(self) -> Decimal:
        """Amount less cost; nothing of what is outside revenue."""
        return Decimal(0) if self.opening_number is not None else self.amount - self.cost


def is_undone(charge: Any = Charge) -> ColumnElement[bool]:
    """Whether the run that posted a charge was undone, in SQL: then it counts as not posted (billing-rules 16)."""
    mirror = _mirror()
    undoes = (mirror.reverses_id == charge.id, mirror.kind == Kind.UNDO)
    return select(mirror.id).where(*undoes).correlate(charge).exists()


@cache
def _mirror() -> type[Charge]:
    """What undoes a charge. Made once: an alias works out its columns anew, and that takes longer than to ask."""
    return aliased(Charge)


def counts_as_posted(charge: Any = Charge) -> ColumnElement[bool]:
    """Whether a charge counts as posted, in SQL: neither undone nor what undoes another."""
    return (charge.kind != Kind.UNDO) & ~is_undone(charge)
