"""Customers: the accounts that packages are assigned to."""

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from portal.domain.names import name_key, search_key
from portal.domain.schedule import FIRST_DAY
from portal.domain.tax import Tax, TaxCategory, check_tax
from portal.domain.terms import History, in_force
from portal.extensions import db
from portal.models.columns import KEY, PK, UTC, Money, word
from portal.models.party import PartyColumns

if TYPE_CHECKING:
    from portal.models.account_code import AccountCode
    from portal.models.contact import Contact

ARCHIVED = text("archived_on is not null")
# What customers are searched for by besides their names and account codes.
FOUND_BY = (
    "email",
    "company_details",
    "legal_name",
    "city",
    "postcode",
    "vat_id",
    "registration_number",
    "phone",
)
HAS_IBAN = text("iban <> ''")
HAS_LEGAL_NAME = text("legal_name <> ''")


class Customer(PartyColumns, db.Model):
    """An account: a party with a currency and tax rates."""

    __table_args__ = (
        CheckConstraint("payment_days between 0 and 366", name="payment_days"),
        Index("ix_customer_search_key_id", "search_key", "id"),
        Index("ix_customer_name_key", "name_key"),
        Index("ix_customer_created_on_id", "created_on", "id"),
        Index("ix_customer_currency_search_key_id", "currency", "search_key", "id"),
        # The few among the many: who is active is counted without looking at each.
        Index("ix_customer_archived", "id", sqlite_where=ARCHIVED, postgresql_where=ARCHIVED),
        # What a line of a bank statement says of who has paid.
        Index(
            "ix_customer_legal_name",
            text("lower(legal_name)"),
            sqlite_where=HAS_LEGAL_NAME,
            postgresql_where=HAS_LEGAL_NAME,
        ),
        Index("ix_customer_iban", "iban", sqlite_where=HAS_IBAN, postgresql_where=HAS_IBAN),
    )

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    token: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    # The name as names are told apart, and as it is searched for and sorted.
    name_key: Mapped[str] = mapped_column(KEY)
    search_key: Mapped[str] = mapped_column(KEY)
    # What else they are searched for by: FOUND_BY.
    details_key: Mapped[str] = mapped_column(KEY, default="")
    company_details: Mapped[str] = mapped_column(String(250), default="")
    # Where bills go.
    email: Mapped[str] = mapped_column(String(254), default="")
    # Their bank account: what they pay from, and where money goes back to.
    iban: Mapped[str] = mapped_column(String(34), default="", server_default="")
    currency: Mapped[str] = mapped_column(String(3))
    # 0: prepaid; above: may owe that much; under zero: a buffer that must stay.
    debit_limit: Mapped[Decimal] = mapped_column(Money, default=Decimal(0), server_default="0")
    # Their own, where it is not the one of the settings.
    payment_days: Mapped[int | None]
    # They get the charge summary of each month by mail, from the month of this day on.
    monthly_summary_since: Mapped[date | None]
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
    contacts: Mapped[list["Contact"]] = relationship(
        back_populates="customer", order_by="Contact.id", cascade="all, delete-orphan"
    )

    __mapper_args__ = {"version_id_col": version}

    @validates("name")
    def _key_name(self, _field: str, name: str) -> str:
        self.name_key, self.search_key = name_key(name), search_key(name)
        return name

    @validates(*FOUND_BY)
    def _key_details(self, field: str, text: str) -> str:
        known = {name: getattr(self, name) for name in FOUND_BY} | {field: text}
        self.details_key = search_key(" ".join(filter(None, known.values())))
        return text

    @property
    def taxes(self) -> History[Tax]:
        """Their tax rates with categories, since when each."""
        return tuple((row.effective_from, row.tax) for row in self.tax_rates)

    def tax_on(self, day: date) -> Tax:
        """The tax in force on `day`; none where the rates are lost, so that they can be looked at."""
        if not self.tax_rates:
            return check_tax(Decimal(0))
        return in_force(self.taxes, max(day, self.tax_rates[0].effective_from))

    def tax_rate_on(self, day: date) -> Decimal:
        """The tax rate in per cent in force on `day`."""
        return self.tax_on(day).rate

    @property
    def last_tax(self) -> Tax:
        """The tax that holds from the latest day on."""
        return self.tax_on(date.max)


def _category_of_rate(context: Any) -> TaxCategory:
    """Where none is given, what the rate alone says."""
    return TaxCategory.STANDARD if context.get_current_parameters()["rate"] else TaxCategory.ZERO


class CustomerTaxRate(db.Model):
    """A customer's tax rate in per cent with its category, from a day on; without tax, why."""

    __table_args__ = (
        UniqueConstraint("customer_id", "effective_from"),
        CheckConstraint("rate between 0 and 100000000", name="rate"),
        CheckConstraint("(category = 'standard') = (rate > 0)", name="rate_of_category"),
    )

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id", ondelete="CASCADE"))
    effective_from: Mapped[date] = mapped_column(default=FIRST_DAY)
    rate: Mapped[Decimal] = mapped_column(Money)
    category: Mapped[TaxCategory] = mapped_column(word(TaxCategory, "category"), default=_category_of_rate)
    reason: Mapped[str] = mapped_column(String(250), default="", server_default="")

    customer: Mapped[Customer] = relationship(back_populates="tax_rates")

    @property
    def tax(self) -> Tax:
        """The rate, its category and the reason."""
        return Tax(self.rate, self.category, self.reason)
