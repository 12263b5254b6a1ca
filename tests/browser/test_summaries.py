"""Month end in a real browser: what sending the summaries of a month takes, counted."""

from datetime import date
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import expect
from sqlalchemy import func, select

from portal.extensions import db
from portal.models import SentSummary
from tests.trade import TODAY, a_customer, a_package, assigned, run

pytestmark = pytest.mark.browser
CUSTOMERS, MOST = 60, 4


@pytest.fixture(autouse=True)
def _on_a_sunday(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


def test_last_months_summaries_go_to_sixty_customers_in_four_clicks(
    session: Any, page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed: list[str] = []
    monkeypatch.setattr("portal.tasks.processes.start", lambda name, **which: handed.append(name))
    trunk = a_package("Trunk", "20", match=(1,))
    for number in range(CUSTOMERS):
        customer = a_customer(f"Customer {number}")
        customer.email = f"bills@customer{number}.example"
        assigned(trunk, customer, date(2026, 9, 1))
    run()
    session.commit()
    clicks = 0

    def click(role: str, name: str) -> None:
        nonlocal clicks
        clicks += 1
        page.get_by_role(role, name=name, exact=True).click()

    page.goto("/")
    click("link", "Month end")
    click("link", "Send 60 summaries")
    click("button", "Send 60 summaries")
    expect(page.get_by_text("Sending 60 summaries of October 2026.")).to_be_visible()
    asked = select(func.count(func.distinct(SentSummary.customer_id)), func.count())
    session.rollback()
    assert tuple(db.session.execute(asked).one()) == (CUSTOMERS, CUSTOMERS)
    assert handed == ["send_summaries"]
    assert clicks <= MOST
