"""Assignments: a package given to a customer, or to a DID of a customer."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    literal_column,
    text,
)
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.domain.commitment import earliest_last_day
from portal.domain.schedule import FIRST_DAY
from portal.domain.terms import Prices
from portal.extensions import db
from portal.models.columns import PK, UTC, Money, word
from portal.models.customer import Customer
from portal.models.did import Did
from portal.models.package import Package, PackagePrice

HELD = text("held_lines > 0")
REFERRED = text("reference is not null")


@dataclass(frozen=True, slots=True)
class HeldPrices:
    """What an assignment is charged by on a day: the four prices, which of them are its own, and the package's."""

    cost: Decimal
    retail: Decimal
    setup_cost: Decimal
    setup_retail: Decimal
    own: frozenset[str]
    package: PackagePrice


class Assignment(db.Model):
    """What was promised: package, customer, DID, start date, lock. `end_date` is the last day."""

    __table_args__ = (
        CheckConstraint(
            "end_date is null or end_date >= start_date or withdrawn_on is not null", name="end_date"
        ),
        CheckConstraint("minutes is null or minutes between 1 and 1000000000", name="minutes"),
        CheckConstraint("minimum_days between 0 and 3650", name="minimum_days"),
        # Whether any of a customer's has changed is seen off it alone.
        Index("ix_assignment_customer_id_id_version", "customer_id", "id", "version"),
        # How many of each package a customer has is counted off it alone.
        Index(
            "ix_assignment_of_customer",
            "customer_id",
            "package_id",
            "end_date",
            "withdrawn_on",
            "id",
            "start_date",
        ),
        # What a charge of it names (migrations/charge_keys.py).
        Index("ix_assignment_package_id_id_customer_id", "package_id", "id", "customer_id", unique=True),
        # Whether anything is on a DID is seen off it alone.
        Index("ix_assignment_did_id_end_date", "did_id", "end_date"),
        # How many have a package on a day is counted off it alone.
        Index("ix_assignment_package_id_start_date_end_date", "package_id", "start_date", "end_date"),
        Index(
            "ix_assignment_reference",
            "reference",
            unique=True,
            sqlite_where=REFERRED,
            postgresql_where=REFERRED,
        ),
    )

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    token: Mapped[str] = mapped_column(String(64), unique=True)
    package_id: Mapped[int] = mapped_column(ForeignKey("package.id"))
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    did_id: Mapped[int | None] = mapped_column(ForeignKey("did.id"))
    start_date: Mapped[date]
    # The end date as it is known today; `ends` keeps since when each was known.
    end_date: Mapped[date | None] = mapped_column(index=True)
    # The day on which assigning it was undone: its last day lies before its first then, so that nothing is due.
    withdrawn_on: Mapped[date | None]
    charge_from: Mapped[date | None]
    # The day that charge dates are counted from, where that is not the start date: of one that was moved here.
    anchor: Mapped[date | None]
    # What a file, or another system, knows it by.
    reference: Mapped[str | None] = mapped_column(String(60))
    minutes: Mapped[int | None]
    minimum_days: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[date | None]
    auto_decrement_credit: Mapped[bool] = mapped_column(default=False)
    override_reason: Mapped[str] = mapped_column(Text, default="")
    override_by: Mapped[str] = mapped_column(String(254), default="")
    override_at: Mapped[datetime | None] = mapped_column(UTC)
    created_by: Mapped[str] = mapped_column(String(254), default="")
    created_at: Mapped[datetime] = mapped_column(UTC)
    version: Mapped[int] = mapped_column(default=1)

    package: Mapped[Package] = relationship()
    customer: Mapped[Customer] = relationship()
    did: Mapped[Did | None] = relationship()
    quantities: Mapped[list["AssignmentQuantity"]] = relationship(
        back_populates="assignment",
        order_by="AssignmentQuantity.effective_from",
        cascade="all, delete-orphan",
    )
    ends: Mapped[list["AssignmentEnd"]] = relationship(
        back_populates="assignment", order_by="AssignmentEnd.known_on", cascade="all, delete-orphan"
    )
    own_prices: Mapped[list["AssignmentPrice"]] = relationship(
        back_populates="assignment", order_by="AssignmentPrice.effective_from", cascade="all, delete-orphan"
    )
    position: Mapped["AssignmentPosition"] = relationship(
        back_populates="assignment", cascade="all, delete-orphan", uselist=False
    )

    __mapper_args__ = {"version_id_col": version}

    def quantity_on(self, day: date) -> int:
        """The quantity in force on `day`; 0 where its quantities are lost, so that it can be looked at."""
        if not self.quantities:
            return 0
        first = self.quantities[0].effective_from
        return [q for q in self.quantities if q.effective_from <= max(day, first)][-1].quantity

    def own_on(self, day: date) -> "AssignmentPrice | None":
        """Which prices are its own on `day`; None where nothing was ever said of that by then."""
        return next((row for row in reversed(self.own_prices) if row.effective_from <= day), None)

    def prices_on(self, day: date) -> HeldPrices | None:
        """The prices in force on `day`, its own ones in the package's place; None where the package has none."""
        theirs, mine = self.package.price_on(self.customer.currency, day), self.own_on(day)
        if theirs is None:
            return None
        own = {name: price for name in Prices._fields if (price := getattr(mine, name, None)) is not None}
        four = {name: own.get(name, getattr(theirs, name)) for name in Prices._fields}
        return HeldPrices(**four, own=frozenset(own), package=theirs)

    @property
    def last_quantity(self) -> int:
        """The quantity that holds from the latest day on."""
        return self.quantity_on(date.max)

    def is_locked_on(self, day: date) -> bool:
        """Whether the minimum days still hold on `day`."""
        return self.locked_until is not None and day < self.locked_until

    @property
    def earliest_last_day(self) -> date:
        """The first day that may be its last."""
        return earliest_last_day(self.locked_until, self.start_date)

    def has_ended_on(self, day: date) -> bool:
        """Whether its last day lies before `day`."""
        return self.end_date is not None and self.end_date < day


class AssignmentQuantity(db.Model):
    """How many units, from a day on."""

    __table_args__ = (
        UniqueConstraint("assignment_id", "effective_from"),
        CheckConstraint("quantity between 1 and 100000", name="quantity"),
    )

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignment.id", ondelete="CASCADE"))
    effective_from: Mapped[date] = mapped_column(default=FIRST_DAY)
    quantity: Mapped[int]

    assignment: Mapped[Assignment] = relationship(back_populates="quantities")


class AssignmentPrice(db.Model):
    """Which of the four prices are the assignment's own, from a day on, in its customer's currency (billing-rules 14).

    One that is None is the package's. Before the first of them all four are.
    """

    __table_args__ = (
        UniqueConstraint("assignment_id", "effective_from"),
        CheckConstraint(
            "(cost is null or cost between 0 and 999999999000000)"
            " and (retail is null or retail between 0 and 999999999000000)"
            " and (setup_cost is null or setup_cost between 0 and 999999999000000)"
            " and (setup_retail is null or setup_retail between 0 and 999999999000000)",
            name="bounds",
        ),
    )

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignment.id", ondelete="CASCADE"))
    effective_from: Mapped[date] = mapped_column(default=FIRST_DAY)
    cost: Mapped[Decimal | None] = mapped_column(Money)
    retail: Mapped[Decimal | None] = mapped_column(Money)
    setup_cost: Mapped[Decimal | None] = mapped_column(Money)
    setup_retail: Mapped[Decimal | None] = mapped_column(Money)

    assignment: Mapped[Assignment] = relationship(back_populates="own_prices")


class AssignmentEnd(db.Model):
    """The end date as it was known from a day on, so that a late run sees each change on its own day."""

    __table_args__ = (UniqueConstraint("assignment_id", "known_on"),)

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignment.id", ondelete="CASCADE"))
    known_on: Mapped[date] = mapped_column(default=FIRST_DAY)
    end_date: Mapped[date | None]

    assignment: Mapped[Assignment] = relationship(back_populates="ends")


class AssignmentPosition(db.Model):
    """Where an assignment stands. Narrow, because a run writes every row of it; `version` is its lock."""

    __table_args__ = (
        # The few that are held among very many.
        Index("ix_assignment_position_held", "next_charge_on", sqlite_where=HELD, postgresql_where=HELD),
    )

    assignment_id: Mapped[int] = mapped_column(
        PK, ForeignKey("assignment.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    charged_until: Mapped[date | None]
    worked_through: Mapped[date | None]
    next_charge_on: Mapped[date | None] = mapped_column(index=True)
    # More lines than a run posts unasked: how many, until somebody chooses; and up to which day "post all" goes.
    held_lines: Mapped[int] = mapped_column(default=0)
    post_all_through: Mapped[date | None]
    # Late calls not worked in yet: the first day they fall on, and the day the last of them came in.
    late_from: Mapped[date | None]
    late_on: Mapped[date | None]
    # Whether a run was undone that had posted some of it: lines posted again are numbered on.
    was_undone: Mapped[bool] = mapped_column(default=False)
    version: Mapped[int] = mapped_column(default=1)

    assignment: Mapped[Assignment] = relationship(back_populates="position")

    @hybrid_property
    def is_held(self) -> bool:
        """Whether more lines are due than a run posts unasked."""
        return self.held_lines > 0

    @is_held.inplace.expression
    @classmethod
    def _is_held(cls) -> ColumnElement[bool]:
        return cls.held_lines > literal_column("0")  # said in full, so that the index of held ones is taken


class HoldChoice(StrEnum):
    """What somebody chose for a held assignment."""

    POST_ALL = "post_all"
    CHARGE_FROM = "charge_from"


class AssignmentHold(db.Model):
    """A choice made about a held assignment: who, when, and what was passed over."""

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignment.id", ondelete="CASCADE"), index=True)
    choice: Mapped[HoldChoice] = mapped_column(word(HoldChoice, "choice"))
    held_lines: Mapped[int]
    charge_from: Mapped[date | None]
    passed_over_lines: Mapped[int] = mapped_column(default=0)
    passed_over_amount: Mapped[Decimal] = mapped_column(Money, default=Decimal(0))
    chosen_by: Mapped[str] = mapped_column(String(254))
    chosen_at: Mapped[datetime] = mapped_column(UTC)
