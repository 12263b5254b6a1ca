"""Where people are signed in, and attempts to sign in."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.extensions import db
from portal.models.columns import PK, UTC


class UserSession(db.Model):
    """A browser in which a person is signed in. They can see it and end it."""

    __tablename__ = "user_session"

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    # A digest of what the browser's cookie holds: whoever reads the table cannot sign in by it.
    key: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    browser: Mapped[str] = mapped_column(String(250), default="")
    address: Mapped[str] = mapped_column(String(60), default="")
    began_at: Mapped[datetime] = mapped_column(UTC)
    seen_at: Mapped[datetime] = mapped_column(UTC)
    ended_at: Mapped[datetime | None] = mapped_column(UTC)


class SignInAttempt(db.Model):
    """An attempt that did not succeed (yet), counted for an account together with where it came from.

    So that whoever guesses is kept out, and nobody else with them. Only a digest of the two is kept.
    """

    __tablename__ = "sign_in_attempt"
    __table_args__ = (
        Index("ix_sign_in_attempt_subject_at", "subject", "at"),
        Index("ix_sign_in_attempt_at", "at"),
    )

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    subject: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UTC)
