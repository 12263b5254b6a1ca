"""A customer's statement: the entries of a span of days, each with the balance after it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import select

from portal.domain.schedule import LAST_DAY, ONE_DAY
from portal.extensions import db
from portal.models import BalanceEntry, Charge, EntrySource, Payment
from portal.services.among import among
from portal.services.chunks import in_chunks
from portal.services.credit.balance import balance_of, entries_of, moved_since
from portal.services.listing import count

# What one statement is asked about at once: databases bound the number of its values.
AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One entry: what it is, in words fit for the customer, and the balance after it."""

    entry: BalanceEntry
    words: str
    balance: Decimal


@dataclass(frozen=True, slots=True)
class Statement:
    """The entries made from `begins` to `through`, both included.

    `rest_count` entries, which come to `rest`, follow those that are among the lines; the closing balance has them.
    """

    begins: date
    through: date
    opening: Decimal
    lines: list[StatementLine]
    closing: Decimal
    rest_count: int = 0

    @property
    def rest(self) -> Decimal:
        """What the entries come to that do not stand among the lines."""
        return self.closing - (self.lines[-1].balance if self.lines else self.opening)


def statement(
    customer_id: int,
    begins: date,
    through: date,
    most: int | None = None,
    balance_now: Decimal | None = None,
    opening: Decimal | None = None,
) -> Statement:
    """What moved the balance; with `most`, the first so many entries: for a page, never for paper.

    `balance_now` is the balance as it stands, and `opening` as it stood when the first day began, where they are known.
    """
    if opening is None:
        opening = balance_of(customer_id, begins)
    query = entries_of(customer_id, begins, through)
    entries = list(db.session.scalars(query.limit(most)))
    lines, balance = [], opening
    for some in in_chunks(entries, AT_ONCE):
        words = words_of(some)
        for entry in some:
            balance += entry.amount
            lines.append(StatementLine(entry, words[entry.id], balance))
    if most is None or len(entries) < most:
        return Statement(begins, through, opening, lines, balance)
    rest = count(query) - len(entries)
    after = through + ONE_DAY if through < LAST_DAY else None
    if balance_now is None or after is None:
        closing = balance_of(customer_id, after)
    else:  # mostly nothing came after
        closing = balance_now - moved_since(customer_id, after)
    return Statement(begins, through, opening, lines, closing, rest)


def words_of(entries: Sequence[BalanceEntry]) -> dict[int, str]:
    """What each entry is, with two statements at most for all of them."""
    labels, paid = {}, {}
    if charges := {entry.charge_id for entry in entries if entry.charge_id}:
        named = db.session.execute(select(Charge.id, Charge.label).where(among(Charge.id, charges)))
        labels = {row.id: row.label for row in named}
    if payments := {entry.payment_id for entry in entries if entry.payment_id}:
        found = db.session.scalars(select(Payment).where(among(Payment.id, payments)))
        paid = {payment.id: payment.public_description for payment in found}
    return {
        entry.id: _said(entry, labels.get(entry.charge_id or 0, ""), paid.get(entry.payment_id or 0, ""))
        for entry in entries
    }


def _said(entry: BalanceEntry, label: str, description: str) -> str:
    match entry.source:
        case EntrySource.CHARGE:
            return label
        case EntrySource.CALLS:
            return "Calls, recalculated" if entry.reason else "Calls"
        case EntrySource.PAYMENT:
            return ("Payment" if entry.amount > 0 else "Payment cancelled") + (
                f": {description}" if description else ""
            )
        case EntrySource.SPLIT:
            return "Payment, a part moved to another account" + (f": {description}" if description else "")
        case EntrySource.PAYMENT_BACK:
            return "Paid back" if entry.amount < 0 else "Paid back, cancelled"
        case EntrySource.ALLOCATION:
            return f"Paid: {label}"
        case EntrySource.RELEASE:
            return f"No longer paid: {label}"
    return entry.reason
