"""Contact people of customers: whom the provider writes to and calls."""

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from portal.domain.names import search_key
from portal.extensions import db
from portal.models.columns import KEY, PK
from portal.models.customer import Customer

# What the customer of a contact is found by.
FOUND_BY = ("name", "email", "phone")


class Contact(db.Model):
    """Somebody at a customer. They need not be able to sign in: who can is a person."""

    __table_args__ = (
        Index("ix_contact_customer_id", "customer_id"),
        Index("ix_contact_search_key_id", "search_key", "id"),
    )

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(120), default="")
    role: Mapped[str] = mapped_column(String(120), default="")
    email: Mapped[str] = mapped_column(String(254), default="")
    # E.164.
    phone: Mapped[str] = mapped_column(String(16), default="")
    # What their customer is found by: FOUND_BY.
    search_key: Mapped[str] = mapped_column(KEY, default="")

    customer: Mapped[Customer] = relationship(back_populates="contacts")

    @validates(*FOUND_BY)
    def _key(self, field: str, text: str) -> str:
        known = {name: getattr(self, name) for name in FOUND_BY} | {field: text}
        self.search_key = search_key(" ".join(filter(None, known.values())))
        return text

    def __str__(self) -> str:
        return ", ".join(filter(None, (self.name, self.role, self.email, self.phone)))
