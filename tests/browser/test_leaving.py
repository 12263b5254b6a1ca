"""A customer leaves, in a real browser: everything ends, the money is seen first, and the account is closed."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from playwright.sync_api import expect

from portal.domain.terms import Proration
from portal.models import Customer, Payment, PaymentState
from portal.services import credit
from tests.hand import Hand
from tests.trade import BEN, NOW, TODAY, a_customer, a_did, a_package, assigned, run

pytestmark = pytest.mark.browser
DOORS = pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])


@DOORS
def test_a_customer_leaves_with_19_assignments_and_the_money_is_seen_with_six_clicks(
    session, app, monkeypatch, screen, script
):
    customer = a_customer("Northwind Telecom", tax_rate="0")
    seat = a_package("Seat", "30", proration=Proration.DAILY)
    for number in range(19):
        did = a_did(customer, f"+4420794601{number:02}")
        assigned(seat, customer, date(2026, 11, 1), did=did, auto_decrement_credit=True)
    payment = Payment(
        token="p", customer=customer, state=PaymentState.COMPLETED, paid_on=TODAY, amount=Decimal(570),
        fee=Decimal(0), created_by=BEN, created_at=NOW,
    )  # fmt: skip
    credit.record_payment(payment, TODAY, now=NOW)
    run(TODAY)
    id = customer.id
    session.commit()
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())
    page, hand = screen(java_script_enabled=script), Hand()
    page.goto(f"/customers/{id}")
    hand.click(page.get_by_text("More", exact=True))
    hand.click(page.get_by_role("button", name="Archive"))
    expect(page.get_by_role("region", name="What ending them comes to").locator("tfoot")).to_contain_text(
        "−152.00"
    )
    hand.click(page.get_by_role("button", name="End 19 assignments on 22 Nov 2026"))
    expect(page.get_by_text("Northwind Telecom can be archived from 23 Nov 2026 on")).to_be_visible()
    tomorrow = TODAY + timedelta(days=1)
    run(tomorrow)  # by cron, in the night
    session.commit()
    monkeypatch.setitem(app.config, "TODAY", tomorrow.isoformat())
    page.goto(f"/customers/{id}")
    hand.click(page.get_by_role("button", name="Archive"))
    hand.click(page.get_by_role("link", name="Pay 152.00 GBP back"))
    expect(page.get_by_label("Amount", exact=True)).to_have_value("152.00")
    hand.click(page.get_by_role("button", name="Pay back"))
    expect(page.get_by_text("Archived Northwind Telecom.")).to_be_visible()
    assert hand.moves == 6
    session.rollback()
    assert (session.get_one(Customer, id).archived_on, credit.balance_of(id)) == (tomorrow, 0)
