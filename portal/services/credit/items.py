"""Open items: what is left of each charge that is to be paid, and of each discount (billing-rules 13).

An *item* is a charge without Auto Decrement Credit that is above zero: also a difference, which has a due day of its
own, and the reversal of a discount, which that discount settles. A *discount* is such a charge below zero. What comes
off an item are its allocations: they alone say what is left, on any day. Credits, reversals of items and write-offs
are no items: they come off one; but a credit that names a discount enlarges it, and is a discount itself.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Select,
    and_,
    case,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.orm import aliased

from portal.domain.money import from_micros
from portal.extensions import db
from portal.models import MONEY, Allocation, AllocationSource, Charge, Company, Customer, DueDay, OpenItem
from portal.models.company import ONLY, company
from portal.models.raw_tables import OPEN
from portal.services.among import among
from portal.services.chunks import in_chunks

ZERO = Decimal(0)
Day = date | BindParameter[date]

# As `due_on` says of a charge, in SQL: whether it is something to pay, and whether it is credit to use.
TOTAL = type_coerce(Charge.amount + Charge.tax, Charge.amount.type)
FIRST_DUE_ON = func.coalesce(Charge.due_on, Charge.charge_on)
IS_ITEM = and_(Charge.auto_decrement_credit.is_(False), Charge.writes_off_id.is_(None), TOTAL > 0)
# A credit that names a discount enlarges it: it is one itself.
_corrected = aliased(Charge)
# Asked as a value: where it exists, PostgreSQL would read all charges to know those that are below zero.
OF_A_DISCOUNT = (
    select(_corrected.amount + _corrected.tax)
    .where(_corrected.id == Charge.corrects_id)
    .correlate(Charge)
    .scalar_subquery()
) < 0
IS_DISCOUNT = and_(
    Charge.auto_decrement_credit.is_(False),
    Charge.writes_off_id.is_(None),
    or_(Charge.corrects_id.is_(None), OF_A_DISCOUNT),
    Charge.reverses_id.is_(None),
    TOTAL < 0,
)


@dataclass(frozen=True, slots=True)
class Item:
    """A charge that is to be paid, or a discount: what is left of it, and when it is due.

    `left` is above zero for what is to pay, below for credit to use.
    """

    charge: Charge
    left: Decimal
    due_on: date

    @property
    def settled(self) -> Decimal:
        """What has come off it."""
        return self.charge.total - self.left


def payment_days(customer_ids: Collection[int]) -> dict[int, int]:
    """How many days each customer has to pay what is posted now."""
    default = select(Company.payment_days).where(Company.id == ONLY).scalar_subquery()
    query = select(Customer.id, func.coalesce(Customer.payment_days, default, 0))
    found = db.session.execute(query.where(among(Customer.id, set(customer_ids))))
    return {row[0]: row[1] for row in found}


@lru_cache(maxsize=4_096)
def first_due_day(charge_on: date, posted_on: date, days: int) -> date:
    """When a charge falls due first: so many days after its date, or after its posting where that is later."""
    return max(charge_on, posted_on) + timedelta(days=days)


# -- what is left


def refresh(charge_ids: Iterable[int]) -> None:
    """Work out anew what is left of these charges, whose locks are held."""
    db.session.flush()
    for some in in_chunks(sorted(set(charge_ids))):
        db.session.execute(delete(OpenItem).where(OpenItem.charge_id.in_(some)))
        _insert_open(Charge.id.in_(some))


def open_new(which: ColumnElement[bool]) -> None:
    """Take in charges that have just been posted, of which nothing can have come off yet: those that `which` means."""
    new = select(
        Charge.id,
        Charge.customer_id,
        FIRST_DUE_ON,
        type_coerce(TOTAL, BigInteger),
    ).where(which, or_(IS_ITEM, IS_DISCOUNT))
    db.session.execute(insert(OPEN).from_select(["charge_id", "customer_id", "due_on", "amount"], new))


def _insert_open(which: ColumnElement[bool]) -> None:
    found = left_on(None).where(which).subquery()
    by = (*MONEY, AllocationSource.DISCOUNT)
    paid = select(Allocation.id).where(
        Allocation.charge_id == found.c.id, stands_on(None), Allocation.source.in_(by)
    )
    rows = select(
        found.c.id,
        found.c.customer_id,
        found.c.due_on,
        type_coerce(found.c.left, BigInteger),
        and_(found.c.left > 0, paid.exists()),
    )
    columns = ["charge_id", "customer_id", "due_on", "amount", "is_part_paid"]
    db.session.execute(insert(OPEN).from_select(columns, rows.where(found.c.left != 0)))


def left_on(day: Day | None) -> Select[Any]:
    """What is left of items and discounts at the end of a day (None: of all that is known): id, customer_id,
    currency, due_on, left."""
    off = _sum_of(Allocation.charge_id == Charge.id, day)
    used = _sum_of(Allocation.by_charge_id == Charge.id, day)
    moved = select(DueDay.due_on).where(DueDay.charge_id == Charge.id)
    if day is not None:
        moved = moved.where(DueDay.made_on <= day)
    moved_to = moved.order_by(DueDay.id.desc()).limit(1).correlate(Charge).scalar_subquery()
    due_on = func.coalesce(moved_to, FIRST_DUE_ON).label("due_on")
    left = type_coerce(case((TOTAL > 0, TOTAL - off), else_=TOTAL + used), Charge.amount.type).label("left")
    query = select(Charge.id, Charge.customer_id, Charge.currency, due_on, left)
    query = query.where(or_(IS_ITEM, IS_DISCOUNT))
    return query if day is None else query.where(Charge.charge_on <= day)


def _sum_of(which: ColumnElement[bool], day: Day | None) -> ColumnElement[Any]:
    query = select(func.coalesce(func.sum(Allocation.amount), 0)).where(which, stands_on(day))
    return type_coerce(query.correlate(Charge).scalar_subquery(), Charge.amount.type)


def stands_on(day: Day | None) -> ColumnElement[bool]:
    """Allocations that counted at the end of a day (None: that count)."""
    if day is None:
        return Allocation.released_on.is_(None)
    return and_(
        Allocation.made_on <= day, or_(Allocation.released_on.is_(None), Allocation.released_on > day)
    )


def open_items(customer_id: int, day: date | None = None, most: int | None = None) -> list[Item]:
    """What a customer has to pay and what credit there is to use, what is due first before (now, or on a day); with
    `most`, the first so many.
    """
    if day is None:
        query = select(Charge, OpenItem.amount, OpenItem.due_on).join(
            OpenItem, OpenItem.charge_id == Charge.id
        )
        query = query.where(OpenItem.customer_id == customer_id)
        query = query.order_by(OpenItem.due_on, Charge.charge_on, Charge.id)
    else:
        left = left_on(day).where(Charge.customer_id == customer_id).subquery()
        query = select(Charge, left.c.left, left.c.due_on).join(left, left.c.id == Charge.id)
        query = query.where(left.c.left != 0).order_by(left.c.due_on, Charge.charge_on, Charge.id)
    return [Item(*row) for row in db.session.execute(query.limit(most))]


def to_pay_items(customer_id: int, day: date | None = None) -> list[Item]:
    """The charges of which anything is left to pay, what is due first before."""
    return [item for item in open_items(customer_id, day) if item.left > 0]


def items_of(charges: Iterable[Charge], day: date | None = None) -> dict[int, Item]:
    """Items and discounts among charges, by id, with what is left of each: also where nothing is."""
    known = {charge.id: charge for charge in charges}
    found: dict[int, Item] = {}
    for some in in_chunks(sorted(known)):
        for row in db.session.execute(left_on(day).where(among(Charge.id, some))):
            found[row.id] = Item(known[row.id], Decimal(row.left), row.due_on)
    return found


def left_to_pay(customer_ids: Collection[int] | None = None) -> dict[int, Decimal]:
    """What is left to pay of the charges of each customer who has any: of all, or of some."""
    amount = func.sum(type_coerce(OpenItem.amount, BigInteger))
    query = select(OpenItem.customer_id, amount).where(OpenItem.amount > 0).group_by(OpenItem.customer_id)
    if customer_ids is None:
        return {id: from_micros(int(sum)) for id, sum in db.session.execute(query)}
    return {
        id: from_micros(int(sum))
        for some in in_chunks(sorted(customer_ids))
        for id, sum in db.session.execute(query.where(OpenItem.customer_id.in_(some)))
    }


def posted_since(day: date, *which: ColumnElement[bool]) -> Decimal:
    """What charges that are to be paid come to with tax, dated before a day and posted on it or after."""
    query = select(func.coalesce(func.sum(TOTAL), 0)).where(*posted_late(day), *which)
    return Decimal(db.session.scalar(query) or 0)


def posted_late(day: date, charge_on: Any = Charge.charge_on) -> tuple[ColumnElement[bool], ...]:
    """Charges that are to be paid, dated before a day and posted on it or after."""
    return (
        Charge.auto_decrement_credit.is_(False),
        Charge.writes_off_id.is_(None),
        charge_on < day,
        Charge.posted_at >= start_of(day),
    )


def start_of(day: date) -> datetime:
    """When a day begins for the provider."""
    return datetime.combine(day, time(), ZoneInfo(company().time_zone))


# -- what a run may change


def touched_by(root_ids: Collection[int], customer_ids: Collection[int]) -> tuple[list[int], list[int]]:
    """What posting for these customers may change, when these charges of theirs are corrected.

    The charges, with their corrections and what is set off against them, and everything open of a customer who has
    credit to use, or gets some back: to be locked together, by id. And these customers.
    """
    found = set(root_ids)
    for some in in_chunks(sorted(root_ids)):
        found |= set(db.session.scalars(select(Charge.id).where(Charge.corrects_id.in_(some))))
    meeting: set[int] = set()
    for some in in_chunks(sorted(found)):
        set_off = (Allocation.source == AllocationSource.DISCOUNT) & Allocation.released_on.is_(None)
        rows = select(Allocation.by_charge_id, Allocation.customer_id).where(
            Allocation.charge_id.in_(some), set_off
        )
        for discount_id, customer_id in db.session.execute(rows):
            found.add(discount_id or 0)
            meeting.add(customer_id)
    to_use = select(OpenItem.customer_id).where(OpenItem.amount < literal_column("0"))
    meeting |= set(db.session.scalars(to_use.where(among(OpenItem.customer_id, set(customer_ids)))))
    for some in in_chunks(sorted(meeting)):
        found |= set(db.session.scalars(select(OpenItem.charge_id).where(OpenItem.customer_id.in_(some))))
    return sorted(found), sorted(meeting)
