"""Payments and adjustments: what people enter into a balance."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import func, select

from portal.domain.errors import Invalid, RuleBroken, WayOut
from portal.domain.money import AMOUNT_BELOW, fits
from portal.domain.schedule import FIRST_DAY
from portal.domain.wording import decimals, long_day, money_in, whole
from portal.extensions import db
from portal.models import (
    Allocation,
    BalanceEntry,
    Customer,
    EntrySource,
    Payment,
    PaymentState,
)
from portal.services import locking
from portal.services.credit.archived import check_not_archived
from portal.services.credit.payment_mail import confirm
from portal.services.once import Receipt, Sent, once


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


def record_payment(payment: Payment, today: date, *, now: datetime) -> Payment:
    """Take in a payment; a completed one goes into the balance. Its token makes it once."""

    def make() -> Payment:
        _check_payment(payment, today)
        return payment

    def tell(made: Payment) -> Receipt:
        amount = money_in(made.amount, made.customer.currency)
        way = WayOut("See the payment", "payments.show", {"payment_id": made.id})
        return f"a payment of {amount} from {made.customer.name} was recorded", way

    names = ("customer", "state", "paid_on", "amount", "fee", "description", "confirm_by_email")
    content = {name: getattr(payment, name) for name in names}
    query = select(Payment).where(Payment.token == payment.token)
    made, is_new = once(Sent("payment", payment.token, content), query, make, tell)
    if is_new and made.state == PaymentState.COMPLETED:
        _enter_payment(made, made.amount, today, "", made.created_by, now)
        confirm(made, now)
    return made


def _check_payment(payment: Payment, today: date) -> None:
    locking.lock(Customer, [payment.customer.id])
    check_not_archived(payment.customer)
    currency = payment.customer.currency
    check_amount("amount", payment.amount, currency, positive=True)
    if payment.fee < 0:
        raise Invalid("fee", "The fee cannot be below zero.")
    check_amount("fee", payment.fee, currency, positive=False)
    if not FIRST_DAY <= payment.paid_on <= today:
        raise Invalid("paid_on", f"A payment must be dated today, {long_day(today)}, or before.")


def complete_payment(payment: Payment, today: date, *, by: str, now: datetime) -> None:
    """A pending payment has arrived: it goes into the balance."""
    lock_payment(payment)
    if payment.state != PaymentState.PENDING:
        raise RuleBroken(f"The payment is already {payment.state}.")
    check_not_archived(payment.customer)
    payment.state = PaymentState.COMPLETED
    _enter_payment(payment, payment.amount, today, "", by, now)
    confirm(payment, now)


def cancel_payment(payment: Payment, today: date, *, by: str, now: datetime) -> None:
    """A payment did not arrive, or went back. One that is allocated is released first."""
    lock_payment(payment)
    if payment.state == PaymentState.CANCELLED:
        raise RuleBroken("The payment is already cancelled.")
    if allocated_of(payment):
        raise RuleBroken(
            "The payment is allocated to charges. Release it first, then cancel it.",
            WayOut(
                "Release the payment",
                "payments.release",
                {"payment_id": payment.id},
                {"version": payment.version},
            ),
        )
    if payment.state == PaymentState.COMPLETED:
        check_not_archived(payment.customer)
        _enter_payment(payment, -payment.amount, today, "The payment was cancelled.", by, now)
    payment.state = PaymentState.CANCELLED


def lock_payment(payment: Payment) -> None:
    """Lock whose payment it is, and read it anew: nobody else changes it until the transaction ends."""
    locking.lock(Customer, [payment.customer_id])
    locking.read_anew(Payment, [payment.id])


def _enter_payment(
    payment: Payment, amount: Decimal, today: date, reason: str, by: str, now: datetime
) -> None:
    db.session.add(
        BalanceEntry(
            customer_id=payment.customer_id,
            source=EntrySource.PAYMENT,
            payment_id=payment.id,
            made_on=today,
            for_day=payment.paid_on,
            amount=amount,
            reason=reason,
            made_by=by,
            made_at=now,
        )
    )
    db.session.flush()


def adjust(
    customer: Customer,
    amount: Decimal,
    for_day: date,
    reason: str,
    *,
    token: str,
    today: date,
    by: str,
    now: datetime,
) -> BalanceEntry:
    """Move a balance by hand, with a reason. Its token makes it once."""

    def make() -> BalanceEntry:
        locking.lock(Customer, [customer.id])
        check_not_archived(customer)
        check_amount("amount", amount, customer.currency, positive=False)
        if not reason.strip():
            raise Invalid("reason", "Enter the reason: it is kept, and the customer sees it.")
        if not FIRST_DAY <= for_day <= today:
            raise Invalid("for_day", f"The day must be today, {long_day(today)}, or before.")
        return BalanceEntry(
            token=token,
            customer_id=customer.id,
            source=EntrySource.ADJUSTMENT,
            made_on=today,
            for_day=for_day,
            amount=amount,
            reason=reason.strip(),
            made_by=by,
            made_at=now,
        )

    def tell(made: BalanceEntry) -> Receipt:
        by_how_much = money_in(made.amount, customer.currency)
        way = WayOut("See the balance", "credit.show", {"customer_id": customer.id})
        return f"the balance of {customer.name} was adjusted by {by_how_much}", way

    sent = Sent("adjustment", token, (customer, amount, for_day, reason.strip()))
    return once(sent, select(BalanceEntry).where(BalanceEntry.token == token), make, tell)[0]


def allocated_of(payment: Payment) -> Decimal:
    """How much of a payment is allocated to charges."""
    query = select(func.coalesce(func.sum(Allocation.amount), 0)).where(
        Allocation.payment_id == payment.id, Allocation.released_on.is_(None)
    )
    return Decimal(db.session.scalar(query) or 0)
