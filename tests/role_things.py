"""Real things of two customers, Acme and Globex, and of the provider: what addresses name."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from flask import Flask
from sqlalchemy import select

from portal.extensions import db
from portal.models import (
    Allocation,
    Assignment,
    BulkKind,
    CallImport,
    Charge,
    Company,
    ConnexcsPackage,
    CorrectedAssignment,
    Correction,
    Customer,
    ImportState,
    Payment,
    PaymentBack,
    PaymentState,
)
from portal.models.user import CUSTOMER_OWNER, CUSTOMER_USER, User
from portal.services import bulk_acts, credit
from portal.services.company.logo import checked_logo
from portal.services.people import invitations, people
from portal.services.runs import runs
from tests import trade, world
from tests.services.company.test_logo import png

LONG_AGO = date(2025, 1, 6)


@dataclass
class Things:
    """What a part of an address (`<int:customer_id>`) is, for one of the two customers."""

    customer: Customer
    parts: dict[str, Any]
    cookie: dict[str, str]


def make(app: Flask) -> dict[str, Things]:
    """Everything, stored; by the name of the customer it belongs to."""
    line = trade.a_package("Phone line", match=(1, 15))
    daily = trade.a_package("Daily", frequency=trade.Frequency.DAILY, match=())
    owner = db.session.scalars(select(User).where(User.email == world.email("owner"))).one()
    found = {
        "acme": _of_customer("Acme", "+442079460101", CUSTOMER_OWNER, line, daily, owner),
        "globex": _of_customer("Globex", "+442079460102", CUSTOMER_USER, line, daily, owner),
    }
    db.session.get_one(Company, 1).logo = checked_logo(png())
    db.session.commit()
    return found


def _of_customer(name: str, number: str, role: str, line: Any, daily: Any, owner: User) -> Things:
    customer = trade.a_customer(name)
    did = trade.a_did(customer, number)
    assignment = trade.assigned(line, customer, date(2026, 11, 1), did=did)
    held = trade.assigned(daily, customer, LONG_AGO)
    trade.run()
    charge = db.session.scalars(select(Charge).where(Charge.assignment_id == assignment.id)).first()
    assert charge is not None
    payment = Payment(
        token=f"pay-{name}", customer=customer, state=PaymentState.COMPLETED, paid_on=trade.TODAY,
        amount=Decimal(100), fee=Decimal(0), created_at=trade.NOW,
    )  # fmt: skip
    credit.record_payment(payment, trade.TODAY, now=trade.NOW)
    back = PaymentBack(
        token=f"back-{name}", customer=customer, paid_on=trade.TODAY, amount=Decimal(5), method="cash",
        created_at=trade.NOW,
    )  # fmt: skip
    allocation_id = _allocation(payment, charge)
    credit.pay_back(back, trade.TODAY, now=trade.NOW)
    run = runs.start(
        trade.TODAY, simulate=True, today=trade.TODAY, by=owner.email, now=trade.NOW, customer_id=customer.id
    )
    taken_in = CallImport(
        file_name="calls.csv", state=ImportState.DONE, started_at=trade.NOW, heartbeat_at=trade.NOW
    )
    db.session.add(taken_in)
    act = bulk_acts.record(
        BulkKind.ENDED, "1 assignment", {held.id: None}, today=trade.TODAY, by=trade.BEN, now=trade.NOW,
        end_date=trade.TODAY,
    )  # fmt: skip
    assert act
    person = people.create(f"one@{name.lower()}.example", "One", world.PASSWORD, role, customer.id)
    other = people.create(f"two@{name.lower()}.example", "Two", world.PASSWORD, CUSTOMER_USER, customer.id)
    cookie = world.cookie_of(person)
    invitation, token = invitations.invite(
        f"three@{name.lower()}.example", "Three", CUSTOMER_USER, by=owner, now=world.clock.now(),
        customer_id=customer.id,
    )  # fmt: skip
    db.session.flush()
    service = db.session.scalars(select(ConnexcsPackage)).first() or ConnexcsPackage(name="Service")
    db.session.add(service)
    db.session.flush()
    from portal.web.people.user_group import handle

    return Things(
        customer,
        {
            "act_id": act.id,
            "allocation_id": allocation_id,
            "assignment_id": assignment.id,
            "charge_id": charge.id,
            "correction_id": _correction(name, assignment).id,
            "customer_id": customer.id,
            "did_id": did.id,
            "filename": "css/tokens.css",
            "handle": handle(other),
            "import_id": taken_in.id,
            "invitation_id": invitation.id,
            "key": "0" * 64,
            "noun": "dids",
            "package_id": line.id,
            "payment_back_id": back.id,
            "payment_id": payment.id,
            "run_id": run.id,
            "service_id": service.id,
            "token": token,
            "user_id": other.id,
            # What a part is only in one place.
            "handle of my.people_resend": handle(invitation),
            "handle of my.people_withdraw": handle(invitation),
            "assignment_id of holds.show": held.id,
            "assignment_id of holds.choose": held.id,
        },
        cookie,
    )


def _correction(name: str, assignment: Assignment) -> Correction:
    """One of which nothing was posted."""
    made = Correction(
        token=f"correction-{name}", currency="GBP", since=trade.TODAY, right="Cost 10 GBP", sentence="It was wrong.",
        made_on=trade.TODAY, made_at=trade.NOW,
    )  # fmt: skip
    db.session.add(made)
    db.session.flush()
    before = '{"prices": [["2000-01-01", null, null, null, null]], "quantities": [["2000-01-01", 1]]}'
    db.session.add(CorrectedAssignment(correction=made, assignment=assignment, before=before))
    return made


def _allocation(payment: Payment, charge: Charge) -> int:
    credit.release(payment, trade.TODAY, by=trade.BEN, now=trade.NOW)
    credit.allocate(payment, {charge.id: Decimal(1)}, today=trade.TODAY, by=trade.BEN, now=trade.NOW)
    query = select(Allocation.id).where(Allocation.payment_id == payment.id, Allocation.released_on.is_(None))
    return db.session.scalars(query).one()
