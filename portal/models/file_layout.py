"""How somebody described files of rows, remembered for the next ones."""

from enum import StrEnum

from sqlalchemy import String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.extensions import db
from portal.models.columns import PK, word


class FileKind(StrEnum):
    """What a file holds."""

    CALLS = "calls"
    DIDS = "dids"
    STATEMENTS = "statements"
    CUSTOMERS = "customers"
    PACKAGES = "packages"
    ASSIGNMENTS = "assignments"
    OPENING = "opening"
    PAYMENTS = "payments"

    @property
    def words(self) -> str:
        """What its lines are, in words."""
        return "opening items" if self is FileKind.OPENING else self.value


class FileLayout(db.Model):
    """How somebody described files of a kind, remembered by the names of their columns, or by how many there are."""

    __table_args__ = (UniqueConstraint("kind", "digest"),)

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    kind: Mapped[FileKind] = mapped_column(word(FileKind, "kind"))
    digest: Mapped[str] = mapped_column(String(64))
    layout: Mapped[str] = mapped_column(Text)
