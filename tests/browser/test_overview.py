"""The overview and the settings in a real browser, with script and without."""

from datetime import date

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from portal.models import Charge, Company
from tests.hand import Hand
from tests.trade import TODAY, a_customer, a_package, assigned, run

pytestmark = pytest.mark.browser
DOORS = pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])


@pytest.fixture
def trading(session, monkeypatch, app):
    """Something charged in two currencies, and something due today."""
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())
    session.get_one(Company, 1).default_currency = "GBP"
    trunk = a_package("SIP Trunk 10", currencies=("GBP", "USD"), match=(15, 22))
    for name, currency in (("Northwind Telecom", "GBP"), ("Cedar Falls", "USD")):
        assigned(trunk, a_customer(name, currency), date(2026, 9, 1))
    run(date(2026, 11, 21))
    session.commit()


@DOORS
def test_the_owner_sees_whether_the_month_is_ahead_and_what_comes(screen, trading, script):
    page = screen(java_script_enabled=script)
    page.goto("/")
    expect(page.get_by_role("heading", name="Is November ahead of October?")).to_be_visible()
    expect(page.get_by_role("img", name="24.50 posted so far, 49.00 expected; Oct: 49.00")).to_be_visible()
    for bar in (page.locator(".lines__line").first, page.locator("td .bar").first):
        assert bar.bounding_box()["width"] > 50
    day = page.locator(".calendar").get_by_role("link", name="24.50").last
    day.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Upcoming charges")
    expect(page.get_by_role("row", name="Northwind Telecom")).to_have_count(1)


@DOORS
def test_what_is_due_today_is_posted_with_two_clicks(session, screen, trading, script):
    page, hand = screen(java_script_enabled=script), Hand()
    page.goto("/")
    hand.click(page.get_by_role("button", name="Post 2 charges"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Simulation up to 22 Nov 2026")
    session.rollback()
    assert not session.scalars(select(Charge).where(Charge.charge_on == TODAY)).all()
    session.rollback()
    hand.click(page.get_by_role("button", name="Post 2 charges"))
    expect(page.get_by_text("Posted 2 charges.")).to_be_visible()
    assert hand.moves == 2
    session.rollback()
    assert sorted(
        charge.currency for charge in session.scalars(select(Charge).where(Charge.charge_on == TODAY))
    ) == ["GBP", "USD"]


@DOORS
def test_another_currency_is_one_click_away_and_remembered(screen, trading, script):
    page = screen(java_script_enabled=script)
    page.goto("/")
    hand = Hand()
    hand.click(page.locator("nav[aria-label=Currency]").get_by_role("link", name="USD"))
    expect(page.get_by_role("region", name="In USD")).to_be_visible()
    assert page.url.endswith("?currency=USD") and hand.moves == 1
    page.goto("/")
    expect(page.get_by_role("region", name="In USD")).to_be_visible()


def test_nothing_runs_over_the_edge_of_a_phone(screen, trading):
    page = screen(viewport={"width": 390, "height": 800})
    for address in ("/", "/settings"):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address


@DOORS
def test_an_owner_saves_settings_and_is_told_what_is_wrong(screen, script):
    page = screen(java_script_enabled=script)
    page.goto("/settings")
    page.get_by_label("City").fill("Manchester")
    page.get_by_label("Usage Wait Days").fill("99")
    page.get_by_role("button", name="Save settings").click()
    expect(page.locator(".field__error")).to_contain_text("0 to 30")
    expect(page.get_by_label("City")).to_have_value("Manchester")
    page.get_by_label("Usage Wait Days").fill("2")
    page.get_by_role("button", name="Save settings").click()
    expect(page.locator("#toasts")).to_contain_text("Saved.")
    expect(page.get_by_label("Usage Wait Days")).to_have_value("2")


def test_a_first_view_comes_compressed_in_under_60_kb(page, trading):
    """Asked for by typing its address, and by a link of the portal."""
    arrived = []
    page.on("requestfinished", lambda request: arrived.append(request))
    typed = page.goto("/", wait_until="networkidle")
    assert sum(request.sizes()["responseBodySize"] for request in arrived) < 60_000
    assert {"document", "stylesheet", "script"} <= {request.resource_type for request in arrived}
    with page.expect_response("**/packages") as followed:
        page.get_by_role("link", name="Packages", exact=True).click()
    for answer in (typed, followed.value):
        assert answer.all_headers()["content-encoding"] == "br"
