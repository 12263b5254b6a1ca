"""Putting payments, money of the balance, discounts and credits against charges, and releasing them (billing-rules 13).

Whoever calls holds the locks of the charges: people's acts lock the customer and then what is open of them
(`lock_open`), a run the charges that it corrects with what is set off against them (`items.touched_by`).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256

from sqlalchemy import Select, func, select

from portal.domain.due import Kind
from portal.domain.errors import Invalid, RuleBroken, WayOut
from portal.domain.money import from_micros, minor_unit, round_half_up, to_micros
from portal.domain.schedule import ONE_DAY
from portal.domain.wording import money
from portal.extensions import db
from portal.models import (
    MONEY,
    Allocation,
    AllocationSource,
    BalanceEntry,
    Charge,
    Customer,
    EntrySource,
    OpenItem,
    Payment,
)
from portal.services import locking
from portal.services.credit import items
from portal.services.credit.archived import check_not_archived
from portal.services.credit.balance import balance_of
from portal.services.credit.items import Item, items_of, refresh, to_pay_items
from portal.services.credit.payment_rules import (
    check_amount,
    check_completed,
    left_of,
    lock_payment,
    with_something_left,
)

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Act:
    """When something is done, and by whom: `today` is the provider's day, `now` the instant."""

    today: date
    by: str
    now: datetime


# -- the two things that are done to an item: something is put against it, and released


def put(
    charge: Charge,
    amount: Decimal,
    source: AllocationSource,
    act: Act,
    *,
    payment: Payment | None = None,
    by_charge: Charge | None = None,
    made_on: date | None = None,
) -> Allocation:
    """Put something against a charge. Money leaves the balance."""
    made = Allocation(
        customer_id=charge.customer_id,
        source=source,
        payment=payment,
        by_charge=by_charge,
        charge=charge,
        amount=amount,
        made_on=made_on or act.today,
    )
    db.session.add(made)
    if source in MONEY:
        _enter(made, -amount, EntrySource.ALLOCATION, act)
    refresh([charge.id, *([by_charge.id] if by_charge else [])])
    return made


def _take_back(
    allocation: Allocation, amount: Decimal, act: Act, *, on: date, by_hand: bool = False, reason: str = ""
) -> None:
    """Release an allocation, or a part of it: the rest is made anew from that day on. Money returns to the balance."""
    allocation.released_on, allocation.by_hand = max(on, allocation.made_on), by_hand
    if rest := allocation.amount - amount:
        names = ("customer_id", "source", "payment", "by_charge", "charge")
        kept = {name: getattr(allocation, name) for name in names}
        db.session.add(Allocation(**kept, amount=rest, made_on=allocation.released_on))
    if allocation.source in MONEY:
        check_not_archived(db.session.get_one(Customer, allocation.customer_id))
        _enter(allocation, amount, EntrySource.RELEASE, act, reason)
    refresh(filter(None, [allocation.charge_id, allocation.by_charge_id]))


def _enter(allocation: Allocation, amount: Decimal, source: EntrySource, act: Act, reason: str = "") -> None:
    db.session.add(
        BalanceEntry(
            customer_id=allocation.customer_id,
            source=source,
            charge_id=allocation.charge.id,
            payment_id=allocation.payment.id if allocation.payment else None,
            made_on=act.today,
            for_day=allocation.charge.charge_on,
            amount=amount,
            reason=reason,
            made_by=act.by,
            made_at=act.now,
        )
    )
    db.session.flush()


def standing(*which: object) -> Sequence[Allocation]:
    """The allocations that count, read anew, the earliest first."""
    query = select(Allocation).where(Allocation.released_on.is_(None), *which)  # type: ignore[arg-type]
    query = query.order_by(Allocation.made_on, Allocation.id).execution_options(populate_existing=True)
    return db.session.scalars(query).all()


def lock_open(customer_id: int, also: Iterable[int] = ()) -> None:
    """Lock what is open of a customer, who is locked, and other charges with it."""
    query = select(OpenItem.charge_id).where(OpenItem.customer_id == customer_id)
    locking.lock_ids(Charge, [*db.session.scalars(query), *also])


# -- payments and the balance


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
    theirs = standing(Allocation.payment_id == payment.id)
    lock_open(payment.customer_id, {*wanted, *(row.charge_id for row in theirs)})
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
    for row in reversed(theirs):
        if (less := min(-changes.get(row.charge_id, ZERO), row.amount)) > 0:
            _take_back(row, less, act, on=today, by_hand=True)
            changes[row.charge_id] += less
    more = {id: amount for id, amount in changes.items() if amount}
    charges = check_chosen(payment.customer, more, left_of(payment))
    for charge in charges:
        put(charge, more[charge.id], AllocationSource.PAYMENT, act, payment=payment)
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
    for item in to_pay_items(payment.customer_id):
        if rest <= 0:
            break
        if item.charge.charge_on > act.today:
            continue  # the demo company pays of old
        amount = min(rest, item.left)
        put(item.charge, amount, AllocationSource.PAYMENT, act, payment=payment)
        rest -= amount


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
    paid = ZERO
    sources = with_something_left(customer.id)
    for item in to_pay:
        left = item.left
        while left > 0 and rest > 0:
            payment, of_payment = sources[0] if sources else (None, rest)
            amount = min(left, rest, of_payment)
            source = AllocationSource.PAYMENT if payment else AllocationSource.BALANCE
            put(item.charge, amount, source, act, payment=payment)
            left, rest, paid = left - amount, rest - amount, paid + amount
            if payment:
                sources[0] = (payment, of_payment - amount)
                if amount == of_payment:
                    sources.pop(0)
    return paid


def release_allocation(
    allocation: Allocation, today: date, *, by: str, now: datetime, reason: str = ""
) -> None:
    """Take money or a discount off a charge again: it returns to the balance, or to credit to use."""
    locking.lock(Customer, [allocation.customer_id])
    lock_open(allocation.customer_id, filter(None, [allocation.charge_id, allocation.by_charge_id]))
    locking.read_anew(Allocation, [allocation.id])
    if (
        allocation.source not in (*MONEY, AllocationSource.DISCOUNT)
        or allocation.charge.kind == Kind.REVERSAL
    ):
        raise RuleBroken("That cannot be released: reverse the charge that it comes from.")
    if not allocation.released_on:
        act = Act(today, by, now)
        check_not_archived(allocation.customer)
        _take_back(allocation, allocation.amount, act, on=today, by_hand=True, reason=reason)
        set_off(allocation.customer_id, act)


def release(payment: Payment, today: date, *, by: str, now: datetime) -> None:
    """Release all allocations of a payment."""
    lock_payment(payment)
    theirs = Allocation.payment_id == payment.id
    lock_open(payment.customer_id, db.session.scalars(select(Allocation.charge_id).where(theirs)).all())
    for allocation in standing(theirs):
        _take_back(allocation, allocation.amount, Act(today, by, now), on=today, by_hand=True)
    set_off(payment.customer_id, Act(today, by, now))


# -- discounts


def set_off(customer_id: int, act: Act) -> None:
    """Set off the credit that there is to use, the oldest first, against what is due first.

    Whoever calls has locked what is open of the customer. What somebody released by hand waits for them.
    """
    open_ = items.open_items(customer_id)
    discounts = [item for item in open_ if item.left < 0 and not _waits(item.charge)]
    to_pay = [item for item in open_ if item.left > 0]
    left = {item.charge.id: item.left for item in to_pay}
    for discount in sorted(discounts, key=lambda item: (item.charge.charge_on, item.charge.id)):
        rest = -discount.left
        for item in to_pay:
            amount = min(rest, left[item.charge.id])
            if amount > 0:
                put(item.charge, amount, AllocationSource.DISCOUNT, act, by_charge=discount.charge)
                left[item.charge.id] -= amount
                rest -= amount


def _waits(discount: Charge) -> bool:
    """Whether somebody released a discount by hand, and has not chosen since what to use it for."""
    return bool(db.session.scalar(select(_released_by_hand(discount).exists())))


def _released_by_hand(discount: Charge) -> Select[Allocation]:
    return select(Allocation).where(Allocation.by_charge_id == discount.id, Allocation.by_hand)


def set_off_by_hand(
    discount: Charge, charge: Charge, amount: Decimal, *, today: date, by: str, now: datetime
) -> None:
    """Use a discount for a charge that somebody chose."""
    locking.lock(Customer, [discount.customer_id])
    lock_open(discount.customer_id, [discount.id, charge.id])
    found = items_of([discount, charge])
    if charge.customer_id != discount.customer_id or not {discount.id, charge.id} <= set(found):
        raise RuleBroken("The discount cannot be used for that charge.")
    check_amount("amount", amount, charge.currency, positive=True)
    most = min(-found[discount.id].left, found[charge.id].left)
    if amount > most:
        raise Invalid("amount", f"Only {money(max(most, ZERO), charge.currency)} can be set off.")
    put(charge, amount, AllocationSource.DISCOUNT, Act(today, by, now), by_charge=discount)
    for released in db.session.scalars(_released_by_hand(discount)).all():
        released.by_hand = False  # it waits no longer
    db.session.flush()


def set_off_all(customer_ids: Iterable[int], act: Act) -> None:
    """The same for several customers."""
    for customer_id in customer_ids:
        set_off(customer_id, act)


def who_can_set_off() -> list[int]:
    """Customers who have both something to pay and credit to use."""
    sums = (
        select(OpenItem.customer_id)
        .group_by(OpenItem.customer_id)
        .having(func.min(OpenItem.amount) < 0, func.max(OpenItem.amount) > 0)
    )
    return list(db.session.scalars(sums.order_by(OpenItem.customer_id)))


# -- credits and reversals


def take_off(root_ids: Iterable[int], today: date, *, by: str, now: datetime) -> None:
    """After credits and reversals of charges that are to be paid: take them off (billing-rules 13).

    Off what is open of the charge, then of its differences, then off what was written off, then off what was paid
    or set off, the latest first: money returns to the balance, a discount to credit to use.
    """
    act = Act(today, by, now)
    ids = sorted(set(root_ids))
    names = Charge.corrects_id.in_(ids) | Charge.reverses_id.in_(ids)
    done = select(Allocation.id).where(Allocation.by_charge_id == Charge.id).exists()
    total = Charge.amount + Charge.tax
    query = select(Charge).where(names, Charge.auto_decrement_credit.is_(False), total < 0, ~done)
    for credit in db.session.scalars(query.order_by(Charge.id)).all():
        _take_off(credit, act)
    returned = select(Charge).where(
        Charge.reverses_id.in_(ids), Charge.auto_decrement_credit.is_(False), total > 0
    )
    for reversal in db.session.scalars(returned.order_by(Charge.id)).all():
        _take_discount_back(reversal, act)


def _take_off(credit: Charge, act: Act) -> None:
    root_id, rest = credit.corrects_id or credit.reverses_id, -credit.total
    query = select(Charge).where((Charge.id == root_id) | (Charge.corrects_id == root_id)).order_by(Charge.id)
    lines = db.session.scalars(query).all()
    found = items_of(lines)
    family = [found[line.id] for line in lines if line.id in found and line.total > 0]
    for item in family:
        rest -= _credit(credit, item.charge, min(rest, item.left), act)
    if not rest:
        return
    rows = list(standing(Allocation.charge_id.in_([item.charge.id for item in family])))
    written_off = [row for row in rows if row.source == AllocationSource.WRITE_OFF]
    settled = [row for row in rows if row.source in (*MONEY, AllocationSource.DISCOUNT)]
    for row in [*reversed(written_off), *reversed(settled)]:
        amount = min(rest, row.amount)
        if amount <= 0:
            continue
        reason = "The charge was reduced after it was paid."
        _take_back(row, amount, act, on=credit.charge_on, reason=reason)
        if row.source == AllocationSource.WRITE_OFF and row.by_charge:
            _lapse(row.by_charge, credit, amount, act)
        rest -= _credit(credit, row.charge, amount, act)


def _credit(credit: Charge, charge: Charge, amount: Decimal, act: Act) -> Decimal:
    """Take a credit off an item; what came off."""
    if amount > 0:
        on = max(credit.charge_on, charge.charge_on)
        put(charge, amount, AllocationSource.CREDIT, act, by_charge=credit, made_on=on)
    return max(amount, ZERO)


def _lapse(written_off: Charge, credit: Charge, amount: Decimal, act: Act) -> None:
    """Give back to a write-off what a credit took off it: it will never be paid, but is not owed either."""
    unit = minor_unit(credit.currency)
    tax = from_micros(
        round_half_up(to_micros(-credit.tax) * to_micros(amount), to_micros(-credit.total), unit)
    )
    db.session.add(
        Charge(
            customer_id=credit.customer_id,
            package_id=written_off.package_id,
            kind=Kind.WRITE_OFF_LAPSED,
            charge_on=credit.charge_on,
            period_from=credit.charge_on,
            quantity=1,
            unit_price=amount - tax,
            unit_cost=ZERO,
            currency=credit.currency,
            amount=amount - tax,
            cost=ZERO,
            tax_rate=credit.tax_rate,
            tax=tax,
            label=written_off.label,
            did_number=written_off.did_number,
            writes_off_id=written_off.id,
            posted_by=act.by,
            posted_at=act.now,
        )
    )
    db.session.flush()


def open_again(written_off: Charge, act: Act) -> None:
    """A write-off was reversed: what it took off its charge is to be paid again, due when it was."""
    for row in standing(Allocation.by_charge_id == written_off.id):
        _take_back(row, row.amount, act, on=act.today)


def _take_discount_back(reversal: Charge, act: Act) -> None:
    """A discount was reversed: nothing is set off with it any more, and its reversal uses it up."""
    discount = reversal.reverses
    if discount is None or discount.id not in items_of([discount]):
        return
    if standing(Allocation.charge_id == reversal.id):
        return
    for row in standing(Allocation.by_charge_id == discount.id):
        _take_back(row, row.amount, act, on=reversal.charge_on)
    put(reversal, reversal.total, AllocationSource.DISCOUNT, act, by_charge=discount)
