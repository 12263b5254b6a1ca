"""The audit log: who did what to which thing when, with before and after. Written once."""

from datetime import datetime

from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from portal.extensions import db
from portal.models.columns import KEY, PK, UTC


class AuditEntry(db.Model):
    """One act. `noun` and `noun_id` name the thing, `label` says it as it was called then."""

    __table_args__ = (
        Index("ix_audit_entry_noun_noun_id", "noun", "noun_id", "done_at", "id"),
        Index("ix_audit_entry_done_at_id", "done_at", "id"),
        Index("ix_audit_entry_customer_id_done_at", "customer_id", "done_at", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    done_at: Mapped[datetime] = mapped_column(UTC)
    done_by: Mapped[str] = mapped_column(String(254))
    role: Mapped[str] = mapped_column(String(20), default="")
    address: Mapped[str] = mapped_column(String(60), default="")
    act: Mapped[str] = mapped_column(String(40))
    noun: Mapped[str] = mapped_column(String(40))
    noun_id: Mapped[int | None] = mapped_column(PK)
    customer_id: Mapped[int | None] = mapped_column(PK)
    label: Mapped[str] = mapped_column(String(250), default="")
    # JSON objects of the fields that changed: what they were, and what they are.
    before: Mapped[str] = mapped_column(Text, default="")
    after: Mapped[str] = mapped_column(Text, default="")
    comment: Mapped[str] = mapped_column(Text, default="")
    # An act that a rule forbids and the owner did all the same, with a reason.
    overrides: Mapped[bool] = mapped_column(default=False)
    search_key: Mapped[str] = mapped_column(KEY, default="")
