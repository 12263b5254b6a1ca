"""The audit log tells who did what to which thing, with before and after, and nobody can change it."""

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from urllib.parse import urlsplit

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError

from portal.extensions import db
from portal.models import AuditComment, AuditEntry, Company
from portal.services.assignments import own_prices
from portal.services.assignments.changing import change_end
from portal.services.packages import changes
from portal.services.packages.definition import definition_of
from tests import role_stage, role_table
from tests.pages import page, part, words
from tests.trade import BEN, NOW, TODAY, a_customer, a_package, assigned, run


@pytest.fixture(autouse=True)
def its_today(app, monkeypatch):
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


def entries(session, **where):
    return session.scalars(select(AuditEntry).filter_by(**where).order_by(AuditEntry.id)).all()


def customer_form(customer, **typed):
    return {
        "version": str(customer.version),
        "name": customer.name,
        "currency": "GBP",
        "debit_limit": "0",
    } | typed


def test_a_change_tells_who_when_before_and_after(client, session):
    acme = a_customer("Acme")
    session.commit()
    client.post(f"/customers/{acme.id}", data=customer_form(acme, name="Acme Ltd", debit_limit="250"))
    (entry,) = entries(session, act="changed", noun="customer")
    assert (entry.done_by, entry.role, entry.noun_id) == ("owner@lumen.example", "owner", acme.id)
    assert json.loads(entry.before) == {"name": "Acme", "debit_limit": "0"}
    assert json.loads(entry.after) == {"name": "Acme Ltd", "debit_limit": "250"}


def test_a_party_its_contacts_and_taxes_are_told_and_of_an_iban_only_so_much_that_one_is_known(
    client, session
):
    acme = a_customer("Acme")
    acme.iban = "GB33BUKB20201555555555"
    session.commit()
    typed = {
        "country": "DE",
        "vat_id": "136 695 976",
        "iban": "DE75512108001245126199",
        "contacts-0-name": "Nora",
    }
    client.post(f"/customers/{acme.id}", data=customer_form(acme, **typed))
    changed, added = entries(session, noun="customer", customer_id=acme.id)[-2:]
    assert json.loads(changed.before) == {"country": "", "vat_id": "", "iban": "GB33 … 5555"}
    assert json.loads(changed.after) == {"country": "DE", "vat_id": "DE136695976", "iban": "DE75 … 6199"}
    assert (added.act, added.label, json.loads(added.after)) == ("added", "Acme: contact", {"name": "Nora"})
    session.refresh(acme)
    client.post(f"/customers/{acme.id}", data=customer_form(acme, **typed | {"contacts-0-name": ""}))
    removed = entries(session, noun="customer", customer_id=acme.id)[-1]
    assert (removed.act, removed.label, json.loads(removed.before)["name"]) == (
        "removed",
        "Acme: contact",
        "Nora",
    )
    session.refresh(acme)
    why = {"tax_rate": "0", "tax_category": "exempt", "tax_reason": "Education", "version": str(acme.version)}
    client.post(f"/customers/{acme.id}/tax-rates", data=why)
    told = json.loads(entries(session, noun="customer", customer_id=acme.id)[-1].after)
    assert told == {"rate": "0", "category": "exempt", "reason": "Education"}


def test_a_planned_tax_rate_that_is_removed_is_told(client, session):
    acme = a_customer("Acme")
    session.commit()
    planned = {"tax_rate": "21", "tax_rate_from": "2027-01-01", "version": str(acme.version)}
    client.post(f"/customers/{acme.id}/tax-rates", data=planned)
    client.post(f"/customers/{acme.id}/tax-rates/drop", data={"effective_from": "2027-01-01"})
    last = entries(session, noun="customer", customer_id=acme.id)[-1]
    assert (last.act, last.label) == ("removed", "Acme: tax rate")
    assert json.loads(last.before)["effective_from"] == "2027-01-01"


def test_planned_prices_that_are_removed_are_told(session):
    package, acme = a_package("Line"), a_customer("Acme")
    assignment = assigned(package, acme)
    run(TODAY)
    january = date(2027, 1, 1)
    own_prices.make_own_change(own_prices.plan_own_change(assignment, {"retail": Decimal(8)}, january, TODAY))
    wanted = definition_of(package, TODAY)
    dearer = replace(wanted, prices=tuple(replace(prices, retail=Decimal(99)) for prices in wanted.prices))
    changes.make_change(changes.plan_change(package, dearer, january, TODAY))
    session.flush()
    own_prices.drop_planned(assignment, january, TODAY)
    changes.drop_planned(package, january, TODAY)
    session.flush()
    told = {entry.label: json.loads(entry.before) for entry in entries(session, act="removed")}
    assert set(told) == {"Line for Acme: own prices", "Line: prices"}
    assert {(before["effective_from"], before["retail"]) for before in told.values()} == {
        ("2027-01-01", "8"), ("2027-01-01", "99"),
    }  # fmt: skip


def test_what_is_refused_is_not_told(client, session):
    acme = a_customer("Acme")
    session.commit()
    before = len(entries(session))
    page(client.post(f"/customers/{acme.id}", data=customer_form(acme, name="")), 422)
    assert len(entries(session)) == before


def test_prices_locks_charges_and_payments_are_told(client, session):
    acme = a_customer("Acme", tax_rate="0")
    line = assigned(a_package(minimum_days=30), acme, date(2026, 11, 20))
    run()
    session.commit()
    change_end(line, TODAY, TODAY, by=BEN, now=NOW, override_reason="The owner said so")
    session.commit()
    (override,) = entries(session, noun="assignment", overrides=True)
    assert json.loads(override.after) == {"override_reason": "The owner said so"}
    assert json.loads(entries(session, act="ended")[0].after) == {"end_date": "2026-11-22"}
    assert any("prices" in e.label for e in entries(session, noun="package", act="added"))
    paid = {"token": "t", "amount": "5", "paid_on": TODAY.isoformat(), "state": "completed"}
    client.post(f"/payments?customer_id={acme.id}", data=paid)
    (payment,) = entries(session, noun="payment")
    assert payment.customer_id == acme.id and json.loads(payment.after)["amount"] == "5"


# What somebody types or chooses, beside what a page only hands on.
TYPED = "input:not([type=hidden], [type=checkbox][name=ids]), select, textarea"
# Of these the log says all there is to say: which file, and which column is what.
SILENT = {
    "bank_statements.create", "bank_statements.keep_columns", "calls.create", "calls.keep_columns", "moving_in.create",
}  # fmt: skip


def test_a_comment_is_asked_for_where_the_setting_says_so_and_kept(client, session):
    acme = a_customer("Acme")
    session.commit()
    path = f"/customers/{acme.id}/credit/adjustments/new"
    assert not page(client.get(path)).select("[name=audit_comment_text]")
    session.get_one(Company, 1).audit_comment = AuditComment.OPTIONAL
    session.commit()
    assert page(client.get(path)).select("[name=audit_comment_text]")
    typed = {"token": "t", "amount": "5", "for_day": TODAY.isoformat(), "reason": "Goodwill"}
    typed["audit_comment_text"] = "Asked for by phone"
    client.post(f"/customers/{acme.id}/credit/adjustments", data=typed)
    (entry,) = entries(session, noun="balance")
    assert entry.comment == "Asked for by phone"


@pytest.mark.slow
def test_every_form_that_saves_something_asks_for_a_comment(tmp_path):
    """Whatever somebody types in and staff's rights are needed for; but what is only a button, and files."""
    stage = role_stage.make(tmp_path, "comments")
    rows, asked, silent = role_table.rows(), set(), set()
    try:
        with stage.app.app_context():
            db.session.get_one(Company, 1).audit_comment = AuditComment.OPTIONAL
            db.session.commit()
        client, routes = role_stage.browser(stage, "owner"), role_stage.routes(stage.app)
        urls = stage.app.url_map.bind("localhost")
        for name in rows:
            for rule in routes[name] if name.startswith("GET ") else ():
                path = role_stage.address(stage.app, name, rule, stage.things["acme"])
                answer = client.get(path)
                if answer.mimetype != "text/html" or answer.status_code != 200:
                    continue
                soup = page(answer) if "<html" in answer.text else part(answer)
                for form in soup.select("form[method=post]"):
                    endpoint, _ = urls.match(urlsplit(form["action"]).path, method="POST")
                    fields = [*form.select(TYPED), *soup.select(f"[form='{form.get('id')}']:is({TYPED})")]
                    if rows[f"POST {endpoint}"] in ("CHANGE", "OWNER") and fields and endpoint not in SILENT:
                        asks = len(form.select("[name=audit_comment_text]")) == 1
                        (asked if asks else silent).add(endpoint)
                ids = [tag["id"] for tag in soup.select("[id]")]
                assert len(ids) == len(set(ids)), f"{path}: {[id for id in ids if ids.count(id) > 1]}"
    finally:
        stage.close()
    assert not silent and len(asked) >= 20, (sorted(silent), sorted(asked))


def test_a_comment_on_an_invitation_is_kept(client, session):
    typed = {
        "email": "new@lumen.example",
        "name": "",
        "role": "viewer",
        "audit_comment_text": "For the audit",
    }
    assert client.post("/settings/people/invitations", data=typed).status_code == 303
    assert [entry.comment for entry in entries(session, noun="person", act="added")][-1] == "For the audit"


def test_the_log_is_searched_and_shown(client, as_viewer, session):
    a_customer("Acme")
    a_customer("Globex")
    session.commit()
    for browser in (client, as_viewer):
        text = words(page(browser.get("/settings/audit?q=globex")))
        assert "Globex" in text and "Acme" not in text
    assert "Nothing found" in words(page(client.get("/settings/audit?noun=payment")))
    assert "Nothing found" in words(page(client.get("/settings/audit?overrides=yes")))


@pytest.mark.parametrize("act", [update(AuditEntry).values(label="x"), delete(AuditEntry)])
def test_the_database_itself_keeps_it_from_being_changed(session, act):
    a_customer("Acme")
    session.commit()
    with pytest.raises(DBAPIError, match="written once"):
        session.execute(act)
    session.rollback()
