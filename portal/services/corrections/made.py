"""Corrections that were made: what was posted, for whom."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from sqlalchemy import func, select

from portal.extensions import db
from portal.models import (
    Assignment,
    AssignmentPosition,
    Charge,
    CorrectedAssignment,
    Correction,
    Customer,
    Package,
)
from portal.services.chunks import in_chunks
from portal.services.corrections.planning import ZERO, Sums


@dataclass(frozen=True, slots=True)
class Posted:
    """What a correction posted for a customer."""

    customer: Customer
    amount: Decimal
    tax: Decimal
    cost: Decimal
    lines: int

    @property
    def total(self) -> Decimal:
        """Amount and tax."""
        return self.amount + self.tax


def by_customer(correction: Correction) -> Sequence[Posted]:
    """What it posted for each customer, by name."""
    query = (
        select(
            Customer,
            func.sum(Charge.amount),
            func.sum(Charge.tax),
            func.sum(Charge.cost),
            func.count(Charge.id),
        )
        .join(Charge, Charge.customer_id == Customer.id)
        .where(Charge.correction_id == correction.id)
        .group_by(Customer.id)
        .order_by(Customer.search_key, Customer.id)
    )
    found = [Posted(*row) for row in db.session.execute(query)]
    if not correction.call_tax or correction.customer is None:
        return found
    # Of one customer: the tax on calls has gone into the balance by itself.
    (charges,) = found or [Posted(correction.customer, ZERO, ZERO, ZERO, 0)]
    return [replace(charges, tax=charges.tax + correction.call_tax)]


def totals(theirs: Sequence[Posted]) -> list[Sums]:
    """In all, for each currency."""
    found: dict[str, Sums] = {}
    for one in theirs:
        sums = found.setdefault(one.customer.currency, Sums(one.customer.currency))
        sums.should += one.amount
        sums.tax += one.tax
        sums.cost += one.cost
        sums.lines += one.lines
    return [found[currency] for currency in sorted(found)]


@dataclass(frozen=True, slots=True)
class Held:
    """A package that customers have or had, in one currency, and their assignments of it."""

    package: Package
    currency: str
    assignment_ids: list[int]
    customers: int


def held_by(customer_ids: Sequence[int]) -> list[Held]:
    """What these customers have been charged for, by the package's name: each package in each currency."""
    found: dict[tuple[int, str], list[tuple[int, int]]] = {}
    for some in in_chunks(customer_ids):
        query = (
            select(Assignment.package_id, Customer.currency, Assignment.id, Assignment.customer_id)
            .join(Customer, Customer.id == Assignment.customer_id)
            .join(AssignmentPosition, AssignmentPosition.assignment_id == Assignment.id)
            .where(Assignment.customer_id.in_(some), AssignmentPosition.charged_until.is_not(None))
            .order_by(Assignment.id)
        )
        for package_id, currency, id, customer_id in db.session.execute(query):
            found.setdefault((package_id, currency), []).append((id, customer_id))
    packages = select(Package).where(Package.id.in_({id for id, _ in found}))
    by_id = {package.id: package for package in db.session.scalars(packages)}
    held = [
        Held(by_id[id], currency, [one for one, _ in rows], len({customer for _, customer in rows}))
        for (id, currency), rows in found.items()
    ]
    return sorted(held, key=lambda one: (one.package.search_key, one.package.id, one.currency))


def assignment_count(correction: Correction) -> int:
    """For how many chosen assignments it was made; 0 for a package's."""
    query = select(func.count()).where(CorrectedAssignment.correction_id == correction.id)
    return db.session.scalar(query) or 0
