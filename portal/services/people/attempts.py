"""How often somebody may try: counted in the database, so for all processes together.

A try is counted before it is known how it ends, and forgotten when it succeeds, so that many at once
are no way round it. It is counted for an account *and* the place it comes from: whoever guesses locks
out themselves, and nobody else. A refused try is not counted: the wait does not grow by asking.
`begin` commits; for the rest the caller does.
"""

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from flask import current_app
from sqlalchemy import delete, func, select

from portal.extensions import db
from portal.models.session import SignInAttempt


@dataclass(frozen=True, slots=True)
class Limit:
    """So many tries within so long."""

    tries: int
    within: timedelta


# For an account from one place. Six hours, not a day: whoever mistypes in the morning works in the afternoon.
PASSWORDS = (Limit(5, timedelta(minutes=15)), Limit(20, timedelta(hours=6)))
# For an account, from wherever: only who has the password already comes this far.
CODES = (Limit(5, timedelta(minutes=15)), Limit(20, timedelta(hours=6)))
# Messages that anybody may have sent to an account: for what is asked from one place, and for all together.
MAILS = (Limit(3, timedelta(minutes=15)), Limit(10, timedelta(hours=6)))
ALL_MAILS = (Limit(6, timedelta(hours=1)), Limit(20, timedelta(hours=6)))
# Invitations that one person sends, to whomever.
INVITATIONS = (Limit(100, timedelta(hours=1)),)
LONGEST = timedelta(hours=6)
SWEEP = 50  # every so many tries the old ones are cleared away


def subject(*parts: object) -> str:
    """What tries are counted for, so that the table tells nobody who tried."""
    text = "\0".join(str(part) for part in parts)
    return hmac.new(str(current_app.secret_key).encode(), text.encode(), sha256).hexdigest()


def count(of_whom: str, limits: tuple[Limit, ...], now: datetime) -> timedelta | None:
    """Count what was done, in the caller's transaction, or say how long to wait."""
    if wait := max((_wait(of_whom, limit, now, one_more=1) for limit in limits), default=timedelta()):
        return wait
    db.session.add(SignInAttempt(subject=of_whom, at=now))
    db.session.flush()
    return None


def begin(of_whom: str, limits: tuple[Limit, ...], now: datetime) -> timedelta | None:
    """Count a try, or say how long to wait. Commits, so that others see it while it is tried."""
    attempt = SignInAttempt(subject=of_whom, at=now)
    db.session.add(attempt)
    db.session.commit()
    attempt_id = attempt.id
    wait = max((_wait(of_whom, limit, now) for limit in limits), default=timedelta())
    if wait:
        db.session.execute(delete(SignInAttempt).where(SignInAttempt.id == attempt_id))
    if attempt_id % SWEEP == 0:
        db.session.execute(delete(SignInAttempt).where(SignInAttempt.at < now - LONGEST))
    db.session.commit()
    return wait or None


def _wait(of_whom: str, limit: Limit, now: datetime, one_more: int = 0) -> timedelta:
    """How long until what was counted, and `one_more`, is within the limit; nothing, where it is."""
    most = limit.tries - one_more
    within = (SignInAttempt.subject == of_whom, SignInAttempt.at > now - limit.within)
    if (db.session.scalar(select(func.count()).where(*within)) or 0) <= most:
        return timedelta()
    newest = (
        select(SignInAttempt.at).where(*within).order_by(SignInAttempt.at.desc(), SignInAttempt.id.desc())
    )
    counted = db.session.scalars(newest.limit(most + 1)).all()
    return max(counted[-1] + limit.within - now, timedelta(seconds=1))


def succeeded(of_whom: str) -> None:
    """Forget what went wrong before."""
    db.session.execute(delete(SignInAttempt).where(SignInAttempt.subject == of_whom))
