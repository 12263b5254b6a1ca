"""Invitations: a link by e-mail that lets a person choose a password, until it expires."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.extensions import db
from portal.models.columns import PK, UTC
from portal.models.customer import Customer


class Invitation(db.Model):
    """An invitation of a member of staff, or of a customer's own user. Only a digest of its token is kept."""

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    token_digest: Mapped[str] = mapped_column(String(64), unique=True)
    email: Mapped[str] = mapped_column(String(254), index=True)
    name: Mapped[str] = mapped_column(String(100), default="")
    role: Mapped[str] = mapped_column(String(20))
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"), index=True)
    invited_by: Mapped[str] = mapped_column(String(254))
    invited_at: Mapped[datetime] = mapped_column(UTC)
    expires_at: Mapped[datetime] = mapped_column(UTC)
    accepted_at: Mapped[datetime | None] = mapped_column(UTC)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UTC)

    customer: Mapped[Customer | None] = relationship()
