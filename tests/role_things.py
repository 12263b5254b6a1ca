"""Real things of two customers, Acme and Globex, and of the provider: what addresses name."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from io import BytesIO
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
    FileKind,
    ImportState,
    Payment,
    PaymentBack,
    PaymentState,
)
from portal.models.user import CUSTOMER_OWNER, CUSTOMER_USER, User
from portal.services import bulk_acts, credit
from portal.services.calls import counted
from portal.services.company.logo import checked_logo
from portal.services.moving_in import accepting, making
from portal.services.notes import notes
from portal.services.people import invitations, people
from portal.services.runs import runs
from tests import banking, trade, world
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
    minimum = trade.assigned(trade.a_package(f"Minimum {name}", "40", minimum_spend=True), customer)
    run = runs.start(
        trade.TODAY, simulate=True, today=trade.TODAY, by=owner.email, now=trade.NOW, customer_id=customer.id
    )
    taken_in = CallImport(
        file_name="calls.csv",
        state=ImportState.DONE,
        taken_count=1,
        started_at=trade.NOW,
        heartbeat_at=trade.NOW,
    )
    db.session.add(taken_in)
    act = bulk_acts.record(
            BulkKind.ENDED, "1 assignment", {held.id: bulk_acts.LastDay(trade.TODAY, before=None)},
            today=trade.TODAY, by=trade.BEN, now=trade.NOW,
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
    note = notes.add(
        customer,
        "Call back",
        trade.TODAY,
        token=f"note-{name}",
        by=trade.BEN,
        today=trade.TODAY,
        now=trade.NOW,
    )
    bank = banking.of_a_customer(customer)
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
            "counting": counted.key_of(minimum),
            "customer_id": customer.id,
            "did_id": did.id,
            "file_id": bank["file"],
            "filename": "css/tokens.css",
            "form": "csv",
            "handle": handle(other),
            "month": "2026-10",
            "import_id": taken_in.id,
            "invitation_id": invitation.id,
            "line_id": bank["exact"],
            "key": "0" * 64,
            "kind": "customers",
            "move_id": _moved_in(name),
            "note_id": note.id,
            "noun": "dids",
            "package_id": line.id,
            "payment_back_id": back.id,
            "payment_id": payment.id,
            "run_id": run.id,
            "service_id": service.id,
            "statement_id": bank["statement"],
            "token": token,
            "user_id": other.id,
            # What a part is only in one place.
            "line_id of bank_lines.came_back": bank["returned"],
            "line_id of bank_lines.pay_back": bank["out"],
            "line_id of bank_lines.put_back": bank["booked"],
            "line_id of bank_lines.tie": bank["recorded_line"],
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


def _moved_in(name: str) -> int:
    """An import of customers that is in: of each people of a customer one of its own."""
    text = f"Name,Account Codes\nMoved of {name},M-{name}\n"
    import_ = accepting.accept(
        BytesIO(text.encode()), "customers.csv", FileKind.CUSTOMERS, by=trade.BEN, now=trade.NOW
    )
    making.begin(import_, takes_changes=False, good_only=True, today=trade.TODAY, now=trade.NOW)
    db.session.commit()
    return making.carry_out(import_.id, trade.TODAY, lambda: trade.NOW).id


def _allocation(payment: Payment, charge: Charge) -> int:
    credit.release(payment, trade.TODAY, by=trade.BEN, now=trade.NOW)
    credit.allocate(payment, {charge.id: Decimal(1)}, today=trade.TODAY, by=trade.BEN, now=trade.NOW)
    query = select(Allocation.id).where(Allocation.payment_id == payment.id, Allocation.released_on.is_(None))
    return db.session.scalars(query).one()
