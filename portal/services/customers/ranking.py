"""What stands beside customers in a list, and customers in the order of it: money within its currency."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Select, func, select, type_coerce
from sqlalchemy.orm import selectinload

from portal.domain.money import from_micros
from portal.extensions import db
from portal.models import (
    Assignment,
    AssignmentQuantity,
    Customer,
    OpenItem,
    Package,
    Payment,
    PaymentState,
)
from portal.services.chunks import in_chunks
from portal.services.credit import balances
from portal.services.customers.figures import Recurring
from portal.services.listing import PAGE_SIZE, Page
from portal.services.packages.figures import (
    MonthlyPrices,
    OwnHolding,
    in_force,
    monthly_prices,
    own_held,
    with_quantity,
)

ZERO = Decimal(0)
NOTHING = Recurring()
# What a list can be sorted by besides what is the customer's own.
FIGURES = ("recurring", "margin", "balance", "to_pay", "paid")
SORTS = tuple(sign + name for name in FIGURES for sign in ("-", ""))


@dataclass(frozen=True, slots=True)
class Figures:
    """What stands beside a customer: a month of what recurs, the balance, what is to pay, the last payment's day."""

    recurring: Recurring = NOTHING
    balance: Decimal = ZERO
    to_pay: Decimal = ZERO
    paid: date | None = None

    @property
    def margin(self) -> Decimal:
        """Retail less cost of what recurs."""
        return self.recurring.margin


def figures_of(customer_ids: Collection[int], today: date) -> dict[int, Figures]:
    """The figures of some customers, as they are now."""
    ids = sorted(customer_ids)
    recurs, stands, left, paid = recurring(today, ids), balances(ids), _left(ids), _paid(ids)
    return {
        id: Figures(
            recurs.get(id, NOTHING),
            stands.get(id, ZERO),
            left.get(id, ZERO) + max(-stands.get(id, ZERO), ZERO),
            paid.get(id),
        )
        for id in ids
    }


def values(name: str, today: date) -> Mapping[int, Any]:
    """What all customers are sorted by, by id: one of FIGURES. Who has nothing of it is left out."""
    if name in ("recurring", "margin"):
        found = recurring(today)
        return {id: row.retail if name == "recurring" else row.margin for id, row in found.items()}
    if name == "paid":
        return _paid()
    if name == "balance":
        return balances()
    left = _left()
    below = {id: -balance for id, balance in balances(below_zero=True).items()}
    return {id: left.get(id, ZERO) + below.get(id, ZERO) for id in {*left, *below}}


def order(sort: str, today: date) -> dict[int, int]:
    """The place of every customer when sorted by one of SORTS, by id: the currencies one after the other.

    A day has no currency; who never paid stands last, whichever way.
    """
    rows = db.session.execute(
        select(Customer.id, Customer.currency).order_by(Customer.search_key, Customer.id)
    )
    found: list[Any] = [tuple(row) for row in rows]
    by, downwards = values(sort.lstrip("-"), today), sort.startswith("-")
    if sort.endswith("paid"):
        found.sort(key=lambda row: by.get(row[0], date.min if downwards else date.max), reverse=downwards)
    else:
        found.sort(key=lambda row: by.get(row[0], ZERO), reverse=downwards)
        found.sort(key=lambda row: row[1])
    return {row[0]: place for place, row in enumerate(found)}


def ranked(
    query: Select[Customer],
    places: Mapping[int, int],
    after: int | None = None,
    before: int | None = None,
    size: int = PAGE_SIZE,
) -> Page[Customer]:
    """A page of the customers that a query finds, in their `order`; who is new since that was found, last.

    `after` and `before` name a customer, as in portal.services.listing.
    """
    found = db.session.execute(query.with_only_columns(Customer.id).order_by(None))
    last = len(places)
    ids = sorted((row[0] for row in found), key=lambda id: (places.get(id, last), id))
    begins = _begins(ids, after, before, size)
    some = ids[begins : begins + size]
    rows = {customer.id: customer for customer in db.session.scalars(query.where(Customer.id.in_(some)))}
    shown = [rows[id] for id in some if id in rows]
    follows = begins + size < len(ids)
    return Page(shown, len(ids), some[-1] if follows else None, some[0] if begins and some else None)


def _begins(ids: list[int], after: int | None, before: int | None, size: int) -> int:
    if before in ids:
        return max(ids.index(before) - size, 0)
    return ids.index(after) + 1 if after in ids else 0


# -- the figures themselves: of some customers, or of all


def recurring(today: date, ids: Collection[int] | None = None) -> dict[int, Recurring]:
    """What the packages of customers come to in a month, at the terms of today; who has none is left out."""
    query = (
        select(
            Assignment.customer_id,
            Customer.currency,
            Assignment.package_id,
            func.sum(AssignmentQuantity.quantity),
        )
        .join(Customer, Customer.id == Assignment.customer_id)
        .where(in_force(today))
        .group_by(Assignment.customer_id, Customer.currency, Assignment.package_id)
    )
    held = _of(with_quantity(query, today), Assignment.customer_id, ids)
    found = select(Package).where(Package.id.in_({row[2] for row in held}))
    found = found.options(selectinload(Package.schedules), selectinload(Package.prices))
    packages = {package.id: package for package in db.session.scalars(found)}
    own: dict[tuple[int, int], list[OwnHolding]] = defaultdict(list)
    for one in _own(today, ids):
        own[one.customer_id, one.package_id].append(one)
    prices: dict[tuple[int, str], MonthlyPrices | None] = {}
    sums: dict[int, list[Decimal]] = defaultdict(lambda: [ZERO, ZERO])
    for customer_id, currency, package_id, quantity in held:
        key = package_id, currency
        if key not in prices:
            prices[key] = monthly_prices(packages[package_id], currency, today)
        if priced := prices[key]:
            for place, amount in enumerate(priced.of(int(quantity), own.get((customer_id, package_id), ()))):
                sums[customer_id][place] += amount
    return {id: Recurring(*sums) for id, sums in sums.items()}


def _own(today: date, ids: Collection[int] | None) -> list[OwnHolding]:
    """The assignments in force that have own prices; without ids, of all customers."""
    if ids is None:
        return own_held(in_force(today), today)
    return [
        one
        for some in in_chunks(sorted(ids))
        for one in own_held(in_force(today) & Assignment.customer_id.in_(some), today)
    ]


def _left(ids: Collection[int] | None = None) -> dict[int, Decimal]:
    amount = func.sum(type_coerce(OpenItem.amount, BigInteger))
    query = select(OpenItem.customer_id, amount).where(OpenItem.amount > 0).group_by(OpenItem.customer_id)
    return {id: from_micros(int(sum)) for id, sum in _of(query, OpenItem.customer_id, ids)}


def _paid(ids: Collection[int] | None = None) -> dict[int, date]:
    query = select(Payment.customer_id, func.max(Payment.paid_on)).group_by(Payment.customer_id)
    query = query.where(Payment.state == PaymentState.COMPLETED)
    return dict(_of(query, Payment.customer_id, ids))


def _of(query: Any, whose: Any, ids: Collection[int] | None) -> list[Any]:
    """What a query finds of some customers; of all of them without ids."""
    if ids is None:
        return list(db.session.execute(query))
    return [
        row for some in in_chunks(sorted(ids)) for row in db.session.execute(query.where(whose.in_(some)))
    ]
