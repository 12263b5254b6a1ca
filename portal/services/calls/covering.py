"""What free minutes cover of a customer's calls: worked out again from a day on, in the order of the calls.

What was covered before that day is taken as it stands, and so are the periods that ended too long ago to be
reopened (billing-rules 10).
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import BigInteger, bindparam, delete, func, insert, select, type_coerce, update

from portal.domain.free_minutes import Allowance, Bundle, Cover, UsedCall, allowances, cover
from portal.domain.schedule import ONE_DAY
from portal.domain.terms import PackageType, Terms
from portal.extensions import db
from portal.models import Assignment, Call, CallCover, Customer, Package
from portal.models.raw_tables import raw_table
from portal.services import locking
from portal.services.billing.failures import failed
from portal.services.billing.loading import call_days, terms_of
from portal.services.calls.counting import counts
from portal.services.calls.destinations import check, matches

# The calls of so many days are worked on at a time.
WINDOW = timedelta(days=31)
EARLIEST = datetime(1, 1, 1, tzinfo=UTC)
CALL, COVER = raw_table(Call), raw_table(CallCover)
Key = tuple[int, date]


@dataclass(frozen=True, slots=True)
class BundleAssignment:
    """An assignment that brings free minutes; without terms where a row is missing by which it is worked out."""

    assignment_id: int
    did_id: int | None
    minutes: int
    destination: str
    terms: Terms | None


@dataclass(slots=True)
class Kept:
    """What stays as it was covered: periods that ended too long ago, and assignments that cannot be worked out."""

    periods: set[Key] = field(default_factory=set)
    assignments: set[int] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.periods or self.assignments)

    def __contains__(self, key: Key) -> bool:
        return key in self.periods or key[0] in self.assignments


def recompute_cover_of_many(
    reached: Mapping[int, date], today: date, to_come: Sequence[int] = ()
) -> dict[int, date]:
    """Work out again what is covered, for those customers of `reached` who have free minutes, from a day on.

    The calls of imports `to_come` are none yet.
    """
    query = (
        select(Assignment.customer_id)
        .join(Package, Package.id == Assignment.package_id)
        .where(Package.type == PackageType.FREE_MINUTES, Assignment.customer_id.in_(reached))
        .order_by(Assignment.customer_id)
        .distinct()
    )
    for customer_id in db.session.scalars(query).all():
        recompute_cover(customer_id, reached[customer_id], today, to_come)
    return dict(reached)


def recompute_cover(customer_id: int, since: date, today: date, to_come: Sequence[int] = ()) -> None:
    """Work out again what free minutes cover of a customer's calls from the day `since` on."""
    locking.lock_ids(Customer, [customer_id])
    mine = (Call.customer_id == customer_id) & (Call.day >= since) & counts(Call.import_id, to_come)
    first, last = db.session.execute(select(func.min(Call.day), func.max(Call.day)).where(mine)).one()
    if first is None:
        return
    frozen, bundles = _bundles(customer_id, since, last, today)
    begins = first
    while begins <= last:
        until = min(begins + WINDOW, last + ONE_DAY)
        _recompute_window(customer_id, begins, until, frozen, bundles, to_come)
        begins = until
    for held in list(db.session.identity_map.values()):
        if isinstance(held, Call):
            db.session.expire(held)


def bundle_assignments(customer_id: int) -> list[BundleAssignment]:
    """The assignments of a customer that bring free minutes, the oldest first."""
    rows = db.session.execute(
        select(Assignment.id, Assignment.did_id, Assignment.minutes, Package.destination)
        .join(Package, Package.id == Assignment.package_id)
        .where(Package.type == PackageType.FREE_MINUTES, Assignment.customer_id == customer_id)
        .order_by(Assignment.id)
    ).all()
    terms = terms_of([row.id for row in rows]) if rows else {}
    return [
        BundleAssignment(row.id, row.did_id, row.minutes or 0, row.destination, terms.get(row.id))
        for row in rows
    ]


def is_frozen(allowance: Allowance, today: date, within: int) -> bool:
    """Whether a period ended too long ago for late calls to reopen it."""
    return allowance.until is not None and (today - allowance.until).days > within


def _bundles(customer_id: int, since: date, last: date, today: date) -> tuple[Kept, list[Bundle]]:
    """What stays as it is, and the bundles at work, with what was left of them on `since`."""
    within = call_days()[1]
    frozen, open_ = Kept(), []
    for bundled in bundle_assignments(customer_id):
        try:
            matcher = matcher_of(bundled.destination)
            if bundled.terms is None:
                raise LookupError("a row that it needs is missing")
            given = list(allowances(bundled.terms, bundled.minutes, since, last + ONE_DAY))
        except Exception as error:
            failed(bundled.assignment_id, error)
            frozen.assignments.add(bundled.assignment_id)
            continue
        for allowance in given:
            if is_frozen(allowance, today, within):
                frozen.periods.add((bundled.assignment_id, allowance.begins))
            else:
                open_.append(
                    Bundle(bundled.assignment_id, bundled.did_id, allowance, matcher, allowance.seconds)
                )
    used = _used_before(customer_id, since, open_)
    for bundle in open_:
        bundle.left = max(bundle.left - used[bundle.assignment_id, bundle.allowance.begins], 0)
    return frozen, open_


def matcher_of(pattern: str) -> Callable[[str], bool]:
    """Whether a number is one that the pattern means; each number is searched once. Invalid for one not to be read."""
    check(pattern)
    known: dict[str, bool] = {}

    def match(number: str) -> bool:
        if number not in known:
            known[number] = matches(pattern, number)
        return known[number]

    return match


def _used_before(customer_id: int, since: date, bundles: Sequence[Bundle]) -> dict[Key, int]:
    """The seconds that calls before `since` took from the periods that run then."""
    used: dict[Key, int] = defaultdict(int)
    running = [bundle for bundle in bundles if bundle.allowance.begins < since]
    if not running:
        return used
    query = (
        select(CallCover.assignment_id, CallCover.period_from, func.sum(CallCover.seconds))
        .join(Call, Call.id == CallCover.call_id)
        .where(CallCover.assignment_id.in_({bundle.assignment_id for bundle in running}))
        .where(CallCover.period_from >= min(bundle.allowance.begins for bundle in running))
        .where(Call.customer_id == customer_id, Call.day < since)
        .group_by(CallCover.assignment_id, CallCover.period_from)
    )
    for assignment_id, period_from, seconds in db.session.execute(query):
        used[assignment_id, period_from] = int(seconds)
    return used


def _recompute_window(
    customer_id: int, begins: date, until: date, frozen: Kept, bundles: list[Bundle], to_come: Sequence[int]
) -> None:
    """The calls of some days: what covered them goes, but for periods that stay, and what covers them now comes."""
    calls = _calls(customer_id, begins, until, to_come)
    kept = _kept(customer_id, begins, until, frozen)
    before = {call.id: (call.covered_seconds, call.covered_amount) for call in calls}
    covers = [cover for of_call in kept.values() for cover in of_call]
    for day, of_day in groupby(calls, key=lambda call: call.day):
        at_work = [bundle for bundle in bundles if bundle.left and _runs_on(bundle.allowance, day)]
        if at_work:
            covers.extend(cover(_used(of_day, kept), at_work))
    in_window = select(Call.id).where(Call.customer_id == customer_id, Call.day >= begins, Call.day < until)
    db.session.execute(
        delete(CallCover).where(CallCover.call_id.in_(in_window)).execution_options(synchronize_session=False)
    )
    if covers:
        db.session.execute(insert(COVER), [one._asdict() for one in covers])
    _write_sums(covers, before)


def _calls(customer_id: int, begins: date, until: date, to_come: Sequence[int]) -> list[Any]:
    """The calls of some days, in the order in which they started, then by call id."""
    query = select(
        CALL.c.id, CALL.c.day, CALL.c.did_id, CALL.c.other_did_id, CALL.c.destination, CALL.c.seconds, CALL.c.amount,
        CALL.c.started_at, CALL.c.call_id, CALL.c.covered_seconds, CALL.c.covered_amount,
    ).where(CALL.c.customer_id == customer_id, CALL.c.day >= begins, CALL.c.day < until)  # fmt: skip
    rows = list(db.session.execute(query.where(counts(CALL.c.import_id, to_come))))
    rows.sort(key=lambda row: (row.day, row.started_at or EARLIEST, row.call_id))
    return rows


def _used(rows: Iterator[Any], kept: Mapping[int, list[Cover]]) -> Iterator[UsedCall]:
    for row in rows:
        dids = (row.did_id, row.other_did_id)
        stays = kept.get(row.id, ())
        taken, paid = sum(one.seconds for one in stays), sum(one.amount for one in stays)
        yield UsedCall(row.id, row.day, dids, row.destination, row.seconds, row.amount, taken, paid)


def _kept(customer_id: int, begins: date, until: date, frozen: Kept) -> dict[int, list[Cover]]:
    """What periods that stay as they are cover of the calls of some days."""
    kept: dict[int, list[Cover]] = defaultdict(list)
    if frozen:
        query = (
            select(
                CallCover.call_id, CallCover.assignment_id, CallCover.period_from, CallCover.seconds,
                type_coerce(CallCover.amount, BigInteger),
            )
            .join(Call, Call.id == CallCover.call_id)
            .where(Call.customer_id == customer_id, Call.day >= begins, Call.day < until)
        )  # fmt: skip
        for row in db.session.execute(query):
            if (row.assignment_id, row.period_from) in frozen:
                kept[row.call_id].append(Cover(*row))
    return kept


def _runs_on(allowance: Allowance, day: date) -> bool:
    return allowance.begins <= day and (allowance.until is None or day < allowance.until)


def _write_sums(covers: Sequence[Cover], before: Mapping[int, tuple[int, int]]) -> None:
    """Keep with each call what is covered of it, where that has changed."""
    sums: dict[int, tuple[int, int]] = {}
    for one in covers:
        seconds, amount = sums.get(one.call_id, (0, 0))
        sums[one.call_id] = (seconds + one.seconds, amount + one.amount)
    changed = [
        {"this": id, "now_seconds": sums.get(id, (0, 0))[0], "now_amount": sums.get(id, (0, 0))[1]}
        for id, stood in before.items()
        if sums.get(id, (0, 0)) != stood
    ]
    if changed:
        query = (
            update(CALL)
            .where(CALL.c.id == bindparam("this"))
            .values(covered_seconds=bindparam("now_seconds"), covered_amount=bindparam("now_amount"))
        )
        db.session.connection().execute(query, changed)
