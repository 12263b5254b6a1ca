"""What is on DIDs: their packages, a month of them, and the DIDs that bring nothing (billing-rules 5)."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, select, union
from sqlalchemy.orm import aliased, selectinload

from portal.domain.schedule import Frequency
from portal.domain.wording import whole
from portal.extensions import db
from portal.models import (
    Assignment,
    AssignmentPrice,
    AssignmentQuantity,
    Customer,
    Did,
    Package,
    PackagePrice,
    PackageSchedule,
)
from portal.services.chunks import in_chunks
from portal.services.packages.figures import (
    in_force,
    monthly_prices,
    open_on,
    own_held,
    own_in_force,
    with_quantity,
)

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class OnDid:
    """The packages whose service runs on a DID, by name with how many units, since when, and what a month comes to."""

    packages: tuple[str, ...]
    since: date
    currency: str
    retail: Decimal
    cost: Decimal

    @property
    def margin(self) -> Decimal:
        """Retail less cost."""
        return self.retail - self.cost


def on_dids(ids: Collection[int], today: date) -> dict[int, OnDid]:
    """What is on each of these DIDs today; those with nothing on them are left out."""
    found: dict[int, OnDid] = {}
    for some in in_chunks(sorted(ids)):
        found |= _on(some, today)
    return found


def _on(ids: Collection[int], today: date) -> dict[int, OnDid]:
    which = Assignment.did_id.in_(ids) & in_force(today)
    query = select(
        Assignment.id,
        Assignment.did_id,
        Assignment.package_id,
        Customer.currency,
        AssignmentQuantity.quantity,
        Assignment.start_date,
    )
    query = query.join(Customer, Customer.id == Assignment.customer_id).where(which).order_by(Assignment.id)
    rows = db.session.execute(with_quantity(query, today)).all()
    if not rows:
        return {}
    theirs = select(Package).where(Package.id.in_({row.package_id for row in rows}))
    theirs = theirs.options(selectinload(Package.schedules), selectinload(Package.prices))
    packages = {package.id: package for package in db.session.scalars(theirs)}
    own = {one.assignment_id: one for one in own_held(which, today)}
    names: dict[int, list[str]] = defaultdict(list)
    sums: dict[int, tuple[Decimal, Decimal]] = {}
    currencies: dict[int, str] = {}
    since: dict[int, date] = {}
    for id, did_id, package_id, currency, quantity, start_date in rows:
        package = packages[package_id]
        names[did_id].append(package.name if quantity == 1 else f"{package.name} × {whole(quantity)}")
        prices = monthly_prices(package, currency, today)
        mine = [own[id]] if id in own else []
        retail, cost = prices.of({quantity: 1}, mine) if prices else (ZERO, ZERO)
        so_far = sums.get(did_id, (ZERO, ZERO))
        sums[did_id], currencies[did_id] = (so_far[0] + retail, so_far[1] + cost), currency
        since[did_id] = min(start_date, since.get(did_id, start_date))
    return {id: OnDid(tuple(sorted(names[id])), since[id], currencies[id], *sums[id]) for id in names}


def has_no_package(today: date) -> ColumnElement[bool]:
    """The DIDs that are with a customer and have no package: none that runs on a day, or begins later."""
    on_it = exists().where(Assignment.did_id == Did.id, open_on(today)).correlate(Did)
    return Did.customer_id.is_not(None) & ~on_it


def brings_nothing(today: date) -> ColumnElement[bool]:
    """The DIDs on which something costs and nothing brings, of what recurs, at the prices of a day.

    Those that may be are found by their prices: mostly few packages have a retail of nothing.
    """
    free = union(
        select(Assignment.id)
        .join(PackagePrice, PackagePrice.package_id == Assignment.package_id)
        .where(PackagePrice.retail == ZERO),
        select(AssignmentPrice.assignment_id).where(AssignmentPrice.retail == ZERO),
    )
    costs, cost, retail = _priced(today)
    costs = costs.where(Assignment.id.in_(free), retail == ZERO, cost > ZERO)
    brings, _, retail = _priced(today)
    return (
        Did.id.in_(costs) & ~brings.where(Assignment.did_id == Did.id, retail > ZERO).correlate(Did).exists()
    )


def _priced(today: date) -> tuple[Select[Any], Any, Any]:
    """The DIDs on which something recurs on a day, and the cost and retail in force of each thing on them."""
    mine, theirs, newer = aliased(AssignmentPrice), aliased(PackagePrice), aliased(PackagePrice)
    outdated = exists().where(
        newer.package_id == theirs.package_id,
        newer.currency == theirs.currency,
        newer.effective_from > theirs.effective_from,
        newer.effective_from <= today,
    )
    recurs = exists().where(
        PackageSchedule.package_id == Assignment.package_id, PackageSchedule.frequency != Frequency.NONE
    )
    query = (
        select(Assignment.did_id)
        .join(Customer, Customer.id == Assignment.customer_id)
        .join(theirs, (theirs.package_id == Assignment.package_id) & (theirs.currency == Customer.currency))
        .where(in_force(today), Assignment.did_id.is_not(None), recurs)
        .where(theirs.effective_from <= today, ~outdated)
    )
    in_place, not_replaced = own_in_force(mine, today)
    query = query.outerjoin(mine, (mine.assignment_id == Assignment.id) & in_place & not_replaced)
    return query, func.coalesce(mine.cost, theirs.cost), func.coalesce(mine.retail, theirs.retail)
