"""Account codes: under which files and other systems know a customer."""

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from portal.domain.names import name_key, search_key
from portal.extensions import db
from portal.models.columns import KEY, PK
from portal.models.customer import Customer


class AccountCode(db.Model):
    """One of a customer's codes, as it was typed. `key` is how codes are told apart: no two customers share one."""

    __table_args__ = (Index("ix_account_code_customer_id", "customer_id"),)

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id", ondelete="CASCADE"))
    code: Mapped[str] = mapped_column(String(80))
    key: Mapped[str] = mapped_column(KEY, unique=True)
    search_key: Mapped[str] = mapped_column(KEY)

    customer: Mapped[Customer] = relationship(back_populates="account_codes")

    @validates("code")
    def _key_code(self, _field: str, code: str) -> str:
        self.key, self.search_key = name_key(code), search_key(code)
        return code

    def __str__(self) -> str:
        return self.code
