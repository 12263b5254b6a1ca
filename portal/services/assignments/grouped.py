"""What a customer has, package by package: assignments of the same package are one row, which unfolds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from portal.domain.money import from_micros
from portal.domain.schedule import Frequency
from portal.domain.terms import Terms, in_force
from portal.domain.wording import charged_on
from portal.extensions import db
from portal.models import Assignment, Customer, Package
from portal.services.assignments.lists import (
    Listed,
    State,
    by_package,
    how_charged,
    is_open,
    listed,
)
from portal.services.billing.loading import shared, terms_of


@dataclass(frozen=True, slots=True)
class Row:
    """An assignment as its customer reads it: `retail` and `setup` each, None where it has no price."""

    listed: Listed
    quantity: int
    retail: Decimal | None
    setup: Decimal | None
    charged: str


@dataclass(frozen=True, slots=True)
class Grouped:
    """A package with `count` assignments, of which `rows` are the newest: of very many a few are read.

    `charged` says how often, and on which days where these are the same. `numbers`: each of them is for a number.
    `next_on`, `next_amount` and `quantity` are of the rows. What comes next is that of those that are not held.
    """

    package: Package
    count: int
    rows: Sequence[Row]
    quantity: int
    charged: str
    numbers: bool
    prices: Sequence[Decimal]
    next_on: date | None
    next_amount: Decimal
    provisional: bool

    @property
    def is_whole(self) -> bool:
        """Whether all of them are here."""
        return len(self.rows) == self.count


def grouped(customer: Customer, day: date, most: int, others: Sequence[int] = ()) -> list[Grouped]:
    """The packages of a customer, the latest assigned first, each with its latest: `most` in all, unless there are more
    packages. The terms of `others` are read with theirs, for who asks for these on the same page.
    """
    counted, latest = {}, []
    for id, count, last in by_package(customer, day):
        counted[id] = count
        latest.append(last)
    which, assigned = set(latest), sum(counted.values())
    if assigned > len(latest):
        more = most if assigned <= most else max(most - len(latest), 0)
        mine = select(Assignment.id).where(Assignment.customer_id == customer.id, is_open(day))
        which |= set(db.session.scalars(mine.order_by(Assignment.id.desc()).limit(more)))
    # Without prices and quantities: these are in their terms.
    parts = (Assignment.package, Assignment.did, Assignment.position)
    query = select(Assignment).where(Assignment.id.in_(which)).options(*map(joinedload, parts))
    terms = terms_of(sorted(which.union(others)))
    of_package: dict[int, list[Row]] = {id: [] for id in counted}
    for one in listed(list(db.session.scalars(query.order_by(Assignment.id.desc()))), day):
        assignment = one.assignment
        of_package[assignment.package_id].append(_row(one, terms.get(assignment.id), day))
    return [_grouped(rows, counted[id], customer.currency, day) for id, rows in of_package.items()]


def _row(one: Listed, terms: Terms | None, day: date) -> Row:
    assignment = one.assignment
    if terms is None:  # something that they are made of is lost
        price = assignment.prices_on(day)
        retail, setup = (price.retail, price.setup_retail) if price else (None, None)
        return Row(one, assignment.quantity_on(day), retail, setup, how_charged(assignment, day))
    prices, since = in_force(terms.prices, day), terms.start_date if len(terms.schedules) == 1 else None
    return Row(
        one,
        in_force(terms.quantities, day),
        from_micros(prices.retail),
        from_micros(prices.setup_retail),
        charged_on(in_force(terms.schedules, day), since, terms.minimum_spend),
    )


def _grouped(rows: list[Row], count: int, currency: str, day: date) -> Grouped:
    package = rows[0].listed.assignment.package
    of, charged = shared({package.id}, set()), {row.charged for row in rows}
    prices = {row.retail for row in rows if row.retail is not None}
    if len(rows) < count and (usual := of.prices.get((package.id, currency))):
        prices.add(from_micros(in_force(usual, day).retail))
    schedules = of.schedules.get(package.id)
    frequency = in_force(schedules, day).frequency if schedules else Frequency.NONE
    coming = [
        one.next_charge for row in rows if (one := row.listed).next_charge and one.state is not State.HELD
    ]
    first = min((charge.charge_on for charge in coming), default=None)
    on_first = [charge for charge in coming if charge.charge_on == first]
    return Grouped(
        package,
        count,
        rows,
        sum(row.quantity for row in rows),
        charged.pop() if len(charged) == 1 and len(rows) == count else frequency.value,
        all(row.listed.assignment.did for row in rows),
        sorted(prices),
        first,
        sum((charge.amount for charge in on_first), Decimal(0)),
        any(charge.provisional for charge in on_first),
    )
