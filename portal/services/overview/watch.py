"""What needs a look: who is held, runs and imports that stopped or did not take place, calls that did not come or
are bad, mail that does not leave, prices below cost, customers who leave or lose."""

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, case, exists, func, or_, select
from sqlalchemy.orm import aliased, contains_eager, joinedload, selectinload

from portal.extensions import db
from portal.models import (
    Assignment,
    AssignmentPosition,
    AssignmentPrice,
    CallImport,
    Charge,
    Customer,
    ImportState,
    Mail,
    MailState,
    Package,
    PackagePrice,
    Run,
    RunState,
    RunUndo,
)
from portal.models.assignment import HeldPrices
from portal.models.run import SILENT_FOR
from portal.services import credit
from portal.services.calls.importing import SILENT_FOR as IMPORT_SILENT_FOR
from portal.services.calls.rejects import bad_rows_wait
from portal.services.listing import count_rows
from portal.services.overview.remembering import Reading
from portal.services.packages.figures import in_force, open_on, own_in_force
from portal.services.runs import gap

# As many of each as the overview names; the lists have them all.
NAMED = 8
LOOKS_BACK = timedelta(days=30)
LOOKS_AHEAD = timedelta(days=30)
DAY = timedelta(days=1)
EVER = datetime(2000, 1, 1, tzinfo=UTC)
# A message that waits so long was tried by nobody: it is sent at once, or a minute later.
MAIL_WAITS = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Loss:
    """A customer whose charges of the last thirty days cost more than they brought."""

    customer_id: int
    name: str
    currency: str
    margin: Decimal


@dataclass(frozen=True, slots=True)
class Leaving:
    """A customer of whom something ends soon: how many assignments, and when the first."""

    customer_id: int
    name: str
    ends: date
    assignments: int


def held(today: date) -> list[Assignment]:
    """Assignments with more charges due than a run posts unasked, up to one more than are named."""
    query = (
        select(Assignment)
        .join(AssignmentPosition)
        .where(AssignmentPosition.is_held, AssignmentPosition.next_charge_on <= today)
        .options(
            joinedload(Assignment.package), joinedload(Assignment.customer), joinedload(Assignment.position)
        )
        .order_by(AssignmentPosition.next_charge_on, Assignment.id)
        .limit(NAMED + 1)
    )
    return list(db.session.scalars(query))


def count_due(through: date) -> int:
    """Assignments that a run up to a day would charge: two counts off indexes, however many there are."""
    query = select(func.count()).where(AssignmentPosition.next_charge_on <= through)
    return (db.session.scalar(query) or 0) - count_held(through)


def count_held(through: date) -> int:
    """Assignments that it would pass over until somebody chooses."""
    query = select(func.count()).where(
        AssignmentPosition.is_held, AssignmentPosition.next_charge_on <= through
    )
    return db.session.scalar(query) or 0


@dataclass(frozen=True, slots=True)
class NotPosted:
    """That charges wait because no run took place: the day up to which all are charged, and since when.

    `assignments` is how many wait, as lists tell it (listing.count).
    """

    last: date | None
    days: int
    assignments: int


def not_posted(today: date, now: datetime) -> NotPosted | None:
    """What yesterday's run would have charged, and it did not take place (billing-rules 8).

    Where there never was a run, assignments of two days ago and before are waited for: the first run is still to come.
    """
    last = gap.last_day()
    if last is not None and last >= today - DAY:
        return None
    position = AssignmentPosition
    first = select(position.next_charge_on).where(~position.is_held, position.next_charge_on < today)
    if last is None:
        first = first.join(Assignment).where(Assignment.created_at < now - 2 * DAY)
    since = db.session.scalars(first.order_by(position.next_charge_on).limit(1)).first()
    if since is None:
        return None
    waiting = select(position.assignment_id).where(~position.is_held, position.next_charge_on < today)
    return NotPosted(last, (today - (last or since)).days, count_rows(waiting))


@dataclass(frozen=True, slots=True)
class Unsent:
    """Mail that does not leave: refused and tried again, given up in thirty days, tried by nobody; the last reason."""

    refused: int
    given_up: int
    untried: int
    reason: str

    def __bool__(self) -> bool:
        return bool(self.refused or self.given_up or self.untried)


def unsent(now: datetime) -> Unsent:
    """What of the outbox needs a look."""
    waits, was_refused = Mail.state == MailState.WAITING, Mail.sentence != ""
    given_up = (Mail.state == MailState.FAILED) & (Mail.created_at > now - LOOKS_BACK)
    refused, untried = waits & was_refused, waits & ~was_refused & (Mail.due_at < now - MAIL_WAITS)
    # An index knows the few that have not left; SQLite takes it where a time is asked for, too.
    few = Mail.state.in_((MailState.WAITING, MailState.FAILED)) & (Mail.due_at > EVER)
    sums = (func.coalesce(func.sum(case((one, 1), else_=0)), 0) for one in (refused, given_up, untried))
    counts = db.session.execute(select(*sums).where(few)).one()
    last = (
        select(Mail.sentence).where(few, or_(refused, given_up)).order_by(Mail.due_at.desc(), Mail.id.desc())
    )
    sentence = db.session.scalar(last.limit(1)) if counts[0] or counts[1] else ""
    return Unsent(counts[0], counts[1], counts[2], sentence or "")


def below(
    reading: Reading, *among: ColumnElement[bool], of: Hashable = "", most: int = NAMED
) -> list[credit.BelowLimit]:
    """Customers below their limit, the first by name: one more than are named, where there are more.

    `of` says who those are that are looked `among`.
    """
    rows = reading.answer(
        ("below", of),
        reading.newest,
        lambda: [(one.customer.id, one.balance) for one in credit.below_limit(*among, most=most + 1)],
    )
    found = db.session.scalars(select(Customer).where(Customer.id.in_([id for id, _ in rows])))
    customers = {customer.id: customer for customer in found}
    return [credit.BelowLimit(customers[id], balance) for id, balance in rows if id in customers]


def runs_to_look_at(now: datetime) -> list[Run]:
    """Runs that were interrupted or stopped, or could not post an assignment, and that no later run has made good.

    A run for everybody that failed nowhere makes good whatever came before it.
    """
    good = select(func.max(Run.id)).where(
        ~Run.simulate, Run.customer_id.is_(None), Run.state == RunState.DONE, Run.failed_count == 0
    )
    interrupted = (Run.state == RunState.RUNNING) & (Run.heartbeat_at < now - SILENT_FOR)
    query = (
        select(Run)
        .where(Run.id > (db.session.scalar(good) or 0), ~Run.simulate)
        .where(or_(interrupted, Run.state == RunState.STOPPED, Run.failed_count > 0))
        .order_by(Run.id.desc())
        .limit(NAMED + 1)
    )
    return list(db.session.scalars(query))


def undoings_to_look_at(now: datetime) -> list[RunUndo]:
    """Undoings of runs that were interrupted: they go on when they are asked for again."""
    silent = (RunUndo.state == RunState.RUNNING) & (RunUndo.heartbeat_at < now - SILENT_FOR)
    return list(
        db.session.scalars(select(RunUndo).where(silent).order_by(RunUndo.id.desc()).limit(NAMED + 1))
    )


def imports_to_look_at(now: datetime) -> list[CallImport]:
    """Files of calls that wait for somebody: stopped or interrupted, also in being undone, and not taken in since.

    The same file, taken in by another import, makes good what the first one left; what is undone it does not.
    """
    silent = CallImport.heartbeat_at < now - IMPORT_SILENT_FOR
    interrupted = (CallImport.state == ImportState.RUNNING) & silent
    being_undone = (CallImport.state == ImportState.UNDOING) & silent
    again = aliased(CallImport)
    made_good = (
        select(again.id)
        .where(again.digest == CallImport.digest, again.id > CallImport.id, again.state == ImportState.DONE)
        .exists()
    )
    query = (
        select(CallImport)
        .where(or_((interrupted | (CallImport.state == ImportState.STOPPED)) & ~made_good, being_undone))
        .order_by(CallImport.id.desc())
        .limit(NAMED + 1)
    )
    return list(db.session.scalars(query))


def with_bad_rows() -> list[CallImport]:
    """Files of calls with bad rows that nobody has dealt with, the newest first."""
    query = select(CallImport).where(bad_rows_wait()).order_by(CallImport.id.desc()).limit(NAMED + 1)
    return list(db.session.scalars(query))


@dataclass(frozen=True, slots=True)
class NoCalls:
    """That no file of calls came: the instant at which the last one did, and how many days ago its day was."""

    last: datetime
    days: int


def last_file_came_at() -> datetime | None:
    """When the last file of calls came that nobody discarded; None where none ever did.

    One that waited too long has come all the same.
    """
    return db.session.scalar(select(func.max(CallImport.started_at)).where(CallImport.discarded_by == ""))


def no_calls(today: date, zone: ZoneInfo, most: int) -> NoCalls | None:
    """Where files of calls came once, and none for more than so many days; 0 days: whoever runs it does not ask."""
    last = last_file_came_at() if most else None
    if last is None:
        return None
    days = (today - last.astimezone(zone).date()).days
    return NoCalls(last, days) if days > most else None


def sold_below_cost(today: date) -> list[tuple[Package, PackagePrice]]:
    """Packages on sale whose retail of today lies below their cost, a row for each currency."""
    below = select(PackagePrice.package_id).where(PackagePrice.retail < PackagePrice.cost)
    query = select(Package).where(
        Package.id.in_(below), Package.archived_on.is_(None), Package.minimum_spend.is_(False)
    )
    found = []
    query = query.options(selectinload(Package.prices)).order_by(Package.search_key, Package.id)
    for package in db.session.scalars(query):
        for currency in package.currencies:
            price = package.price_on(currency, today)
            if price and price.retail < price.cost:
                found.append((package, price))
                if len(found) > NAMED:
                    return found
    return found


def own_below_cost(reading: Reading) -> list[tuple[Assignment, HeldPrices]]:
    """Assignments in force that pay an own retail below their cost, or have an own cost above it."""
    today = reading.today
    ids = reading.answer("own below cost", reading.terms, lambda: _own_below_cost(today))
    query = (
        select(Assignment)
        .where(Assignment.id.in_(ids))
        .join(Assignment.customer)
        .options(
            joinedload(Assignment.package).selectinload(Package.prices),
            contains_eager(Assignment.customer),
            selectinload(Assignment.own_prices),
        )
        .order_by(Customer.search_key, Assignment.id)
    )
    found = db.session.scalars(query).all()
    return [(assignment, held) for assignment in found if (held := assignment.prices_on(today))]


def _own_below_cost(today: date) -> list[int]:
    """Their ids, the first by their customer's name."""
    mine, theirs, newer = AssignmentPrice, PackagePrice, aliased(PackagePrice)
    outdated = exists().where(
        newer.package_id == theirs.package_id,
        newer.currency == theirs.currency,
        newer.effective_from > theirs.effective_from,
        newer.effective_from <= today,
    )
    query = (
        select(Assignment.id)
        .join(mine, mine.assignment_id == Assignment.id)
        .join(Package, Package.id == Assignment.package_id)
        .join(Customer, Customer.id == Assignment.customer_id)
        .join(theirs, (theirs.package_id == Package.id) & (theirs.currency == Customer.currency))
        .where(in_force(today), Package.minimum_spend.is_(False))
        .where(*own_in_force(mine, today), theirs.effective_from <= today, ~outdated)
        .where(or_(mine.retail.is_not(None), mine.cost.is_not(None)))
        .where(func.coalesce(mine.retail, theirs.retail) < func.coalesce(mine.cost, theirs.cost))
        .order_by(Customer.search_key, Assignment.id)
        .limit(NAMED + 1)
    )
    return list(db.session.scalars(query))


def losses(reading: Reading) -> list[Loss]:
    """Customers whose charges of the last thirty days cost more than they brought."""
    return reading.answer("losses", reading.newest, lambda: _losses(reading.today))


def _losses(today: date) -> list[Loss]:
    amount, cost = func.sum(Charge.amount), func.sum(Charge.cost)
    query = (
        select(Charge.customer_id, amount, cost)
        .where(Charge.charge_on >= today - LOOKS_BACK, Charge.charge_on <= today)
        .where(Charge.opening_number.is_(None))
        .group_by(Charge.customer_id)
        .having(amount < cost)
        .order_by(Charge.customer_id)
        .limit(NAMED + 1)
    )
    rows = db.session.execute(query).all()
    customers = _customers([row[0] for row in rows])
    return [Loss(id, *customers[id], amount - cost) for id, amount, cost in rows]


def leaving(reading: Reading) -> list[Leaving]:
    """Customers with assignments that end in the next thirty days."""
    return reading.answer("leaving", reading.terms, lambda: _leaving(reading.today))


def _leaving(today: date) -> list[Leaving]:
    ends = func.min(Assignment.end_date)
    query = (
        select(Assignment.customer_id, ends, func.count())
        .where(Assignment.end_date >= today, Assignment.end_date <= today + LOOKS_AHEAD)
        .group_by(Assignment.customer_id)
        .order_by(ends, Assignment.customer_id)
        .limit(NAMED + 1)
    )
    rows = db.session.execute(query).all()
    customers = _customers([row[0] for row in rows])
    return [Leaving(id, customers[id][0], first, count) for id, first, count in rows if first]


def _customers(ids: list[int]) -> dict[int, tuple[str, str]]:
    """Names and currencies."""
    query = select(Customer.id, Customer.name, Customer.currency).where(Customer.id.in_(ids))
    return {row[0]: (row[1], row[2]) for row in db.session.execute(query)}


@dataclass(frozen=True, slots=True)
class Counts:
    """How many there are."""

    customers: int
    assignments: int


def counts(reading: Reading) -> Counts:
    """Active customers, and assignments that run or are to begin."""
    return reading.answer("counts", reading.terms, lambda: _counts(reading.today))


def _counts(today: date) -> Counts:
    customers = select(func.count()).select_from(Customer).where(Customer.archived_on.is_(None))
    assignments = select(func.count()).select_from(Assignment).where(open_on(today))
    return Counts(db.session.scalar(customers) or 0, db.session.scalar(assignments) or 0)
