"""Where people are signed in: each browser a row, which the person can see and end.

The browser's cookie holds a key, the table a digest of it. A request whose key is not that of a live
session is nobody's, whatever else its cookie says. `note` commits; for the rest the caller does.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import delete, or_, select, update

from portal.extensions import db
from portal.models.session import UserSession
from portal.models.user import User

NOTED = timedelta(minutes=5)  # how exactly it is known when somebody was last there
KEPT = timedelta(days=30)  # how long an ended session is kept


def begin(user_id: int, browser: str, address: str, now: datetime) -> str:
    """A person signs in: the key for the browser's cookie. Their long ended sessions are forgotten."""
    key = secrets.token_urlsafe(32)
    old = or_(UserSession.ended_at < now - KEPT, UserSession.seen_at < now - KEPT)
    db.session.execute(delete(UserSession).where(UserSession.user_id == user_id, old))
    db.session.add(
        UserSession(
            key=digest(key),
            user_id=user_id,
            browser=browser[:250],
            address=address[:60],
            began_at=now,
            seen_at=now,
        )
    )
    db.session.flush()
    return key


def find_live(key: str, uniquifier: str, since: datetime) -> tuple[int, datetime] | None:
    """The session that this key opens for this person, and when it was last seen; None where none lives."""
    row = db.session.execute(
        select(UserSession.id, UserSession.seen_at)
        .join(User, User.id == UserSession.user_id)
        .where(
            UserSession.key == digest(key),
            UserSession.ended_at.is_(None),
            UserSession.seen_at > since - NOTED,
            User.fs_uniquifier == uniquifier,
        )
    ).first()
    return (row.id, row.seen_at) if row else None


def note(session_id: int, now: datetime) -> None:
    """Somebody is there. Commits, so that it stands whatever becomes of the request."""
    db.session.execute(update(UserSession).where(UserSession.id == session_id).values(seen_at=now))
    db.session.commit()


def live_sessions(user_id: int, since: datetime) -> Sequence[UserSession]:
    """Where a person is signed in, the latest first."""
    live = select(UserSession).where(
        UserSession.user_id == user_id, UserSession.ended_at.is_(None), UserSession.seen_at > since - NOTED
    )
    return db.session.scalars(live.order_by(UserSession.seen_at.desc(), UserSession.id.desc())).all()


def end(user_id: int, key_digest: str, now: datetime) -> bool:
    """End one of a person's sessions; False where it is not theirs, or ended already."""
    one = update(UserSession).where(
        UserSession.key == key_digest, UserSession.user_id == user_id, UserSession.ended_at.is_(None)
    )
    return db.session.connection().execute(one.values(ended_at=now)).rowcount == 1


def end_by_key(key: str, now: datetime) -> None:
    """End the session that a cookie's key opens."""
    one = update(UserSession).where(UserSession.key == digest(key), UserSession.ended_at.is_(None))
    db.session.execute(one.values(ended_at=now))


def end_all(user_id: int, now: datetime, but_key: str = "") -> None:
    """End all of a person's sessions, but the one in hand if its key is given."""
    rest = update(UserSession).where(UserSession.user_id == user_id, UserSession.ended_at.is_(None))
    db.session.execute(rest.where(UserSession.key != digest(but_key)).values(ended_at=now))


def digest(key: str) -> str:
    """What the table keeps of a key."""
    return sha256(key.encode()).hexdigest()
