"""What became of charges: the state of each, what is left of it, and what came off it (billing-rules 13)."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import aliased

from portal.domain.paid_state import CameOff, PaidState, discount_state, paid_state
from portal.extensions import db
from portal.models import MONEY, Allocation, AllocationSource, Charge, DueDay, OpenItem
from portal.services.chunks import in_chunks
from portal.services.credit.items import IS_DISCOUNT, IS_ITEM, items_of, stands_on

ZERO = Decimal(0)
NOTHING = CameOff()
TO_PAY, OVERDUE = "to_pay", "overdue"
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
    (off, days), gone = _came_off(list(items)), _reversed(known.values())
    for id, item in items.items():
        charge, reversed = item.charge, id in gone
        if charge.reverses_id:
            continue
        if charge.total < 0:
            found[id] = Standing(discount_state(item.left, reversed=reversed), -item.left)
            continue
        late = (today - item.due_on).days if item.left > 0 else 0
        state = paid_state(item.left, off[id], reversed=reversed)
        paid_on = days.get(id) if state == PaidState.PAID else None
        found[id] = Standing(state, item.left, item.due_on, off[id], max(late, 0), paid_on)
    for id in gone:
        if id in found and found[id].state == PaidState.FROM_BALANCE:
            found[id] = Standing(PaidState.REVERSED)
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
            .where(Allocation.charge_id.in_(some), stands_on(None))
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


def _reversed(charges: Iterable[Charge]) -> set[int]:
    """Those that were reversed, by themselves or with the charge that they correct."""
    root = {charge.id: charge.corrects_id or charge.id for charge in charges}
    found: set[int] = set()
    for some in in_chunks(sorted(set(root.values()))):
        query = select(Charge.reverses_id).where(Charge.reverses_id.in_(some))
        found |= {id for id in db.session.scalars(query) if id}
    return {id for id, whose in root.items() if whose in found}


# -- the same in SQL, for lists


def is_in_state(name: str, today: date) -> ColumnElement[bool]:
    """Charges in a state (a PaidState, or `to_pay`, `overdue`): those of which `standings` says so."""
    to_pay = Charge.id.in_(select(OpenItem.charge_id).where(OpenItem.amount > 0))
    to_use = Charge.id.in_(select(OpenItem.charge_id).where(OpenItem.amount < 0))
    if name == TO_PAY:
        return to_pay
    if name == OVERDUE:
        late = (OpenItem.amount > 0) & (OpenItem.due_on < today)
        return Charge.id.in_(select(OpenItem.charge_id).where(late))
    settled = and_(IS_ITEM, Charge.reverses_id.is_(None), ~to_pay, ~_is_reversed())
    paid, set_off, written_off = (
        _has(*sources) for sources in (MONEY, [AllocationSource.DISCOUNT], [AllocationSource.WRITE_OFF])
    )
    from_balance = and_(
        Charge.auto_decrement_credit, Charge.corrects_id.is_(None), Charge.reverses_id.is_(None)
    )
    of_state = {
        PaidState.OPEN: and_(to_pay, ~paid, ~set_off),
        PaidState.PART_PAID: and_(to_pay, or_(paid, set_off)),
        PaidState.WRITTEN_OFF: and_(settled, written_off),
        PaidState.PAID: and_(settled, ~written_off, paid),
        PaidState.SET_OFF: and_(settled, ~written_off, ~paid, set_off),
        PaidState.CREDITED: and_(settled, ~written_off, ~paid, ~set_off),
        PaidState.REVERSED: and_(
            or_(and_(IS_ITEM, Charge.reverses_id.is_(None)), IS_DISCOUNT, from_balance), _is_reversed()
        ),
        PaidState.FROM_BALANCE: and_(from_balance, ~_is_reversed()),
        PaidState.TO_USE: to_use,
        PaidState.USED: and_(IS_DISCOUNT, ~to_use, ~_is_reversed()),
    }
    return of_state[PaidState(name)]


def _has(*sources: AllocationSource) -> ColumnElement[bool]:
    """Whether something of these came off a charge."""
    which = (Allocation.charge_id == Charge.id, stands_on(None), Allocation.source.in_(sources))
    return select(Allocation.id).where(*which).exists()


def _is_reversed() -> ColumnElement[bool]:
    reversal = aliased(Charge)
    of_it = reversal.reverses_id == func.coalesce(Charge.corrects_id, Charge.id)
    return select(reversal.id).where(of_it).exists()


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
