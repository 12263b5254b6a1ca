"""Free minutes as people read them: used and left in the running period, and bundles that overlap."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import joinedload

from portal.domain.free_minutes import Allowance, allowances
from portal.domain.phone_numbers import international
from portal.domain.schedule import ONE_DAY
from portal.domain.terms import PackageType
from portal.domain.wording import long_day
from portal.extensions import db
from portal.models import Assignment, CallCover, Package
from portal.services.assignments.assigning import Draft
from portal.services.billing.loading import terms_of
from portal.services.chunks import in_chunks

# As many of a customer's stand on a page.
SHOWN = 10
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


def free_minutes(customer_id: int, today: date, most: int | None = None) -> list[Used]:
    """The bundles of a customer that run today, the oldest assignment first; of many, so many at most."""
    return used_of(running(customer_id, today, most), today)


def running(customer_id: int, today: date, most: int | None = None) -> Sequence[Assignment]:
    """The assignments of these."""
    query = (
        _bundles()
        .where(Assignment.customer_id == customer_id, Assignment.start_date <= today)
        .where(or_(Assignment.end_date.is_(None), Assignment.end_date >= today))
        .limit(most)
    )
    return db.session.scalars(query).all()


def used_of(running: Sequence[Assignment], today: date) -> list[Used]:
    """What is used of these."""
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


@dataclass(frozen=True, slots=True)
class Overlap:
    """One of those asked about, and a bundle that covers some of the same calls over some of the same days."""

    mine: Draft | Assignment
    other: Assignment

    @property
    def words(self) -> str:
        """That they do, and which of them is used first, in a sentence."""
        other = self.other
        whose = f" on {international(other.did.number)}" if other.did else ""
        if (other.did is None) != (self.mine.did is None):
            first = "The DID's minutes are used first."
        else:
            first = "The one whose period ends earlier is used first."
        since = long_day(other.start_date)
        return f"{other.package.name}{whose}, assigned since {since}, covers some of the same calls. {first}"


def overlaps(wanted: Sequence[Draft | Assignment]) -> list[Overlap]:
    """The overlaps of each with the bundles that its customer has besides these, in their order."""
    mine = [one for one in wanted if one.package.type == PackageType.FREE_MINUTES]
    these = {one.id for one in mine if isinstance(one, Assignment)}
    theirs = defaultdict(list)
    for some in in_chunks(sorted({one.customer.id for one in mine})):
        for other in db.session.scalars(_bundles().where(Assignment.customer_id.in_(some))):
            theirs[other.customer_id].append(other)
    return [
        Overlap(one, other)
        for one in mine
        for other in theirs[one.customer.id]
        if other.id not in these and _meet(one, other)
    ]


def _meet(one: Draft | Assignment, other: Assignment) -> bool:
    """Whether they can cover the same call: on days, DIDs and destinations."""
    return (
        (other.end_date is None or other.end_date >= one.start_date)
        and (one.end_date is None or other.start_date <= one.end_date)
        and (one.did is None or other.did is None or one.did.id == other.did.id)
        and may_meet(one.package.destination, other.package.destination)
    )


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
