"""Assignments in a real browser: assign to a DID, refused deletes and their way out, rows by keyboard, no script."""

import re
from datetime import date, timedelta

import pytest

from portal.domain.schedule import Frequency
from portal.extensions import db
from portal.models import Assignment
from tests.trade import TODAY, a_customer, a_did, a_package, assigned, run

pytestmark = pytest.mark.browser
expect = pytest.importorskip("playwright.sync_api").expect


@pytest.fixture(autouse=True)
def _today(app, monkeypatch):
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


@pytest.fixture
def scene(app):
    """A customer with a DID, a seat since 1 November, and a trunk that is locked until 31 December."""
    with app.app_context():
        customer = a_customer()
        did = a_did(customer)
        a_package("UK Geographic DID", "1.20", setup_retail="2", match=())
        seat = assigned(a_package("Hosted Seat", "30"), customer, date(2026, 11, 1), quantity=12)
        trunk = assigned(a_package(minimum_days=60), customer, date(2026, 11, 1))
        run()
        db.session.commit()
        return {"customer": customer.id, "did": did.id, "seat": seat.id, "trunk": trunk.id}


def stored(app, assignment_id):
    with app.app_context():
        assignment = db.session.get_one(Assignment, assignment_id)
        return assignment.quantity_on(date(2027, 1, 1)), assignment.end_date


def test_a_package_is_assigned_to_a_did_beside_what_it_will_charge(page, scene):
    page.goto(f"/dids/{scene['did']}")
    page.get_by_role("link", name="Assign package").first.click()
    dialog = page.get_by_role("dialog", name="Assign package to +44 20 7946 0123")
    draft = dialog.get_by_role("region", name="What will be charged")
    expect(dialog.get_by_label("Package")).to_be_focused()
    expect(dialog.get_by_label("Minutes")).to_be_hidden()
    dialog.get_by_label("Package").select_option("UK Geographic DID")
    expect(draft.get_by_text("16.40 GBP")).to_be_visible()
    expect(draft.get_by_text("Not locked")).to_be_visible()
    dialog.get_by_label("Quantity").fill("2")
    expect(draft.get_by_text("32.80 GBP")).to_be_visible()
    dialog.get_by_label("Minimum Days").fill("30")
    expect(draft.get_by_text("Locked until 22 Dec 2026")).to_be_visible()

    dialog.get_by_label("Start Date").fill("2026-06-22")
    expect(draft.get_by_text("6 charges")).to_be_visible()
    draft.get_by_role("button", name="Charge from 22 Dec 2026, the next charge date").click()
    expect(draft.get_by_label("Charge from")).to_have_value("2026-12-22")

    dialog.get_by_role("button", name="Assign package").last.click()
    expect(dialog).to_be_hidden()
    section = page.get_by_role("region", name="Packages")
    expect(section.get_by_role("row").filter(has_text="UK Geographic DID")).to_contain_text("22 Dec 2026")
    expect(page.get_by_text("Assigned UK Geographic DID to +44 20 7946 0123.")).to_be_visible()


def test_what_is_typed_survives_the_question_and_enter_does_not_answer_it(page, scene, app):
    page.goto(f"/customers/{scene['customer']}")
    page.get_by_role("link", name="Assign package").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Package").select_option("Hosted Seat")
    dialog.get_by_label("Quantity").fill("3")
    dialog.get_by_label("Quantity").press("Enter")
    again = dialog.get_by_role("button", name="Assign a second time")
    expect(again).to_be_focused()
    expect(dialog.get_by_label("Quantity")).to_have_value("3")
    dialog.get_by_label("Quantity").press("Enter")
    expect(again).to_be_focused()
    again.press("Enter")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("region", name="Packages").get_by_text("3 assigned")).to_be_visible()


def test_a_row_is_changed_by_keyboard_alone(page, scene, app):
    page.goto(f"/customers/{scene['customer']}")
    row = page.locator(f"#assignment-{scene['seat']}")
    row.get_by_role("link", name="Edit").focus()
    page.keyboard.press("Enter")
    quantity = row.get_by_label("Quantity")
    expect(quantity).to_be_focused()
    page.keyboard.press("Escape")
    expect(row.get_by_role("link", name="Edit")).to_be_focused()

    page.keyboard.press("Enter")
    quantity.fill("0")
    quantity.press("Enter")
    expect(row.get_by_text("Quantity must be 1 to 100,000.")).to_be_visible()
    expect(quantity).to_be_focused()
    quantity.fill("14")
    expect(row.get_by_text("16.00 GBP are given away")).to_be_visible()
    quantity.press("Enter")
    expect(row.get_by_text("14 from 23 Nov 2026")).to_be_visible()
    assert stored(app, scene["seat"]) == (14, None)


def test_a_refused_end_says_why_and_its_way_out_ends_it(page, scene, app):
    page.goto(f"/customers/{scene['customer']}")
    row = page.locator(f"#assignment-{scene['trunk']}")
    row.get_by_role("link", name="End").click()
    dialog = page.get_by_role("dialog", name="End SIP Trunk 10")
    expect(
        dialog.get_by_text("Locked until 31 December 2026 (60 days from 1 November 2026).")
    ).to_be_visible()
    expect(dialog.get_by_text("Until then 1 charge, 24.50 GBP in all")).to_be_visible()
    expect(dialog.get_by_role("radio", name="30 Dec 2026, the first possible day")).to_be_checked()
    dialog.get_by_role("button", name="End on 30 Dec 2026").click()
    expect(dialog).to_be_hidden()
    expect(row.get_by_text("last day 30 Dec 2026")).to_be_visible()
    assert stored(app, scene["trunk"]) == (1, date(2026, 12, 30))


def test_the_money_of_an_ending_follows_the_day_and_the_dialog_stays_open(page, scene, app):
    """By keyboard alone."""
    page.goto(f"/customers/{scene['customer']}")
    page.locator(f"#assignment-{scene['seat']}").get_by_role("link", name="End").press("Enter")
    dialog = page.get_by_role("dialog", name="End Hosted Seat")
    dialog.get_by_role("radio", name="Today, 22 Nov 2026").press("ArrowDown")
    day = dialog.get_by_label("End Date")
    for last_day, amount in ("2026-12-31", "360.00"), ("2027-01-31", "720.00"):
        day.fill(last_day)
        day.press("Tab")
        expect(dialog.get_by_role("region", name="Effect of ending")).to_contain_text(amount)
    dialog.get_by_role("button", name="End on 31 Jan 2027").press("Enter")
    expect(dialog).to_be_hidden()
    assert stored(app, scene["seat"]) == (12, date(2027, 1, 31))


def test_the_money_of_many_endings_follows_the_day(page, scene):
    page.goto(f"/customers/{scene['customer']}")
    for name in "seat", "trunk":
        page.locator(f"#assignment-{scene[name]}").get_by_role("checkbox").check()
    page.get_by_role("button", name="End them").click()
    effect = page.get_by_role("region", name="Effect of ending")
    for last_day, amount in ("2026-12-31", "384.50"), ("2027-01-31", "769.00"):
        page.get_by_label("End Date").fill(last_day)
        page.get_by_label("End Date").press("Tab")
        expect(effect.get_by_role("row", name="In all, GBP")).to_contain_text(amount)


def test_what_else_the_page_says_of_charges_follows_a_change(page, scene):
    page.goto(f"/customers/{scene['customer']}")
    coming = page.locator("#facts .facts > div").last
    expect(coming.get_by_text("384.50")).to_be_visible()
    page.locator(f"#assignment-{scene['seat']}").get_by_role("link", name="End").click()
    page.get_by_role("dialog").get_by_role("button", name="End today").click()
    expect(coming.get_by_text("384.50")).to_have_count(0)


def test_without_script_it_is_assigned_changed_and_ended_from_pages(screen, scene, app):
    page = screen(java_script_enabled=False)
    page.goto(f"/dids/{scene['did']}")
    page.get_by_role("link", name="Assign package").first.click()
    page.get_by_label("Package").select_option("UK Geographic DID")
    page.get_by_label("Quantity").fill("2")
    page.get_by_role("button", name="Show charges").click()
    expect(page.locator("#assign-sum")).to_have_text("32.80 GBP in twelve months, first 6.40 today")
    expect(page.get_by_label("Quantity")).to_have_value("2")
    page.get_by_label("Quantity").press("Enter")
    row = page.get_by_role("region", name="Packages").get_by_role("row").filter(has_text="UK Geographic DID")
    row.get_by_role("link", name="Edit").click()
    page.get_by_label("Quantity").fill("5")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="UK Geographic DID")).to_be_visible()
    page.get_by_role("link", name="End").click()
    page.get_by_role("button", name="Remove UK Geographic DID").click()
    expect(page.get_by_text("Removed UK Geographic DID.")).to_be_visible()


def test_one_package_goes_to_chosen_dids_seen_in_sum_first(page, scene, app):
    page.goto("/dids")
    page.get_by_role("checkbox", name="Select +44 20 7946 0123").check()
    page.get_by_role("button", name="Assign package").click()
    expect(page.get_by_role("heading", name="Assign package to 1 DID")).to_be_visible()
    page.get_by_label("Package").select_option("UK Geographic DID")
    expect(page.get_by_text("Assigned to 1 of 1 DID")).to_be_visible()
    page.get_by_role("button", name="Assign to DIDs").click()
    expect(page.get_by_text("Assigned UK Geographic DID to 1 DID.")).to_be_visible()


def test_what_is_held_is_chosen_for_from_its_own_page(page, app):
    with app.app_context():
        daily = a_package("Recording", "2", frequency=Frequency.DAILY, match=())
        held = assigned(daily, a_customer(), TODAY - timedelta(50)).id
        run()
        db.session.commit()
    page.goto(f"/assignments/{held}")
    page.get_by_role("link", name="Choose what is charged").click()
    box = page.get_by_role("cell", name="50 charges").first.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.get_by_role("button", name="Charge from 22 Nov 2026: 1 charge, 2.00 GBP").click()
    expect(page.get_by_text("50 charges, 100.00 GBP, were not charged")).to_be_visible()
    expect(page.get_by_text("is held")).to_have_count(0)


def own_retail(app, assignment_id, day):
    with app.app_context():
        return db.session.get_one(Assignment, assignment_id).prices_on(day).retail


def test_an_own_price_is_seen_as_it_is_typed_and_saved_with_one_press(page, scene, app):
    page.goto(f"/customers/{scene['customer']}")
    row = page.locator(f"#assignment-{scene['seat']}")
    row.get_by_role("link", name="Edit").click()
    row.get_by_label("Retail").fill("25.50")
    expect(
        row.get_by_text("from the charge of 1 Dec 2026 on. 360.00 a month becomes 306.00 GBP (−54.00).")
    ).to_be_visible()
    row.get_by_role("button", name="Save").click()
    expect(row.get_by_text("25.50 from 23 Nov 2026")).to_be_visible()
    assert own_retail(app, scene["seat"], date(2026, 12, 1)) == 25.5


def test_without_script_the_effect_of_an_own_price_is_shown_before_it_is_saved(screen, scene, app):
    plain = screen("owner", java_script_enabled=False)
    plain.goto(f"/assignments/{scene['seat']}/edit")
    plain.get_by_label("Retail").fill("25.50")
    plain.get_by_role("button", name="Save").click()
    expect(plain.get_by_text("Save once more to do this.")).to_be_visible()
    assert own_retail(app, scene["seat"], date(2026, 12, 1)) == 30
    plain.get_by_role("button", name="Save").click()
    expect(plain.get_by_text("own, package 30.00").first).to_be_visible()


def test_ticked_ones_get_own_prices_seen_in_sum_first(page, scene, app):
    page.goto(f"/customers/{scene['customer']}")
    page.get_by_label("Select Hosted Seat").check()
    page.get_by_label("Select SIP Trunk 10").check()
    page.get_by_role("button", name="Own prices").click()
    page.get_by_label("Retail").first.fill("20")
    effect = page.get_by_role("region", name="Effect of the prices")
    expect(effect.get_by_role("row", name="In all, GBP a month")).to_contain_text(
        re.compile(r"384\.50\s+260\.00")
    )
    effect.get_by_role("button", name="Save the prices").click()
    expect(page.get_by_text("Own prices of 2 assignments were saved.")).to_be_visible()
    assert [own_retail(app, scene[name], date(2026, 12, 1)) for name in ("seat", "trunk")] == [20, 20]


def test_the_draft_of_an_assignment_follows_its_own_prices(page, scene):
    page.goto(f"/dids/{scene['did']}")
    page.get_by_role("link", name="Assign package").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Package").select_option("UK Geographic DID")
    dialog.get_by_text("Own prices").click()
    dialog.get_by_label("Setup Retail").fill("0")
    dialog.get_by_label("Retail", exact=True).fill("1")
    draft = dialog.get_by_role("region", name="What will be charged")
    expect(draft.get_by_text("12.00 GBP")).to_be_visible()
    draft.get_by_text("Terms").click()
    expect(draft.get_by_text("own, package 1.20")).to_be_visible()
