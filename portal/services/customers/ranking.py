"""What stands beside customers in a list, and customers in the order of it: money within its currency."""

from array import array
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Select, func, select

from portal.extensions import db
from portal.models import (
    Assignment,
    AssignmentPosition,
    Customer,
    Payment,
    PaymentState,
)
from portal.services.billing.positions import between
from portal.services.chunks import in_chunks
from portal.services.credit import balances
from portal.services.credit.items import left_to_pay
from portal.services.customers.figures import Recurring
from portal.services.listing import COUNTED, PAGE_SIZE, Page, count
from portal.services.packages.figures import all_monthly_prices
from portal.services.packages.holdings import Holdings, has_many, holdings, holdings_of

# As many customers are looked at together, until a page of them is found.
LOOKED_AT = 500
# Of so many assignments that are due first it is seen whose they are.
FIRST = 200
ZERO = Decimal(0)
NOTHING = Recurring()
# What a list can be sorted by besides what is the customer's own.
FIGURES = ("recurring", "margin", "balance", "to_pay", "paid")
SORTS = tuple(sign + name for name in FIGURES for sign in ("-", ""))


@dataclass(frozen=True, slots=True)
class Figures:
    """What stands beside a customer: a month of what recurs, the balance, what is to pay, the last payment's day.

    `next_on` is the next day on which anything is charged that is not held.
    """

    recurring: Recurring = NOTHING
    balance: Decimal = ZERO
    to_pay: Decimal = ZERO
    paid: date | None = None
    next_on: date | None = None

    @property
    def margin(self) -> Decimal:
        """Retail less cost of what recurs."""
        return self.recurring.margin


def figures_of(customer_ids: Collection[int], today: date) -> dict[int, Figures]:
    """The figures of some customers, as they are now."""
    ids = sorted(customer_ids)
    recurs, stands, left, paid = recurring(today, ids), balances(ids), left_to_pay(ids), _paid(ids)
    next_on = _next_days(ids)
    return {
        id: Figures(
            recurs.get(id, NOTHING),
            stands.get(id, ZERO),
            left.get(id, ZERO) + max(-stands.get(id, ZERO), ZERO),
            paid.get(id),
            next_on.get(id),
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
    left = left_to_pay()
    below = {id: -balance for id, balance in balances(below_zero=True).items()}
    return {id: left.get(id, ZERO) + below.get(id, ZERO) for id in {*left, *below}}


class Order(NamedTuple):
    """Customers in an order: their ids one after the other, and by id the place of each (-1: nobody's)."""

    ids: "array[int]"
    places: "array[int]"

    def has(self, id: int) -> bool:
        """Whether a customer has a place."""
        return id < len(self.places) and self.places[id] >= 0


def order(sort: str, today: date, currency: str = "") -> Order:
    """The customers of a currency, or all of them, sorted by one of SORTS: the currencies one after the other.

    A day has no currency; who never paid stands last, whichever way.
    """
    query = select(Customer.id, Customer.currency).order_by(Customer.search_key, Customer.id)
    if currency:
        query = query.where(Customer.currency == currency)
    found: list[Any] = [tuple(row) for row in db.session.execute(query)]
    by, downwards = values(sort.lstrip("-"), today), sort.startswith("-")
    if sort.endswith("paid"):
        found.sort(key=lambda row: by.get(row[0], date.min if downwards else date.max), reverse=downwards)
    else:
        found.sort(key=lambda row: by.get(row[0], ZERO), reverse=downwards)
        found.sort(key=lambda row: row[1])
    ids = array("q", [row[0] for row in found])
    places = array("q", [-1]) * (max(ids, default=0) + 1)
    for place, id in enumerate(ids):
        places[id] = place
    return Order(ids, places)


def ranked(
    query: Select[Customer],
    order: Order,
    after: int | None = None,
    before: int | None = None,
    size: int = PAGE_SIZE,
    total: int | None = None,
) -> Page[Customer]:
    """A page of the customers that a query finds, in their `order`; who is new since that was found, last. `total` is
    how many there are, where that is known.

    `after` and `before` name a customer, as in portal.services.listing. Few are sorted; of very many those beside the
    place are looked at, a chunk at a time, until the page is full.
    """
    new = select(Customer.id).where(Customer.id >= len(order.places)).order_by(Customer.id)
    ids = order.ids + array("q", db.session.scalars(new))
    places = {id: place for place, id in enumerate(ids[len(order.ids) :], len(order.ids))}

    def place_of(id: int) -> int:
        return order.places[id] if id < len(order.places) else places.get(id, -1)

    if total is None:
        total = count(query)
    if total <= COUNTED:
        ids = array("q", sorted(_found(query), key=lambda id: (place_of(id) < 0, place_of(id), id)))
        is_found: Callable[[Sequence[int]], Collection[int]] = set
        starts = [place for place, id in enumerate(ids) if id == (before or after)]
    else:
        is_found = partial(_found, query)
        starts = [place_of(id) for id in (before or after,) if id and place_of(id) >= 0]
    backwards = bool(before and starts)
    ahead = reversed(ids[: starts[0]]) if backwards else iter(ids[starts[0] + 1 :] if starts else ids)
    some = list(islice(_those(ahead, is_found), size + 1))
    more, some = len(some) > size, some[:size]
    if backwards:
        some.reverse()
    rows = {customer.id: customer for customer in db.session.scalars(query.where(Customer.id.in_(some)))}
    follows, precedes = (True, more) if backwards else (more, bool(starts))
    return Page(
        [rows[id] for id in some if id in rows],
        total,
        some[-1] if some and follows else None,
        some[0] if some and precedes else None,
    )


def every_ranked(query: Select[Customer], order: Order) -> Iterator[list[Customer]]:
    """All customers that a query finds in their `order`, a chunk at a time; who has no place in it, last."""
    ids = query.with_only_columns(Customer.id).order_by(None).order_by(Customer.id)
    found = db.session.scalars(ids.execution_options(yield_per=LOOKED_AT))
    rest = array("q", (id for id in found if not order.has(id)))
    for of in (order.ids, rest):
        for some in in_chunks(of, LOOKED_AT):
            rows = {one.id: one for one in db.session.scalars(query.where(Customer.id.in_(some)))}
            yield [rows[id] for id in some if id in rows]


def _found(query: Select[Customer], among: Sequence[int] | None = None) -> Collection[int]:
    """The ids that a query finds, among some."""
    ids = query.with_only_columns(Customer.id).order_by(None)
    return set(db.session.scalars(ids if among is None else ids.where(Customer.id.in_(among))))


def _those(ids: Iterator[int], are_found: Callable[[Sequence[int]], Collection[int]]) -> Iterator[int]:
    """Those ids, in their order, that are found: looked at a chunk at a time."""
    size = 2 * PAGE_SIZE
    while some := list(islice(ids, size)):
        found = are_found(some)
        yield from (id for id in some if id in found)
        size = LOOKED_AT


# -- the figures themselves: of some customers, or of all


def recurring(today: date, ids: Collection[int] | None = None) -> dict[int, Recurring]:
    """What the packages of customers come to in a month, at the terms of today; who has none is left out."""
    sums: dict[int, list[Decimal]] = defaultdict(lambda: [ZERO, ZERO])
    for customer_id, _, (retail, cost) in _each_package(
        today, [holdings(today)] if ids is None else holdings_of(ids, today)
    ):
        theirs = sums[customer_id]
        theirs[0] += retail
        theirs[1] += cost
    return {id: Recurring(*sums) for id, sums in sums.items()}


def by_package(today: date, customer_id: int) -> dict[int, Recurring]:
    """The same of one customer, for each package."""
    found = _each_package(today, holdings_of([customer_id], today))
    return {package_id: Recurring(*amounts) for _, package_id, amounts in found}


def _each_package(today: date, has: Sequence[Holdings]) -> Iterator[tuple[int, int, tuple[Decimal, Decimal]]]:
    """What each package of a customer comes to in a month: its retail and its cost."""
    wanted = {(package_id, currency) for part in has for _, currency, package_id in part.units}
    prices = all_monthly_prices(wanted, today)
    for part in has:
        for (customer_id, currency, package_id), units in part.units.items():
            if not (priced := prices[package_id, currency]):
                continue
            of = customer_id, package_id
            at, amounts = part.amounts.get(of, (None, (ZERO, ZERO)))
            if at != priced:
                amounts = priced.of(units, part.own.get(of, ()))
                part.amounts[of] = priced, amounts
            yield *of, amounts


def _paid(ids: Collection[int] | None = None) -> dict[int, date]:
    query = select(Payment.customer_id, func.max(Payment.paid_on)).group_by(Payment.customer_id)
    query = query.where(Payment.state == PaymentState.COMPLETED)
    return dict(_of(query, Payment.customer_id, ids))


def _next_days(ids: Collection[int]) -> dict[int, date]:
    """The first day of each on which something is charged that is not held."""
    found = _next_days_of_many([id for id in ids if has_many(id)])
    day = func.min(AssignmentPosition.next_charge_on)
    query = select(Assignment.customer_id, day).join(AssignmentPosition).group_by(Assignment.customer_id)
    rest = [id for id in ids if id not in found]
    for id in rest if len(rest) == 1 else ():
        query = query.where(*between(id))
    rows = _of(query.where(~AssignmentPosition.is_held), Assignment.customer_id, rest)
    return found | {id: on for id, on in rows if on}


def _next_days_of_many(ids: Collection[int]) -> dict[int, date]:
    """The same of customers who have very many assignments, as far as it is found without looking at each: of those
    that are due first of all, and on a day that is as early as the last of these.
    """
    if not ids:
        return {}
    on, is_next = AssignmentPosition.next_charge_on, ~AssignmentPosition.is_held
    first = select(Assignment.customer_id, on).join(AssignmentPosition).where(is_next, on.is_not(None))
    rows: list[Any] = list(db.session.execute(first.order_by(on).limit(FIRST)))
    found: dict[int, date] = {id: day for id, day in reversed(rows) if id in ids}
    if rows and (rest := [id for id in ids if id not in found]):
        day = rows[-1][1]
        # Asked as a value: of each customer it ends with the first that is found.
        any_ = select(on).join(Assignment).where(Assignment.customer_id == Customer.id, is_next, on == day)
        has = any_.limit(1).correlate(Customer).scalar_subquery().is_not(None)
        found |= dict.fromkeys(db.session.scalars(select(Customer.id).where(Customer.id.in_(rest), has)), day)
    return found


def _of(query: Any, whose: Any, ids: Collection[int] | None) -> list[Any]:
    """What a query finds of some customers; of all of them without ids."""
    if ids is None:
        return list(db.session.execute(query))
    return [
        row for some in in_chunks(sorted(ids)) for row in db.session.execute(query.where(whose.in_(some)))
    ]
