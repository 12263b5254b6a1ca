"""Charges added up, so that no page adds up all that was ever posted (portal.services.charges.sums)."""

from datetime import date
from decimal import Decimal

from sqlalchemy import BigInteger, CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.extensions import db
from portal.models.columns import PK, Money


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


class ChargeMark(db.Model):
    """Up to which charge they are added up; and the charge up to which they can be, once every transaction is over
    that was at work when PostgreSQL was about to give out this transaction's number."""

    __table_args__ = (CheckConstraint("id = 1", name="only_one"),)

    id: Mapped[int] = mapped_column(PK, primary_key=True, autoincrement=False)
    through_id: Mapped[int] = mapped_column(PK, default=0)
    next_id: Mapped[int] = mapped_column(PK, default=0)
    next_transaction: Mapped[int] = mapped_column(PK, default=0)
