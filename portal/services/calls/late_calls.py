"""Late calls: a minimum spend that was settled without them is settled anew by the next run (billing-rules 10)."""

from collections.abc import Collection, Mapping
from datetime import date

from sqlalchemy import bindparam, select, update

from portal.extensions import db
from portal.models import Assignment, AssignmentPosition, Customer, Package
from portal.services import locking


def minimum_spends(customer_ids: Collection[int]) -> list[int]:
    """The minimum spends of customers: those that late calls may reopen, or a run at work may be settling now."""
    query = (
        select(Assignment.id)
        .join(Package, Package.id == Assignment.package_id)
        .where(Package.minimum_spend, Assignment.customer_id.in_(customer_ids))
    )
    return list(db.session.scalars(query)) if customer_ids else []


def reopen(since: Mapping[int, date], today: date) -> int:
    """Let minimum spends that were settled beyond a customer's day get their difference; how many.

    `since` is, for each customer, the first day whose spend has changed. The engine decides what of it comes to
    anything. An archived customer's are left as they are.
    """
    held = locking.lock_ids(AssignmentPosition, minimum_spends(since))
    settled = (
        select(
            AssignmentPosition.assignment_id,
            Assignment.customer_id,
            AssignmentPosition.charged_until,
            AssignmentPosition.late_from,
            AssignmentPosition.next_charge_on,
        )
        .join(Assignment, Assignment.id == AssignmentPosition.assignment_id)
        .join(Customer, Customer.id == Assignment.customer_id)
        .where(
            Customer.archived_on.is_(None),
            AssignmentPosition.assignment_id.in_(held),
            AssignmentPosition.charged_until.is_not(None),
        )
        .order_by(AssignmentPosition.assignment_id)
    )
    rows = [
        {
            "assignment": id,
            "late_from": min(late_from or since[customer_id], since[customer_id]),
            "late_on": today,
            "next_charge_on": min(next_on or today, today),
        }
        for id, customer_id, charged_until, late_from, next_on in db.session.execute(settled)
        if charged_until and charged_until > since[customer_id]
    ]
    if rows:
        position = AssignmentPosition.__table__
        db.session.connection().execute(
            update(position)
            .where(position.c.assignment_id == bindparam("assignment"))
            .values(
                late_from=bindparam("late_from"),
                late_on=bindparam("late_on"),
                next_charge_on=bindparam("next_charge_on"),
                version=position.c.version + 1,
            ),
            rows,
        )
        for known in list(db.session.identity_map.values()):
            if isinstance(known, AssignmentPosition):
                db.session.expire(known)
    return len(rows)
