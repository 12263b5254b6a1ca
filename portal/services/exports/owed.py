"""Who owes, as a table: what each has to pay, and how old it is."""

from array import array
from collections.abc import Iterator, Sequence
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from portal.extensions import db
from portal.models import Customer
from portal.services.chunks import in_chunks
from portal.services.credit.owed import AGES, Owes, owed
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


def owing(currency: str, day: date, ids: "array[int]", today: date) -> Table:
    """Those of these customers who owe in a currency at the end of a day, in the order given."""
    return Table("owed", _columns(currency), _chunks(currency, day, ids, today), lambda row: currency)


def _chunks(currency: str, day: date, ids: "array[int]", today: date) -> Iterator[Sequence[tuple[Owes, str]]]:
    for some in filter(len, (ids[:AT_FIRST], *in_chunks(ids[AT_FIRST:]))):
        found = {row.customer_id: row for row in owed(currency, day, now_is=today, ids=list(some)).rows}
        rows = [found[id] for id in some if id in found]
        query = select(Customer).where(Customer.id.in_(found)).options(selectinload(Customer.account_codes))
        codes = {customer.id: first_code(customer) for customer in db.session.scalars(query)}
        yield [(row, codes.get(row.customer_id, "")) for row in rows]
