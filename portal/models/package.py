"""Packages: the provider's catalogue, with the schedules and prices that hold from a day on."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from portal.domain.names import name_key, search_key
from portal.domain.schedule import FIRST_DAY, Frequency
from portal.domain.terms import PackageType, Proration
from portal.extensions import db
from portal.models.columns import KEY, PK, UTC, Days, Money, word
from portal.models.connexcs_package import ConnexcsPackage


class Package(db.Model):
    """An item of the catalogue. What it charges stands in its schedules and prices."""

    __table_args__ = (
        CheckConstraint("minimum_days between 0 and 3650", name="minimum_days"),
        CheckConstraint(
            "not (minimum_spend and type = 'free_minutes')", name="minimum_spend_or_free_minutes"
        ),
        Index("ix_package_name_key", "name_key"),
        Index("ix_package_search_key_id", "search_key", "id"),
    )

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    token: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    # As names are told apart, and as they are searched for and sorted.
    name_key: Mapped[str] = mapped_column(KEY)
    search_key: Mapped[str] = mapped_column(KEY)
    description: Mapped[str] = mapped_column(Text, default="")
    type: Mapped[PackageType] = mapped_column(word(PackageType, "type"), default=PackageType.STANDARD)
    destination: Mapped[str] = mapped_column(String(500), default="")
    minimum_spend: Mapped[bool] = mapped_column(default=False)
    minimum_days: Mapped[int] = mapped_column(default=0)
    proration: Mapped[Proration] = mapped_column(word(Proration, "proration"), default=Proration.NONE)
    connexcs_package_id: Mapped[int | None] = mapped_column(ForeignKey("connexcs_package.id"), index=True)
    archived_on: Mapped[date | None]
    created_at: Mapped[datetime] = mapped_column(UTC)
    version: Mapped[int] = mapped_column(default=1)

    connexcs_package: Mapped[ConnexcsPackage | None] = relationship()
    schedules: Mapped[list["PackageSchedule"]] = relationship(
        back_populates="package", order_by="PackageSchedule.effective_from", cascade="all, delete-orphan"
    )
    prices: Mapped[list["PackagePrice"]] = relationship(
        back_populates="package",
        order_by="PackagePrice.currency, PackagePrice.effective_from",
        cascade="all, delete-orphan",
    )

    __mapper_args__ = {"version_id_col": version}

    @validates("name")
    def _key_name(self, _field: str, name: str) -> str:
        self.name_key, self.search_key = name_key(name), search_key(name)
        return name

    @property
    def recurs(self) -> bool:
        """Whether there is a frequency at all; that never changes once the package was assigned."""
        return any(schedule.frequency != Frequency.NONE for schedule in self.schedules[:1])

    def schedule_on(self, day: date) -> "PackageSchedule":
        """The schedule in force on `day`; charged once where its schedules are lost, so that it can be looked at."""
        if not self.schedules:
            return PackageSchedule(frequency=Frequency.NONE, frequency_match=())
        return [s for s in self.schedules if s.effective_from <= max(day, self.schedules[0].effective_from)][
            -1
        ]

    def price_on(self, currency: str, day: date) -> "PackagePrice | None":
        """The prices in `currency` in force on `day`; None where the package is not sold in it."""
        prices = [p for p in self.prices if p.currency == currency]
        if not prices:
            return None
        return [p for p in prices if p.effective_from <= max(day, prices[0].effective_from)][-1]

    @property
    def currencies(self) -> list[str]:
        """The currencies that the package is sold in."""
        return sorted({price.currency for price in self.prices})


class PackageSchedule(db.Model):
    """Frequency and match days of a package, from a day on."""

    __table_args__ = (UniqueConstraint("package_id", "effective_from"),)

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    package_id: Mapped[int] = mapped_column(ForeignKey("package.id", ondelete="CASCADE"))
    effective_from: Mapped[date] = mapped_column(default=FIRST_DAY)
    frequency: Mapped[Frequency] = mapped_column(word(Frequency, "frequency"))
    frequency_match: Mapped[tuple[int, ...]] = mapped_column(Days, default=())

    package: Mapped[Package] = relationship(back_populates="schedules")


class PackagePrice(db.Model):
    """The four prices of a package in one currency, from a day on."""

    __table_args__ = (
        UniqueConstraint("package_id", "currency", "effective_from"),
        CheckConstraint(
            "cost between 0 and 999999999000000 and retail between 0 and 999999999000000"
            " and setup_cost between 0 and 999999999000000 and setup_retail between 0 and 999999999000000",
            name="bounds",
        ),
    )

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    package_id: Mapped[int] = mapped_column(ForeignKey("package.id", ondelete="CASCADE"))
    currency: Mapped[str] = mapped_column(String(3))
    effective_from: Mapped[date] = mapped_column(default=FIRST_DAY)
    cost: Mapped[Decimal] = mapped_column(Money, default=Decimal(0), server_default=text("0"))
    retail: Mapped[Decimal] = mapped_column(Money, default=Decimal(0), server_default=text("0"))
    setup_cost: Mapped[Decimal] = mapped_column(Money, default=Decimal(0), server_default=text("0"))
    setup_retail: Mapped[Decimal] = mapped_column(Money, default=Decimal(0), server_default=text("0"))

    package: Mapped[Package] = relationship(back_populates="prices")
