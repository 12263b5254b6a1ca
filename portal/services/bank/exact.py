"""All exact lines of a statement at once: those with the payment reference of one customer, and nothing against it.

It works through them some at a time and commits as it goes: killed anywhere, it goes on, and books each line once.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Select, select, update

from portal.domain.bank_files.matching import EXACT, Open, can_be_exact, charges_for
from portal.domain.errors import RuleBroken
from portal.extensions import db
from portal.models import BankLine, BankStatement, BankStatementLine, Customer, LineState
from portal.services import credit, locking
from portal.services.bank.booking import Part, Who, book, lock_line, to_line
from portal.services.bank.payers import as_line, numbers_of
from portal.services.bank.proposals import recorded_of
from portal.services.chunks import in_chunks

# So many are booked while a request waits; more are handed on.
SMALL = 100


@dataclass(slots=True)
class Exact:
    """What may be exact of a statement: how many lines, and what they come to."""

    count: int = 0
    total: Decimal = Decimal(0)


@dataclass(slots=True)
class Booked:
    """How many lines were booked, and why others were not, each with its line."""

    count: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)


def exact_of(statement: BankStatement) -> Exact:
    """How many open lines name the payment reference of one customer whose currency it is."""
    lines = [line for some in _candidates(statement) for line in some]
    return Exact(len(lines), sum((line.amount for line in lines), Decimal(0)))


def _candidates(statement: BankStatement) -> Iterator[list[BankLine]]:
    """The open lines with the reference of one customer who can be proposed, some at a time."""
    lines = list(db.session.scalars(_open_lines(statement)))
    for some in in_chunks(lines):
        can_be = _payers(some)
        yield [
            line
            for line in some
            if len(found := [can_be[id] for id in numbers_of(line) if id in can_be]) == 1
            and found[0] == (line.currency, False)
        ]


def _open_lines(statement: BankStatement) -> Select[BankLine]:
    return (
        select(BankLine)
        .join(BankStatementLine, BankStatementLine.line_id == BankLine.id)
        .where(
            BankStatementLine.statement_id == statement.id,
            BankLine.state == LineState.OPEN,
            BankLine.amount > 0,
            BankLine.kind.in_(EXACT),
            BankLine.numbers != "",
        )
        .order_by(BankLine.id)
    )


def _payers(lines: Sequence[BankLine]) -> dict[int, tuple[str, bool]]:
    """The currency of each customer whose reference stands in some lines, and whether they are archived."""
    numbers = {number for line in lines for number in numbers_of(line)}
    found: dict[int, tuple[str, bool]] = {}
    for some in in_chunks(sorted(numbers)):
        query = select(Customer.id, Customer.currency, Customer.archived_on).where(Customer.id.in_(some))
        found |= {id: (currency, bool(archived)) for id, currency, archived in db.session.execute(query)}
    return found


def book_exact(
    statement: BankStatement,
    *,
    by: str,
    today: date,
    now: Callable[[], datetime],
    between: Callable[[], None] = lambda: None,
) -> Booked:
    """Book every exact line of a statement, each in a transaction of its own. Commits.

    One that cannot be booked stops no other and stays open.
    """
    booked = Booked()
    ids = [line.id for some in _candidates(statement) for line in some]
    db.session.commit()
    for id in ids:
        between()
        try:
            booked.count += _book_one(id, Who(by, today, now()))
        except RuleBroken as refusal:
            db.session.rollback()
            booked.refused.append((id, refusal.sentence))
            continue
        db.session.commit()
    return booked


def _book_one(line_id: int, who: Who) -> bool:
    """Book a line if it is exact as things stand under its lock; whether it was."""
    line = lock_line(line_id)
    if line is None or line.state != LineState.OPEN or not can_be_exact(as_line(line)):
        return False
    named = locking.lock(Customer, numbers_of(line))
    if len(named) != 1 or named[0].currency != line.currency or named[0].archived_on:
        return False
    (customer,) = named
    if recorded_of(line, customer):
        raise RuleBroken("A payment of this amount was recorded already: look at the line.", to_line(line))
    items = [Open(item.charge.id, item.left) for item in credit.to_pay_items(customer.id)]
    book(line, [Part(customer, line.amount, charges_for(line.amount, items))], who)
    return True


def end(statement_id: int) -> None:
    """All exact lines of a statement were gone through. Commits."""
    db.session.execute(update(BankStatement).where(BankStatement.id == statement_id).values(booking_by=""))
    db.session.commit()
