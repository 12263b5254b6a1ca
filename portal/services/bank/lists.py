"""Statements, the lines of one, what they come to, and what was booked from a line."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import joinedload, selectinload

from portal.domain.bank_files.statement import Kind
from portal.domain.bank_files.stripe import ACCOUNT as STRIPE
from portal.domain.money import AMOUNT_BELOW, parse_decimal
from portal.extensions import db
from portal.models import (
    BankBooking,
    BankFile,
    BankLine,
    BankStatement,
    BankStatementLine,
    LineState,
    Payment,
    PaymentBack,
)
from portal.services import listing
from portal.services.listing import Page, Sort

ZERO, MILLIONTH = Decimal(0), Decimal("0.000001")
NEWEST = Sort((BankStatement.id,), descending=True)
BY_DAY = Sort((BankLine.booked_on, BankLine.id))
# A payout arrives within so many days.
ARRIVES = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Sum:
    """How many lines, and what they come to."""

    count: int = 0
    total: Decimal = ZERO


def find_statements(account: str = "") -> Select[BankStatement]:
    """All statements, or those of an account."""
    query = select(BankStatement).options(joinedload(BankStatement.file))
    return query.where(BankStatement.account == account) if account else query


def waiting_files() -> list[BankFile]:
    """The files whose columns somebody has to describe, the newest first."""
    query = select(BankFile).where(BankFile.content.is_not(None)).order_by(BankFile.id.desc())
    return list(db.session.scalars(query))


def accounts() -> list[str]:
    """The accounts that there are statements of."""
    return list(listing.values_of(BankStatement.account))


def sums_of(statement_ids: Collection[int]) -> dict[int, dict[LineState, Sum]]:
    """What the lines of statements come to, by what became of them."""
    query = (
        select(BankStatementLine.statement_id, BankLine.state, func.count(), func.sum(BankLine.amount))
        .join(BankLine, BankLine.id == BankStatementLine.line_id)
        .where(BankStatementLine.statement_id.in_(statement_ids))
        .group_by(BankStatementLine.statement_id, BankLine.state)
    )
    found: dict[int, dict[LineState, Sum]] = defaultdict(lambda: dict.fromkeys(LineState, Sum()))
    for statement_id, state, count, total in db.session.execute(query):
        found[statement_id][state] = Sum(count, total)
    return {id: found[id] for id in statement_ids}


def line_page(
    statement: BankStatement, state: LineState | None, text: str, after: int | None, before: int | None
) -> Page[BankLine]:
    """Lines of a statement, of one state or all, whose name, text, reference or amount is what was typed."""
    query: Select[Any] = (
        select(BankLine)
        .join(BankStatementLine, BankStatementLine.line_id == BankLine.id)
        .where(BankStatementLine.statement_id == statement.id)
        .options(*_WITH_BOOKINGS)
    )
    if state:
        query = query.where(BankLine.state == state)
    if text.strip():
        query = query.where(or_(*_meant(text.strip())))
    return listing.page(query, BY_DAY, after, before)


_WITH_BOOKINGS = (
    selectinload(BankLine.bookings).joinedload(BankBooking.payment).joinedload(Payment.customer),
    selectinload(BankLine.bookings).joinedload(BankBooking.payment_back).joinedload(PaymentBack.customer),
)


def _meant(text: str) -> list[Any]:
    columns = (BankLine.name, BankLine.text, BankLine.bank_reference, BankLine.payer_account, BankLine.email)
    meant = [column.icontains(text, autoescape=True) for column in columns]
    try:
        amount = parse_decimal(text)
    except ValueError:
        return meant
    if abs(amount) < AMOUNT_BELOW and amount == amount.quantize(MILLIONTH):
        meant += [BankLine.amount == amount, BankLine.amount == -amount]
    return meant


def statements_of(line: BankLine) -> list[BankStatement]:
    """The statements that a line stands in."""
    query = (
        select(BankStatement)
        .join(BankStatementLine, BankStatementLine.statement_id == BankStatement.id)
        .where(BankStatementLine.line_id == line.id)
        .order_by(BankStatement.id)
    )
    return list(db.session.scalars(query))


def bookings_of(payment: Payment) -> list[BankLine]:
    """The lines that were booked as a payment, or by which it came back."""
    query = (
        select(BankLine)
        .join(BankBooking, BankBooking.line_id == BankLine.id)
        .where(BankBooking.payment_id == payment.id)
        .order_by(BankLine.id)
    )
    return list(db.session.scalars(query))


def gap_before(statement: BankStatement) -> BankStatement | None:
    """The statement of the same account before this one, where this one does not begin with what that one closed at.

    None where the two meet or overlap, where there is none before it, and where a balance is not known.
    """
    if statement.opening is None:
        return None
    others = select(BankStatement).where(
        BankStatement.account == statement.account,
        BankStatement.currency == statement.currency,
        BankStatement.id != statement.id,
    )
    begins = statement.begins
    # Several end on the day that this one begins on where a bank writes more than one a day.
    same_day = db.session.scalars(others.where(BankStatement.through == begins)).all()
    earlier = others.where(BankStatement.through < begins)
    latest_day = earlier.with_only_columns(func.max(BankStatement.through)).scalar_subquery()
    latest = db.session.scalars(
        earlier.where(BankStatement.through == latest_day).order_by(BankStatement.id.desc())
    ).all()
    before = [one for one in same_day if one.begins < begins] or latest
    if not before or any(one.closing in (None, statement.opening) for one in (*same_day, *latest)):
        return None
    overlaps = others.where(
        BankStatement.begins < begins,
        or_(
            BankStatement.through > begins,
            and_(BankStatement.through == begins, _shares_a_line(statement)),
        ),
    )
    return None if db.session.scalars(overlaps.limit(1)).first() else before[0]


def _shares_a_line(statement: BankStatement) -> ColumnElement[bool]:
    """Of other statements those in which a line of this one stands."""
    mine = select(BankStatementLine.line_id).where(BankStatementLine.statement_id == statement.id)
    return (
        select(BankStatementLine.line_id)
        .where(BankStatementLine.statement_id == BankStatement.id, BankStatementLine.line_id.in_(mine))
        .exists()
    )


def arrival_of(statement: BankStatement) -> BankLine | None:
    """The line of a bank account on which a payout of Stripe arrived; None where there is none yet, or no payout."""
    if statement.account != STRIPE:
        return None
    amount = paid_out(statement)
    query = (
        select(BankLine)
        .where(
            BankLine.kind == Kind.PAYOUT,
            BankLine.account != STRIPE,
            BankLine.currency == statement.currency,
            BankLine.amount == amount,
            BankLine.booked_on.between(statement.begins, statement.through + ARRIVES),
        )
        .order_by(BankLine.booked_on, BankLine.id)
        .limit(1)
    )
    return db.session.scalars(query).first()


def paid_out(statement: BankStatement) -> Decimal:
    """What the lines of a payout come to, without the payout itself where it is one of them."""
    query = (
        select(func.coalesce(func.sum(BankLine.amount), 0))
        .join(BankStatementLine, BankStatementLine.line_id == BankLine.id)
        .where(BankStatementLine.statement_id == statement.id, BankLine.kind != Kind.PAYOUT)
    )
    return Decimal(db.session.scalar(query) or 0)
