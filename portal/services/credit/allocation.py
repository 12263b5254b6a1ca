"""Allocating payments to charges, and giving back what was paid too much."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import select

from portal.domain.errors import Invalid, RuleBroken, WayOut
from portal.domain.wording import money, money_in
from portal.extensions import db
from portal.models import (
    Allocation,
    BalanceEntry,
    Charge,
    EntrySource,
    Payment,
    PaymentState,
)
from portal.services import locking
from portal.services.credit.archived import check_not_archived
from portal.services.credit.owing import to_be_paid
from portal.services.credit.payments import allocated_of, check_amount, lock_payment
from portal.services.once import Receipt, Sent, once

ZERO = Decimal(0)


def allocate(
    payment: Payment, charge: Charge, amount: Decimal, *, token: str, today: date, by: str, now: datetime
) -> Allocation:
    """Pay a charge out of a payment: that amount leaves the balance."""

    def make() -> Allocation:
        return _allocation(payment, charge, amount, token, today)

    def tell(made: Allocation) -> Receipt:
        paid = money_in(made.amount, made.charge.currency)
        way = WayOut("See the payment", "payments.show", {"payment_id": made.payment_id})
        return f"{paid} of a payment was allocated to {made.charge.label}", way

    query = select(Allocation).where(Allocation.token == token)
    allocation, is_new = once(Sent("allocation", token, (payment, charge, amount)), query, make, tell)
    if is_new:
        _enter_allocation(allocation, -amount, EntrySource.ALLOCATION, today, by, now)
    return allocation


def _allocation(payment: Payment, charge: Charge, amount: Decimal, token: str, today: date) -> Allocation:
    """What is allocated, once it is known that it may be; not yet stored."""
    lock_payment(payment)
    check_not_archived(payment.customer)
    locking.lock_ids(Charge, [charge.corrects_id or charge.reverses_id or charge.id])
    if payment.state != PaymentState.COMPLETED:
        raise RuleBroken(f"The payment is {payment.state}: only a completed payment can be allocated.")
    if charge.customer_id != payment.customer_id or charge.auto_decrement_credit:
        raise RuleBroken("The charge is not one that this customer has to pay.")
    check_amount("amount", amount, charge.currency, positive=True)
    found = to_be_paid(charge.customer_id, [charge.corrects_id or charge.reverses_id or charge.id])
    if amount > found[0].open:
        raise Invalid(
            "amount", f"Only {money(max(found[0].open, ZERO), charge.currency)} of the charge is left to pay."
        )
    left = payment.amount - allocated_of(payment)
    if amount > left:
        raise Invalid("amount", f"Only {money(left, charge.currency)} of the payment is left to allocate.")
    return Allocation(token=token, payment=payment, charge=found[0].charge, amount=amount, made_on=today)


def release_allocation(
    allocation: Allocation, today: date, *, by: str, now: datetime, reason: str = ""
) -> None:
    """Take a payment off a charge again: the amount returns to the balance."""
    lock_payment(allocation.payment)
    _release(allocation, today, by, now, reason)


def _release(allocation: Allocation, today: date, by: str, now: datetime, reason: str = "") -> None:
    """The same, of a charge whose payer, or whose run, holds what it belongs to."""
    locking.lock_ids(Charge, [allocation.charge_id])
    locking.read_anew(Allocation, [allocation.id])
    if allocation.released_on:
        return
    check_not_archived(allocation.payment.customer)
    allocation.released_on = today
    _enter_allocation(allocation, allocation.amount, EntrySource.RELEASE, today, by, now, reason)


def release(payment: Payment, today: date, *, by: str, now: datetime) -> None:
    """Release all allocations of a payment."""
    lock_payment(payment)
    query = select(Allocation).where(Allocation.payment_id == payment.id, Allocation.released_on.is_(None))
    # What a run makes anew of an allocation, for the rest of it, is an allocation of the same charge.
    locking.lock_ids(Charge, db.session.scalars(query.with_only_columns(Allocation.charge_id)))
    for allocation in db.session.scalars(query.order_by(Allocation.id)).all():
        _release(allocation, today, by, now)


def _enter_allocation(
    allocation: Allocation,
    amount: Decimal,
    source: EntrySource,
    today: date,
    by: str,
    now: datetime,
    reason: str = "",
) -> None:
    db.session.add(
        BalanceEntry(
            customer_id=allocation.payment.customer_id,
            source=source,
            charge_id=allocation.charge_id,
            payment_id=allocation.payment_id,
            made_on=today,
            for_day=allocation.charge.charge_on,
            amount=amount,
            reason=reason,
            made_by=by,
            made_at=now,
        )
    )
    db.session.flush()


def return_overpaid(charge_ids: Iterable[int], today: date, *, by: str, now: datetime) -> None:
    """After credits and reversals of charges that are to be paid: what was paid too much of them goes back.

    The newest allocations are released first; one that is only partly too much is made anew for the rest.
    """
    query = (
        select(Allocation)
        .where(
            Allocation.charge_id.in_(locking.lock_ids(Charge, charge_ids)), Allocation.released_on.is_(None)
        )
        .order_by(Allocation.id.desc())
        .execution_options(populate_existing=True)
    )
    of_charge = defaultdict(list)
    for allocation in db.session.scalars(query):
        of_charge[allocation.charge_id].append(allocation)
    for charge_id, allocations in of_charge.items():
        stands = to_be_paid(allocations[0].payment.customer_id, [charge_id])[0]
        over = -stands.open
        for allocation in allocations:
            if over <= 0:
                break
            _release(
                allocation, today, by, now, "The amount paid is released, because the charge was reduced."
            )
            rest = allocation.amount - over
            if rest > 0:
                made = Allocation(
                    token=f"{allocation.token[:40]}-{allocation.id}-rest",
                    payment=allocation.payment,
                    charge=allocation.charge,
                    amount=rest,
                    made_on=today,
                )
                db.session.add(made)
                db.session.flush()
                _enter_allocation(made, -rest, EntrySource.ALLOCATION, today, by, now)
            over -= min(over, allocation.amount)
