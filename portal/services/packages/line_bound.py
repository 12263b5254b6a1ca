"""A line stays below 1,000,000,000, also when a price or a quantity changes (billing-rules 2)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from math import ceil

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import aliased

from portal.domain.errors import Invalid
from portal.domain.money import AMOUNT_BELOW, MICROS, QUANTITY_MAX, to_micros
from portal.domain.terms import History, OwnPrices, Prices, Value, always, in_force, with_own
from portal.domain.wording import whole
from portal.extensions import db
from portal.models import Assignment, AssignmentPrice, AssignmentQuantity, Customer, Package
from portal.services.packages.definition import PRICE_LABELS, PriceSet, own_set


def check_quantity(
    package: Package, currency: str, quantity: int, since: date, own: History[OwnPrices] = ()
) -> None:
    """Whether a quantity keeps every line below the bound, at the prices of `since` and those to come."""
    prices = with_own(package_prices(package, currency), own)
    # Without prices nothing is charged; whoever sets them holds them against the quantity.
    dearest = max((price for four in _from(prices, since) for price in four), default=0)
    if dearest * quantity >= AMOUNT_BELOW * MICROS:
        raise Invalid(
            "quantity", f"One charge would come to {whole(AMOUNT_BELOW)} or more. Choose a smaller quantity."
        )


def check_own(assignment: Assignment, prices: Mapping[str, Decimal | None], since: date) -> None:
    """Whether own prices, by their names, keep every line below the bound; for None the package's hold from `since`."""
    quantities = tuple((row.effective_from, row.quantity) for row in assignment.quantities)
    most = max(_from(quantities, since), default=0)
    theirs = _from(package_prices(assignment.package, assignment.customer.currency), since)
    for name, price in prices.items():
        of_package = max((getattr(four, name) for four in theirs), default=0)
        dearest = of_package if price is None else to_micros(price)
        if dearest * most >= AMOUNT_BELOW * MICROS:
            raise Invalid(
                name,
                f"It has {whole(most)} units: one charge would come to {whole(AMOUNT_BELOW)} or more.",
            )


def package_prices(package: Package, currency: str) -> History[Prices]:
    """The prices of a package in a currency, as the engine takes them."""
    return tuple(
        (row.effective_from, Prices(*(to_micros(getattr(row, name)) for name in PRICE_LABELS)))
        for row in package.prices
        if row.currency == currency
    )


def own_history(assignment: Assignment) -> History[OwnPrices]:
    """The prices that are an assignment's own, as the engine takes them."""
    return _history_of(assignment.own_prices)


def _history_of(rows: Iterable[AssignmentPrice]) -> History[OwnPrices]:
    return tuple((row.effective_from, own_set(row).in_micros()) for row in rows)


def _from(history: History[Value], since: date) -> list[Value]:
    """What holds on a day and after it."""
    later = [value for day, value in history if day > since]
    return [in_force(history, since), *later] if history else []


def check_prices(package: Package, sets: Sequence[PriceSet], today: date) -> None:
    """Whether prices keep every line of who has the package below the bound, at today's quantities and later."""
    for index, prices in enumerate(sets):
        name = max(PRICE_LABELS, key=lambda label: getattr(prices, label))
        dearest: Decimal = getattr(prices, name)
        if dearest * QUANTITY_MAX < AMOUNT_BELOW:
            continue
        for assignment_id, who, quantity in _who_has(
            package, prices.currency, ceil(AMOUNT_BELOW / dearest), today
        ):
            if _own_keep_below(assignment_id, prices, quantity, today):
                continue
            raise Invalid(
                f"prices-{index}-{name}",
                f"{who} has {whole(quantity)} of it: one charge would come to {whole(AMOUNT_BELOW)} or more.",
            )


def _own_keep_below(assignment_id: int, prices: PriceSet, quantity: int, today: date) -> bool:
    """Whether an assignment pays own prices, today and later, wherever these would be too much for it."""
    rows = db.session.scalars(
        select(AssignmentPrice)
        .where(AssignmentPrice.assignment_id == assignment_id)
        .order_by(AssignmentPrice.effective_from)
    ).all()
    if not rows:
        return False
    history = with_own(always(prices.in_micros()), _history_of(rows))
    dearest = max(price for four in _from(history, today) for price in four)
    return dearest * quantity < AMOUNT_BELOW * MICROS


def _who_has(package: Package, currency: str, quantity: int, today: date) -> Iterator[tuple[int, str, int]]:
    """Assignments with so many units or more, today or later: their ids, whose they are, and how many.

    The first one without own prices, then all that have own prices.
    """
    own = exists().where(AssignmentPrice.assignment_id == Assignment.id)
    later = aliased(AssignmentQuantity)
    superseded = exists().where(
        later.assignment_id == AssignmentQuantity.assignment_id,
        later.effective_from > AssignmentQuantity.effective_from,
        later.effective_from <= today,
    )
    query = (
        select(Assignment.id, Customer.name, AssignmentQuantity.quantity)
        .join(Assignment, Assignment.customer_id == Customer.id)
        .join(AssignmentQuantity, AssignmentQuantity.assignment_id == Assignment.id)
        .where(Assignment.package_id == package.id, Customer.currency == currency)
        .where(or_(Assignment.end_date.is_(None), Assignment.end_date >= today))
        .where(AssignmentQuantity.quantity >= quantity, ~superseded)
        .order_by(Assignment.id)
    )
    yield from db.session.execute(query.where(~own).limit(1)).all()
    yield from db.session.execute(query.where(own)).all()
