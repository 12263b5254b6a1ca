"""The one search in a real browser: by keyboard alone, by touch, without script; and what a job takes, counted."""

import json
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import expect

from tests.trade import TODAY, a_customer, a_did, a_package, assigned

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def _on_a_sunday(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


@pytest.fixture
def acme(session: Any) -> int:
    """Acme, which has a DID with a package; and others."""
    acme = a_customer("Acme")
    assigned(a_package("SIP Trunk"), acme, did=a_did(acme))
    for name in ("Acorn Foods", "Globex", "Harbour Bakery", "Old Harbour"):
        a_customer(name)
    id = acme.id
    session.commit()
    return id


class Hands:
    """What a clerk does, counted: a key or click, or a field that is filled in."""

    def __init__(self, page: Any) -> None:
        self.page, self.count = page, 0

    def press(self, key: str) -> None:
        self.count += 1
        self.page.keyboard.press(key)

    def type(self, text: str) -> None:
        self.count += 1
        self.page.keyboard.type(text)


def box(page: Any) -> Any:
    return page.get_by_role("combobox", name="Search everything")


def opened(page: Any, name: str) -> None:
    """Wait for a page, and for its script, which makes a combobox of the box."""
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    expect(box(page)).to_be_visible()


def options(page: Any, **which: Any) -> Any:
    return page.locator("#found").get_by_role("option", **which)


def test_a_number_called_in_whose_and_what_is_on_it_takes_2(page: Any, acme: int) -> None:
    page.goto("/runs")
    hands = Hands(page)
    hands.press("/")
    hands.type("020 7946 0123")
    expect(options(page, name="+44 20 7946 0123")).to_contain_text("Acme · SIP Trunk")
    assert hands.count == 2


@pytest.mark.parametrize("key", ["/", "Control+k"])
def test_a_customer_by_two_letters_and_enter_takes_3(page: Any, acme: int, key: str) -> None:
    page.goto("/runs")
    hands = Hands(page)
    hands.press(key)
    hands.type("ac")
    hands.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Acme")
    assert hands.count == 3


def test_the_arrows_go_round_and_enter_opens_what_they_stand_on(page: Any, acme: int) -> None:
    page.goto("/")
    page.keyboard.press("/")
    page.keyboard.type("ac")
    expect(options(page)).to_have_count(2)
    first, second = options(page).all()
    for key, on in (("ArrowDown", second), ("ArrowDown", first), ("ArrowUp", second)):
        page.keyboard.press(key)
        expect(on).to_have_attribute("aria-selected", "true")
        expect(box(page)).to_have_attribute("aria-activedescendant", on.get_attribute("id"))
    expect(box(page)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Acorn Foods")


def test_escape_closes_what_is_open_then_empties_the_box_then_leads_back(page: Any, acme: int) -> None:
    page.goto("/customers")
    link = page.get_by_role("link", name="Globex", exact=True)
    link.focus()
    page.keyboard.press("Control+k")
    page.keyboard.type("ac")
    expect(page.get_by_role("listbox")).to_be_visible()
    expect(box(page)).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Escape")
    expect(page.locator("#found")).to_be_hidden()
    expect(box(page)).to_have_attribute("aria-expanded", "false")
    expect(box(page)).to_have_value("ac")
    page.keyboard.press("Escape")
    expect(box(page)).to_have_value("")
    page.keyboard.press("Escape")
    expect(link).to_be_focused()


def test_a_slash_that_is_typed_into_a_field_is_a_slash(page: Any, acme: int) -> None:
    page.goto("/customers/new")
    page.get_by_label("Name", exact=True).press_sequentially("a/b")
    expect(page.get_by_label("Name", exact=True)).to_have_value("a/b")


def test_what_was_opened_last_stands_first_and_is_forgotten_when_one_signs_out(page: Any, acme: int) -> None:
    page.goto("/")
    page.keyboard.press("/")
    page.keyboard.type("acorn")
    page.keyboard.press("Enter")
    opened(page, "Acorn Foods")
    page.keyboard.press("/")
    expect(options(page)).to_have_text(["Acorn Foods"])
    page.keyboard.type("a")
    expect(options(page).first).to_contain_text("Acorn Foods")
    expect(options(page)).to_have_count(2)
    kept = json.loads(page.evaluate("localStorage.opened"))
    assert [set(row) for row in kept] == [{"href", "name"}] and kept[0]["name"] == "Acorn Foods"
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Acorn Foods")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    assert page.evaluate("localStorage.getItem('opened')") is None


def test_what_is_called_just_so_stands_before_what_was_opened_last(page: Any, acme: int) -> None:
    page.goto("/")
    page.keyboard.press("/")
    page.keyboard.type("acorn")
    page.keyboard.press("Enter")
    opened(page, "Acorn Foods")
    page.keyboard.press("/")
    page.keyboard.type("acme")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Acme")


def test_an_act_by_its_beginning_and_a_name(page: Any, acme: int) -> None:
    page.goto("/")
    page.keyboard.press("/")
    page.keyboard.type("add payment harb")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Add payment")
    expect(page.locator("main")).to_contain_text("Harbour Bakery")


def test_an_act_that_needs_a_name_goes_on_in_the_box(page: Any, acme: int) -> None:
    page.goto("/")
    page.keyboard.press("/")
    page.keyboard.type("add payment")
    expect(options(page).first).to_contain_text("go on with a customer’s name")
    page.keyboard.press("Enter")
    expect(box(page)).to_have_value("Add payment ")
    expect(box(page)).to_be_focused()
    page.keyboard.type("globex")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Add payment")


def test_what_is_found_is_clicked_and_a_click_beside_it_closes_it(page: Any, acme: int) -> None:
    page.goto("/packages")
    box(page).fill("globex")
    expect(options(page)).to_have_count(1)
    page.get_by_role("heading", level=1).click()
    expect(page.locator("#found")).to_be_hidden()
    box(page).press("ArrowDown")
    options(page, name="Globex").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Globex")


def test_nothing_found_is_said(page: Any, acme: int) -> None:
    page.goto("/")
    page.keyboard.press("/")
    page.keyboard.type("qqzzy")
    expect(page.locator("#found")).to_contain_text("Nothing was found.")
    expect(page.locator("#spoken")).to_have_text("Nothing was found.")
    expect(box(page)).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("Enter")
    expect(page).to_have_url("/")


def test_without_script_it_is_a_form_and_a_page(screen: Any, acme: int) -> None:
    page = screen(java_script_enabled=False)
    page.goto("/runs")
    page.get_by_role("textbox", name="Search everything").fill("ac")
    page.get_by_role("textbox", name="Search everything").press("Enter")
    expect(page).to_have_url("/search?q=ac")
    expect(page.get_by_role("heading", level=2)).to_have_text(["Customers"])
    page.get_by_role("link", name="Acorn Foods").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Acorn Foods")


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_on_a_phone_a_button_opens_the_box(screen: Any, acme: int, script: bool) -> None:
    page = screen(viewport={"width": 390, "height": 844}, java_script_enabled=script, has_touch=True)
    page.goto("/dids")
    text = page.locator("#find-text")
    expect(text).to_be_hidden()
    page.get_by_role("button", name="Search", exact=True).first.click()
    expect(text).to_be_visible()
    if script:
        expect(text).to_be_focused()
    text.fill("globex")
    if script:
        options(page, name="Globex").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Globex")
    else:
        page.locator("#find").get_by_role("button", name="Search").click()
        expect(page).to_have_url("/search?q=globex")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
