"""`portal summaries`: the summaries of a month by mail, by the rules of the page."""

from datetime import date

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from portal.cli import main
from portal.extensions import db
from portal.models import SentSummary
from portal.services.runs import runs
from portal.services.summary import sending
from tests.mail_server import mail_server
from tests.trade import BEN, NOW, TODAY, a_customer, a_package, assigned

OCTOBER = date(2026, 10, 1)


@pytest.fixture
def portal(app, monkeypatch):
    """Run `portal summaries ...` on 22 November 2026, with a mail server; its exit status, and what it says."""
    monkeypatch.setattr("portal.create_app", lambda: app)
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())

    def command(*arguments):
        result = CliRunner().invoke(main, ["summaries", *arguments])
        return result.exit_code, result.output

    with mail_server(app) as command.letterbox:
        yield command


@pytest.fixture
def trade(app):
    """Acme gets it each month, nobody has an address of Globex; both are charged."""
    with app.app_context():
        trunk = a_package()
        acme, globex = a_customer("Acme"), a_customer("Globex")
        acme.email = "bills@acme.example"
        for customer in (acme, globex):
            assigned(trunk, customer, OCTOBER)
        sending.set_monthly(acme, True, OCTOBER)
        db.session.commit()


def post(app):
    """A run for everyone."""
    with app.app_context():
        run = runs.start(TODAY, simulate=False, today=TODAY, by=BEN, now=NOW)
        db.session.commit()
        runs.carry_out(run.id, TODAY, lambda: NOW)


def test_a_month_is_sent_once_and_again_only_by_asking_for_one_customer(app, portal, trade):
    post(app)
    status, said = portal("send", "--month", "2026-10")
    assert status == 0
    assert "No e-mail address: Globex" in said and "1 summary of October 2026 to send." in said
    assert portal("send", "--month", "2026-10")[1].count("0 summaries of October 2026 to send.") == 1
    assert "Acme has had it: --again sends it again." in portal("send", "--month", "2026-10", "Acme")[1]
    assert len(portal.letterbox.messages) == 1
    assert portal("send", "--month", "2026-10", "Acme", "--again")[0] == 0
    assert len(portal.letterbox.messages) == 2
    status, said = portal("send", "--month", "2026-10", "Globex")
    assert (status, "Globex has no e-mail address" in said) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "sentence", "status"),
    [
        (["--month", "2026-11"], "Choose a month that is over: October 2026 or an earlier one.", 1),
        (["--month", "soon"], "soon is not a month. Write it like 2026-10.", 2),
        (["--month", "2026-10", "--again"], "--again is for one customer", 2),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(portal, trade, arguments, sentence, status):
    assert portal("send", *arguments)[0] == status
    assert sentence in portal("send", *arguments)[1]


def test_each_month_it_goes_by_itself_once_the_month_is_posted(app, portal, trade):
    assert "October 2026 is not posted yet" in portal("monthly")[1]
    post(app)
    for _ in range(2):
        assert portal("monthly")[0] == 0
    assert len(portal.letterbox.messages) == 1
    with app.app_context():
        assert db.session.scalars(select(SentSummary.asked_by)).all() == [""]
