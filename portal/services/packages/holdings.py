"""What customers have today: how many assignments of each package in which quantity, and which have own prices.

Of a customer who has very many it is remembered, by every process for itself, until any of them changes: whatever is
done to an assignment counts its version up, also where its quantities or own prices change (assignment_locks.touch),
and an id is never used again. Whoever assigns something has locked the customer, so that ids come in their order. So
their number, the sum of their versions and the last id are never twice the same.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple, TypeVar

from flask import current_app
from sqlalchemy import Date, Select, bindparam, func, select
from sqlalchemy.orm import aliased

from portal import database
from portal.extensions import db
from portal.models import Assignment, AssignmentPrice, AssignmentQuantity, Customer
from portal.services.among import IDS, is_among
from portal.services.chunks import in_chunks
from portal.services.packages.figures import (
    MonthlyPrices,
    OwnHolding,
    in_force,
    own_of,
    own_query,
    with_quantity,
)

# Whoever has so many is remembered, and so many of these.
VERY_MANY, MOST = 200, 500
# So much else of each of them.
OTHERS = 20
Found = TypeVar("Found")
_one = aliased(Assignment)
# The last id by itself: it is at the end of an index.
_LAST = select(func.max(_one.id)).where(_one.customer_id == Assignment.customer_id).scalar_subquery()
_VERSIONS = (
    select(Assignment.customer_id, func.count(), func.sum(Assignment.version), _LAST)
    .where(is_among(Assignment.customer_id, IDS))
    .group_by(Assignment.customer_id)
)


class Holdings(NamedTuple):
    """How many assignments in force have which quantity, by customer, currency and package; those with own prices.

    `amounts` is what was worked out of them already, and at which prices of the package.
    """

    units: Mapping[tuple[int, str, int], Mapping[int, int]]
    own: Mapping[tuple[int, int], Sequence[OwnHolding]]
    amounts: dict[tuple[int, int], tuple[MonthlyPrices, tuple[Decimal, Decimal]]]

    def of(self, customer_id: int) -> "Holdings":
        """Those of one customer."""
        units = {key: of for key, of in self.units.items() if key[0] == customer_id}
        return Holdings(units, {key: of for key, of in self.own.items() if key[0] == customer_id}, {})


class _Known(NamedTuple):
    """What a customer has while it is this `version`; None: it was not asked yet."""

    version: Any
    holdings: Holdings | None
    others: dict[str, Any]


def holdings(today: date, ids: Collection[int] | None = None) -> Holdings:
    """What some customers have today; without ids, all of them."""
    parts = [None] if ids is None else in_chunks(sorted(ids))
    units: dict[tuple[int, str, int], dict[int, int]] = defaultdict(dict)
    own: dict[tuple[int, int], list[OwnHolding]] = defaultdict(list)
    for some in parts:
        asked = {"today": today} if some is None else {"today": today, "ids": some}
        has, has_own = _asking(some is not None)
        whose = set()
        for customer_id, currency, package_id, quantity, count, prices in db.session.execute(has, asked):
            units[customer_id, currency, package_id][quantity] = count
            if prices:
                whose.add(customer_id)
        for one in own_of(has_own, asked | {"ids": whose}) if whose else ():
            own[one.customer_id, one.package_id].append(one)
    return Holdings(units, own, {})


@cache
def _asking(for_some: bool) -> tuple[Select[*tuple[Any, ...]], Select[*tuple[Any, ...]]]:
    """How many assignments :ids have of which quantity :today, and which with own prices; for some or for all. Put
    together once: that takes longer than asking."""
    today = bindparam("today", type_=Date)
    which = in_force(today)
    if for_some:
        which &= is_among(Assignment.customer_id, IDS)
    by = (Assignment.customer_id, Customer.currency, Assignment.package_id, AssignmentQuantity.quantity)
    # Who has own prices is found by assignment: asked by customer, PostgreSQL reads all own prices that there are.
    of_it = select(func.max(AssignmentPrice.id)).where(AssignmentPrice.assignment_id == Assignment.id)
    prices = func.count(of_it.correlate(Assignment).scalar_subquery()) if for_some else func.count()
    query = select(*by, func.count(), prices).join(Customer, Customer.id == Assignment.customer_id)
    return with_quantity(query.where(which).group_by(*by), today), own_query(which, today)


def holdings_of(ids: Collection[int], today: date) -> list[Holdings]:
    """What some customers have today, in parts."""
    if not database.is_reading():  # whoever writes may see what is never kept
        return [holdings(today, ids)]
    kept = _kept()
    had = {id: one for id in ids if (one := kept.get(id))}  # another thread may forget them meanwhile
    versions = _versions(had, today)
    same = {id: had[id].holdings for id, version in versions.items() if had[id].version == version}
    known = {id: found for id, found in same.items() if found is not None}
    if not (rest := set(ids) - known.keys()):
        return list(known.values())
    found = holdings(today, rest)
    counts: Counter[int] = Counter()
    for (id, *_), units in found.units.items():
        counts[id] += sum(units.values())
    for id in (id for id, count in counts.items() if count >= VERY_MANY or id in kept):
        # Its version was asked for before what it has, so that it is of no later moment.
        _keep(id, _Known(versions.get(id), found.of(id), {}))
    return [*known.values(), found]


def remembered(customer_id: int, today: date, name: str, find: Callable[[], Found]) -> Found:
    """What else is found in the assignments of a customer as they are today, and in nothing but these: of who is
    remembered it is so under its name, as long as what they have."""
    known = _kept().get(customer_id) if database.is_reading() else None
    if known is None:
        return find()
    if known.version != (version := _versions([customer_id], today).get(customer_id)):
        known = _keep(customer_id, _Known(version, None, {}))
    had: Found | None = known.others.get(name)  # another thread may forget it meanwhile
    if had is not None:
        return had
    found = find()
    if len(known.others) >= OTHERS:
        known.others.clear()
    known.others[name] = found
    return found


def remember(customer_id: int, count: int) -> None:
    """From now on remember what is found of a customer who turned out to have so many."""
    if count >= VERY_MANY and database.is_reading() and customer_id not in _kept():
        _keep(customer_id, _Known(None, None, {}))


def _keep(id: int, known: _Known) -> _Known:
    kept = _kept()
    if len(kept) >= MOST and id not in kept:
        kept.clear()
    kept[id] = known
    return known


def has_many(id: int) -> bool:
    """Whether a customer is known to have very many assignments, for whoever finds the same with few in another way."""
    return id in _kept()


def known_count(id: int) -> int:
    """How many assignments a customer of whom that is remembered was last known to have; 0 of anybody else."""
    known = _kept().get(id)
    return known.version[1] if known and known.version else 0


def _versions(ids: Collection[int], today: date) -> dict[int, Any]:
    """What is never twice the same of these customers, whatever is done to their assignments."""
    asked = database.asked_once("versions of holdings")
    if new := [id for id in ids if (id, today) not in asked]:
        for id, *version in db.session.execute(_VERSIONS, {"ids": new}):
            asked[id, today] = (today, *version)
    return {id: asked[id, today] for id in ids if (id, today) in asked}


def _kept() -> dict[int, _Known]:
    found: dict[int, _Known] = current_app.extensions.setdefault("portal.holdings", {})
    return found
