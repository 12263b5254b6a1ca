"""What follows when calls came in: free minutes worked out again, minimum spends reopened, balances entered.

Worked through for a whole import, it commits some customers at a time; for single customers the caller commits.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import func, select, update

from portal.domain.schedule import ONE_DAY
from portal.domain.terms import PackageType
from portal.extensions import db
from portal.models import Assignment, Call, CallChange, CallImport, Customer, ImportState
from portal.services import locking
from portal.services.again import again_and_again
from portal.services.billing.loading import LONGEST_PERIOD, call_days
from portal.services.calls import call_spend, changes, covering, late_calls
from portal.services.calls.counting import imports_to_come
from portal.services.chunks import in_chunks

CUSTOMERS = 500


def reached_by(import_id: int) -> dict[int, date]:
    """The customers whose calls came in or change with a file, each with the first day that this reaches."""
    of_change = CallChange.import_id == import_id
    calls = select(Call.customer_id, func.min(Call.day)).where(Call.import_id == import_id)
    changed = select(Call.customer_id, func.min(Call.day), func.min(CallChange.day)).join(
        CallChange, CallChange.call_id == Call.id
    )
    moved = select(CallChange.customer_id, func.min(CallChange.day)).where(of_change)
    reached: dict[int, date] = {}
    for query in (
        calls.group_by(Call.customer_id),
        changed.where(of_change).group_by(Call.customer_id),
        moved.group_by(CallChange.customer_id),
    ):
        for customer_id, *days in db.session.execute(query):
            reached[customer_id] = min(*days, reached.get(customer_id, days[0]))
    return reached


def follow(
    reached: Mapping[int, date],
    import_id: int,
    today: date,
    clock: Callable[[], datetime],
    is_asked_to_stop: Callable[[], bool] = bool,
) -> bool:
    """Work out what calls change for the customers they reach, committing some at a time. Again, it changes nothing.

    Whether it came to the end: False where it was asked to stop before, or somebody has stopped it, or undoes it.
    """
    follow_some = again_and_again(_follow_some)
    for ids in in_chunks(sorted(reached), CUSTOMERS):
        if is_asked_to_stop() or not follow_some({id: reached[id] for id in ids}, import_id, today, clock()):
            return False
    _count_late(import_id, today)
    return True


def _follow_some(reached: Mapping[int, date], import_id: int, today: date, now: datetime) -> bool:
    """The same for some customers: False, and nothing is done, where the import does not go on."""
    moved = _lock_with_moved(import_id, list(reached))
    changes.carry_out(import_id, list(reached))
    settle(moved | {id: min(day, moved.get(id, day)) for id, day in reached.items()}, today, now)
    goes_on = (CallImport.id == import_id) & (CallImport.state == ImportState.RUNNING)
    beat = update(CallImport).where(goes_on).values(heartbeat_at=now)
    if db.session.connection().execute(beat).rowcount != 1:
        db.session.rollback()
        return False
    return True


def _lock_with_moved(import_id: int, ids: Sequence[int]) -> dict[int, date]:
    """Lock customers, and those to whom calls of theirs move with a file: these, with the first day that it reaches."""
    while True:
        moved = changes.moved_to(import_id, ids)
        locking.lock_ids(Customer, {*ids, *moved})
        found = changes.moved_to(import_id, ids)
        if found.keys() <= moved.keys():
            return found
        db.session.rollback()


def settle(reached: Mapping[int, date], today: date, now: datetime) -> None:
    """The same for some customers, in the transaction at hand.

    They are locked first: of two at once, the second finds what the first has entered, and adds only what is missing.
    """
    locking.lock_ids(Customer, reached)
    to_come = imports_to_come()
    since = covering.recompute_cover_of_many(reached, today, to_come)
    late_calls.reopen(since, today)
    call_spend.enter_calls(list(since), min(since.values()), today, now, to_come)


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
