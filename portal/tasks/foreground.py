"""Without a worker: a command does what pages have handed on, by the same functions."""

from portal.extensions import db
from portal.tasks import queue
from portal.tasks.jobs import JOBS


def do_what_waits(*names: str) -> int:
    """Do the jobs of these names that wait, where no worker lives that would: how many there were.

    Killed in the middle of one, it waits on. What a job hands on is done as well.
    """
    done: set[int] = set()
    while not queue.has_worker() and (
        job := next((job for job in queue.waiting(*names) if job.id not in done), None)
    ):
        db.session.rollback()
        JOBS[job.name].work(**job.arguments)
        queue.take_off(job)
        db.session.commit()
        done.add(job.id)
    db.session.rollback()
    return len(done)
