"""Paying back: money goes out of a balance, and comes off the payments that it returns (billing-rules 13)."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import select

from portal.domain.errors import Invalid, RuleBroken, WayOut
from portal.domain.schedule import FIRST_DAY
from portal.domain.wording import long_day, money, money_in
from portal.models import Customer, EntrySource, Payment, PaymentBack, ReturnedPayment
from portal.services import locking
from portal.services.credit.archived import check_not_archived
from portal.services.credit.balance import Act, balance_of, enter
from portal.services.credit.payment_rules import check_amount, with_something_left
from portal.services.once import Receipt, Sent, once

ZERO = Decimal(0)


def pay_back(
    back: PaymentBack, today: date, *, now: datetime, chosen: Mapping[int, Decimal] | None = None
) -> PaymentBack:
    """Pay money out of a balance, never more than it holds. Its token makes it once.

    It returns what was `chosen` of payments first, then the latest ones; what they do not cover came otherwise.
    """
    chosen = chosen or {}

    def make() -> PaymentBack:
        locking.lock(Customer, [back.customer.id])
        check_not_archived(back.customer)
        _check(back, today)
        back.returned = [
            ReturnedPayment(payment=payment, amount=amount) for payment, amount in _returned(back, chosen)
        ]
        return back

    def tell(made: PaymentBack) -> Receipt:
        way = WayOut("See it", "payments_back.show", {"payment_back_id": made.id})
        return f"{money_in(made.amount, made.customer.currency)} was paid back to {made.customer.name}", way

    names = ("customer", "paid_on", "amount", "method", "bank_reference")
    content: dict[str, object] = {name: getattr(back, name) for name in names}
    content["chosen"] = {str(id): amount for id, amount in chosen.items()}
    query = select(PaymentBack).where(PaymentBack.token == back.token)
    made, is_new = once(Sent("payment back", back.token, content), query, make, tell)
    if is_new:
        _enter(made, -made.amount, Act(today, made.created_by, now))
    return made


def _check(back: PaymentBack, today: date) -> None:
    currency = back.customer.currency
    check_amount("amount", back.amount, currency, positive=True)
    if back.amount > (holds := balance_of(back.customer.id)):
        raise Invalid("amount", f"The balance holds only {money(max(holds, ZERO), currency)}.")
    if not FIRST_DAY <= back.paid_on <= today:
        raise Invalid("paid_on", f"The day must be today, {long_day(today)}, or before.")


def _returned(back: PaymentBack, chosen: Mapping[int, Decimal]) -> list[tuple[Payment, Decimal]]:
    """The payments that it returns, with how much of each: those chosen, then the latest."""
    currency, rest = back.customer.currency, back.amount
    latest = with_something_left(back.customer.id)[::-1]
    if set(chosen) - {payment.id for payment, _ in latest}:
        raise RuleBroken("Choose payments from the list: not of all that were chosen is something left.")
    took: dict[int, Decimal] = {}
    for payment, left in latest:
        if payment.id not in chosen:
            continue
        name, amount = f"amount_{payment.id}", chosen[payment.id]
        check_amount(name, amount, currency, positive=True)
        if amount > left:
            raise Invalid(name, f"Only {money(left, currency)} of the payment is left.")
        if amount > rest:
            raise Invalid(name, f"Only {money(rest, currency)} of what is paid back is left for it.")
        took[payment.id] = amount
        rest -= amount
    for payment, left in latest:
        if (amount := min(rest, left - took.get(payment.id, ZERO))) > 0:
            took[payment.id] = took.get(payment.id, ZERO) + amount
            rest -= amount
    return [(payment, took[payment.id]) for payment, _ in latest if payment.id in took]


def cancel_payment_back(back: PaymentBack, today: date, *, by: str, now: datetime) -> None:
    """It came back, or was a mistake: the money is in the balance again, and left of the payments that it returned."""
    lock_payment_back(back)
    if back.cancelled_on:
        raise RuleBroken("This is already cancelled.")
    check_not_archived(back.customer)
    back.cancelled_on = today
    _enter(back, back.amount, Act(today, by, now), "The payment back was cancelled.")


def lock_payment_back(back: PaymentBack) -> None:
    """Lock whose it is, and read it anew."""
    locking.lock(Customer, [back.customer_id])
    locking.read_anew(PaymentBack, [back.id])


def _enter(back: PaymentBack, amount: Decimal, act: Act, reason: str = "") -> None:
    enter(
        back.customer_id, EntrySource.PAYMENT_BACK, amount, back.paid_on, act, reason, payment_back_id=back.id
    )
