"""Who owes, as a table: what each has to pay, and how old it is."""

from collections.abc import Iterator, Sequence
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from portal.extensions import db
from portal.models import Customer
from portal.services.chunks import CHUNK
from portal.services.credit.owed import AGES, OwedInAll, Owes
from portal.services.exports.table import Column, Kind, Table, first_code
from portal.services.listing import AT_FIRST


def _columns(currency: str) -> tuple[Column, ...]:
    ages = (
        Column(words, lambda row, place=place: row[0].ages[place], Kind.MONEY)  # type: ignore[misc]
        for place, words in enumerate(AGES)
    )
    return (
        Column("Customer", lambda row: row[0].name),
        Column("Customer Number", lambda row: f"#{row[0].customer_id}"),
        Column("Account Code", lambda row: row[1]),
        Column("Currency", lambda row: currency),
        Column("Oldest Due", lambda row: row[0].oldest, Kind.DAY),
        *ages,
        Column("Below Zero", lambda row: row[0].below_zero, Kind.MONEY),
        Column("Overdue", lambda row: row[0].overdue, Kind.MONEY),
        Column("To Pay", lambda row: row[0].total, Kind.MONEY),
        Column("Balance", lambda row: row[0].balance, Kind.MONEY),
        Column("Debit Limit", lambda row: row[0].debit_limit, Kind.MONEY),
    )


def owing(found: OwedInAll, today: date) -> Table:
    """Those who owe in a currency at the end of a day, in the order in which they were found."""
    return Table("owed", _columns(found.currency), _chunks(found, today), lambda row: found.currency)


def _chunks(found: OwedInAll, today: date) -> Iterator[Sequence[tuple[Owes, str]]]:
    first, count = 0, len(found.ids)
    while first < count:
        until = first + (CHUNK if first else AT_FIRST)
        rows = found.rows(first, until, today)
        query = select(Customer).where(Customer.id.in_([row.customer_id for row in rows]))
        query = query.options(selectinload(Customer.account_codes))
        codes = {customer.id: first_code(customer) for customer in db.session.scalars(query)}
        yield [(row, codes.get(row.customer_id, "")) for row in rows]
        first = until
