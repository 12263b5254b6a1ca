"""Ways to break one assignment in the database by hand, so that it cannot be worked out (billing-rules 8)."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import delete, update

from portal.extensions import db
from portal.models import (
    Assignment,
    AssignmentEnd,
    AssignmentPosition,
    AssignmentQuantity,
    CustomerTaxRate,
    PackagePrice,
    PackageSchedule,
)


def _without(model: Any, column: Any, of: str) -> Callable[[Assignment], None]:
    def break_it(assignment: Assignment) -> None:
        db.session.execute(delete(model).where(column == getattr(assignment, of)))

    return break_it


def _position(**values: Any) -> Callable[[Assignment], None]:
    def break_it(assignment: Assignment) -> None:
        mine = AssignmentPosition.assignment_id == assignment.id
        db.session.execute(update(AssignmentPosition).where(mine).values(**values))

    return break_it


def _match_day_of_no_month(assignment: Assignment) -> None:
    mine = PackageSchedule.package_id == assignment.package_id
    db.session.execute(update(PackageSchedule).where(mine).values(frequency_match=(0,)))


def _line_too_large_to_store(assignment: Assignment) -> None:
    price = PackagePrice.package_id == assignment.package_id
    db.session.execute(update(PackagePrice).where(price).values(retail=Decimal(999_999_999)))
    mine = AssignmentQuantity.assignment_id == assignment.id
    db.session.execute(update(AssignmentQuantity).where(mine).values(quantity=100_000))


# What is broken: how, and what people are told of it.
WAYS: dict[str, tuple[Callable[[Assignment], None], str]] = {
    "no prices": (_without(PackagePrice, PackagePrice.package_id, "package_id"), "has no prices in GBP"),
    "no schedule": (_without(PackageSchedule, PackageSchedule.package_id, "package_id"), "has no schedule"),
    "no quantity": (_without(AssignmentQuantity, AssignmentQuantity.assignment_id, "id"), "has no quantity"),
    "no end": (_without(AssignmentEnd, AssignmentEnd.assignment_id, "id"), "not known whether it ends"),
    "no tax rate": (_without(CustomerTaxRate, CustomerTaxRate.customer_id, "customer_id"), "has no tax rate"),
    "no position": (
        _without(AssignmentPosition, AssignmentPosition.assignment_id, "id"),
        "not known up to which day it is charged",
    ),
    "a position in the year 9999": (
        _position(
            charged_until=date(9999, 12, 31), worked_through=date(2026, 1, 1), next_charge_on=date(2026, 1, 1)
        ),
        "an error in the portal (ValueError)",
    ),
    "a match day of no month": (_match_day_of_no_month, "an error in the portal (ValueError)"),
}
# Worked out, and refused by the database when it is to be written down.
TOO_LARGE = _line_too_large_to_store


def break_one(assignment: Assignment, how: Callable[[Assignment], None]) -> None:
    """Break it, and know nothing of how it was."""
    db.session.flush()
    how(assignment)
    db.session.commit()
    db.session.expire_all()
