"""What workers do once a day, at a set time of the company's time zone: post what is due, tidy up, announce what comes,
send the summaries of the month that is over.

However many look, on however many machines, one of them hands a day's work on, in the transaction that writes the day
down. Days on which nobody looked are made up for by the next one: a run posts each missed day with its own charge date.
The time is the database's: machines whose clocks differ do not each have a day of their own.
"""

import logging
from datetime import date, datetime, time, timedelta

from flask import current_app
from sqlalchemy import or_, update
from sqlalchemy.exc import IntegrityError

from portal import clock
from portal.extensions import db
from portal.models import DailyWork
from portal.services.runs import runs
from portal.services.runs.gap import LongAgo, check_gap
from portal.tasks import queue

log = logging.getLogger("portal.worker")
ONE_DAY = timedelta(days=1)
WHO = "portal worker"


def look() -> None:
    """Hand on what is due and was not handed on yet. Commits."""
    now = clock.agreed_now().astimezone(clock.zone())
    for name, hand_on, at in (
        ("charge", _charge, current_app.config["CHARGE_AT"]),
        ("announce", _announce, current_app.config["NOTICES_AT"]),
        ("summaries", _send_summaries, current_app.config["NOTICES_AT"]),
    ):
        if at is not None and is_next(name, day := due_day(at, now)):
            hand_on(day)
        db.session.commit()


def due_day(at: time, now: datetime) -> date:
    """The last day whose time has come; PORTAL_TODAY has the first word. `now` is local."""
    today = date.fromisoformat(fixed) if (fixed := current_app.config["TODAY"]) else now.date()
    return today if now.time() >= at else today - ONE_DAY


def is_next(name: str, day: date) -> bool:
    """Whether a day's work is to be handed on by whoever asks: one alone hears yes. The caller commits.

    A day far ahead was written down by a clock that was wrong, and counts for nothing. (One ahead there is where the
    company has moved to another time zone.)
    """
    work = DailyWork.__table__
    moved = update(work).where(work.c.name == name, or_(work.c.day < day, work.c.day > day + ONE_DAY))
    if db.session.connection().execute(moved.values(day=day)).rowcount:
        return True
    if db.session.get(DailyWork, name) is not None:
        return False
    try:
        with db.session.begin_nested():
            db.session.add(DailyWork(name=name, day=day))
        return True
    except IntegrityError:  # another one was quicker
        return False


def _charge(day: date) -> None:
    queue.enqueue("sweep")
    try:
        check_gap(day)
    except LongAgo as error:
        log.error(
            "Nothing is posted. %s Post it from the page Runs, or by portal charge --catch-up.",
            error.sentence,
        )
        return
    run = runs.start(day, simulate=False, today=clock.today(), by=WHO, now=clock.now())
    queue.enqueue("charge", run_id=run.id)
    log.info("Run %s, up to %s, was handed on.", run.id, day)


def _announce(day: date) -> None:
    queue.enqueue("announce")
    log.info("The notices of %s were handed on.", day)


def _send_summaries(day: date) -> None:
    queue.enqueue("monthly_summaries")
    log.info("The summaries that are sent by themselves were handed on, %s.", day)
