"""Payments, and payments back, as tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Select
from sqlalchemy.orm import joinedload

from portal.models import Customer, Payment, PaymentBack
from portal.services.credit.payment_list import lefts
from portal.services.exports.table import Column, Kind, Table, first_code, rows_of
from portal.services.listing import Sort


@dataclass(frozen=True, slots=True)
class Row:
    """A payment, and what is left of it."""

    payment: Payment
    left: Decimal | None

    @property
    def customer(self) -> Customer:
        """Who paid."""
        return self.payment.customer


WHOSE = (
    Column("Customer", lambda row: row.customer.name),
    Column("Customer Number", lambda row: f"#{row.customer.id}"),
    Column("Account Code", lambda row: first_code(row.customer)),
)
COLUMNS = (
    Column("Number", lambda row: str(row.payment.id)),
    Column("Date", lambda row: row.payment.paid_on, Kind.DAY),
    *WHOSE,
    Column("Method", lambda row: in_words(row.payment.method)),
    Column("Bank Reference", lambda row: row.payment.bank_reference),
    Column("State", lambda row: in_words(row.payment.state)),
    Column("Currency", lambda row: row.customer.currency),
    Column("Amount", lambda row: row.payment.amount, Kind.MONEY),
    Column("Left", lambda row: row.left, Kind.MONEY),
    Column("Fee", lambda row: row.payment.fee, Kind.MONEY),
    Column("Description", lambda row: row.payment.description),
    Column("Part Of", lambda row: row.payment.split_from_id and str(row.payment.split_from_id)),
    Column("Added At", lambda row: row.payment.created_at, Kind.MOMENT),
    Column("Added By", lambda row: row.payment.created_by),
)
BACK = (
    Column("Number", lambda back: str(back.id)),
    Column("Date", lambda back: back.paid_on, Kind.DAY),
    *WHOSE,
    Column("Method", lambda back: in_words(back.method)),
    Column("Bank Reference", lambda back: back.bank_reference),
    Column("State", lambda back: "Cancelled" if back.cancelled_on else "Paid back"),
    Column("Cancelled", lambda back: back.cancelled_on, Kind.DAY),
    Column("Currency", lambda back: back.customer.currency),
    Column("Amount", lambda back: back.amount, Kind.MONEY),
    Column("Added At", lambda back: back.created_at, Kind.MOMENT),
    Column("Added By", lambda back: back.created_by),
)


def in_words(value: str) -> str:
    """A method or a state as a word: bank_transfer is Bank transfer."""
    return value.replace("_", " ").capitalize()


def payments(query: Select[Payment], sort: Sort) -> Table:
    """The payments that a list finds."""
    whose = joinedload(Payment.customer)
    query = query.options(whose, whose.selectinload(Customer.account_codes))
    return Table("payments", COLUMNS, rows_of(query, sort, _rows), lambda row: row.customer.currency)


def payments_back(query: Select[PaymentBack], sort: Sort) -> Table:
    """The payments back that a list finds."""
    whose = joinedload(PaymentBack.customer)
    query = query.options(whose, whose.selectinload(Customer.account_codes))
    return Table("payments back", BACK, rows_of(query, sort), lambda back: back.customer.currency)


def _rows(some: Sequence[Payment]) -> list[Row]:
    left = lefts(some)
    return [Row(payment, left.get(payment.id)) for payment in some]
