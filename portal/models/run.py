"""Runs: posting every charge due up to a date, or simulating it, each with its report."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.extensions import db
from portal.models.assignment import Assignment
from portal.models.charge import IS_A_KIND, ChargeColumns
from portal.models.columns import PK, UTC, Money, word
from portal.models.customer import Customer

# Work of which nothing was heard for so long was interrupted.
SILENT_FOR = timedelta(seconds=60)


class RunState(StrEnum):
    """How far a run has come. A run that was killed is `running` with an old heartbeat.

    One is `stopped` by a person, and goes on when somebody continues it; `refused` is one that was to post a
    simulation which no longer holds: it has posted nothing.
    """

    RUNNING = "running"
    STOPPED = "stopped"
    DONE = "done"
    REFUSED = "refused"


class Run(db.Model):
    """One run: a simulation, or a posting. Counts are of assignments and of charges."""

    __table_args__ = (Index("ix_run_started_at_id", "started_at", "id"),)

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    simulate: Mapped[bool] = mapped_column(default=False)
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"), index=True)
    through: Mapped[date]
    state: Mapped[RunState] = mapped_column(word(RunState, "state"), default=RunState.RUNNING)
    fingerprint: Mapped[str] = mapped_column(String(64), default="")
    simulation_id: Mapped[int | None] = mapped_column(ForeignKey("run.id"))
    due_count: Mapped[int] = mapped_column(default=0)
    done_count: Mapped[int] = mapped_column(default=0)
    charge_count: Mapped[int] = mapped_column(default=0)
    held_count: Mapped[int] = mapped_column(default=0)
    failed_count: Mapped[int] = mapped_column(default=0)
    started_by: Mapped[str] = mapped_column(String(254), default="")
    started_at: Mapped[datetime] = mapped_column(UTC)
    heartbeat_at: Mapped[datetime] = mapped_column(UTC)
    # When it was begun, or gone on with, last, and how many were done then: what its rate is counted from.
    going_since: Mapped[datetime | None] = mapped_column(UTC)
    going_from: Mapped[int] = mapped_column(default=0)
    finished_at: Mapped[datetime | None] = mapped_column(UTC)

    customer: Mapped[Customer | None] = relationship()


class RunShard(db.Model):
    """A part of a posting run: the customers from one number up to another. Several processes may share them.

    Without a number a shard begins with the first customer there is, or goes on to the last. Counts are of assignments.
    """

    run_id: Mapped[int] = mapped_column(
        PK, ForeignKey("run.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    customers_from: Mapped[int | None] = mapped_column(PK)
    customers_until: Mapped[int | None] = mapped_column(PK)
    due_count: Mapped[int] = mapped_column(default=0)
    done_count: Mapped[int] = mapped_column(default=0)
    is_done: Mapped[bool] = mapped_column(default=False)


class RunUndo(db.Model):
    """Undoing a run: who, when and why. What a first one had to leave, a later one may take back.

    Counts are of assignments, and of the run's charges that it took back.
    """

    __table_args__ = (Index("ix_run_undo_run_id_id", "run_id", "id"),)

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"))
    state: Mapped[RunState] = mapped_column(word(RunState, "state"), default=RunState.RUNNING)
    reason: Mapped[str] = mapped_column(Text)
    due_count: Mapped[int] = mapped_column(default=0)
    done_count: Mapped[int] = mapped_column(default=0)
    charge_count: Mapped[int] = mapped_column(default=0)
    started_by: Mapped[str] = mapped_column(String(254), default="")
    started_at: Mapped[datetime] = mapped_column(UTC)
    heartbeat_at: Mapped[datetime] = mapped_column(UTC)
    finished_at: Mapped[datetime | None] = mapped_column(UTC)

    run: Mapped[Run] = relationship()

    def is_silent(self, now: datetime) -> bool:
        """Whether it stopped without being done."""
        return self.state == RunState.RUNNING and now - self.heartbeat_at > SILENT_FOR


class RunPosition(db.Model):
    """Where an assignment stood before a run first moved it, and the undoing that has moved it back.

    `version` is the position's: of two runs the one with the higher was later. `last_charge_id` is the latest charge
    there was when the run had posted its own.
    """

    run_id: Mapped[int] = mapped_column(PK, ForeignKey("run.id"), primary_key=True, autoincrement=False)
    assignment_id: Mapped[int] = mapped_column(
        PK, ForeignKey("assignment.id", ondelete="CASCADE"), primary_key=True, autoincrement=False, index=True
    )
    charged_until: Mapped[date | None]
    worked_through: Mapped[date | None]
    next_charge_on: Mapped[date | None]
    late_from: Mapped[date | None]
    late_on: Mapped[date | None]
    version: Mapped[int]
    last_charge_id: Mapped[int | None] = mapped_column(PK)
    undo_id: Mapped[int | None] = mapped_column(ForeignKey("run_undo.id"))


class RunTotal(db.Model):
    """What the charges of a run come to in one currency, kept chunk by chunk: a report adds nothing up."""

    run_id: Mapped[int] = mapped_column(
        PK, ForeignKey("run.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    currency: Mapped[str] = mapped_column(String(3), primary_key=True)
    charge_count: Mapped[int] = mapped_column(default=0)
    amount: Mapped[Decimal] = mapped_column(Money)
    cost: Mapped[Decimal] = mapped_column(Money)
    tax: Mapped[Decimal] = mapped_column(Money)


class Outcome(StrEnum):
    """Why an assignment was passed over in a run; `changed` since the simulation, where the run is refused."""

    HELD = "held"
    FAILED = "failed"
    CHANGED = "changed"


class RunException(db.Model):
    """An assignment that a run did not post: held, or failed, and why."""

    __table_args__ = (
        Index("ix_run_exception_run_id_id", "run_id", "id"),
        Index("ix_run_exception_run_id_assignment_id", "run_id", "assignment_id"),
    )

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"))
    # No foreign key: a report stays as it was, also where the assignment was removed since.
    assignment_id: Mapped[int] = mapped_column(PK)
    outcome: Mapped[Outcome] = mapped_column(word(Outcome, "outcome"))
    line_count: Mapped[int] = mapped_column(default=0)
    sentence: Mapped[str] = mapped_column(Text, default="")

    assignment: Mapped[Assignment | None] = relationship(
        primaryjoin="foreign(RunException.assignment_id) == Assignment.id", viewonly=True
    )


class SimulatedCharge(ChargeColumns, db.Model):
    """A line of a simulation's report: what would have been posted, with nothing posted."""

    __table_args__ = (
        CheckConstraint(IS_A_KIND, name="kind"),
        Index("ix_simulated_charge_run_id_id", "run_id", "id"),
    )

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"))
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    # No foreign keys: what it showed stays, also where the assignment was removed since.
    assignment_id: Mapped[int] = mapped_column(PK)
    package_id: Mapped[int] = mapped_column(PK)
    # A minimum spend whose period has not ended: what it would be if nothing more were spent.
    provisional: Mapped[bool] = mapped_column(default=False)

    customer: Mapped[Customer] = relationship()
