"""Workers at work on one run: processes as in production, which take its shards from the queue."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask

from benchmarks import large
from portal.extensions import db
from portal.models import Run, RunState
from portal.services.runs import runs
from portal.tasks import queue
from tests.processes import Command

PATIENCE = 4 * 3600
LANES = 2  # of each worker


@contextmanager
def workers(app: Flask, folder: Path, count: int) -> Iterator[None]:
    """So many workers, ready for work; told to stop at the end."""
    environment = {
        "PORTAL_DATABASE_URL": app.config["SQLALCHEMY_DATABASE_URI"],
        "PORTAL_INSTANCE": str(app.config["INSTANCE"]),
        "PORTAL_TODAY": large.TODAY.isoformat(),
        "PORTAL_CHARGE_AT": "",
        "PORTAL_NOTICES_AT": "",
    }
    at_work = [Command(["worker"], environment, folder / f"worker-{n}.txt") for n in range(count)]
    try:
        _until(lambda: queue.count_workers() >= LANES * count)
        yield
    finally:
        for worker in at_work:
            worker.stop()
        for worker in at_work:
            worker.ended(60)


def hand_on() -> int:
    """A run of all that is due, in the queue: its number."""
    run = runs.start(large.TODAY, simulate=False, today=large.TODAY, by="bench", now=large.NOW)
    queue.enqueue("charge", run_id=run.id)
    db.session.commit()
    return run.id


def ended(run_id: int) -> Run:
    """The run, once it has ended."""
    _until(lambda: db.session.get_one(Run, run_id).state != RunState.RUNNING)
    run = db.session.get_one(Run, run_id)
    assert run.state == RunState.DONE and not run.failed_count, (run.state, run.failed_count)
    return run


def _until(is_so: Any) -> None:
    until = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < until, "no worker comes to an end"
        time.sleep(0.02)
        db.session.rollback()


def measure(app: Flask, folder: Path, count: int) -> float:
    """Seconds from handing a run of all that is due on, until so many workers have posted it."""
    with workers(app, folder, count):
        begun = time.perf_counter()
        ended(hand_on())
        return time.perf_counter() - begun
