"""The charge summary of a customer: what they owe and why over a span of days.

What is in here is fit for the customer's eyes: never cost, margin, or a private reason.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload, selectinload

from portal.domain.due import ORDER
from portal.extensions import db
from portal.models import Assignment, Charge, Customer, Package
from portal.services.assignments import lists as assignments
from portal.services.billing.charges import reversed_among
from portal.services.billing.explaining import Explained, explained
from portal.services.billing.planning import Totals, totals
from portal.services.credit.statement import Statement, statement

# More lines than this are for more than one summary.
CHARGES_MOST, ASSIGNMENTS_MOST = 5_000, 2_000


@dataclass(frozen=True, slots=True)
class Assigned:
    """What was assigned in the span, as it stood on its last day in it."""

    assignment: Assignment
    quantity: int
    charged: str
    retail: Decimal | None


@dataclass(frozen=True, slots=True)
class TaxedAt:
    """What was charged at one tax rate, and the tax on it."""

    rate: Decimal
    amount: Decimal
    tax: Decimal


@dataclass(slots=True)
class Summary:
    """What a customer was charged from `begins` to `through`, both included.

    `left_out` says that there was more than a summary holds: choose a shorter span.
    """

    customer: Customer
    begins: date
    through: date
    assigned: list[Assigned] = field(default_factory=list)
    lines: list[Explained] = field(default_factory=list)
    reversed_ids: set[int] = field(default_factory=set)
    totals: dict[str, Totals] = field(default_factory=dict)
    taxes: dict[str, list[TaxedAt]] = field(default_factory=dict)
    left_out: bool = False
    # What moved the balance in the span.
    statement: Statement = field(init=False)


def summary(customer: Customer, begins: date, through: date) -> Summary:
    """Everything charged to a customer with a date in the span, and what was assigned in it."""
    charges = _charges(customer, begins, through)
    found = Summary(customer, begins, through, left_out=len(charges) > CHARGES_MOST)
    charges = charges[:CHARGES_MOST]
    charges.sort(key=lambda c: (c.charge_on, c.assignment_id or 0, ORDER[c.kind], c.period_from, c.id))
    found.lines = explained(charges)
    found.reversed_ids = reversed_among([charge.id for charge in charges])
    found.totals = totals(charges) or {customer.currency: Totals()}
    found.taxes = {currency: _taxed(charges, currency) for currency in found.totals}
    found.assigned = _assigned(customer, begins, through)
    found.statement = statement(customer.id, begins, through)
    return found


def _charges(customer: Customer, begins: date, through: date) -> list[Charge]:
    query = (
        select(Charge)
        .where(Charge.customer_id == customer.id, Charge.charge_on.between(begins, through))
        # A line with cost and no amount is for staff only.
        .where(or_(Charge.amount != 0, Charge.tax != 0))
        .order_by(Charge.charge_on, Charge.id)
        .limit(CHARGES_MOST + 1)
    )
    return list(db.session.scalars(query))


def _taxed(charges: Sequence[Charge], currency: str) -> list[TaxedAt]:
    """Amounts and taxes at each rate, the highest first."""
    sums: dict[Decimal, list[Decimal]] = {}
    for charge in charges:
        if charge.currency == currency:
            at_rate = sums.setdefault(charge.tax_rate, [Decimal(0), Decimal(0)])
            at_rate[0] += charge.amount
            at_rate[1] += charge.tax
    return [TaxedAt(rate, amount, tax) for rate, (amount, tax) in sorted(sums.items(), reverse=True)]


def _assigned(customer: Customer, begins: date, through: date) -> list[Assigned]:
    """What was assigned on any day of the span."""
    query = (
        select(Assignment)
        .where(Assignment.customer_id == customer.id, Assignment.start_date <= through)
        .where(or_(Assignment.end_date.is_(None), Assignment.end_date >= begins))
        .options(
            joinedload(Assignment.package).options(
                selectinload(Package.schedules), selectinload(Package.prices)
            ),
            joinedload(Assignment.did),
            selectinload(Assignment.quantities),
        )
        .order_by(Assignment.start_date, Assignment.id)
        .limit(ASSIGNMENTS_MOST)
    )
    return [_as_of(assignment, through, customer.currency) for assignment in db.session.scalars(query)]


def _as_of(assignment: Assignment, through: date, currency: str) -> Assigned:
    day = min(through, assignment.end_date) if assignment.end_date else through
    price = assignment.package.price_on(currency, day)
    return Assigned(
        assignment,
        assignment.quantity_on(day),
        assignments.charged(assignment, day),
        price.retail if price else None,
    )
