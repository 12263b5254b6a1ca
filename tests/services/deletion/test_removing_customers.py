"""Customers are removed who have nothing but what was written down of them; whatever else names them keeps them."""

from typing import Any

from sqlalchemy import select

from portal.extensions import db
from portal.models import AccountCode, Contact, Customer, CustomerTaxRate, Note
from portal.services.customers import customers
from portal.services.customers.contacts import ContactFields
from portal.services.deletion.customers import HAS, remove_customers
from portal.services.notes import notes
from tests.trade import BEN, NOW, TODAY, a_customer, a_did

# What goes with its customer, and what stands on charges and payments that name the same customer.
PARTS = {"account_code", "contact", "customer_tax_rate", "note"}
OF_OTHERS = {"allocation", "open_item"}


def test_no_table_that_names_customers_is_forgotten(session: Any) -> None:
    """A new one belongs in HAS, or here."""
    naming = {
        (table.name, column.name)
        for table in db.metadata.tables.values()
        for column in table.columns
        for key in column.foreign_keys
        if key.target_fullname == "customer.id" and table.name not in PARTS | OF_OTHERS
    }
    assert naming == {(column.class_.__tablename__, column.key) for column in HAS}


def test_a_customer_with_a_did_stays_and_one_with_nothing_goes_with_all_parts(session: Any) -> None:
    acme, bolt = a_customer("Acme"), a_customer("Bolt")
    fields = customers.fields_of(bolt, account_codes=("B-1",), contacts=(ContactFields("Ann"),))
    customers.change_customer(bolt, fields)
    a_did(acme)
    for customer in (acme, bolt):
        notes.add(customer, "Call back", TODAY, token=f"n{customer.id}", by=BEN, today=TODAY, now=NOW)
    session.commit()
    acme_id = acme.id
    assert remove_customers([acme.id, bolt.id]) == {acme_id: "There are DIDs."}
    session.commit()
    assert list(session.scalars(select(Customer.id))) == [acme_id]
    assert not list(session.scalars(select(AccountCode))) + list(session.scalars(select(Contact)))
    assert set(session.scalars(select(CustomerTaxRate.customer_id))) == {acme_id}
    assert list(session.scalars(select(Note.customer_id))) == [acme_id]
