"""`portal summary`: charge summaries as PDF files, of one customer or of everybody who was charged."""

from datetime import date
from io import BytesIO

import pytest
from click.testing import CliRunner
from pypdf import PdfReader
from sqlalchemy import select

from portal.cli import main
from portal.extensions import db
from portal.models import Customer
from tests import many
from tests.trade import a_customer, a_package, assigned, run

NOVEMBER = date(2026, 11, 1)
SPAN = ("2026-11-01", "2026-11-30", "--pdf")


@pytest.fixture
def portal(app, monkeypatch, tmp_path):
    """Run `portal summary ...` on the test's database, on 22 November 2026; what it says, and its exit status."""
    monkeypatch.setattr("portal.create_app", lambda: app)
    monkeypatch.setitem(app.config, "TODAY", "2026-11-22")

    def command(*arguments):
        result = CliRunner().invoke(main, ["summary", *arguments, "--into", str(tmp_path)])
        return result.exit_code, result.output

    return command


@pytest.fixture
def trade(app):
    """Acme and Globex are charged; Initech has nothing."""
    with app.app_context():
        trunk = a_package()
        for name in ("Acme", "Globex"):
            assigned(trunk, a_customer(name), NOVEMBER)
        a_customer("Initech")
        run()
        db.session.commit()


def words(path):
    return " ".join(
        " ".join(sheet.extract_text().split()) for sheet in PdfReader(BytesIO(path.read_bytes())).pages
    )


def test_one_customers_summary_is_written_under_a_name_that_sorts(portal, trade, tmp_path):
    assert portal("acme", *SPAN)[0] == 0
    (path,) = tmp_path.iterdir()
    assert path.name.startswith("charge-summary_acme_") and path.name.endswith("_2026-11-01_2026-11-30.pdf")
    assert "Total, GBP 29.40" in words(path)


def test_everybody_who_was_charged_has_a_file_and_it_is_said_how_far_it_is(portal, trade, tmp_path):
    status, said = portal("all", *SPAN)
    assert status == 0 and "1 of 2 summaries written." in said and "2 of 2 summaries written." in said
    assert f"2 written to {tmp_path}." in said
    assert [path.name.split("_")[1] for path in sorted(tmp_path.iterdir())] == ["acme", "globex"]
    assert all(path.suffix == ".pdf" for path in tmp_path.iterdir())


def test_where_nobody_was_charged_nothing_is_written(portal, trade, tmp_path):
    status, said = portal("all", "2026-01-01", "2026-01-31", "--pdf")
    assert status == 0 and "Nobody was charged" in said
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("acme", "2026-11-30", "2026-11-01", "--pdf"), "TO is before FROM"),
        (("acme", "1999-12-31", "2026-11-01", "--pdf"), "between 2000 and 2199"),
        (("nobody", *SPAN), "nobody"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(portal, trade, arguments, says):
    status, said = portal(*arguments)
    assert status == 1 and says in said and "Traceback" not in said


def test_one_that_no_file_can_contain_is_refused_and_the_others_are_written(
    app, portal, trade, tmp_path, monkeypatch
):
    with app.app_context():
        many.adjustments(
            db.session.scalars(select(Customer).where(Customer.name == "Acme")).one(), NOVEMBER, 10
        )
        db.session.commit()
    monkeypatch.setattr("portal.services.summary.PAPER_MOST", 10)
    status, said = portal("all", *SPAN)
    assert status == 1
    assert "Error: This summary of Acme would have 12 lines; one PDF can have 10 at most." in said
    assert "1 written to" in said
    assert [path.name[:21] for path in tmp_path.glob("*.pdf")] == ["charge-summary_globex"]


def test_a_summary_of_nobody_is_refused(portal):
    status, said = portal("", "2026-11-01", "2026-11-30")
    assert status == 1 and "The customer is empty" in said


def test_one_with_letters_that_no_font_has_is_refused_by_name_and_the_others_are_written(
    app, portal, trade, tmp_path
):
    with app.app_context():
        db.session.scalars(select(Customer).where(Customer.name == "Acme")).one().street = "\ue000"
        db.session.scalars(select(Customer).where(Customer.name == "Globex")).one().name = "Société Générale"
        db.session.commit()
    status, said = portal("all", *SPAN)
    assert status == 1
    assert "Error: The summary of Acme cannot be created as PDF: no font here has the letters U+E000." in said
    assert [path.name[:32] for path in tmp_path.iterdir()] == ["charge-summary_societe-generale_"]
