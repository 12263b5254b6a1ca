"""A run for everyone long after the last one is asked about first: a clock may have jumped (billing-rules 8)."""

from datetime import date, timedelta

from sqlalchemy import Select, func, select

from portal.domain.errors import RuleBroken
from portal.domain.wording import long_day, plural
from portal.extensions import db
from portal.models import Run, RunState

LONGEST = timedelta(days=31)


class LongAgo(RuleBroken):
    """The last run for everyone was so long ago that somebody has to say that today is right."""


def done_for_everyone() -> Select[Run]:
    """Runs that posted what was due, for all customers."""
    return select(Run).where(~Run.simulate, Run.customer_id.is_(None), Run.state == RunState.DONE)


def last_day() -> date | None:
    """The day up to which the last run for all customers was done; None where there was none."""
    return db.session.scalar(done_for_everyone().with_only_columns(func.max(Run.through)))


def check_gap(through: date) -> None:
    """Whether a run for everyone up to a day may be posted unasked. Raises LongAgo."""
    last = last_day()
    if last is not None and through - last > LONGEST:
        raise LongAgo(
            f"The last run for all customers was up to {long_day(last)}, {plural((through - last).days, 'day')} "
            f"before {long_day(through)}. If that day is right, everything that fell due since is posted, each missed "
            "day with its own charge date. If it is not, a clock is wrong: correct it first."
        )
