"""`portal export` as an engineer uses it: what it writes, what it says, and what it refuses."""

import csv
import io
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from portal import cli
from portal.commands.export import LISTS
from portal.domain.terms import Proration
from portal.services.assignments.changing import change_end
from tests.trade import BEN, NOW, TODAY, a_customer, a_package, assigned, run


@pytest.fixture
def portal(app: Any, session: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A command, on 22 November 2026: what it says."""
    monkeypatch.setattr("portal.create_app", lambda: app)
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())

    def command(*arguments: object, status: int = 0) -> str:
        session.commit()
        answer = CliRunner().invoke(cli.main, ["export", *map(str, arguments)])
        assert answer.exit_code == status, (answer.exit_code, answer.exception, answer.output)
        return answer.output

    return command


def rows(file: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig"), newline="")))


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_each_list_is_written_for_its_owner_alone(portal, tmp_path, form):
    assigned(a_package("Seat", "10"), a_customer())
    run()
    for name in LISTS:
        file = tmp_path / f"{name}.{form}"
        more = ("--customer", "Northwind Telecom") if name == "statement" else ()
        assert f"written to {file}" in portal(name, "--to", file, *more)
        assert file.stat().st_size > 50 and file.stat().st_mode & 0o077 == 0
    assert not list(tmp_path.glob("*.part"))


def test_a_list_is_narrowed_by_what_it_has(portal, tmp_path):
    package = a_package("Seat", "10", match=(1, 22))
    assigned(package, a_customer())
    assigned(package, a_customer("Southwind"))
    run()
    file = tmp_path / "charges.csv"
    portal("charges", "--to", file)
    assert {row["Customer"] for row in rows(file)} == {"Northwind Telecom", "Southwind"}
    portal("charges", "--to", file, "--customer", "southwind", "--from", TODAY)
    assert {row["Customer"] for row in rows(file)} == {"Southwind"}
    portal("charges", "--to", file, "--through", "2026-11-21")
    assert rows(file) == []


def test_credits_that_are_not_posted_yet_are_counted_and_named(portal, tmp_path):
    assignment = assigned(a_package("Seat", "30", proration=Proration.DAILY), a_customer(), date(2026, 11, 1))
    run()
    change_end(assignment, TODAY, TODAY, by=BEN, now=NOW)
    said = portal("assignments", "--to", tmp_path / "assignments.csv")
    assert "1 assignment has credits that are not posted yet, \u22128.00 GBP in all." in said


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("runs", "--to", "runs.csv", "--currency", "GBP"), "--currency cannot be said of runs."),
        (("runs", "--to", "runs.ods"), "ends in .csv or .xlsx"),
        (("packages", "--to", "p.csv", "--state", "gone"), "--state is one of on_sale, archived or all."),
        (("statement", "--to", "s.csv"), "A statement is of one customer"),
        (("calls", "--to", "c.csv", "--from", "2026-11-02", "--through", "2026-11-01"), "before --from"),
        (("nothing", "--to", "n.csv"), "nothing"),
    ],
)
def test_what_a_list_has_not_is_refused(portal, arguments, sentence):
    assert sentence in portal(*arguments, status=2)
