"""A line stays below 1,000,000,000, also when a price or a quantity changes (billing-rules 2)."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from math import ceil

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import aliased

from portal.domain.errors import Invalid
from portal.domain.money import AMOUNT_BELOW, QUANTITY_MAX
from portal.domain.wording import whole
from portal.extensions import db
from portal.models import Assignment, AssignmentQuantity, Customer, Package
from portal.services.packages.definition import PRICE_LABELS, PriceSet


def check_quantity(package: Package, currency: str, quantity: int, since: date) -> None:
    """Whether a quantity keeps every line below the bound, at the prices of `since` and those to come."""
    held = package.price_on(currency, since)
    prices = [p for p in package.prices if p is held or (p.currency == currency and p.effective_from > since)]
    # Without prices nothing is charged; whoever sets them holds them against the quantity.
    dearest = max((getattr(price, name) for price in prices for name in PRICE_LABELS), default=Decimal(0))
    if dearest * quantity >= AMOUNT_BELOW:
        raise Invalid(
            "quantity", f"One charge would come to {whole(AMOUNT_BELOW)} or more. Choose a smaller quantity."
        )


def check_prices(package: Package, sets: Sequence[PriceSet], today: date) -> None:
    """Whether prices keep every line of who has the package below the bound, at today's quantities and later."""
    for index, prices in enumerate(sets):
        name = max(PRICE_LABELS, key=lambda label: getattr(prices, label))
        dearest: Decimal = getattr(prices, name)
        if dearest * QUANTITY_MAX < AMOUNT_BELOW:
            continue
        found = _who_has(package, prices.currency, ceil(AMOUNT_BELOW / dearest), today)
        if found:
            who, quantity = found
            raise Invalid(
                f"prices-{index}-{name}",
                f"{who} has {whole(quantity)} of it: one charge would come to {whole(AMOUNT_BELOW)} or more.",
            )


def _who_has(package: Package, currency: str, quantity: int, today: date) -> tuple[str, int] | None:
    """A customer who has so many units or more, today or later, and how many."""
    later = aliased(AssignmentQuantity)
    superseded = exists().where(
        later.assignment_id == AssignmentQuantity.assignment_id,
        later.effective_from > AssignmentQuantity.effective_from,
        later.effective_from <= today,
    )
    query = (
        select(Customer.name, AssignmentQuantity.quantity)
        .join(Assignment, Assignment.customer_id == Customer.id)
        .join(AssignmentQuantity, AssignmentQuantity.assignment_id == Assignment.id)
        .where(Assignment.package_id == package.id, Customer.currency == currency)
        .where(or_(Assignment.end_date.is_(None), Assignment.end_date >= today))
        .where(AssignmentQuantity.quantity >= quantity, ~superseded)
        .order_by(Assignment.id)
        .limit(1)
    )
    row = db.session.execute(query).first()
    return (row[0], row[1]) if row else None
