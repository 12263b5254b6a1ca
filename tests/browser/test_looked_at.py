"""What somebody who looked at every page found, and no other test did: docs/looked-at.md."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import expect

from portal.models import Payment, PaymentState
from portal.services import credit
from portal.services.charges.by_hand import ManualCharge, charge_manually
from tests.trade import BEN, NOW, TODAY, a_customer, a_package, assigned

pytestmark = pytest.mark.browser

# Where the cells of each row of the foot end, and where the heads of the same columns do.
ENDS = """() => {
    const end = cell => Math.round(cell.getBoundingClientRect().right);
    const ends = row => [...row.cells].filter(cell => cell.innerText.trim()).map(end);
    const table = document.querySelector("main table");
    return [ends(table.tHead.rows[0]), ends(table.tFoot.rows[0])];
}"""


@pytest.fixture(autouse=True)
def _on_a_sunday(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


@pytest.fixture
def charge(session: Any) -> int:
    """The number of an open charge of a customer whose balance holds money."""
    customer = a_customer("Acme")
    payment = Payment(
        token="p", customer=customer, state=PaymentState.COMPLETED, paid_on=TODAY, amount=Decimal(30),
        fee=Decimal(0), description="", created_by=BEN, created_at=NOW,
    )  # fmt: skip
    credit.record_payment(payment, TODAY, now=NOW)
    asked = ManualCharge(customer, TODAY - timedelta(40), Decimal(99), Decimal(0), "Visit")
    made = charge_manually(asked, token="c", today=TODAY, by=BEN, now=NOW)
    session.commit()
    return int(made.id)


def test_on_paper_totals_stand_under_their_columns_though_the_ticks_are_gone(
    charge: int, screen: Any
) -> None:
    page = screen()
    page.goto("/owed")
    expect(page.locator(".row-select")).to_have_count(1)
    page.emulate_media(media="print")
    heads, totals = page.evaluate(ENDS)
    assert totals[1:] == heads[-len(totals) + 1 :]


def test_on_a_phone_the_head_of_a_table_stands_over_none_of_its_rows(session: Any, screen: Any) -> None:
    line = a_package("Line", "24.50")
    assigned(line, a_customer("Acme"), date(2026, 11, 1))
    session.commit()
    page = screen(viewport={"width": 390, "height": 844})
    page.goto(f"/packages/{line.id}/figures")
    head, row = (page.locator(f"main table {part} tr").last.bounding_box() for part in ("thead", "tbody"))
    cell = page.locator("main table thead th").last.bounding_box()
    assert head["y"] <= cell["y"] and cell["y"] + cell["height"] <= row["y"] + 1


def test_a_form_that_is_refused_on_its_own_page_opens_no_dialog_over_it(charge: int, screen: Any) -> None:
    page = screen()
    page.goto(f"/charges/{charge}/reversal")
    page.get_by_role("button", name="Reverse charge").click()
    expect(page.get_by_text("Enter why it is reversed")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_on_paper_the_audit_log_says_what_was_changed(session: Any, screen: Any) -> None:
    number = a_customer("Acme").id
    session.commit()
    page = screen()
    page.goto(f"/customers/{number}/edit")
    page.get_by_label("Name", exact=True).fill("Acme Metals")
    page.get_by_role("button", name="Save").first.click()
    page.goto("/settings/audit?q=metals")
    changed = page.get_by_text("Acme → Acme Metals")
    expect(changed).to_be_hidden()
    page.emulate_media(media="print")
    expect(changed).to_be_visible()
