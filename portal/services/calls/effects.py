"""What follows when calls came in: free minutes worked out again, minimum spends reopened, balances entered.

Worked through for a whole import, it commits some customers at a time; for single customers the caller commits.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime

from sqlalchemy import func, select, update

from portal.domain.schedule import FIRST_DAY, ONE_DAY
from portal.domain.terms import PackageType
from portal.extensions import db
from portal.models import Assignment, Call, CallImport, Customer, ImportState
from portal.services import locking
from portal.services.billing.loading import LONGEST_PERIOD, call_days
from portal.services.calls import call_spend, covering, late_calls
from portal.services.chunks import in_chunks

CUSTOMERS = 500


def reached_by(import_: CallImport) -> dict[int, date]:
    """The customers whose calls came in with a file, each with the first day that this reaches.

    Where calls were replaced, nobody knows any more on which days they had been: all days are reached.
    """
    query = (
        select(Call.customer_id, func.min(Call.day))
        .where(Call.import_id == import_.id)
        .group_by(Call.customer_id)
    )
    found = {row[0]: row[1] for row in db.session.execute(query)}
    return dict.fromkeys(found, FIRST_DAY) if import_.replaced_count else found


def add_unfinished(reached: dict[int, date], import_: CallImport) -> None:
    """Add what other imports reach that are not done: calls known already may have come in with one of them.

    Nobody may ever go on with it, where the same file was taken in again instead.
    """
    unfinished = select(CallImport).where(
        CallImport.id != import_.id,
        CallImport.state.in_((ImportState.RUNNING, ImportState.STOPPED)),
        CallImport.lines_done > 0,
    )
    for other in db.session.scalars(unfinished.order_by(CallImport.id)).all():
        for customer_id, day in reached_by(other).items():
            reached[customer_id] = min(reached.get(customer_id, day), day)


def follow(reached: Mapping[int, date], import_id: int, today: date, clock: Callable[[], datetime]) -> None:
    """Work out what calls change for the customers they reach, committing some at a time. Again, it changes nothing."""
    for ids in in_chunks(sorted(reached), CUSTOMERS):
        now = clock()
        settle({id: reached[id] for id in ids}, today, now)
        db.session.execute(update(CallImport).where(CallImport.id == import_id).values(heartbeat_at=now))
        db.session.commit()
    _count_late(import_id, today)


def settle(reached: Mapping[int, date], today: date, now: datetime) -> None:
    """The same for some customers, in the transaction at hand.

    They are locked first: of two at once, the second finds what the first has entered, and adds only what is missing.
    """
    locking.lock_ids(Customer, reached)
    since = covering.recompute_cover_of_many(reached, today)
    late_calls.reopen(since, today)
    call_spend.enter_calls(list(since), min(since.values()), today, now)


def bundles_changed(assignments: Iterable[Assignment], today: date, now: datetime) -> None:
    """What was assigned, changed or ended: where it brings free minutes, work out again what they cover."""
    reached: dict[int, date] = {}
    for assignment in assignments:
        if assignment.package.type == PackageType.FREE_MINUTES:
            begins = reached.get(assignment.customer_id, assignment.start_date)
            reached[assignment.customer_id] = min(begins, assignment.start_date)
    if not reached:
        return
    db.session.flush()
    earliest = today - ONE_DAY * call_days()[1] - LONGEST_PERIOD
    since = {id: max(day, earliest) for id, day in reached.items()}
    last = select(Call.customer_id, func.max(Call.day)).where(Call.customer_id.in_(since))
    calls = {row[0]: row[1] for row in db.session.execute(last.group_by(Call.customer_id))}
    if with_calls := {id: day for id, day in since.items() if id in calls and calls[id] >= day}:
        settle(with_calls, today, now)


def _count_late(import_id: int, today: date) -> None:
    """Count the calls that came too late to reopen anything: they are spend of their day, and listed."""
    late = too_late(today)
    count = select(func.count(Call.id)).where(Call.import_id == import_id, Call.day < late).scalar_subquery()
    db.session.execute(update(CallImport).where(CallImport.id == import_id).values(late_count=count))
    db.session.commit()


def too_late(today: date) -> date:
    """The day before which calls that come in today reopen no period that could have ended with it."""
    return today - ONE_DAY * call_days()[1]
