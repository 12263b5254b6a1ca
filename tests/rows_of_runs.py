"""What runs have written, column by column: made-up portfolios, runs early and late, an undone one, simulations.

`python -m tests.rows_of_runs` records the rows of the code as it stands. They were recorded before the engine got its
memories and runs their one statement a chunk (data/rows_of_runs.txt.gz); they change only where the rules do.
"""

import gzip
import re
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from enum import Enum
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import Table, delete, select, update

from portal.extensions import db
from portal.models import (
    Assignment,
    AssignmentPosition,
    AssignmentQuantity,
    BalanceEntry,
    Charge,
    Company,
    Customer,
    OpenItem,
    Package,
    Run,
    RunException,
    RunPosition,
    RunTotal,
    SimulatedCharge,
)
from portal.services.runs import runs, undoing
from tests.services.billing.test_oracle import Replay, portfolios

RECORDED = Path(__file__).parent / "data" / "rows_of_runs.txt.gz"
SEEDS = range(5000, 5070)
WHO = "recorder"
TABLES: tuple[Any, ...] = (
    Charge, BalanceEntry, OpenItem, AssignmentPosition, RunPosition, SimulatedCharge, RunTotal, RunException, Run,
)  # fmt: skip
# Numbers that the database gives, and a charge's place among those of all.
LEFT_OUT = {
    "id", "last_charge_id", "heartbeat_at", "going_since", "going_from", "fingerprint", "simulation_id",
}  # fmt: skip


def histories(session: Any, wait_days: int) -> Replay:
    """Portfolios that lived a year and a quarter: runs on some days, one of them undone and made again."""
    replay = _Runs(session, portfolios(SEEDS)[wait_days], wait_days)
    random = Random(wait_days)
    starts = {a.start_date for s in replay.simulations for a in s.assignments.values()}
    replay.prepare()
    replay.go({day for day in replay.days() if day in starts or random.random() < 0.03} | {replay.last})
    return replay


class _Runs(Replay):
    """A replay whose runs are runs, with their reports."""

    made = 0
    lost = 0

    def prepare(self) -> None:
        """Some pay from their balance, some are let through whatever waits, one has lost what it is charged by."""
        ids = list(self.session.scalars(select(Assignment.id).order_by(Assignment.id)))
        position = AssignmentPosition.assignment_id
        self.session.execute(
            update(Assignment).where(Assignment.id.in_(ids[::4])).values(auto_decrement_credit=True)
        )
        for some in (ids[::3], ids[1::3]):
            self.session.execute(
                update(AssignmentPosition).where(position.in_(some)).values(post_all_through=self.last)
            )
        self.lost = ids[10]
        customers = list(self.session.scalars(select(Customer.id).order_by(Customer.id)))[::3]
        self.session.execute(update(Customer).where(Customer.id.in_(customers)).values(payment_days=30))
        self.session.get_one(Company, 1).payment_days = 14
        self.session.commit()

    def run(self, day: Any) -> None:
        """Carry a run out; every sixth is simulated before, the tenth undone and made again, one meets what is lost."""
        self.made += 1
        if self.made == 12:
            lost = AssignmentQuantity.assignment_id == self.lost
            self.session.execute(delete(AssignmentQuantity).where(lost))
        self.session.commit()
        if self.made % 6 == 0:
            self._carry_out(day + timedelta(days=20), day, simulate=True)
        run = self._carry_out(day, day)
        if self.made == 10:
            undo = undoing.start_undoing(run, "The prices were wrong.", by=WHO, now=_noon(day))
            self.session.commit()
            undoing.carry_out_undoing(undo.id, day, lambda: _noon(day))
            self._carry_out(day, day)

    def _carry_out(self, through: Any, day: Any, *, simulate: bool = False) -> Run:
        run = runs.start(through, simulate=simulate, today=day, by=WHO, now=_noon(day))
        self.session.commit()
        done = runs.carry_out(run.id, day, lambda: _noon(day))
        self.session.expire_all()
        return done


def _noon(day: Any) -> datetime:
    return datetime.combine(day, time(12), UTC)


def lines() -> Iterator[str]:
    """Every row there is of what runs write, in an order and with names that no database gives."""
    names = _Names()
    for model in TABLES:
        table: Table = model.__table__
        rows = [names.said(table, row) for row in db.session.execute(select(table)).mappings()]
        yield from sorted(f"{table.name}: {row}" for row in rows)


class _Names:
    """Rows called by what they are, in place of their ids."""

    def __init__(self) -> None:
        self.of: dict[str, dict[int, str]] = {}
        for model in (Run, Customer, Assignment, Package):
            ids = db.session.scalars(select(model.id).order_by(model.id))
            self.of[model.__tablename__] = {id: f"{model.__tablename__}-{n}" for n, id in enumerate(ids)}
        own = (
            Charge.id,
            Charge.assignment_id,
            Charge.kind,
            Charge.period_from,
            Charge.number,
            Charge.reverses_id,
        )
        rows = db.session.execute(select(*own).order_by(Charge.id)).all()
        self.of["charge"] = {row.id: self._charge(row) for row in rows}
        for row in rows:
            if row.reverses_id:
                self.of["charge"][row.id] = f"mirror of {self.of['charge'][row.reverses_id]}"

    def _charge(self, row: Any) -> str:
        whose = self.of["assignment"].get(row.assignment_id, "nobody")
        return f"{whose} {row.kind.value} {row.period_from} {row.number}"

    def said(self, table: Table, row: Any) -> str:
        """One row, a column beside the other; those of which nothing is said are left out."""
        return " ".join(
            f"{column.name}={self._value(column, row[column.name])}"
            for column in table.columns
            if column.name not in LEFT_OUT and row[column.name] not in (None, "", False)
        )

    def _value(self, column: Any, value: Any) -> str:
        if column.name in ("customer_id", "assignment_id", "package_id", "run_id"):
            named = self.of[column.name[:-3]].get(value, value)
        elif column.name in ("charge_id", "corrects_id", "reverses_id", "by_charge_id", "writes_off_id"):
            named = self.of["charge"][value]
        elif column.name == "undo_id":
            named = "undo"
        else:
            named = value.value if isinstance(value, Enum) else value
        return (
            re.sub(r"Assignment \d+", "Assignment", str(named)) if column.name == "sentence" else str(named)
        )


def recorded() -> list[str]:
    """The rows as they were recorded, of all waiting days."""
    return gzip.decompress(RECORDED.read_bytes()).decode().splitlines()


if __name__ == "__main__":
    import tempfile

    from tests import world

    folder = Path(tempfile.mkdtemp())
    found: list[str] = []
    for wait in (0, 2):
        database = world.Sqlite(folder)
        database.clean()
        database.set_again()
        with database.app.app_context():
            histories(db.session, wait)
            found += [f"{wait} {line}" for line in lines()]
        database.end()
    RECORDED.write_bytes(gzip.compress("\n".join(found).encode(), mtime=0))
    print(len(found), RECORDED.stat().st_size)
