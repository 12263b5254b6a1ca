"""What came off the charges of a customer that are to be paid, added up by the day and by what did it.

Where that was very much it is kept added up, up to a mark (portal.services.marks); what came off since is added up with
it, in the one statement that asks. What was taken off again changes once more: that is always read as it is.
"""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    CompoundSelect,
    ScalarSelect,
    Select,
    and_,
    case,
    func,
    insert,
    literal_column,
    or_,
    select,
    type_coerce,
    union_all,
)

from portal.domain.due import Kind
from portal.domain.money import from_micros
from portal.extensions import db
from portal.models import Allocation, AllocationMark, AllocationSource, AllocationSum, Charge, Payment
from portal.models.raw_tables import DUE, raw_table
from portal.services.credit.items import FIRST_DUE_ON, IS_ITEM
from portal.services.credit.kept import to_add_up

# Off whose charges so much came among what is passed at once is kept from then on.
KEPT_FROM = 500
SUM = raw_table(AllocationSum)
_AMOUNT = type_coerce(Allocation.amount, BigInteger)


class Off(NamedTuple):
    """What came off charges of one label on a day (below zero), or was taken back, by what did it."""

    on: date
    source: AllocationSource
    payment_id: int | None
    by_charge_id: int | None
    label: str
    paid_on: date | None
    amount: Decimal


def came_off(customer_id: int, begins: date, through: date) -> Iterator[Off]:
    """What came off the charges of a customer from a day to a day, both included, in the order in which it was made.

    Nothing counts before its charge.
    """
    kept = select(
        SUM.c.counts_on, SUM.c.source, SUM.c.payment_id, SUM.c.by_charge_id, SUM.c.label,
        (-SUM.c.amount).label("amount"), SUM.c.first_id,
    ).where(SUM.c.customer_id == customer_id, SUM.c.is_item, SUM.c.counts_on.between(begins, through))  # fmt: skip
    made = _by_label(Allocation.made_on, -_AMOUNT, customer_id, begins, through)
    back = _by_label(Allocation.released_on, _AMOUNT, customer_id, begins, through)
    all_ = union_all(kept, made.where(Allocation.id > mark_of(customer_id)), back).subquery()
    query = (
        select(*list(all_.c)[:5], Payment.paid_on, all_.c.amount)
        .outerjoin(Payment, Payment.id == all_.c.payment_id)
        .order_by(all_.c.first_id)
    )
    for row in db.session.execute(query):
        on, source, payment_id, by_id, label, paid_on, amount = tuple(row)
        yield Off(on, AllocationSource(source), payment_id, by_id, label, paid_on, from_micros(int(amount)))


def _by_label(on: Any, amount: Any, customer_id: int, begins: date, through: date) -> Select[Any]:
    """What was allocated, or let go, on the days, added up for charges of one label: a payment may pay ten thousand."""
    counts_on = _counts_on(on)
    alike = (
        counts_on.label("counts_on"), Allocation.source, Allocation.payment_id, Allocation.by_charge_id, Charge.label,
    )  # fmt: skip
    return (
        select(*alike, func.sum(amount).label("amount"), func.min(Allocation.id).label("first_id"))
        .join(Charge, Charge.id == Allocation.charge_id)
        .where(Allocation.customer_id == customer_id, IS_ITEM, on.is_not(None))
        .where(or_(on.between(begins, through), Charge.charge_on.between(begins, through)))
        .where(counts_on.between(begins, through))
        .group_by(*alike)
    )


def _counts_on(on: Any) -> Any:
    return case((on > Charge.charge_on, on), else_=Charge.charge_on)


def by_source(customer_id: int, begins: date, through: date) -> dict[AllocationSource, Decimal]:
    """What came off from a day to a day, less what was taken back in them, by source; not what undoing settled."""
    kept = select(SUM.c.source, SUM.c.amount).where(
        SUM.c.customer_id == customer_id, ~SUM.c.is_undo, SUM.c.counts_on >= begins
    )
    mine = (Allocation.customer_id == customer_id, ~_is_undo())
    made = select(Allocation.source, _AMOUNT).where(*mine, Allocation.made_on.between(begins, through))
    back = select(Allocation.source, -_AMOUNT).where(*mine, Allocation.released_on.between(begins, through))
    all_ = _union(
        kept.where(SUM.c.made_on.between(begins, through)),
        made.where(Allocation.id > mark_of(customer_id)),
        back.where(Allocation.released_on.is_not(None)),
    )
    source, amount = all_.c
    query = select(source, func.sum(amount)).group_by(source)
    return {AllocationSource(row[0]): from_micros(int(row[1])) for row in db.session.execute(query)}


def _union(*queries: Any) -> Any:
    found: CompoundSelect[Any] = union_all(*queries)
    return found.subquery()


def _is_undo() -> Any:
    """What undoes a charge settles it as a credit does."""
    named = Charge.id.in_([Allocation.by_charge_id, Allocation.charge_id])
    undoes = select(Charge.id).where(named, Charge.kind == Kind.UNDO).correlate(Allocation).exists()
    return and_(Allocation.source == AllocationSource.CREDIT, undoes)


def mark_of(customer_id: Any) -> ScalarSelect[int]:
    """Up to which of them they are kept: of a customer who is."""
    is_kept = select(AllocationSum.id).where(AllocationSum.customer_id == customer_id).exists()
    through = select(AllocationMark.through_id).where(is_kept).scalar_subquery()
    return func.coalesce(through, literal_column("0"))  # type: ignore[return-value]


def keep(after: int, until: int) -> None:
    """Add up what has ids after one up to another."""
    for which in to_add_up(Allocation, AllocationSum, KEPT_FROM, after, until):
        _insert(which)


def _insert(*which: Any) -> None:
    each = (
        select(
            Allocation.customer_id,
            Allocation.made_on,
            _counts_on(Allocation.made_on).label("counts_on"),
            Allocation.source,
            Allocation.payment_id,
            Allocation.by_charge_id,
            Charge.label,
            IS_ITEM.label("is_item"),
            _is_undo().label("is_undo"),
            _AMOUNT.label("amount"),
            Allocation.id,
            FIRST_DUE_ON.label("due_on"),
        )
        .join(Charge, Charge.id == Allocation.charge_id)
        .where(*which)
        .subquery()
    )
    *alike, amount, id, due_on = each.c
    names = [column.key for column in alike]
    sums = select(*alike, func.sum(amount), func.min(id)).group_by(*alike)
    db.session.execute(insert(SUM).from_select([*names, "amount", "first_id"], sums))
    by = (each.c.customer_id, each.c.counts_on, due_on)
    sums = select(*by, -func.sum(amount)).where(each.c.is_item).group_by(*by)
    db.session.execute(insert(DUE).from_select(["customer_id", "counts_on", "due_on", "amount"], sums))
