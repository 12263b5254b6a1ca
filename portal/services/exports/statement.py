"""A customer's statement as a table: the entries of a span of days, between what the balance was and what it is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from portal.models import BalanceEntry, Customer
from portal.services.credit.balance import balance_of, entries_of
from portal.services.credit.statement import words_of
from portal.services.exports.table import Column, Kind, Table, rows_of
from portal.services.listing import Sort

IN_TURN = Sort((BalanceEntry.made_on, BalanceEntry.id))


@dataclass(frozen=True, slots=True)
class Row:
    """An entry and the balance after it; or, without an entry, the balance alone."""

    on: date
    words: str
    balance: Decimal
    currency: str
    entry: BalanceEntry | None = None


COLUMNS = (
    Column("Date", lambda row: row.on, Kind.DAY),
    Column("Entry", lambda row: row.words),
    Column("For", lambda row: row.entry and row.entry.for_day, Kind.DAY),
    Column("Currency", lambda row: row.currency),
    Column("Amount", lambda row: row.entry and row.entry.amount, Kind.MONEY),
    Column("Tax In It", lambda row: row.entry and row.entry.tax, Kind.MONEY),
    Column("Balance", lambda row: row.balance, Kind.MONEY),
)


def statement(customer: Customer, begins: date, through: date) -> Table:
    """What moved the balance from `begins` to `through`, both included."""
    chunks = _chunks(customer.id, customer.currency, begins, through)
    return Table("statement", COLUMNS, chunks, lambda row: row.currency)


def _chunks(customer_id: int, currency: str, begins: date, through: date) -> Iterator[Sequence[Row]]:
    balance = balance_of(customer_id, begins)
    yield [Row(begins, "Opening balance", balance, currency)]
    for some in rows_of(entries_of(customer_id, begins, through).order_by(None), IN_TURN):
        words, rows = words_of(some), []
        for entry in some:
            balance += entry.amount
            rows.append(Row(entry.made_on, words[entry.id], balance, currency, entry))
        yield rows
    yield [Row(through, "Closing balance", balance, currency)]
