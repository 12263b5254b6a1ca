"""Why is it different this month? What was charged in a span of days against the span of the same kind before."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import case, func, or_, select

from portal.domain.due import Kind
from portal.domain.span_before import span_before
from portal.domain.what_changed import ONCE, Change, Item, Side, changes
from portal.domain.wording import money
from portal.extensions import db
from portal.models import (
    Assignment,
    BalanceEntry,
    Charge,
    Customer,
    EntrySource,
    Package,
    Part,
    counts_as_posted,
)
from portal.services.among import among
from portal.services.billing.positions import posted_through
from portal.services.chunks import in_chunks
from portal.services.credit.charged import UNDONE, charged

ZERO = Decimal(0)
# Of more charges than these it is said package by package what changed.
CHANGES_MOST = 2_000
BY_HAND = "Other charges"


@dataclass(frozen=True, slots=True)
class WhatChanged:
    """What was charged in two spans, with tax and calls, and why it is not the same: the lines add up to the
    difference. Each span includes its last day; the later one ends where it is posted to, if it is not over."""

    begins: date
    through: date
    before_begins: date
    before_through: date
    now: Decimal
    before: Decimal
    lines: Sequence[Change]

    @property
    def difference(self) -> Decimal:
        """How much more it was than before."""
        return self.now - self.before


def what_changed(customer: Customer, begins: date, through: date, today: date) -> WhatChanged | None:
    """Why a span differs from the one before; None where none of it is posted yet, or nothing was charged before it."""
    known = posted_through(customer.id, today) if begins <= today <= through else today
    if known < begins:
        return None
    first, last = span_before(begins, through, known)
    through = min(through, known)
    called, called_before = (_calls(customer.id, *span) for span in ((begins, through), (first, last)))
    if _has_more_than(CHANGES_MOST, customer.id, first, through):
        items = _packages(customer, (begins, through), (first, last))
        lines = [_in_all(item, customer.currency) for item in items if item.difference]
    else:
        by_key = _items(customer, (begins, through), (first, last))
        _name(by_key)
        items = list(by_key.values())
        lines = changes(items, first, through, customer.currency)
    if not (called_before or any(item.before.count for item in items)):
        return None
    before = sum((item.before.total for item in items), called_before)
    if called != called_before:
        said = [money(amount, customer.currency) for amount in (called, called_before)]
        lines.append(Change(called - called_before, f"Calls, {said[0]} instead of {said[1]}"))
    lines.sort(key=lambda line: (-abs(line.amount), line.words))
    now = sum((item.now.total for item in items), called)
    return WhatChanged(begins, through, first, last, now, before, lines)


def _items(
    customer: Customer, now: tuple[date, date], before: tuple[date, date]
) -> dict[tuple[Any, ...], Item]:
    """What each assignment was charged in both spans, and charges by hand by their names.

    A write-off charges nothing, nor does what was undone; an opening item was charged elsewhere.
    """
    is_now = Charge.charge_on.between(*now)
    by_hand = case((or_(Charge.assignment_id.is_(None), Charge.kind == Kind.MANUAL), Charge.label), else_="")
    corrected = Charge.correction_id.is_not(None)
    alike = (
        is_now, Charge.assignment_id, by_hand, Charge.kind, corrected, Charge.unit_price, Charge.quantity,
        Charge.tax_rate,
    )  # fmt: skip
    query = (
        select(
            *alike,
            func.max(Charge.label),
            func.max(Charge.did_number),
            func.sum(Charge.amount),
            func.sum(Charge.tax),
            func.count(),
            func.max(Charge.charge_on),
        )
        .where(Charge.customer_id == customer.id, Charge.currency == customer.currency)
        .where(or_(is_now, Charge.charge_on.between(*before)), Charge.writes_off_id.is_(None))
        .where(or_(Charge.amount != 0, Charge.tax != 0), Charge.opening_number.is_(None), counts_as_posted())
        .group_by(*alike)
    )
    found: dict[tuple[Any, ...], Item] = {}
    for (
        in_now,
        assignment_id,
        name,
        kind,
        was_corrected,
        unit,
        quantity,
        rate,
        label,
        did,
        amount,
        tax,
        count,
        on,
    ) in db.session.execute(query):
        once = kind in ONCE
        key = (None if kind == Kind.MANUAL else assignment_id, name, once, was_corrected)
        item = found.setdefault(key, Item(label, did, quantity, once=once, corrected=bool(was_corrected)))
        item.label = label if in_now else item.label
        side: Side = item.now if in_now else item.before
        side.amount, side.tax, side.count = side.amount + amount, side.tax + tax, side.count + count
        side.last_on = max(on, side.last_on or on)
        side.kinds.add(kind)
        if kind == Kind.RECURRING:
            side.prices.add(unit)
            side.quantities.add(quantity)
            side.rates.add(rate)
            item.quantity = quantity if in_now or not item.now.count else item.quantity
    return found


def _has_more_than(most: int, customer_id: int, begins: date, through: date) -> bool:
    some = select(Charge.id).where(
        Charge.customer_id == customer_id, Charge.charge_on.between(begins, through)
    )
    return (db.session.scalar(select(func.count()).select_from(some.limit(most + 1).subquery())) or 0) > most


def _packages(customer: Customer, now: tuple[date, date], before: tuple[date, date]) -> list[Item]:
    """What each package was charged in both spans, of a customer who has very many charges: from sums that are kept."""
    found: dict[int, Item] = {}
    for span, is_now in ((now, True), (before, False)):
        for row in charged(customer.id, *span):
            if row.part == Part.WRITTEN_OFF or row.is_outside or row.currency != customer.currency:
                continue
            item = found.setdefault(row.package_id, Item(BY_HAND))
            side = item.now if is_now else item.before
            side.amount, side.tax = side.amount + row.amount, side.tax + row.tax
            side.count += -row.charges if row.part in UNDONE else row.charges
    names = select(Package.id, Package.name).where(among(Package.id, found))
    for id, name in db.session.execute(names):
        found[id].label = name
    return list(found.values())


def _in_all(item: Item, currency: str) -> Change:
    said = [money(side.total, currency) for side in (item.now, item.before)]
    return Change(item.difference, f"{item.label}, {said[0]} instead of {said[1]}")


def _name(items: dict[tuple[Any, ...], Item]) -> None:
    """Say since when there are those that are not the same, and until when."""
    by_id: dict[int, list[Item]] = {}
    for (assignment_id, *_), item in items.items():
        if assignment_id and item.difference:
            by_id.setdefault(assignment_id, []).append(item)
    for some in in_chunks(sorted(by_id)):
        query = select(Assignment.id, Assignment.start_date, Assignment.end_date).where(
            Assignment.id.in_(some)
        )
        for id, starts_on, ends_on in db.session.execute(query):
            for item in by_id[id]:
                item.starts_on, item.ends_on = starts_on, ends_on


def _calls(customer_id: int, begins: date, through: date) -> Decimal:
    """What calls of those days took from the balance."""
    query = select(func.coalesce(func.sum(BalanceEntry.amount), 0)).where(
        BalanceEntry.customer_id == customer_id,
        BalanceEntry.source == EntrySource.CALLS,
        BalanceEntry.for_day.between(begins, through),
    )
    return -Decimal(db.session.scalar(query) or 0)
