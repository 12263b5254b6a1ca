"""Signing in and out in a real browser, with script and without."""

import pytest
from playwright.sync_api import expect

from tests import world

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_signing_in_and_out(screen, script):
    page = screen(None, java_script_enabled=script)
    page.goto("/")
    expect(page).to_have_title("Sign in · Lumen Voice")
    page.get_by_label("E-mail").fill("owner@lumen.example")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("E-mail or password is wrong")
    expect(page.get_by_label("E-mail")).to_have_value("owner@lumen.example")
    page.get_by_label("Password").fill(world.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_who_is_signed_in_has_a_page_at_once(page):
    page.goto("/")
    expect(page.get_by_text("Signed in as Olivia Brandt")).to_be_visible()
