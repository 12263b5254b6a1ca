"""Nothing is cut in silence: every bound in the code that takes the first of something says so, refuses, or reads on.

They stand in tests/data/bounds.txt. A bound that does not stand there fails the test. Before you add it: what becomes
of the rest? Paper and files hold everything or are refused in a sentence; a page may show a first part, with true
totals, and says so, on paper too; the command line says everything.
"""

from collections import Counter
from functools import cache

import pytest

from tests.bounds import ROOT, in_code, in_pages

TABLE = ROOT / "tests" / "data" / "bounds.txt"


def _table():
    """What stands in the table: each bound with where it is said, or why nothing is cut."""
    lines = [
        line for line in TABLE.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")
    ]
    return {
        tuple(bound.split(": ", 1)): told.strip() for bound, told in zip(lines[::2], lines[1::2], strict=True)
    }


BOUNDS = _table()
SAID = sorted({told.removeprefix("says ") for told in BOUNDS.values() if told.startswith("says ")})


@cache
def _found():
    return {*in_code(), *in_pages()}


def test_every_bound_says_what_becomes_of_the_rest():
    new = [": ".join(bound) for bound in sorted(_found() - set(BOUNDS))]
    assert not new, (
        f"These take the first of something: {new}. What becomes of the rest? Let it be refused in a sentence, split "
        "into pages, or told of on page, print, PDF, CSV and command line; then say where, in tests/data/bounds.txt."
    )


def test_the_table_names_no_bound_that_is_gone():
    assert sorted(set(BOUNDS) - _found()) == []


def test_the_table_says_of_each_bound_where_it_is_said_or_why_nothing_is_cut():
    assert all(told.startswith(("says ", "is ")) for told in BOUNDS.values())


@pytest.mark.parametrize("said", SAID)
def test_where_it_is_said_it_still_stands(said):
    file, words = said.split(": ", 1)
    folder = "portal" if file.endswith(".py") else "templates"
    assert words in " ".join((ROOT / folder / file).read_text(encoding="utf-8").split())


def test_a_new_bound_is_found(tmp_path, monkeypatch):
    """What the search has to see: a limit, a slice, a slice from the end, a part of a list in a page."""
    monkeypatch.setattr("tests.bounds.ROOT", tmp_path)
    code, page = tmp_path / "portal" / "a.py", tmp_path / "templates" / "a.html"
    for path in (code, page):
        path.parent.mkdir()
    code.write_text("q.limit(9); rows[:9]; rows[-9:]; f(x)[:n]\nq.limit(1); text[:9]; rows[1:]; rows[:-1]")
    page.write_text("{% for a in found.rows[:9] %}{{ run.fingerprint[:4] }}{{ name[:3] }}")
    assert Counter(what for _, what in (*in_code(), *in_pages())) == Counter(
        ["limit(9)", "rows[:9]", "rows[-9:]", "f(x)[:n]", "found.rows[:9]"]
    )
