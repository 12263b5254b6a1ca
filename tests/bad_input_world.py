"""The portal that bad input comes into: the things of tests/role_things.py, and what some forms need besides."""

import sqlite3
import time
from datetime import date
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import select, text

from portal.domain.tax import TaxCategory
from portal.extensions import db
from portal.models import (
    Allocation,
    BankLine,
    Charge,
    Customer,
    Did,
    FileKind,
    Package,
    Payment,
    PaymentState,
)
from portal.services import credit
from portal.services.bank import proposals
from portal.services.charges.by_hand import ManualCharge, charge_manually
from portal.services.corrections.planning import plan
from portal.services.corrections.tax_rates import RateWanted, plan_rate
from portal.services.corrections.wanted import Wanted, Whose
from portal.services.customers import customers
from portal.services.moving_in import accepting
from portal.services.runs import runs
from tests import bad_input, banking, calling, role_things, trade, world

ROLES = ("owner", "acme", "globex", "nobody")


class Stage:
    """A database with everything in it, and browsers on it."""

    def __init__(self, database: world.Database, folder: Path) -> None:
        self.database, self.app = database, database.app
        self.watched: Path | None = None
        self.read_at: Any = None
        self.app.config["PROPAGATE_EXCEPTIONS"] = False  # what breaks is an answer, as it is to people
        self.app.config["TODAY"] = trade.TODAY.isoformat()
        with self.app.app_context():
            self.things = role_things.make(self.app)
            self.parts = self.things["acme"].parts | _more(self.things, folder)
            db.session.commit()
        database.keep()

    def browser(self, role: str) -> FlaskClient:
        """A browser of the owner, of a customer's person, or of nobody yet."""
        if role == "owner":
            return world.signed_in(self.app, role)
        client = self.app.test_client()
        if role in self.things:
            with client.session_transaction() as cookie:
                cookie.update(self.things[role].cookie, _fresh=True, fs_paa=time.time())
        return client

    def contents(self) -> dict[str, tuple[int, str]]:
        """What is stored (bad_input.contents); read again only where something was written since."""
        if (version := self._version()) != self.read_at:
            self.read, self.read_at = bad_input.contents(self.app), version
        return self.read

    def _version(self) -> Any:
        """What changes with whatever is committed: SQLite counts it for a file, and PostgreSQL has its snapshots."""
        if isinstance(self.database, world.Postgresql):
            return self.database.cleaning.execute(text("SELECT CAST(pg_current_snapshot() AS text)")).scalar()
        file = self.database.name.resolve()
        if file != self.watched:
            self.close()
            self.watched, self.watcher = file, sqlite3.connect(file)
        return file, self.watcher.execute("PRAGMA data_version").fetchone()[0]

    def close(self) -> None:
        """Watch no file any more."""
        if self.watched:
            self.watcher.close()
            self.watched = None

    def part(self, name: str, endpoint: str = "") -> Any:
        """What a part of an address is."""
        return self.parts.get(f"{name} of {endpoint}") or self.parts[name]


def _a_discount_that_waits(customer: Customer) -> Charge:
    """One that somebody took off what it was set off against, to use it for another charge."""
    asked = ManualCharge(customer, trade.TODAY, Decimal(-7), Decimal(0), "Sorry")
    made = charge_manually(asked, token="a discount", today=trade.TODAY, by=trade.BEN, now=trade.NOW)
    for used in db.session.scalars(select(Allocation).where(Allocation.by_charge_id == made.id)).all():
        credit.release_allocation(used, trade.TODAY, by=trade.BEN, now=trade.NOW)
    return made


def _let_go_of_charges(customer: Customer) -> None:
    """Take what came by the bank off the charges again: forms are for what is still open."""
    for payment in db.session.scalars(
        select(Payment).where(Payment.customer_id == customer.id, Payment.state == PaymentState.COMPLETED)
    ).all():
        if payment.token.startswith(("recorded ", "debited ")):
            credit.release(payment, trade.TODAY, by=trade.BEN, now=trade.NOW)


def _more(things: dict[str, role_things.Things], folder: Path) -> dict[str, Any]:
    acme = db.session.get_one(Customer, things["acme"].parts["customer_id"])
    acme.email = "bills@acme.example"
    # What their summary of October has on it.
    october = date(2026, 10, 20)
    credit.adjust(
        acme, Decimal(1), october, "Sorry", token="in October", today=october, by=trade.BEN, now=trade.NOW
    )
    globex = things["globex"].parts
    spare = trade.a_package("Spare")
    gone = db.session.scalars(select(Package).where(Package.name == "Daily")).one()
    dollars = trade.a_customer("Dollar Tel", "USD")
    stock = Did(number="+442079460199", country="GB", created_at=trade.NOW)
    pending = Payment(
        token="pay-later", customer=acme, state=PaymentState.PENDING, paid_on=trade.TODAY,
        amount=Decimal(40), fee=Decimal(0), created_at=trade.NOW,
    )  # fmt: skip
    credit.record_payment(pending, trade.TODAY, now=trade.NOW)
    customers.change_tax_rate(acme, Decimal(10), date(2027, 1, 1), trade.TODAY)
    db.session.add(stock)
    path = calling.a_file(folder, ["1,Acme,x,y,z,1.00"], "aa,bb,cc,dd,ee,ff", "strange.csv")
    strange = calling.accepted(path, by=trade.BEN)
    moving = accepting.accept(
        BytesIO(b"Name,Note\nNewcomer,x\nAcme,y\n"),
        "moving.csv",
        FileKind.CUSTOMERS,
        by=trade.BEN,
        now=trade.NOW,
    )
    came = calling.taken_in(
        calling.a_file(folder, [calling.a_line("c", "2026-11-03 10:00:00", 60, "1", customer="Acme")])
    )
    simulation = runs.start(
        trade.TODAY, simulate=True, today=trade.TODAY, by=trade.BEN, now=trade.NOW, customer_id=dollars.id
    )
    trade.assigned(trade.a_package("Undone"), acme, trade.TODAY.replace(day=1))
    db.session.commit()
    posted = runs.start(
        trade.TODAY, simulate=False, today=trade.TODAY, by=trade.BEN, now=trade.NOW, customer_id=acme.id
    )
    db.session.commit()
    runs.carry_out(posted.id, trade.TODAY, lambda: trade.NOW, 100)
    discount = _a_discount_that_waits(acme)
    later = trade.assigned(trade.a_package("Later"), acme, date(2026, 12, 24))
    db.session.commit()
    runs.carry_out(simulation.id, trade.TODAY, lambda: trade.NOW, 100)
    theirs = select(Charge.id).where(Charge.customer_id == globex["customer_id"])
    right = Wanted(date(2026, 11, 1), "GBP", {"retail": Decimal("20")}, 3)
    untaxed = RateWanted(date(2026, 11, 1), Decimal(0), category=TaxCategory.EXEMPT, reason="Education")
    theirs_to_correct = Whose(assignment_ids=(things["acme"].parts["assignment_id"],))
    bank = banking.of_a_customer(acme, 7)
    _let_go_of_charges(acme)
    line = db.session.get_one(BankLine, things["acme"].parts["line_id"])
    db.session.commit()
    return {
        "seal": proposals.propose([line])[line.id].seal,
        **{
            name: bank[name]
            for name in ("to_tell", "recorded", "recorded_line", "debited", "returned", "out")
        },
        "correction_seen": plan(right, theirs_to_correct, trade.TODAY).fingerprint,
        "rate_seen": plan_rate(acme, untaxed, trade.TODAY).fingerprint,
        "spare": spare.id,
        "discount": discount.id,
        "daily": gone.id,
        "stock": stock.id,
        "pending": pending.id,
        "moving": moving.id,
        "strange": strange.id,
        "came": came.id,
        "simulation": simulation.id,
        "posted_run": posted.id,
        "dollars": dollars.id,
        "later": later.id,
        "their_assignment": globex["assignment_id"],
        "their_charge": db.session.scalars(theirs).first(),
        "their_customer": globex["customer_id"],
        "their_did": globex["did_id"],
    }
