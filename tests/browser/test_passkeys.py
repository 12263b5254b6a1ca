"""Passkeys in a real browser, with an authenticator that Chromium makes up (CDP): no script of the test's own."""

import pytest
from playwright.sync_api import expect

from tests.authenticator import code

pytestmark = pytest.mark.browser


def authenticator(page, **options):
    """A device that keeps passkeys and knows who holds it."""
    cdp = page.context.new_cdp_session(page)
    cdp.send("WebAuthn.enable")
    made = cdp.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
                "hasUserVerification": True, "isUserVerified": True,
                "automaticPresenceSimulation": True, **options,
            }
        },
    )  # fmt: skip
    return cdp, made["authenticatorId"]


def add_passkey(page, name="Laptop"):
    page.goto("/account")
    page.get_by_role("link", name="Add passkey").click()
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Add passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Account")


def test_a_passkey_is_added_and_signs_in_without_a_password(page):
    authenticator(page)
    add_passkey(page)
    expect(page.get_by_role("row", name="Laptop")).to_be_visible()
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page).to_have_title("Sign in · Lumen Voice")
    page.goto("/customers")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Customers")
    expect(page.get_by_text("Signed in as Olivia Brandt")).to_be_visible()


def test_a_passkey_stands_for_both_steps(page):
    authenticator(page)
    add_passkey(page)
    page.get_by_role("button", name="Set up an app").click()
    page.get_by_label("Code").fill(code(page.locator(".steps .code").inner_text()))
    page.get_by_role("button", name="Turn on").click()
    expect(page.get_by_text("You have no backup codes.")).to_be_visible()
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


def test_a_passkey_says_again_who_one_is(page, app):
    authenticator(page)
    add_passkey(page)
    page.context.clear_cookies()
    page.goto("/login")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    page.goto("/account/verify?next=/account/backup-codes")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Backup codes")


def test_a_passkey_that_is_deleted_signs_nobody_in(page):
    authenticator(page)
    add_passkey(page)
    page.get_by_role("button", name="Delete Laptop").click()
    expect(page.get_by_text("Deleted the passkey Laptop.")).to_be_visible()
    page.goto("/account")
    expect(page.get_by_role("row", name="Laptop")).to_have_count(0)
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_text("The portal does not know this passkey.")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in with a passkey")


def test_a_device_that_does_not_know_its_holder_is_not_enough(page):
    cdp, device = authenticator(page)
    add_passkey(page)
    cdp.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False})
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("alert")).to_have_text("Nothing was chosen, or it took too long.")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    cdp.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": True})
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


def test_two_passkeys_have_two_names(page):
    authenticator(page)
    add_passkey(page)
    page.goto("/account/passkeys")
    page.get_by_label("Name").fill("Laptop")
    page.get_by_role("button", name="Add passkey").click()
    expect(page.locator(".field__error")).to_have_text(
        "You already have a passkey with that name. Choose another name."
    )


def test_without_script_a_passkey_says_that_it_needs_it(screen):
    page = screen("owner", java_script_enabled=False)
    page.goto("/account")
    expect(page.get_by_role("link", name="Add passkey")).to_be_hidden()
    expect(page.get_by_text("Passkeys need JavaScript")).to_be_visible()
    page.goto("/account/passkeys")
    expect(page.get_by_text("Passkeys need JavaScript")).to_be_visible()
