"""Calls in a real browser: files sent, mapped and looked through, with script and without."""

from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import expect

from tests.calling import HEAD, a_file, a_line, taken_in
from tests.trade import TODAY, a_customer, a_package, assigned

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def _on_a_sunday(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_a_file_is_refused_then_imported_and_its_bad_row_named(
    session: Any, screen: Any, tmp_path: Path, script: bool
) -> None:
    a_customer()
    session.commit()
    page = screen(java_script_enabled=script)
    page.goto("/calls")
    page.get_by_role("button", name="Look at the calls").click()
    expect(page.get_by_text("Choose a file of call records.")).to_be_visible()
    good, bad = a_line("a", "2026-11-03 10:00:00", 60, "1"), a_line("b", "then", 60, "1")
    page.get_by_label("File").set_input_files(a_file(tmp_path, [good, bad]))
    page.get_by_role("button", name="Look at the calls").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("calls.csv")
    page.get_by_role("button", name="Import calls").click()
    expect(page.get_by_text("Start time is then")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download bad rows").click()
    assert download.value.suggested_filename.startswith("bad-rows")


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_columns_are_mapped_by_hand(session: Any, screen: Any, tmp_path: Path, script: bool) -> None:
    a_customer()
    session.commit()
    page = screen(java_script_enabled=script)
    page.goto("/calls")
    line = "r1,Northwind Telecom,2026-11-03 10:00:00,2"
    page.get_by_label("File").set_input_files(a_file(tmp_path, [line], "ref,who,when was it,pounds"))
    page.get_by_role("button", name="Look at the calls").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("How does the file say what a call is?")
    for label, column in (
        ("Call id", "ref"),
        ("Customer", "who"),
        ("Start time", "when was it"),
        ("Charge", "pounds"),
    ):
        select = page.get_by_label(label, exact=True)
        select.select_option(label=select.locator("option", has_text=f"{column}:").inner_text())
    page.get_by_role("button", name="Show the first rows").click()
    expect(page.get_by_role("region", name="First rows")).to_contain_text("Northwind Telecom")
    page.get_by_role("button", name="Remember and look at the calls").click()
    page.get_by_role("button", name="Import calls").click()
    expect(page.get_by_text("imported", exact=True)).to_be_visible()


def test_calls_are_searched_as_one_types_and_the_minimum_stands_on_the_customers_page(
    session: Any, page: Any, tmp_path: Path
) -> None:
    customer = a_customer()
    assigned(a_package("Commitment 150", "150", minimum_spend=True), customer, TODAY.replace(day=1))
    lines = [
        a_line("a", "2026-11-03 10:00:00", 60, "88.80"),
        a_line("b", "2026-11-04 10:00:00", 60, "1", destination="33199009999"),
    ]
    taken_in(a_file(tmp_path, lines, HEAD))
    session.commit()
    page.goto(f"/customers/{customer.id}/next-charges")
    expect(page.get_by_text("of 150.00 GBP spent, 8 days left")).to_be_visible()
    page.get_by_role("main").get_by_role("link", name="Calls").click()
    expect(page.get_by_text("2 calls", exact=True)).to_be_visible()
    page.get_by_role("searchbox").fill("+33")
    expect(page.locator("#calls-found").get_by_text("1 call", exact=True)).to_be_visible()
    expect(page.get_by_role("main")).not_to_contain_text("United Kingdom")


def test_a_list_in_pages_says_on_paper_that_it_is_a_part(session: Any, screen: Any, tmp_path: Path) -> None:
    lines = [a_line(f"c{n}", "2026-11-09 10:00:00", 60, "1", customer="Nobody") for n in range(77)]
    id = taken_in(a_file(tmp_path, lines)).id
    page = screen()
    page.goto(f"/calls/{id}")
    page.get_by_role("link", name="See the rows").click()
    part = page.get_by_text("Printed here is one page of the list. More follow.")
    expect(part).to_be_hidden()
    page.emulate_media(media="print")
    expect(part).to_be_visible()
