"""The styleguide: every component in every state, in demo mode only, drawn by what all pages are drawn by."""

import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from portal.config import PRODUCTION
from tests.pages import page

TEMPLATES = Path(__file__).parents[3] / "templates"
# What only one kind of page has, and what no eye sees.
ELSEWHERE = {"_audit_comment", "_import_state", "_own_price", "_party", "_token", "_toasts", "_search"}


def test_it_is_there_in_demo_mode_and_nowhere_else(
    client: Any, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get("/styleguide").status_code == 200
    monkeypatch.setitem(app.config, "MODE", PRODUCTION)
    assert client.get("/styleguide").status_code == 404


def test_it_shows_what_every_shared_template_draws_and_draws_nothing_itself(client: Any) -> None:
    page(client.get("/styleguide"))
    own = (TEMPLATES / "styleguide/show.html").read_text()
    shared = {path.stem for path in TEMPLATES.glob("_*.html")} - ELSEWHERE
    missing = {name for name in shared if f'from "{name}.html"' not in own}
    assert not missing, f"templates/styleguide/show.html shows nothing of {missing}"


def test_every_kind_of_mark_note_and_button_that_the_styles_have_is_shown(client: Any) -> None:
    styles = (TEMPLATES.parent / "static/css/components.css").read_text()
    shown = page(client.get("/styleguide"))
    for block in ("mark", "note", "button", "toast"):
        for kind in set(re.findall(rf"\.({block}--[a-z]+)", styles)):
            assert shown.select(f".{kind}"), kind


def test_every_field_is_shown_empty_filled_in_and_refused(client: Any) -> None:
    shown = page(client.get("/styleguide"))
    for state in ("empty", "filled", "wrong"):
        for name in ("name", "retail", "starts", "frequency", "simulate", "match", "minimum", "description"):
            assert shown.select(f"[name={state}-{name}]"), f"{state} {name}"
    assert len(shown.select(".field__error")) >= 7 and shown.select("textarea[disabled]")
