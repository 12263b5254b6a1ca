"""How a line of the log looks, and what commands log."""

import json
import logging
import subprocess
import sys

import pytest
from click.testing import CliRunner
from sqlalchemy.exc import IntegrityError

from portal import logs
from portal.cli import main
from portal.models import Customer
from tests import lines
from tests.trade import TODAY, a_customer, a_package, assigned


@pytest.fixture
def as_before():
    """The log of the process that tests, as it was."""
    root, portal = logging.getLogger(), logging.getLogger("portal")
    before = list(root.handlers), root.level, portal.level
    yield
    root.handlers[:], root.level, portal.level = before
    root.setLevel(before[1])
    portal.setLevel(before[2])


def test_text_says_a_line_for_who_reads_it(capsys, as_before):
    logs.set_up("text")
    with logs.about(run=7):
        logging.getLogger("portal.runs").info("Run done", extra={"charges": 12})
    logging.getLogger("some.library").info("nobody wants to know")
    (line,) = capsys.readouterr().err.splitlines()
    time, rest = line.split(" ", 1)
    assert time.endswith("Z") and rest == "[info     ] Run done [portal.runs] run=7 charges=12"


def test_every_logger_goes_through_the_one_formatter(capsys, as_before):
    logs.set_up("json")
    logs.set_up("json")
    logging.getLogger("gunicorn.else").warning("A worker ended")
    (line,) = capsys.readouterr().err.splitlines()
    said = json.loads(line)
    assert list(said)[:4] == ["time", "level", "logger", "message"]
    assert (said["level"], said["logger"], said["message"]) == ("warning", "gunicorn.else", "A worker ended")


def test_an_error_of_the_database_is_logged_without_the_values_of_the_row(session):
    row = {"name": a_customer("Quillfeather Ltd").name, "search_key": "q"}
    with pytest.raises(IntegrityError) as raised:
        session.execute(Customer.__table__.insert(), [row])
    session.rollback()
    with lines.read() as told:
        logging.getLogger("portal.web").error("What a lock should have kept apart", exc_info=raised.value)
    assert "IntegrityError" in told.last("portal.web")["exception"]
    assert "[SQL parameters hidden" in told.written.getvalue()
    assert "Quillfeather" not in told.written.getvalue()


def test_what_a_line_is_about_ends_with_what_it_was_about():
    with lines.read() as told:
        with logs.about(run=7):
            logging.getLogger("portal.runs").info("inside")
        logging.getLogger("portal.runs").info("outside")
    assert told.all()[0]["run"] == 7 and "run" not in told.all()[1]


@pytest.fixture
def charge(app, monkeypatch, session, as_before):
    """`portal charge` of a day on which something falls due: what it prints, and what it logs."""
    assigned(a_package(match=()), a_customer(), TODAY)
    session.commit()
    monkeypatch.setattr("portal.create_app", lambda: app)
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())

    def run(*arguments, **settings):
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        return CliRunner().invoke(main, ["charge", *arguments])

    return run


def test_a_commands_lines_bear_the_runs_id_and_leave_its_answer_alone(charge):
    done = charge("--json", PORTAL_LOG="json")
    answer = json.loads(done.stdout)
    said = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["message"] for line in said] == ["Run begins", "Run done"]
    assert {line["run"] for line in said} == {answer["run"]}
    assert said[-1]["charges"] == answer["charges"] == 1


def test_for_a_terminal_a_command_says_only_its_answer(charge):
    done = charge()
    assert done.stderr == "" and "1 charge posted" in done.stdout


@pytest.mark.parametrize("look", ["text", "json"])
def test_a_refusal_is_one_sentence_whatever_the_log_looks_like(charge, look):
    done = charge("--date", "2099-01-01", PORTAL_LOG=look)
    assert done.exit_code == 1 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("Error: Charges cannot be posted before their day")


@pytest.mark.slow
def test_a_metrics_token_that_is_refused_is_not_repeated(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "portal.cli", "db", "upgrade"],
        env={"PORTAL_INSTANCE": str(tmp_path), "PORTAL_METRICS_TOKEN": "short-secret", "PORTAL_MODE": "demo"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (
        done.returncode == 1 and "PORTAL_METRICS_TOKEN" in done.stderr and "short-secret" not in done.stderr
    )
