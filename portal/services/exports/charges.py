"""Posted charges as a table: as the list has them, and as accounts import them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from portal.domain.schedule import ONE_DAY
from portal.domain.tax import Tax
from portal.extensions import db
from portal.models import Charge, Customer
from portal.services.charges.explaining import explained
from portal.services.charges.lists import DEFAULT_SORT, KINDS, Asked, every_charge
from portal.services.credit.states import Standing, standings
from portal.services.customers.taxes import tax_of
from portal.services.exports.table import Column, Kind, Table, first_code, yes


@dataclass(frozen=True, slots=True)
class Row:
    """A charge with what became of it, and where it comes from; or with its tax."""

    charge: Charge
    customer: Customer
    standing: Standing | None = None
    why: str = ""
    tax: Tax | None = None


# What charges have in common, posted or not.
WHAT = (
    Column("Date", lambda row: row.charge.charge_on, Kind.DAY),
    Column("Customer", lambda row: row.customer.name),
    Column("Customer Number", lambda row: f"#{row.customer.id}"),
    Column("Account Code", lambda row: first_code(row.customer)),
    Column("Kind", lambda row: KINDS[row.charge.kind]),
    Column("For", lambda row: row.charge.label),
    Column("DID", lambda row: row.charge.did_number),
    Column("Period From", lambda row: None if row.charge.is_once else row.charge.period_from, Kind.DAY),
    Column("Period To", lambda row: last_day(row.charge), Kind.DAY),
    Column("Quantity", lambda row: row.charge.quantity, Kind.NUMBER),
    Column("Unit Price", lambda row: row.charge.unit_price, Kind.MONEY),
    Column("Days", lambda row: row.charge.days, Kind.NUMBER),
    Column("Days Of Period", lambda row: row.charge.whole_days, Kind.NUMBER),
    Column("Spend", lambda row: row.charge.spend, Kind.MONEY),
    Column("Currency", lambda row: row.charge.currency),
    Column("Amount", lambda row: row.charge.amount, Kind.MONEY),
    Column("Tax Rate", lambda row: row.charge.tax_rate, Kind.NUMBER),
    Column("Tax", lambda row: row.charge.tax, Kind.MONEY),
    Column("Total", lambda row: row.charge.total, Kind.MONEY),
)
COST = (
    Column("Cost", lambda row: row.charge.cost, Kind.MONEY),
    Column("Margin", lambda row: row.charge.margin, Kind.MONEY),
)
WHY = Column("Why", lambda row: row.why)
COLUMNS = (
    Column("Number", lambda row: str(row.charge.id)),
    *WHAT,
    *COST,
    Column("Auto Decrement Credit", lambda row: yes(row.charge.auto_decrement_credit)),
    Column("State", lambda row: row.standing and row.standing.state.words),
    Column("Due", lambda row: row.standing and row.standing.due_on, Kind.DAY),
    Column("Left", lambda row: left_of(row), Kind.MONEY),
    Column("Paid On", lambda row: row.standing and row.standing.paid_on, Kind.DAY),
    Column("Reason", lambda row: row.charge.reason),
    Column("Run", lambda row: row.charge.run_id and str(row.charge.run_id)),
    Column("Posted At", lambda row: row.charge.posted_at, Kind.MOMENT),
    Column("Posted By", lambda row: row.charge.posted_by),
    WHY,
)
# For the customer: nothing of what it costs, or of who works for the provider.
MINE = tuple(
    column for column in WHAT if column.heading not in ("Customer", "Customer Number", "Account Code", "Kind")
)
# As accounts import them. The account stands empty: whose books they are says where what belongs.
ACCOUNTS = (
    Column("Date", lambda row: row.charge.charge_on, Kind.DAY),
    Column("Number", lambda row: str(row.charge.id)),
    Column("Customer", lambda row: row.customer.name),
    Column("Account Code", lambda row: first_code(row.customer)),
    Column("Description", lambda row: row.charge.label),
    Column("Kind", lambda row: KINDS[row.charge.kind]),
    Column("Currency", lambda row: row.charge.currency),
    Column("Net", lambda row: row.charge.amount, Kind.MONEY),
    Column("Tax Rate", lambda row: row.charge.tax_rate, Kind.NUMBER),
    Column("Tax Category", lambda row: row.tax.category.words),
    Column("Tax", lambda row: row.charge.tax, Kind.MONEY),
    Column("Gross", lambda row: row.charge.total, Kind.MONEY),
    Column("Account", lambda row: None),
)


def last_day(charge: Charge) -> date | None:
    """The last day that a charge pays for; None for what is charged once."""
    return None if charge.period_until is None else max(charge.period_until - ONE_DAY, charge.period_from)


def left_of(row: Row) -> object:
    """What is left to pay of a charge, or, below zero, to use of a discount."""
    if row.standing is None or row.charge.auto_decrement_credit:
        return None
    return row.standing.left if row.charge.amount >= 0 else -row.standing.left


def charges(asked: Asked, sort: str = DEFAULT_SORT) -> Table:
    """The charges that a list finds."""
    chunks = (_told(some, asked.today) for some in every_charge(asked, sort))
    return Table("charges", COLUMNS, chunks, lambda row: row.charge.currency)


def for_accounts(asked: Asked, sort: str = DEFAULT_SORT) -> Table:
    """The same, as accounts import them: without opening items, which are in the books of the other system."""
    chunks = (_taxed(some) for some in every_charge(asked, sort))
    return Table("accounts", ACCOUNTS, chunks, lambda row: row.charge.currency)


def for_the_customer(asked: Asked) -> Table:
    """A customer's charges, the oldest first, as they may see them."""
    columns = (*MINE, Column("State", lambda row: row.standing and row.standing.state.words), WHY)
    chunks = (_told(some, asked.today) for some in every_charge(asked, "date"))
    return Table("charges", columns, chunks, lambda row: row.charge.currency)


def _told(some: Sequence[Charge], today: date) -> list[Row]:
    _with_codes(some)
    stand = standings(some, today)
    return [
        Row(told.charge, told.charge.customer, stand.get(told.charge.id), told.why)
        for told in explained(some)
    ]


def _taxed(some: Sequence[Charge]) -> list[Row]:
    _with_codes(some)
    held = _with_those_they_name(some)  # as long as their taxes are asked for
    found = [
        Row(charge, charge.customer, tax=tax_of(charge)) for charge in some if charge.opening_number is None
    ]
    del held
    return found


def _with_those_they_name(some: Sequence[Charge]) -> list[Charge]:
    """Load the charges that these correct, reverse or write off, and what those name in turn, all at once."""
    held, named = list(some), _named(some)
    while wanted := named - {charge.id for charge in held}:
        found = db.session.scalars(select(Charge).where(Charge.id.in_(wanted))).all()
        held += found
        named = _named(found)
    return held


def _named(some: Sequence[Charge]) -> set[int]:
    ids = (id for charge in some for id in (charge.corrects_id, charge.reverses_id, charge.writes_off_id))
    return {id for id in ids if id is not None}


def _with_codes(some: Sequence[Charge]) -> None:
    """Load what else is needed of the customers, all at once."""
    ids = {charge.customer_id for charge in some}
    both = selectinload(Customer.account_codes), selectinload(Customer.tax_rates)
    db.session.scalars(select(Customer).where(Customer.id.in_(ids)).options(*both)).all()
