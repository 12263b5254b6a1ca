"""The statement of a customer who pays later: their charges, and what came off them, in one ledger (billing-rules 13).

It begins with what was left to pay of charges and ends with what is left; with what the balance is below zero that is
what is to pay. What one payment (or discount, credit, write-off) did on one day is one line. What it begins with is
found backwards from what is left: to know it of itself, all that was ever charged would be gone through.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from sqlalchemy import select

from portal.domain.wording import day, listed_of
from portal.extensions import db
from portal.models import AllocationSource, Charge
from portal.services.credit.came_off import came_off
from portal.services.credit.charged import ITEMS, charged, total
from portal.services.credit.items import IS_ITEM
from portal.services.credit.owing import ToPay, to_pay

ZERO = Decimal(0)
# A line names so many charges, and says how many more there are.
NAMED = 3
OFF = {
    AllocationSource.BALANCE: "Paid from the balance",
    AllocationSource.DISCOUNT: "Set off",
    AllocationSource.CREDIT: "Credited",
    AllocationSource.WRITE_OFF: "Written off",
}
ON_AGAIN = {
    AllocationSource.PAYMENT: "No longer paid",
    AllocationSource.BALANCE: "No longer paid",
    AllocationSource.DISCOUNT: "No longer set off",
    AllocationSource.CREDIT: "No longer credited",
    AllocationSource.WRITE_OFF: "No longer written off",
}


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """A charge, or what came off charges (below zero), with what is left of all charges after it."""

    on: date
    words: str
    amount: Decimal
    left: Decimal
    charge_id: int | None = None
    payment_id: int | None = None


@dataclass(frozen=True, slots=True)
class ChargeLedger:
    """The days from `begins` to `through`, both included. `to_pay` is as of the last of them.

    `rest_count` lines, which come to `rest`, follow those that are there.
    """

    begins: date
    through: date
    opening: Decimal
    lines: list[LedgerLine]
    to_pay: ToPay
    rest_count: int = 0

    @property
    def rest(self) -> Decimal:
        """What the lines come to that are not there."""
        return self.to_pay.charges - (self.lines[-1].left if self.lines else self.opening)


@dataclass(slots=True)
class _Came:
    """What came off charges at once: the sum, and of which."""

    amount: Decimal = ZERO
    labels: dict[str, None] = field(default_factory=dict)


def charge_ledger(
    customer_id: int, begins: date, through: date, most: int | None = None, ends_with: ToPay | None = None
) -> ChargeLedger:
    """Charges that are to be paid and what came off them; with `most`, the first so many lines: for a page.

    `ends_with` is what is to pay as of `through`, where that is known.
    """
    closing = ends_with or to_pay(customer_id, through)
    of_charges, count, came = _charged(customer_id, begins, through, most)
    came_off = _came_off(customer_id, begins, through)
    said = sorted([*of_charges, *came_off], key=lambda one: one[0])
    opening = closing.charges - came - sum((one[3] for one in came_off), ZERO)
    lines, left = [], opening
    for on, _, words, amount, charge_id, payment_id in said[:most]:
        left += amount
        lines.append(LedgerLine(on, words, amount, left, charge_id, payment_id))
    return ChargeLedger(begins, through, opening, lines, closing, count + len(came_off) - len(lines))


_Said = tuple[date, int, str, Decimal, int | None, int | None]


def _charged(
    customer_id: int, begins: date, through: date, most: int | None
) -> tuple[list[_Said], int, Decimal]:
    """The charges, with `most` the first so many; how many there are in all, and what they come to."""
    query = (
        select(Charge.charge_on, Charge.id, Charge.label, Charge.amount, Charge.tax)
        .where(Charge.customer_id == customer_id, IS_ITEM, Charge.charge_on.between(begins, through))
        .order_by(Charge.charge_on, Charge.id)
        .limit(most)
    )
    said: list[_Said] = [
        (on, 0, label, amount + tax, id, None) for on, id, label, amount, tax in db.session.execute(query)
    ]
    if most is None or len(said) < most:
        return said, len(said), sum((one[3] for one in said), ZERO)
    rows = [row for row in charged(customer_id, begins, through) if row.part in ITEMS]
    return said, sum(row.charges for row in rows), total(rows, *ITEMS)


def _came_off(customer_id: int, begins: date, through: date) -> list[_Said]:
    """What came off charges, and what was taken back, by day and by what did it."""
    came: dict[tuple[date, AllocationSource, int | None, int | None], _Came] = defaultdict(_Came)
    paid_on: dict[int, date | None] = {}
    for row in came_off(customer_id, begins, through):
        if row.payment_id:
            paid_on[row.payment_id] = row.paid_on
        one = came[row.on, row.source, row.payment_id, row.by_charge_id]
        one.amount += row.amount
        one.labels[row.label] = None
    return [
        (on, 1, _words(source, one, paid_on.get(payment_id or 0)), one.amount, by_id, payment_id)
        for (on, source, payment_id, by_id), one in came.items()
        if one.amount
    ]


def _words(source: AllocationSource, came: _Came, paid_on: date | None) -> str:
    did = ON_AGAIN[source] if came.amount > 0 else OFF.get(source) or f"Payment of {day(paid_on)}"
    labels = list(came.labels)
    return f"{did}: {listed_of(labels[:NAMED], len(labels))}"
