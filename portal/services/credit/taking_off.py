"""What credits, reversals and the reversal of a write-off do to what is to be paid (billing-rules 13)."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import select

from portal.domain.due import Kind
from portal.domain.money import from_micros, minor_unit, round_half_up, to_micros
from portal.extensions import db
from portal.models import MONEY, Allocation, AllocationSource, Charge
from portal.services.credit.balance import Act
from portal.services.credit.items import items_of
from portal.services.credit.putting import put, refreshed, standing, take_back

ZERO = Decimal(0)


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
    if any(line.id == root_id and line.total < 0 for line in lines):
        return  # it enlarges the discount that it names
    found = items_of(lines)
    family = [found[line.id] for line in lines if line.id in found and line.total > 0]
    touched: list[Allocation] = []
    for item in family:
        rest -= _credit(credit, item.charge, min(rest, item.left), act, touched)
    rows = standing(Allocation.charge_id.in_([item.charge.id for item in family])) if rest else []
    written_off = [row for row in rows if row.source == AllocationSource.WRITE_OFF]
    settled = [row for row in rows if row.source in (*MONEY, AllocationSource.DISCOUNT)]
    for row in [*reversed(written_off), *reversed(settled)]:
        if (amount := min(rest, row.amount)) <= 0:
            break
        reason = "The charge was reduced after it was paid."
        take_back(row, amount, act, on=credit.charge_on, released_by=credit, reason=reason)
        touched.append(row)
        if row.source == AllocationSource.WRITE_OFF and row.by_charge:
            lapse(row.by_charge, credit, amount, act, on=credit.charge_on)
        rest -= _credit(credit, row.charge, amount, act, touched)
    refreshed(touched)


def _credit(credit: Charge, charge: Charge, amount: Decimal, act: Act, touched: list[Allocation]) -> Decimal:
    """Take a credit off an item; what came off."""
    if amount > 0:
        on = max(credit.charge_on, charge.charge_on)
        touched.append(put(charge, amount, AllocationSource.CREDIT, act, by_charge=credit, made_on=on))
    return max(amount, ZERO)


def lapse(written_off: Charge, credit: Charge, amount: Decimal, act: Act, *, on: date) -> None:
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
            charge_on=on,
            period_from=on,
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
            opening_number=written_off.opening_number,
            posted_by=act.by,
            posted_at=act.now,
        )
    )
    db.session.flush()


def open_again(written_off: Charge, act: Act) -> None:
    """A write-off was reversed: what it took off its charge is to be paid again, due when it was."""
    rows = standing(Allocation.by_charge_id == written_off.id)
    for row in rows:
        take_back(row, row.amount, act, on=act.today)
    refreshed(rows)


def _take_discount_back(reversal: Charge, act: Act) -> None:
    """A discount was reversed: nothing is set off with it any more, and its reversal uses it up."""
    discount = reversal.reverses
    if discount is None or discount.id not in items_of([discount]):
        return
    if standing(Allocation.charge_id == reversal.id):
        return
    enlarged, differences = _named_by(discount)
    rows = standing(Allocation.by_charge_id.in_([one.id for one in enlarged]))
    for row in rows:
        take_back(row, row.amount, act, on=reversal.charge_on)
    refreshed(rows)
    made = _settle_with(enlarged, [*differences, reversal], act)
    refreshed([*rows, *made])


def take_off_discounts(difference_ids: Iterable[int], today: date, *, by: str, now: datetime) -> None:
    """After differences above zero that name discounts: each comes off what of its discount is to use."""
    act = Act(today, by, now)
    query = select(Charge).where(Charge.id.in_(sorted(difference_ids))).order_by(Charge.id)
    for difference in db.session.scalars(query).all():
        if difference.corrects:
            enlarged, _ = _named_by(difference.corrects)
            refreshed(_settle_with(enlarged, [difference], act))


def _named_by(discount: Charge) -> tuple[list[Charge], list[Charge]]:
    """A discount with the credits that have enlarged it, and the differences that come off it."""
    query = select(Charge).where(Charge.corrects_id == discount.id).order_by(Charge.id)
    lines = db.session.scalars(query).all()
    return [discount, *(line for line in lines if line.total < 0)], [line for line in lines if line.total > 0]


def _settle_with(discounts: Sequence[Charge], charges: Sequence[Charge], act: Act) -> list[Allocation]:
    """Use discounts up for charges, one after the other, as far as they go."""
    found = items_of([*discounts, *charges])
    to_use = {one.id: -found[one.id].left for one in discounts if one.id in found}
    made = []
    for charge in charges:
        left = found[charge.id].left
        for discount in discounts:
            amount = min(left, to_use.get(discount.id, ZERO))
            if amount > 0:
                made.append(put(charge, amount, AllocationSource.DISCOUNT, act, by_charge=discount))
                to_use[discount.id] -= amount
                left -= amount
    return made
