"""Locks on assignments: whoever changes one reads it anew once its owner and its position are locked."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm.attributes import flag_modified

from portal.domain.terms import PackageType
from portal.extensions import db
from portal.models import Assignment, AssignmentPosition, Customer, Package
from portal.services import locking
from portal.services.calls import late_calls
from portal.services.chunks import in_chunks


def lock_assignments(ids: Iterable[int], *options: Any) -> list[Assignment]:
    """Lock whose assignments these are, what they are charged by and where they stand.

    Those that are there, read anew, by id. A run that is at work on one comes wholly before or wholly after.
    """
    wanted = sorted(set(ids))
    customers, packages, bundled = set(), set(), set()
    for some in in_chunks(wanted):
        query = (
            select(Assignment.customer_id, Assignment.package_id, Package.type)
            .join(Package, Package.id == Assignment.package_id)
            .where(Assignment.id.in_(some))
        )
        with db.session.no_autoflush:
            for row in db.session.execute(query):
                customers.add(row.customer_id)
                packages.add(row.package_id)
                if row.type == PackageType.FREE_MINUTES:
                    bundled.add(row.customer_id)
    if locking.has_locked(Customer, customers) and locking.has_locked(AssignmentPosition, wanted):
        return [found for id in wanted if (found := db.session.get(Assignment, id))]
    locking.lock(Customer, customers)
    locking.lock(Package, packages, shared=True)
    # What free minutes cover changes what calls spent: minimum spends of theirs may be settled anew.
    locking.lock(AssignmentPosition, {*wanted, *late_calls.minimum_spends(bundled)})
    return locking.read_anew(Assignment, wanted, *options)


def lock_assignment(id: int, *options: Any) -> Assignment | None:
    """The same for one; None where there is none (any more)."""
    return next(iter(lock_assignments([id], *options)), None)


def touch(assignment: Assignment) -> None:
    """Let whoever has the assignment open know: its quantities and own prices stand in rows of their own."""
    flag_modified(assignment, "auto_decrement_credit")


__all__ = ["lock_assignment", "lock_assignments", "touch"]
