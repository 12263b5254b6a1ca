"""Without a worker: a command does what pages have handed on, by the same functions."""

from typing import NamedTuple

from portal.extensions import db
from portal.tasks import queue
from portal.tasks.jobs import JOBS


class Done(NamedTuple):
    """How many jobs were done, and a sentence for each that failed and waits on."""

    done: int
    failed: list[str]


def do_what_waits(*names: str) -> Done:
    """Do the jobs of these names that wait, where no worker lives that would.

    What a job hands on is done as well. Killed in the middle of one, it waits on.
    """
    seen: set[int] = set()
    failed: list[str] = []
    while not queue.has_worker():
        job = next((job for job in queue.waiting(*names) if job.id not in seen), None)
        db.session.rollback()
        if job is None:
            break
        seen.add(job.id)
        try:
            JOBS[job.name].work(**job.arguments)
        except (
            Exception
        ) as error:  # it must not keep the others, and what the command itself does, from being done
            db.session.rollback()
            failed.append(f"{job.name} {job.arguments}: {getattr(error, 'orig', None) or error}")
            continue
        queue.take_off(job)
        db.session.commit()
    return Done(len(seen) - len(failed), failed)
