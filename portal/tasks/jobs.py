"""The jobs, by name. Each can be done again, by whoever and after it was killed anywhere, and comes to the same.

A job is put down between two chunks where its worker is to stop: what was done stays, and the next worker goes on.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from flask import current_app

from portal.clock import now, today
from portal.extensions import db
from portal.models import Run
from portal.services import notices
from portal.services.calls import importing
from portal.services.mail import outbox
from portal.services.runs import runs, shards, undoing
from portal.tasks import queue

# A worker does one job of each lane at a time: no mail waits for a long run.
LONG, QUICK = "long", "quick"

putting_down = threading.Event()


class PutDown(Exception):
    """The worker is to stop: the job goes back to the queue, and another one goes on with it."""


def between(*_: object) -> None:
    """Between two chunks. Raises PutDown where the worker is to stop."""
    if putting_down.is_set():
        raise PutDown


def charge(run_id: int) -> None:
    """Carry out a run; one of several shards is handed on shard by shard."""
    run = db.session.get_one(Run, run_id)
    if not run.simulate:
        numbers = runs.begin(run, today(), now)
        if len(numbers) > 1:
            for number in numbers:
                queue.enqueue("charge_shard", run_id=run_id, number=number)
            db.session.commit()
            return
        db.session.commit()
    runs.carry_out(run_id, today(), now, current_app.config["RUN_CHUNK"], between)


def charge_shard(run_id: int, number: int) -> None:
    """Post one shard of a run; whoever has done the last one ends the run."""
    shards.post(run_id, number, today(), now, current_app.config["RUN_CHUNK"], between)
    shards.finish_if_all(run_id, today(), now)


def undo(undo_id: int) -> None:
    """Undo a run."""
    undoing.carry_out_undoing(undo_id, today(), now, current_app.config["RUN_CHUNK"], between)


def import_calls(import_id: int) -> None:
    """Take in a file of calls."""
    importing.carry_out(import_id, today(), now, say=between)


def announce() -> None:
    """Announce the charges to come."""
    notices.announce_all(today(), now, between)


def mail() -> None:
    """Send what is due in the outbox."""
    outbox.send_all(now, between)


@dataclass(frozen=True, slots=True)
class Job:
    """What a job does, and in which lane."""

    work: Callable[..., None]
    lane: str = LONG


JOBS = {
    "charge": Job(charge),
    "charge_shard": Job(charge_shard),
    "undo": Job(undo),
    "import_calls": Job(import_calls),
    "announce": Job(announce),
    "mail": Job(mail, QUICK),
}
