"""The calls that a minimum spend, or a bundle of free minutes, has counted: they add up to what it says."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from hashlib import sha256

from sqlalchemy import BigInteger, ColumnElement, Select, func, or_, select, type_coerce
from sqlalchemy.orm import joinedload, raiseload

from portal.domain.money import from_micros
from portal.domain.schedule import ONE_DAY
from portal.domain.terms import PackageType
from portal.extensions import db
from portal.models import Assignment, Call, CallCover, Charge, Package, is_undone
from portal.services.calls.lists import NEWEST
from portal.services.chunks import in_chunks
from portal.services.listing import Page, page

KEY_LENGTH = 16


@dataclass(frozen=True, slots=True)
class Counting:
    """An assignment that counts calls, over a span of days, both included."""

    assignment: Assignment
    begins: date
    through: date

    @property
    def is_free(self) -> bool:
        """Whether it is free minutes; else a minimum spend."""
        return self.assignment.package.type == PackageType.FREE_MINUTES


@dataclass(frozen=True, slots=True)
class Counted:
    """What the calls come to: of free minutes what they cover, of a minimum what is spent after free minutes."""

    calls: int
    seconds: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Part:
    """What is counted of one call."""

    seconds: int
    amount: Decimal


def key_of(assignment: Assignment) -> str:
    """What an assignment is called in the address of a customer's page: nothing that could be counted through."""
    return _key(assignment.token)


def _key(token: str) -> str:
    return sha256(token.encode()).hexdigest()[:KEY_LENGTH]


def keys_of(assignment_ids: Collection[int]) -> dict[int, str]:
    """The keys of assignments, by their ids."""
    query = select(Assignment.id, Assignment.token).where(Assignment.id.in_(assignment_ids))
    return {id: _key(token) for id, token in db.session.execute(query)} if assignment_ids else {}


def assignment_of(customer_id: int, key: str) -> Assignment | None:
    """The assignment of a customer with a key; None where there is none, or where it counts no calls."""
    counts = select(Package.id).where(or_(Package.minimum_spend, Package.type == PackageType.FREE_MINUTES))
    query = select(Assignment.id, Assignment.token).where(Assignment.customer_id == customer_id)
    rows = db.session.execute(query.where(Assignment.package_id.in_(counts)))
    id = next((id for id, token in rows if _key(token) == key), None)
    if id is None:
        return None
    return db.session.get(
        Assignment, id, options=[joinedload(Assignment.package), joinedload(Assignment.did)]
    )


def counted_calls(of: Counting) -> Select[Call]:
    """The calls that are counted."""
    query = select(Call).where(Call.customer_id == of.assignment.customer_id)
    query = query.where(Call.day >= of.begins, Call.day <= of.through)
    if of.is_free:
        covers = select(CallCover.id).where(CallCover.call_id == Call.id, _of(of.assignment))
        query = query.where(covers.exists())
    elif (did_id := of.assignment.did_id) is not None:
        query = query.where(or_(Call.did_id == did_id, Call.other_did_id == did_id))
    return query.options(raiseload("*"))


def _of(assignment: Assignment) -> ColumnElement[bool]:
    return CallCover.assignment_id == assignment.id


def counted_page(of: Counting, total: int, after: int | None, before: int | None) -> Page[Call]:
    """A page of them, the newest first."""
    return page(counted_calls(of), NEWEST, after, before, total=total)


def sum_of(of: Counting) -> Counted:
    """What all of them come to."""
    if of.is_free:
        figures = (
            func.count(CallCover.call_id.distinct()),
            func.sum(CallCover.seconds),
            func.sum(type_coerce(CallCover.amount, BigInteger)),
        )
        query = select(*figures).join(Call, Call.id == CallCover.call_id)
        query = query.where(_of(of.assignment), Call.customer_id == of.assignment.customer_id)
        row = db.session.execute(query.where(Call.day >= of.begins, Call.day <= of.through)).one()
    else:
        spend = type_coerce(Call.amount, BigInteger) - type_coerce(Call.covered_amount, BigInteger)
        columns = func.count(Call.id), func.sum(Call.seconds), func.sum(spend)
        row = db.session.execute(counted_calls(of).with_only_columns(*columns)).one()
    return Counted(int(row[0]), int(row[1] or 0), from_micros(int(row[2] or 0)))


def parts_of(of: Counting, calls: Sequence[Call]) -> dict[int, Part]:
    """What is counted of each of these calls, by their ids: nothing of one that was worked out anew meanwhile."""
    if not of.is_free:
        return {call.id: Part(call.seconds, call.spend) for call in calls}
    found = {call.id: Part(0, Decimal(0)) for call in calls}
    figures = func.sum(CallCover.seconds), func.sum(type_coerce(CallCover.amount, BigInteger))
    for some in in_chunks([call.id for call in calls]):
        query = select(CallCover.call_id, *figures).where(_of(of.assignment), CallCover.call_id.in_(some))
        for id, seconds, amount in db.session.execute(query.group_by(CallCover.call_id)):
            found[id] = Part(int(seconds), from_micros(int(amount)))
    return found


def charge_of(of: Counting) -> Charge | None:
    """The last charge that counted the calls of these days; None where there is none, or it was taken back."""
    query = (
        select(Charge)
        .where(
            Charge.assignment_id == of.assignment.id,
            Charge.spend.is_not(None),
            Charge.period_from == of.begins,
            Charge.period_until == of.through + ONE_DAY,
            ~is_undone(Charge),
        )
        .order_by(Charge.posted_at.desc(), Charge.id.desc())
    )
    return db.session.scalars(query.limit(1)).first()
