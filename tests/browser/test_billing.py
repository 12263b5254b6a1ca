"""Runs and charges in a real browser: simulate, post, reverse; with script, by keyboard, and without script."""

import re
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import expect
from sqlalchemy import func, select

from portal.domain.due import Kind
from portal.models import Charge, Run
from portal.tasks import processes
from portal.web.runs import pages as web
from tests.trade import TODAY, a_customer, a_package, assigned, run

pytestmark = pytest.mark.browser

NOVEMBER = date(2026, 11, 1)
BOTH = pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])


@pytest.fixture(autouse=True)
def _on_a_sunday(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


@pytest.fixture
def trade(session: Any) -> None:
    """Acme and Globex each have a trunk that is due since 1 November."""
    trunk = a_package("Trunk", "20", match=(1,))
    for name in ("Acme", "Globex"):
        assigned(trunk, a_customer(name), NOVEMBER)
    session.commit()


def posted(session: Any) -> int:
    session.rollback()
    return session.scalar(select(func.count(Charge.id)))


@BOTH
def test_a_run_is_simulated_and_then_posted(session: Any, trade: None, screen: Any, script: bool) -> None:
    page = screen(java_script_enabled=script)
    page.goto("/runs")
    page.get_by_role("link", name="Run Package").first.click()
    page.get_by_label("Customer").fill("Nobody")
    page.get_by_role("button", name="Run Package").click()
    expect(page.get_by_text("There is no customer called Nobody.")).to_be_visible()
    page.get_by_label("Customer").fill("")
    page.get_by_role("button", name="Run Package").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Simulation up to 22 Nov 2026")
    expect(page.get_by_role("main")).to_contain_text("40.00")
    assert posted(session) == 0
    session.rollback()
    page.get_by_role("button", name="Post 2 charges").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Run up to 22 Nov 2026")
    expect(page.get_by_text("Posted 2 charges.")).to_be_visible()
    assert posted(session) == 2


@BOTH
def test_what_changed_since_the_simulation_is_seen_first(
    session: Any, trade: None, screen: Any, script: bool
) -> None:
    page = screen(java_script_enabled=script)
    page.goto("/runs/new")
    page.get_by_role("button", name="Run Package").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Simulation")
    assigned(a_package("Seat", "7.50", match=(1,)), a_customer("Initech"), NOVEMBER)
    session.commit()
    page.get_by_role("button", name="Post 2 charges").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What has changed since")
    expect(page.get_by_role("row").nth(1)).to_contain_text("none")
    page.get_by_role("button", name="Post 3 charges").click()
    expect(page.get_by_text("Posted 3 charges.")).to_be_visible()
    assert posted(session) == 3


@BOTH
def test_a_charge_is_found_and_reversed(session: Any, trade: None, screen: Any, script: bool) -> None:
    run()
    session.commit()
    page = screen(java_script_enabled=script)
    page.goto("/charges")
    page.get_by_role("searchbox").fill("globex")
    page.get_by_role("searchbox").press("Enter")
    expect(page.get_by_role("row")).to_have_count(3)  # its head, the charge, and what it comes to
    page.get_by_role("link", name="Trunk").click()
    expect(page.get_by_text("Every month on the 1st. 20.00 × 1 for 1 to 30 Nov.")).to_be_visible()
    page.get_by_role("link", name="Reverse charge").click()
    page.get_by_role("button", name="Reverse charge").click()
    expect(page.get_by_text("Enter why it is reversed: the reason is kept.")).to_be_visible()
    page.get_by_label("Reason").fill("Wrong customer")
    page.get_by_role("button", name="Reverse charge").click()
    expect(page.get_by_role("main")).to_contain_text("Reverses the charge of 1 Nov in full: 20.00.")
    expect(page.get_by_role("main")).to_contain_text("Wrong customer")
    session.rollback()
    assert session.scalar(select(Charge.amount).where(Charge.kind == Kind.REVERSAL)) == Decimal(-20)


@BOTH
def test_a_manual_charge_is_made(session: Any, trade: None, screen: Any, script: bool) -> None:
    page = screen(java_script_enabled=script)
    page.goto("/charges")
    page.get_by_role("link", name="Add manual charge").click()
    page.get_by_label("Customer").fill("acme")
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Description").fill("Visit")
    page.get_by_label("Amount").fill("12.505")
    page.get_by_role("button", name="Add manual charge").click()
    expect(page.get_by_role("alert")).to_contain_text("An amount in GBP can have 2 decimals at most.")
    expect(page.get_by_label("Description")).to_have_value("Visit")
    page.get_by_label("Amount").fill("12.50")
    page.get_by_role("button", name="Add manual charge").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Charge ")
    expect(page.get_by_text("12.50 GBP · Visit, manual")).to_be_visible()
    assert posted(session) == 1


def test_days_are_chosen_in_place_and_are_in_the_address(session: Any, trade: None, page: Any) -> None:
    run()
    session.commit()
    page.goto("/charges")
    page.get_by_role("button", name="Filters").click()
    expect(page.get_by_label("From", exact=True)).to_be_hidden()
    page.get_by_text("Other days").click()
    page.get_by_label("From", exact=True).fill("2026-11-02")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("main")).to_contain_text("No charge matches.")
    expect(page).to_have_url(re.compile(r"/charges\?from=2026-11-02"))


def test_the_reason_of_a_charge_to_come_opens_by_keyboard(session: Any, trade: None, page: Any) -> None:
    run()
    session.commit()
    page.goto("/charges/upcoming")
    why = page.locator(".why summary").first
    why.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Every month on the 1st. 20.00 × 1 for 1 to 31 Dec.").first).to_be_visible()


@BOTH
def test_a_long_run_is_done_by_a_process_of_its_own_while_the_page_watches(
    session: Any, trade: None, screen: Any, script: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, start = [], processes.start
    monkeypatch.setattr(web.runs, "SMALL", 0)
    monkeypatch.setattr(processes, "start", lambda name, **which: started.append(start(name, **which)))
    page = screen(java_script_enabled=script)
    page.goto("/runs/new")
    page.get_by_label("No", exact=True).check()
    page.get_by_role("button", name="Run Package").click()
    expect(page.get_by_role("region", name="Charges")).to_be_visible(timeout=60_000)
    assert posted(session) == 2
    assert session.scalar(select(Run.done_count)) == 2
    (process,) = started
    assert process.wait(30) == 0
