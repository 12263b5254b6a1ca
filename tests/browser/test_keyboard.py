"""By keyboard alone: where the focus is, that it is seen, and where it comes back to. And by touch."""

import pytest
from playwright.sync_api import expect

from tests import trade

pytestmark = pytest.mark.browser

# What has the focus shows it: by itself, or by what is drawn in its place (a day's box, a field with its unit).
SEEN = """() => {
  const at = document.activeElement;
  const drawn = [at, at.nextElementSibling, at.closest(".unit, label")].filter(Boolean);
  const ring = (place) => { const {outlineStyle, outlineWidth} = getComputedStyle(place);
    return outlineStyle !== "none" && parseFloat(outlineWidth) >= 2; };
  const {width, height, bottom, right} = at.getBoundingClientRect();
  return {what: at.outerHTML.slice(0, 120), body: at === document.body, ring: drawn.some(ring),
    there: width > 0 && height > 0 && bottom > 0 && right > 0};
}"""
STEPS = 60


@pytest.fixture
def scene(session):
    """A customer with a package."""
    customer = trade.a_customer("Acme")
    trade.assigned(trade.a_package(), customer)
    number = customer.id
    session.commit()
    return number


@pytest.mark.parametrize("path", ["/packages", "/packages/new", "/customers/{}", "/charges", "/settings"])
def test_whatever_has_the_focus_shows_it(page, scene, path):
    page.goto(path.format(scene))
    page.evaluate("document.activeElement.blur()")
    visited = 0
    for _ in range(STEPS):
        page.keyboard.press("Tab")
        seen = page.evaluate(SEEN)
        if seen["body"]:
            break
        assert seen["ring"], seen
        assert seen["there"], seen
        visited += 1
    assert visited > 10


def test_the_first_stop_leads_past_the_menu(page, scene):
    page.goto("/packages")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_a_dialog_keeps_the_focus_and_gives_it_back(page, scene):
    page.goto(f"/customers/{scene}")
    opener = page.get_by_role("link", name="Assign package").first
    opener.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    for _ in range(30):
        page.keyboard.press("Tab")
        assert page.evaluate(
            "document.activeElement === document.body || !!document.activeElement.closest('dialog')"
        )
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()


def test_the_menu_of_a_narrow_screen_opens_closes_and_gives_the_focus_back(screen, scene):
    page = screen(viewport={"width": 720, "height": 450})
    page.goto("/packages")
    button = page.get_by_role("button", name="Menu")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("navigation", name="Main")).to_be_hidden()
    expect(button).to_be_focused()


def test_the_first_wrong_field_has_the_focus(page, scene):
    page.goto("/customers/new")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".field__error").first).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    expect(page.get_by_label("Name", exact=True)).to_have_attribute("aria-invalid", "true")


def test_a_row_on_a_phone_can_be_chosen_and_opened_by_touch(screen, scene):
    page = screen(viewport={"width": 390, "height": 844})
    page.goto("/customers")
    expect(page.get_by_label("Select Acme")).to_be_hidden()
    page.get_by_text("Select", exact=True).first.click()
    page.get_by_label("Select Acme").check()
    expect(page.locator(".bulk")).to_be_visible()
    page.get_by_label("Select Acme").uncheck()
    page.get_by_text("Select", exact=True).first.click()
    page.get_by_role("row", name="Acme").get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Acme")


def test_a_list_is_gone_through_with_single_keys_until_they_are_switched_off(page, scene):
    page.goto("/customers")
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="Acme", exact=True)).to_be_focused()
    page.keyboard.press("x")
    expect(page.get_by_label("Select Acme")).to_be_checked()
    page.keyboard.press("e")
    expect(page.locator("tr.editing")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("tr.editing")).to_be_hidden()
    page.keyboard.press("?")
    page.get_by_role("dialog").get_by_label("Single keys do this").uncheck()
    page.keyboard.press("Escape")
    page.reload()
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="Acme", exact=True)).not_to_be_focused()


def test_a_list_is_as_one_left_it_until_one_signs_out(page, scene):
    page.goto("/customers?sort=-name&state=all&q=ac")
    page.goto("/packages")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Customers").click()
    page.wait_for_url("**/customers?sort=-name&state=all")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/login*")
    assert page.evaluate("Object.keys(localStorage).filter((name) => name.startsWith('list '))") == []
