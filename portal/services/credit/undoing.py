"""Undoing a run: what was paid of its charges returns, and is put on again when they are posted again.

What something took off a charge is known by it (`Allocation.released_by_id`), with how much of it and the day from
which it does not count: from that day on it counts again, wherever it is put (billing-rules 16). Whoever calls holds
the locks of the customers and of the charges.
"""

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import insert, select, type_coerce
from sqlalchemy.orm import aliased

from portal.domain.due import Kind
from portal.domain.money import from_micros, minor_unit, round_half_up, to_micros
from portal.extensions import db
from portal.models import MONEY, Allocation, AllocationSource, Charge, DueDay, PaymentState
from portal.services.chunks import in_chunks
from portal.services.credit.balance import Act, balance_of
from portal.services.credit.items import items_of, refresh
from portal.services.credit.payment_rules import left_of
from portal.services.credit.putting import put, refreshed, standing, take_back
from portal.services.credit.taking_off import lapse

ZERO = Decimal(0)
WHY = "The run that posted the charge was undone."


def take_back_undone(charge_ids: Collection[int], act: Act) -> None:
    """After these charges were mirrored: nothing is left of them, and what was put against them returns.

    A credit whose charge is not among them is taken off it again, and what the credit returned is put on again.
    """
    total = type_coerce(Charge.amount + Charge.tax, Charge.amount.type)
    mirrors: list[Any] = []
    for some in in_chunks(sorted(charge_ids)):
        query = select(
            Charge.id, Charge.reverses_id, Charge.corrects_id, Charge.customer_id, Charge.charge_on,
            total.label("total"),
        ).where(Charge.reverses_id.in_(some), Charge.auto_decrement_credit.is_(False), total != 0)  # fmt: skip
        mirrors += db.session.execute(query).all()
    credits = [mirror for mirror in mirrors if mirror.total > 0]
    _release({mirror.reverses_id: mirror.id for mirror in credits}, act, of_credits=True)
    _release({m.reverses_id: m.id for m in mirrors if m.total < 0}, act, of_credits=False)
    settled = [
        {
            "customer_id": mirror.customer_id,
            "source": AllocationSource.CREDIT,
            "charge_id": mirror.id if mirror.total > 0 else mirror.reverses_id,
            "by_charge_id": mirror.reverses_id if mirror.total > 0 else mirror.id,
            "amount": abs(mirror.total),
            "made_on": mirror.charge_on,
        }
        for mirror in mirrors
    ]
    if settled:
        db.session.flush()
        db.session.execute(insert(Allocation.__table__), settled)
    refresh({id for mirror in mirrors for id in (mirror.id, mirror.reverses_id)})
    alone = [mirror.reverses_id for mirror in credits if mirror.corrects_id not in charge_ids]
    put_on_again(dict.fromkeys(alone), act)


def _release(mirror_of: Mapping[int, int], act: Act, *, of_credits: bool) -> None:
    """Take off what was put against charges, or what credits took off theirs, as of the day of the mirror."""
    column = Allocation.by_charge_id if of_credits else Allocation.charge_id
    touched: list[Allocation] = []
    for some in in_chunks(sorted(mirror_of)):
        rows = standing(column.in_(some))
        which = {row.id: mirror_of[(row.by_charge_id if of_credits else row.charge_id) or 0] for row in rows}
        known = db.session.scalars(select(Charge).where(Charge.id.in_(which.values())))
        mirrors = {mirror.id: mirror for mirror in known}
        for row in rows:
            mirror = mirrors[which[row.id]]
            take_back(row, row.amount, act, on=mirror.charge_on, released_by=mirror, reason=WHY)
            if row.source == AllocationSource.WRITE_OFF and row.by_charge:
                lapse(row.by_charge, mirror, row.amount, act, on=max(row.made_on, mirror.charge_on))
        touched += rows
    refreshed(touched)


def put_on_again(released_by: Mapping[int, int | None], act: Act) -> None:
    """Put on again what these charges took off, as far as payment and balance, discount or write-off still hold it.

    Beside each stands the charge on which it is put: None for the one that it was on.
    """
    touched: list[Allocation] = []
    for some in in_chunks(sorted(released_by)):
        query = select(Allocation).where(Allocation.released_by_id.in_(some), Allocation.released_amount > 0)
        rows = db.session.scalars(query.order_by(Allocation.made_on, Allocation.id)).all()
        # A charge is written off as to what nobody paid of it.
        for row in sorted(rows, key=lambda row: row.source == AllocationSource.WRITE_OFF):
            onto = released_by[row.released_by_id or 0]
            charge = row.charge if onto is None else db.session.get_one(Charge, onto)
            item = items_of([charge]).get(charge.id)
            wanted = min(row.released_amount or ZERO, item.left if item else ZERO)
            if wanted > 0 and (amount := min(wanted, _still_held(row))) > 0:
                touched.append(_put_on(row, charge, amount, act))
                db.session.flush()
    refreshed(touched)


def _still_held(row: Allocation) -> Decimal:
    """How much of what was taken off is still there to be put on."""
    if row.source in MONEY:
        payment = row.payment
        if payment and payment.state != PaymentState.COMPLETED:
            return ZERO
        in_balance = balance_of(row.customer_id)
        return min(left_of(payment), in_balance) if payment else in_balance
    if row.by_charge is None:
        return ZERO
    if row.source == AllocationSource.DISCOUNT:
        item = items_of([row.by_charge]).get(row.by_charge.id)
        return -item.left if item else ZERO
    lapsed = _lapsed(row)
    return lapsed.total if lapsed else ZERO


def _lapsed(row: Allocation) -> Charge | None:
    """What lapsed of a write-off as this was taken off, unless the write-off was reversed since."""
    taken_back = aliased(Charge)
    gone = select(taken_back.reverses_id).where(taken_back.reverses_id.is_not(None))
    query = select(Charge).where(
        Charge.writes_off_id == row.by_charge_id,
        Charge.kind == Kind.WRITE_OFF_LAPSED,
        type_coerce(Charge.amount + Charge.tax, Charge.amount.type) == row.released_amount,
        Charge.id.not_in(gone),
        Charge.writes_off_id.not_in(gone),
    )
    return db.session.scalars(query.order_by(Charge.id.desc()).limit(1)).first()


def _put_on(row: Allocation, charge: Charge, amount: Decimal, act: Act) -> Allocation:
    if row.source == AllocationSource.WRITE_OFF and (lapsed := _lapsed(row)):
        _take_back_lapsed(lapsed, amount, act)
    on = max(row.released_on or row.made_on, charge.charge_on)
    return put(
        charge, amount, row.source, act, payment=row.payment, by_charge=row.by_charge, made_on=on
    )  # fmt: skip


def _take_back_lapsed(lapsed: Charge, amount: Decimal, act: Act) -> None:
    """What lapsed of a write-off, or a part of it, will not be paid after all."""
    unit = minor_unit(lapsed.currency)
    taxed = to_micros(lapsed.tax) * to_micros(amount)
    tax = from_micros(round_half_up(taxed, to_micros(lapsed.total), unit))
    db.session.add(
        Charge(
            customer_id=lapsed.customer_id,
            package_id=lapsed.package_id,
            kind=Kind.UNDO,
            charge_on=lapsed.charge_on,
            period_from=lapsed.period_from,
            quantity=1,
            unit_price=tax - amount,
            unit_cost=ZERO,
            currency=lapsed.currency,
            amount=tax - amount,
            cost=ZERO,
            tax_rate=lapsed.tax_rate,
            tax=-tax,
            label=lapsed.label,
            did_number=lapsed.did_number,
            reverses_id=lapsed.id,
            writes_off_id=lapsed.writes_off_id,
            opening_number=lapsed.opening_number,
            posted_by=act.by,
            posted_at=act.now,
        )
    )
    db.session.flush()


def keep_due_days(posted_again: Mapping[int, int]) -> None:
    """Move the due days of charges as those were moved that stood for the same lines before: the old one's id first."""
    for some in in_chunks(sorted(posted_again)):
        query = select(DueDay).where(DueDay.charge_id.in_(some)).order_by(DueDay.id)
        moved = db.session.scalars(query).all()
        for row in moved:
            charge = db.session.get_one(Charge, posted_again[row.charge_id])
            kept = ("customer_id", "due_on", "reason", "made_on", "made_by", "made_at")
            db.session.add(DueDay(charge=charge, **{name: getattr(row, name) for name in kept}))
        refresh({posted_again[row.charge_id] for row in moved})
