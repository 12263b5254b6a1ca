"""What the database knows of how the portal fares, in numbers for whoever watches over it (docs/running.md, Metrics).

Asked for several times a minute, so each is read off an index or off a table that stays small, at a million assignments
too. A new subject is a function in READ.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import case, func, select

from portal.extensions import db
from portal.models import CallImport, ImportState, Mail, MailState, Run, RunState
from portal.models.run import SILENT_FOR
from portal.services.calls.importing import SILENT_FOR as IMPORT_SILENT_FOR
from portal.services.calls.rejects import bad_rows_wait
from portal.services.overview.watch import LOOKS_BACK, count_due, count_held, last_file_came_at
from portal.services.runs import gap


@dataclass(frozen=True, slots=True)
class Gauge:
    """A number, or one for each value of its `label`. Its name ends in its unit, unless it counts."""

    name: str
    meaning: str
    values: Mapping[str, float]
    label: str = ""


def read(today: date, now: datetime) -> list[Gauge]:
    """All of them. What there is nothing to say of, as the last run before the first, is left out."""
    return [gauge for of_subject in READ for gauge in of_subject(today, now)]


def of_runs(today: date, now: datetime) -> Iterator[Gauge]:
    """The last run for all customers that was done, and how many are at work or were interrupted."""
    last_day = gap.last_day()
    last = db.session.scalars(gap.done_for_everyone().order_by(Run.id.desc()).limit(1)).first()
    if last_day is not None and last is not None and last.finished_at is not None:
        begins = datetime.combine(last_day, time(), UTC).timestamp()
        took = (last.finished_at - last.started_at).total_seconds()
        passed_over = {"held": last.held_count, "failed": last.failed_count}
        yield Gauge(
            "portal_last_run_day_timestamp_seconds",
            "The day up to which all customers are charged",
            {"": begins},
        )
        yield Gauge("portal_last_run_age_days", "Days since that day", {"": (today - last_day).days})
        yield Gauge("portal_last_run_charges", "Charges that the last run posted", {"": last.charge_count})
        yield Gauge("portal_last_run_seconds", "Seconds that the last run took", {"": took})
        yield Gauge(
            "portal_last_run_assignments", "Assignments that the last run passed over", passed_over, "outcome"
        )
    silent = func.coalesce(func.sum(case((Run.heartbeat_at < now - SILENT_FOR, 1), else_=0)), 0)
    recent = (~Run.simulate, Run.started_at > now - LOOKS_BACK)
    at_work = select(func.count(), silent).where(Run.state == RunState.RUNNING, *recent)
    count, interrupted = db.session.execute(at_work).one()
    stopped = db.session.scalar(select(func.count()).where(Run.state == RunState.STOPPED, *recent)) or 0
    yield Gauge(
        "portal_runs",
        "Runs that are not done",
        {"running": count - interrupted, "interrupted": interrupted, "stopped": stopped},
        "state",
    )


def of_assignments(today: date, _now: datetime) -> Iterator[Gauge]:
    """How many have charges to post: today's, overdue ones, and those that are held."""
    due, overdue = count_due(today), count_due(today - timedelta(days=1))
    values = {"due": due, "overdue": overdue, "held": count_held(today)}
    yield Gauge("portal_assignments", "Assignments with charges to post", values, "state")


def of_mail(_today: date, now: datetime) -> Iterator[Gauge]:
    """What waits, what of it was refused before, what was given up in thirty days, and how long the oldest waits."""
    refused = func.coalesce(func.sum(case((Mail.sentence != "", 1), else_=0)), 0)
    waiting = select(func.count(), refused, func.min(Mail.created_at)).where(Mail.state == MailState.WAITING)
    given_up = select(func.count()).where(Mail.state == MailState.FAILED, Mail.created_at > now - LOOKS_BACK)
    count, again, oldest = db.session.execute(waiting).one()
    values = {"waiting": count, "refused": again, "given_up": db.session.scalar(given_up) or 0}
    yield Gauge("portal_mail", "Messages that were not sent", values, "state")
    age = (now - oldest).total_seconds() if oldest else 0
    yield Gauge("portal_mail_oldest_seconds", "Seconds that the oldest message has waited", {"": age})


def of_imports(_today: date, now: datetime) -> Iterator[Gauge]:
    """Files of calls of the last thirty days that are at work, were interrupted, were stopped, or wait for a layout.

    And what is being undone, of however long ago the file is, with what nobody goes on to undo.
    """
    being_undone = CallImport.state == ImportState.UNDOING
    is_silent = CallImport.heartbeat_at < now - IMPORT_SILENT_FOR
    state = case(
        (being_undone & is_silent, "undo_interrupted"),
        (being_undone, "undoing"),
        (CallImport.layout == "", "waiting"),
        (CallImport.state == ImportState.STOPPED, "stopped"),
        (is_silent, "interrupted"),
        else_="running",
    )
    at_work = CallImport.is_at_work() & (CallImport.started_at > now - LOOKS_BACK)
    query = select(state, func.count()).where(being_undone | at_work).group_by(state)
    states = ("running", "waiting", "stopped", "interrupted", "undoing", "undo_interrupted")
    values: dict[str, float] = dict.fromkeys(states, 0)
    values.update((name, count) for name, count in db.session.execute(query))
    yield Gauge("portal_imports", "Files of calls that are not done", values, "state")
    bad = select(func.coalesce(func.sum(CallImport.bad_count), 0)).where(bad_rows_wait())
    yield Gauge(
        "portal_calls_bad_rows", "Bad rows that nobody has dealt with", {"": db.session.scalar(bad) or 0}
    )
    if last := last_file_came_at():
        age = (now - last).total_seconds()
        yield Gauge("portal_calls_last_file_age_seconds", "Seconds since a file of calls came", {"": age})


READ = (of_runs, of_assignments, of_mail, of_imports)
