"""More of everything that pages list: of Acme's, and of the provider's (the stage is tests/role_stage.py's)."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from portal.extensions import db
from portal.models import (
    Assignment,
    BankStatementLine,
    CallImport,
    CallReject,
    Customer,
    ImportState,
    Mail,
    Package,
    Payment,
    PaymentBack,
    PaymentState,
    RunException,
    RunState,
)
from portal.models.call import Call
from portal.models.run import Outcome
from portal.models.user import CUSTOMER_USER, User
from portal.services import audit, credit, notices
from portal.services.assignments.changing import change_quantity
from portal.services.assignments.own_prices import make_own_change, plan_own_change
from portal.services.charges import by_hand
from portal.services.customers.account_codes import give
from portal.services.customers.customers import change_tax_rate
from portal.services.notes import notes
from portal.services.packages.connexcs import add_connexcs_package
from portal.services.people import invitations, people
from portal.services.runs import runs
from tests import banking, trade, world

LONG_AGO, STARTED = date(2025, 1, 6), date(2026, 8, 3)
DAY, ONE = timedelta(days=1), Decimal(1)


def add(parts: dict[str, Any], owner: User, numbers: range) -> None:
    """So many of each. `parts` are those of Acme's things."""
    acme = db.session.get_one(Customer, parts["customer_id"])
    with audit.acting(audit.Actor(trade.BEN, "billing", at=trade.NOW)):
        for number in numbers:
            package = _of_the_provider(number)
            _assigned(acme, db.session.get_one(Package, parts["package_id"]), package, number)
            _assigned(trade.a_customer(f"Customer {number:02}"), package, package, number + 1000)
        trade.run()
        for number in numbers:
            _charged(acme, number)
            _people(acme, owner, number)
            _calls(acme, parts, number)
            _lines(acme, parts, number)
        give(acme, [f"A-{n}" for n in range(numbers.stop)])
        change_tax_rate(acme, Decimal(numbers.stop), trade.TODAY + DAY * numbers.stop, trade.TODAY)
        db.session.flush()
        notices.announce([one.id for one in acme_assignments(acme)], trade.TODAY, trade.NOW)
        db.session.commit()


def acme_assignments(acme: Customer) -> list[Assignment]:
    """All of Acme's."""
    return list(db.session.scalars(db.select(Assignment).where(Assignment.customer_id == acme.id)))


def _of_the_provider(number: int) -> Package:
    """A package, a service, a run and its report, a message that could not be sent."""
    service = add_connexcs_package(f"Service {number}")
    package = trade.a_package(
        f"Package {number:02}", match=(1, 15), cost="30", frequency=trade.Frequency.MONTHLY
    )
    package.connexcs_package_id = service.id
    run = runs.start(trade.TODAY, simulate=True, today=trade.TODAY, by=trade.BEN, now=trade.NOW)
    run.state = RunState.STOPPED
    db.session.add(
        Mail(
            key=f"mail-{number}", to="x@y.example", subject="Hello", text="Hello", sentence="Refused.",
            created_at=trade.NOW, due_at=trade.NOW, tries=1,
        )
    )  # fmt: skip
    return package


def _assigned(customer: Customer, line: Package, package: Package, number: int) -> None:
    """A package on the customer, one on a DID, one that is held, one that ends; with quantities and own prices."""
    did = trade.a_did(customer, f"+44207946{number:04}")
    one = trade.assigned(line, customer, STARTED, did=did, auto_decrement_credit=number % 2 == 0)
    make_own_change(plan_own_change(one, {"retail": ONE}, None, trade.TODAY))
    change_quantity(one, 3, trade.TODAY + DAY, trade.TODAY)
    trade.assigned(package, customer, STARTED, end_date=trade.TODAY + DAY * 9)
    held = trade.a_package(f"Held {number}", frequency=trade.Frequency.DAILY, match=())
    trade.assigned(held, customer, LONG_AGO)
    spend = trade.a_package(f"Spend {number}", minimum_spend=True)
    trade.assigned(spend, customer, STARTED)
    minutes = trade.a_package(f"Minutes {number}", minutes=True)
    trade.assigned(minutes, customer, STARTED, minutes=100)


def _charged(acme: Customer, number: int) -> None:
    """Charges by hand, one of them reversed, a discount; payments, with something left of them, and back."""
    asked = by_hand.ManualCharge(acme, trade.TODAY, Decimal(10 + number), ONE, f"Visit {number}")
    same: dict[str, Any] = {"today": trade.TODAY, "by": trade.BEN, "now": trade.NOW}
    charge = by_hand.charge_manually(asked, token=f"m{number}", **same)
    gone = by_hand.charge_manually(asked, token=f"g{number}", **same)
    by_hand.reverse(gone, "It was wrong.", **same)
    payment = Payment(
        token=f"p{number}", customer=acme, state=PaymentState.COMPLETED, paid_on=trade.TODAY, amount=Decimal(50),
        bank_reference=f"REF {number}", fee=Decimal(0), created_at=trade.NOW,
    )  # fmt: skip
    credit.record_payment(payment, trade.TODAY, now=trade.NOW)
    credit.release(payment, trade.TODAY, by=trade.BEN, now=trade.NOW)
    credit.allocate(payment, {charge.id: ONE}, today=trade.TODAY, by=trade.BEN, now=trade.NOW)
    back = PaymentBack(
        token=f"b{number}", customer=acme, paid_on=trade.TODAY, amount=ONE, method="cash", created_at=trade.NOW
    )  # fmt: skip
    credit.pay_back(back, trade.TODAY, now=trade.NOW)


def _lines(acme: Customer, parts: dict[str, Any], number: int) -> None:
    """A statement of its own, and lines of every kind in the one that addresses name."""
    banking.of_a_customer(acme, number + 1)
    ids = db.session.scalars(
        db.select(BankStatementLine.line_id).order_by(BankStatementLine.statement_id.desc()).limit(6)
    )
    for place, line_id in enumerate(ids):
        db.session.add(
            BankStatementLine(
                statement_id=parts["statement_id"], place=100 + number * 10 + place, line_id=line_id
            )
        )


def _people(acme: Customer, owner: User, number: int) -> None:
    notes.add(
        acme,
        f"Call {number}",
        trade.TODAY,
        token=f"n{number}",
        by=trade.BEN,
        today=trade.TODAY,
        now=trade.NOW,
    )
    people.create(f"n{number}@acme.example", f"N {number}", world.PASSWORD, CUSTOMER_USER, acme.id)
    people.create_staff(f"n{number}@lumen.example", f"N {number}", world.PASSWORD, "viewer")
    for customer_id in (acme.id, None):
        role = CUSTOMER_USER if customer_id else "viewer"
        invitations.invite(
            f"i{number}{customer_id}@x.example", "I", role, by=owner,
            now=world.clock.now() - DAY * number, customer_id=customer_id,
        )  # fmt: skip


def _calls(acme: Customer, parts: dict[str, Any], number: int) -> None:
    """An import, and calls and bad rows of the one that addresses name."""
    db.session.add(
        CallImport(
            file_name=f"{number}.csv", state=ImportState.DONE, started_at=trade.NOW, heartbeat_at=trade.NOW
        )
    )
    db.session.add(
        CallReject(
            import_id=parts["import_id"], line=number + 2, row="[]", sentence="No.", reason=f"No {number}."
        )
    )
    db.session.add(
        Call(
            customer_id=acme.id, call_id=f"c{number}", did_id=parts["did_id"], day=trade.TODAY,
            destination=f"44{number}", seconds=60, amount=ONE, came_in_on=trade.TODAY, import_id=parts["import_id"],
        )
    )  # fmt: skip
    db.session.add(
        RunException(
            run_id=parts["run_id"], assignment_id=parts["assignment_id"], outcome=Outcome.HELD, line_count=50
        )
    )
