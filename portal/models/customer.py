"""Customers: the accounts that packages are assigned to."""

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from portal.domain.names import name_key, search_key
from portal.domain.schedule import FIRST_DAY
from portal.extensions import db
from portal.models.columns import KEY, PK, UTC, Money

if TYPE_CHECKING:
    from portal.models.account_code import AccountCode

ARCHIVED = text("archived_on is not null")


class Customer(db.Model):
    """An account with a currency, tax rates and an address."""

    __table_args__ = (
        CheckConstraint("payment_days between 0 and 366", name="payment_days"),
        Index("ix_customer_search_key_id", "search_key", "id"),
        Index("ix_customer_name_key", "name_key"),
        Index("ix_customer_created_on_id", "created_on", "id"),
        Index("ix_customer_currency_search_key_id", "currency", "search_key", "id"),
        # The few among the many: who is active is counted without looking at each.
        Index("ix_customer_archived", "id", sqlite_where=ARCHIVED, postgresql_where=ARCHIVED),
    )

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    token: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    # The name as names are told apart, and as it is searched for and sorted.
    name_key: Mapped[str] = mapped_column(KEY)
    search_key: Mapped[str] = mapped_column(KEY)
    # What else they are searched for by: e-mail and company details.
    details_key: Mapped[str] = mapped_column(KEY, default="")
    company_details: Mapped[str] = mapped_column(String(250), default="")
    email: Mapped[str] = mapped_column(String(254), default="")
    address: Mapped[str] = mapped_column(Text, default="")
    currency: Mapped[str] = mapped_column(String(3))
    # 0: prepaid; above: may owe that much; under zero: a buffer that must stay.
    debit_limit: Mapped[Decimal] = mapped_column(Money, default=Decimal(0), server_default="0")
    # Their own, where it is not the one of the settings.
    payment_days: Mapped[int | None]
    archived_on: Mapped[date | None]
    created_on: Mapped[date]
    created_at: Mapped[datetime] = mapped_column(UTC)
    version: Mapped[int] = mapped_column(default=1)

    tax_rates: Mapped[list["CustomerTaxRate"]] = relationship(
        back_populates="customer", order_by="CustomerTaxRate.effective_from", cascade="all, delete-orphan"
    )
    account_codes: Mapped[list["AccountCode"]] = relationship(
        back_populates="customer",
        order_by="AccountCode.search_key, AccountCode.key",
        cascade="all, delete-orphan",
    )

    __mapper_args__ = {"version_id_col": version}

    @validates("name")
    def _key_name(self, _field: str, name: str) -> str:
        self.name_key, self.search_key = name_key(name), search_key(name)
        return name

    @validates("email", "company_details")
    def _key_details(self, field: str, text: str) -> str:
        known = {"email": self.email, "company_details": self.company_details, field: text}
        self.details_key = search_key(" ".join(filter(None, known.values())))
        return text

    def tax_rate_on(self, day: date) -> Decimal:
        """The tax rate in per cent in force on `day`; 0 where the rates are lost, so that they can be looked at."""
        if not self.tax_rates:
            return Decimal(0)
        return [r for r in self.tax_rates if r.effective_from <= max(day, self.tax_rates[0].effective_from)][
            -1
        ].rate

    @property
    def last_tax_rate(self) -> Decimal:
        """The tax rate that holds from the latest day on."""
        return self.tax_rate_on(date.max)


class CustomerTaxRate(db.Model):
    """A customer's tax rate in per cent, from a day on."""

    __table_args__ = (
        UniqueConstraint("customer_id", "effective_from"),
        CheckConstraint("rate between 0 and 100000000", name="rate"),
    )

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id", ondelete="CASCADE"))
    effective_from: Mapped[date] = mapped_column(default=FIRST_DAY)
    rate: Mapped[Decimal] = mapped_column(Money)

    customer: Mapped[Customer] = relationship(back_populates="tax_rates")
