"""`portal import statement`: what it says, what it stores, and how it ends; and the job that books all exact lines."""

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import func, select

from portal import cli
from portal.models import AuditEntry, BankLine, BankStatement, LineState, Payment
from portal.tasks import jobs
from tests.banking import ACME, DATA, GLOBEX, customer, made_up, reference


@pytest.fixture
def portal(app, monkeypatch):
    monkeypatch.setattr("portal.create_app", lambda: app)

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(cli.main, ["import", "statement", *map(str, arguments)])

    return run


@pytest.fixture
def acme(session):
    made = customer(ACME, "Acme GmbH")
    customer(GLOBEX, "Globex AG")
    session.commit()
    return made


def test_check_shows_what_is_in_it_and_stores_nothing(session, portal, acme):
    answer = portal(DATA / "camt.053.xml", "--check")
    assert answer.exit_code == 0, answer.output
    assert "DE75512108001245126199, 5 Nov 2026 to 5 Nov 2026: 5 lines" in answer.output
    assert "Opening balance 5,000.00, lines 1,232.10, closing balance 6,232.10 EUR" in answer.output
    assert "1 passed over" in answer.output
    assert "3 exact lines: 1,278.50 EUR" in answer.output
    assert "5 new lines. Nothing was stored." in answer.output
    assert session.scalar(select(func.count(BankLine.id))) == 0


def test_a_statement_is_taken_in_once_and_its_exact_lines_are_booked_when_asked(session, portal, acme):
    assert "5 new lines." in portal(DATA / "camt.053.xml").output
    session.commit()
    assert session.scalar(select(func.count(Payment.id))) == 0, "nothing books itself"
    session.commit()
    answer = portal(DATA / "camt.053.xml", "--exact")
    assert answer.exit_code == 0, answer.output
    assert "Nothing new." in answer.output and "3 lines booked." in answer.output
    assert session.scalar(select(func.count(Payment.id))) == 3


def test_a_file_that_cannot_be_is_refused_with_its_sentence(session, portal, tmp_path):
    path = tmp_path / "empty.csv"
    path.write_bytes(b"")
    session.commit()
    answer = portal(path)
    assert answer.exit_code == 1 and "The file is empty." in answer.output
    session.commit()
    waits = portal(DATA / "lloyds.csv")
    assert waits.exit_code == 1 and "does not say its currency" in waits.output
    assert portal().exit_code == 2
    assert portal("--book", 99).exit_code == 1


def test_what_cannot_be_booked_is_told_and_the_command_says_so(session, portal, acme):
    kept = made_up((reference(acme), "24.50", "A", "X", "T-1", -3000), ("x", "-1.00"))
    statement_id = kept.statements[0].id
    session.commit()
    answer = portal("--book", statement_id)
    assert answer.exit_code == 3, answer.output
    assert "0 lines booked." in answer.output


def test_the_job_books_in_the_name_of_whoever_asked_for_it(session, acme):
    kept = made_up((reference(acme), "24.50", "A", "X", "T-1"), ("x", "-1.00"))
    (statement,) = kept.statements
    statement.booking_by = "ann@lumen.example"
    session.commit()
    jobs.book_lines(statement.id)
    (payment,) = session.scalars(select(Payment))
    assert payment.created_by == "ann@lumen.example"
    assert session.get_one(BankStatement, statement.id).booking_by == ""
    told = session.scalars(select(AuditEntry).where(AuditEntry.noun == "bank line"))
    assert {entry.done_by for entry in told} == {"ann@lumen.example"}
    jobs.book_lines(statement.id)
    assert session.scalar(select(func.count(Payment.id))) == 1
    assert session.scalar(select(func.count(BankLine.id)).where(BankLine.state == LineState.BOOKED)) == 1
