"""What a customer's balance has moved by, added up.

Of a customer whose balance very much has moved that is kept added up by the day, up to a mark (portal.services.marks);
what has moved it since is added up with it, in the one statement that asks.
"""

from collections.abc import Collection
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    ScalarSelect,
    Select,
    and_,
    bindparam,
    case,
    func,
    insert,
    literal_column,
    select,
    type_coerce,
    union_all,
)

from portal.domain.money import from_micros
from portal.extensions import db
from portal.models import BalanceEntry, BalanceMark, BalanceSum, Customer
from portal.services.among import IDS, is_among
from portal.services.credit.kept import to_add_up

# Whose balance so many of the entries have moved that are passed at once is kept from then on.
KEPT_FROM = 500
# So many entries of everybody's after the mark are looked through for the first day of any.
FEW = 2_000
_AMOUNT = type_coerce(BalanceEntry.amount, BigInteger)


def moved(customer_id: int, since: date | None = None, before: date | None = None) -> Decimal:
    """By how much a balance has moved: ever, on a day and after it, or before a day."""
    days = {"since": since, "before": before}
    asked = {name: day for name, day in days.items() if day}
    found = db.session.scalar(_moved(tuple(asked)), {"customer_id": customer_id} | asked)
    return from_micros(int(found or 0))


@cache
def _moved(days: tuple[str, ...]) -> Select[Any]:
    """Of :customer_id, :since or :before a day. Put together once: that takes longer than asking."""
    named = {name: bindparam(name, type_=Date) for name in days}
    return select(micros_moved(bindparam("customer_id", type_=BigInteger), **named))


def micros_moved(customer_id: Any, since: Any = None, before: Any = None) -> ScalarSelect[Any]:
    """The same as part of a statement, in millionths; nothing where nothing has moved it."""
    is_kept = select(BalanceSum.id).where(BalanceSum.customer_id == customer_id).exists()
    mark, begins = _after_mark(is_kept)
    others = (
        BalanceEntry.id > case((is_kept, mark), else_=literal_column("0")),
        BalanceEntry.made_on >= begins,
    )
    parts = []
    for of, amount, which in ((BalanceSum, BalanceSum.amount, ()), (BalanceEntry, _AMOUNT, others)):
        part = select(type_coerce(amount, BigInteger).label("amount")).where(
            of.customer_id == customer_id, *which
        )
        if since is not None:
            part = part.where(of.made_on >= since)
        if before is not None:
            part = part.where(of.made_on < before)
        parts.append(part)
    return select(func.sum(union_all(*parts).subquery().c.amount)).scalar_subquery()


def _after_mark(*which: Any) -> tuple[ScalarSelect[Any], ColumnElement[date]]:
    """The mark, and the first day on which entries after it can have been made: an index has a customer's by their day.
    Where that is not so, or they are not few, any day."""
    mark = select(BalanceMark.through_id).scalar_subquery()
    last = select(func.max(BalanceEntry.id)).scalar_subquery()
    first = select(func.coalesce(func.min(BalanceEntry.made_on), date.max)).where(BalanceEntry.id > mark)
    return mark, case((and_(*which, last - mark <= FEW), first.scalar_subquery()), else_=date.min)


def moved_of_kept(customer_ids: Collection[int], before: date | None = None) -> dict[int, Decimal]:
    """The same of some who are kept, ever or before a day, in one statement."""
    asked: dict[str, Any] = {"ids": sorted(customer_ids)} | ({"before": before} if before else {})
    rows = db.session.execute(_of_kept(before is not None), asked) if customer_ids else ()
    return dict.fromkeys(customer_ids, Decimal(0)) | {id: from_micros(int(micros)) for id, micros in rows}


@cache
def _of_kept(is_before: bool) -> Select[Any]:
    mark, begins = _after_mark()
    others = (BalanceEntry.id > mark, BalanceEntry.made_on >= begins)
    parts = []
    for of, amount, which in ((BalanceSum, BalanceSum.amount, ()), (BalanceEntry, _AMOUNT, others)):
        part = select(of.customer_id, type_coerce(amount, BigInteger).label("amount"))
        part = part.where(is_among(of.customer_id, IDS), *which)
        parts.append(part.where(of.made_on < bindparam("before", type_=Date)) if is_before else part)
    all_ = union_all(*parts).subquery().c
    return select(all_.customer_id, func.sum(all_.amount)).group_by(all_.customer_id)


def kept_among(customer_ids: Collection[int]) -> set[int]:
    """Those of some customers whose balances are kept added up."""
    is_kept = select(BalanceSum.id).where(BalanceSum.customer_id == Customer.id).exists()
    return set(db.session.scalars(select(Customer.id).where(Customer.id.in_(customer_ids), is_kept)))


def keep(after: int, until: int) -> None:
    """Add up the entries with ids after one up to another."""
    for which in to_add_up(BalanceEntry, BalanceSum, KEPT_FROM, after, until):
        _insert(which)


def _insert(*which: Any) -> None:
    by = (BalanceEntry.customer_id, BalanceEntry.made_on)
    sums = select(*by, func.sum(_AMOUNT)).where(*which).group_by(*by)
    db.session.execute(insert(BalanceSum).from_select(["customer_id", "made_on", "amount"], sums))
