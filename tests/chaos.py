"""Workers, a foreground run and the database are killed at random while runs and imports go on: `make chaos`.

    python -m tests.chaos [--kills N] [--seed N]

Four workers carry out runs and imports that pages have handed on, beside `portal charge` in the foreground, on a
PostgreSQL of their own. All of them are ended by SIGKILL, again and again, until so many (100) were. Then everything is
let come to its end and compared with the same runs and imports in a database in which nothing was disturbed: every
charge is there once, every balance adds up, no entry was made twice, and no job is lost, stuck or failed. Exits 1 where
something is amiss.
"""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from flask import Flask
from sqlalchemy import create_engine, func, make_url, select, text
from sqlalchemy.exc import DBAPIError

from portal.database import upgrade
from portal.domain.schedule import Frequency
from portal.extensions import db
from portal.models import BalanceEntry, Call, CallImport, Charge, EntrySource, ImportState, Run, RunState
from portal.services.calls import importing
from portal.services.runs import runs, shards
from portal.tasks import queue
from tests import postgresql, world
from tests.calling import HEAD
from tests.processes import Command, in_a_hurry
from tests.trade import BEN, NOW, a_customer, a_package, assigned

WORKERS, KILLS = 4, 100
CUSTOMERS, EACH = 40, 12
FIRST, TODAY, STEP = date(2025, 1, 6), date(2026, 11, 22), timedelta(days=28)
LINES = 24_000  # three blocks
PATIENCE = 240  # seconds without anything coming to its end
SETTLES = 30  # seconds after which all that was killed is made up for
Answer = TypeVar("Answer")


def small_and_quick() -> None:
    """So few assignments are still shared by all workers, and what was killed is soon made up for."""
    shards.SHARD = 40
    in_a_hurry()


def app_on(folder: Path, server_url: str, name: str) -> Flask:
    """An application on a database of a server."""
    url = make_url(server_url).set(database=name).render_as_string(hide_password=False)
    return world.make_app(folder, url, TODAY=TODAY.isoformat())


def make_database(server_url: str, name: str) -> None:
    """A new, empty database of a server."""
    engine = create_engine(server_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        # A server that is killed keeps what was committed, as one in earnest does.
        connection.execute(text(f"ALTER DATABASE {name} SET synchronous_commit = on"))
    engine.dispose()


@contextmanager
def an_empty_portal(folder: Path, server_url: str, name: str) -> Iterator[Flask]:
    """An application on a new database of a server."""
    make_database(server_url, name)
    app = app_on(folder, server_url, name)
    upgrade(app)
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


@contextmanager
def a_portal(folder: Path, server_url: str, name: str) -> Iterator[Flask]:
    """An application on a new database of a server, with customers and what they are charged for."""
    with an_empty_portal(folder, server_url, name) as app:
        packages = [
            a_package("Trunk", "24.50", match=(1,)),
            a_package("Seat", "7.50", match=(15, 31)),
            a_package("Watch", "1.25", frequency=Frequency.WEEKLY, match=(1, 4)),
        ]
        for number in range(CUSTOMERS):
            customer = a_customer(f"Customer {number}")
            for _ in range(EACH // len(packages)):
                for package in packages:
                    assigned(package, customer, FIRST)
        db.session.commit()
        yield app


class Chaos:
    """One portal, its workers, and who kills them."""

    def __init__(
        self,
        app: Flask,
        folder: Path,
        data: Path,
        random: Random,
        say: Callable[[str], None],
        programs: Path | None = None,
        workers: int = WORKERS,
    ) -> None:
        self.app, self.folder, self.data, self.random, self.say = app, folder, data, random, say
        self.programs = programs or postgresql.binaries(folder)
        self.environment = {
            "PORTAL_DATABASE_URL": app.config["SQLALCHEMY_DATABASE_URI"],
            "PORTAL_INSTANCE": str(app.config["INSTANCE"]),
            "PORTAL_TODAY": TODAY.isoformat(),
            "PORTAL_RUN_CHUNK": "5",
            "PORTAL_CHARGE_AT": "",
            "PORTAL_NOTICES_AT": "",
        }
        self.workers = [self._worker(number) for number in range(workers)]
        self.foreground: Command | None = None
        self.through, self.done = FIRST, 0
        self.kills: dict[str, int] = {"worker": 0, "run in the foreground": 0, "database": 0}

    def _worker(self, number: int) -> Command:
        return Command(["worker"], self.environment, self.folder / f"worker-{number}.txt", small_and_quick)

    def go_on(self, kills: int) -> None:
        """Round after round of work, until so many were killed; then what is left of it, in peace."""
        while sum(self.kills.values()) < kills:
            if not self.is_at_work() and self.through + STEP <= TODAY:
                self.hand_on_a_round()
            self.wait_for_work()
            self.kill_somebody()
            self.keep_up()
        self.come_to_an_end()

    def wait_for_work(self) -> None:
        """Until something was done since the last kill, and a moment more: nobody is killed who has only begun."""
        until = time.monotonic() + SETTLES
        before = self.done
        while (done := asked(work_done)) == before and time.monotonic() < until:
            self.keep_up()
            time.sleep(0.1)
        self.done = done
        time.sleep(self.random.uniform(0, 1))

    def hand_on_a_round(self) -> None:
        """Some work, as pages hand it on, and a run in the foreground for the same days."""
        self.through += STEP
        self.say(f"up to {self.through}; killed so far: {self.kills}")
        self.hand_on()
        self.charge()

    def hand_on(self) -> None:
        """A run and an import."""
        hand_on(self.app, self.folder, self.through)

    def charge(self) -> None:
        """Somebody posts what is due by hand, beside the workers."""
        if self.foreground is None or not self.foreground.is_running:
            arguments = ["charge", "--date", self.through.isoformat()]
            says = self.folder / "charge.txt"
            self.foreground = Command(arguments, self.environment, says, small_and_quick)

    def kill_somebody(self) -> None:
        """By chance: each kind once, and then mostly a worker."""
        once = [what for what, times in self.kills.items() if not times]
        what = self.random.choice(once) if once else self.random.choices(list(self.kills), (6, 2, 1))[0]
        if what == "worker":
            self.random.choice(self.workers).kill()
        elif what == "database":
            postgresql.kill(self.data)
            time.sleep(self.random.uniform(0.1, 2))
            postgresql.begin(self.programs, self.data)
        elif self.foreground is None or not self.foreground.is_running:
            self.charge()
            return
        else:
            self.foreground.kill()
        self.kills[what] += 1

    def keep_up(self) -> None:
        """Start those again that have ended, as whoever supervises them does."""
        for number, worker in enumerate(self.workers):
            if not worker.is_running:
                self.workers[number] = self._worker(number)

    def is_at_work(self) -> bool:
        """Whether a job waits or is being done."""
        jobs = text("SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')")
        return bool(asked(lambda: db.session.scalar(jobs)))

    def come_to_rest(self) -> None:
        """Let the jobs that are left be done."""
        until = time.monotonic() + PATIENCE
        while self.is_at_work() and time.monotonic() < until:
            self.keep_up()
            time.sleep(0.1)

    def come_to_an_end(self) -> None:
        """Let the jobs that are left be done, and stop the workers."""
        self.come_to_rest()
        if self.foreground is not None:
            self.foreground.ended(PATIENCE)
        told = [
            worker for worker in self.workers if worker.is_running
        ]  # the last one killed may not be back yet
        for worker in told:
            worker.stop()
        codes = [worker.ended(60) for worker in told]
        assert codes == [0] * len(told), f"a worker that was told to stop ended with {codes}"


def work_done() -> int:
    """A number that grows with every chunk."""
    assignments, lines = select(func.sum(Run.done_count)), select(func.sum(CallImport.lines_done))
    return (db.session.scalar(assignments) or 0) + (db.session.scalar(lines) or 0)


def asked(question: Callable[[], Answer]) -> Answer:
    """An answer, in a transaction of its own."""
    for attempt in range(5):
        try:
            return question()
        except DBAPIError:
            if attempt == 4:
                raise
            time.sleep(0.5)
        finally:
            with suppress(DBAPIError):
                db.session.rollback()
    raise AssertionError("unreachable")


def hand_on(app: Flask, folder: Path, through: date) -> tuple[int, int]:
    """A run up to a day and a file of that day's calls, both handed on: their numbers."""
    file = folder / f"{app.name}-{through}.csv"
    with open(file, "w") as out:
        out.write(f"{HEAD}\n")
        for number in range(LINES):
            who, when = number % CUSTOMERS, f"{through - timedelta(days=number % 3)} 10:00"
            out.write(f"{through}-{number},Customer {who},,442079460999,{when},60,0.05,0.01\n")
    run = runs.start(through, simulate=False, today=TODAY, by=BEN, now=NOW)
    with file.open("rb") as opened:
        import_ = importing.accept(opened, file.name, replaces=False, by=BEN, now=NOW)
    queue.enqueue("charge", run_id=run.id)
    queue.enqueue("import_calls", import_id=import_.id)
    db.session.commit()
    return run.id, import_.id


def undisturbed(app: Flask, folder: Path, last: date) -> None:
    """The same work, with nobody else there."""
    through = FIRST
    while through < last:
        through += STEP
        run_id, import_id = hand_on(app, folder, through)
        runs.carry_out(run_id, TODAY, lambda: NOW)
        importing.carry_out(import_id, TODAY, lambda: NOW)


def outcome() -> dict[str, Any]:
    """All that runs and imports leave behind."""
    sums = (func.sum(BalanceEntry.amount), func.count())
    of_calls = (BalanceEntry.customer_id, BalanceEntry.for_day, *sums)
    queries = {
        "charges": select(
            Charge.assignment_id, Charge.kind, Charge.charge_on, Charge.period_from, Charge.number, Charge.amount,
            Charge.tax,
        ),
        "entries of charges": select(Charge.assignment_id, Charge.charge_on, *sums)
        .join(BalanceEntry, BalanceEntry.charge_id == Charge.id)
        .group_by(Charge.id),
        "entries of calls": select(*of_calls)
        .where(BalanceEntry.source == EntrySource.CALLS)
        .group_by(BalanceEntry.customer_id, BalanceEntry.for_day),
        "balances": select(BalanceEntry.customer_id, *sums).group_by(BalanceEntry.customer_id),
        "calls": select(Call.customer_id, Call.day, func.count(), func.sum(Call.amount)).group_by(
            Call.customer_id, Call.day
        ),
    }  # fmt: skip
    return {name: sorted(map(repr, db.session.execute(query))) for name, query in queries.items()}


def differing(found: dict[str, Any], calm: dict[str, Any]) -> list[str]:
    """What came out otherwise than undisturbed, a sentence each."""
    return [
        f"{name}: {len(rows)}, undisturbed {len(calm[name])}; such as {sorted(set(rows) ^ set(calm[name]))[:2]}"
        for name, rows in found.items()
        if rows != calm[name]
    ]


def left_undone() -> list[str]:
    """The jobs and runs that came to no end, and reports that are wrong, a sentence each."""
    jobs = text("SELECT status::text || ' ' || task_name || ' ' || args::text FROM procrastinate_jobs")
    found = [f"a job is left: {job}" for job in db.session.scalars(jobs)]
    mine = select(Run).where(Run.started_by == BEN)
    found += [
        f"run {run.id} is {run.state}" for run in db.session.scalars(mine) if run.state != RunState.DONE
    ]
    counted = db.session.scalar(select(func.sum(Run.charge_count)))
    if counted != (posted := db.session.scalar(select(func.count(Charge.id)))):
        found.append(f"the runs report {counted} charges, and there are {posted}")
    return found


def amiss(calm: dict[str, Any]) -> list[str]:
    """What is wrong with the disturbed database, a sentence each."""
    found = differing(outcome(), calm) + left_undone()
    for import_ in db.session.scalars(select(CallImport)):
        if (import_.state, import_.taken_count) != (ImportState.DONE, LINES):
            found.append(
                f"import {import_.id} is {import_.state}, with {import_.taken_count} calls of {LINES}"
            )
    return found


def chaos(folder: Path, kills: int, seed: int, say: Callable[[str], None]) -> list[str]:
    """What is amiss after so many kills, a sentence each."""
    home = folder / "pg"
    home.mkdir()
    with postgresql.own_server(home) as server_url:
        with a_portal(folder, server_url, "disturbed") as app:
            it = Chaos(app, folder, home / "data", Random(seed), say)
            try:
                it.go_on(kills)
            finally:
                for process in [*it.workers, *filter(None, [it.foreground])]:
                    process.kill()
            say(f"killed: {it.kills}")
        with a_portal(folder, server_url, "calm") as app:
            undisturbed(app, folder, it.through)
            calm = outcome()
        with world.make_app(
            folder, make_url(server_url).set(database="disturbed").render_as_string(False)
        ).app_context():
            found = amiss(calm)
            db.session.remove()
            db.engine.dispose()
    return found


def main() -> bool:
    """Whether anything is amiss."""
    wanted = argparse.ArgumentParser(
        description="Workers, a foreground run and the database, killed at random."
    )
    wanted.add_argument("--kills", type=int, default=KILLS, help=f"how many ({KILLS})")
    wanted.add_argument("--seed", type=int, default=1, help="of chance (1)")
    given = wanted.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever ends it early leaves nothing behind
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="portal-chaos-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        found = chaos(folder, given.kills, given.seed, lambda what: print(what, flush=True))
        for sentence in found:
            print(f"-- {sentence}")
        if found:
            print(*(path.read_text()[-3_000:] for path in sorted(folder.glob("*.txt"))), sep="\n\n")
    print(f"{len(found)} amiss, in {time.monotonic() - began:.0f} s")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
