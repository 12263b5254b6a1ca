"""Runs over a large portal: planning, simulating and posting all that is due, beside the speed of the bare store."""

from collections.abc import Callable
from datetime import timedelta
from itertools import count
from time import perf_counter

from sqlalchemy import func, insert, select

from benchmarks import large
from benchmarks.stores import store
from benchmarks.table import duration, per_second, show
from portal.extensions import db
from portal.models import Charge
from portal.models.raw_tables import CHARGE
from portal.services import chunks, portfolio
from portal.services.billing import planning
from portal.services.runs import runs

MONTH = timedelta(days=30)


def measure(kind: str, assignments: int) -> None:
    """Plan, simulate and post all that is due, of a portfolio where all is alike and of one that is as in life."""
    _measure(kind, assignments, "each with setup and a first period", large.provider)
    _measure(kind, assignments, "as in life, a month of charges", _as_in_life)


def _as_in_life(assignments: int) -> None:
    portfolio.write(assignments, large.TODAY - MONTH)
    db.session.commit()


def _measure(kind: str, assignments: int, words: str, write: Callable[[int], None]) -> None:
    with store(kind, large.TODAY.isoformat()):
        begun = perf_counter()
        write(assignments)
        rows = [("write the provider", f"{assignments:,}", duration(perf_counter() - begun), "")]
        for what, act in (("plan", _plan), ("simulate", _simulate), ("post", post)):
            begun = perf_counter()
            charges = act()
            took = perf_counter() - begun
            rows.append((what, f"{charges:,} charges", duration(took), per_second(charges, took)))
        rows.append(_bare(db.session.scalar(select(func.count()).select_from(Charge)) or 0))
    show(f"Runs on {kind}: {assignments:,} assignments, {words}", ("what", "of", "time", "charges/s"), rows)


def _plan() -> int:
    ids = planning.due_ids(large.TODAY)
    charges = 0
    for chunk in chunks.in_chunks(ids):
        charges += sum(
            len(worked.due.charges) for worked in planning.work_out(chunk, large.TODAY, large.TODAY)
        )
    db.session.rollback()
    return charges


def _simulate() -> int:
    return _run(simulate=True)


def post() -> int:
    """Post everything that is due."""
    return _run(simulate=False)


def _run(*, simulate: bool) -> int:
    today = large.TODAY
    run = runs.start(today, simulate=simulate, today=today, by="bench", now=large.NOW)
    db.session.commit()
    return runs.carry_out(run.id, today, lambda: large.NOW).charge_count


def _bare(charges: int) -> tuple[str, str, str, str]:
    """As many rows copied from one another by one plain insert a row: what the store can do."""
    rows = [dict(row) for row in db.session.execute(select(CHARGE).limit(charges)).mappings()]
    ids = count(10_000_000)
    for row in rows:
        number = next(ids)
        row.update(id=number, number=number)
    begun = perf_counter()
    db.session.execute(insert(CHARGE), rows)
    db.session.commit()
    took = perf_counter() - begun
    return (
        "the bare store: insert them",
        f"{len(rows):,} charges",
        duration(took),
        per_second(len(rows), took),
    )
