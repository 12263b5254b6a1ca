"""The provider: one row of what the portal needs to know about the company that runs it."""

from sqlalchemy import CheckConstraint, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from portal.extensions import db


class Company(db.Model):
    """The provider's name, address and billing settings. There is exactly one row, number 1."""

    __table_args__ = (
        CheckConstraint("id = 1", name="only_one"),
        CheckConstraint("usage_wait_days between 0 and 30", name="usage_wait_days"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, default=1)
    name: Mapped[str] = mapped_column(String(120))
    address: Mapped[str] = mapped_column(Text, default="")
    email: Mapped[str] = mapped_column(String(254), default="")
    tax_id: Mapped[str] = mapped_column(String(40), default="")
    time_zone: Mapped[str] = mapped_column(String(60), default="UTC")
    default_currency: Mapped[str] = mapped_column(String(3), default="USD")
    usage_wait_days: Mapped[int] = mapped_column(default=1)
    summary_footer: Mapped[str] = mapped_column(Text, default="")
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}
