"""Adding up the overview's figures anew while nobody waits: after an answer, and when a server process starts."""

import threading
from datetime import date

from portal import database
from portal.extensions import db
from portal.services.overview import history, ranks, recurring, watch
from portal.services.overview.remembering import Reading

_busy = threading.Lock()


def refresh(today: date, anew: bool = False) -> None:
    """Bring every figure up to date that takes long to add up. Does nothing while another thread is at it.

    `anew` adds up again what is up to date.
    """
    if not _busy.acquire(blocking=False):
        return
    try:
        db.session.rollback()  # what follows is to read, and to keep no writer waiting
        with database.reading():
            reading = Reading(today, waits=True, anew=anew)
            watch.counts(reading)
            recurring.recurring(reading)
            history.by_month(reading)
            watch.losses(reading)
            ranks.add_up(reading)
            db.session.rollback()
    finally:
        _busy.release()
