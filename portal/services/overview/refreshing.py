"""Adding up the overview's figures anew while nobody waits: after an answer, and when a server process starts."""

import threading
from collections.abc import Sequence
from datetime import date

from portal import database
from portal.extensions import db
from portal.services.charges import sums
from portal.services.overview import (
    by_day,
    history,
    idle_dids,
    margins,
    owing,
    recurring,
    watch,
    won_and_lost,
)
from portal.services.overview.remembering import Asked, Reading
from portal.services.packages.catalogue import default_currency

_busy = threading.Lock()


def refresh(today: date, late: Sequence[Asked] | None = None) -> None:
    """Bring up to date what takes long to add up: what somebody was told `late`, or the overview as if never asked.

    Commits; does nothing while another thread is at it.
    """
    if not _busy.acquire(blocking=False):
        return
    try:
        db.session.rollback()
        sums.fold()
        with database.reading():  # what follows is to keep no writer waiting
            reading = Reading(today, waits=True, anew=late is None)
            for asked in late or ():
                reading.answer(*asked)
            if late is None:
                watch.counts(reading)
                recurring.recurring(reading)
                owing.owing(reading, default_currency())
                watch.losses(reading)
                watch.below(reading)
                watch.own_below_cost(reading)
                by_day.charged_by_day(reading)
                margins.of_customers(reading, default_currency(), history.compared_since(today))
                won_and_lost.of_month(reading, won_and_lost.month_before(today))
                idle_dids.idle_dids(reading)
            db.session.rollback()
    finally:
        _busy.release()
