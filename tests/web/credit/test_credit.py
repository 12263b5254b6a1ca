"""Payments, allocations and adjustments from the pages."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from portal.models import Allocation, BalanceEntry, Mail, Payment, PaymentBack, PaymentState
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
    soup = page(allocate(client, payment, {charge: "10"}))
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
    allocate(client, payment, {charge: "4"})
    allocation = session.scalars(select(Allocation)).one()
    page(client.post(f"/payments/allocations/{allocation.id}/release", follow_redirects=True))
    assert credit.balance_of(acme.id) == 50


def test_more_than_is_left_is_refused_at_its_field(client, session, acme):
    client.post(f"/payments?customer_id={acme.id}", data=form())
    charge = charged(acme)
    payment = session.scalars(select(Payment)).one()
    soup = page(allocate(client, payment, {charge: "11"}), 422)
    assert "Only 10.00 of the charge" in error_at(soup, f"amount_{charge.id}")
    assert soup.select_one("[name=chosen]").has_attr("checked")


def test_another_customers_charge_cannot_be_paid(client, session, acme):
    theirs = charged(a_customer("Globex", tax_rate="0"), token="c2")
    client.post(f"/payments?customer_id={acme.id}", data=form())
    charged(acme)
    payment = session.scalars(select(Payment)).one()
    assert "not in the list" in words(page(allocate(client, payment, {theirs: "10"}), 422))
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
    text = words(page(client.get(f"/customers/{acme.id}/credit?part=balance")))
    assert "Goodwill taken back" in text and "−2.50" in text
    assert "below the limit" in text
    assert session.scalars(select(BalanceEntry.amount)).one() == Decimal("-2.50")


def test_the_statement_adds_up_over_any_span(client, session, acme):
    for number, amount in enumerate(("10", "-3.33", "7")):
        credit.adjust(acme, Decimal(amount), TODAY, "Try", token=f"x{number}", today=TODAY, by=BEN, now=NOW)
    session.commit()
    whole = words(page(client.get(f"/customers/{acme.id}/credit?part=balance&from=2026-11-22&to=2026-11-22")))
    assert "Opening balance 0.00" in whole and "Closing balance 13.67" in whole
    after = words(page(client.get(f"/customers/{acme.id}/credit?part=balance&from=2026-11-23&to=2026-11-30")))
    assert "Opening balance 13.67" in after and "Closing balance 13.67" in after
    assert "To is before From" in words(
        page(client.get(f"/customers/{acme.id}/credit?part=balance&from=2026-11-23&to=2026-11-01"), 422)
    )


def test_a_debit_limit_makes_available_more_than_the_balance(client, session, acme):
    acme.debit_limit = Decimal(250)
    session.commit()
    assert "Available 250.00 GBP" in words(page(client.get(f"/customers/{acme.id}/credit")))


def test_a_viewer_sees_no_button_that_would_refuse_them(as_viewer, acme):
    soup = page(as_viewer.get(f"/customers/{acme.id}/credit"))
    assert not soup.select("a[href*='payments/new'], a[href*=payments-back], a[href*=adjustments]")


def seen(client, payment):
    """What the form on a payment's page remembers."""
    return page(client.get(f"/payments/{payment.id}")).select_one("[name=seen]")["value"]


def allocate(client, payment, amounts, known=None):
    """Tick charges on a payment's page."""
    form = {f"amount_{charge.id}": amount for charge, amount in amounts.items()}
    ticked = [charge.id for charge, amount in amounts.items() if amount]
    return client.post(
        f"/payments/{payment.id}/allocations",
        data={"chosen": ticked, "seen": known or seen(client, payment), **form},
        follow_redirects=True,
    )


def a_payment(session, acme, amount="50"):
    """A payment of which nothing is allocated."""
    payment = Payment(
        token="p", customer=acme, state=PaymentState.COMPLETED, paid_on=TODAY, amount=Decimal(amount), fee=Decimal(0),
        created_at=NOW,
    )  # fmt: skip
    credit.record_payment(payment, TODAY, now=NOW)
    session.commit()
    return payment


def test_several_charges_are_paid_at_once_and_chosen_anew_in_one_act(client, session, acme):
    payment = a_payment(session, acme, "15")
    first, second, third = (charged(acme, "10", token=f"c{number}") for number in range(3))
    session.commit()
    page(allocate(client, payment, {first: "10", second: "5", third: ""}))
    assert credit.paid_by(payment) == {first.id: 10, second.id: 5}
    page(allocate(client, payment, {first: "", second: "10", third: "4.50"}))
    assert credit.paid_by(payment) == {second.id: 10, third.id: Decimal("4.50")}
    assert (credit.left_of(payment), credit.balance_of(acme.id)) == (Decimal("0.50"), Decimal("0.50"))


def test_what_is_not_ticked_and_not_shown_stays_as_it_was(client, session, acme):
    payment = a_payment(session, acme)
    first, second = charged(acme, "10"), charged(acme, "10", token="c2")
    session.commit()
    page(allocate(client, payment, {first: "10"}))
    page(allocate(client, payment, {second: "3"}))
    assert credit.paid_by(payment) == {first.id: 10, second.id: 3}


def test_a_double_click_on_paying_all_of_a_charge_is_answered_as_the_first(client, session, acme):
    payment = a_payment(session, acme, "10")
    charge = charged(acme, "10")
    session.commit()
    known = seen(client, payment)
    for _ in range(2):
        page(allocate(client, payment, {charge: "10"}, known))
    assert session.scalar(select(func.count(Allocation.id))) == 1


def test_what_somebody_else_chose_meanwhile_is_not_overwritten(client, session, acme):
    payment = a_payment(session, acme)
    charge = charged(acme, "10")
    session.commit()
    known = seen(client, payment)
    page(allocate(client, payment, {charge: "10"}, known))
    assert "has changed since" in words(page(allocate(client, payment, {charge: "5"}, known), 409))
    assert credit.paid_by(payment) == {charge.id: 10}


def test_more_than_the_payment_holds_is_refused_at_the_charge_that_is_too_much(client, session, acme):
    payment = a_payment(session, acme, "15")
    first, second = charged(acme, "10"), charged(acme, "10", token="c2")
    session.commit()
    soup = page(allocate(client, payment, {first: "10", second: "6"}), 422)
    assert "Only 5.00 of the payment" in error_at(soup, f"amount_{second.id}")
    assert credit.paid_by(payment) == {}


def test_a_new_payment_pays_what_is_due_first_or_what_is_ticked(client, session, acme):
    first, second = charged(acme, "30"), charged(acme, "40", token="c2")
    session.commit()
    path = f"/payments?customer_id={acme.id}"
    client.post(path, data=form(amount="10"))
    assert credit.items_of([first, second])[first.id].left == 20
    ticked = {"chosen": [second.id], f"amount_{first.id}": "20", f"amount_{second.id}": "40"}
    page(client.post(path, data=form(token="t2", amount="45", **ticked), follow_redirects=True))
    left = credit.items_of([first, second])
    assert (left[first.id].left, left[second.id].left, credit.balance_of(acme.id)) == (20, 0, 5)


def test_what_is_ticked_may_go_beyond_the_balance_and_never_beyond_the_payment(client, session, acme):
    credit.adjust(acme, Decimal(-20), TODAY, "Loss", token="x", today=TODAY, by=BEN, now=NOW)
    charge = charged(acme, "30")
    session.commit()
    ticked = {"chosen": [charge.id], f"amount_{charge.id}": "30"}
    path = f"/payments?customer_id={acme.id}"
    soup = page(client.post(path, data=form(amount="25", **ticked)), 422)
    assert "Only 25.00 of the payment" in error_at(soup, f"amount_{charge.id}")
    page(client.post(path, data=form(amount="30", **ticked), follow_redirects=True))
    assert (credit.balance_of(acme.id), credit.to_pay(acme.id).charges) == (-20, 0)


def test_a_pending_payment_pays_nothing_yet(client, session, acme):
    charge = charged(acme, "30")
    session.commit()
    ticked = {"chosen": [charge.id], f"amount_{charge.id}": "30", "state": "pending"}
    soup = page(client.post(f"/payments?customer_id={acme.id}", data=form(**ticked)), 422)
    assert "pays nothing yet" in error_at(soup, "state")


def test_a_payment_typed_twice_is_noticed_and_taken_in_with_a_reason(client, session, acme):
    path = f"/payments?customer_id={acme.id}"
    client.post(path, data=form(method="bank_transfer", bank_reference="FT 26-1122"))
    again = form(token="t2", method="bank_transfer", bank_reference="ft261122", description="Other")
    soup = page(client.post(path, data=again), 422)
    assert "50.00 GBP from Acme, 20 Nov" in error_at(soup, "again_reason")
    assert soup.select_one("[name=description]")["value"] == "Other"
    soup = page(client.post(path, data=again | {"again_reason": "Two invoices"}, follow_redirects=True))
    assert "Two invoices" in words(soup)
    page(
        client.post(
            path, data=form(token="t3", method="card", bank_reference="ft261122"), follow_redirects=True
        )
    )
    assert credit.balance_of(acme.id) == 150


def test_a_part_of_a_payment_moves_to_another_customer(client, session, acme):
    payment, globex = a_payment(session, acme), a_customer("Globex", tax_rate="0")
    session.commit()
    path = f"/payments/{payment.id}/split"
    assert page(client.get(path)).select_one("[name=amount]")["value"] == "50.00"
    typed = {"token": "s", "customer": "Globex", "amount": "60", "description": "Theirs # ours"}
    soup = page(client.post(path, data=typed), 422)
    assert "Only 50.00 of the payment is left" in error_at(soup, "amount")
    assert "already" in error_at(page(client.post(path, data=typed | {"customer": "Acme"}), 422), "customer")
    soup = page(client.post(path, data=typed | {"amount": "20"}, follow_redirects=True))
    assert "Payment of Globex" in words(soup) and "Left to allocate 30.00 GBP" in words(soup)
    part = session.scalars(select(Payment).where(Payment.customer_id == globex.id)).one()
    assert "a part of the payment of Acme" in words(page(client.get(f"/payments/{part.id}")))


def test_money_is_paid_back_and_the_payment_back_is_cancelled(client, session, acme):
    payment = a_payment(session, acme)
    path = f"/payments-back?customer_id={acme.id}"
    soup = page(client.get(f"/payments-back/new?customer_id={acme.id}"))
    assert soup.select_one("[name=amount]")["value"] == "50.00"
    typed = {
        "token": "b",
        "amount": "50.01",
        "paid_on": "2026-11-22",
        "method": "cash",
        "bank_reference": "R 1",
    }
    assert "holds only 50.00" in error_at(page(client.post(path, data=typed), 422), "amount")
    soup = page(client.post(path, data=typed | {"amount": "20"}, follow_redirects=True))
    assert "Paid back on 22 Nov 2026" in words(soup) and "R 1" in words(soup)
    assert (credit.balance_of(acme.id), credit.left_of(payment)) == (30, 30)
    refused = page(client.post(f"/payments/{payment.id}/cancel", data={"version": payment.version}), 409)
    assert "Acme then owes 20.00 GBP" in words(refused)
    back = session.scalars(select(PaymentBack)).one()
    page(
        client.post(f"/payments-back/{back.id}/cancel", data={"version": back.version}, follow_redirects=True)
    )
    assert credit.balance_of(acme.id) == 50


def test_all_payments_are_listed_and_found(client, session, acme):
    a_payment(session, acme, "99.72")
    for asked, there in (("q=99.72", True), ("q=acme", True), ("q=98", False), ("state=pending", False),
                         ("from=2026-11-22&to=2026-11-22", True), ("sort=-amount", True)):  # fmt: skip
        assert ("99.72 GBP" in words(page(client.get(f"/payments?{asked}")))) is there, asked
    assert "To is before From" in words(page(client.get("/payments?from=2026-11-23&to=2026-11-01"), 422))


def test_payments_back_have_a_list_and_are_told_of_where_only_they_are_found(client, session, acme):
    a_payment(session, acme, "50")
    typed = {"token": "b", "amount": "12.34", "paid_on": "2026-11-22", "method": "bank_transfer"}
    page(client.post(f"/payments-back?customer_id={acme.id}", data=typed, follow_redirects=True))
    listed = words(page(client.get("/payments-back")))
    assert "Acme Bank transfer" in listed and "paid back 12.34 GBP" in listed and "1 payment back" in listed
    for asked, there in (("q=12.34", True), ("q=acme&sort=-amount", True), ("q=50", False), ("state=cancelled", False),
                         ("state=pending", True), ("to=2026-11-21", False)):  # fmt: skip
        assert ("12.34 GBP" in words(page(client.get(f"/payments-back?{asked}")))) is there, asked
    nothing = page(client.get("/payments?q=12.34"))
    there = nothing.select_one(".empty .button--primary")
    assert words(there) == "Show 1 payment back"
    assert "12.34 GBP" in words(page(client.get(there["href"])))
    assert (
        words(page(client.get("/payments-back?q=50")).select_one(".empty .button--primary"))
        == "Show 1 payment"
    )


def test_a_balance_below_zero_alone_is_to_pay_in_the_ledger_too(client, session, acme):
    credit.adjust(acme, Decimal(-5), TODAY, "Calls", token="x", today=TODAY, by=BEN, now=NOW)
    session.commit()
    for path in (
        "credit?part=ledger",
        "as-customer/charges",
        "credit?part=ledger&from=2026-11-01&to=2027-01-31",
    ):
        ledger = page(client.get(f"/customers/{acme.id}/{path}")).select_one("#ledger").find_parent("section")
        assert words(ledger.select_one("tfoot")).endswith(
            "The balance is below zero 5.00 To pay on 22 Nov 2026 5.00"
        ), path


def test_charges_and_what_paid_them_add_up_to_what_is_to_pay(client, session, acme):
    charged(acme, "30")
    a_payment(session, acme, "12.50")
    credit.adjust(acme, Decimal(-5), TODAY, "Loss", token="x", today=TODAY, by=BEN, now=NOW)
    session.commit()
    text = words(page(client.get(f"/customers/{acme.id}/credit?part=ledger")))
    assert "Payment of 22 Nov 2026: Support call 12.50 17.50" in text
    assert "Left of charges 17.50" in text and "To pay on 22 Nov 2026 22.50" in text
