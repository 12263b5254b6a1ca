"""Faults found in forms: sent twice, sent with other content."""

from decimal import Decimal

import pytest
from sqlalchemy import func, select

from portal.extensions import db
from portal.models import Allocation, Charge, Customer, Did, Package, Payment, PaymentState
from portal.services import credit
from tests.services.credit.test_credit import charged, paid
from tests.trade import BEN, NOW, TODAY, a_customer, a_did, a_package, assigned


def test_a_double_click_on_paying_all_of_a_charge_is_answered_as_the_first(app, client):
    app.config["TODAY"] = TODAY.isoformat()
    with app.app_context():
        acme = a_customer(tax_rate="0")
        charge = charged(acme, "10")
        payment = paid(acme, "10")
        db.session.commit()
        form = {"charge": str(charge.id), "amount": "10", "token": "t1"}
        path = f"/payments/{payment.id}/allocations"
    first = client.post(path, data=form)
    second = client.post(path, data=form)
    assert (first.status_code, second.status_code) == (303, 303), second.get_data(as_text=True)[-3000:]


def test_a_used_token_of_an_allocation_that_says_something_else_is_refused_as_such(app, client):
    app.config["TODAY"] = TODAY.isoformat()
    with app.app_context():
        acme = a_customer(tax_rate="0")
        charge, other = charged(acme, "10"), charged(acme, "5", token="other")
        payment = paid(acme, "20")
        db.session.commit()
        form = {"charge": str(charge.id), "amount": "10", "token": "t1"}
        path = f"/payments/{payment.id}/allocations"
    assert client.post(path, data=form).status_code == 303
    answer = client.post(path, data=form | {"amount": "5"})
    assert answer.status_code == 409, answer.status_code


@pytest.mark.parametrize(
    "path", ["/payments?customer_id={c}", "/charges?customer_id={c}", "/customers/{c}/credit/adjustments"]
)
@pytest.mark.parametrize("token", ["", " ", "x" * 65, "\x00", "é" * 64, "a\u200bb"])
def test_tokens_of_all_kinds(app, client, path, token):
    app.config["TODAY"] = TODAY.isoformat()
    with app.app_context():
        acme = a_customer(tax_rate="0")
        db.session.commit()
        path = path.format(c=acme.id)
        form = {
            "customer": acme.name,
            "customer_id": acme.id,
            "amount": "10",
            "cost": "0",
            "token": token,
            "paid_on": TODAY.isoformat(),
            "state": "completed",
            "charge_on": TODAY.isoformat(),
            "description": "x",
            "reason": "x",
            "for_day": TODAY.isoformat(),
            "fee": "",
        }
    answer = client.post(path, data=form)
    print(path, repr(token)[:20], answer.status_code)
    assert answer.status_code in (303, 422)
    if token != "é" * 64:
        assert answer.status_code == 422
