"""Customers as a table: all that is known of each, with the figures that stand beside them in the list."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from flask import current_app
from sqlalchemy import Select, func, select
from sqlalchemy.orm import selectinload

from portal.domain.bank_account import masked
from portal.domain.payment_reference import payment_reference
from portal.domain.wording import digits
from portal.extensions import db
from portal.models import Contact, Customer, CustomerTaxRate
from portal.services.customers.account_codes import codes_of
from portal.services.customers.ranking import Figures, Order, every_ranked, figures_of
from portal.services.dids.dids import count_by_customer
from portal.services.exports.table import Column, Kind, Table, rows_of, yes
from portal.services.listing import Sort


@dataclass(frozen=True, slots=True)
class Row:
    """A customer with the figures, how many DIDs are theirs, and the tax of today."""

    customer: Customer
    figures: Figures
    dids: int
    today: date

    @property
    def planned_taxes(self) -> list[CustomerTaxRate]:
        """What their tax is from a later day on."""
        return [row for row in self.customer.tax_rates if row.effective_from > self.today]


OF_CONTACTS = (("name", "Name"), ("role", "Role"), ("email", "E-mail"), ("phone", "Phone"))
IBAN = Column("IBAN", lambda row: row.customer.iban)
MASKED = Column("IBAN", lambda row: masked(row.customer.iban))
COLUMNS = (
    Column("Number", lambda row: f"#{row.customer.id}"),
    Column("Name", lambda row: row.customer.name),
    Column("Account Codes", lambda row: ", ".join(codes_of(row.customer))),
    Column("Legal Name", lambda row: row.customer.legal_name),
    Column("Street", lambda row: row.customer.street),
    Column("Street, second line", lambda row: row.customer.street_2),
    Column("City", lambda row: row.customer.city),
    Column("Postcode", lambda row: row.customer.postcode),
    Column("State", lambda row: row.customer.state),
    Column("Country", lambda row: row.customer.country),
    Column("VAT ID", lambda row: row.customer.vat_id),
    Column("Registration Number", lambda row: row.customer.registration_number),
    Column("Company Details", lambda row: row.customer.company_details),
    Column("E-mail", lambda row: row.customer.email),
    Column("Phone", lambda row: row.customer.phone),
    Column("Currency", lambda row: row.customer.currency),
    Column("Debit Limit", lambda row: row.customer.debit_limit, Kind.MONEY),
    Column("Payment Days", lambda row: row.customer.payment_days, Kind.NUMBER),
    IBAN,
    Column("Payment Reference", lambda row: payment_reference(row.customer.id)),
    Column("Tax Rate", lambda row: row.customer.tax_on(row.today).rate, Kind.NUMBER),
    Column("Tax Category", lambda row: row.customer.tax_on(row.today).category.words),
    Column("Tax Reason", lambda row: row.customer.tax_on(row.today).reason),
    Column("Planned Tax", lambda row: "\n".join(map(planned_tax, row.planned_taxes))),
    Column("Monthly Summary", lambda row: yes(row.customer.monthly_summary_since is not None)),
    Column("Since", lambda row: row.customer.created_on, Kind.DAY),
    Column("Archived", lambda row: row.customer.archived_on, Kind.DAY),
    Column("DIDs", lambda row: row.dids, Kind.NUMBER),
    Column("Recurring", lambda row: row.figures.recurring.retail, Kind.MONEY),
    Column("Margin", lambda row: row.figures.margin, Kind.MONEY),
    Column("Balance", lambda row: row.figures.balance, Kind.MONEY),
    Column("Available", lambda row: row.figures.balance + row.customer.debit_limit, Kind.MONEY),
    Column("To Pay", lambda row: row.figures.to_pay, Kind.MONEY),
    Column("Last Payment", lambda row: row.figures.paid, Kind.DAY),
    Column("Next Charge", lambda row: row.figures.next_on, Kind.DAY),
)


def _contact(place: int, name: str) -> Callable[[Row], str | None]:
    """What a customer's contact at a place is."""

    def value(row: Row) -> str | None:
        contacts = row.customer.contacts
        return getattr(contacts[place], name) if place < len(contacts) else None

    return value


def _contact_columns() -> list[Column]:
    """As many as it takes for the customer with the most contacts."""
    most = _most_contacts()
    return [
        Column(f"Contact {place + 1} {label}", _contact(place, name))
        for place in range(most)
        for name, label in OF_CONTACTS
    ]


def _most_contacts() -> int:
    """How many whoever has the most has. Those of each are counted again only where a contact has come or gone: that
    takes longer than all else before a file begins. The last id would not tell: who added another before may be saved
    after it.
    """
    now = tuple(db.session.execute(select(func.count(), func.sum(Contact.id)).select_from(Contact)).one())
    known, most = current_app.extensions.get("portal.most_contacts", (None, 0))
    if now != known:
        each = select(func.count(Contact.id).label("count")).group_by(Contact.customer_id).subquery()
        most = db.session.scalar(select(func.max(each.c.count))) or 0
        current_app.extensions["portal.most_contacts"] = now, most
    return int(most)


def planned_tax(row: CustomerTaxRate) -> str:
    """A later tax in a line: 2027-01-01; 19; Standard."""
    parts = (row.effective_from.isoformat(), digits(row.rate), row.category.words, row.reason)
    return "; ".join(parts).rstrip("; ")


def customers(
    query: Select[Customer], order: Sort | Order, today: date, *, masks_iban: bool = False
) -> Table:
    """The customers that a list finds, in its order; `masks_iban` for those who see no more of it on a page."""
    query = query.options(
        selectinload(Customer.tax_rates),
        selectinload(Customer.account_codes),
        selectinload(Customer.contacts),
    )
    chunks: Iterable[Sequence[Customer]] = (
        rows_of(query, order) if isinstance(order, Sort) else every_ranked(query, order)
    )
    return Table(
        "customers",
        (*(MASKED if masks_iban and column is IBAN else column for column in COLUMNS), *_contact_columns()),
        (_rows(some, today) for some in chunks),
        lambda row: row.customer.currency,
    )


def _rows(some: Sequence[Customer], today: date) -> list[Row]:
    ids = [customer.id for customer in some]
    figures, dids = figures_of(ids, today), count_by_customer(ids)
    return [Row(customer, figures[customer.id], dids.get(customer.id, 0), today) for customer in some]
