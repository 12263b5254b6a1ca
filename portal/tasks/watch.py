"""What of the queue needs a look, and its numbers for whoever watches over the portal. Nothing where there is no queue.

A job of a run or an import that failed is told as the run or the import that did not go on; here, what has no page.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import text

from portal.extensions import db
from portal.services.overview.gauges import Gauge
from portal.tasks import queue

# With so many seconds nobody who looks is told that a worker is missing which is just being started again.
WAITS = 120
# Done every day or more often: a day later the next one has said whether it goes.
ALONE = ("announce", "mail")
COUNTED = {"todo": "waiting", "doing": "doing", "failed": "failed"}
DUE = (
    "coalesce(scheduled_at, (SELECT min(at) FROM procrastinate_events WHERE job_id = procrastinate_jobs.id))"
)


@dataclass(frozen=True, slots=True)
class Look:
    """Jobs that are due while no worker lives, and the names of those that failed in a day and have no page."""

    without_worker: int
    failed: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.without_worker or self.failed)


def look() -> Look:
    """What needs a look now."""
    if not queue.is_there():
        return Look(0, ())
    waiting = text(
        "SELECT count(*) FROM procrastinate_jobs"
        f" WHERE status = 'todo' AND {DUE} < now() - make_interval(secs => :waits)"
    )
    count = 0 if queue.has_worker() else db.session.scalar(waiting, {"waits": WAITS}) or 0
    failed = text(
        "SELECT DISTINCT task_name FROM procrastinate_jobs"
        " JOIN procrastinate_events ON procrastinate_events.job_id = procrastinate_jobs.id"
        " WHERE status = 'failed' AND type = 'failed' AND at > now() - interval '1 day' AND task_name = ANY(:alone)"
        " ORDER BY task_name"
    )
    return Look(count, tuple(db.session.scalars(failed, {"alone": list(ALONE)})))


def gauges() -> list[Gauge]:
    """How many jobs there are, how long the oldest has been due, and how many workers live."""
    if not queue.is_there():
        return []
    jobs = text("SELECT CAST(status AS text), count(*) FROM procrastinate_jobs GROUP BY status")
    found: Mapping[str, int] = {row[0]: row[1] for row in db.session.execute(jobs)}
    oldest = text(
        f"SELECT extract(epoch FROM now() - min({DUE})) FROM procrastinate_jobs"
        " WHERE status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now())"
    )
    counts = {label: found.get(status, 0) for status, label in COUNTED.items()}
    return [
        Gauge("portal_jobs", "Jobs of the queue", counts, "state"),
        Gauge(
            "portal_jobs_oldest_seconds",
            "Seconds that the oldest job has been due",
            {"": db.session.scalar(oldest) or 0},
        ),
        Gauge("portal_workers", "Lanes of workers that live", {"": queue.count_workers()}),
    ]
