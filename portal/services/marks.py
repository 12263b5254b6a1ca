"""Adding up rows that are never changed behind whoever writes them: those up to a mark are kept added up.

Nothing that writes has to keep the sums, and no two acts meet in a row of them; whoever asks adds what stands after the
mark, mostly nothing. `fold` moves it on, and commits.

The mark may pass a row only when no other with a lower id can still appear. SQLite has one writer at a time. On
PostgreSQL a transaction may be committed after another that took later ids: so the mark waits until every transaction
is over that was at work when the last id was looked at. (Whoever writes has locked rows, and so has a transaction's
number, before it takes an id.)
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Text, func, select
from sqlalchemy import cast as sql_cast
from sqlalchemy.exc import IntegrityError

from portal.extensions import db
from portal.models import Mark
from portal.services import locking

# As many rows are passed in one transaction: on SQLite nobody else writes meanwhile.
AT_ONCE = 50_000

# Adds up the rows with ids after one up to another, in the transaction that moves the mark.
Keep = Callable[[int, int], None]


def fold(kind: type[Mark], of: Any, keep: Keep) -> None:
    """Move the mark of a table's rows on as far as it may go. Commits; does nothing while somebody else is at it."""
    while _fold_some(kind, of, keep):
        pass


def _fold_some(kind: type[Mark], of: Any, keep: Keep) -> bool:
    """Whether there may be more."""
    settled, at_work = _look(of)
    mark = _locked(kind)
    if mark is None:
        db.session.rollback()
        return False
    if at_work is not None:
        settled = _settle(mark, settled, *at_work)
    until = min(settled, _last_of_the_next(mark, of) or settled)
    if until > mark.through_id:
        keep(mark.through_id, until)
        mark.through_id = until
    db.session.commit()
    return until < settled


def _last_of_the_next(mark: Mark, of: Any) -> int | None:
    """The id of the last row that is passed at once; None where there are fewer. Ids may begin anywhere."""
    after = select(of.id).where(of.id > mark.through_id).order_by(of.id)
    return db.session.scalar(after.offset(AT_ONCE - 1).limit(1))


def _look(of: Any) -> tuple[int, tuple[int, int] | None]:
    """The last row's id; on PostgreSQL the oldest transaction at work too, and the next one there will be."""
    last = select(func.coalesce(func.max(of.id), 0)).scalar_subquery()
    if db.engine.dialect.name != "postgresql":
        return db.session.scalar(select(last)) or 0, None
    snapshot = func.pg_current_snapshot()
    oldest, upcoming = (sql_cast(f(snapshot), Text) for f in (func.pg_snapshot_xmin, func.pg_snapshot_xmax))
    row = db.session.execute(select(last, oldest, upcoming)).one()
    return row[0], (int(row[1]), int(row[2]))


def _locked(kind: type[Mark]) -> Mark | None:
    """The mark, made where there is none; None where somebody else has it."""
    if mark := locking.lock_if_free(kind):
        return mark
    if db.session.scalars(select(kind)).first():
        return None
    try:
        mark = kind()
        mark.id, mark.through_id, mark.next_id, mark.next_transaction = 1, 0, 0, 0
        db.session.add(mark)
        db.session.flush()
    except IntegrityError:  # another process was quicker
        return None
    return mark


def _settle(mark: Mark, last: int, oldest: int, upcoming: int) -> int:
    """The id up to which no other row can appear any more, on PostgreSQL."""
    if oldest >= upcoming:  # nobody was at work
        mark.next_id = mark.next_transaction = 0
        return last
    settled = mark.next_id if mark.next_transaction <= oldest else mark.through_id
    if (
        mark.next_transaction <= oldest or mark.next_transaction > upcoming
    ):  # of another server, before a restore
        mark.next_id, mark.next_transaction = last, upcoming
    return max(settled, mark.through_id)
