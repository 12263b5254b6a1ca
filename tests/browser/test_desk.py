"""A customer's page as the desk of whoever works with them: its size, its sections, its menu, and what jobs take."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import expect
from sqlalchemy import select

from portal.models import Assignment, Payment
from portal.services.charges.by_hand import ManualCharge, charge_manually
from tests.hand import Hand
from tests.trade import BEN, NOW, TODAY, a_customer, a_did, a_package, assigned, run

pytestmark = pytest.mark.browser

BOTH = pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
SECTIONS = (
    "Packages",
    "Upcoming",
    "Charges",
    "Credit",
    "Calls",
    "DIDs",
    "People",
    "Notes",
    "Details",
    "History",
)


@pytest.fixture(autouse=True)
def _on_a_sunday(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


@pytest.fixture
def harbour(session: Any) -> int:
    """A customer with more than a page of everything, among others whose names begin alike."""
    customer = a_customer("Old Harbour")
    for name in ("Harbour Bakery", "Acorn Foods"):
        a_customer(name)
    line = a_package("UK Geographic DID", "1.35", cost="0.36")
    for number in range(30):
        assigned(line, customer, did=a_did(customer, f"+4420794601{number:02}"))
        charge = ManualCharge(customer, TODAY - timedelta(number), Decimal(20), Decimal(5), f"Visit {number}")
        charge_manually(charge, token=f"c{number}", today=TODAY, by=BEN, now=NOW)
    for number in range(25):
        assigned(a_package(f"Service {number}", "10"), customer, date(2026, 11, 1))
    run()
    session.commit()
    return int(customer.id)


@pytest.mark.parametrize(("size", "highest"), [(WIDE, 1300), (PHONE, 2600)], ids=["wide", "phone"])
def test_a_section_of_25_rows_is_a_screen_and_a_little(
    harbour: int, screen: Any, size: dict[str, int], highest: int
) -> None:
    page, high = screen(viewport=size), {}
    for section, rows in (("", 26), ("/next-charges", 25), ("/charges", 25), ("/dids", 25)):
        page.goto(f"/customers/{harbour}{section}")
        assert page.locator("main tbody tr").count() >= rows - 1, section
        height, width = page.evaluate(
            "[document.documentElement.scrollHeight, document.documentElement.scrollWidth]"
        )
        assert width <= size["width"], section
        if height > highest:
            high[section] = height
    assert not high


@BOTH
def test_every_section_has_an_address_of_its_own_and_says_which_it_is(
    harbour: int, screen: Any, script: bool
) -> None:
    page = screen(java_script_enabled=script)
    page.goto(f"/customers/{harbour}")
    for section in SECTIONS:
        nav = page.get_by_role("navigation", name="Sections of Old Harbour")
        nav.get_by_role("link", name=section).click()
        here = nav.locator("[aria-current=page]")
        expect(here).to_contain_text(section)
        expect(page.get_by_role("heading", level=1)).to_have_text("Old Harbour")
        assert here.evaluate("link => new URL(link.href).pathname == location.pathname")
        assert here.evaluate("link => link.getBoundingClientRect().height") == 40


def test_the_sections_stay_in_view(harbour: int, page: Any) -> None:
    page.goto(f"/customers/{harbour}/charges")
    page.mouse.wheel(0, 400)
    page.wait_for_function("() => scrollY > 100")
    assert page.locator(".sections").bounding_box()["y"] == 0
    assert page.locator("thead th").first.bounding_box()["y"] == 40, "the columns' heads stand below them"


@BOTH
def test_packages_of_a_kind_unfold(harbour: int, screen: Any, script: bool) -> None:
    page = screen(java_script_enabled=script)
    page.goto(f"/customers/{harbour}")
    group = page.locator("#assignments tbody").filter(has_text="UK Geographic DID")
    if not group.count():  # it was assigned before the 25 others
        page.get_by_role("link", name="all that is assigned").click()
        expect(page.locator("#assignments tbody tr").first).to_contain_text("Service 24")
        return
    expect(group.locator("tr")).to_have_count(1)


@BOTH
def test_a_payment_for_a_named_customer_takes_six_clicks_and_fields_at_most(
    session: Any, harbour: int, screen: Any, script: bool
) -> None:
    page, hand = screen(java_script_enabled=script), Hand()
    page.goto("/")
    named(page, hand, "add payment old harb", script)
    hand.fill(page.get_by_label("Amount", exact=True), "99.72")
    hand.click(page.get_by_role("button", name="Add payment"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("Payment of 22 Nov 2026")
    assert hand.moves <= 6
    session.rollback()
    assert session.scalars(select(Payment)).one().customer_id == harbour


@BOTH
def test_assigning_to_a_named_customer_takes_six_clicks_and_fields_at_most(
    session: Any, harbour: int, screen: Any, script: bool
) -> None:
    package = a_package("Fax to E-mail", "3")
    session.commit()
    page, hand = screen(java_script_enabled=script), Hand()
    page.goto("/")
    named(page, hand, "assign package old harb", script)
    hand.choose(page.get_by_label("Package"), "Fax to E-mail")
    hand.click(page.get_by_role("button", name="Assign package").last)
    expect(page.locator("#assignments")).to_contain_text("Fax to E-mail")
    assert hand.moves <= 6
    session.rollback()
    made = session.scalars(select(Assignment).where(Assignment.package_id == package.id)).one()
    assert made.customer_id == harbour


def named(page: Any, hand: Hand, words: str, script: bool) -> None:
    """Say in the search box, which every page has, what is to be done for whom, and take what it offers."""
    box = page.get_by_label("Search everything")
    hand.click(box)
    hand.fill(box, words)
    if script:
        expect(page.locator("#found").get_by_role("option").first).to_contain_text("Old Harbour")
        hand.press(box, "Enter")
    else:
        hand.press(box, "Enter")
        hand.click(page.locator("main").get_by_role("link", name="Old Harbour").first)


@BOTH
def test_what_else_can_be_done_stands_in_one_menu(harbour: int, screen: Any, script: bool) -> None:
    page = screen(java_script_enabled=script)
    page.goto(f"/customers/{harbour}")
    more = page.locator("details.menu")
    more.locator("summary").focus()
    page.keyboard.press("Enter")
    names = [
        "Run Package",
        "Charge summary",
        "Add manual charge",
        "Adjust balance",
        "As customer",
        "Edit customer",
    ]
    for name in names:
        expect(more.get_by_role("link", name=name)).to_be_visible()
    expect(more.get_by_role("button", name="Archive customer")).to_be_visible()
    if script:
        page.keyboard.press("Tab")
        page.keyboard.press("Escape")
        expect(more.get_by_role("link", name="Run Package")).to_be_hidden()
        expect(more.locator("summary")).to_be_focused()
        more.locator("summary").click()
        page.mouse.click(700, 700)
        expect(more.get_by_role("link", name="Run Package")).to_be_hidden()
        more.locator("summary").click()
    more.get_by_role("link", name="Charge summary").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("harge summary")
