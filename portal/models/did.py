"""DIDs: phone numbers in E.164, in stock or with a customer."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.extensions import db
from portal.models.columns import PK, UTC
from portal.models.customer import Customer

ARCHIVED = text("archived_on is not null")


class Did(db.Model):
    """A phone number. Without a customer it is in stock."""

    __table_args__ = (
        Index("ix_did_country_number", "country", "number"),
        Index("ix_did_customer_id_number", "customer_id", "number"),
        # All that a list of numbers is filtered by, so that going through a million reads nothing else.
        Index("ix_did_list", "number", "archived_on", "customer_id", "country"),
        Index("ix_did_archived", "number", sqlite_where=ARCHIVED, postgresql_where=ARCHIVED),
    )

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    number: Mapped[str] = mapped_column(String(16), unique=True)
    country: Mapped[str] = mapped_column(String(3), default="")
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"))
    archived_on: Mapped[date | None]
    created_at: Mapped[datetime] = mapped_column(UTC)
    version: Mapped[int] = mapped_column(default=1)

    customer: Mapped[Customer | None] = relationship()

    __mapper_args__ = {"version_id_col": version}
