"""What customers have today: how many assignments of each package in which quantity, and which have own prices.

Of one customer who has very many it is remembered, by every process for itself, until any of them changes: whatever is
done to an assignment counts its version up, also where its quantities or own prices change (assignment_locks.touch),
and an id is never used again. So their number, the sum of their versions and the last id are never twice the same.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from flask import current_app
from sqlalchemy import func, select

from portal import database
from portal.extensions import db
from portal.models import Assignment, AssignmentQuantity, Customer
from portal.services.chunks import in_chunks
from portal.services.packages.figures import MonthlyPrices, OwnHolding, in_force, own_held, with_quantity

# Whoever has so many is remembered, and so many of these.
VERY_MANY, MOST = 2_000, 100


class Holdings(NamedTuple):
    """How many assignments in force have which quantity, by customer, currency and package; those with own prices.

    `amounts` is what was worked out of them already, by customer, package and its prices.
    """

    units: Mapping[tuple[int, str, int], Mapping[int, int]]
    own: Sequence[OwnHolding]
    amounts: dict[tuple[int, int, MonthlyPrices], tuple[Decimal, Decimal]]

    @property
    def assignments(self) -> int:
        """How many there are."""
        return sum(sum(of.values()) for of in self.units.values())


class _Known(NamedTuple):
    """What a customer has while it is this `version`; None: it was not asked yet."""

    version: Any
    holdings: Holdings


def holdings(today: date, ids: Collection[int] | None = None) -> Holdings:
    """What some customers have today; without ids, all of them."""
    by = (Assignment.customer_id, Customer.currency, Assignment.package_id, AssignmentQuantity.quantity)
    query = select(*by, func.count()).join(Customer, Customer.id == Assignment.customer_id)
    query = with_quantity(query.where(in_force(today)).group_by(*by), today)
    parts = [None] if ids is None else in_chunks(sorted(ids))
    units: dict[tuple[int, str, int], dict[int, int]] = defaultdict(dict)
    own: list[OwnHolding] = []
    for some in parts:
        theirs = query if some is None else query.where(Assignment.customer_id.in_(some))
        for customer_id, currency, package_id, quantity, count in db.session.execute(theirs):
            units[customer_id, currency, package_id][quantity] = count
        which = in_force(today)
        own += own_held(which if some is None else which & Assignment.customer_id.in_(some), today)
    return Holdings(units, own, {})


def holdings_of(customer_id: int, today: date) -> Holdings:
    """What one customer has today."""
    known = _kept().get(customer_id)
    # Whoever writes may see what is never kept.
    if known is None or not database.is_reading():
        found = holdings(today, [customer_id])
        if known is None and found.assignments >= VERY_MANY:
            _keep(customer_id, _Known(None, found))
        return found
    columns = (func.count(), func.sum(Assignment.version), func.max(Assignment.id))
    now = db.session.execute(select(*columns).where(Assignment.customer_id == customer_id)).one()
    if known.version != (version := (today, *now)):
        known = _Known(version, holdings(today, [customer_id]))
        _keep(customer_id, known)
    return known.holdings


def _kept() -> dict[int, _Known]:
    found: dict[int, _Known] = current_app.extensions.setdefault("portal.holdings", {})
    return found


def _keep(customer_id: int, known: _Known) -> None:
    kept = _kept()
    if len(kept) >= MOST and customer_id not in kept:
        kept.clear()
    kept[customer_id] = known
