"""DIDs in a real browser: added as a block and from a file, given away in the row and many at once."""

from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import expect
from sqlalchemy import func, select

from portal.models import Assignment, Did
from tests.trade import TODAY, a_customer, a_did, a_package

pytestmark = pytest.mark.browser

LONDON = "+4420794600"


@pytest.fixture(autouse=True)
def _on_a_sunday(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


def count(session: Any, model: Any = Did) -> int:
    session.commit()
    found = session.scalar(select(func.count(model.id)))
    session.commit()
    return int(found)


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_a_block_with_a_package_is_checked_and_added(session: Any, screen: Any, script: bool) -> None:
    a_customer("Acme"), a_package("UK DID", "1.20")
    session.commit()
    page = screen(java_script_enabled=script)
    page.goto("/dids")
    page.get_by_role("link", name="Add DIDs").click()
    page.get_by_role("link", name="A block").click()
    page.get_by_label("Country").select_option("GB")
    page.get_by_label("First number").fill("020 7946 0001")
    page.get_by_label("Last number").fill("020 7946 0010")
    page.get_by_label("Customer").fill("Acme")
    page.get_by_label("Package").select_option(label="UK DID · GBP")
    page.get_by_label("Start Date").fill("2026-12-01")
    page.get_by_role("button", name="Check numbers").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Check before adding")
    expect(page.get_by_role("region", name="What will be charged first and next")).to_contain_text(
        "12.00 GBP"
    )
    assert count(session) == 0
    page.get_by_role("button", name="Add 10 DIDs and assign").click()
    expect(page.get_by_text("Added 10 DIDs and assigned UK DID to each.")).to_be_visible()
    expect(page.get_by_role("row")).to_have_count(11)
    assert (count(session), count(session, Assignment)) == (10, 10)


def test_a_double_click_adds_a_block_once(session: Any, page: Any) -> None:
    a_customer("Acme"), a_package("UK DID", "1.20")
    session.commit()
    page.goto("/dids/new?by=block")
    page.get_by_label("First number").fill(LONDON + "01")
    page.get_by_label("Last number").fill(LONDON + "10")
    page.get_by_role("button", name="Check numbers").click()
    page.get_by_role("button", name="Add 10 DIDs").dblclick()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.goto("/dids")
    expect(page.locator("[data-say]")).to_have_text("10 DIDs")
    assert count(session) == 10


def test_a_file_goes_in_its_bad_lines_come_back_mended(session: Any, page: Any, tmp_path: Path) -> None:
    a_customer("Acme")
    session.commit()
    file = tmp_path / "numbers.csv"
    file.write_text(f"number;customer\n{LONDON}01;Acme\n{LONDON}02;Acmee\n", "utf-8")
    page.goto("/dids/new?by=file")
    page.get_by_label("CSV file").set_input_files(file)
    page.get_by_role("button", name="Check numbers").click()
    expect(page.get_by_role("region", name="Bad lines")).to_contain_text("There is no customer called Acmee.")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as CSV").click()
    mended = tmp_path / "mended.csv"
    mended.write_text(Path(download.value.path()).read_text("utf-8").replace("Acmee", "Acme"), "utf-8")
    page.get_by_role("button", name="Add 1 DID").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Added 1 DID")
    page.goto("/dids/new?by=file")
    page.get_by_label("CSV file").set_input_files(mended)
    page.get_by_role("button", name="Check numbers").click()
    expect(page.locator(".facts")).to_contain_text("every line can be read")
    page.get_by_role("button", name="Add 1 DID").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("+44 20 7946 0002")
    assert count(session) == 2


def test_a_number_is_given_away_in_its_row_by_keyboard_alone(session: Any, page: Any) -> None:
    a_customer("Acme"), a_did(None, LONDON + "01")
    session.commit()
    page.goto("/dids")
    page.get_by_role("link", name="Edit +44 20 7946 0001").focus()
    page.keyboard.press("Enter")
    field = page.locator("tr.editing input[name=customer]")
    expect(field).to_be_focused()
    field.press_sequentially("ac", delay=20)
    expect(page.locator("tr.editing datalist option[value=Acme]")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator("tr.editing")).to_contain_text("There is no customer called ac. Did you mean Acme?")
    field.fill("acme")
    page.keyboard.press("Enter")
    expect(page.locator("tr.editing")).to_have_count(0)
    expect(page.get_by_role("link", name="Acme")).to_be_visible()


def test_chosen_rows_are_given_to_a_customer(session: Any, page: Any) -> None:
    a_customer("Acme")
    for number in range(4):
        a_did(None, f"{LONDON}{number:02}")
    session.commit()
    page.goto("/dids")
    expect(page.locator(".bulk")).to_be_hidden()
    page.get_by_label("Select +44 20 7946 0001").check()
    page.get_by_label("Select +44 20 7946 0002").check()
    expect(page.locator(".bulk")).to_contain_text("2 DIDs selected")
    page.get_by_role("button", name="Give to a customer").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Give 2 DIDs to a customer")
    page.get_by_label("Customer").fill("Acme")
    page.get_by_role("button", name="Give 2 DIDs").click()
    expect(page.get_by_text("2 DIDs given to Acme.")).to_be_visible()
    expect(page.get_by_role("link", name="Acme")).to_have_count(2)


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("by", ["one", "block", "lines", "file"])
def test_no_page_is_wider_than_its_screen(session: Any, screen: Any, by: str, width: int) -> None:
    page = screen(viewport={"width": width, "height": 900})
    page.goto(f"/dids/new?by={by}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
