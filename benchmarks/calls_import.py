"""Taking in a file of calls, beside the speed of the same store: a plain loader that checks nothing.

The calls are imported from a file whose names and values leave nothing open, and from one of a layout that somebody has
described: other names, semicolons, days first, commas for points, lengths as 0:01:30.

The plain loader reads the file with the standard library, converts what it must, and puts the rows into a table
like the portal's, each call once: SQLite by executemany, PostgreSQL by COPY and one INSERT that leaves out what is
there. It is measured with no index but the one that keeps calls apart, and with all that the portal's table has.
"""

import csv
import multiprocessing
import random
import resource
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text

from benchmarks import large
from benchmarks.stores import store
from benchmarks.table import duration, per_second, show
from portal.domain.call_files.layout import DayOrder, Layout
from portal.extensions import db
from portal.services.calls import layouts

CUSTOMERS = 1_000
HEAD = "call_id,customer,did,destination,start_time,seconds,charge,cost"
DESCRIBED = "Ref;Wer;Von;Ziel;Beginn;Länge;Betrag;Einkauf"
COLUMNS = ("call_id", "customer", "did", "destination", "started_at", "seconds", "amount", "cost")
LAYOUT = Layout({name: place for place, name in enumerate(COLUMNS)}, day_order=DayOrder.DAY, decimal=",")
NAMES = (
    "customer_id, call_id, destination, started_at, day, seconds, amount, cost, covered_seconds, covered_amount, "
    "came_in_on"
)


def measure(kind: str, calls: int) -> None:
    """Take in a file of so many calls, once and again, and one that had to be described; and load it plainly."""
    with TemporaryDirectory(prefix="portal-bench-") as folder:
        path, described = Path(folder) / "calls.csv", Path(folder) / "described.csv"
        write_file(path, calls, CUSTOMERS)
        write_described(described, path)
        size = path.stat().st_size / 1e6
        with store(kind, large.TODAY.isoformat()) as app:
            large.provider(CUSTOMERS * large.OF_A_CUSTOMER)
            db.session.commit()
            url, home = app.config["SQLALCHEMY_DATABASE_URI"], str(app.config["INSTANCE"])
            plain = [_plain(kind, path, calls, indexed) for indexed in (False, True)]
            rows = [*plain]
            for words in ("import it", "import it again"):
                rows.append(_row(words, calls, *_in_a_process(url, home, path)))
        with store(kind, large.TODAY.isoformat()) as app:
            large.provider(CUSTOMERS * large.OF_A_CUSTOMER)
            layouts.remember(DESCRIBED.split(";"), LAYOUT)
            db.session.commit()
            url, home = app.config["SQLALCHEMY_DATABASE_URI"], str(app.config["INSTANCE"])
            rows.append(_row("import it as a remembered layout", calls, *_in_a_process(url, home, described)))
    show(f"{calls:,} calls ({size:.0f} MB) into {kind}", ("what", "time", "calls/s", "peak memory"), rows)


def _row(words: str, calls: int, took: float, peak: float) -> tuple[str, str, str, str]:
    return words, duration(took), per_second(calls, took), f"{peak:.0f} MiB"


def write_described(path: Path, of: Path) -> None:
    """The same calls as somebody else's switch writes them."""
    with of.open(newline="") as file, path.open("w") as out:
        out.write(DESCRIBED + "\n")
        for call_id, customer, did, destination, started, seconds, charge, cost in islice(
            csv.reader(file), 1, None
        ):
            day, clock = started.split(" ")
            when = f"{'/'.join(reversed(day.split('-')))} {clock}"
            minutes, rest = divmod(int(seconds), 60)
            out.write(
                f"{call_id};{customer};{did};{destination};{when};0:{minutes:02}:{rest:02};"
                f"{charge.replace('.', ',')};{cost.replace('.', ',')}\n"
            )


def write_file(path: Path, calls: int, customers: int) -> None:
    """A file of calls of many customers, spread over three weeks."""
    chosen = random.Random(7)
    begin = datetime(2026, 11, 1, tzinfo=UTC)
    with path.open("w") as file:
        file.write(HEAD + "\n")
        for number in range(calls):
            customer = chosen.randrange(customers) + 1
            started = begin + timedelta(seconds=chosen.randrange(21 * 86_400))
            seconds = chosen.randrange(1, 1800)
            file.write(
                f"c{number}-{chosen.getrandbits(32):08x}@sip.example,Customer {customer},,"
                f"4420{chosen.randrange(10**8):08},{started:%F %T},{seconds},"
                f"{seconds * 0.0002:.6f},{seconds * 0.0001:.6f}\n"
            )


# -- the portal


def _in_a_process(url: str, instance: str, path: Path) -> tuple[float, float]:
    """The import in a process of its own: seconds, and its peak memory in MiB."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as processes:
        return processes.submit(_import, url, instance, str(path)).result()


def _import(url: str, instance: str, path: str) -> tuple[float, float]:
    from portal.services.calls import importing
    from tests.world import make_app

    app = make_app(Path(instance).parent, url, TESTING=False)
    with app.app_context():
        begun = perf_counter()
        with open(path, "rb") as file:
            import_ = importing.accept(file, "calls.csv", replaces=False, by="bench", now=large.NOW)
        db.session.commit()
        done = importing.carry_out(import_.id, large.TODAY, lambda: large.NOW, ZoneInfo("UTC"))
        took = perf_counter() - begun
        assert done.state == "done" and not done.bad_count, (done.state, done.bad_count)
    return took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# -- the plain loader


def _plain(kind: str, path: Path, calls: int, indexed: bool) -> tuple[str, str, str, str]:
    """The same file into an empty table like the portal's, with nothing checked, and gone again."""
    ids = {f"Customer {number + 1}": number + 1 for number in range(CUSTOMERS)}
    began = perf_counter()
    raw: Any = db.session.connection().connection.driver_connection
    (_load_postgresql if kind == "postgresql" else _load_sqlite)(raw, path, ids, indexed)
    db.session.commit()
    took = perf_counter() - began
    db.session.execute(text("DROP TABLE plain_call"))
    db.session.commit()
    words = "plain loader, all indexes" if indexed else "plain loader, one index"
    return words, duration(took), per_second(calls, took), ""


def _rows(path: Path, ids: dict[str, int]) -> Iterator[tuple[Any, ...]]:
    with path.open(newline="") as file:
        reader = csv.reader(file)
        next(reader)
        for call_id, customer, _, destination, started, seconds, charge, cost in reader:
            yield (
                ids[customer], call_id, destination, started, started[:10], int(seconds),
                round(float(charge) * 1e6), round(float(cost) * 1e6), 0, 0, "2026-11-22",
            )  # fmt: skip


def _load_sqlite(raw: Any, path: Path, ids: dict[str, int], indexed: bool) -> None:
    ((made,),) = raw.execute("SELECT sql FROM sqlite_master WHERE name = 'call'")
    raw.execute(made.replace("call", "plain_call", 1) if indexed else _bare("text", "text"))
    if indexed:
        for (index,) in raw.execute(
            "SELECT sql FROM sqlite_master WHERE tbl_name='call' AND sql LIKE 'CREATE INDEX%'"
        ).fetchall():
            raw.execute(
                index.replace("ix_call", "ix_plain_call")
                .replace("ON call", "ON plain_call")
                .replace('ON "call"', "ON plain_call")
            )
    raw.executemany(
        f"INSERT OR IGNORE INTO plain_call ({NAMES}) VALUES (?,?,?,?,?,?,?,?,?,?,?)", _rows(path, ids)
    )


def _load_postgresql(raw: Any, path: Path, ids: dict[str, int], indexed: bool) -> None:
    with raw.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE plain_call (LIKE call INCLUDING ALL)" if indexed else _bare("timestamptz", "date")
        )
        cursor.execute(f"CREATE TEMP TABLE plain_stage ON COMMIT DROP AS SELECT {NAMES} FROM plain_call")
        with cursor.copy(f"COPY plain_stage ({NAMES}) FROM STDIN") as copy:
            for row in _rows(path, ids):
                copy.write_row(row)
        cursor.execute(
            f"INSERT INTO plain_call ({NAMES}) SELECT {NAMES} FROM plain_stage ON CONFLICT DO NOTHING"
        )


def _bare(instant: str, day: str) -> str:
    return (
        "CREATE TABLE plain_call (customer_id bigint, call_id text, destination text, "
        f"started_at {instant}, day {day}, seconds int, amount bigint, cost bigint, covered_seconds int, "
        f"covered_amount bigint, came_in_on {day}, UNIQUE (customer_id, call_id))"
    )
