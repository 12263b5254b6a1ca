"""What is to be paid: charges without Auto Decrement Credit, less what payments were allocated to them."""

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from portal.extensions import db
from portal.models import (
    Allocation,
    Charge,
    Payment,
)

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class ToBePaid:
    """A charge that is to be paid: what it and its corrections come to with tax, and what was paid of it."""

    charge: Charge
    total: Decimal
    paid: Decimal

    @property
    def open(self) -> Decimal:
        """What is left to pay."""
        return self.total - self.paid


def to_be_paid(customer_id: int, charge_ids: Collection[int] | None = None) -> list[ToBePaid]:
    """The charges of a customer on which anything is open, the oldest first; or the ones asked for."""
    line = aliased(Charge)
    root = func.coalesce(line.corrects_id, line.reverses_id, line.id)
    wanted = [line.customer_id == customer_id, line.auto_decrement_credit.is_(False)]
    if charge_ids is not None:
        wanted.append(root.in_(charge_ids))
    totals = (
        select(root.label("id"), func.sum(line.amount).label("amount"), func.sum(line.tax).label("tax"))
        .where(*wanted)
        .group_by(root)
        .subquery()
    )
    paid = (
        select(Allocation.charge_id, func.sum(Allocation.amount).label("paid"))
        .join(Payment, Payment.id == Allocation.payment_id)
        .where(Allocation.released_on.is_(None), Payment.customer_id == customer_id)
        .group_by(Allocation.charge_id)
        .subquery()
    )
    query = (
        select(Charge, totals.c.amount, totals.c.tax, paid.c.paid)
        .join(totals, totals.c.id == Charge.id)
        .outerjoin(paid, paid.c.charge_id == Charge.id)
        .order_by(Charge.charge_on, Charge.id)
    )
    if charge_ids is None:
        query = query.where(totals.c.amount + totals.c.tax != func.coalesce(paid.c.paid, 0))
    return [
        ToBePaid(charge, amount + tax, paid or ZERO)
        for charge, amount, tax, paid in db.session.execute(query)
    ]


def owed_by(customer_id: int) -> Decimal:
    """What a customer is to pay in all: charges without auto decrement, less what was paid of them."""
    charged = select(func.coalesce(func.sum(Charge.amount), 0), func.coalesce(func.sum(Charge.tax), 0)).where(
        Charge.customer_id == customer_id, Charge.auto_decrement_credit.is_(False)
    )
    amount, tax = db.session.execute(charged).one()
    paid = (
        select(func.coalesce(func.sum(Allocation.amount), 0))
        .join(Charge, Charge.id == Allocation.charge_id)
        .where(Charge.customer_id == customer_id, Allocation.released_on.is_(None))
    )
    return Decimal(amount) + Decimal(tax) - Decimal(db.session.scalar(paid) or 0)
