"""Handing jobs on, in the transaction that they follow from: rolled back, they were never handed on."""

import json
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import event, text
from sqlalchemy.orm import Session, SessionTransaction

from portal.extensions import db
from portal.tasks import processes

if TYPE_CHECKING:
    from procrastinate import App
    from procrastinate.connector import BaseConnector

# Seconds between two signs of life of a worker, and after how many without one its jobs are taken up by others.
HEARTBEAT, SILENT = 3, 12
TO_START, MAIL_WAITS = "processes to start", "mail waits"

Wrap = Callable[[Callable[..., None]], Callable[..., None]]


def is_there() -> bool:
    """Whether there is a queue: on PostgreSQL."""
    return db.engine.dialect.name == "postgresql"


def enqueue(name: str, **arguments: int) -> None:
    """Hand a job on; one that waits to be begun already is not handed on twice.

    Without a queue its command is started once the transaction is committed.
    """
    if not is_there():
        db.session.connection()  # a transaction in which nothing happened is not rolled back either
        db.session().info.setdefault(TO_START, []).append((name, arguments))
        return
    query = text(
        "SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo' AND task_name = :name"
        " AND args = CAST(:arguments AS jsonb) AND (scheduled_at IS NULL OR scheduled_at <= now())"
    )
    which = {"name": name, "arguments": json.dumps(arguments)}
    # What failed before is made good by it.
    db.session.execute(
        text(
            "DELETE FROM procrastinate_jobs WHERE status = 'failed' AND task_name = :name"
            " AND args = CAST(:arguments AS jsonb)"
        ),
        which,
    )
    if not db.session.scalar(query, which):
        connection = db.session.connection().connection.driver_connection
        _deferring().tasks[name].configure(connection=connection).defer(**arguments)


def app_with(connector: "BaseConnector", wrap: Wrap) -> "App":
    """The queue's own application, which knows all jobs."""
    from procrastinate import App

    from portal.tasks.jobs import JOBS
    from portal.tasks.trying_again import TryAgain

    made = App(connector=connector)
    for name, job in JOBS.items():
        made.task(name=name, queue=job.lane, retry=TryAgain())(wrap(job.work))
    return made


@cache
def _deferring() -> "App":
    """To hand jobs on over connections of others: it never opens one of its own."""
    from procrastinate import SyncPsycopgConnector

    return app_with(SyncPsycopgConnector(), lambda work: work)


class Waiting(NamedTuple):
    """A job that waits."""

    id: int
    name: str
    arguments: dict[str, int]


def waiting(*names: str) -> list[Waiting]:
    """The jobs of these names that wait to be begun, or to be tried again, the oldest first."""
    if not is_there():
        return []
    query = text(
        "SELECT id, task_name, args FROM procrastinate_jobs WHERE status = 'todo' AND task_name = ANY(:names)"
        " ORDER BY id"
    )
    return [Waiting(*row) for row in db.session.execute(query, {"names": list(names)})]


def take_off(job: Waiting) -> None:
    """Take a job off the queue that was done without a worker."""
    db.session.execute(text("SELECT procrastinate_cancel_job_v1(:id, false, true)"), {"id": job.id})


def has(**whose: int) -> bool:
    """Whether a job with such an argument (`run_id=7`) waits, or is being done."""
    return bool(_states(whose))


def rests(**whose: int) -> bool:
    """Whether such a job waits, and none is being done."""
    return _states(whose) == {"todo"}


def _states(whose: dict[str, int]) -> set[str]:
    if not is_there():
        return set()
    query = text(
        "SELECT DISTINCT status::text FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"
        " AND args @> CAST(:whose AS jsonb)"
    )
    return set(db.session.scalars(query, {"whose": json.dumps(whose)}))


def has_worker() -> bool:
    """Whether a worker lives, on whichever machine."""
    return is_there() and bool(count_workers())


def count_workers() -> int:
    """How many live, each lane of each process counted, on whichever machines. There is a queue."""
    query = text(
        "SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - make_interval(secs => :silent)"
    )
    return db.session.scalar(query, {"silent": SILENT}) or 0


# -- what follows from a commit


@event.listens_for(Session, "before_commit")
def _hand_mail_on(session: Session) -> None:
    """Messages that were queued are sent by a worker, once they are there."""
    if session.info.get(MAIL_WAITS) and not session.in_nested_transaction() and is_there():
        del session.info[MAIL_WAITS]
        enqueue("mail")


@event.listens_for(Session, "after_commit")
def _start(session: Session) -> None:
    if not session.in_nested_transaction():
        for name, arguments in session.info.pop(TO_START, []):
            processes.start(name, **arguments)


@event.listens_for(Session, "after_soft_rollback")
def _forget(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        session.info.pop(TO_START, None)
