"""Account codes: under which files and other systems know a customer."""

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.extensions import db
from portal.models.columns import PK
from portal.models.customer import Customer


class AccountCode(db.Model):
    """One of a customer's codes, as it was typed. `key` is how codes are compared: no two customers share one."""

    __table_args__ = (Index("ix_account_code_customer_id", "customer_id"),)

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id", ondelete="CASCADE"))
    code: Mapped[str] = mapped_column(String(80))
    key: Mapped[str] = mapped_column(String(240), unique=True)

    customer: Mapped[Customer] = relationship(back_populates="account_codes")

    def __str__(self) -> str:
        return self.code
