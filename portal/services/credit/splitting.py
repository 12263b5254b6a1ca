"""Splitting a payment: a part of it moves to another customer (billing-rules 13)."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import select

from portal.domain.errors import Invalid, WayOut
from portal.domain.wording import money, money_in
from portal.models import Customer, EntrySource, Payment, PaymentState
from portal.services import locking
from portal.services.credit.archived import check_not_archived
from portal.services.credit.balance import Act, enter
from portal.services.credit.payment_rules import check_amount, check_completed, left_of
from portal.services.credit.payments import arrived
from portal.services.once import Receipt, Sent, once


def split(
    payment: Payment,
    customer: Customer,
    amount: Decimal,
    *,
    description: str,
    token: str,
    today: date,
    by: str,
    now: datetime,
) -> Payment:
    """Move a part of what is left of a completed payment to another customer, as a payment of theirs.

    The entries are dated today. The part shares method, reference and day with the whole, pays what is due first, and
    is cancelled by itself. The form's token makes it once.
    """

    def make() -> Payment:
        locking.lock(Customer, [payment.customer_id, customer.id])
        locking.read_anew(Payment, [payment.id])
        check_completed(payment, "split")
        check_not_archived(customer)
        _check(payment, customer, amount)
        return Payment(
            token=token,
            customer=customer,
            state=PaymentState.COMPLETED,
            paid_on=payment.paid_on,
            amount=amount,
            fee=Decimal(0),
            method=payment.method,
            bank_reference=payment.bank_reference,
            reference_key=payment.reference_key,
            description=description,
            split_from=payment,
            created_by=by,
            created_at=now,
        )

    def tell(made: Payment) -> Receipt:
        way = WayOut("See the part", "payments.show", {"payment_id": made.id})
        return f"{money_in(made.amount, customer.currency)} was split off for {customer.name}", way

    query = select(Payment).where(Payment.token == token)
    sent = Sent("split", token, (payment, customer, amount, description))
    part, is_new = once(sent, query, make, tell)
    if is_new:
        act = Act(today, by, now)
        enter(payment.customer_id, EntrySource.SPLIT, -amount, payment.paid_on, act, payment_id=payment.id)
        arrived(part, act)
    return part


def _check(payment: Payment, customer: Customer, amount: Decimal) -> None:
    currency = payment.customer.currency
    if customer.id == payment.customer_id:
        raise Invalid("customer", f"The payment is {customer.name}'s already: choose another customer.")
    if customer.currency != currency:
        raise Invalid(
            "customer", f"{customer.name} pays in {customer.currency}; this payment is in {currency}."
        )
    check_amount("amount", amount, currency, positive=True)
    if amount > (left := left_of(payment)):
        raise Invalid("amount", f"Only {money(max(left, Decimal(0)), currency)} of the payment is left.")
