"""The outbox: a message is a row first, written together with what it tells of, and leaves afterwards.

`queue` writes it in the caller's transaction; nothing is sent that was rolled back. `send_waiting`
sends what is due, a message at a time, each claimed before it is sent, and commits each: any number of
processes may do so at once. What could not be sent is tried again, ever later, and then given up with its reason.
"""

import hashlib
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import NamedTuple

from flask import current_app
from sqlalchemy import delete, func, select, update

from portal.domain.email_address import harmless, on_the_way
from portal.domain.errors import Invalid
from portal.extensions import db
from portal.models.company import company
from portal.models.mail import Mail, MailAttachment, MailState
from portal.services.mail.transports import NotSent, Transport, transport

# After each try, how long until the next; after the last there is none.
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 360, 720, 1440))
CLAIM = timedelta(minutes=10)  # how long whoever sends a message has it for itself
AT_ONCE = 100  # messages a call

log = logging.getLogger("portal.mail")


class Pdf(NamedTuple):
    """A file that a message carries."""

    name: str
    content: bytes


def queue(
    key: str,
    to: str,
    subject: str,
    text: str,
    *,
    now: datetime,
    html: str = "",
    secret: bool = False,
    pdf: Pdf | None = None,
) -> Mail:
    """Put a message into the outbox, once: a second one with the same key is the first.

    `pdf` goes with it, and is forgotten once it has left. `secret` is one that carries a link to sign in by: nobody is
    shown its text, and it is forgotten once it has left.
    """
    queued: Mail | None = db.session.scalar(select(Mail).where(Mail.key == key))
    if queued is not None:
        return queued
    mail = Mail(
        key=key,
        to=to,
        subject=" ".join(subject.split())[:250],
        text=text,
        html=html,
        secret=secret,
        state=MailState.WAITING,
        tries=0,
        sentence="",
        created_at=now,
        due_at=now,
        attachment=MailAttachment(name=pdf.name, content=pdf.content) if pdf else None,
    )
    db.session.add(mail)
    db.session.flush()
    db.session().info["mail waits"] = True  # whoever commits sees that there is something to send
    return mail


def sender() -> Address:
    """Whom messages come from: the settings' address, or the company's, with the company's name."""
    provider = company()
    name, address = parseaddr(current_app.config["MAIL_FROM"])
    address = address or provider.email
    name = name or provider.name
    return on_the_way(address, name) if address else Address(harmless(name), "portal", "localhost")


def send_waiting(now: datetime) -> tuple[int, int]:
    """Send what is due: how many messages left, and how many did not. Commits after each of them.

    Where there is no way to the mail server it stops at once: the rest keeps waiting.
    """
    sent = not_sent = 0
    mail_ids = due_ids(now)
    with transport(current_app.config) as way:
        for mail_id in mail_ids:
            if (claimed := _claim(mail_id, now)) is None:
                continue  # somebody else has it
            error = _carry(way, *claimed)
            _keep(mail_id, error, now)
            sent, not_sent = sent + (error is None), not_sent + (error is not None)
            if error is not None and error.server_down:
                break
    return sent, not_sent


def send_all(clock: Callable[[], datetime], between: Callable[[], object] = bool) -> tuple[int, int]:
    """The same, until nothing more is due or the mail server is away: how many left, and how many did not.

    `between` is called now and then: what it raises ends it there.
    """
    sent, not_sent = send_waiting(clock())
    while sent and due_ids(clock()):
        between()
        more, failed = send_waiting(clock())
        sent, not_sent = sent + more, not_sent + failed
        if not more:
            break
    return sent, not_sent


def count_waiting() -> int:
    """How many messages have not left yet and are going to be tried, now or later."""
    waiting = select(func.count(Mail.id)).where(Mail.state == MailState.WAITING)
    return db.session.scalar(waiting) or 0


def due_ids(now: datetime) -> Sequence[int]:
    """The messages that may be sent now, the longest due first."""
    due = select(Mail.id).where(Mail.state == MailState.WAITING, Mail.due_at <= now)
    found = db.session.scalars(due.order_by(Mail.due_at, Mail.id).limit(AT_ONCE)).all()
    db.session.rollback()
    return found


def as_message(mail: Mail, sender: Address, now: datetime) -> EmailMessage:
    """The message as it travels. Its id follows from its key, so that a copy is known as one.

    Raises what the libraries raise where it cannot be written.
    """
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = on_the_way(mail.to)
    message["Subject"] = harmless(mail.subject)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{hashlib.sha256(mail.key.encode()).hexdigest()[:32]}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    if mail.html:
        message.add_alternative(mail.html, subtype="html")
    if mail.attachment:
        message.add_attachment(
            mail.attachment.content, maintype="application", subtype="pdf", filename=mail.attachment.name
        )
    message.as_bytes(
        policy=SMTP.clone(utf8=True)
    )  # what cannot be written is known before a server waits for it
    return message


def _claim(mail_id: int, now: datetime) -> tuple[EmailMessage | NotSent, bool] | None:
    """Have a message for oneself for a while, and read it; None where somebody else was quicker.

    No transaction is open afterwards: a mail server may take its time.
    """
    mine = (
        update(Mail)
        .where(Mail.id == mail_id, Mail.state == MailState.WAITING, Mail.due_at <= now)
        .values(due_at=now + CLAIM, tries=Mail.tries + 1)
        .execution_options(synchronize_session=False)
    )
    claimed = db.session.connection().execute(mine).rowcount == 1
    if not claimed:
        db.session.commit()
        return None
    mail = db.session.get_one(Mail, mail_id, populate_existing=True)
    message, secret = _written(mail, now), mail.secret
    db.session.commit()
    return message, secret


def _written(mail: Mail, now: datetime) -> EmailMessage | NotSent:
    """A message as it travels, or why it cannot: whatever is wrong with it must not stop the others."""
    try:
        from_whom = sender()
    except Invalid as error:
        return NotSent(f"There is no sender: {error.sentence}", keeps_tries=True)
    try:
        return as_message(mail, from_whom, now)
    except Invalid as error:
        return NotSent(error.sentence, permanent=True)
    except Exception as error:
        log.warning("Message %s cannot be written", mail.id, exc_info=True)
        return NotSent(f"The message cannot be written: {error}", permanent=True)


def _carry(way: Transport, message: EmailMessage | NotSent, secret: bool) -> NotSent | None:
    """Hand a message over; the reason, where it did not leave."""
    if isinstance(message, NotSent):
        return message
    try:
        way.send(message, secret=secret)
    except NotSent as error:
        return error
    except Exception as error:  # whatever it is, the others still leave
        log.warning("A message could not be sent", exc_info=True)
        return NotSent(f"It could not be sent: {error}")
    return None


def _keep(mail_id: int, error: NotSent | None, now: datetime) -> None:
    """Keep what came of a message."""
    mail = db.session.get_one(Mail, mail_id)
    if error is not None:
        _put_off(mail, error, now)
    else:
        mail.state, mail.sent_at, mail.sentence = MailState.SENT, now, ""
    if mail.secret and mail.state != MailState.WAITING:
        mail.text = mail.html = ""
    if mail.state != MailState.WAITING:
        db.session.execute(delete(MailAttachment).where(MailAttachment.mail_id == mail_id))
    db.session.commit()


def _put_off(mail: Mail, error: NotSent, now: datetime) -> None:
    """Try again later, or give up with the reason."""
    mail.sentence = str(error)
    if error.keeps_tries:  # not the message's fault: it keeps its tries
        mail.tries -= 1
        mail.due_at = now + PAUSES[1]
    elif error.permanent or mail.tries > len(PAUSES):
        mail.state = MailState.FAILED
    else:
        mail.due_at = now + PAUSES[mail.tries - 1]
