"""The charge summary of a customer: what they owe and why over a span of days.

What is in here is fit for the customer's eyes: never cost, margin, or a private reason. Paper holds all
of it, or is refused; a page shows a first part with the totals of all of it, and what the rest comes to.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import date
from decimal import Decimal

from sqlalchemy import Select, or_, select

from portal.domain.due import ORDER
from portal.domain.errors import RuleBroken
from portal.domain.schedule import ONE_DAY
from portal.domain.wording import whole
from portal.extensions import db
from portal.models import Assignment, Charge, Customer, Part
from portal.services.among import among
from portal.services.billing.planning import Totals
from portal.services.charges.explaining import Explained, explained
from portal.services.chunks import in_chunks
from portal.services.credit.account import Account, account
from portal.services.credit.balance import balance_of, entries_of, moved_since
from portal.services.credit.charged import Alike
from portal.services.credit.charged import charged as charged_in
from portal.services.credit.statement import Statement, statement
from portal.services.credit.states import Standing, standings
from portal.services.listing import count
from portal.services.packages.holdings import remember, remembered
from portal.services.summary.assigned import Assigned, as_of
from portal.services.summary.layout import BLOCKS, Entry, Group, by_package, by_week
from portal.services.what_changed import WhatChanged, what_changed

# What one statement is asked about at once: databases bound the number of its values.
AT_ONCE = 5_000
# A line of paper takes about a millisecond and 80 KB of memory while it is set.
PAPER_MOST = 20_000
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class TaxedAt:
    """What was charged at one tax rate, and the tax on it."""

    rate: Decimal
    amount: Decimal
    tax: Decimal


@dataclass(slots=True)
class Charged:
    """What a customer was charged from `begins` to `through`, both included.

    `totals`, `taxes` and `alike`, all of them added up, are of everything; `lines` may be a first part of it.
    `standings` says what became of each line's charge, as of today.
    """

    customer: Customer
    begins: date
    through: date
    standings: dict[int, Standing] = field(default_factory=dict)
    lines: list[Explained] = field(default_factory=list)
    totals: dict[str, Totals] = field(default_factory=dict)
    taxes: dict[str, list[TaxedAt]] = field(default_factory=dict)
    alike: list[Alike] = field(default_factory=list)

    @property
    def charged(self) -> Decimal:
        """What was charged, with tax. A write-off charges nothing, and an opening item was charged elsewhere."""
        rows = (row for row in self.alike if not row.is_outside and row.part is not Part.WRITTEN_OFF)
        return sum((row.amount + row.tax for row in rows), ZERO)

    def groups(self, currency: str) -> list[Group]:
        """The charges of a currency that are here, package by package."""
        return by_package(line for line in self.lines if line.charge.currency == currency)

    def rest(self, currency: str) -> Totals:
        """What the charges come to that do not stand among the lines."""
        rest = Totals(**asdict(self.totals[currency]))
        for line in self.lines:
            if line.charge.currency == currency:
                rest.take_off(line.charge)
        return rest

    @property
    def count(self) -> int:
        """How many charges there are, in all currencies."""
        return sum(sums.count for sums in self.totals.values())


@dataclass(slots=True)
class Summary(Charged):
    """What a customer owes and why over these days. `assigned` may be a first part of `assigned_count`."""

    # What is to pay, and how it comes about.
    account: Account = field(init=False)
    changed: WhatChanged | None = None
    assigned: list[Assigned] = field(default_factory=list)
    assigned_count: int = 0
    # What moved the balance in the span.
    statement: Statement = field(init=False)
    blocks: tuple[str, ...] = BLOCKS

    @property
    def entries(self) -> list[Entry]:
        """What moved the balance, as far as it is here: calls are one row a week."""
        return by_week(self.statement.lines)

    @property
    def is_whole(self) -> bool:
        """Whether all of it is here."""
        return (
            len(self.lines) == self.count
            and len(self.assigned) == self.assigned_count
            and not self.statement.rest_count
        )


def for_paper(customer: Customer, begins: date, through: date, today: date) -> Summary:
    """All of it. Raises RuleBroken where that is more than one file holds."""
    lines = _size(customer, begins, through)
    if lines > PAPER_MOST:
        raise RuleBroken(
            f"This summary of {customer.name} would have {whole(lines)} lines; one PDF can have {whole(PAPER_MOST)} "
            "at most. Choose a shorter span of days, and make several summaries."
        )
    return summary(customer, begins, through, today)


def _size(customer: Customer, begins: date, through: date) -> int:
    """How many lines a whole summary has: charges, assignments and balance entries."""
    charges = count(_charges(customer, begins, through))
    return (
        charges
        + count(_assigned(customer, begins, through))
        + count(entries_of(customer.id, begins, through))
    )


def summary(customer: Customer, begins: date, through: date, today: date, most: int | None = None) -> Summary:
    """Everything charged to a customer with a date in the span, and what was assigned in it.

    With `most`, the first so many charges, assignments and balance entries: for a page, never for paper.
    """
    found = Summary(customer, begins, through)
    _take_in(found, today, most)
    opening = balance_of(customer.id, begins)
    balance = opening + moved_since(customer.id, begins)
    found.statement = statement(customer.id, begins, through, most, balance, opening)
    closing = found.statement.closing
    found.account = account(customer, begins, through, today, found.alike, balance, closing)
    found.changed = what_changed(customer, begins, through, today)
    assigned, number = _assigned(customer, begins, through), None
    if most is not None:
        first, number = remembered(
            customer.id, today, f"{most} from {begins} to {through}", lambda: _first_of(assigned, most)
        )
        remember(customer.id, number)
        assigned = select(Assignment).where(among(Assignment.id, first))
    found.assigned = as_of(assigned, customer, through)
    found.assigned_count = len(found.assigned) if number is None else number
    return found


def in_sums(customer: Customer, begins: date, through: date, today: date) -> Summary:
    """What was charged, what is to pay and what changed, of days that are over; none of the lines it is made of."""
    found = Summary(customer, begins, through)
    found.alike = charged_in(customer.id, begins, through)
    then = balance_of(customer.id, through + ONE_DAY)
    balance = then + moved_since(customer.id, through + ONE_DAY)
    found.account = account(customer, begins, through, today, found.alike, balance, then)
    found.changed = what_changed(customer, begins, through, today)
    return found


def charged(customer: Customer, begins: date, through: date, today: date, most: int | None = None) -> Charged:
    """The charges alone; with `most`, the first so many."""
    found = Charged(customer, begins, through)
    _take_in(found, today, most)
    return found


def _take_in(found: Charged, today: date, most: int | None) -> None:
    query = _charges(found.customer, found.begins, found.through)
    charges = list(db.session.scalars(query.order_by(Charge.charge_on, Charge.id).limit(most)))
    charges.sort(key=lambda c: (c.charge_on, c.assignment_id or 0, ORDER[c.kind], c.period_from, c.id))
    for some in in_chunks(charges, AT_ONCE):
        found.lines += explained(some)
        found.standings |= standings(some, today)
    rows = found.alike = charged_in(found.customer.id, found.begins, found.through)
    found.totals = _totals(rows) or {found.customer.currency: Totals()}
    taxes = _taxes(rows)
    found.taxes = {currency: taxes.get(currency, []) for currency in found.totals}


def _charges(customer: Customer, begins: date, through: date) -> Select[Charge]:
    return (
        select(Charge)
        .where(Charge.customer_id == customer.id, Charge.charge_on.between(begins, through))
        # A line with cost and no amount is for staff only.
        .where(or_(Charge.amount != 0, Charge.tax != 0))
    )


def _totals(rows: Iterable[Alike]) -> dict[str, Totals]:
    """What all the charges come to in each currency. Cost stays out of what customers see."""
    found: dict[str, Totals] = {}
    for row in rows:
        of = found.setdefault(row.currency, Totals())
        of.amount, of.tax, of.count = of.amount + row.amount, of.tax + row.tax, of.count + row.charges
    return dict(sorted(found.items()))


def _taxes(rows: Iterable[Alike]) -> dict[str, list[TaxedAt]]:
    """Amounts and taxes at each rate, the highest first, in each currency. Opening items were taxed elsewhere."""
    found: dict[tuple[str, Decimal], TaxedAt] = {}
    for row in rows:
        if not row.is_outside:
            at = found.get((row.currency, row.tax_rate), TaxedAt(row.tax_rate, ZERO, ZERO))
            at = TaxedAt(row.tax_rate, at.amount + row.amount, at.tax + row.tax)
            found[row.currency, row.tax_rate] = at
    by_currency: dict[str, list[TaxedAt]] = {}
    for (currency, _), at in sorted(found.items(), reverse=True):
        by_currency.setdefault(currency, []).append(at)
    return by_currency


def _assigned(customer: Customer, begins: date, through: date) -> Select[Assignment]:
    """What was assigned on any day of the span."""
    return (
        select(Assignment)
        .where(Assignment.customer_id == customer.id, Assignment.start_date <= through)
        .where(Assignment.withdrawn_on.is_(None))
        .where(or_(Assignment.end_date.is_(None), Assignment.end_date >= begins))
    )


def _first_of(query: Select[Assignment], most: int) -> tuple[list[int], int]:
    """The first so many, which are seen off an index alone, and how many there are."""
    ids = query.with_only_columns(Assignment.id).order_by(Assignment.start_date, Assignment.id)
    return list(db.session.scalars(ids.limit(most))), count(query)
