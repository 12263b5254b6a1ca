"""Payments and adjustments: what people enter into a balance."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from portal.domain.bank_reference import reference_key
from portal.domain.errors import Invalid, RuleBroken, WayOut
from portal.domain.payment_reference import payment_reference
from portal.domain.schedule import FIRST_DAY
from portal.domain.wording import long_day, money_in, short_day
from portal.extensions import db
from portal.models import BalanceEntry, Customer, EntrySource, Payment, PaymentMethod, PaymentState
from portal.services import locking
from portal.services.credit.allocation import allocate, allocate_first_due, check_chosen
from portal.services.credit.archived import check_not_archived
from portal.services.credit.balance import Act, balance_of, enter
from portal.services.credit.payment_mail import confirm
from portal.services.credit.payment_rules import (
    allocated_of,
    check_amount,
    lock_payment,
    paid_back_of,
    split_off,
)
from portal.services.credit.putting import lock_open
from portal.services.once import Receipt, Sent, once


def record_payment(
    payment: Payment, today: date, *, now: datetime, chosen: Mapping[int, Decimal] | None = None
) -> Payment:
    """Take in a payment; a completed one goes into the balance. Its token makes it once.

    It pays what is due first, or `chosen`: so much of each of these charges, and of no other. That may go beyond the
    balance, never beyond what is left of the payment or of the charge.
    """
    chosen = chosen or {}
    payment.method = payment.method or PaymentMethod.BANK_TRANSFER
    payment.bank_reference, payment.again_reason = payment.bank_reference or "", payment.again_reason or ""
    own = payment_reference(payment.customer.id)
    payment.reference_key = reference_key(payment.method, payment.bank_reference, own)

    def make() -> Payment:
        _check_payment(payment, today)
        if chosen:
            _check_chosen(payment, chosen)
        return payment

    def tell(made: Payment) -> Receipt:
        amount = money_in(made.amount, made.customer.currency)
        way = WayOut("See the payment", "payments.show", {"payment_id": made.id})
        return f"a payment of {amount} from {made.customer.name} was recorded", way

    names = (
        "customer",
        "state",
        "paid_on",
        "amount",
        "fee",
        "method",
        "bank_reference",
        "again_reason",
        "description",
        "confirm_by_email",
    )
    content: dict[str, object] = {name: getattr(payment, name) for name in names}
    if chosen:
        content["chosen"] = {str(id): amount for id, amount in chosen.items()}
    query = select(Payment).where(Payment.token == payment.token)
    try:
        made, is_new = once(Sent("payment", payment.token, content), query, make, tell)
    except IntegrityError:  # somebody else has just typed the same one, for another customer
        _check_is_first(payment)
        raise
    if is_new and made.state == PaymentState.COMPLETED:
        arrived(made, Act(today, made.created_by, now), chosen)
    return made


def record_many(payments: Sequence[Payment], act: Act) -> None:
    """Take in payments that no form has sent, each by its token and its reference once; all, or none.

    Whoever calls has locked whose they are and what is open of theirs, and knows that none is there already.
    """
    for payment in payments:
        own = payment_reference(payment.customer.id)
        payment.reference_key = reference_key(payment.method, payment.bank_reference, own)
        _check_payment(payment, act.today)
        db.session.add(payment)
    db.session.flush()
    for payment in payments:
        if payment.state == PaymentState.COMPLETED:
            arrived(payment, act)


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
    _check_is_first(payment)


def _check_chosen(payment: Payment, chosen: Mapping[int, Decimal]) -> None:
    if payment.state != PaymentState.COMPLETED:
        raise Invalid("state", "A pending payment pays nothing yet: choose the charges once it is completed.")
    lock_open(payment.customer.id, chosen)
    check_chosen(payment.customer, chosen, payment.amount)


def _check_is_first(payment: Payment) -> None:
    """Invalid, naming the first, where a payment of the same method and reference is there already."""
    if payment.again_reason or not payment.reference_key:
        return
    with db.session.no_autoflush:
        query = (
            select(Payment)
            .where(Payment.reference_key == payment.reference_key, Payment.state != PaymentState.CANCELLED)
            .order_by(Payment.id)
        )
        first = db.session.scalars(query.limit(1)).first()
    if first and first is not payment:
        raise Invalid(
            "again_reason",
            "A payment with this reference has already been recorded: "
            f"{money_in(first.amount, first.customer.currency)} from {first.customer.name}, "
            f"{short_day(first.paid_on)}. If this is another one, enter why.",
        )


def complete_payment(payment: Payment, today: date, *, by: str, now: datetime) -> None:
    """A pending payment has arrived: it goes into the balance."""
    lock_payment(payment)
    if payment.state != PaymentState.PENDING:
        raise RuleBroken(f"The payment is already {payment.state}.")
    check_not_archived(payment.customer)
    payment.state = PaymentState.COMPLETED
    arrived(payment, Act(today, by, now))


def arrived(payment: Payment, act: Act, chosen: Mapping[int, Decimal] | None = None) -> None:
    """A payment goes into the balance, and pays what was chosen, or what is due first."""
    _enter(payment, payment.amount, act)
    if chosen:
        allocate(payment, chosen, today=act.today, by=act.by, now=act.now)
    else:
        allocate_first_due(payment, act)
    confirm(payment, act.now)


def cancel_payment(
    payment: Payment, today: date, *, by: str, now: datetime, although_paid_back: bool = False
) -> None:
    """A payment did not arrive, or went back: its own rest leaves the balance, not what was split off.

    One that is allocated is released first. Where a part of it was paid back, RuleBroken says what will then be owed,
    unless somebody has read it (`although_paid_back`).
    """
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
        rest = payment.amount - split_off(payment)
        if (back := paid_back_of(payment)) and not although_paid_back:
            raise _paid_back_already(payment, back, rest)
        if rest:
            _enter(payment, -rest, Act(today, by, now), "The payment was cancelled.")
    payment.state = PaymentState.CANCELLED


def _paid_back_already(payment: Payment, back: Decimal, rest: Decimal) -> RuleBroken:
    currency, stands = payment.customer.currency, balance_of(payment.customer_id) - rest
    owes = f"the balance will be {money_in(stands, currency)}"
    if stands < 0:
        owes += f", so {payment.customer.name} then owes {money_in(-stands, currency)}"
    return RuleBroken(
        f"{money_in(back, currency)} of the payment was paid back. Once it is cancelled, {owes}.",
        WayOut(
            "Cancel the payment anyway",
            "payments.cancel",
            {"payment_id": payment.id},
            {"version": payment.version, "although_paid_back": "1"},
        ),
    )


def _enter(payment: Payment, amount: Decimal, act: Act, reason: str = "") -> None:
    enter(
        payment.customer_id, EntrySource.PAYMENT, amount, payment.paid_on, act, reason, payment_id=payment.id
    )


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
