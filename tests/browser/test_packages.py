"""Packages in a real browser: defining one beside its twelve months, rows, the keyboard, and no script at all."""

import re

import pytest

from portal.domain.schedule import Frequency
from portal.extensions import db
from portal.models import Package
from tests.trade import TODAY, a_customer, a_package, assigned, run

pytestmark = pytest.mark.browser
expect = pytest.importorskip("playwright.sync_api").expect


@pytest.fixture(autouse=True)
def _today(app, monkeypatch):
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


@pytest.fixture
def trunk(app) -> int:
    """A trunk that Acme has two of, charged once already."""
    with app.app_context():
        package = a_package("SIP Trunk 10", match=(22,))
        assigned(package, a_customer("Acme"), quantity=2)
        run()
        db.session.commit()
        return package.id


def stored(app, package_id: int) -> tuple[str, str]:
    """The name and the newest retail of a package, as the database has them."""
    with app.app_context():
        package = db.session.get_one(Package, package_id)
        return package.name, f"{package.prices[-1].retail:.2f}"


def test_a_package_is_defined_beside_the_year_it_would_charge(page, app):
    page.goto("/packages/new")
    year = page.get_by_role("region", name="What will be charged")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.keyboard.type("Call Bundle")
    page.get_by_label("Cost", exact=True).fill("26")
    page.get_by_label("Retail", exact=True).fill("24.50")
    page.get_by_label("Setup Retail").fill("25")
    expect(year.get_by_text("each charge loses 1.50")).to_be_visible()
    expect(page.get_by_role("group", name="Frequency Match")).to_have_count(0)

    page.get_by_label("Frequency", exact=True).select_option("weekly")
    expect(page.get_by_role("checkbox", name="Mon")).to_be_visible()
    page.get_by_role("checkbox", name="Thu").check()
    page.get_by_label("Frequency", exact=True).select_option("monthly")
    days = page.get_by_role("group", name="Frequency Match")
    expect(days.get_by_role("checkbox")).to_have_count(31)
    expect(days.get_by_role("checkbox", checked=True)).to_have_count(0)
    days.get_by_role("checkbox", name="30", exact=True).focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(year.get_by_text("30 and 31 fall together")).to_be_visible()
    page.get_by_label("Minimum Days").fill("60")
    expect(year.get_by_text("until 21 January 2027")).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Call Bundle")

    page.get_by_role("button", name="Add package").click()
    expect(page.get_by_role("link", name="Partial Periods")).to_be_visible()
    page.get_by_label("By days").check()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Call Bundle", level=1)).to_be_visible()
    expect(page.get_by_text("monthly, 30th and 31st").first).to_be_visible()


def test_fields_that_do_not_apply_are_not_shown(page, app):
    page.goto("/packages/new")
    destination, number = page.get_by_label("Destination"), page.get_by_label("Try a number")
    expect(destination).to_be_hidden()
    expect(page.get_by_label("By days")).to_be_hidden()
    page.get_by_label("Type").select_option("free_minutes")
    destination.fill("^44|91")
    number.fill("+44 20 7946 0123")
    year = page.get_by_role("region", name="What will be charged")
    expect(year.get_by_text("covered by the free minutes")).to_be_visible()
    expect(year.get_by_text("91 matches anywhere in a number")).to_be_visible()


def test_another_currency_is_added_without_losing_what_was_typed(page, app):
    page.goto("/packages/new")
    page.get_by_label("Name", exact=True).fill("Trunk")
    page.get_by_label("Retail", exact=True).fill("10")
    page.get_by_role("button", name="Add another currency").click()
    second = page.get_by_role("group", name="Prices in another currency")
    expect(second.get_by_label("Currency")).to_be_focused()
    second.get_by_label("Currency").select_option("JPY")
    yen = page.get_by_role("group", name="Prices in JPY")
    yen.get_by_label("Retail", exact=True).fill("1500")
    expect(
        page.get_by_role("region", name="What will be charged").get_by_role("row", name="JPY")
    ).to_contain_text("1,500")
    page.get_by_label("Name", exact=True).press("Enter")
    expect(page.get_by_role("heading", name="Trunk", level=1)).to_be_visible()


def test_a_row_is_edited_by_keyboard_alone_and_says_whom_it_affects(page, app, trunk):
    page.goto("/packages")
    page.get_by_role("link", name="Edit SIP Trunk 10").press("Enter")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Edit SIP Trunk 10")).to_be_focused()

    page.keyboard.press("Enter")
    retail = page.get_by_label("Retail", exact=True)
    retail.fill("twelve")
    page.keyboard.press("Enter")
    expect(retail).to_be_focused()
    expect(page.get_by_text("digits with a point")).to_be_visible()
    retail.fill("30")
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 assignment of 1 customer")).to_be_visible()
    expect(page.get_by_role("button", name="Save the change")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("The new terms take effect on 23 November 2026.")).to_be_visible()
    assert stored(app, trunk) == ("SIP Trunk 10", "30.00")


def test_two_rows_can_be_open_at_once(page, app, trunk):
    with app.app_context():
        a_package("Desk Phone", frequency=Frequency.NONE, match=())
        db.session.commit()
    page.goto("/packages")
    for open_rows, name in enumerate(("Desk Phone", "SIP Trunk 10"), start=1):
        page.get_by_role("link", name=f"Edit {name}").click()
        expect(page.get_by_label("Name", exact=True)).to_have_count(
            open_rows
        )  # a row that opens moves those below
    first = page.get_by_role("row").filter(has=page.get_by_role("button", name="Save")).first
    first.get_by_label("Name", exact=True).fill("Desk Telephone")
    first.get_by_role("button", name="Save").click()
    expect(page.get_by_role("link", name="Desk Telephone", exact=True)).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_have_count(1)


def test_the_list_is_searched_while_one_types(page, app, trunk):
    with app.app_context():
        a_package("Desk Phone", frequency=Frequency.NONE, match=())
        db.session.commit()
    page.goto("/packages")
    page.get_by_role("searchbox").press_sequentially("trunk")
    expect(page.get_by_role("link", name="Desk Phone", exact=True)).to_have_count(0)
    expect(page).to_have_url(re.compile(r"\?q=trunk$"))


def test_a_change_is_seen_before_it_is_saved(page, app, trunk):
    page.goto(f"/packages/{trunk}/edit")
    page.get_by_label("Retail", exact=True).fill("30")
    page.get_by_role("button", name="Save", exact=True).last.click()
    expect(page.get_by_text("This changes what 1 customer pays")).to_be_visible()
    expect(page.get_by_text("+11.00")).to_be_visible()
    assert stored(app, trunk)[1] == "24.50"
    page.get_by_role("button", name="Save the change").first.click()
    expect(page.get_by_role("heading", name="SIP Trunk 10", level=1)).to_be_visible()
    assert stored(app, trunk)[1] == "30.00"


def test_a_refused_delete_offers_the_archive_in_its_dialog(page, app, trunk):
    page.goto(f"/packages/{trunk}")
    page.get_by_text("More", exact=True).click()
    page.get_by_role("link", name="Delete").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("was assigned once")).to_be_visible()
    dialog.get_by_role("button", name="Archive it instead").click()
    expect(page.locator(".head .mark")).to_contain_text("archived")


def test_all_of_it_works_without_script(screen, app, trunk):
    page = screen(java_script_enabled=False)
    page.goto("/packages/new")
    page.get_by_label("Name", exact=True).fill("Weekly Report")
    page.get_by_label("Retail", exact=True).fill("7")
    page.get_by_label("Frequency", exact=True).select_option("weekly")
    page.get_by_label("By days").check()
    page.get_by_role("button", name="Show the days of this Frequency").click()
    page.get_by_role("checkbox", name="Mon").check()
    page.get_by_role("button", name="Show what it charges").click()
    expect(page.get_by_role("region", name="What will be charged")).to_contain_text("7.00")
    page.get_by_role("button", name="Add package").click()
    expect(page.get_by_text("weekly, Mon").first).to_be_visible()

    page.goto("/packages?q=trunk")
    page.get_by_role("link", name="Edit SIP Trunk 10").click()
    page.get_by_label("Retail", exact=True).fill("30")
    page.get_by_label("Retail", exact=True).press("Enter")
    expect(page.get_by_text("1 assignment of 1 customer")).to_be_visible()
    page.get_by_role("button", name="Save the change").click()
    expect(page).to_have_url(re.compile("q=trunk"))
    assert stored(app, trunk)[1] == "30.00"
