"""Periods that ended too long ago to be reopened: of free minutes, and of minimum spends that were settled.

Calls of their days that come in, or leave, change what was spent on those days and nothing else (billing-rules 10, 16).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import or_, select

from portal.domain.free_minutes import allowances
from portal.domain.schedule import ONE_DAY
from portal.domain.terms import PackageType
from portal.extensions import db
from portal.models import Assignment, AssignmentPosition, Customer, Did, Package
from portal.services.billing.failures import failed
from portal.services.billing.loading import call_days, terms_of
from portal.services.calls.covering import is_frozen
from portal.services.chunks import in_chunks

Span = tuple[date, date]


@dataclass(frozen=True, slots=True)
class Closed:
    """A period of an assignment that stays as it is."""

    assignment_id: int
    customer_id: int
    customer: str
    package: str
    did_number: str
    begins: date
    last_day: date


def closed_periods(days: Mapping[int, Span], today: date, most: int) -> list[Closed]:
    """The periods that meet days of customers, from a first to a last one each; one more than `most`, if there are."""
    found: list[Closed] = []
    for ids in in_chunks(sorted(days)):
        for closed in _closed(ids, days, today):
            found.append(closed)
            if len(found) > most:
                return found
    return found


def _closed(ids: Sequence[int], days: Mapping[int, Span], today: date) -> Iterator[Closed]:
    within = call_days()[1]
    query = (
        select(
            Assignment.id, Assignment.customer_id, Customer.name, Package.name.label("package"), Did.number,
            Package.minimum_spend, AssignmentPosition.charged_until,
        )
        .join(Customer, Customer.id == Assignment.customer_id)
        .join(Package, Package.id == Assignment.package_id)
        .join(AssignmentPosition, AssignmentPosition.assignment_id == Assignment.id)
        .outerjoin(Did, Did.id == Assignment.did_id)
        .where(Assignment.customer_id.in_(ids))
        .where(or_(Package.minimum_spend, Package.type == PackageType.FREE_MINUTES))
        .order_by(Customer.search_key, Customer.id, Assignment.id)
    )  # fmt: skip
    rows = db.session.execute(query).all()
    terms = terms_of([row.id for row in rows]) if rows else {}
    for row in rows:
        first, last = days[row.customer_id]
        if row.id not in terms:
            continue
        try:
            periods = list(allowances(terms[row.id], 0, first, last + ONE_DAY))
        except Exception as error:
            failed(row.id, error)
            continue
        for period in periods:
            is_settled = row.charged_until and period.until and row.charged_until >= period.until
            if period.until and is_frozen(period, today, within) and (is_settled or not row.minimum_spend):
                yield Closed(
                    row.id, row.customer_id, row.name, row.package, row.number or "", period.begins,
                    period.until - ONE_DAY,
                )  # fmt: skip
