"""Undo in a real browser: how few clicks it takes to take back what was done to fifty."""

from datetime import date
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import expect
from sqlalchemy import func, select

from portal.models import Assignment, Charge, counts_as_posted
from portal.services.runs import runs
from tests.hand import Hand
from tests.trade import BEN, NOW, TODAY, a_customer, a_did, a_package

pytestmark = pytest.mark.browser
BOTH = pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])


@pytest.fixture(autouse=True)
def _on_a_sunday(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


@pytest.fixture
def fifty(session: Any) -> str:
    """Fifty DIDs of a customer, as an address names them, and a package for them."""
    acme = a_customer("Acme")
    ids = [a_did(acme, f"+4420794601{number:02}").id for number in range(50)]
    a_package("UK DID", "1.20", minimum_days=30)
    session.commit()
    return f"{min(ids)}-{max(ids)}"


def give(page: Any, fifty: str) -> None:
    page.goto(f"/assignments/many/dids?ids={fifty}")
    page.get_by_label("Package").select_option(label="UK DID")
    page.get_by_label("Start Date").fill("2026-11-01")
    page.get_by_role("button", name="Assign to DIDs").click()
    expect(page.get_by_text("Assigned UK DID to 50 DIDs.")).to_be_visible()


def post(session: Any) -> int:
    session.rollback()
    run = runs.start(TODAY, simulate=False, today=TODAY, by=BEN, now=NOW)
    session.commit()
    id = runs.carry_out(run.id, TODAY, lambda: NOW).id
    session.rollback()  # on SQLite an open transaction keeps the portal out
    return int(id)


def standing(session: Any) -> int:
    session.rollback()
    count = session.scalar(select(func.count(Charge.id)).where(counts_as_posted()))
    session.rollback()
    return int(count)


@BOTH
def test_a_package_given_to_fifty_dids_is_taken_away_again_in_one_click(
    session: Any, fifty: str, screen: Any, script: bool
) -> None:
    page, hand = screen(java_script_enabled=script), Hand()
    give(page, fifty)
    hand.click(page.get_by_role("button", name="Undo"))
    expect(page.get_by_text("Undone for 50 assignments.")).to_be_visible()
    assert hand.moves <= 2
    session.rollback()
    assert session.scalars(select(Assignment)).all() == []


@BOTH
def test_after_posting_it_takes_four_clicks_at_most(
    session: Any, fifty: str, screen: Any, script: bool
) -> None:
    page, hand = screen(java_script_enabled=script), Hand()
    give(page, fifty)
    post(session)
    assert standing(session) == 50
    hand.click(page.get_by_role("link", name="Settings"))
    hand.click(page.get_by_role("link", name="Audit log"))
    hand.click(page.get_by_role("button", name="Undo"))
    expect(page.get_by_text("Undone for 50 assignments.")).to_be_visible()
    assert hand.moves <= 4
    session.rollback()
    assert {one.withdrawn_on for one in session.scalars(select(Assignment))} == {date(2026, 11, 22)}
    assert standing(session) == 0


@BOTH
def test_a_run_is_undone_in_two_clicks_and_a_reason(
    session: Any, fifty: str, screen: Any, script: bool
) -> None:
    page, hand = screen(java_script_enabled=script), Hand()
    give(page, fifty)
    page.goto(f"/runs/{post(session)}")
    hand.click(page.get_by_role("link", name="Undo this run"))
    hand.fill(page.get_by_label("Reason"), "The price was wrong.")
    hand.click(page.get_by_role("button", name="Undo this run"))
    expect(page.get_by_text("Undone: 50 charges taken back.")).to_be_visible()
    assert hand.moves <= 3
    assert standing(session) == 0
