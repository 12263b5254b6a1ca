"""What customers have today: how many assignments of each package in which quantity, and which have own prices.

Of a customer who has very many it is remembered, by every process for itself, until any of them changes: whatever is
done to an assignment counts its version up, also where its quantities or own prices change (assignment_locks.touch),
and an id is never used again. So their number, the sum of their versions and the last id are never twice the same.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

from flask import current_app
from sqlalchemy import func, select

from portal import database
from portal.extensions import db
from portal.models import Assignment, AssignmentQuantity, Customer
from portal.services.chunks import in_chunks
from portal.services.packages.figures import MonthlyPrices, OwnHolding, in_force, own_held, with_quantity

# Whoever has so many is remembered, and so many of these.
VERY_MANY, MOST = 2_000, 100
Found = TypeVar("Found")


class Holdings(NamedTuple):
    """How many assignments in force have which quantity, by customer, currency and package; those with own prices.

    `amounts` is what was worked out of them already, by customer, package and its prices.
    """

    units: Mapping[tuple[int, str, int], Mapping[int, int]]
    own: Sequence[OwnHolding]
    amounts: dict[tuple[int, int, MonthlyPrices], tuple[Decimal, Decimal]]

    def of(self, customer_id: int) -> "Holdings":
        """Those of one customer."""
        units = {key: of for key, of in self.units.items() if key[0] == customer_id}
        return Holdings(units, [one for one in self.own if one.customer_id == customer_id], {})


class _Known(NamedTuple):
    """What a customer has while it is this `version`; None: it was not asked yet."""

    version: Any
    holdings: Holdings
    others: dict[str, Any]


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


def holdings_of(ids: Collection[int], today: date) -> list[Holdings]:
    """What some customers have today, in parts."""
    if not database.is_reading():  # whoever writes may see what is never kept
        return [holdings(today, ids)]
    kept, versions = _kept(), _versions([id for id in ids if id in _kept()], today)
    known = {id: kept[id].holdings for id, version in versions.items() if kept[id].version == version}
    if not (rest := set(ids) - known.keys()):
        return list(known.values())
    found = holdings(today, rest)
    counts: Counter[int] = Counter()
    for (id, *_), units in found.units.items():
        counts[id] += sum(units.values())
    for id in (id for id, count in counts.items() if count >= VERY_MANY or id in kept):
        if len(kept) >= MOST and id not in kept:
            kept.clear()
        # Its version was asked for before what it has, so that it is of no later moment.
        kept[id] = _Known(versions.get(id), found.of(id), {})
    return [*known.values(), found]


def remembered(customer_id: int, today: date, name: str, find: Callable[[], Found]) -> Found:
    """What else is found in the assignments of a customer as they are today, and in nothing but these: of who is
    remembered it is so under its name, as long as what they have."""
    known = _kept().get(customer_id) if database.is_reading() else None
    if known is None or known.version != _versions([customer_id], today).get(customer_id):
        return find()
    if name not in known.others:
        known.others[name] = find()
    found: Found = known.others[name]
    return found


def _versions(ids: Collection[int], today: date) -> dict[int, Any]:
    """What is never twice the same of these customers, whatever is done to their assignments."""
    asked = _asked()
    if new := [id for id in ids if (id, today) not in asked]:
        columns = (func.count(), func.sum(Assignment.version), func.max(Assignment.id))
        query = select(Assignment.customer_id, *columns).where(Assignment.customer_id.in_(new))
        for id, *version in db.session.execute(query.group_by(Assignment.customer_id)):
            asked[id, today] = (today, *version)
    return {id: asked[id, today] for id in ids if (id, today) in asked}


def _asked() -> dict[tuple[int, date], Any]:
    """The versions that were asked in this transaction already."""
    session = db.session()
    asked: dict[tuple[int, date], Any]
    of, asked = session.info.get("versions of holdings", (None, {}))
    if of is None or of is not session.get_transaction():
        asked = {}
        session.info["versions of holdings"] = session.get_transaction(), asked
    return asked


def _kept() -> dict[int, _Known]:
    found: dict[int, _Known] = current_app.extensions.setdefault("portal.holdings", {})
    return found
