"""Payments, allocations and adjustments from the pages."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from portal.models import Allocation, BalanceEntry, Mail, Payment, PaymentState
from portal.services import credit
from portal.services.charges.by_hand import ManualCharge, charge_manually
from tests.pages import error_at, page, words
from tests.trade import BEN, NOW, TODAY, a_customer


@pytest.fixture(autouse=True)
def its_today(app, monkeypatch):
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


@pytest.fixture
def acme(session):
    customer = a_customer("Acme", tax_rate="0")
    customer.email = "ann@acme.example"
    session.commit()
    return customer


def form(**typed):
    return {"token": "t1", "amount": "50.00", "paid_on": "2026-11-20", "state": "completed", "fee": "",
            "description": "Bank transfer # from the wrong account"} | typed  # fmt: skip


def charged(customer, amount="10", token="c1"):
    asked = ManualCharge(customer, TODAY, Decimal(amount), Decimal(0), "Support call")
    return charge_manually(asked, token=token, today=TODAY, by=BEN, now=datetime(2026, 11, 22, tzinfo=UTC))


def test_a_payment_goes_into_the_balance_and_is_confirmed_by_mail(client, session, acme):
    answer = client.post(
        f"/payments?customer_id={acme.id}", data=form(confirm_by_email="y"), follow_redirects=True
    )
    soup = page(answer)
    assert "Payment of 20 Nov 2026" in words(soup)
    assert credit.balance_of(acme.id) == 50
    (message,) = session.scalars(select(Mail))
    assert "50.00 GBP" in message.text and "Bank transfer" in message.text
    assert "wrong account" not in message.text


def test_a_double_click_records_one_payment(client, session, acme):
    for _ in range(2):
        client.post(f"/payments?customer_id={acme.id}", data=form())
    assert len(session.scalars(select(Payment)).all()) == 1


@pytest.mark.parametrize(
    ("typed", "field", "sentence"),
    [
        ({"amount": ""}, "amount", "Enter the amount paid"),
        ({"amount": "-5"}, "amount", "above zero"),
        ({"amount": "0.001"}, "amount", "2 decimals at most"),
        ({"amount": "0.00000001"}, "amount", "2 decimals at most"),
        ({"amount": "1000000000"}, "amount", "below 1,000,000,000"),
        ({"amount": "lots"}, "amount", "digits with a point"),
        ({"fee": "-1"}, "fee", "cannot be below zero"),
        ({"paid_on": "2026-11-23"}, "paid_on", "or before"),
        ({"paid_on": "tomorrow"}, "paid_on", "Enter a date"),
        ({"state": "cancelled"}, "state", "Choose a State"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field_and_stays_typed(
    client, session, acme, typed, field, sentence
):
    soup = page(client.post(f"/payments?customer_id={acme.id}", data=form(**typed)), 422)
    assert sentence in error_at(soup, field)
    assert session.scalars(select(Payment)).all() == []
    assert soup.select_one("[name=description]")["value"].startswith("Bank transfer")


def test_a_payment_pays_a_charge_and_is_released_before_it_is_cancelled(client, session, acme):
    client.post(f"/payments?customer_id={acme.id}", data=form())
    charge = charged(acme)
    payment = session.scalars(select(Payment)).one()
    paying = {"token": "a1", "charge": str(charge.id), "amount": "10"}
    soup = page(client.post(f"/payments/{payment.id}/allocations", data=paying, follow_redirects=True))
    assert "Left to allocate 40.00 GBP" in words(soup)
    assert (credit.balance_of(acme.id), credit.to_pay(acme.id).total) == (40, 0)
    refused = page(client.post(f"/payments/{payment.id}/cancel", data={"version": payment.version}), 409)
    assert "Release it first" in words(refused) and "Release the payment" in words(refused)
    page(
        client.post(
            f"/payments/{payment.id}/release", data={"version": payment.version}, follow_redirects=True
        )
    )
    page(
        client.post(
            f"/payments/{payment.id}/cancel", data={"version": payment.version}, follow_redirects=True
        )
    )
    assert (credit.balance_of(acme.id), credit.to_pay(acme.id).total) == (0, 10)


def test_one_allocation_is_released(client, session, acme):
    client.post(f"/payments?customer_id={acme.id}", data=form())
    charge = charged(acme)
    payment = session.scalars(select(Payment)).one()
    client.post(
        f"/payments/{payment.id}/allocations", data={"token": "a", "charge": charge.id, "amount": "4"}
    )
    allocation = session.scalars(select(Allocation)).one()
    page(client.post(f"/payments/allocations/{allocation.id}/release", follow_redirects=True))
    assert credit.balance_of(acme.id) == 50


def test_more_than_is_left_is_refused_at_its_field(client, session, acme):
    client.post(f"/payments?customer_id={acme.id}", data=form())
    charge = charged(acme)
    payment = session.scalars(select(Payment)).one()
    paying = {"token": "a1", "charge": str(charge.id), "amount": "11"}
    soup = page(client.post(f"/payments/{payment.id}/allocations", data=paying), 422)
    assert "Only 10.00 of the charge" in error_at(soup, "amount")


def test_another_customers_charge_cannot_be_paid(client, session, acme):
    theirs = charged(a_customer("Globex", tax_rate="0"), token="c2")
    client.post(f"/payments?customer_id={acme.id}", data=form())
    charged(acme)
    payment = session.scalars(select(Payment)).one()
    paying = {"token": "a1", "charge": str(theirs.id), "amount": "10"}
    page(client.post(f"/payments/{payment.id}/allocations", data=paying), 422)
    assert session.scalars(select(Allocation)).all() == []


def test_a_pending_payment_is_completed(client, session, acme):
    client.post(f"/payments?customer_id={acme.id}", data=form(state="pending"))
    payment = session.scalars(select(Payment)).one()
    assert credit.balance_of(acme.id) == 0
    page(
        client.post(
            f"/payments/{payment.id}/complete", data={"version": payment.version}, follow_redirects=True
        )
    )
    assert credit.balance_of(acme.id) == 50


def test_an_adjustment_is_on_the_statement_with_its_reason(client, session, acme):
    typed = {"token": "j1", "amount": "-2.50", "for_day": "2026-11-01", "reason": "Goodwill taken back"}
    page(client.post(f"/customers/{acme.id}/credit/adjustments", data=typed, follow_redirects=True))
    text = words(page(client.get(f"/customers/{acme.id}/credit")))
    assert "Goodwill taken back" in text and "−2.50" in text
    assert "below the limit" in text
    assert session.scalars(select(BalanceEntry.amount)).one() == Decimal("-2.50")


def test_the_statement_adds_up_over_any_span(client, session, acme):
    for number, amount in enumerate(("10", "-3.33", "7")):
        credit.adjust(acme, Decimal(amount), TODAY, "Try", token=f"x{number}", today=TODAY, by=BEN, now=NOW)
    session.commit()
    whole = words(page(client.get(f"/customers/{acme.id}/credit?from=2026-11-22&to=2026-11-22")))
    assert "Opening balance 0.00" in whole and "Closing balance 13.67" in whole
    after = words(page(client.get(f"/customers/{acme.id}/credit?from=2026-11-23&to=2026-11-30")))
    assert "Opening balance 13.67" in after and "Closing balance 13.67" in after
    assert "To is before From" in words(
        page(client.get(f"/customers/{acme.id}/credit?from=2026-11-23&to=2026-11-01"), 422)
    )


def test_a_debit_limit_makes_available_more_than_the_balance(client, session, acme):
    acme.debit_limit = Decimal(250)
    session.commit()
    assert "Available 250.00 GBP" in words(page(client.get(f"/customers/{acme.id}/credit")))


def test_a_viewer_sees_no_button_that_would_refuse_them(as_viewer, acme):
    soup = page(as_viewer.get(f"/customers/{acme.id}/credit"))
    assert not soup.select("a[href*=payments], a[href*=adjustments]")


def allocating(session, acme):
    """A charge of 10 and a payment of 10, and the form that pays the one out of the other."""
    payment = Payment(
        token="p", customer=acme, state=PaymentState.COMPLETED, paid_on=TODAY, amount=Decimal(10), fee=Decimal(0),
        created_at=NOW,
    )  # fmt: skip
    credit.record_payment(payment, TODAY, now=NOW)
    charge = charged(acme, "10")
    session.commit()
    return f"/payments/{payment.id}/allocations", {"charge": str(charge.id), "amount": "10", "token": "t1"}


def test_a_double_click_on_paying_all_of_a_charge_is_answered_as_the_first(client, session, acme):
    path, form = allocating(session, acme)
    assert [client.post(path, data=form).status_code for _ in range(2)] == [303, 303]
    assert session.scalar(select(func.count(Allocation.id))) == 1


def test_a_used_form_of_a_paid_charge_that_says_something_else_is_told_what_was_stored(client, session, acme):
    path, form = allocating(session, acme)
    assert client.post(path, data=form).status_code == 303
    answer = client.post(path, data=form | {"amount": "5"})
    assert answer.status_code == 409 and "10.00" in answer.text
