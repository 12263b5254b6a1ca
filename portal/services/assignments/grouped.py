"""What a customer has, package by package: assignments of the same package are one row, which unfolds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from portal.models import Package
from portal.services.assignments.lists import Listed, State, how_charged


@dataclass(frozen=True, slots=True)
class Grouped:
    """A package with the assignments of it: `charged` says how often, and on which days where these are the same.

    `numbers`: each of them is for a number. What comes next is that of those that are not held.
    """

    package: Package
    rows: Sequence[Listed]
    quantity: int
    charged: str
    numbers: bool
    prices: Sequence[Decimal]
    next_on: date | None
    next_amount: Decimal
    provisional: bool


def grouped(rows: Sequence[Listed], day: date) -> list[Grouped]:
    """By package, in the order in which each comes first."""
    of_package: dict[int, list[Listed]] = {}
    for row in rows:
        of_package.setdefault(row.assignment.package_id, []).append(row)
    return [_grouped(some, day) for some in of_package.values()]


def _grouped(rows: list[Listed], day: date) -> Grouped:
    mine = [row.assignment for row in rows]
    charged = {how_charged(assignment, day) for assignment in mine}
    prices = {price.retail for assignment in mine if (price := assignment.prices_on(day))}
    coming = [row.next_charge for row in rows if row.next_charge and row.state is not State.HELD]
    first = min((charge.charge_on for charge in coming), default=None)
    on_first = [charge for charge in coming if charge.charge_on == first]
    return Grouped(
        mine[0].package,
        rows,
        sum(assignment.quantity_on(day) for assignment in mine),
        charged.pop() if len(charged) == 1 else mine[0].package.schedule_on(day).frequency.value,
        all(assignment.did for assignment in mine),
        sorted(prices),
        first,
        sum((charge.amount for charge in on_first), Decimal(0)),
        any(charge.provisional for charge in on_first),
    )
