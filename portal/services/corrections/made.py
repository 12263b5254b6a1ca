"""Corrections that were made: what was posted, for whom."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import aliased, joinedload

from portal.domain.due import Kind
from portal.domain.money import from_micros
from portal.domain.schedule import FIRST_DAY
from portal.domain.terms import History, OwnPrices, Prices
from portal.domain.wording import listed, price_in, whole
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
from portal.services.corrections.right_terms import dated
from portal.services.corrections.tax_rates import taxes_before
from portal.services.packages.definition import PRICE_LABELS


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


def by_customer(correction: Correction, *, that_stands: bool = False) -> Sequence[Posted]:
    """What it posted for each customer, by name; `that_stands`: without what was undone or reversed since."""
    query = (
        select(
            Customer,
            func.sum(Charge.amount),
            func.sum(Charge.tax),
            func.sum(Charge.cost),
            func.count(Charge.id),
        )
        .join(Charge, Charge.customer_id == Customer.id)
        .where(*_lines_of(correction))
        .group_by(Customer.id)
        .order_by(Customer.search_key, Customer.id)
    )
    if that_stands:
        query = query.where(~_is_taken_back())
    found = [Posted(*row) for row in db.session.execute(query)]
    if not correction.call_tax or correction.customer is None:
        return found
    # Of one customer: the tax on calls has gone into the balance by itself.
    (charges,) = found or [Posted(correction.customer, ZERO, ZERO, ZERO, 0)]
    return [replace(charges, tax=charges.tax + correction.call_tax)]


def _lines_of(correction: Correction) -> tuple[ColumnElement[bool], ...]:
    return Charge.correction_id == correction.id, Charge.kind != Kind.UNDO


def _is_taken_back() -> ColumnElement[bool]:
    """Whether a line was undone since, or reversed with the charge that it corrects."""
    back = aliased(Charge)
    return select(back.id).where(back.reverses_id.in_((Charge.id, Charge.corrects_id))).exists()


def taken_back(correction: Correction) -> int:
    """How many of its lines were undone or reversed since."""
    query = select(func.count(Charge.id)).where(*_lines_of(correction), _is_taken_back())
    return db.session.scalar(query) or 0


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


def of_package(package: Package) -> Sequence[Correction]:
    """The corrections of its prices, for all who have it, the latest first."""
    return _latest_first(Correction.package_id == package.id)


def of_customer(customer: Customer) -> Sequence[Correction]:
    """The corrections of their tax rate, the latest first."""
    return _latest_first(Correction.customer_id == customer.id)


def of_assignment(assignment: Assignment) -> Sequence[Correction]:
    """The corrections that it was chosen for, the latest first."""
    chosen = select(CorrectedAssignment.correction_id).where(
        CorrectedAssignment.assignment_id == assignment.id
    )
    return _latest_first(Correction.id.in_(chosen))


def _latest_first(which: ColumnElement[bool]) -> Sequence[Correction]:
    return db.session.scalars(select(Correction).where(which).order_by(Correction.id.desc())).all()


def assignment_count(correction: Correction) -> int:
    """For how many chosen assignments it was made; 0 for a package's."""
    query = select(func.count()).where(CorrectedAssignment.correction_id == correction.id)
    return db.session.scalar(query) or 0


# -- the terms as they stood before


@dataclass(frozen=True, slots=True)
class Before:
    """What a correction replaced, in words, and since when that held; None where it had always held."""

    words: str
    since: date | None


def terms_before(correction: Correction) -> list[Before]:
    """The prices of a package, or the rates of a customer, that held on the corrected day and later; else none."""
    if not correction.before:
        return []
    if correction.package_id:
        return [
            Before(_prices(four, correction.currency), day)
            for day, four in _replaced(dated(json.loads(correction.before), Prices), correction.since)
        ]
    return [
        Before(f"Tax Rate {tax.words}", day)
        for day, tax in _replaced(taxes_before(correction.before), correction.since)
    ]


def assignments_before(
    correction: Correction, most: int
) -> list[tuple[Assignment, list[Before], list[Before]]]:
    """The first of the assignments that a correction was made for, each with its quantities and own prices before."""
    query = (
        select(CorrectedAssignment)
        .where(CorrectedAssignment.correction_id == correction.id)
        .options(
            *(
                joinedload(CorrectedAssignment.assignment).joinedload(of)
                for of in (Assignment.customer, Assignment.package, Assignment.did)
            )
        )
        .order_by(CorrectedAssignment.assignment_id)
        .limit(most)
    )
    found = []
    for row in db.session.scalars(query):
        told, since = json.loads(row.before), correction.since
        quantities = _replaced(dated(told["quantities"], int), since)
        prices = _replaced(dated(told["prices"], OwnPrices), since)
        currency = row.assignment.customer.currency
        found.append(
            (
                row.assignment,
                [Before(whole(number), day) for day, number in quantities],
                [Before(_prices(four, currency), day) for day, four in prices],
            )
        )
    return found


def _replaced(history: History[Any], since: date) -> Iterator[tuple[date | None, Any]]:
    """What held on a day, and what came after it: each with its first day."""
    began = max((day for day, _ in history if day <= since), default=since)
    for day, value in history:
        if day >= began:
            yield None if day == FIRST_DAY else day, value


def _prices(four: Prices | OwnPrices, currency: str) -> str:
    """Those of four prices that there are; of own prices there may be none."""
    said = [
        f"{PRICE_LABELS[name]} {price_in(from_micros(price), currency)}"
        for name, price in zip(four._fields, four, strict=True)
        if price is not None
    ]
    return listed(said) if said else "the package's"
