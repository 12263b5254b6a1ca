"""Free minutes as people read them: used and left in the running period, and bundles that overlap."""

import re
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import joinedload

from portal.domain.free_minutes import Allowance, allowances
from portal.domain.schedule import ONE_DAY
from portal.domain.terms import PackageType
from portal.domain.wording import long_day
from portal.extensions import db
from portal.models import Assignment, CallCover, Package
from portal.services.assignments.assigning import Draft
from portal.services.billing.loading import terms_of

PREFIX = re.compile(r"\^\(?(?:\?:)?(\d+)\)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Used:
    """A bundle in its running period [begins, until): seconds given and used. `until` None: it never ends."""

    assignment: Assignment
    begins: date
    until: date | None
    total: int
    used: int

    @property
    def left(self) -> int:
        """The seconds that are left."""
        return self.total - self.used

    @property
    def last_day(self) -> date | None:
        """The last day of the period."""
        return self.until - ONE_DAY if self.until else None


def free_minutes(customer_id: int, today: date) -> list[Used]:
    """The bundles of a customer that run today, the oldest assignment first."""
    query = (
        _bundles()
        .where(Assignment.customer_id == customer_id, Assignment.start_date <= today)
        .where(or_(Assignment.end_date.is_(None), Assignment.end_date >= today))
    )
    running = list(db.session.scalars(query))
    terms = terms_of([assignment.id for assignment in running]) if running else {}
    found = {
        assignment: next(
            allowances(terms[assignment.id], assignment.minutes or 0, today, today + ONE_DAY), None
        )
        for assignment in running
        if assignment.id in terms
    }
    used = _used({a.id: allowance for a, allowance in found.items() if allowance})
    return [
        Used(a, allowance.begins, allowance.until, allowance.seconds, used.get(a.id, 0))
        for a, allowance in found.items()
        if allowance
    ]


def _bundles() -> Select[Assignment]:
    return (
        select(Assignment)
        .join(Package, Package.id == Assignment.package_id)
        .where(Package.type == PackageType.FREE_MINUTES)
        .options(joinedload(Assignment.package), joinedload(Assignment.did))
        .order_by(Assignment.id)
    )


def _used(running: dict[int, Allowance]) -> dict[int, int]:
    """The seconds used of the running periods, by assignment."""
    if not running:
        return {}
    query = (
        select(CallCover.assignment_id, CallCover.period_from, func.sum(CallCover.seconds))
        .where(CallCover.assignment_id.in_(running))
        .where(CallCover.period_from >= min(allowance.begins for allowance in running.values()))
        .group_by(CallCover.assignment_id, CallCover.period_from)
    )
    return {id: int(sum_) for id, begins, sum_ in db.session.execute(query) if running[id].begins == begins}


# -- bundles that overlap


def overlapping_bundles(draft: Draft) -> list[Assignment]:
    """Bundles that cover some of the same calls as the one that is to be assigned, over some of the same days."""
    if draft.package.type != PackageType.FREE_MINUTES:
        return []
    query = (
        _bundles()
        .where(Assignment.customer_id == draft.customer.id)
        .where(or_(Assignment.end_date.is_(None), Assignment.end_date >= draft.start_date))
    )
    if draft.end_date:
        query = query.where(Assignment.start_date <= draft.end_date)
    if draft.did:
        query = query.where(or_(Assignment.did_id == draft.did.id, Assignment.did_id.is_(None)))
    return [
        other
        for other in db.session.scalars(query)
        if may_meet(draft.package.destination, other.package.destination)
    ]


def overlap_words(draft: Draft, other: Assignment) -> str:
    """That two bundles cover some of the same calls, and which of them is used first, in a sentence."""
    whose = f" on {other.did.number}" if other.did else ""
    since = long_day(other.start_date)
    if (other.did is None) != (draft.did is None):
        first = "The DID's minutes are used first."
    else:
        first = "The one whose period ends earlier is used first."
    return f"{other.package.name}{whose}, assigned since {since}, covers some of the same calls. {first}"


def may_meet(one: str, other: str) -> bool:
    """Whether two patterns can mean the same number; where that cannot be told, they may."""
    if not one or not other:
        return True
    mine, theirs = _prefixes(one), _prefixes(other)
    if mine is None or theirs is None:
        return True
    return any(a.startswith(b) or b.startswith(a) for a in mine for b in theirs)


def _prefixes(pattern: str) -> list[str] | None:
    """The beginnings of numbers that a pattern is made of; None where it is made of more than that."""
    found = [PREFIX.fullmatch(part) for part in pattern.split("|")]
    return [part[1] for part in found if part] if all(found) else None
