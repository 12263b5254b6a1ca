"""Four processes do the same run at once, one of them is killed in the middle of it, and nothing is amiss.

The processes are real ones that run `portal charge`. One is killed (SIGKILL) once it has committed a chunk and while it
is inside another, as a second connection sees. The run is then done once more, and must leave the charges, the
balance entries and the positions that an undisturbed run leaves for a customer who has the same assignments. So it is
with undoing it: what was there before the run is there again.
"""

import os
import signal
import sqlite3
import time
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest
from sqlalchemy import func, insert, select

from portal.domain.schedule import FIRST_DAY, Frequency
from portal.domain.terms import Proration
from portal.extensions import db
from portal.models import (
    Assignment,
    AssignmentEnd,
    AssignmentPosition,
    AssignmentQuantity,
    BalanceEntry,
    Charge,
    Run,
    RunUndo,
    counts_as_posted,
)
from portal.services.runs import runs, undoing
from tests.depth import tries
from tests.processes import Command
from tests.trade import a_customer, a_package

pytestmark = pytest.mark.slow

SEEDS = range(tries(4, deep=6))
PROCESSES, CHUNK, ASSIGNMENTS = 4, 3, 60
TODAY = date(2026, 11, 22)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PATIENCE = 30  # seconds
SAID = (
    Charge.kind, Charge.charge_on, Charge.period_from, Charge.period_until, Charge.number, Charge.quantity,
    Charge.unit_price, Charge.amount, Charge.cost, Charge.tax, Charge.auto_decrement_credit,
)  # fmt: skip


@pytest.fixture
def catalogue(session):
    """Packages whose lines are of several kinds."""
    monthly, weekly = Frequency.MONTHLY, Frequency.WEEKLY
    return [
        a_package("Trunk", "24.50", match=(15, 31), setup_retail="25"),
        a_package("Seat", "7.50", match=(1,), proration=Proration.DAILY),
        a_package("Watch", "1.25", frequency=weekly, match=(1, 4)),
        a_package("Commitment", "50", frequency=monthly, match=(1,), minimum_spend=True),
        a_package("Phone", "89", frequency=Frequency.NONE, match=()),
    ]


def a_customer_with(catalogue, name, seed):
    """The id of a customer with assignments, the same for everyone with the same seed."""
    customer = a_customer(name)
    random = Random(seed)
    first = db.session.scalar(select(func.max(Assignment.id))) or 0
    made, quantities, ends, positions = [], [], [], []
    for id in range(first + 1, first + 1 + ASSIGNMENTS):
        start = TODAY - timedelta(days=random.randrange(10, 100))
        end = start + timedelta(days=random.randrange(5, 90)) if random.random() < 0.3 else None
        made.append(
            {
                "id": id, "token": f"killed-{id}", "package_id": random.choice(catalogue).id,
                "customer_id": customer.id, "start_date": start, "end_date": end,
                "auto_decrement_credit": random.random() < 0.5, "created_at": NOW,
            }
        )  # fmt: skip
        quantities.append(
            {"assignment_id": id, "quantity": random.randrange(1, 4), "effective_from": FIRST_DAY}
        )
        ends.append({"assignment_id": id, "end_date": end, "known_on": FIRST_DAY})
        positions.append({"assignment_id": id, "next_charge_on": start})
    rows = (
        (Assignment, made), (AssignmentQuantity, quantities), (AssignmentEnd, ends), (AssignmentPosition, positions),
    )  # fmt: skip
    for model, values in rows:
        db.session.execute(insert(model), values)
    customer_id = customer.id
    # From here on nothing is held by the test itself: on SQLite it would keep everybody out.
    db.session.commit()
    return customer_id


def outcome(customer_id):
    """All that runs leave behind for a customer, by assignment in order."""
    since = db.session.scalar(select(func.min(Assignment.id)).where(Assignment.customer_id == customer_id))
    charges = db.session.execute(
        select((Charge.assignment_id - since).label("which"), *SAID)
        .where(Charge.customer_id == customer_id)
        .order_by(Charge.assignment_id, *SAID)
    ).all()
    entries = db.session.execute(
        select(BalanceEntry.amount, BalanceEntry.for_day, Charge.assignment_id - since)
        .join(Charge, Charge.id == BalanceEntry.charge_id)
        .where(BalanceEntry.customer_id == customer_id)
        .order_by(Charge.assignment_id, BalanceEntry.for_day, BalanceEntry.amount)
    ).all()
    positions = db.session.execute(
        select(
            AssignmentPosition.charged_until,
            AssignmentPosition.worked_through,
            AssignmentPosition.next_charge_on,
        )
        .join(Assignment, Assignment.id == AssignmentPosition.assignment_id)
        .where(Assignment.customer_id == customer_id)
        .order_by(Assignment.id)
    ).all()
    return charges, entries, positions


def charge(app, name, folder, *options):
    """`portal charge`, as a process of its own that a second connection knows by name."""
    environment = {
        "PORTAL_DATABASE_URL": app.config["SQLALCHEMY_DATABASE_URI"],
        "PORTAL_INSTANCE": str(app.config["INSTANCE"]),
        "PORTAL_TODAY": TODAY.isoformat(),
        "PORTAL_RUN_CHUNK": str(CHUNK),
        "PGAPPNAME": name,
        "LOGNAME": name,
    }
    return Command(["charge", *options], environment, folder / f"{name}.txt")


class Watcher:
    """A second connection, which sees what the processes do."""

    def __init__(self, app):
        with app.app_context():
            self.is_sqlite = db.engine.dialect.name == "sqlite"
            pooled = db.engine.raw_connection()
            self.connection = pooled.driver_connection
            pooled.detach()
        if not self.is_sqlite:
            self.connection.autocommit = True

    def ask(self, statement):
        """The first value of the first row, from outside of any transaction."""
        cursor = self.connection.cursor()
        cursor.execute(statement)
        row = cursor.fetchone()
        cursor.close()
        return row and row[0]

    def who_has_committed(self, customer_id, charges):
        """The process of which others can see as many charges, if there is one yet."""
        mine = f"customer_id = {customer_id} AND charge_count >= {charges}"
        who = self.ask(f"SELECT started_by FROM run WHERE {mine} ORDER BY id LIMIT 1")
        return who and who.split()[0]

    def has_taken_back(self, undo_id, charges):
        """Whether others can see that as many charges were taken back."""
        return self.ask(f"SELECT charge_count FROM run_undo WHERE id = {undo_id}") >= charges

    def is_inside(self, name, customer_id):
        """Whether the process, which is stopped, is inside a transaction that writes."""
        if not self.is_sqlite:
            writes = f"application_name = '{name}' AND backend_xid IS NOT NULL"
            return bool(self.ask(f"SELECT count(*) FROM pg_stat_activity WHERE {writes}"))
        # The write lock is held, and nobody comes any further: then it is held by the one that is stopped.
        posted = f"SELECT count(*) FROM charge WHERE customer_id = {customer_id}"
        before = self.ask(posted)
        for _ in range(6):
            time.sleep(0.02)
            if not self._is_locked() or self.ask(posted) != before:
                return False
        return True

    def _is_locked(self):
        other = sqlite3.connect(db.engine.url.database, timeout=0, isolation_level=None)
        try:
            other.execute("BEGIN IMMEDIATE")
            other.execute("ROLLBACK")
        except sqlite3.OperationalError:
            return True
        finally:
            other.close()
        return False

    def close(self):
        self.connection.close()


def kill_inside_a_chunk(watcher, processes, customer_id, charges):
    """Kill a process once it has committed as many charges and is inside another chunk; whether it came to that."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and any(p.is_running for p in processes.values()):
        name = watcher.who_has_committed(customer_id, charges)
        if not name or not processes[name].is_running:
            time.sleep(0.005)
            continue
        os.kill(processes[name].pid, signal.SIGSTOP)
        if watcher.is_inside(name, customer_id):
            processes[name].kill()
            return True
        os.kill(processes[name].pid, signal.SIGCONT)
        time.sleep(0.003)
    return False


def run_once(customer_id):
    """The run, undisturbed: how many charges it posted, and how many assignments failed."""
    run = runs.start(TODAY, simulate=False, today=TODAY, by="", now=NOW, customer_id=customer_id)
    db.session.commit()
    run = runs.carry_out(run.id, TODAY, lambda: NOW)
    return run.charge_count, run.failed_count


def disturbed(app, customer_id, seed, folder):
    """Four processes at once, one of them killed; whether it was killed where it should be."""
    names = [f"charge-{seed}-{number}" for number in range(PROCESSES)]
    processes = {name: charge(app, name, folder, "--customer", f"#{customer_id}") for name in names}
    watcher = Watcher(app)
    try:
        return kill_inside_a_chunk(watcher, processes, customer_id, charges=1 + 5 * seed)
    finally:
        watcher.close()
        codes = {name: process.ended(PATIENCE) for name, process in processes.items()}
        said = {name: process.says.read_text() for name, process in processes.items()}
        assert set(codes.values()) <= {0, -signal.SIGKILL}, said


@pytest.mark.parametrize("seed", SEEDS)
def test_a_run_killed_in_the_middle_loses_nothing_and_posts_nothing_twice(
    app, session, catalogue, seed, tmp_path
):
    quiet = a_customer_with(catalogue, "Quiet", seed)
    expected = run_once(quiet)
    for attempt in range(3):
        hit = a_customer_with(catalogue, f"Hit {attempt}", seed)
        if disturbed(app, hit, seed, tmp_path):
            break
    else:
        pytest.fail("the run was over before it could be killed")
    assert run_once(hit)[1] == 0
    assert outcome(hit) == outcome(quiet)
    kept = session.scalar(select(func.sum(Run.charge_count)).where(Run.customer_id == hit))
    assert kept == expected[0] > ASSIGNMENTS
    assert run_once(hit) == (0, 0)


def kill_one_that_undoes(watcher, processes, customer_id, undo_id, charges):
    """Kill a process that is inside a chunk once as many charges were taken back; whether it came to that."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and any(p.is_running for p in processes.values()):
        if watcher.has_taken_back(undo_id, charges):
            for name, process in processes.items():
                if not process.is_running:
                    continue
                os.kill(process.pid, signal.SIGSTOP)
                if watcher.is_inside(name, customer_id):
                    process.kill()
                    return True
                os.kill(process.pid, signal.SIGCONT)
        time.sleep(0.003)
    return False


def undone_by_four(app, customer_id, run_id, seed, folder):
    """Four processes undo a run at once, one of them killed; the undoing, and whether it was killed inside a chunk."""
    run = db.session.get_one(Run, run_id)
    undo_id = undoing.start_undoing(run, "Wrong prices.", by="", now=NOW).id
    db.session.commit()
    names = [f"undo-{seed}-{run_id}-{number}" for number in range(PROCESSES)]
    processes = {name: charge(app, name, folder, "--undo", str(undo_id)) for name in names}
    watcher = Watcher(app)
    try:
        hit = kill_one_that_undoes(watcher, processes, customer_id, undo_id, charges=1 + 5 * seed)
    finally:
        watcher.close()
        codes = {process.ended(PATIENCE) for process in processes.values()}
        assert codes <= {0, -signal.SIGKILL}, {p.says.read_text() for p in processes.values()}
    return undo_id, hit


def standing(customer_id):
    """What counts as posted for a customer, what it took from the balance, and where the assignments stand."""
    since = db.session.scalar(select(func.min(Assignment.id)).where(Assignment.customer_id == customer_id))
    said = [column for column in SAID if column is not Charge.number]
    lines = select((Charge.assignment_id - since).label("which"), *said).where(
        Charge.customer_id == customer_id, counts_as_posted()
    )
    entries = select(func.sum(BalanceEntry.amount)).where(BalanceEntry.customer_id == customer_id)
    return (
        sorted(map(repr, db.session.execute(lines))),
        db.session.scalar(entries) or 0,
        outcome(customer_id)[2],
    )


@pytest.mark.parametrize("seed", range(tries(2, deep=3)))
def test_undoing_a_run_killed_in_the_middle_goes_on_and_takes_nothing_back_twice(
    app, session, catalogue, seed, tmp_path
):
    for attempt in range(3):
        customer_id = a_customer_with(catalogue, f"Hit {attempt}", seed)
        before = standing(customer_id)
        run_once(customer_id)
        after = standing(customer_id)
        db.session.commit()
        run_id = db.session.scalar(select(func.max(Run.id)))
        db.session.commit()
        undo_id, hit = undone_by_four(app, customer_id, run_id, seed, tmp_path)
        if hit:
            break
    else:
        pytest.fail("the run was undone before anything could be killed")
    db.session.expire_all()
    undoing.carry_out_undoing(undo_id, TODAY, lambda: NOW)
    assert standing(customer_id) == before
    assert db.session.get_one(RunUndo, undo_id).charge_count == db.session.get_one(Run, run_id).charge_count
    assert run_once(customer_id)[1] == 0
    assert standing(customer_id) == after
