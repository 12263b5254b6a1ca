"""Very many assignments stored as rows: what stands there, and what the audit log tells, is as of each by itself."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from portal.extensions import db
from portal.models import Assignment, AuditEntry
from portal.services.assignments.assigning import Draft, Lock, assign
from portal.services.assignments.storing import store
from portal.services.packages.definition import OwnPriceSet
from tests.trade import BEN, NOW, TODAY, a_customer, a_did, a_package

LATER = TODAY + timedelta(40)
# What differs between any two assignments.
ITS_OWN = {"id", "token", "reference", "assignment_id"}
PARTS = "quantities", "ends", "own_prices"


def values(row: Any) -> dict[str, Any]:
    return {
        column.key: getattr(row, column.key) for column in row.__table__.columns if column.key not in ITS_OWN
    }


def stands(one: Assignment) -> list[Any]:
    return [values(one), values(one.position), *([values(row) for row in getattr(one, of)] for of in PARTS)]


def told(one: Assignment) -> list[tuple[str, ...]]:
    """The lines of the audit log about it, whatever their order, with its reference left out of them."""
    query = select(AuditEntry).where(AuditEntry.noun == "assignment", AuditEntry.noun_id == one.id)
    reference = f', "reference": "{one.reference}"'
    return sorted(
        (row.act, row.label, row.done_by, str(row.customer_id), row.before, row.after.replace(reference, ""))
        for row in db.session.scalars(query)
    )


def test_what_is_stored_among_many_stands_and_is_told_as_what_is_assigned_by_itself(session):
    customer, own = a_customer(), OwnPriceSet(retail=Decimal("8.17"))
    plain = Draft(a_package(), customer, None, 1, TODAY)
    minutes = Draft(
        a_package("Bundle", minutes=True),
        customer,
        a_did(customer),
        2,
        TODAY,
        LATER,
        minutes=100,
    )
    full = replace(
        plain,
        quantity=3,
        charge_from=TODAY + timedelta(9),
        own=own,
        anchor=TODAY - timedelta(3),
        lock=Lock(60, TODAY + timedelta(60)),
        planned_quantities=((LATER, 5),),
        planned_own=((LATER, OwnPriceSet(setup_cost=Decimal(1))), (LATER + timedelta(9), OwnPriceSet())),
    )
    drafts = {
        f"many-{place}": replace(draft, reference=f"S-{place}")
        for place, draft in enumerate((plain, minutes, full))
    }
    ids = store(drafts, TODAY, by=BEN, now=NOW)
    for place, draft in enumerate((plain, minutes, full)):
        stored = session.get(Assignment, ids[place])
        alone = assign(draft, token=f"alone-{place}", by=BEN, now=NOW, twice=True, today=TODAY)
        session.expire_all()
        assert (stored.token, stored.reference) == (f"many-{place}", f"S-{place}")
        assert stands(stored) == stands(alone)
        assert told(stored) == told(alone) != []
