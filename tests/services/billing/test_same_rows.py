"""Runs write what they wrote before they were made quick: every row that was recorded then, column by column."""

import pytest

from portal.domain import charges, course, lines, schedule, terms
from tests.conftest import SQLITE
from tests.depth import tries
from tests.rows_of_runs import histories, recorded
from tests.rows_of_runs import lines as written

pytestmark = pytest.mark.slow

REMEMBERED = (
    (charges, "_plain"), (charges, "course"), (course, "course"), (lines, "once"), (lines, "recurring"),
    (lines, "settled"),
    (terms, "_segments"), (schedule, "rhythm"), (schedule, "after"), (schedule, "on_or_after"),
    (schedule, "on_or_before"), (terms, "rhythm"), (terms, "after"), (terms, "on_or_after"), (terms, "on_or_before"),
)  # fmt: skip


@pytest.fixture
def forgetful(monkeypatch):
    """The engine without what it remembers: each question is worked out anew."""

    def forget():
        for module, name in REMEMBERED:
            monkeypatch.setattr(module, name, getattr(module, name).__wrapped__)

    return forget


@pytest.mark.parametrize("wait_days", [0, 2])
def test_runs_write_the_rows_that_were_recorded(session, wait_days):
    are_as_recorded(session, wait_days)


@pytest.mark.only_on(SQLITE)  # what it remembers knows of no database
@pytest.mark.parametrize("wait_days", tries((2,), deep=(0, 2)))
def test_without_what_the_engine_remembers_they_write_the_same(session, forgetful, wait_days):
    forgetful()
    are_as_recorded(session, wait_days)


def are_as_recorded(session, wait_days):
    """Let the histories happen, and compare every row."""
    histories(session, wait_days)
    before = [line[2:] for line in recorded() if line.startswith(f"{wait_days} ")]
    assert len(before) > 3_000
    found = list(written())
    assert [line for line in found if line not in set(before)][:5] == []
    assert found == before
