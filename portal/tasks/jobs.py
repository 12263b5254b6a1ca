"""The jobs, by name. Each can be done again, by whoever and after it was killed anywhere, and comes to the same.

A job is put down between two chunks where its worker is to stop: what was done stays, and the next worker goes on.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from flask import current_app

from portal.clock import now, today
from portal.extensions import db
from portal.models import BankStatement, Run
from portal.services import audit, notices
from portal.services.bank import exact
from portal.services.calls import importing, retention
from portal.services.calls import undoing as undo_calls
from portal.services.charges import sums
from portal.services.mail import outbox
from portal.services.moving_in import accepting, making
from portal.services.moving_in import undoing as undo_moves
from portal.services.runs import runs, shards, undoing
from portal.services.summary import sending
from portal.tasks import queue

# A worker does one job of each lane at a time: no mail waits for a long run.
LONG, QUICK = "long", "quick"

putting_down = threading.Event()


class PutDown(Exception):
    """The worker is to stop: the job goes back to the queue, and another one goes on with it."""


def between() -> None:
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
    sums.fold()


def charge_shard(run_id: int, number: int) -> None:
    """Post one shard of a run; whoever has done the last one ends the run."""
    shards.post(run_id, number, today(), now, current_app.config["RUN_CHUNK"], between)
    shards.finish_if_all(run_id, today(), now)
    sums.fold()


def undo(undo_id: int) -> None:
    """Undo a run."""
    undoing.carry_out_undoing(undo_id, today(), now, current_app.config["RUN_CHUNK"], between)
    sums.fold()


def import_calls(import_id: int) -> None:
    """Take in a file of calls."""
    importing.carry_out(import_id, today(), now, is_asked_to_stop=putting_down.is_set)
    between()


def undo_import(import_id: int) -> None:
    """Undo an import of calls."""
    undo_calls.carry_out(import_id, today(), now, is_asked_to_stop=putting_down.is_set)
    between()


def move_in(move_id: int) -> None:
    """Make what a file to move in with says."""
    making.carry_out(move_id, today(), now, is_asked_to_stop=putting_down.is_set)
    between()


def undo_move(move_id: int) -> None:
    """Take back what a file to move in with has made."""
    undo_moves.carry_out(move_id, today(), now, is_asked_to_stop=putting_down.is_set)
    between()


def book_lines(statement_id: int) -> None:
    """Book all exact lines of a bank statement, in the name of whoever has asked for it."""
    statement = db.session.get_one(BankStatement, statement_id)
    by = statement.booking_by
    with audit.acting(audit.Actor(by)):
        exact.book_exact(statement, by=by, today=today(), now=now, between=between)
        exact.end(statement_id)


def sweep() -> None:
    """Discard files that have waited too long for somebody."""
    retention.sweep(now(), current_app.config["WAITING_FILE_DAYS"])
    accepting.sweep(now(), current_app.config["WAITING_FILE_DAYS"])
    db.session.commit()


def announce() -> None:
    """Announce the charges to come."""
    notices.announce_all(today(), now, between)


def monthly_summaries() -> None:
    """Have the summaries of the month that ended last sent to those who get them by themselves, and write them."""
    sending.send_by_themselves(today(), now())
    db.session.commit()
    send_summaries()


def send_summaries() -> None:
    """Write the summaries that were asked for."""
    sending.carry_out(today(), now, between)


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
    "undo_import": Job(undo_import),
    "move_in": Job(move_in),
    "undo_move": Job(undo_move),
    "book_lines": Job(book_lines),
    "sweep": Job(sweep),
    "announce": Job(announce),
    "monthly_summaries": Job(monthly_summaries),
    "send_summaries": Job(send_summaries),
    "mail": Job(mail, QUICK),
}
