"""What every act on a payment asks: whether an amount can be, whose the payment is, and what is left of it."""

from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, func, select, type_coerce
from sqlalchemy.orm import aliased

from portal.domain.errors import Invalid, RuleBroken
from portal.domain.money import AMOUNT_BELOW, fits
from portal.domain.wording import decimals, whole
from portal.extensions import db
from portal.models import Allocation, Customer, Payment, PaymentBack, PaymentState, ReturnedPayment
from portal.services import locking
from portal.services.credit.archived import check_not_archived


def check_amount(name: str, amount: Decimal, currency: str, *, positive: bool) -> None:
    """Whether an amount can be entered. Invalid names the field."""
    if positive and amount <= 0:
        raise Invalid(name, "The amount must be above zero.")
    if not amount and not positive and name == "amount":
        raise Invalid(name, "An adjustment cannot be zero.")
    if abs(amount) >= AMOUNT_BELOW:
        raise Invalid(name, f"The amount must be below {whole(AMOUNT_BELOW)}.")
    if not fits(amount, currency):
        raise Invalid(name, f"An amount in {currency} can have {decimals(currency)} at most.")


def lock_payment(payment: Payment) -> None:
    """Lock whose payment it is, and read it anew: nobody else changes it until the transaction ends."""
    locking.lock(Customer, [payment.customer_id])
    locking.read_anew(Payment, [payment.id])


def check_completed(payment: Payment, what: str) -> None:
    """RuleBroken where a payment is not completed: it cannot be allocated, split."""
    check_not_archived(payment.customer)
    if payment.state != PaymentState.COMPLETED:
        raise RuleBroken(f"The payment is {payment.state}: only a completed payment can be {what}.")


def _sum(amount: Any, *where: ColumnElement[bool]) -> Any:
    query = select(func.coalesce(func.sum(amount), 0)).where(*where)
    return type_coerce(query.correlate(Payment).scalar_subquery(), Payment.amount.type)


_part = aliased(Payment)
# In SQL, of a payment: how much is allocated to charges, was split off for other customers, and was paid back.
ALLOCATED = _sum(Allocation.amount, Allocation.payment_id == Payment.id, Allocation.released_on.is_(None))
SPLIT_OFF = _sum(_part.amount, _part.split_from_id == Payment.id)
PAID_BACK = _sum(
    ReturnedPayment.amount,
    ReturnedPayment.payment_id == Payment.id,
    ReturnedPayment.payment_back_id == PaymentBack.id,
    PaymentBack.cancelled_on.is_(None),
)
LEFT = type_coerce(Payment.amount - ALLOCATED - SPLIT_OFF - PAID_BACK, Payment.amount.type)


def _of(payment: Payment, amount: Any) -> Decimal:
    db.session.flush()
    return Decimal(db.session.scalar(select(amount).where(Payment.id == payment.id)) or 0)


def allocated_of(payment: Payment) -> Decimal:
    """How much of a payment is allocated to charges."""
    return _of(payment, ALLOCATED)


def split_off(payment: Payment) -> Decimal:
    """How much of a payment was split off for other customers."""
    return _of(payment, SPLIT_OFF)


def paid_back_of(payment: Payment) -> Decimal:
    """How much of a payment was paid back."""
    return _of(payment, PAID_BACK)


def left_of(payment: Payment) -> Decimal:
    """What is left of a payment: not allocated, not split off, not paid back."""
    return _of(payment, LEFT)


def with_something_left(customer_id: int) -> list[tuple[Payment, Decimal]]:
    """The completed payments of which something is left, with how much; the oldest first."""
    query = (
        select(Payment, LEFT)
        .where(Payment.customer_id == customer_id, Payment.state == PaymentState.COMPLETED)
        .order_by(Payment.paid_on, Payment.id)
    )
    return [(payment, left) for payment, left in db.session.execute(query) if left > 0]
