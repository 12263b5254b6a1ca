"""The two things that are done to what is to be paid: something is put against a charge, and taken back.

Whoever calls holds the locks of the charges: people lock the customer and then what is open of them (`lock_open`), a
run the charges that it corrects with what is set off against them (`items.touched_by`). When all is done they have
what is left of the charges worked out anew (`refreshed`).
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from decimal import Decimal

from sqlalchemy import ColumnElement, select

from portal.extensions import db
from portal.models import (
    MONEY,
    Allocation,
    AllocationSource,
    Charge,
    Customer,
    EntrySource,
    OpenItem,
    Payment,
)
from portal.services import locking
from portal.services.chunks import in_chunks
from portal.services.credit.archived import check_not_archived
from portal.services.credit.balance import Act, enter
from portal.services.credit.items import refresh


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
    """Put something against a charge. Money leaves the balance. Whoever calls says `refresh` of what was touched."""
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
        _move(made, -amount, EntrySource.ALLOCATION, act)
    return made


def take_back(
    allocation: Allocation,
    amount: Decimal,
    act: Act,
    *,
    on: date,
    released_by: Charge | None = None,
    by_hand: bool = False,
    reason: str = "",
) -> None:
    """Release an allocation, or a part of it: the rest is made anew from that day on. Money returns to the balance.

    What was `released_by` a charge is known by it, so that it can be put on again (portal.services.credit.undoing).
    """
    allocation.released_on, allocation.by_hand = max(on, allocation.made_on), by_hand
    if released_by:
        allocation.released_by_id, allocation.released_amount = released_by.id, amount
    if rest := allocation.amount - amount:
        names = ("customer_id", "source", "payment", "by_charge", "charge")
        kept = {name: getattr(allocation, name) for name in names}
        db.session.add(Allocation(**kept, amount=rest, made_on=allocation.released_on))
    if allocation.source in MONEY:
        check_not_archived(db.session.get_one(Customer, allocation.customer_id))
        _move(allocation, amount, EntrySource.RELEASE, act, reason)


def _move(allocation: Allocation, amount: Decimal, source: EntrySource, act: Act, reason: str = "") -> None:
    charge, payment = allocation.charge, allocation.payment
    enter(
        charge.customer_id, source, amount, charge.charge_on, act, reason,
        charge_id=charge.id, payment_id=payment.id if payment else None,
    )  # fmt: skip


def refreshed(allocations: Iterable[Allocation]) -> None:
    """Work out anew what is left of the charges, and of the discounts, that these were put against or released from."""
    touched = ((allocation.charge, allocation.by_charge) for allocation in allocations)
    refresh({charge.id for both in touched for charge in both if charge})


def standing(*which: ColumnElement[bool]) -> Sequence[Allocation]:
    """The allocations that count, read anew, the earliest first."""
    query = select(Allocation).where(Allocation.released_on.is_(None), *which)
    query = query.order_by(Allocation.made_on, Allocation.id).execution_options(populate_existing=True)
    return db.session.scalars(query).all()


def lock_open(customer_id: int, also: Iterable[int] = ()) -> None:
    """Lock what is open of a customer, who is locked, and other charges with it."""
    lock_open_of([customer_id], also)


def lock_open_of(customer_ids: Collection[int], also: Iterable[int] = ()) -> None:
    """The same of several customers at once: charges are locked by id, whosever they are."""
    found = set(also)
    for some in in_chunks(sorted(customer_ids)):
        found |= set(db.session.scalars(select(OpenItem.charge_id).where(OpenItem.customer_id.in_(some))))
    locking.lock_ids(Charge, found)
