"""Notes on customers: what the provider's people write down for each other."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from portal.domain.names import search_key
from portal.extensions import db
from portal.models.columns import KEY, PK, UTC
from portal.models.customer import Customer

# The few that wait among all that were ever written.
WAITS = text("come_back_on is not null and done_at is null")


class Note(db.Model):
    """A text on a customer, who wrote it and when; with a day to come back to it, it waits until somebody has.

    No customer ever sees one.
    """

    __table_args__ = (
        CheckConstraint("done_at is null or come_back_on is not null", name="done"),
        Index("ix_note_customer_id_id", "customer_id", "id"),
        # By whom last: how many somebody's own are is counted off it alone.
        Index(
            "ix_note_waits", "come_back_on", "id", "created_by", sqlite_where=WAITS, postgresql_where=WAITS
        ),
    )

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    token: Mapped[str] = mapped_column(String(64), unique=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id", ondelete="CASCADE"))
    text: Mapped[str] = mapped_column(Text)
    search_key: Mapped[str] = mapped_column(KEY)
    come_back_on: Mapped[date | None]
    done_at: Mapped[datetime | None] = mapped_column(UTC)
    done_by: Mapped[str] = mapped_column(String(254), default="")
    created_by: Mapped[str] = mapped_column(String(254))
    created_at: Mapped[datetime] = mapped_column(UTC)
    version: Mapped[int] = mapped_column(default=1)

    customer: Mapped[Customer] = relationship()

    __mapper_args__ = {"version_id_col": version}

    @validates("text")
    def _key_text(self, _field: str, words: str) -> str:
        self.search_key = search_key(words)
        return words

    @property
    def waits(self) -> bool:
        """Whether somebody is to come back to it."""
        return self.come_back_on is not None and self.done_at is None

    def is_due_on(self, day: date) -> bool:
        """Whether it is to be looked at on this day, or was to be before."""
        return self.waits and self.come_back_on is not None and self.come_back_on <= day
