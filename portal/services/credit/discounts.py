"""Discounts: credit to use, which is set off against what is to be paid (billing-rules 13)."""

from collections.abc import Collection, Iterable
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Select, select
from sqlalchemy.orm import aliased

from portal.domain.errors import Invalid, RuleBroken, WayOut
from portal.domain.wording import digits, money
from portal.extensions import db
from portal.models import Allocation, AllocationSource, Charge, Customer, OpenItem
from portal.services import locking
from portal.services.among import among
from portal.services.credit.archived import check_not_archived
from portal.services.credit.balance import Act
from portal.services.credit.items import items_of, open_items
from portal.services.credit.payment_rules import check_amount
from portal.services.credit.putting import lock_open, put, refreshed

ZERO = Decimal(0)


def set_off(customer_id: int, act: Act) -> None:
    """Set off the credit that there is to use, the oldest first, against what is due first.

    Whoever calls has locked what is open of the customer. What somebody released by hand waits for them.
    """
    open_ = open_items(customer_id)
    discounts = [item for item in open_ if item.left < 0 and not _waits(item.charge)]
    to_pay = [item for item in open_ if item.left > 0]
    made = []
    left = {item.charge.id: item.left for item in to_pay}
    for discount in sorted(discounts, key=lambda item: (item.charge.charge_on, item.charge.id)):
        rest = -discount.left
        for item in to_pay:
            amount = min(rest, left[item.charge.id])
            if amount > 0:
                made.append(
                    put(item.charge, amount, AllocationSource.DISCOUNT, act, by_charge=discount.charge)
                )
                left[item.charge.id] -= amount
                rest -= amount
    refreshed(made)


def _waits(discount: Charge) -> bool:
    """Whether somebody released a discount by hand, and has not chosen since what to use it for."""
    return bool(db.session.scalar(select(_released_by_hand(discount).exists())))


def _released_by_hand(discount: Charge) -> Select[Allocation]:
    return select(Allocation).where(Allocation.by_charge_id == discount.id, Allocation.by_hand)


def set_off_by_hand(
    discount: Charge, charge: Charge, amount: Decimal, *, seen: str, today: date, by: str, now: datetime
) -> None:
    """Use a discount for a charge that somebody chose. `seen` is what was left of it when they did, in digits.

    RuleBroken where that has changed since, or the charge is not one of the customer's; Invalid names `amount`.
    """
    locking.lock(Customer, [discount.customer_id])
    check_not_archived(discount.customer)
    lock_open(discount.customer_id, [discount.id, charge.id])
    found = items_of([discount, charge])
    way = WayOut("Show the discount", "charges.show", {"charge_id": discount.id})
    if charge.customer_id != discount.customer_id or not {discount.id, charge.id} <= set(found):
        raise RuleBroken("The credit cannot be used for that charge.", way)
    left = -found[discount.id].left
    if digits(left) != seen:
        raise RuleBroken(
            "What is left of this credit has changed since the page was opened. Look at it again.", way
        )
    check_amount("amount", amount, charge.currency, positive=True)
    most = min(left, found[charge.id].left)
    if amount > most:
        raise Invalid(
            "amount", f"At most {money(max(most, ZERO), charge.currency)} can be used for this charge."
        )
    made = put(charge, amount, AllocationSource.DISCOUNT, Act(today, by, now), by_charge=discount)
    for released in db.session.scalars(_released_by_hand(discount)).all():
        released.by_hand = False  # it waits no longer
    refreshed([made])
    set_off(discount.customer_id, Act(today, by, now))


def set_off_all(customer_ids: Iterable[int], act: Act) -> None:
    """The same for several customers."""
    for customer_id in customer_ids:
        set_off(customer_id, act)


def who_can_set_off(among_ids: Collection[int] | None = None) -> list[int]:
    """Customers who have both something to pay and credit to use: all of them, or those among some."""
    to_pay = aliased(OpenItem)
    owes = (
        select(to_pay.charge_id).where(to_pay.customer_id == OpenItem.customer_id, to_pay.amount > 0).exists()
    )
    # Off the index of what is to use, of which there is little: added up by customer, all that is open would be read.
    both = select(OpenItem.customer_id).distinct().where(OpenItem.amount < 0, owes)
    if among_ids is not None:
        both = both.where(among(OpenItem.customer_id, set(among_ids)))
    return list(db.session.scalars(both.order_by(OpenItem.customer_id)))
