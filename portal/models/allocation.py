"""What comes off a charge that is to be paid, and what is left of it (billing-rules 13)."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.extensions import db
from portal.models.charge import Charge
from portal.models.columns import PK, UTC, Money, word
from portal.models.customer import Customer
from portal.models.payment import Payment

RELEASED = text("released_on is not null")


class AllocationSource(StrEnum):
    """What comes off a charge: money of a payment, or of the balance; another charge, which is below zero."""

    PAYMENT = "payment"
    BALANCE = "balance"
    DISCOUNT = "discount"
    CREDIT = "credit"
    WRITE_OFF = "write_off"


MONEY = (AllocationSource.PAYMENT, AllocationSource.BALANCE)


class Allocation(db.Model):
    """A part of a payment, a discount, a credit or a write-off put against a charge that is to be paid.

    It counts from `made_on` until the day before `released_on`. `by_charge_id` is the discount, the credit or
    reversal, or the write-off; `by_hand` says that a person released it, so that nothing puts it back unasked.
    """

    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint(
            "(source = 'payment') = (payment_id is not null) and "
            "(source in ('payment', 'balance')) = (by_charge_id is null)",
            name="source_is_named",
        ),
        Index("ix_allocation_charge_id", "charge_id"),
        Index("ix_allocation_payment_id", "payment_id"),
        Index("ix_allocation_by_charge_id", "by_charge_id"),
        Index("ix_allocation_customer_id_id", "customer_id", "id"),
        # The few that were taken off again.
        Index("ix_allocation_released", "customer_id", sqlite_where=RELEASED, postgresql_where=RELEASED),
    )

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    source: Mapped[AllocationSource] = mapped_column(word(AllocationSource, "source"))
    payment_id: Mapped[int | None] = mapped_column(ForeignKey("payment.id"))
    by_charge_id: Mapped[int | None] = mapped_column(ForeignKey("charge.id"))
    charge_id: Mapped[int] = mapped_column(ForeignKey("charge.id"))
    amount: Mapped[Decimal] = mapped_column(Money)
    made_on: Mapped[date]
    released_on: Mapped[date | None]
    # What took it off, unless a person did: a credit, a reversal, or what undoes its charge. And how much of it that
    # took: the rest stands as an allocation of its own.
    released_by_id: Mapped[int | None] = mapped_column(ForeignKey("charge.id"))
    released_amount: Mapped[Decimal | None] = mapped_column(Money)
    by_hand: Mapped[bool] = mapped_column(default=False)
    version: Mapped[int] = mapped_column(default=1)

    customer: Mapped[Customer] = relationship()
    payment: Mapped[Payment | None] = relationship()
    charge: Mapped[Charge] = relationship(foreign_keys=[charge_id])
    by_charge: Mapped[Charge | None] = relationship(foreign_keys=[by_charge_id])

    __mapper_args__ = {"version_id_col": version}

    @property
    def can_be_released(self) -> bool:
        """Whether a person can take it off its charge: money, or a discount that its own lines have not used up.

        These are its reversal, and the differences that name it.
        """
        by_people = (*MONEY, AllocationSource.DISCOUNT)
        if self.released_on or self.source not in by_people or self.charge.reverses_id:
            return False
        named = self.charge.corrects_id
        return not (named and self.by_charge and named in (self.by_charge.id, self.by_charge.corrects_id))


TO_USE, PART_PAID = text("amount < 0"), text("is_part_paid")


class OpenItem(db.Model):
    """What is left of a charge on which anything is: above zero to pay, below zero credit to use.

    Worked out anew from the charge and its allocations whenever these change (portal.services.credit.items), so
    that who owes what is found without reading everything that was ever paid.
    """

    __table_args__ = (
        # What a customer is to pay, and when, is added up off it alone.
        Index("ix_open_item_customer_id_due_on_amount", "customer_id", "due_on", "amount"),
        Index("ix_open_item_due_on", "due_on"),
        # Which charge a sum of money may be meant for.
        Index("ix_open_item_amount_charge_id", "amount", "charge_id"),
        Index("ix_open_item_to_use", "customer_id", sqlite_where=TO_USE, postgresql_where=TO_USE),
        # The few that are paid in part, among the many of which nothing is.
        Index("ix_open_item_part_paid", "charge_id", sqlite_where=PART_PAID, postgresql_where=PART_PAID),
    )

    charge_id: Mapped[int] = mapped_column(ForeignKey("charge.id"), primary_key=True, autoincrement=False)
    # The charge's own, which is there as long as the charge is.
    customer_id: Mapped[int] = mapped_column(PK)
    # A discount falls due never: it has the day of its charge here.
    due_on: Mapped[date]
    amount: Mapped[Decimal] = mapped_column(Money)
    # Whether money or a discount has come off what is to be paid.
    is_part_paid: Mapped[bool] = mapped_column(default=False, server_default=false())

    charge: Mapped[Charge] = relationship()


class DueDay(db.Model):
    """A due day that was moved, and why; the charge keeps its first one."""

    __table_args__ = (
        Index("ix_due_day_charge_id", "charge_id"),
        Index("ix_due_day_customer_id", "customer_id"),
    )

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    charge_id: Mapped[int] = mapped_column(ForeignKey("charge.id"))
    # The charge's own.
    customer_id: Mapped[int] = mapped_column(PK)
    due_on: Mapped[date]
    reason: Mapped[str] = mapped_column(Text)
    made_on: Mapped[date]
    made_by: Mapped[str] = mapped_column(String(254))
    made_at: Mapped[datetime] = mapped_column(UTC)

    charge: Mapped[Charge] = relationship()
