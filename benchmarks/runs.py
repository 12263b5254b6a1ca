"""Runs beside the store alone: what posting all that is due takes, and what the bare rows take, side by side.

Each portfolio is made once and copied: a run posts in one copy, and the very rows that it has posted go into another by
a statement a table (raw.py). Ratios hold from machine to machine; figures of a machine that does other work do not.
"""

import multiprocessing
import re
from calendar import monthrange
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

from benchmarks import large, raw, workers
from benchmarks.stores import POSTGRESQL, SQLITE, Place, place
from benchmarks.table import Row, duration, per_second, show
from portal.extensions import db
from portal.services import portfolio
from portal.services.portfolio.history import pay
from portal.services.runs import runs

MONTH, YEAR = timedelta(days=30), 12  # months


class Portfolio(NamedTuple):
    """What is charged: how it is called, how it is written, and the most that posting may take, of raw before."""

    name: str
    write: Callable[[int], None]
    goal: dict[str, float]


class Posted(NamedTuple):
    """Charges; seconds to simulate, to post them, and to run again with nothing due; the peak of memory in MiB."""

    charges: int
    simulate: float
    post: float
    nothing: float
    peak: float


class Figures(NamedTuple):
    """Of one portfolio in one database: what one process did, and the seconds of raw and of workers."""

    posted: Posted
    before: float
    after: float
    one: float | None
    two: float | None


def as_in_life(assignments: int) -> None:
    """A portfolio of which a month is due, for the first time."""
    portfolio.write(assignments, large.TODAY - MONTH)
    db.session.commit()


def _after_a_year(assignments: int) -> None:
    """A year of charges before the month that is posted, in a run a month, and paid."""
    months = list(_months_before(large.TODAY - MONTH, YEAR))
    portfolio.write(assignments, months[0].replace(day=1))
    db.session.commit()
    for day in months:
        _run(day)
        pay(day)
        db.session.commit()


PORTFOLIOS = (
    Portfolio("all alike", large.provider, {POSTGRESQL: 1.0, SQLITE: 1.7}),
    Portfolio("as in life", as_in_life, {POSTGRESQL: 1.5, SQLITE: 3.0}),
    Portfolio("after a year", _after_a_year, {POSTGRESQL: 1.5, SQLITE: 2.2}),
)
LEANER = {POSTGRESQL: 1.8, SQLITE: 1.25}  # raw before, at least so many times raw after
TOGETHER = 1.5  # two workers, at least so many times one


def measure(kinds: Sequence[str], assignments: int, *, history: bool) -> None:
    """Simulate and post all that is due on both databases, beside raw, for each portfolio."""
    for it in PORTFOLIOS:
        if history or it.write is not _after_a_year:
            found = {kind: _measured(kind, it, assignments) for kind in kinds}
            rows = [row for words, of in ROWS if (row := _row(words, of, found, kinds, it))]
            show(f"Runs over {assignments:,} assignments, {it.name}", ("what", *kinds, "goal"), rows)


def _measured(kind: str, it: Portfolio, assignments: int) -> Figures:
    begun = perf_counter()
    found = _measure(kind, it, assignments)
    print(f"  {kind}, {it.name}: measured in {duration(perf_counter() - begun)}", flush=True)
    return found


def _measure(kind: str, it: Portfolio, assignments: int) -> Figures:
    with place(kind, large.TODAY.isoformat()) as there:
        with there.portal("made", fresh=True):
            it.write(assignments)
            _put_in_order()
            since = raw.mark()
        copies = ["raw", *(["one", "two"] if kind == POSTGRESQL else [])]
        there.copy("made", *copies)
        posted = _in_a_process(there)
        before, after = raw.measure(there, since, "made", "raw")
        there.drop("made", "raw")
        one = two = None
        if kind == POSTGRESQL:
            one, two = (_at_work(there, name, count) for count, name in enumerate(copies[1:], 1))
        return Figures(posted, before, after, one, two)


def _at_work(there: Place, name: str, count: int) -> float:
    with there.portal(name) as app:
        took = workers.measure(app, there.folder, count)
    there.drop(name)
    return took


def _put_in_order() -> None:
    """Let the store look at what it has, and write what waits to be written."""
    driver: Any = db.session.connection().connection.driver_connection
    db.session.rollback()
    if db.engine.dialect.name == POSTGRESQL:
        driver = db.engine.raw_connection().driver_connection
        driver.autocommit = True
        driver.execute("VACUUM (ANALYZE)")
        driver.execute("CHECKPOINT")
        driver.autocommit = False
    else:
        driver.execute("ANALYZE")
        driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _months_before(day: date, count: int) -> Iterator[date]:
    """The last days of so many months, all before a day."""
    months = [day.year * 12 + day.month - 1 - back for back in range(count, 0, -1)]
    for year, month in (divmod(number, 12) for number in months):
        yield date(year, month + 1, monthrange(year, month + 1)[1])


# -- one run after the other, in a process of its own


def _in_a_process(there: Place) -> Posted:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as alone:
        return alone.submit(_simulate_and_post, there.folder, there.url("made")).result()


def _simulate_and_post(folder: Path, url: str) -> Posted:
    from tests.world import make_app

    app = make_app(folder, url, TODAY=large.TODAY.isoformat(), TESTING=False)
    with app.app_context():
        _, simulate = _run(large.TODAY, simulate=True)
        charges, post = _run(large.TODAY)
        none, nothing = _run(large.TODAY)
        assert charges and not none, (charges, none)
        db.session.remove()
        db.engine.dispose()
    return Posted(charges, simulate, post, nothing, _peak())


def _run(day: date, *, simulate: bool = False) -> tuple[int, float]:
    """A run of everyone: its charges, and how many seconds it took."""
    begun = perf_counter()
    run = runs.start(day, simulate=simulate, today=day, by="bench", now=large.NOW)
    db.session.commit()
    done = runs.carry_out(run.id, day, lambda: large.NOW)
    assert not done.failed_count, f"{done.failed_count} failed"
    return done.charge_count, perf_counter() - begun


def _peak() -> float:
    """The most memory that this process has taken, in MiB, as Linux tells it."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def post() -> int:
    """Post everything that is due."""
    return _run(large.TODAY)[0]


# -- the table


def _ratio(number: float) -> str:
    return f"{number:.2f}"


def _of_a_charge(seconds: float, charges: int) -> str:
    return f"{seconds / max(charges, 1) * 1e6:.1f} us"


ROWS: tuple[tuple[str, Callable[[Figures], str | None]], ...] = (
    ("charges", lambda it: f"{it.posted.charges:,}"),
    ("raw before", lambda it: duration(it.before)),
    ("raw after", lambda it: duration(it.after)),
    ("post", lambda it: duration(it.posted.post)),
    ("simulate", lambda it: duration(it.posted.simulate)),
    ("run again, nothing due", lambda it: duration(it.posted.nothing)),
    ("peak memory", lambda it: f"{it.posted.peak:.0f} MiB"),
    ("a charge, raw after", lambda it: _of_a_charge(it.after, it.posted.charges)),
    ("a charge, posted", lambda it: _of_a_charge(it.posted.post, it.posted.charges)),
    ("charges posted a second", lambda it: per_second(it.posted.charges, it.posted.post)),
    ("post : raw before", lambda it: _ratio(it.posted.post / it.before)),
    ("post : raw after", lambda it: _ratio(it.posted.post / it.after)),
    ("raw before : raw after", lambda it: _ratio(it.before / it.after)),
    ("simulate : post", lambda it: _ratio(it.posted.simulate / it.posted.post)),
    ("one worker", lambda it: duration(it.one) if it.one else None),
    ("two workers", lambda it: duration(it.two) if it.two else None),
    ("two workers : one, speed", lambda it: _ratio(it.one / it.two) if it.one and it.two else None),
)


def _row(
    words: str,
    of: Callable[[Figures], str | None],
    found: dict[str, Figures],
    kinds: Sequence[str],
    it: Portfolio,
) -> Row | None:
    cells = [of(found[kind]) or "" for kind in kinds]
    return (words, *cells, _goal(words, kinds, it)) if any(cells) else None


def _goal(words: str, kinds: Sequence[str], it: Portfolio) -> str:
    """What is asked for."""
    asked = {
        "post : raw before": [f"{kind} at most {it.goal[kind]}" for kind in kinds],
        "raw before : raw after": [f"{kind} at least {LEANER[kind]}" for kind in kinds],
        "two workers : one, speed": [f"at least {TOGETHER}"],
        "simulate : post": ["at most 1.0"],
        "run again, nothing due": ["under 100 ms"],
        "peak memory": ["under 500 MiB"],
    }
    return ", ".join(asked.get(words, ()))
