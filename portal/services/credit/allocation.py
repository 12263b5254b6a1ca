"""Paying charges out of payments and out of the balance, and releasing what was paid (billing-rules 13)."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256

from sqlalchemy import select

from portal.domain.errors import Invalid, RuleBroken, WayOut
from portal.domain.money import to_micros
from portal.domain.schedule import ONE_DAY
from portal.domain.wording import money
from portal.extensions import db
from portal.models import Allocation, AllocationSource, Charge, Customer, Payment
from portal.services import locking
from portal.services.credit.archived import check_not_archived
from portal.services.credit.balance import Act, balance_of
from portal.services.credit.discounts import set_off
from portal.services.credit.items import Item, items_of, to_pay_items
from portal.services.credit.payment_rules import (
    check_amount,
    check_completed,
    left_of,
    lock_payment,
    with_something_left,
)
from portal.services.credit.putting import lock_open, put, refreshed, standing, take_back

ZERO = Decimal(0)


def allocate(
    payment: Payment,
    wanted: Mapping[int, Decimal],
    *,
    today: date,
    by: str,
    now: datetime,
    seen: str | None = None,
) -> None:
    """Let a payment pay just so much of each of these charges (0: nothing): what it pays of others stays.

    What is more than that is released, and what is less is put on, in one act. `seen` is what it paid when somebody
    chose (`seen_of`): RuleBroken where that has changed, unless it is already as wanted. Invalid names `amount_7`.
    """
    act = Act(today, by, now)
    lock_payment(payment)
    lock_open(payment.customer_id, {*wanted, *paid_by(payment)})
    paid = paid_by(payment)
    changes = {
        id: amount - paid.get(id, ZERO) for id, amount in wanted.items() if amount != paid.get(id, ZERO)
    }
    if not changes:
        return
    check_completed(payment, "allocated")
    if seen is not None and seen != seen_of(payment):
        raise RuleBroken(
            "What this payment pays has changed since the page was opened, so nothing was saved. Look at it again.",
            WayOut("See the payment", "payments.show", {"payment_id": payment.id}),
        )
    touched = []
    for row in reversed(standing(Allocation.payment_id == payment.id)):
        if (less := min(-changes.get(row.charge_id, ZERO), row.amount)) > 0:
            take_back(row, less, act, on=today, by_hand=True)
            touched.append(row)
            changes[row.charge_id] += less
    refreshed(touched)
    more = {id: amount for id, amount in changes.items() if amount}
    charges = check_chosen(payment.customer, more, left_of(payment))
    refreshed(
        [put(charge, more[charge.id], AllocationSource.PAYMENT, act, payment=payment) for charge in charges]
    )
    set_off(payment.customer_id, act)


def paid_by(payment: Payment) -> dict[int, Decimal]:
    """What a payment pays: how much of which charge, by its id."""
    paid: dict[int, Decimal] = defaultdict(Decimal)
    for row in standing(Allocation.payment_id == payment.id):
        paid[row.charge_id] += row.amount
    return dict(paid)


def seen_of(payment: Payment) -> str:
    """What a payment pays, as a form remembers it: the same where nothing has changed."""
    rows = sorted((id, to_micros(amount)) for id, amount in paid_by(payment).items())
    return sha256(repr(rows).encode()).hexdigest()


def check_chosen(customer: Customer, chosen: Mapping[int, Decimal], left: Decimal) -> list[Charge]:
    """The charges that somebody chose to pay, with how much of each, out of `left` of a payment: what is due first.

    Whoever calls has locked them. Invalid names `amount_7` for charge 7.
    """
    query = select(Charge).where(Charge.customer_id == customer.id, Charge.id.in_(chosen))
    found = items_of(db.session.scalars(query))
    if set(chosen) - {id for id, item in found.items() if item.charge.total > 0}:
        raise RuleBroken("Choose charges from the list: not all that were chosen are this customer's to pay.")
    rest = left
    for item in sorted(found.values(), key=due_first):
        name, amount = f"amount_{item.charge.id}", chosen[item.charge.id]
        check_amount(name, amount, customer.currency, positive=True)
        if amount > item.left:
            what = money(max(item.left, ZERO), customer.currency)
            raise Invalid(name, f"Only {what} of the charge is left to pay.")
        if amount > rest:
            raise Invalid(
                name, f"Only {money(max(rest, ZERO), customer.currency)} of the payment is left for it."
            )
        rest -= amount
    return [item.charge for item in sorted(found.values(), key=due_first)]


def due_first(item: Item) -> tuple[date, date, int]:
    """In which order charges are paid."""
    return item.due_on, item.charge.charge_on, item.charge.id


def allocate_first_due(payment: Payment, act: Act) -> None:
    """Allocate a payment that has just completed: oldest due day first, as far as the balance holds money."""
    lock_open(payment.customer_id)
    rest = min(left_of(payment), balance_of(payment.customer_id, act.today + ONE_DAY))
    made = []
    for item in to_pay_items(payment.customer_id):
        # Nothing is paid before its day.
        if (amount := min(rest, item.left)) > 0 and item.charge.charge_on <= act.today:
            made.append(put(item.charge, amount, AllocationSource.PAYMENT, act, payment=payment))
            rest -= amount
    refreshed(made)


def pay_from_balance(customer: Customer, *, today: date, by: str, now: datetime) -> Decimal:
    """Pay what is due first with what the balance holds: out of the oldest payments, then of what came otherwise.

    RuleBroken where there is nothing to pay, or nothing to pay with. What was paid.
    """
    act = Act(today, by, now)
    locking.lock(Customer, [customer.id])
    check_not_archived(customer)
    lock_open(customer.id)
    to_pay, rest = to_pay_items(customer.id), balance_of(customer.id)
    to_credit = WayOut("See payments and balance", "credit.show", {"customer_id": customer.id})
    if not to_pay:
        raise RuleBroken(f"{customer.name} has nothing to pay.", to_credit)
    if rest <= 0:
        raise RuleBroken(f"There is no money in the balance of {customer.name}.", to_credit)
    made = []
    sources = with_something_left(customer.id)
    for item in to_pay:
        left = item.left
        while left > 0 and rest > 0:
            payment, of_payment = sources[0] if sources else (None, rest)
            amount = min(left, rest, of_payment)
            source = AllocationSource.PAYMENT if payment else AllocationSource.BALANCE
            made.append(put(item.charge, amount, source, act, payment=payment))
            left, rest = left - amount, rest - amount
            if payment:
                sources[0] = (payment, of_payment - amount)
                if amount == of_payment:
                    sources.pop(0)
    refreshed(made)
    return sum((allocation.amount for allocation in made), ZERO)


def release_allocation(
    allocation: Allocation, today: date, *, by: str, now: datetime, reason: str = ""
) -> None:
    """Take money or a discount off a charge again: it returns to the balance, or to credit to use."""
    locking.lock(Customer, [allocation.customer_id])
    lock_open(allocation.customer_id, filter(None, [allocation.charge_id, allocation.by_charge_id]))
    locking.read_anew(Allocation, [allocation.id])
    if allocation.released_on:
        return
    if not allocation.can_be_released:
        raise RuleBroken(
            "That cannot be released: reverse the charge that it comes from.",
            WayOut("Show the charge", "charges.show", {"charge_id": allocation.charge_id}),
        )
    act = Act(today, by, now)
    check_not_archived(allocation.customer)
    take_back(allocation, allocation.amount, act, on=today, by_hand=True, reason=reason)
    refreshed([allocation])
    set_off(allocation.customer_id, act)


def release(payment: Payment, today: date, *, by: str, now: datetime) -> None:
    """Release all allocations of a payment."""
    lock_payment(payment)
    theirs = Allocation.payment_id == payment.id
    lock_open(payment.customer_id, db.session.scalars(select(Allocation.charge_id).where(theirs)).all())
    act, rows = Act(today, by, now), standing(theirs)
    for allocation in rows:
        take_back(allocation, allocation.amount, act, on=today, by_hand=True)
    refreshed(rows)
    set_off(payment.customer_id, act)
