"""Sixty summaries, and whoever writes and sends them killed ten times: each arrives, and none as two messages."""

import time
from collections import Counter
from datetime import date, timedelta
from random import Random

import pytest
from sqlalchemy import func, select

from portal.extensions import db
from portal.models import Mail, MailState
from portal.services.summary import month_end, sending
from tests.mail_server import mail_server
from tests.processes import Command
from tests.trade import BEN, NOW, TODAY, a_customer, a_package, assigned, run

CUSTOMERS, KILLS, WHILE_WRITING = 60, 10, 3
OCTOBER = date(2026, 10, 1)


def at_once() -> None:
    """Let what a killed sender had for itself be sent by the next one, where in earnest it waits ten minutes."""
    from portal.services.mail import outbox

    outbox.CLAIM = timedelta(0)


def _count(*where):
    counted = db.session.scalar(select(func.count(Mail.id)).where(*where)) or 0
    db.session.rollback()
    return counted


def _wait(for_it, process):
    until = time.monotonic() + 60
    while not for_it() and process.is_running and time.monotonic() < until:
        time.sleep(0.005)


@pytest.mark.slow
@pytest.mark.only_on("postgresql")  # SQLite has one writer: what can be lost between two is lost here
def test_none_is_missing_none_is_two_messages_and_a_kill_hands_over_one_again_at_most(app, session, tmp_path):
    trunk = a_package("Trunk", "20", match=(1,))
    for number in range(CUSTOMERS):
        customer = a_customer(f"Customer {number}")
        customer.email = f"bills@customer{number}.example"
        assigned(trunk, customer, OCTOBER)
    run()
    ids = month_end.ids_of(month_end.find(OCTOBER))
    assert len(sending.send(OCTOBER, ids, today=TODAY, by=BEN, now=NOW)) == CUSTOMERS
    session.commit()
    chance = Random(18)
    with mail_server(app) as letterbox:
        letterbox.pause = 0.02
        environment = {
            "PORTAL_DATABASE_URL": app.config["SQLALCHEMY_DATABASE_URI"],
            "PORTAL_INSTANCE": str(app.config["INSTANCE"]),
            "PORTAL_TODAY": TODAY.isoformat(),
            "PORTAL_SMTP_HOST": "127.0.0.1",
            "PORTAL_SMTP_PORT": str(app.config["SMTP_PORT"]),
            "PORTAL_SMTP_TLS": "none",
        }

        def command():
            return Command(["summaries", "write"], environment, tmp_path / "says.txt", at_once)

        for kill in range(KILLS):
            process = command()
            if kill < WHILE_WRITING:
                written = (kill + 1) * CUSTOMERS // (WHILE_WRITING + 1)
                _wait(lambda until=written: _count() >= until, process)
            else:
                received = len(letterbox.messages) + chance.randint(2, 5)
                _wait(lambda until=received: len(letterbox.messages) >= until, process)
            time.sleep(chance.uniform(0, 0.03))
            assert process.is_running, (tmp_path / "says.txt").read_text()
            process.kill()
            process.ended(10)
        assert command().ended(120) == 0, (tmp_path / "says.txt").read_text()
    assert _count(Mail.state == MailState.SENT) == _count() == CUSTOMERS
    by_id = {str(message["Message-ID"]): message["To"] for message in letterbox.messages}
    assert Counter(by_id.values()) == {f"bills@customer{number}.example": 1 for number in range(CUSTOMERS)}
    assert len(letterbox.messages) - CUSTOMERS <= KILLS - WHILE_WRITING
