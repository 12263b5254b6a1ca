"""What was charged in each month, by currency and package: always right, and never all added up for a page.

Opening items are outside revenue: neither they nor what writes them off are in it (billing-rules 13).

Charges are never edited and never deleted, so what was added up once stays right. Nothing that posts has to keep these
sums, and no two runs meet in a row of them: they hold every charge up to a mark, and whoever asks adds those after it,
mostly none. `fold` moves the mark on, and commits: behind a run, and behind an overview that found many after it.

The mark may pass a charge only when no other with a lower id can still appear. SQLite has one writer at a time. On
PostgreSQL a transaction may be committed after another that took later ids: so the mark waits until every transaction
is over that was at work when the last id was looked at. (Whoever posts has locked rows, and so has a transaction's
number, before it takes an id.)
"""

from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import Text, case, func, select
from sqlalchemy import cast as sql_cast
from sqlalchemy.exc import IntegrityError

from portal.extensions import db
from portal.models import Charge, ChargeMark, ChargeSum
from portal.services import locking
from portal.services.credit import charged

# As many charges are passed in one transaction: on SQLite nobody else writes meanwhile.
AT_ONCE = 50_000
# As many charges may stand after the mark before somebody's look moves it on.
LEFT = 1_000


# A month's first day, currency, package (0: by hand), whether charged once.
Key = tuple[date, str, int, bool]


class Sums(NamedTuple):
    """Charges added up, before tax."""

    amount: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    charges: int = 0

    def and_(self, other: "Sums") -> "Sums":
        """These and others."""
        return Sums(self.amount + other.amount, self.cost + other.cost, self.charges + other.charges)


class Charged(NamedTuple):
    """What was charged, and how many of these charges stood after the mark."""

    sums: dict[Key, Sums]
    left: int


def charged_since(begins: date) -> Charged:
    """What was charged in the months from the one that begins on a day."""
    by = (ChargeSum.month, ChargeSum.currency, ChargeSum.package_id, ChargeSum.is_once)
    figures = (ChargeSum.amount, ChargeSum.cost, ChargeSum.charges)
    kept = select(ChargeMark.through_id, *by, *figures).outerjoin(ChargeSum, ChargeSum.month >= begins)
    rows = db.session.execute(kept).all()  # in one look: mark and sums are of one moment
    found: dict[Key, Sums] = {
        (month, currency, package_id, is_once): Sums(amount, cost, charges)
        for _, month, currency, package_id, is_once, amount, cost, charges in rows
        if month
    }
    after = _add_up(Charge.id > (rows[0][0] if rows else 0))
    for key, sums in after.items():
        if key[0] >= begins:
            found[key] = sums.and_(found.get(key, Sums()))
    return Charged(found, sum(sums.charges for sums in after.values()))


def _key(row: ChargeSum) -> Key:
    return row.month, row.currency, row.package_id, row.is_once


def _add_up(*which: Any) -> dict[Key, Sums]:
    once = case((Charge.period_until.is_(None), 1), else_=0)
    by = (Charge.charge_on, Charge.currency, Charge.package_id, once)
    figures = (func.sum(Charge.amount), func.sum(Charge.cost), func.count())
    found: dict[Key, Sums] = {}
    for day, currency, package_id, is_once, *sums in db.session.execute(
        select(*by, *figures).where(*which, Charge.opening_number.is_(None)).group_by(*by)
    ):
        key = day.replace(day=1), currency, package_id or 0, bool(is_once)
        found[key] = Sums(*sums).and_(found.get(key, Sums()))
    return found


def fold() -> None:
    """Move the mark on as far as it may go. Commits; does nothing while somebody else is at it."""
    while _fold_some():
        pass


def _fold_some() -> bool:
    """Whether there may be more."""
    settled, at_work = _look()
    mark = _locked()
    if mark is None:
        db.session.rollback()
        return False
    if at_work is not None:
        settled = _settle(mark, settled, *at_work)
    until = min(settled, _last_of_the_next(mark) or settled)
    if until > mark.through_id:
        _keep(_add_up(Charge.id > mark.through_id, Charge.id <= until))
        charged.keep(mark.through_id, until)
        mark.through_id = until
    db.session.commit()
    return until < settled


def _last_of_the_next(mark: ChargeMark) -> int | None:
    """The id of the last charge that is passed at once; None where there are fewer. Ids may begin anywhere."""
    after = select(Charge.id).where(Charge.id > mark.through_id).order_by(Charge.id)
    return db.session.scalar(after.offset(AT_ONCE - 1).limit(1))


def _look() -> tuple[int, tuple[int, int] | None]:
    """The last charge's id; on PostgreSQL the oldest transaction at work too, and the next one there will be."""
    last = select(func.coalesce(func.max(Charge.id), 0)).scalar_subquery()
    if db.engine.dialect.name != "postgresql":
        return db.session.scalar(select(last)) or 0, None
    snapshot = func.pg_current_snapshot()
    oldest, upcoming = (sql_cast(f(snapshot), Text) for f in (func.pg_snapshot_xmin, func.pg_snapshot_xmax))
    row = db.session.execute(select(last, oldest, upcoming)).one()
    return row[0], (int(row[1]), int(row[2]))


def _locked() -> ChargeMark | None:
    """The mark, made where there is none; None where somebody else has it."""
    if mark := locking.lock_if_free(ChargeMark):
        return mark
    if db.session.scalars(select(ChargeMark)).first():
        return None
    try:
        db.session.add(mark := ChargeMark(id=1, through_id=0, next_id=0, next_transaction=0))
        db.session.flush()
    except IntegrityError:  # another process was quicker
        return None
    return mark


def _keep(found: dict[Key, Sums]) -> None:
    """Add to what is kept. Whoever has the mark is alone at it."""
    months = {key[0] for key in found}
    kept = {
        _key(row): row for row in db.session.scalars(select(ChargeSum).where(ChargeSum.month.in_(months)))
    }
    for key, sums in found.items():
        if row := kept.get(key):
            row.amount, row.cost, row.charges = sums.and_(Sums(row.amount, row.cost, row.charges))
        else:
            month, currency, package_id, is_once = key
            db.session.add(
                ChargeSum(
                    month=month, currency=currency, package_id=package_id, is_once=is_once, **sums._asdict()
                )
            )


def _settle(mark: ChargeMark, last: int, oldest: int, upcoming: int) -> int:
    """The id up to which no other charge can appear any more, on PostgreSQL."""
    if oldest >= upcoming:  # nobody was at work
        mark.next_id = mark.next_transaction = 0
        return last
    settled = mark.next_id if mark.next_transaction <= oldest else mark.through_id
    if (
        mark.next_transaction <= oldest or mark.next_transaction > upcoming
    ):  # of another server, before a restore
        mark.next_id, mark.next_transaction = last, upcoming
    return max(settled, mark.through_id)
