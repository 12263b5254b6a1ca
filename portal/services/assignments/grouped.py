"""What a customer has, package by package: assignments of the same package are one row, which unfolds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import select

from portal.extensions import db
from portal.models import Assignment, Customer, Package
from portal.services.assignments.lists import (
    Listed,
    State,
    by_package,
    for_rows,
    how_charged,
    is_open,
    listed,
)


@dataclass(frozen=True, slots=True)
class Grouped:
    """A package with `count` assignments, of which `rows` are the newest: of very many a few are read.

    `charged` says how often, and on which days where these are the same. `numbers`: each of them is for a number.
    `next_on`, `next_amount` and `quantity` are of the rows. What comes next is that of those that are not held.
    """

    package: Package
    count: int
    rows: Sequence[Listed]
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


def grouped(customer: Customer, day: date, most: int) -> list[Grouped]:
    """The packages of a customer, the latest assigned first, each with its latest: `most` in all, unless there are more
    packages."""
    counted, latest = {}, []
    for id, count, last in by_package(customer, day):
        counted[id] = count
        latest.append(last)
    which, assigned = set(latest), sum(counted.values())
    if assigned > len(latest):
        more = most if assigned <= most else max(most - len(latest), 0)
        mine = select(Assignment.id).where(Assignment.customer_id == customer.id, is_open(day))
        which |= set(db.session.scalars(mine.order_by(Assignment.id.desc()).limit(more)))
    query = select(Assignment).where(Assignment.id.in_(which)).order_by(Assignment.id.desc())
    of_package: dict[int, list[Listed]] = {id: [] for id in counted}
    for row in listed(list(db.session.scalars(query.options(*for_rows()))), day):
        of_package[row.assignment.package_id].append(row)
    return [_grouped(rows, counted[id], customer.currency, day) for id, rows in of_package.items()]


def _grouped(rows: list[Listed], count: int, currency: str, day: date) -> Grouped:
    mine = [row.assignment for row in rows]
    package = mine[0].package
    charged = {how_charged(assignment, day) for assignment in mine}
    prices = {price.retail for assignment in mine if (price := assignment.prices_on(day))}
    if len(rows) < count and (usual := package.price_on(currency, day)):
        prices.add(usual.retail)
    coming = [row.next_charge for row in rows if row.next_charge and row.state is not State.HELD]
    first = min((charge.charge_on for charge in coming), default=None)
    on_first = [charge for charge in coming if charge.charge_on == first]
    return Grouped(
        package,
        count,
        rows,
        sum(assignment.quantity_on(day) for assignment in mine),
        charged.pop()
        if len(charged) == 1 and len(rows) == count
        else package.schedule_on(day).frequency.value,
        all(assignment.did for assignment in mine),
        sorted(prices),
        first,
        sum((charge.amount for charge in on_first), Decimal(0)),
        any(charge.provisional for charge in on_first),
    )
