"""DIDs: phone numbers in E.164, in stock or with a customer."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.extensions import db
from portal.models.columns import PK, UTC
from portal.models.customer import Customer


class Did(db.Model):
    """A phone number. Without a customer it is in stock."""

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    number: Mapped[str] = mapped_column(String(16), unique=True)
    country: Mapped[str] = mapped_column(String(3), default="", index=True)
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"), index=True)
    archived_on: Mapped[date | None]
    created_at: Mapped[datetime] = mapped_column(UTC)
    version: Mapped[int] = mapped_column(default=1)

    customer: Mapped[Customer | None] = relationship()

    __mapper_args__ = {"version_id_col": version}
