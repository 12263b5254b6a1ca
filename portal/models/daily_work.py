"""What workers do once a day, and the last day for which it was handed to one of them."""

from datetime import date

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from portal.extensions import db


class DailyWork(db.Model):
    """One row for each work, moved on by compare-and-set: however many workers look, one of them hands it on."""

    name: Mapped[str] = mapped_column(String(20), primary_key=True)
    day: Mapped[date]
