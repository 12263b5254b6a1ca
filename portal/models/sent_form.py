"""Forms that were sent and counted: by their token, with a digest of what they said."""

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from portal.extensions import db


class SentForm(db.Model):
    """A form that has made something. `said` tells what, `leads_to` (JSON) is the way to it."""

    form: Mapped[str] = mapped_column(String(40), primary_key=True)
    token: Mapped[str] = mapped_column(String(64), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    said: Mapped[str] = mapped_column(Text)
    leads_to: Mapped[str] = mapped_column(Text)
