"""Customers divided between two PostgreSQL servers, either of which is killed at random.

    python -m tests.two_servers [--kills N] [--seed N]

Each server has the whole schema and the customers that are its own (tests/distribution.py), two workers, and somebody
who runs `portal charge`. Each run is a run on either server, and knows of no other. Workers, those commands and the
servers are ended by SIGKILL, again and again, until so many (40) were; then both must have charged what one server with
all customers charges. A third database reads across with postgres_fdw, and can change nothing: its sums and lists must
be those of the one server. Exits 1 where something is amiss.

It needs a PostgreSQL with postgres_fdw, which Debian's has (apt install postgresql) and the tests' own has not.
"""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date, timedelta
from pathlib import Path
from random import Random

from flask import Flask
from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError

from portal.domain.money import MICROS
from portal.extensions import db
from portal.models import Customer
from portal.services import portfolio
from portal.services.portfolio import fill
from portal.services.runs import runs
from portal.tasks import queue
from tests import chaos, distribution, postgresql
from tests.trade import BEN, NOW

SERVERS, WORKERS, KILLS = 2, 2, 40
ASSIGNMENTS, CALLS = 400, 2_000
EXTENSION = "postgres_fdw"
READ = ("charge", "balance_entry", "customer", "open_item")
QUESTIONS = {
    "sums": "SELECT currency, count(*), sum(amount), sum(cost), sum(tax) FROM charge "
    "GROUP BY currency ORDER BY currency",
    "what is open": "SELECT count(*), sum(amount) FROM open_item",
    "the lowest balances": "SELECT customer_id, sum(amount) FROM balance_entry "
    "GROUP BY customer_id ORDER BY 2, 1 LIMIT 20",
    "the newest charges": "SELECT charge.charge_on, charge.assignment_id, charge.kind, charge.amount, customer.name "
    "FROM charge JOIN customer ON customer.id = charge.customer_id "
    "ORDER BY charge.charge_on DESC, charge.assignment_id, charge.kind, charge.number LIMIT 50",
}
CHANGES = (
    "UPDATE server_{number}.customer SET name = 'x'",
    "DELETE FROM server_{number}.open_item",
    "INSERT INTO server_{number}.open_item SELECT * FROM server_{number}.open_item",
)


def programs() -> Path | None:
    """The programs of a PostgreSQL that can read across; None where this machine has none."""
    return postgresql.programs_with(EXTENSION)


@contextmanager
def servers(folder: Path, at: Path, count: int = SERVERS) -> Iterator[list[str]]:
    """So many servers, each in a folder of its number: their URLs."""
    with ExitStack() as stack:
        homes = [folder / str(number) for number in range(count)]
        for home in homes:
            home.mkdir()
        yield [stack.enter_context(postgresql.own_server(home, at)) for home in homes]


def divide(whole: Flask, parts: Sequence[Flask]) -> None:
    """Give each of the databases its customers of the whole one."""
    with whole.app_context(), db.engine.connect() as source:
        for number, part in enumerate(parts):
            with part.app_context(), db.engine.begin() as target:
                distribution.give(source, target, number, len(parts))


def write_the_whole() -> None:
    """Customers with all that a portfolio has, and calls that count for their minimum spends."""
    portfolio.write(ASSIGNMENTS, chaos.FIRST)
    customers = db.session.query(Customer.id).order_by(Customer.id).all()
    random = Random(CALLS)
    begun = [NOW - timedelta(hours=random.randrange(16_000)) for _ in range(CALLS)]
    names = "customer_id call_id started_at day destination seconds amount covered_seconds covered_amount came_in_on"
    calls = (
        (
            random.choice(customers)[0], f"c{number}", at, at.date(), "442079460999", 60, random.randrange(90) * MICROS,
            0, 0, at.date(),
        )
        for number, at in enumerate(begun)
    )  # fmt: skip
    fill("call", names.split(), calls)
    db.session.commit()


# -- killed


class OfOne(chaos.Chaos):
    """One server's portal, its workers, and who kills them."""

    def hand_on(self) -> None:
        """A run."""
        run = runs.start(self.through, simulate=False, today=chaos.TODAY, by=BEN, now=NOW)
        queue.enqueue("charge", run_id=run.id)
        db.session.commit()

    def begin_what_can_be(self) -> None:
        """The next round, where the last one is over."""
        if not self.is_at_work() and self.through + chaos.STEP <= chaos.TODAY:
            self.hand_on_a_round()

    def go_on_through(self, day: date) -> None:
        """Round after round, in peace."""
        self.come_to_rest()
        while self.through < day:
            self.hand_on_a_round()
            self.come_to_rest()


def kill(portals: Sequence[OfOne], kills: int, random: Random) -> None:
    """Let all of them work, and one of them at a time be killed in some part; in the end all have come equally far."""
    while sum(sum(portal.kills.values()) for portal in portals) < kills:
        for portal in portals:
            with portal.app.app_context():
                portal.begin_what_can_be()
        fewest = min(sum(portal.kills.values()) for portal in portals)
        chosen = random.choice([portal for portal in portals if sum(portal.kills.values()) == fewest])
        with chosen.app.app_context():
            chosen.wait_for_work()
            chosen.kill_somebody()
        for portal in portals:
            portal.keep_up()
    last = max(portal.through for portal in portals)
    for portal in portals:
        with portal.app.app_context():
            portal.go_on_through(last)
            portal.come_to_an_end()


def undisturbed(last: date) -> None:
    """The same runs of all customers in one database, with nobody else there."""
    through = chaos.FIRST
    while through < last:
        through += chaos.STEP
        run = runs.start(through, simulate=False, today=chaos.TODAY, by=BEN, now=NOW)
        db.session.commit()
        runs.carry_out(run.id, chaos.TODAY, lambda: NOW)


# -- read across


def read_across(across: Connection, urls: Sequence[str]) -> None:
    """Let a database see the tables of others as one, by a user who may only read."""
    across.execute(text(f"CREATE EXTENSION {EXTENSION}"))
    for number, url in enumerate(urls):
        given = make_url(url)
        engine = create_engine(url)
        with engine.begin() as other:
            other.execute(text("CREATE ROLE reader LOGIN"))
            other.execute(text("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader"))
        engine.dispose()
        for statement in (
            f"CREATE SERVER server_{number} FOREIGN DATA WRAPPER {EXTENSION} OPTIONS "
            f"(host '{given.query['host']}', dbname '{given.database}', updatable 'false', use_remote_estimate 'true')",
            f"CREATE USER MAPPING FOR CURRENT_USER SERVER server_{number} OPTIONS (user 'reader')",
            f"CREATE SCHEMA server_{number}",
            f"IMPORT FOREIGN SCHEMA public LIMIT TO ({', '.join(READ)}) FROM SERVER server_{number} "
            f"INTO server_{number}",
        ):
            across.execute(text(statement))
    for table in READ:
        parts = " UNION ALL ".join(f"SELECT * FROM server_{number}.{table}" for number in range(len(urls)))
        across.execute(text(f"CREATE VIEW {table} AS {parts}"))
    across.commit()


@contextmanager
def reader(server_url: str) -> Iterator[Connection]:
    """A connection to a new database of a server, which has no table of its own."""
    chaos.make_database(server_url, "reader")
    engine = create_engine(make_url(server_url).set(database="reader"))
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def answers(connection: Connection) -> dict[str, list[str]]:
    """The answers to QUESTIONS."""
    return {name: list(map(repr, connection.execute(text(query)))) for name, query in QUESTIONS.items()}


def changed_across(across: Connection) -> list[str]:
    """The statements that changed another database, though they should not."""
    found = []
    for number in range(SERVERS):
        for change in CHANGES:
            statement = change.format(number=number)
            try:
                across.execute(text(statement))
                found.append(f"this was let through: {statement}")
            except DBAPIError:
                pass
            finally:
                across.rollback()
    return found


# -- all of it


def two_servers(folder: Path, at: Path, kills: int, seed: int, say: Callable[[str], None]) -> list[str]:
    """What is amiss after so many kills, a sentence each."""
    random = Random(seed)
    with servers(folder, at) as urls, ExitStack() as stack:
        whole = stack.enter_context(chaos.an_empty_portal(folder, urls[0], "whole"))
        write_the_whole()
        parts = []
        for number, url in enumerate(urls):
            (folder / f"part-{number}").mkdir()
            parts.append(stack.enter_context(chaos.an_empty_portal(folder / f"part-{number}", url, "part")))
        divide(whole, parts)
        portals = [
            OfOne(part, folder / f"part-{number}", folder / str(number) / "data", random, say, at, WORKERS)
            for number, part in enumerate(parts)
        ]
        try:
            kill(portals, kills, random)
        finally:
            for portal in portals:
                for process in [*portal.workers, *filter(None, [portal.foreground])]:
                    process.kill()
        say(f"killed: {[portal.kills for portal in portals]}")
        found, together = [], {}
        for part in parts:
            with part.app_context():
                found += chaos.left_undone()
                for name, rows in chaos.outcome().items():
                    together[name] = sorted(together.get(name, []) + rows)
        across = stack.enter_context(reader(urls[0]))
        with whole.app_context():
            undisturbed(portals[0].through)
            found += chaos.differing(together, chaos.outcome())
            read_across(across, [part.config["SQLALCHEMY_DATABASE_URI"] for part in parts])
            found += chaos.differing(answers(across), answers(db.session.connection()))
            found += changed_across(across)
        say(f"{len(together['charges'])} charges")
    return found


def main() -> bool:
    """Whether anything is amiss."""
    wanted = argparse.ArgumentParser(description="Two PostgreSQL servers, and either killed at random.")
    wanted.add_argument("--kills", type=int, default=KILLS, help=f"how many ({KILLS})")
    wanted.add_argument("--seed", type=int, default=1, help="of chance (1)")
    given = wanted.parse_args()
    if (at := programs()) is None:
        wanted.error(f"there is no PostgreSQL with {EXTENSION} here (Debian: apt install postgresql)")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever ends it early leaves nothing behind
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="portal-servers-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        found = two_servers(folder, at, given.kills, given.seed, lambda what: print(what, flush=True))
        for sentence in found:
            print(f"-- {sentence}")
        if found:
            print(*(path.read_text()[-3_000:] for path in sorted(folder.rglob("*.txt"))), sep="\n\n")
    print(f"{len(found)} amiss, in {time.monotonic() - began:.0f} s")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
