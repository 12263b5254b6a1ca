"""A bank for tests: customers whose numbers stand in tests/data/bank, files, and lines made up."""

from datetime import date, timedelta
from decimal import Decimal
from io import BytesIO
from pathlib import Path

from sqlalchemy import select

from portal.domain.payment_reference import payment_reference
from portal.domain.schedule import FIRST_DAY
from portal.extensions import db
from portal.models import (
    BankLine,
    BankStatement,
    BankStatementLine,
    Charge,
    Customer,
    CustomerTaxRate,
    Payment,
    PaymentState,
)
from portal.services import credit
from portal.services.bank import booking, keeping
from portal.services.bank.booking import Part, Who
from portal.services.bank.keeping import Kept
from portal.services.charges.by_hand import ManualCharge, charge_manually
from tests.trade import BEN, NOW, TODAY

DATA = Path(__file__).parent / "data" / "bank"
WHO = Who(BEN, TODAY, NOW)
# The customers' numbers in the files.
ACME, GLOBEX, INITECH, HOOLI = 539001, 539002, 539003, 539004
IBAN = "DE75512108001245126199"
HEAD = "Booking date;Name;IBAN;Text;Transaction ID;Paid in;Paid out;Currency;Own account\n"


def customer(number: int, name: str, currency: str = "EUR", **details: str) -> Customer:
    """A customer with a number of their own, so that a file can have their payment reference."""
    made = Customer(
        id=number,
        token=f"number {number}",
        name=name,
        currency=currency,
        created_on=TODAY,
        created_at=NOW,
        **details,
    )
    made.tax_rates = [CustomerTaxRate(effective_from=FIRST_DAY, rate=Decimal(0))]
    db.session.add(made)
    db.session.flush()
    return made


def take_in(name: str, content: bytes | None = None, **how: str) -> Kept:
    """A file of tests/data/bank, or what is given, taken in."""
    given = (DATA / name).read_bytes() if content is None else content
    return keeping.accept(BytesIO(given), name, by=BEN, now=NOW, **how)


def made_up(*rows: tuple, name: str = "made-up.csv", currency: str = "EUR", own: str = IBAN) -> Kept:
    """A statement of lines made up: each text and amount, then name, account, reference, days before today."""
    lines = [HEAD]
    for row in rows:
        text, amount, payer, account, reference, days = (*row, *("", "", "", 3)[len(row) - 2 :])
        day = TODAY - timedelta(days=days)
        paid = f";{amount[1:]}" if amount.startswith("-") else f"{amount};"
        lines.append(f"{day.isoformat()};{payer};{account};{text};{reference};{paid};{currency};{own}\n")
    return take_in(name, "".join(lines).encode())


def lines_of(kept: Kept | BankStatement) -> list[BankLine]:
    """The lines of the first statement, in its order."""
    statement = kept.statements[0] if isinstance(kept, Kept) else kept
    query = (
        select(BankLine)
        .join(BankStatementLine, BankStatementLine.line_id == BankLine.id)
        .where(BankStatementLine.statement_id == statement.id)
        .order_by(BankStatementLine.place)
    )
    return list(db.session.scalars(query))


def reference(of: Customer) -> str:
    """The payment reference of a customer."""
    return payment_reference(of.id)


def charged(to: Customer, amount: str, *, token: str, days_ago: int = 0) -> Charge:
    """Something that a customer has to pay."""
    day: date = TODAY - timedelta(days=days_ago)
    asked = ManualCharge(to, day, Decimal(amount), Decimal(0), "Support call")
    return charge_manually(asked, token=token, today=TODAY, by=BEN, now=NOW)


# -- a bank of the stages: lines of everything that can become of one


def of_a_customer(whose: Customer, number: int = 0) -> dict[str, int]:
    """A statement of what a customer has to do with, stored: its id, and those of its lines by what they are."""
    name = whose.name
    recorded = _payment(whose, "31", f"recorded {name} {number}")
    debited = _payment(whose, "37", f"debited {name} {number}")
    kept = made_up(
        (f"{reference(whose)} a", "11.00", name, f"X{whose.id}", f"T-{name}-{number}-1"),
        ("to be told", "12.00", f"Parent of {name}", f"Y{whose.id}", f"T-{name}-{number}-2"),
        (f"{reference(whose)} b", "31.00", name, f"X{whose.id}", f"T-{name}-{number}-3"),
        (f"Rücklastschrift {reference(whose)}", "-37.00", name, f"X{whose.id}", f"T-{name}-{number}-4"),
        (f"refund {reference(whose)}", "-2.00", name, f"X{whose.id}", f"T-{name}-{number}-5"),
        ("for two", "13.00", name, f"Z{whose.id}", f"T-{name}-{number}-6"),
        name=f"{name} {number}.csv", currency=whose.currency, own=f"OWN{whose.id}",
    )  # fmt: skip
    names = ("exact", "to_tell", "recorded_line", "returned", "out", "booked")
    lines = dict(zip(names, lines_of(kept), strict=True))
    booking.book(booking.lock_line(lines["booked"].id), [Part(whose, Decimal(13))], WHO)
    text = f"Date,Amount,Memo\n2026-11-19,-1.00,{number}\n2026-11-20,2.00,{name}\n"
    waiting = take_in(f"{name} {number} waiting.csv", text.encode())
    db.session.flush()
    return {one: line.id for one, line in lines.items()} | {
        "statement": kept.statements[0].id,
        "file": waiting.file.id,
        "recorded": recorded.id,
        "debited": debited.id,
    }


def _payment(whose: Customer, amount: str, token: str) -> Payment:
    made = Payment(
        token=token, customer=whose, state=PaymentState.COMPLETED, paid_on=TODAY - timedelta(days=4),
        amount=Decimal(amount), fee=Decimal(0), created_at=NOW,
    )  # fmt: skip
    return credit.record_payment(made, TODAY, now=NOW)
