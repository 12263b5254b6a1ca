"""Acts on many things at once: what was done to which, so that it can be undone as a whole (billing-rules 16)."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.extensions import db
from portal.models.columns import PK, UTC, word


class BulkKind(StrEnum):
    """What was done to many."""

    ASSIGNED = "assigned"
    ENDED = "ended"
    ARCHIVED = "archived"


class BulkAct(db.Model):
    """One act on many: `label` says on what. `last_charge_id` is the latest charge there was when it was done."""

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    kind: Mapped[BulkKind] = mapped_column(word(BulkKind, "kind"))
    label: Mapped[str] = mapped_column(String(200))
    last_charge_id: Mapped[int | None] = mapped_column(PK)
    done_on: Mapped[date]
    done_by: Mapped[str] = mapped_column(String(254), default="")
    done_at: Mapped[datetime] = mapped_column(UTC)
    undone_on: Mapped[date | None]
    undone_by: Mapped[str] = mapped_column(String(254), default="")

    things: Mapped[list["BulkActThing"]] = relationship(
        back_populates="act", order_by="BulkActThing.thing_id", cascade="all, delete-orphan"
    )


class BulkActThing(db.Model):
    """An assignment, or a package that was archived, to which an act was done and for which it was not undone."""

    act_id: Mapped[int] = mapped_column(
        PK, ForeignKey("bulk_act.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    # No foreign key: the thing may be removed.
    thing_id: Mapped[int] = mapped_column(PK, primary_key=True, autoincrement=False)
    # Of an ending: the last day that was given, and the one that there was before.
    last_day: Mapped[date | None]
    last_day_before: Mapped[date | None]

    act: Mapped[BulkAct] = relationship(back_populates="things")
