"""A provider moves in with a real browser: 300 customers from files, and the next runs charge what these say."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import expect

from portal.domain.wording import day as in_words
from portal.tasks import processes
from tests.stories.test_moving_in import Provider, expected, posted
from tests.trade import TODAY

pytestmark = [pytest.mark.browser, pytest.mark.slow]

KINDS = {
    "customers": "Customers",
    "packages": "Packages",
    "assignments": "Assignments",
    "opening": "Opening items",
}


@pytest.fixture(autouse=True)
def _on_a_sunday(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


def brought_in(page: Any, provider: Provider, name: str, folder: Path) -> None:
    """A file looked at, and imported: no line of it is bad."""
    file = folder / f"{name}.csv"
    file.write_text(provider.file(name))
    page.goto("/imports")
    page.get_by_label("Content").select_option(label=KINDS[name])
    page.get_by_label("File", exact=True).set_input_files(file)
    page.get_by_role("button", name="Check the file").click(timeout=120_000)
    expect(page.get_by_role("heading", level=1)).to_have_text("Check before importing")
    expect(page.get_by_text("every line can be imported")).to_be_visible()
    page.get_by_role("button", name="Import ").click(timeout=120_000)
    expect(page.get_by_role("heading", level=1)).to_have_text(file.name, timeout=120_000)
    # A long file is made while somebody else works on; until then it cannot be undone.
    expect(page.get_by_role("link", name="Undo this import")).to_be_visible(timeout=240_000)


def run_up_to(page: Any, day: date) -> None:
    """A run for everyone, simulated and then posted."""
    page.goto("/runs/new")
    page.get_by_role("button", name="Run Package").click(timeout=120_000)
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text(f"Simulation up to {in_words(day)}", timeout=120_000)
    page.get_by_role("button", name="Post ").click(timeout=120_000)
    expect(heading).to_have_text(f"Run up to {in_words(day)}", timeout=120_000)
    expect(page.get_by_role("main")).to_contain_text("Posted", timeout=120_000)


def test_a_provider_moves_in_from_files_and_is_charged_what_they_say(
    app: Flask, session: Any, page: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = Provider(7, customers=300, packages=12, assignments=900)
    started, start = [], processes.start
    monkeypatch.setattr(processes, "start", lambda name, **which: started.append(start(name, **which)))
    for name in KINDS:
        brought_in(page, provider, name, tmp_path)
    calls = tmp_path / "calls.csv"
    calls.write_text(provider.file_of_calls())
    page.goto("/calls")
    page.get_by_label("File").set_input_files(calls)
    page.get_by_role("button", name="Look at the calls").click(timeout=120_000)
    page.get_by_role("button", name="Import calls").click(timeout=120_000)
    expect(page.get_by_text("imported", exact=True)).to_be_visible(timeout=120_000)
    for day in (date(2026, 12, 2), date(2026, 12, 31)):
        monkeypatch.setitem(app.config, "TODAY", day.isoformat())
        run_up_to(page, day)
        session.rollback()
        assert posted() == expected(provider, day)
        session.rollback()  # on SQLite nobody else writes meanwhile
    page.goto("/imports/changeover")
    expect(page.get_by_role("heading", level=1)).to_have_text("Changeover")
    expect(page.locator("tbody tr").first).to_contain_text("without a figure")
    assert started and {process.wait(30) for process in started} == {0}
