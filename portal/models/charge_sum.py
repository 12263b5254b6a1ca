"""Charges, what came off them, and what moved balances, added up, so that no page adds up all that was ever posted
(portal.services.charges.sums)."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.extensions import db
from portal.models.allocation import AllocationSource
from portal.models.columns import PK, UTC, Money, word


class ChargeSum(db.Model):
    """The charges up to the mark that bear a day of one month, in one currency, of one package (0: by hand)."""

    month: Mapped[date] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(String(3), primary_key=True)
    package_id: Mapped[int] = mapped_column(PK, primary_key=True, autoincrement=False)
    # Without a service period.
    is_once: Mapped[bool] = mapped_column(primary_key=True)
    amount: Mapped[Decimal] = mapped_column(Money)
    cost: Mapped[Decimal] = mapped_column(Money)
    charges: Mapped[int] = mapped_column(BigInteger)


class Part(StrEnum):
    """What charges are to their customer's account (portal.services.credit.charged)."""

    ITEM = "item"
    RETURNED = "returned"
    DISCOUNT = "discount"
    BALANCE = "balance"
    WRITTEN_OFF = "written_off"
    OTHER = "other"
    # What takes others back whose run was undone.
    UNDONE = "undone"
    UNDONE_DISCOUNT = "undone_discount"
    UNDONE_CREDIT = "undone_credit"
    UNDONE_BALANCE = "undone_balance"


class CustomerSum(db.Model):
    """Charges up to the mark of one customer who has very many, of one day and alike; several rows may be of the same.

    A customer who has any has all of theirs in here, but those that come to nothing.
    """

    __table_args__ = (Index("ix_customer_sum_customer_id_charge_on", "customer_id", "charge_on"),)

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    customer_id: Mapped[int] = mapped_column(PK)
    charge_on: Mapped[date]
    currency: Mapped[str] = mapped_column(String(3))
    # 0: by hand.
    package_id: Mapped[int] = mapped_column(PK)
    tax_rate: Mapped[Decimal] = mapped_column(Money)
    part: Mapped[Part] = mapped_column(word(Part, "part"))
    # Of opening items, and of what reverses them or writes them off.
    is_outside: Mapped[bool]
    # When the last of them was posted.
    posted_at: Mapped[datetime] = mapped_column(UTC)
    amount: Mapped[Decimal] = mapped_column(Money)
    tax: Mapped[Decimal] = mapped_column(Money)
    charges: Mapped[int] = mapped_column(BigInteger)


class AllocationSum(db.Model):
    """What came off the charges of one customer off whose very much came, of one day and alike; up to the mark.

    Several rows may be of the same. A customer who has any has all that ever came off in here; what was taken off
    again is not taken out.
    """

    __table_args__ = (Index("ix_allocation_sum_customer_id_counts_on", "customer_id", "counts_on"),)

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    customer_id: Mapped[int] = mapped_column(PK)
    made_on: Mapped[date]
    # Nothing counts before the day of its charge.
    counts_on: Mapped[date]
    source: Mapped[AllocationSource] = mapped_column(word(AllocationSource, "source"))
    payment_id: Mapped[int | None] = mapped_column(PK)
    by_charge_id: Mapped[int | None] = mapped_column(PK)
    # The charges' own.
    label: Mapped[str] = mapped_column(String(120))
    is_item: Mapped[bool]
    # What undoes a charge settles it as a credit does.
    is_undo: Mapped[bool]
    amount: Mapped[Decimal] = mapped_column(Money)
    # The first of them.
    first_id: Mapped[int] = mapped_column(PK)


class DueSum(db.Model):
    """What charges of one customer that are to be paid come to, of one day and due on one; or what came off such, which
    is below zero. Of whom these are kept in the sums above, and up to the same mark; several rows may be of the same.

    A due day that was moved is not taken over, and what was taken off again is not taken out.
    """

    __table_args__ = (Index("ix_due_sum_customer_id_counts_on", "customer_id", "counts_on"),)

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    customer_id: Mapped[int] = mapped_column(PK)
    # Nothing counts before the day of its charge.
    counts_on: Mapped[date]
    due_on: Mapped[date]
    amount: Mapped[Decimal] = mapped_column(Money)


class BalanceSum(db.Model):
    """The entries up to the mark of one customer whose balance very much has moved, made on one day; several rows may
    be of the same. A customer who has any has all of theirs in here.
    """

    __table_args__ = (Index("ix_balance_sum_customer_id_made_on_amount", "customer_id", "made_on", "amount"),)

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    customer_id: Mapped[int] = mapped_column(PK)
    made_on: Mapped[date]
    amount: Mapped[Decimal] = mapped_column(Money)


class Mark:
    """Up to which row of a table its rows are added up; and the row up to which they can be, once every transaction is
    over that was at work when PostgreSQL was about to give out this transaction's number."""

    id: Mapped[int] = mapped_column(PK, primary_key=True, autoincrement=False)
    through_id: Mapped[int] = mapped_column(PK, default=0)
    next_id: Mapped[int] = mapped_column(PK, default=0)
    next_transaction: Mapped[int] = mapped_column(PK, default=0)


class ChargeMark(Mark, db.Model):
    """The mark of charges."""

    __table_args__ = (CheckConstraint("id = 1", name="only_one"),)


class AllocationMark(Mark, db.Model):
    """The mark of what came off them."""

    __table_args__ = (CheckConstraint("id = 1", name="only_one"),)


class BalanceMark(Mark, db.Model):
    """The mark of what moved balances."""

    __table_args__ = (CheckConstraint("id = 1", name="only_one"),)
