"""Customers in a real browser: by mouse, by keyboard alone, and without script."""

from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import expect
from sqlalchemy import select

from portal.models import Customer
from tests.trade import TODAY, a_customer, a_package

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def _on_a_sunday(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


def cast(session: Any) -> None:
    for name in ("Acme", "Globex", "Northwind Telecom"):
        a_customer(name)
    session.commit()


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_a_customer_is_added_and_found(session: Any, screen: Any, script: bool) -> None:
    cast(session)
    page = screen(java_script_enabled=script)
    page.goto("/customers")
    page.get_by_role("link", name="Add customer").click()
    page.get_by_role("button", name="Add customer").click()
    expect(page.get_by_role("alert")).to_contain_text("Give the customer a name.")
    page.get_by_label("Name", exact=False).first.fill("Initech")
    page.get_by_label("Currency").select_option("EUR")
    page.get_by_label("Tax Rate").fill("19")
    page.get_by_role("button", name="Add customer").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Initech")
    expect(page.get_by_text("Added Initech.")).to_be_visible()
    page.get_by_role("link", name="Customers").first.click()
    page.get_by_role("searchbox").fill("init")
    page.get_by_role("searchbox").press("Enter")
    expect(page.get_by_role("row")).to_have_count(2)
    expect(page.get_by_role("row").nth(1)).to_contain_text("Initech")


def test_the_list_answers_while_one_types_and_the_address_keeps_up(session: Any, page: Any) -> None:
    cast(session)
    page.goto("/customers")
    page.get_by_role("searchbox").press_sequentially("glo", delay=20)
    expect(page.get_by_role("row")).to_have_count(2)
    expect(page).to_have_url("/customers?q=glo")
    expect(page.get_by_role("searchbox")).to_be_focused()


def test_a_row_is_edited_by_keyboard_alone(session: Any, page: Any) -> None:
    cast(session)
    page.goto("/customers")
    page.get_by_role("link", name="Edit Globex").focus()
    page.keyboard.press("Enter")
    name = page.locator("tr.editing input[name=name]")
    expect(name).to_be_focused()
    name.fill("")
    page.keyboard.press("Enter")
    expect(page.locator("tr.editing [aria-invalid=true]")).to_be_focused()
    expect(page.locator("tr.editing")).to_contain_text("Give the customer a name.")
    name.fill("Globex Europe")
    page.keyboard.press("Enter")
    expect(page.locator("tr.editing")).to_have_count(0)
    expect(page.get_by_role("link", name="Edit Globex Europe")).to_be_focused()
    session.commit()
    assert session.scalar(select(Customer.name).where(Customer.name.startswith("Globex"))) == "Globex Europe"


def test_escape_leaves_a_row_as_it_was(session: Any, page: Any) -> None:
    cast(session)
    page.goto("/customers")
    page.get_by_role("link", name="Edit Globex").click()
    page.locator("tr.editing input[name=name]").fill("Changed")
    page.keyboard.press("Escape")
    expect(page.locator("tr.editing")).to_have_count(0)
    expect(page.get_by_role("link", name="Edit Globex")).to_be_focused()


def test_two_rows_may_be_open_at_once(session: Any, page: Any) -> None:
    cast(session)
    page.goto("/customers")
    page.get_by_role("link", name="Edit Acme").click()
    expect(page.locator("tr.editing")).to_have_count(1)
    page.get_by_role("link", name="Edit Globex").click()
    expect(page.locator("tr.editing")).to_have_count(2)
    second = page.locator("tr.editing").nth(1)
    second.locator("input[name=name]").fill("Globex Two")
    second.get_by_role("button", name="Save").click()
    expect(page.locator("tr.editing")).to_have_count(1)
    expect(page.get_by_role("link", name="Globex Two", exact=True)).to_be_visible()
    expect(page.locator("tr.editing input[name=name]")).to_have_value("Acme")


def test_assigning_in_the_dialog_renews_the_figures_of_the_page(session: Any, page: Any) -> None:
    cast(session)
    package = a_package(retail="24.50")
    session.commit()
    name = package.name
    session.commit()
    page.goto("/customers?q=globex")
    page.get_by_role("link", name="Globex", exact=True).click()
    expect(page.locator(".facts")).to_contain_text("nothing falls due")
    page.get_by_role("link", name="Assign package").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Package").select_option(label=name)
    expect(dialog.get_by_role("heading", name="What will be charged")).to_be_visible()
    dialog.get_by_role("button", name="Assign package").click()
    expect(page.locator(".facts")).to_contain_text("24.50 GBP")
    expect(page.locator("#assignments")).to_contain_text(name)


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("path", ["/customers", "/customers/new", "/customers/{}", "/customers/{}/edit"])
def test_no_page_is_wider_than_its_screen(session: Any, screen: Any, path: str, width: int) -> None:
    customer = a_customer("Northwind Telecommunications and Surveying of the Southern Counties Limited")
    customer.email = "accounts-receivable.department@northwind-telecommunications.example"
    session.commit()
    path = path.format(customer.id)
    session.commit()
    page = screen(viewport={"width": width, "height": 900})
    page.goto(path)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
