"""What is open of a customer, added up: what is left to pay of charges by due day, and what credit there is to use.

On a day gone by it is what is open now, less what was charged since, and what came off since put on again: so it takes
as long as much has happened since, however much was charged before; and of who has very much of it, that is kept added
up (credit.charged, credit.came_off). These sums know neither what was taken off again nor a due day that was moved: the
few charges of which there was either are looked at by themselves.
"""

from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Date,
    Select,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
    type_coerce,
    union_all,
)

from portal.domain.money import from_micros
from portal.extensions import db
from portal.models import Allocation, Charge, DueDay
from portal.models.raw_tables import DUE, OPEN
from portal.services.credit import came_off, charged
from portal.services.credit.items import FIRST_DUE_ON, IS_DISCOUNT, IS_ITEM, TOTAL, left_on

ZERO = Decimal(0)
_NOTHING: Any = literal_column("0")
_CUSTOMER, _DAY = bindparam("customer_id", type_=BigInteger), bindparam("day", type_=Date)
_AMOUNT, _TOTAL = type_coerce(Allocation.amount, BigInteger), type_coerce(TOTAL, BigInteger)


def open_sums(customer_id: int, day: date | None = None) -> tuple[dict[date, Decimal], Decimal]:
    """What is left to pay of a customer's charges by due day, the first before, and what credit there is to use: now,
    or at the end of a day."""
    query, asked = _open_now(), dict[str, Any](customer_id=customer_id)
    if day is not None:
        few = charged.few_after(customer_id)
        query = _open_then(few is not None)
        asked |= {"day": day} | ({} if few is None else {"few": few})
    by_day: dict[date, Decimal] = {}
    credit = ZERO
    for due_on, to_pay, to_use in db.session.execute(query, asked):
        if to_pay:
            by_day[due_on] = from_micros(int(to_pay))
        credit -= from_micros(int(to_use))
    return by_day, credit


def _by_sign(amount: Any) -> tuple[Any, Any]:
    """What is to pay, and what there is to use."""
    to_pay, to_use = (
        case((which, amount), else_=_NOTHING) for which in (amount > _NOTHING, amount < _NOTHING)
    )
    return to_pay.label("to_pay"), to_use.label("to_use")


@cache
def _open_now() -> Select[Any]:
    """Of :customer_id by due day. Put together once: that takes longer than asking."""
    to_pay, to_use = map(func.sum, _by_sign(OPEN.c.amount))
    # By the day alone: an index has that order.
    query = select(OPEN.c.due_on, to_pay, to_use).where(OPEN.c.customer_id == _CUSTOMER)
    return query.group_by(OPEN.c.due_on).order_by(OPEN.c.due_on)


@cache
def _open_then(is_few: bool) -> Select[Any]:
    """The same at the end of :day; where it `is_few` that are not kept, those after :few."""
    odd = _odd()
    charges, on = charged.not_kept(_CUSTOMER, bindparam("few", type_=BigInteger) if is_few else None)
    came = [Allocation.customer_id == _CUSTOMER, Allocation.id > came_off.mark_of(_CUSTOMER)]
    off = came_off.SUM.c
    left = left_on(_DAY).where(Charge.id.in_(odd)).subquery().c
    all_ = union_all(
        # A discount falls due never, and has the day of its charge there.
        select(OPEN.c.due_on, *_by_sign(OPEN.c.amount))
        .where(OPEN.c.customer_id == _CUSTOMER, or_(OPEN.c.amount > _NOTHING, OPEN.c.due_on <= _DAY))
        .where(OPEN.c.charge_id.not_in(odd)),
        select(DUE.c.due_on, -DUE.c.amount, _NOTHING)
        .where(DUE.c.customer_id == _CUSTOMER, DUE.c.counts_on > _DAY),
        _charged(-_TOTAL, charges, on > _DAY),
        _charged(_TOTAL, Charge.id.in_(odd), Charge.charge_on > _DAY),
        _came_off(_AMOUNT, *came),
        _came_off(-_AMOUNT, Allocation.charge_id.in_(odd)),
        _used(-off.amount, off, off.customer_id == _CUSTOMER, off.counts_on > _DAY),
        _used(-_AMOUNT, Allocation, *came),
        _used(_AMOUNT, Allocation, Allocation.by_charge_id.in_(odd)),
        select(left.due_on, *_by_sign(type_coerce(left.left, BigInteger))),
    ).subquery().c  # fmt: skip
    sums = func.sum(all_.to_pay), func.sum(all_.to_use)
    return select(all_.due_on, *sums).group_by(all_.due_on).order_by(all_.due_on)


def _odd() -> Select[Any]:
    """The charges of which the sums do not know all: those that were taken off again since, and what had come off by
    them; those whose due day was moved."""
    since = or_(Allocation.released_on > _DAY, Charge.charge_on > _DAY)
    gone = select(Allocation.charge_id, Allocation.by_charge_id).join(
        Charge, Charge.id == Allocation.charge_id
    )
    gone = gone.where(Allocation.customer_id == _CUSTOMER, Allocation.released_on.is_not(None), since)
    of, by = gone.cte("gone").c
    moved = select(DueDay.charge_id).where(DueDay.customer_id == _CUSTOMER)
    odd = union_all(select(of), select(by).where(by.is_not(None)), moved).cte("odd")
    return select(odd.c[0])


def _charged(amount: Any, *which: Any) -> Select[Any]:
    """Charges that are to be paid."""
    return select(FIRST_DUE_ON, amount, _NOTHING).where(IS_ITEM, *which)


def _came_off(amount: Any, *which: Any) -> Select[Any]:
    """What came off them since the day; nothing does before its charge."""
    query = select(FIRST_DUE_ON, amount, _NOTHING).join(Allocation, Allocation.charge_id == Charge.id)
    return query.where(IS_ITEM, or_(Allocation.made_on > _DAY, Charge.charge_on > _DAY), *which)


def _used(amount: Any, of: Any, *which: Any) -> Select[Any]:
    """What discounts that there were on the day were used for since."""
    query = select(Charge.charge_on, _NOTHING, amount).where(Charge.id == of.by_charge_id)
    return query.where(IS_DISCOUNT, of.made_on > _DAY, Charge.charge_on <= _DAY, *which)
