"""What every act on a payment asks: whether an amount can be, whose the payment is, how much of it is allocated."""

from decimal import Decimal

from sqlalchemy import func, select

from portal.domain.errors import Invalid
from portal.domain.money import AMOUNT_BELOW, fits
from portal.domain.wording import decimals, whole
from portal.extensions import db
from portal.models import Allocation, Customer, Payment
from portal.services import locking


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


def allocated_of(payment: Payment) -> Decimal:
    """How much of a payment is allocated to charges."""
    query = select(func.coalesce(func.sum(Allocation.amount), 0)).where(
        Allocation.payment_id == payment.id, Allocation.released_on.is_(None)
    )
    return Decimal(db.session.scalar(query) or 0)
