"""What was charged in each month, by currency and package: always right, and never all added up for a page.

Opening items are outside revenue: neither they nor what writes them off are in it (billing-rules 13).

Charges are never edited and never deleted, so what was added up once stays right: these sums hold every charge up to a
mark (portal.services.marks), and whoever asks adds those after it, mostly none. `fold` moves it on: behind a run, and
behind an overview that found many after it.
"""

from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import case, func, select

from portal.extensions import db
from portal.models import (
    Allocation,
    AllocationMark,
    BalanceEntry,
    BalanceMark,
    Charge,
    ChargeMark,
    ChargeSum,
)
from portal.services import marks
from portal.services.credit import came_off, charged, moved

# As many charges may stand after the mark before somebody's look moves it on.
LEFT = 1_000


# A month's first day, currency, package (0: by hand), whether charged once.
Key = tuple[date, str, int, bool]


class Sums(NamedTuple):
    """Charges added up, before tax."""

    amount: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    charges: int = 0

    def and_(self, other: "Sums") -> "Sums":
        """These and others."""
        return Sums(self.amount + other.amount, self.cost + other.cost, self.charges + other.charges)


class Charged(NamedTuple):
    """What was charged, and how many of these charges stood after the mark."""

    sums: dict[Key, Sums]
    left: int


def charged_since(begins: date) -> Charged:
    """What was charged in the months from the one that begins on a day."""
    by = (ChargeSum.month, ChargeSum.currency, ChargeSum.package_id, ChargeSum.is_once)
    figures = (ChargeSum.amount, ChargeSum.cost, ChargeSum.charges)
    kept = select(ChargeMark.through_id, *by, *figures).outerjoin(ChargeSum, ChargeSum.month >= begins)
    rows = db.session.execute(kept).all()  # in one look: mark and sums are of one moment
    found: dict[Key, Sums] = {
        (month, currency, package_id, is_once): Sums(amount, cost, charges)
        for _, month, currency, package_id, is_once, amount, cost, charges in rows
        if month
    }
    after = _add_up(Charge.id > (rows[0][0] if rows else 0))
    for key, sums in after.items():
        if key[0] >= begins:
            found[key] = sums.and_(found.get(key, Sums()))
    return Charged(found, sum(sums.charges for sums in after.values()))


def _key(row: ChargeSum) -> Key:
    return row.month, row.currency, row.package_id, row.is_once


def _add_up(*which: Any) -> dict[Key, Sums]:
    once = case((Charge.period_until.is_(None), 1), else_=0)
    by = (Charge.charge_on, Charge.currency, Charge.package_id, once)
    figures = (func.sum(Charge.amount), func.sum(Charge.cost), func.count())
    found: dict[Key, Sums] = {}
    for day, currency, package_id, is_once, *sums in db.session.execute(
        select(*by, *figures).where(*which, Charge.opening_number.is_(None)).group_by(*by)
    ):
        key = day.replace(day=1), currency, package_id or 0, bool(is_once)
        found[key] = Sums(*sums).and_(found.get(key, Sums()))
    return found


def fold() -> None:
    """Move the marks on as far as they may go: of charges, of what came off them, of what moved balances. Commits."""
    marks.fold(ChargeMark, Charge, _keep_passed)
    marks.fold(AllocationMark, Allocation, came_off.keep)
    marks.fold(BalanceMark, BalanceEntry, moved.keep)


def _keep_passed(after: int, until: int) -> None:
    _keep(_add_up(Charge.id > after, Charge.id <= until))
    charged.keep(after, until)


def _keep(found: dict[Key, Sums]) -> None:
    """Add to what is kept. Whoever has the mark is alone at it."""
    months = {key[0] for key in found}
    kept = {
        _key(row): row for row in db.session.scalars(select(ChargeSum).where(ChargeSum.month.in_(months)))
    }
    for key, sums in found.items():
        if row := kept.get(key):
            row.amount, row.cost, row.charges = sums.and_(Sums(row.amount, row.cost, row.charges))
        else:
            month, currency, package_id, is_once = key
            db.session.add(
                ChargeSum(
                    month=month, currency=currency, package_id=package_id, is_once=is_once, **sums._asdict()
                )
            )
