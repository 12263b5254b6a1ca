"""`portal import calls` as a cron job uses it: what it says, what it writes, and how it ends."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import func, select

from portal import cli
from portal.models import Call, CallFile, CallImport
from tests.calling import a_file, a_line
from tests.trade import a_customer


@pytest.fixture
def portal(app, monkeypatch):
    monkeypatch.setattr("portal.create_app", lambda: app)

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(cli.main, ["import", "calls", *map(str, arguments)])

    return run


def test_a_file_is_imported_and_its_bad_rows_written(session, portal, tmp_path: Path):
    a_customer()
    session.commit()
    path = a_file(tmp_path, [a_line("a", "2026-11-03 10:00:00", 60, "1"), a_line("b", "then", 60, "1")])
    bad = tmp_path / "bad.csv"
    answer = portal(path, "--bad-rows", bad)
    assert answer.exit_code == 3, answer.output
    assert "1 imported, 1 bad" in answer.output
    assert "Start time is then" in bad.read_text()
    assert path.exists(), "what somebody named where it lies stays there"
    assert session.scalar(select(func.count(Call.id))) == 1
    session.commit()
    good = a_file(tmp_path, [a_line("a", "2026-11-03 10:00:00", 60, "1")], name="again.csv.gz")
    again = portal(good)
    assert again.exit_code == 0 and "1 duplicate" in again.output


def test_a_file_that_cannot_be_is_refused_with_its_sentence(session, portal, tmp_path: Path):
    path = tmp_path / "empty.csv"
    path.write_bytes(b"")
    session.commit()
    answer = portal(path)
    assert answer.exit_code == 1 and "The file is empty." in answer.output
    assert portal().exit_code == 2
    assert portal("--import", 99).exit_code == 1


def test_check_shows_what_would_be_imported_and_stores_nothing(session, portal, tmp_path: Path):
    customer = a_customer()
    session.commit()
    lines = [
        a_line("a", "2026-11-03 10:00:00", 60, "1.25"), a_line("b", "2026-11-09 10:00:00", 60, "2"),
        a_line("c", "2026-11-09 10:00:00", 0, ""), a_line("d", "then", 60, "1"), a_line("e", "later", 60, "1"),
    ]  # fmt: skip
    path = a_file(tmp_path, lines)
    answer = portal(path, "--check")
    assert answer.exit_code == 3, answer.output
    assert f"Northwind Telecom (#{customer.id}): 2 calls, 3.25 GBP" in answer.output
    assert "Days: 3 Nov 2026 to 9 Nov 2026" in answer.output
    assert "2 bad rows: Start time cannot be read. First: line 5: Start time is then" in answer.output
    assert "Nothing was imported. 5 lines: 2 to import, 1 unanswered, 2 bad." in answer.output
    stored = [
        session.scalar(select(func.count()).select_from(model)) for model in (Call, CallImport, CallFile)
    ]
    assert stored == [0, 0, 0]
    session.commit()
    portal(a_file(tmp_path, lines[:1]))
    again = portal(a_file(tmp_path, lines[:3]), "--check")
    assert again.exit_code == 0 and "1 to import, 1 duplicate, 1 unanswered" in again.output


def test_a_night_on_which_nobody_answered_fails_no_cron_job(session, portal, tmp_path: Path):
    a_customer()
    session.commit()
    answer = portal(a_file(tmp_path, [a_line("a", "2026-11-03 10:00:00", 0, "0")]))
    assert answer.exit_code == 0 and "0 imported, 1 unanswered" in answer.output


@pytest.fixture
def undo(app, monkeypatch):
    monkeypatch.setattr("portal.create_app", lambda: app)
    return lambda *arguments: CliRunner().invoke(cli.main, ["import", "undo", *map(str, arguments)])


def test_an_import_is_undone_with_a_reason_and_shown_before(session, portal, undo, tmp_path: Path):
    customer = a_customer()
    first = f"Northwind Telecom (#{customer.id}): 2 calls, 2.00 GBP, 3 Nov 2026 to 9 Nov 2026\n"
    session.commit()
    lines = [a_line("a", "2026-11-03 10:00:00", 60, "1.25"), a_line("b", "2026-11-09 10:00:00", 60, "2")]
    said = portal(a_file(tmp_path, lines)).output
    id = said.removeprefix("Import ").split(":")[0]
    portal(a_file(tmp_path, lines[:1], name="later.csv"))
    checked = undo(id, "--check")
    assert (
        checked.output == f"{first}Nothing was undone. 1 call to take back, 1 to give back to other files.\n"
    )
    assert undo(id).exit_code == 2 and "Enter why it is undone" in undo(id).output
    assert session.scalar(select(func.count(Call.id))) == 2
    session.rollback()

    done = undo(id, "--reason", "Rated wrongly")
    assert (done.exit_code, done.output) == (
        0, f"{first}Import {id} undone: 1 call taken back, 1 given back to other files.\n"
    )  # fmt: skip
    again = undo(id, "--reason", "Rated wrongly")
    assert again.exit_code == 1 and "Nothing of this import is left to undo." in again.output
    assert undo(999_999, "--reason", "x").exit_code == 1


def test_calls_that_move_are_named(session, portal, tmp_path: Path):
    one, other = (f"{name} (#{a_customer(name).id})" for name in ("Northwind Telecom", "Southwind"))
    session.commit()
    portal(a_file(tmp_path, [a_line("a", "2026-11-03 10:00:00", 60, "1.25")]))
    moved = a_file(tmp_path, [a_line("a", "2026-11-03 10:00:00", 60, "1.25", customer="Southwind")])
    looked = portal(moved, "--replace", "--check").output
    assert "0 to import, 1 to replace, 1 of them would move to another customer." in looked
    assert "moved" not in portal(moved, "--check").output
    answer = portal(moved, "--replace")
    assert f"Moved: a, 3 Nov 2026, 1.2500 GBP: {one} to {other}\n" in answer.output
