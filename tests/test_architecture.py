"""The house keeps its shape: one arrow downwards, nothing inline, a clock in one place."""

import ast
import re
from pathlib import Path

import pytest

from portal.config import ROOT

FLOORS = {"domain": 0, "models": 1, "services": 2, "web": 3, "commands": 3}
FOREIGN_TO_DOMAIN = {"flask", "sqlalchemy", "portal.extensions", "portal.clock", "portal.database"}
MODULES = sorted((ROOT / "portal").rglob("*.py"))
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))


def imports(path: Path) -> set[str]:
    """What a module imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: imports are absolute"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def floor(name: str) -> int | None:
    """The floor of a dotted name; None for what stands beside the house."""
    parts = name.split(".")
    return FLOORS.get(parts[1]) if parts[0] == "portal" and len(parts) > 1 else None


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down_only(path):
    here = floor(".".join(path.relative_to(ROOT).with_suffix("").parts))
    for name in imports(path):
        there = floor(name)
        assert here is None or there is None or there <= here, f"{name} stands above"
        if here == 0:
            assert not name.startswith(tuple(FOREIGN_TO_DOMAIN)), f"the domain knows nothing of {name}"
        if here is not None and here < 3:
            assert not name.startswith(("flask.", "portal.clock")) or name == "flask.current_app", name


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_clock_reads_the_clock(path):
    if path.name == "clock.py":
        return
    read = re.search(r"\b(date\.today|datetime\.(now|utcnow)|time\.time)\(", path.read_text())
    assert not read, "ask portal.clock, at the edge, and hand the day down"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_says_what_it_is_for(path):
    assert ast.get_docstring(ast.parse(path.read_text())) or not path.read_text().strip()


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_templates_hold_nothing_that_the_content_security_policy_refuses(path):
    text = re.sub(r"\{#.*?#\}", "", path.read_text(), flags=re.S)
    for what in (r"<style", r"\sstyle=", r"<script(?![^>]*\bsrc=)", r"\son\w+=", r"hx-on", r"""["']js:"""):
        assert not re.search(what, text), what
    assert "|safe" not in text.replace(" ", ""), "nothing is trusted to be HTML"


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_htmx_does_works_without_it(path):
    text = re.sub(r"\{#.*?#\}", "", path.read_text(), flags=re.S)
    for tag in re.findall(r"<a\b(?:[^>{]|\{\{.*?\}\}|\{%.*?%\})*>", text, flags=re.S):
        assert "href=" in tag, tag
    for tag in re.findall(r"<form\b(?:[^>{]|\{\{.*?\}\}|\{%.*?%\})*>", text, flags=re.S):
        assert "action=" in tag, tag
