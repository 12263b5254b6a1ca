"""Assignments that cannot be worked out: each is told by itself, and stops no other.

A row that is missing, a value that cannot be or a fault in the engine concerns one assignment. It goes to the
log with its traceback; people read a sentence. What concerns them all (the database does not answer) is raised.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from portal.domain.errors import RuleBroken
from portal.extensions import db
from portal.models import (
    Assignment,
    AssignmentEnd,
    AssignmentPosition,
    AssignmentQuantity,
    Customer,
    CustomerTaxRate,
    Package,
    PackagePrice,
    PackageSchedule,
)
from portal.schema import OtherVersion
from portal.services.billing.loading import Loaded, load

log = logging.getLogger("portal.billing")


@dataclass(frozen=True, slots=True)
class Failed:
    """An assignment that cannot be worked out, and why; `reason` is a sentence without its beginning and end."""

    assignment_id: int
    customer_id: int
    label: str
    customer: str
    reason: str

    @property
    def sentence(self) -> str:
        """What a person reads."""
        return (
            f"Assignment {self.assignment_id} ({self.label}, {self.customer}) cannot be worked out: "
            f"{self.reason}. It is not charged until this is corrected."
        )


def load_each(ids: Sequence[int], spend_before: date) -> list[Loaded | Failed]:
    """The assignments, in the order of their ids; in place of one that cannot be read stands why.

    They are read together; where that fails, in halves, until what fails stands alone. One that is gone is
    left out.
    """
    try:
        loaded = load(ids, spend_before)
    except Exception as error:
        check_concerns_one(error)
        if len(ids) == 1:
            return [failed(ids[0], error)]
        half, ordered = len(ids) // 2, sorted(ids)
        return load_each(ordered[:half], spend_before) + load_each(ordered[half:], spend_before)
    if len(loaded) == len(ids):
        return list(loaded)
    return _with_those_not_read(ids, loaded)


def _with_those_not_read(ids: Sequence[int], loaded: Sequence[Loaded]) -> list[Loaded | Failed]:
    """A row that is missing hides an assignment from whoever reads it; what was removed meanwhile is gone."""
    found: dict[int, Loaded | Failed] = {item.facts.assignment_id: item for item in loaded}
    not_read = set(ids) - set(found)
    for id in db.session.scalars(select(Assignment.id).where(Assignment.id.in_(not_read))):
        found[id] = failed(id, LookupError("a row that it needs is missing"))
    return [item for _, item in sorted(found.items())]


def failed(assignment_id: int, error: Exception) -> Failed:
    """What is told of an assignment that cannot be worked out; the log has the whole error.

    Raises the error itself where it concerns them all.
    """
    check_concerns_one(error)
    whose, reason = _what_is_missing(assignment_id)
    told = Failed(
        assignment_id,
        whose.customer_id if whose else 0,
        (whose and whose.label) or "its package is missing",
        (whose and whose.customer) or "its customer is missing",
        reason or _said(error) or f"an error in the portal ({type(error).__name__}); its log says where",
    )
    log.error("%s", told.sentence, exc_info=error)
    return told


def check_concerns_one(error: Exception) -> None:
    """Raise what is no fault of one assignment: the database or the machine does not do its part."""
    of_one = not isinstance(error, DBAPIError) or isinstance(error, DataError | IntegrityError)
    if not of_one or isinstance(error, OSError | MemoryError | OtherVersion):
        raise error


def _said(error: Exception) -> str:
    """What a refusal says, without the end of its sentence; empty for any other error."""
    return error.sentence.rstrip(".") if isinstance(error, RuleBroken) else ""


def _what_is_missing(assignment_id: int) -> tuple[Any, str]:
    """Whose assignment it is, and which of the rows that it is worked out by are not there."""
    of_package = Package.id == Assignment.package_id
    of_customer = Customer.id == Assignment.customer_id
    here = (
        select(
            Assignment.customer_id,
            Package.name.label("label"),
            Customer.name.label("customer"),
            Customer.currency,
            exists().where(PackageSchedule.package_id == Assignment.package_id).label("schedule"),
            exists()
            .where(PackagePrice.package_id == Assignment.package_id)
            .where(PackagePrice.currency == Customer.currency)
            .label("price"),
            exists().where(AssignmentQuantity.assignment_id == Assignment.id).label("quantity"),
            exists().where(AssignmentEnd.assignment_id == Assignment.id).label("end"),
            exists().where(CustomerTaxRate.customer_id == Assignment.customer_id).label("rate"),
            exists().where(AssignmentPosition.assignment_id == Assignment.id).label("position"),
        )
        .select_from(Assignment)
        .outerjoin(Package, of_package)
        .outerjoin(Customer, of_customer)
        .where(Assignment.id == assignment_id)
    )
    row = db.session.execute(here).first()
    if row is None:
        return None, ""
    reasons = (
        (row.label, "its package is missing"),
        (row.customer, "its customer is missing"),
        (row.schedule, f"{row.label} has no schedule"),
        (row.price, f"{row.label} has no prices in {row.currency}"),
        (row.quantity, "it has no quantity"),
        (row.end, "it is not known whether it ends"),
        (row.rate, f"{row.customer} has no tax rate"),
        (row.position, "it is not known up to which day it is charged"),
    )
    return row, next((reason for is_there, reason in reasons if not is_there), "")
