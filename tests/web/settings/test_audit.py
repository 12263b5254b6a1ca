"""The audit log tells who did what to which thing, with before and after, and nobody can change it."""

import json
from datetime import date
from urllib.parse import urlsplit

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError

from portal.extensions import db
from portal.models import AuditComment, AuditEntry, Company
from portal.services.assignments.changing import change_end
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
SILENT = {"calls.create", "calls.keep_columns"}


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


def test_every_form_that_saves_something_asks_for_a_comment(tmp_path):
    """Whatever somebody types in and staff's rights are needed for; but what is only a button, and files of calls."""
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
