"""Mail that has not left: what waits, and what was given up, each with its reason."""

from sqlalchemy import Select, func, select

from portal.domain.wording import plural
from portal.extensions import db
from portal.models.mail import Mail, MailState
from portal.services.among import among
from portal.services.listing import COUNTED, Sort, told_ids

NEWEST = Sort((Mail.id,), descending=True)


def find_unsent() -> Select[Mail]:
    """Every message that has not left, for whatever reason."""
    unsent = [state for state in MailState if state != MailState.SENT]
    # Off the index of states: the newest of few were looked for among all that was ever sent.
    ids = told_ids(select(Mail.id).where(Mail.state.in_(unsent)).limit(COUNTED + 1))
    return select(Mail).where(among(Mail.id, ids) if len(ids) <= COUNTED else Mail.state != MailState.SENT)


def why_not_sent() -> str:
    """How many messages wait that could not be sent, and why not the last that was tried; empty if there is none."""
    tried = (Mail.state == MailState.WAITING, Mail.sentence != "")
    count = db.session.scalar(select(func.count(Mail.id)).where(*tried)) or 0
    if not count:
        return ""
    last = select(Mail.sentence).where(*tried).order_by(Mail.due_at.desc(), Mail.id.desc()).limit(1)
    return f"{plural(count, 'message')} could not be sent yet. {db.session.scalar(last)}"
