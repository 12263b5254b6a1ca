"""Whose a DID was: kept by days, from the day it was taken in."""

from datetime import date

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from portal.extensions import db
from portal.models.columns import PK


class DidOwner(db.Model):
    """With whom a DID is from a day on, until its next row: a customer, or, without one, in stock.

    Of a day on which it moved more than once, the last is kept.
    """

    # What has moved since a file of calls was begun is asked for with each of its chunks.
    __table_args__ = (Index("ix_did_owner_effective_from", "effective_from"),)

    did_id: Mapped[int] = mapped_column(
        PK, ForeignKey("did.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    effective_from: Mapped[date] = mapped_column(primary_key=True)
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"))
