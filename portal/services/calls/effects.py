"""What follows when calls came in: free minutes worked out again, minimum spends reopened, balances entered.

Worked through for a whole import, it commits some customers at a time; for single customers the caller commits.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime

from sqlalchemy import func, select, update

from portal.domain.schedule import ONE_DAY
from portal.domain.terms import PackageType
from portal.extensions import db
from portal.models import Assignment, Call, CallChange, CallImport, Customer
from portal.services import locking
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
    reached: dict[int, date] = {}
    for query in (calls, changed.where(of_change)):
        for customer_id, *days in db.session.execute(query.group_by(Call.customer_id)):
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

    Whether it came to the end: False where it was asked to stop before.
    """
    for ids in in_chunks(sorted(reached), CUSTOMERS):
        if is_asked_to_stop():
            return False
        now = clock()
        locking.lock_ids(Customer, ids)
        changes.carry_out(import_id, ids)
        settle({id: reached[id] for id in ids}, today, now)
        db.session.execute(update(CallImport).where(CallImport.id == import_id).values(heartbeat_at=now))
        db.session.commit()
    _count_late(import_id, today)
    return True


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
