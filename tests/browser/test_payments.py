"""Payments in a real browser: how few clicks and fields they take, and what is left as one ticks."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import expect
from sqlalchemy import select

from portal.models import Customer, Payment
from portal.services import credit
from portal.services.charges.by_hand import ManualCharge, charge_manually
from tests.hand import Hand
from tests.trade import BEN, NOW, TODAY, a_customer

pytestmark = pytest.mark.browser

BOTH = pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
EIGHT = ("10.00", "12.50", "7.22", "20.00", "9.99", "15.01", "5.00", "20.00")


@pytest.fixture(autouse=True)
def _on_a_sunday(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


@pytest.fixture
def acme(session: Any) -> int:
    """The id of a customer of whom nine charges are open; the eight oldest come to 99.72."""
    customer = a_customer("Acme", tax_rate="0")
    for number, amount in enumerate((*EIGHT, "30.00")):
        asked = ManualCharge(
            customer, TODAY - timedelta(days=60 - number), Decimal(amount), Decimal(0), f"Visit {number}"
        )
        charge_manually(asked, token=f"c{number}", today=TODAY, by=BEN, now=NOW)
    id = customer.id
    session.commit()
    return id


@BOTH
def test_a_payment_that_pays_the_eight_oldest_charges_takes_six_clicks_and_fields_at_most(
    session: Any, acme: int, screen: Any, script: bool
) -> None:
    page, hand = screen(java_script_enabled=script), Hand()
    page.goto(f"/customers/{acme}")
    hand.click(page.get_by_role("link", name="Add payment"))
    hand.fill(page.get_by_label("Amount", exact=True), "99.72")
    hand.fill(page.get_by_label("Bank reference"), "FT26112200017")
    hand.click(page.get_by_role("button", name="Add payment"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("Payment of 22 Nov 2026")
    assert hand.moves <= 6
    session.rollback()
    payment = session.scalars(select(Payment)).one()
    assert sorted(credit.paid_by(payment).values()) == sorted(map(Decimal, EIGHT))
    assert [item.charge.label for item in credit.to_pay_items(acme)] == ["Visit 8"]


@BOTH
def test_what_is_ticked_is_paid_instead(session: Any, acme: int, screen: Any, script: bool) -> None:
    page = screen(java_script_enabled=script)
    page.goto(f"/payments/new?customer_id={acme}")
    page.get_by_label("Amount", exact=True).fill("35")
    page.get_by_role("checkbox", name="Pay Visit 8").check()
    if script:
        expect(page.locator("[data-rest]")).to_have_text("5.00")
        page.get_by_role("checkbox", name="Pay Visit 3").check()
        expect(page.locator("[data-rest]")).to_have_text("0.00")
        expect(page.get_by_label("Amount for Visit 3")).to_have_value("5.00")
    page.get_by_role("button", name="Add payment").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Payment of 22 Nov 2026")
    session.rollback()
    payment = session.scalars(select(Payment)).one()
    assert credit.left_of(payment) == (0 if script else 5)


def test_what_a_payment_pays_is_chosen_anew(session: Any, acme: int, screen: Any) -> None:
    payment = Payment(
        token="p", customer=session.get_one(Customer, acme), state="completed", paid_on=TODAY, amount=Decimal(22),
        fee=Decimal(0), created_by=BEN,
        created_at=NOW,
    )  # fmt: skip
    credit.record_payment(payment, TODAY, now=NOW)
    payment_id = payment.id
    session.commit()
    page = screen()
    page.goto(f"/payments/{payment_id}")
    page.get_by_role("checkbox", name="Pay Visit 0").uncheck()
    expect(page.locator("[data-rest]")).to_have_text("10.00")
    page.get_by_role("checkbox", name="Pay Visit 8").check()
    expect(page.locator("[data-rest]")).to_have_text("0.00")
    page.get_by_role("button", name="Allocate payment").click()
    expect(page.get_by_text("The payment now pays 2 charges.")).to_be_visible()
    session.rollback()
    assert sorted(credit.paid_by(payment).values()) == [10, 12]
