"""Correcting back to a day in a real browser: how few clicks and fields it takes, and what is seen before."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import expect
from sqlalchemy import func, select

from portal.models import Charge, Mail
from tests.browser.test_payments import BOTH, Hand
from tests.trade import TODAY, a_customer, a_package, assigned, run

pytestmark = pytest.mark.browser
SEPTEMBER, OCTOBER = date(2026, 9, 1), date(2026, 10, 1)


@pytest.fixture(autouse=True)
def _on_a_sunday(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


@pytest.fixture
def twenty(session: Any) -> int:
    """The id of a package that twenty customers have had since September, each with an address."""
    trunk = a_package("Trunk", "24.50")
    for number in range(20):
        customer = a_customer(f"Customer {number:02}")
        customer.email = f"ap{number}@example.com"
        assigned(trunk, customer, SEPTEMBER)
    run()
    id = trunk.id
    session.commit()
    return id


def posted(session: Any) -> Decimal:
    session.rollback()
    found = session.scalar(select(func.sum(Charge.amount)).where(Charge.correction_id.is_not(None)))
    session.rollback()
    return found


@BOTH
def test_a_wrong_price_of_twenty_customers_over_two_months_takes_eight_clicks_and_fields_at_most(
    session: Any, twenty: int, screen: Any, script: bool
) -> None:
    page, hand = screen(java_script_enabled=script), Hand()
    page.goto(f"/packages/{twenty}")
    hand.click(page.get_by_text("More", exact=True))
    hand.click(page.get_by_role("link", name="Correct back to a day"))
    hand.fill(page.get_by_label("Wrong since"), "2026-10-01")
    hand.fill(page.get_by_role("textbox", name="Retail", exact=True), "20")
    if not script:
        hand.click(page.get_by_role("button", name="Show what is posted"))
    expect(page.get_by_role("row", name="Customer 07")).to_contain_text("−9.00 GBP")
    expect(page.get_by_role("row", name="In all, GBP")).to_contain_text("−180.00")
    assert posted(session) is None
    hand.click(page.get_by_role("button", name="Post 40 corrections"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Corrected back to 1 Oct 2026")
    hand.click(page.get_by_role("button", name="Mail to 20 customers"))
    expect(page.get_by_text("Mail to 20 customers is on its way.")).to_be_visible()
    assert hand.moves <= 8
    assert posted(session) == -180
    assert session.scalar(select(func.count(Mail.id))) == 20


@BOTH
def test_a_wrong_quantity_is_corrected_from_the_customers_page(
    session: Any, twenty: int, screen: Any, script: bool
) -> None:
    page, hand = screen(java_script_enabled=script), Hand()
    customer_id = session.scalar(select(func.min(Charge.customer_id)))
    session.rollback()
    page.goto(f"/customers/{customer_id}")
    hand.click(page.get_by_role("checkbox", name="Select Trunk"))
    hand.click(page.get_by_role("button", name="Correct back to a day"))
    hand.fill(page.get_by_label("Wrong since"), "2026-10-01")
    hand.fill(page.get_by_label("Quantity"), "2")
    if not script:
        hand.click(page.get_by_role("button", name="Show what is posted"))
    hand.click(page.get_by_role("button", name="Post 2 corrections"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Corrected back to 1 Oct 2026")
    assert hand.moves <= 8
    assert posted(session) == 49


@BOTH
def test_customers_are_chosen_in_their_list(session: Any, twenty: int, screen: Any, script: bool) -> None:
    page, hand = screen(java_script_enabled=script), Hand()
    page.goto("/customers")
    for name in ("Customer 03", "Customer 04"):
        hand.click(page.get_by_role("checkbox", name=f"Select {name}"))
    hand.click(page.get_by_role("button", name="Correct back to a day"))
    hand.click(page.get_by_role("button", name="Correct Trunk, GBP"))
    hand.fill(page.get_by_label("Wrong since"), "2026-10-01")
    hand.fill(page.get_by_role("textbox", name="Retail", exact=True), "20")
    if not script:
        hand.click(page.get_by_role("button", name="Show what is posted"))
    hand.click(page.get_by_role("button", name="Post 4 corrections"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Corrected back to 1 Oct 2026")
    assert hand.moves <= 8
    assert posted(session) == -18


def test_from_a_charge_the_day_is_known(session: Any, twenty: int, screen: Any) -> None:
    page = screen()
    query = select(Charge.id).where(Charge.period_from == OCTOBER).order_by(Charge.id)
    charge_id = session.scalars(query).first()
    session.rollback()
    page.goto(f"/charges/{charge_id}")
    page.get_by_role("link", name="This price was wrong").click()
    expect(page.get_by_label("Wrong since")).to_have_value("2026-10-01")
    page.get_by_role("textbox", name="Retail", exact=True).fill("20")
    page.get_by_role("button", name="Post 2 corrections").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Corrected back to 1 Oct 2026")
    assert posted(session) == -9


def test_what_has_changed_since_it_was_seen_is_shown_again(session: Any, twenty: int, screen: Any) -> None:
    page = screen()
    page.goto(f"/corrections/new?package={twenty}")
    page.get_by_label("Wrong since").fill("2026-10-01")
    page.get_by_role("textbox", name="Retail", exact=True).fill("20")
    button = page.get_by_role("button", name="Post 40 corrections")
    expect(button).to_be_visible()
    run(date(2026, 12, 1))
    session.commit()
    button.click()
    expect(page.get_by_text("has changed since it was shown").first).to_be_visible()
    assert posted(session) is None
    page.get_by_role("button", name="Post 60 corrections").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Corrected back to 1 Oct 2026")
    assert posted(session) == -270
