"""People and their second step in a real browser, with script and without."""

import pytest
from playwright.sync_api import expect

from tests import world
from tests.authenticator import code

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_the_second_step_works_with_script_and_without(screen, script):
    page = screen("owner", java_script_enabled=script)
    page.goto("/account")
    page.get_by_role("button", name="Set up an app").click()
    key = page.locator(".steps .code").inner_text()
    page.get_by_label("Code").fill("000000")
    page.get_by_role("button", name="Turn on").click()
    expect(page.locator(".field__error")).to_contain_text("code is wrong")
    page.get_by_label("Code").fill(code(key, -1))
    page.get_by_role("button", name="Turn on").click()
    page.get_by_role("link", name="Backup codes").click()
    page.get_by_role("button", name="Create new codes").click()
    backup = page.locator(".codes li").first.inner_text()
    page.get_by_role("button", name="Sign out", exact=True).click()
    sign_in(page)
    page.get_by_role("textbox", name="Code").fill(code(key))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    page.get_by_role("button", name="Sign out", exact=True).click()
    sign_in(page)
    page.get_by_role("link", name="Use a backup code").click()
    page.get_by_label("Backup code").fill(backup)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


def sign_in(page):
    page.get_by_label("E-mail").fill("owner@lumen.example")
    page.get_by_label("Password").fill(world.PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_a_person_is_invited_changed_and_deactivated(screen, script):
    page = screen("owner", java_script_enabled=script)
    page.goto("/settings/people")
    page.get_by_role("link", name="Invite person").click()
    page.get_by_label("E-mail").fill("ann@lumen.example")
    page.get_by_label("Name").fill("Ann")
    page.get_by_role("radio", name="Billing").check()
    page.get_by_role("button", name="Send invitation").click()
    expect(page.get_by_role("row", name="ann@lumen.example")).to_contain_text("invited")
    page.get_by_role("row", name="ann@lumen.example").locator(".menu > summary").click()
    page.get_by_role("button", name="Withdraw the invitation of ann@lumen.example").click()
    expect(page.get_by_role("row", name="ann@lumen.example")).to_have_count(0)
    page.get_by_role("row", name="Ben Clerk").get_by_role("link", name="Edit").click()
    page.get_by_role("combobox", name="Role").select_option("viewer")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("row", name="Ben Clerk")).to_contain_text("Viewer")
    page.get_by_role("row", name="Ben Clerk").locator(".menu > summary").click()
    page.get_by_role("button", name="Deactivate Ben Clerk").click()
    expect(page.get_by_role("row", name="Ben Clerk")).to_contain_text("deactivated")
    page.get_by_role("row", name="Ben Clerk").locator(".menu > summary").click()
    page.get_by_role("button", name="Reactivate Ben Clerk").click()
    expect(page.get_by_role("row", name="Ben Clerk")).to_contain_text("active")
