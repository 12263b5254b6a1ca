"""A customer's history: every act on them and on what was theirs then, and no other, read by an index."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from sqlalchemy import delete, event, insert, text

from portal.models import AuditEntry, DidOwner, Payment, PaymentState
from portal.models.user import CUSTOMER_USER
from portal.services import credit, deletion, listing
from portal.services.audit import lists
from portal.services.charges.by_hand import ManualCharge, charge_manually
from portal.services.customers.contacts import ContactFields
from portal.services.customers.customers import change_customer, fields_of
from portal.services.notes import notes
from portal.services.people import people
from tests import world
from tests.trade import BEN, NOW, TODAY, a_customer, a_did, a_package, assigned


def history(session: Any, customer: Any, **asked: Any) -> list[AuditEntry]:
    session.flush()
    query = lists.find_entries(customer_id=customer.id, **asked).order_by(AuditEntry.id)
    return list(session.scalars(query))


def test_it_tells_of_the_customer_and_of_all_that_is_theirs(session: Any) -> None:
    acme, other = a_customer("Acme"), a_customer("Other")
    before = len(history(session, other))
    fields = fields_of(acme, contacts=(ContactFields("Nora"),))
    change_customer(acme, replace(fields, email="bills@acme.example"))
    assigned(a_package(), acme, did=a_did(acme))
    asked = ManualCharge(acme, TODAY, Decimal(30), Decimal(0), "Visit")
    charge_manually(asked, token="c", today=TODAY, by=BEN, now=NOW)
    payment = Payment(
        token="p", customer=acme, state=PaymentState.COMPLETED, paid_on=TODAY, amount=Decimal(5), fee=Decimal(0),
        created_at=NOW,
    )  # fmt: skip
    credit.record_payment(payment, TODAY, now=NOW)
    credit.adjust(acme, Decimal(1), TODAY, "Goodwill", token="a", today=TODAY, by=BEN, now=NOW)
    people.create("nora@acme.example", "Nora", world.PASSWORD, CUSTOMER_USER, acme.id)
    notes.add(acme, "Call back", None, token="n", by=BEN, today=TODAY, now=NOW)
    told = {entry.noun for entry in history(session, acme)}
    assert told == {"customer", "DID", "assignment", "charge", "payment", "balance", "person", "note"}
    assert told <= set(lists.NOUNS_OF_CUSTOMERS)
    assert len(history(session, other)) == before
    assert [entry.label for entry in history(session, acme, noun="note")] == ["note on Acme"]
    assert {entry.noun for entry in history(session, acme, text="nora")} == {"person"}


def test_a_did_is_told_of_to_both_when_it_is_handed_on_and_to_neither_while_in_stock(session: Any) -> None:
    acme, bolt = a_customer("Acme"), a_customer("Bolt")
    did = a_did(acme)
    session.flush()
    deletion.give_many([did], bolt, TODAY)
    session.flush()
    deletion.release_did(did, TODAY)
    session.flush()
    did.number = "+442079460777"

    def told(customer: Any) -> list[list[tuple[str, str, str]]]:
        return [lists.audit_line(entry).changes for entry in history(session, customer, noun="DID")]

    number = ("Number", "nothing", "+442079460123")
    assert told(acme) == [
        [number, ("Customer", "nothing", f"#{acme.id}")],
        [("Customer", f"#{acme.id}", "nothing")],
    ]
    assert told(bolt) == [[("Customer", "nothing", f"#{bolt.id}")], [("Customer", f"#{bolt.id}", "nothing")]]


def test_a_did_that_is_removed_is_told_of_as_removed_to_whose_it_was(session: Any) -> None:
    acme = a_customer("Acme")
    did = a_did(acme)
    session.commit()
    session.execute(delete(DidOwner).where(DidOwner.did_id == did.id))
    session.delete(did)
    session.flush()
    told = {entry.act: entry for entry in history(session, acme, noun="DID")}
    assert told.keys() == {"added", "removed"} and "+442079460123" in told["removed"].before


def test_a_page_of_it_is_read_off_the_index(session: Any) -> None:
    row = {
        "done_at": NOW, "done_by": BEN, "role": "", "address": "", "act": "added", "noun": "note", "label": "",
        "before": "", "after": "", "comment": "", "overrides": False, "search_key": "note",
    }  # fmt: skip
    rows = [row | {"customer_id": 1 + number % 100} for number in range(3_000)]
    session.execute(insert(AuditEntry.__table__), rows)
    session.execute(text("ANALYZE audit_entry"))
    said: list[Any] = []
    engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", lambda *args: said.append(args[2:4]))
    for asked in ({}, {"noun": "note"}, {"text": "note"}, {"overrides": True}):
        said.clear()
        listing.page(lists.find_entries(customer_id=7, **asked), lists.NEWEST)
        statement, values = said[0]
        how = "QUERY PLAN " if engine.dialect.name == "sqlite" else ""
        plan = session.connection().exec_driver_sql(f"EXPLAIN {how}{statement}", values).all()
        assert "ix_audit_entry_customer_id_done_at" in str(plan), (asked, plan)
