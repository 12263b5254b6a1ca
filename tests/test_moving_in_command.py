"""`portal import customers` and its like: what they say, what they make, and how they end."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy import func, select

from portal import cli
from portal.commands import import_moves
from portal.extensions import db
from portal.models import Customer, MoveImport, Package
from portal.services.moving_in import making
from portal.services.moving_in.kinds import KINDS

Portal = Callable[..., Result]
TWO = "Name,Account Codes,Currency\nAcme,A-1,GBP\nBolt,B-1,EUR\n"


@pytest.fixture
def portal(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Portal:
    monkeypatch.setattr("portal.create_app", lambda: app)

    def run(*arguments: object) -> Result:
        db.session.commit()
        return CliRunner().invoke(cli.main, ["import", *map(str, arguments)])

    return run


def a_file(folder: Path, text: str, name: str = "a.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def count(model: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def test_every_kind_has_its_command() -> None:
    assert [kind.value for kind in KINDS] == list(import_moves.KINDS)


def test_a_file_is_made_once_and_checked_first_if_asked(session: Any, portal: Portal, tmp_path: Path) -> None:
    path = a_file(tmp_path, TWO)
    checked = portal("customers", path, "--check")
    assert (checked.exit_code, count(Customer), count(MoveImport)) == (0, 0, 0), checked.output
    assert "Nothing was stored. 2 to make, 0 already there and 0 bad lines." in checked.output
    made = portal("customers", path)
    assert (made.exit_code, count(Customer)) == (0, 2)
    assert "2 made, 0 already there and 0 bad lines." in made.output
    again = portal("customers", path)
    assert again.exit_code == 0 and "0 made, 2 already there and 0 bad lines." in again.output


def test_a_bad_line_refuses_the_file_unless_the_good_ones_are_asked_for(
    session: Any, portal: Portal, tmp_path: Path
) -> None:
    path, bad = a_file(tmp_path, TWO + "Crisp,C-1,POUNDS\n"), tmp_path / "bad.csv"
    refused = portal("customers", path)
    assert (refused.exit_code, count(Customer), count(MoveImport)) == (1, 0, 0)
    assert "Line 4: Currency is POUNDS: enter three letters, such as USD." in refused.output
    made = portal("customers", path, "--good-only", "--bad-lines", bad)
    assert (made.exit_code, count(Customer)) == (3, 2)
    assert "Crisp" in bad.read_text()


def test_what_no_line_says_is_said_for_all(session: Any, portal: Portal, tmp_path: Path) -> None:
    path = a_file(tmp_path, "Name,Retail,Frequency\nLine,9.99,Monthly\n")
    assert "Choose how partial periods are charged" in portal("packages", path).output
    unknown = portal("packages", path, "--say", "Colour=red")
    assert unknown.exit_code == 2 and "Partial Periods can be said for all lines" in unknown.output
    assert portal("packages", path, "--say", "Partial Periods=By days").exit_code == 0
    assert count(Package) == 1
    assert portal("packages", path, "--say", "proration").exit_code == 2


def test_changes_are_shown_and_taken_only_if_asked(session: Any, portal: Portal, tmp_path: Path) -> None:
    portal("customers", a_file(tmp_path, TWO))
    other = a_file(tmp_path, TWO.replace("Acme", "Acme Ltd"), "b.csv")
    shown = portal("customers", other)
    assert "Line 2: Acme would change: Name: Acme, now Acme Ltd" in shown.output
    assert "1 left as they were (--take-changes)" in shown.output
    assert "1 changed" in portal("customers", other, "--take-changes").output


def test_an_import_is_taken_back_with_a_reason(session: Any, portal: Portal, tmp_path: Path) -> None:
    portal("customers", a_file(tmp_path, TWO))
    (id,) = session.scalars(select(MoveImport.id))
    assert portal("take-back", id).exit_code == 2
    answer = portal("take-back", id, "--reason", "The wrong file")
    assert answer.exit_code == 0 and f"Import {id} undone: 2 taken back." in answer.output
    assert count(Customer) == 0
    assert portal("take-back", 999, "--reason", "x").exit_code == 1


def test_one_that_was_stopped_goes_on(session: Any, portal: Portal, tmp_path: Path, monkeypatch: Any) -> None:
    asked = iter([True])
    kept = making.carry_out
    monkeypatch.setattr(
        making,
        "carry_out",
        lambda *of, **how: kept(*of, **how | {"size": 1, "is_asked_to_stop": lambda: next(asked, False)}),
    )
    stopped = portal("customers", a_file(tmp_path, TWO))
    assert stopped.exit_code == 3 and "go-on" in stopped.output
    assert count(Customer) == 1
    (id,) = session.scalars(select(MoveImport.id))
    assert portal("go-on", id).exit_code == 0
    assert count(Customer) == 2


def test_a_file_that_cannot_be_read_is_refused_with_its_sentence(
    session: Any, portal: Portal, tmp_path: Path
) -> None:
    for text, said in (
        ("", "The file is empty."),
        ("Wer,Was\nAcme,GBP\n", "Describe the columns once on a page: Import."),
    ):
        answer = portal("customers", a_file(tmp_path, text))
        assert answer.exit_code == 1 and said in answer.output
    assert count(MoveImport) == 0
