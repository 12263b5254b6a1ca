"""What became of charges: the state of each, what is left of it, and what came off it (billing-rules 13)."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, literal_column, or_, select
from sqlalchemy.orm import aliased

from portal.domain.due import Kind
from portal.domain.paid_state import CameOff, PaidState, discount_state, paid_state
from portal.extensions import db
from portal.models import MONEY, Allocation, AllocationSource, Charge, DueDay, OpenItem, is_undone
from portal.services.among import among
from portal.services.chunks import in_chunks
from portal.services.credit.items import IS_DISCOUNT, IS_ITEM, items_of, stands_on

ZERO = Decimal(0)
NOTHING = CameOff()
TO_PAY, OVERDUE = "to_pay", "overdue"
# As the indexes of these say it.
IS_RARE = literal_column("charge.kind").op("<>")(literal_column("'recurring'"))
IS_PART_PAID: ColumnElement[bool] = literal_column("open_item.is_part_paid")
# The rests that charges of these states have.
_OPEN: dict[str, ColumnElement[bool]] = {
    TO_PAY: OpenItem.amount > 0,
    PaidState.OPEN: OpenItem.amount > 0,
    PaidState.PART_PAID: IS_PART_PAID,
    PaidState.TO_USE: OpenItem.amount < literal_column("0"),
}
# What is settled, and was not paid, has at least one of these.
_OFF: dict[str, AllocationSource] = {
    PaidState.WRITTEN_OFF: AllocationSource.WRITE_OFF,
    PaidState.SET_OFF: AllocationSource.DISCOUNT,
    PaidState.CREDITED: AllocationSource.CREDIT,
}
# What a list can be narrowed to, in words.
FILTERS = {TO_PAY: "to pay", OVERDUE: "overdue"} | {state.value: state.words for state in PaidState}


@dataclass(frozen=True, slots=True)
class Standing:
    """What became of a charge. `left` and `due_on` are of what is to be paid; `left` of a discount is above zero too.

    `paid_on` is the day of the last money put against one that is paid.
    `overdue_days` counts from the day after the due day while anything is left; 0 where it is not overdue.
    """

    state: PaidState
    left: Decimal = ZERO
    due_on: date | None = None
    came_off: CameOff = NOTHING
    overdue_days: int = 0
    paid_on: date | None = None


def standings(charges: Iterable[Charge], today: date) -> dict[int, Standing]:
    """What became of each of these charges; of credits, reversals and write-offs nothing: they name their charge."""
    known = {charge.id: charge for charge in charges}
    found = {
        id: Standing(PaidState.FROM_BALANCE)
        for id, charge in known.items()
        if charge.auto_decrement_credit and not (charge.corrects_id or charge.reverses_id)
    }
    items = items_of(charge for charge in known.values() if not charge.auto_decrement_credit)
    (off, days), gone = _came_off(list(items)), _taken_back(known.values())
    for id, item in items.items():
        charge = item.charge
        if charge.reverses_id:
            continue
        if charge.total < 0:
            found[id] = Standing(gone.get(id) or discount_state(item.left), -item.left)
            continue
        late = (today - item.due_on).days if item.left > 0 else 0
        state = gone.get(id) or paid_state(item.left, off[id])
        paid_on = days.get(id) if state == PaidState.PAID else None
        found[id] = Standing(state, item.left, item.due_on, off[id], max(late, 0), paid_on)
    for id, state in gone.items():
        if id in found and found[id].state == PaidState.FROM_BALANCE:
            found[id] = Standing(state)
    return found


def _came_off(ids: list[int]) -> tuple[dict[int, CameOff], dict[int, date]]:
    """What came off each charge, and the day of the last money."""
    sums: dict[int, dict[AllocationSource, Decimal]] = defaultdict(dict)
    days: dict[int, date] = {}
    for some in in_chunks(ids):
        query = (
            select(
                Allocation.charge_id,
                Allocation.source,
                func.sum(Allocation.amount),
                func.max(Allocation.made_on),
            )
            .where(among(Allocation.charge_id, some), stands_on(None))
            .group_by(Allocation.charge_id, Allocation.source)
        )
        for id, source, amount, last in db.session.execute(query):
            sums[id][source] = amount
            if source in MONEY:
                days[id] = max(last, days.get(id, last))
    off = {
        id: CameOff(
            paid=sum((sums[id].get(source, ZERO) for source in MONEY), ZERO),
            set_off=sums[id].get(AllocationSource.DISCOUNT, ZERO),
            credited=sums[id].get(AllocationSource.CREDIT, ZERO),
            written_off=sums[id].get(AllocationSource.WRITE_OFF, ZERO),
        )
        for id in ids
    }
    return off, days


def _taken_back(charges: Iterable[Charge]) -> dict[int, PaidState]:
    """Those that were undone, and those that were reversed, by themselves or with the charge that they correct."""
    root = {charge.id: charge.corrects_id or charge.id for charge in charges}
    by: dict[int, Kind] = {}
    for some in in_chunks(sorted({*root, *root.values()})):
        query = select(Charge.reverses_id, Charge.kind).where(among(Charge.reverses_id, some))
        by |= {id: kind for id, kind in db.session.execute(query) if id}
    found: dict[int, PaidState] = {}
    for id, whose in root.items():
        if by.get(id) == Kind.UNDO:
            found[id] = PaidState.UNDONE
        elif by.get(whose) == Kind.REVERSAL:
            found[id] = PaidState.REVERSED
    return found


# -- the same in SQL, for lists


def is_in_state(name: str, today: date) -> ColumnElement[bool]:
    """Charges in a state (a PaidState, or `to_pay`, `overdue`): those of which `standings` says so."""
    if name == TO_PAY:
        return _has_left(OpenItem.amount > 0)
    if name == OVERDUE:
        return _has_left(OpenItem.amount > 0, OpenItem.due_on < today)
    return _of_state()[PaidState(name)]


@cache
def _of_state() -> dict[PaidState, ColumnElement[bool]]:
    """The charges of each state. Put together once: that takes longer than asking for them."""
    to_pay, to_use = _has_left(OpenItem.amount > 0), _has_left(OpenItem.amount < 0)
    part_paid = _has_left(IS_PART_PAID)
    reversed_, undone = _is_reversed(), is_undone()
    gone = or_(reversed_, undone)
    settled = and_(IS_ITEM, Charge.reverses_id.is_(None), ~to_pay, ~gone)
    paid = _has(*MONEY)
    set_off, written_off = (
        _has(source, by_a_charge=True) for source in (AllocationSource.DISCOUNT, AllocationSource.WRITE_OFF)
    )
    from_balance = and_(
        Charge.auto_decrement_credit, Charge.corrects_id.is_(None), Charge.reverses_id.is_(None)
    )
    has_state = or_(and_(IS_ITEM, Charge.reverses_id.is_(None)), IS_DISCOUNT, from_balance)
    return {
        PaidState.OPEN: and_(to_pay, ~part_paid, ~gone),
        PaidState.PART_PAID: and_(part_paid, ~gone),
        PaidState.WRITTEN_OFF: and_(settled, written_off),
        PaidState.PAID: and_(settled, ~written_off, paid),
        PaidState.SET_OFF: and_(settled, ~written_off, ~paid, set_off),
        PaidState.CREDITED: and_(settled, ~written_off, ~paid, ~set_off),
        PaidState.REVERSED: and_(has_state, reversed_, ~undone),
        PaidState.UNDONE: and_(has_state, undone),
        PaidState.FROM_BALANCE: and_(from_balance, ~gone),
        PaidState.TO_USE: and_(to_use, ~gone),
        PaidState.USED: and_(IS_DISCOUNT, ~to_use, ~gone),
    }


def may_be(name: str, today: date) -> Select[Any] | None:
    """The ids of charges among which all of a state are, off an index of those that are few; None where none has them.

    A charge that corrects one that was reversed is not among them: its own is.
    """
    if name in (PaidState.REVERSED, PaidState.UNDONE):
        kind = Kind.REVERSAL if name == PaidState.REVERSED else Kind.UNDO
        return select(Charge.reverses_id).where(Charge.kind == kind, IS_RARE)
    if name == OVERDUE:
        return select(OpenItem.charge_id).where(OpenItem.amount > 0, OpenItem.due_on < today)
    if name in _OPEN:
        return select(OpenItem.charge_id).where(_OPEN[name])
    # Said so that SQLite, too, reads only those that are not null.
    by_charge = Allocation.by_charge_id > 0
    if name == PaidState.USED:
        return select(Allocation.by_charge_id).where(by_charge)
    if name in _OFF:
        return select(Allocation.charge_id).where(by_charge, Allocation.source == _OFF[name])
    return None


def newest(name: str, today: date) -> Select[Any] | None:
    """The ids of charges among which all of a state are, the highest first, where many can be: off an index, too."""
    if name == OVERDUE:
        left = select(OpenItem.charge_id).where(OpenItem.amount > 0, OpenItem.due_on < today)
        return left.order_by(OpenItem.charge_id.desc())
    if name == PaidState.PAID:
        paid = select(Allocation.charge_id).where(stands_on(None), Allocation.source.in_(MONEY))
        return paid.order_by(Allocation.charge_id.desc())
    return None


def _has_left(*which: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether such a rest is on a charge: asked for each charge, as many as are read, not of all rests there are."""
    rest = select(OpenItem.charge_id).where(OpenItem.charge_id == Charge.id, *which)
    return rest.correlate(Charge).exists()


def _has(*sources: AllocationSource, by_a_charge: bool = False) -> ColumnElement[bool]:
    """Whether something of these came off a charge."""
    which = (Allocation.charge_id == Charge.id, stands_on(None), Allocation.source.in_(sources))
    query = select(Allocation.id).where(*which)
    # Said so that PostgreSQL, where it looks at all of these once, reads only them.
    return (query.where(Allocation.by_charge_id > 0) if by_a_charge else query).exists()


def _is_reversed() -> ColumnElement[bool]:
    reversal = aliased(Charge)
    of_it = reversal.reverses_id == func.coalesce(Charge.corrects_id, Charge.id)
    return select(reversal.id).where(of_it, reversal.kind == Kind.REVERSAL).exists()


def came_off(charge: Charge) -> list[Allocation]:
    """What was put against a charge, or what a discount was used for, the earliest first; what was released too."""
    query = (
        select(Allocation)
        .where(or_(Allocation.charge_id == charge.id, Allocation.by_charge_id == charge.id))
        .order_by(Allocation.made_on, Allocation.id)
    )
    return list(db.session.scalars(query))


def due_days(charge: Charge) -> list[DueDay]:
    """How the due day of a charge was moved, the earliest first."""
    return list(db.session.scalars(select(DueDay).where(DueDay.charge_id == charge.id).order_by(DueDay.id)))
