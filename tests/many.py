"""Very many rows of one customer, written straight into the tables: what a run of years leaves, in a second."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import insert

from portal.domain.due import Kind
from portal.extensions import db
from portal.models import Assignment, BalanceEntry, Charge, Customer, EntrySource
from tests.trade import BEN, NOW

ONE = Decimal(1)


def charges(assignment: Assignment, first: date, count: int, **same: Any) -> None:
    """A charge of 1.00 and 0.20 tax a day, from `first` on, each taken from the balance on its day."""
    days = [first + timedelta(days=number) for number in range(count)]
    of_a_day = {
        "customer_id": assignment.customer_id,
        "assignment_id": assignment.id,
        "package_id": assignment.package_id,
        "kind": Kind.RECURRING,
        "unit_price": ONE,
        "unit_cost": Decimal(0),
        "currency": "GBP",
        "amount": ONE,
        "cost": Decimal(0),
        "tax_rate": Decimal(20),
        "tax": Decimal("0.2"),
        "label": assignment.package.name,
        "auto_decrement_credit": True,
        "posted_at": NOW,
        **same,
    }
    until = timedelta(days=1)
    rows = [{"charge_on": day, "period_from": day, "period_until": day + until} for day in days]
    ids = db.session.scalars(insert(Charge).returning(Charge.id), [{**of_a_day, **row} for row in rows]).all()
    taken = {"source": EntrySource.CHARGE, "amount": Decimal("-1.2"), "tax": Decimal("-0.2")}
    entries(
        assignment.customer,
        [{**taken, "charge_id": id, "made_on": d} for id, d in zip(ids, days, strict=True)],
    )


def adjustments(customer: Customer, day: date, count: int) -> None:
    """Adjustments of 1.00, all made on one day."""
    rows = [{"source": EntrySource.ADJUSTMENT, "amount": ONE, "tax": Decimal(0), "made_on": day}] * count
    entries(customer, [{**row, "reason": f"Goodwill {number}"} for number, row in enumerate(rows, start=1)])


def entries(customer: Customer, rows: list[dict[str, Any]]) -> None:
    """Balance entries of a customer."""
    same = {"customer_id": customer.id, "made_by": BEN, "made_at": NOW, "reason": ""}
    db.session.execute(insert(BalanceEntry), [{**same, "for_day": row["made_on"], **row} for row in rows])
    db.session.flush()
