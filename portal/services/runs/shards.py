"""Posting runs, in shards of their customers, on which several processes may be at work at once.

It commits: a chunk is a transaction. Whoever comes to the end of a shard has posted all that was due in it or met what
somebody else had posted, so that two at work on the same shard only waste their time. Customers are never in two
shards of a run: nobody waits for their balances.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import date, datetime
from itertools import groupby
from operator import itemgetter

from sqlalchemy import ColumnElement, and_, func, select, update

from portal import logs
from portal.database import make_way
from portal.extensions import db
from portal.models import Assignment, AssignmentPosition, Customer, Run, RunShard, RunState
from portal.services import credit, locking
from portal.services.billing.planning import due_count, due_ids
from portal.services.billing.posting import Found, find, store
from portal.services.runs import ahead
from portal.services.runs.reports import forget_passed_over, report_chunk
from portal.services.runs.standing import finish, lock_going

Clock = Callable[[], datetime]
# About so many assignments a shard, as long as a run has no more shards than the most. On SQLite nobody shares a run:
# there a shard is as large as lets its chunks become as large as others may wait for.
SHARD, ALONE = 2_500, 50_000
MOST = 100


def left_of(run: Run) -> list[int]:
    """The numbers of a run's shards that are not done, made where there are none. The run is locked.

    The largest is first: begun last, it would keep one worker when all others have nothing left to do.
    """
    shards = db.session.scalars(select(RunShard).where(RunShard.run_id == run.id).order_by(RunShard.number))
    known = shards.all() or _make(run)
    left = [shard for shard in known if not shard.is_done]
    return [shard.number for shard in sorted(left, key=lambda shard: -shard.due_count)]


def _make(run: Run) -> list[RunShard]:
    """Divide a run by its customers."""
    made = [_shard(run, 0)]
    if run.customer_id is None:
        least = ALONE if db.engine.dialect.name == "sqlite" else SHARD
        for customer_id, count in divided(_due_of_customers(run), least):
            if made[-1].due_count:
                made[-1].customers_until = customer_id
                made.append(_shard(run, len(made), customer_id))
            made[-1].due_count = count
    else:
        made[0].due_count = run.due_count
    run.due_count = sum(shard.due_count for shard in made)
    db.session.add_all(made)
    db.session.flush()
    return made


def divided(counts: Sequence[tuple[int, int]], least: int = SHARD) -> list[tuple[int, int]]:
    """Divide customers, each with how many assignments of theirs are due, into stretches that carry equal work.

    Each stretch by its first customer, with its sum. A customer is never in two; one who makes half a shard or more is
    in none with others, so that all the rest comes out even beside them.
    """
    size = max(least, -(-sum(count for _, count in counts) // MOST))
    found: list[tuple[int, int]] = []
    for is_large, some in groupby(counts, key=lambda one: 2 * one[1] >= size):
        stretch = list(some)
        found += stretch if is_large else _even(stretch, size)
    return found


def _even(counts: Sequence[tuple[int, int]], size: int) -> Iterator[tuple[int, int]]:
    """As many stretches as it takes, none much larger than another: each customer goes where their middle is."""
    total = sum(count for _, count in counts)
    parts, before = -(-total // size), 0
    placed: list[tuple[int, int, int]] = []
    for customer_id, count in counts:
        placed.append((customer_id, count, (2 * before + count) * parts // (2 * total)))
        before += count
    for _, some in groupby(placed, key=itemgetter(2)):
        stretch = list(some)
        yield stretch[0][0], sum(count for _, count, _ in stretch)


def _shard(run: Run, number: int, customers_from: int | None = None) -> RunShard:
    return RunShard(
        run_id=run.id, number=number, customers_from=customers_from, due_count=0, done_count=0, is_done=False
    )


def _due_of_customers(run: Run) -> Sequence[tuple[int, int]]:
    if not due_count(run.through):  # SQLite would go through all assignments in the order of their customers
        return []
    query = (
        select(Assignment.customer_id, func.count())
        .join(AssignmentPosition, AssignmentPosition.assignment_id == Assignment.id)
        .where(AssignmentPosition.next_charge_on <= run.through)
        .group_by(Assignment.customer_id)
        .order_by(Assignment.customer_id)
    )
    return [(row[0], row[1]) for row in db.session.execute(query)]


def _of(shard: RunShard) -> ColumnElement[bool] | None:
    """The assignments of a shard's customers; None for all."""
    bounds = []
    if shard.customers_from is not None:
        bounds.append(Assignment.customer_id >= shard.customers_from)
    if shard.customers_until is not None:
        bounds.append(Assignment.customer_id < shard.customers_until)
    return and_(*bounds) if bounds else None


@logs.by_number("run")
def post(
    run_id: int,
    number: int,
    today: date,
    clock: Clock,
    most: int,
    between: Callable[[], object] = bool,
) -> None:
    """Post what is due in a shard, at most so many assignments at once, to its end or until the run is stopped."""
    run, shard = db.session.get_one(Run, run_id), db.session.get_one(RunShard, (run_id, number))
    if shard.is_done:
        return
    ids, through, by = due_ids(run.through, run.customer_id, _of(shard)), run.through, run.started_by
    if not _count_anew(run_id, shard, len(ids), clock()):
        return

    def find_due(some: Sequence[int]) -> Found:
        return find(some, through, today)

    def store_found(found: Found, some: Sequence[int]) -> bool:
        goes_on = report_chunk(run_id, store(found, run_id, by, clock()), some, clock())
        _count(run_id, number, done_count=RunShard.done_count + len(some))
        return goes_on

    with closing(ahead.in_turn(ids, most, find_due, store_found)) as chunks:
        for goes_on in chunks:
            if not goes_on:
                db.session.rollback()
                return
            db.session.commit()
            make_way(db.engine)
            between()
    _count(run_id, number, is_done=True, done_count=RunShard.due_count)
    db.session.commit()


def _count(run_id: int, number: int, **values: object) -> None:
    which = (RunShard.run_id == run_id, RunShard.number == number)
    db.session.connection().execute(update(RunShard).where(*which).values(**values))


def _count_anew(run_id: int, shard: RunShard, due: int, now: datetime) -> bool:
    """What a shard passed over before is still due, and is counted anew. Whether the run goes on; committed."""
    number, of = shard.number, _of(shard)
    if not lock_going(run_id, now):
        db.session.rollback()
        return False
    db.session.refresh(shard)
    run = db.session.get_one(Run, run_id)
    forget_passed_over(run_id, None if of is None else select(Assignment.id).where(of))
    run.due_count += shard.done_count + due - shard.due_count
    _count(run_id, number, due_count=shard.done_count + due)
    db.session.commit()
    return True


@logs.by_number("run")
def finish_if_all(run_id: int, today: date, clock: Clock) -> None:
    """End a run whose shards are all done; whoever has ended the last one asks."""
    run = db.session.get_one(Run, run_id, populate_existing=True)
    open_ones = select(func.count()).select_from(RunShard).where(RunShard.run_id == run_id, ~RunShard.is_done)
    is_whole = run.state == RunState.RUNNING and not db.session.scalar(open_ones)
    by = run.started_by
    db.session.rollback()
    if not is_whole:
        return
    _set_off(today, by, clock)
    if lock_going(run_id, clock()):
        run = db.session.get_one(Run, run_id)
        run.done_count = run.due_count
        finish(run, RunState.DONE, clock())
    db.session.commit()


def _set_off(today: date, by: str, clock: Clock) -> None:
    """Set off what met while a chunk was posted and somebody gave a discount at the same moment."""
    for customer_id in credit.who_can_set_off():
        locking.lock(Customer, [customer_id])
        credit.lock_open(customer_id)
        credit.set_off(customer_id, credit.Act(today, by, clock()))
        db.session.commit()
