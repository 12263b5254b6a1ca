"""The outbox: what is queued leaves once, after the commit, by a real mail server."""

import logging
import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from portal.extensions import db
from portal.models import Company
from portal.models.mail import Mail, MailState
from portal.services.mail import outbox as mail
from portal.services.mail import unsent
from tests.mail_server import mail_server

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


@pytest.fixture
def letterbox(app):
    """A mail server on this machine."""
    with mail_server(app) as letterbox:
        yield letterbox


def queue(key="one", to="ann@acme.example", **more):
    """Put a message into the outbox, and commit."""
    message = {"subject": "Your phone", "text": "Grüße\n", "now": NOW, **more}
    queued = mail.queue(key, to, **message)
    db.session.commit()
    return queued


def test_a_message_leaves_once_with_its_words(session, letterbox):
    queue(html="<p>Grüße</p>")
    assert mail.send_waiting(NOW) == (1, 0)
    assert mail.send_waiting(NOW) == (0, 0)
    (received,) = letterbox.messages
    assert received["To"] == "ann@acme.example"
    assert received["From"] == "Lumen Voice <portal@localhost>"
    assert received["Subject"] == "Your phone"
    assert received.get_body(("plain",)).get_content().strip() == "Grüße"
    assert received.get_body(("html",)).get_content().strip() == "<p>Grüße</p>"
    assert received["Auto-Submitted"] == "auto-generated"


def test_what_is_queued_twice_under_a_key_is_one_message(session, letterbox):
    assert queue().id == queue(subject="Another").id
    mail.send_waiting(NOW)
    assert [message["Subject"] for message in letterbox.messages] == ["Your phone"]


def test_what_was_rolled_back_never_leaves(session, letterbox):
    mail.queue("one", "ann@acme.example", "Your phone", "…", now=NOW)
    session.rollback()
    assert mail.send_waiting(NOW) == (0, 0)


def test_a_secret_message_is_forgotten_once_it_has_left(session, letterbox):
    message = queue(text="https://portal/reset/abc", secret=True)
    mail.send_waiting(NOW)
    assert "reset/abc" in letterbox.messages[0].get_content()
    session.refresh(message)
    assert (message.state, message.text, message.html) == (MailState.SENT, "", "")


def test_a_subject_is_one_line_whatever_it_is_made_of(session, letterbox):
    queue(subject="Acme\r\nBcc: all@acme.example\n has invited you")
    mail.send_waiting(NOW)
    assert letterbox.messages[0]["Subject"] == "Acme Bcc: all@acme.example has invited you"
    assert letterbox.messages[0]["Bcc"] is None


def test_an_address_that_nobody_has_is_given_up_with_its_reason(session, letterbox):
    lost, fine = queue(to="nobody@acme.example"), queue("two")
    assert mail.send_waiting(NOW) == (1, 1)
    session.refresh(lost)
    assert (lost.state, fine.state) == (MailState.FAILED, MailState.SENT)
    assert "There is nobody of that name" in lost.sentence


def test_a_busy_server_is_asked_again_later_and_later(session, letterbox):
    message, now = queue(), NOW
    letterbox.busy = True
    pauses = []
    while message.state == MailState.WAITING:
        assert mail.send_waiting(now) == (0, 1)
        session.refresh(message)
        pauses.append(message.due_at - now)
        now = message.due_at
    assert message.state == MailState.FAILED
    assert tuple(pauses[:-1]) == mail.PAUSES
    assert "Come back later" in message.sentence


def test_a_server_that_is_away_loses_nothing(session, app, monkeypatch):
    monkeypatch.setitem(app.config, "SMTP_HOST", "127.0.0.1")
    monkeypatch.setitem(app.config, "SMTP_PORT", 1)
    first, second = queue(), queue("two")
    assert mail.send_waiting(NOW) == (0, 1)  # and did not wait for it once more
    session.refresh(first)
    assert "could not be reached" in first.sentence
    assert {first.state, second.state} == {MailState.WAITING}
    monkeypatch.undo()
    with mail_server(app) as letterbox:
        assert mail.send_waiting(NOW + timedelta(minutes=1)) == (2, 0)
    assert len(letterbox.messages) == 2


def test_without_a_server_the_demo_writes_to_the_log(session, caplog):
    queue(text="https://portal/invitations/abc", secret=True)
    with caplog.at_level(logging.WARNING, "portal.mail"):
        assert mail.send_waiting(NOW) == (1, 0)
    assert "Mail to ann@acme.example: Your phone" in caplog.text
    assert "invitations/abc" in caplog.text


def test_without_a_server_all_messages_of_a_portal_in_production_wait_and_none_is_in_its_log(
    session, app, caplog, monkeypatch
):
    monkeypatch.setitem(app.config, "MODE", "production")
    secret, plain = queue(text="https://portal/invitations/abc", secret=True), queue("two", text="A notice")
    with caplog.at_level(logging.WARNING, "portal.mail"):
        assert mail.send_waiting(NOW) == (0, 1)  # and the others were not tried
    assert "A notice" not in caplog.text and "invitations/abc" not in caplog.text
    session.refresh(secret)
    assert (secret.state, secret.tries, plain.state) == (MailState.WAITING, 0, MailState.WAITING)
    assert "PORTAL_SMTP_HOST" in secret.sentence
    with mail_server(app) as letterbox:
        assert mail.send_waiting(NOW + timedelta(minutes=5)) == (2, 0)
    assert len(letterbox.messages) == 2


def test_many_who_send_at_once_send_each_message_once(app, session, letterbox):
    for number in range(30):
        mail.queue(f"key {number}", "ann@acme.example", f"Number {number}", "…", now=NOW)
    session.commit()

    def send():
        with app.app_context():
            mail.send_waiting(NOW)

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({message["Subject"] for message in letterbox.messages}) == len(letterbox.messages) == 30
    assert not session.scalars(select(Mail).where(Mail.state != MailState.SENT)).all()


# Addresses of every alphabet


@pytest.mark.parametrize("counted", [10_000, 1])
def test_what_has_not_left_is_listed_however_much_that_is(session, monkeypatch, counted):
    monkeypatch.setattr(unsent, "COUNTED", counted)
    for state in MailState:
        queue(state.value).state = state
    session.flush()
    listed = session.scalars(unsent.find_unsent().order_by(Mail.id)).all()
    assert [message.key for message in listed] == ["waiting", "failed"]


def company_is(name="Lumen Voice", email=""):
    provider = db.session.get_one(Company, 1)
    provider.name, provider.email = name, email
    db.session.commit()


def test_a_domain_leaves_in_the_letters_that_every_server_reads(session, letterbox):
    company_is("Käse & Söhne, GmbH", "billing@käse.example")
    message = queue(to="info@käse.example", subject="Grüße")
    assert mail.send_waiting(NOW) == (1, 0)
    assert letterbox.envelopes == [("billing@xn--kse-qla.example", "info@xn--kse-qla.example")]
    (received,) = letterbox.messages
    (sender,), (to,) = received["From"].addresses, received["To"].addresses
    assert (sender.display_name, sender.addr_spec) == ("Käse & Söhne, GmbH", "billing@xn--kse-qla.example")
    assert (to.addr_spec, received["Subject"]) == ("info@xn--kse-qla.example", "Grüße")
    assert received["Message-ID"].endswith("@xn--kse-qla.example>")
    session.refresh(message)
    assert message.to == "info@käse.example", "kept as it was typed"


def test_letters_beyond_ascii_before_the_at_leave_where_the_server_takes_them(session, app):
    with mail_server(app, smtputf8=True) as letterbox:
        queue(to="jörg@käse.example")
        assert mail.send_waiting(NOW) == (1, 0)
    assert letterbox.envelopes == [("portal@localhost", "jörg@xn--kse-qla.example")]


def test_where_the_server_does_not_take_them_the_others_still_leave(session, letterbox):
    lost, fine = queue(to="jörg@käse.example"), queue("two")
    assert mail.send_waiting(NOW) == (1, 1)
    session.refresh(lost)
    assert (lost.state, fine.state) == (MailState.FAILED, MailState.SENT)
    assert (
        lost.sentence
        == "The mail server takes only ASCII letters before the @, not jörg@xn--kse-qla.example."
    )


def test_a_company_whose_address_the_server_does_not_take_loses_no_message(session, letterbox):
    company_is(email="jörg@käse.example")
    message = queue()
    assert mail.send_waiting(NOW) == (0, 1)
    session.refresh(message)
    assert (message.state, message.tries) == (MailState.WAITING, 0)
    assert "write another e-mail of the company in Settings" in message.sentence
    company_is(email="info@käse.example")
    assert mail.send_waiting(message.due_at) == (1, 0)


@pytest.mark.parametrize("email", ["no address", "=?utf-8?q?a?=@acme.example", "a@b@c"])
def test_a_company_whose_address_is_none_loses_no_message(session, letterbox, email):
    """None is taken since; one that was kept before must not stop the outbox."""
    company_is(email=email)
    message = queue()
    assert mail.send_waiting(NOW) == (0, 1)
    session.refresh(message)
    assert (message.state, message.tries) == (MailState.WAITING, 0)
    assert f"{email} is not an e-mail address" in message.sentence


@pytest.mark.parametrize("to", ["no address", "=?utf-8?q?a=0AB?=@acme.example", "a\nb@acme.example"])
def test_one_that_cannot_be_written_stops_no_other(session, letterbox, to):
    lost, fine = queue(to=to), queue("two")
    assert mail.send_waiting(NOW) == (1, 1)
    session.refresh(lost)
    assert (lost.state, fine.state) == (MailState.FAILED, MailState.SENT)
    assert lost.sentence.startswith(f"{to} is not an e-mail address")


def test_one_at_which_the_server_breaks_off_stops_no_other(session, letterbox):
    lost, fine = queue(text="poison"), queue("two")
    assert mail.send_waiting(NOW) == (1, 1)
    session.refresh(lost)
    assert (lost.state, fine.state) == (MailState.WAITING, MailState.SENT)


ENCODED = "=?utf-8?q?Bcc=3A_all=40acme=2Eexample?="


def test_words_that_look_encoded_are_read_as_they_were_typed(session, letterbox):
    company_is(name=f"Lumen {ENCODED}", email="billing@lumen.example")
    queue(subject=f"{ENCODED} =?utf-8?q?a=0D=0ABcc=3A_x=40y=2Eexample?=")
    assert mail.send_waiting(NOW) == (1, 0)
    (received,) = letterbox.messages
    assert "all@acme" not in received["Subject"] + received["From"]
    assert received["Bcc"] is None
    assert received["Subject"].startswith("= ?utf-8?q?Bcc")
