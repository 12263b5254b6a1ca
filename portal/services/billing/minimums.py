"""Calls against the minimum: what is spent in the running period of each minimum spend, and what is missing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import or_, select

from portal.domain.minimum_spend import shortfall
from portal.domain.money import from_micros, round_half_up
from portal.domain.schedule import ONE_DAY
from portal.domain.terms import Span, charged_at_the_start, in_force, segments, span_around
from portal.extensions import db
from portal.models import Assignment, Package
from portal.services.billing.failures import Failed, failed, load_each
from portal.services.billing.loading import Loaded

# As many of a customer's stand on a page.
SHOWN = 10


@dataclass(frozen=True, slots=True)
class Minimum:
    """One minimum spend over its running period [begins, until). `missing` is charged if nothing more is spent.

    Where the first days are not measured, `measured` is false and `until` the day from which they are.
    """

    assignment_id: int
    label: str
    did_number: str
    currency: str
    begins: date
    until: date
    days_left: int
    measured: bool
    minimum: Decimal
    spent: Decimal
    missing: Decimal

    @property
    def is_met(self) -> bool:
        """Whether as much was spent as was promised."""
        return not self.missing

    @property
    def last_day(self) -> date:
        """The last day of the period."""
        return self.until - ONE_DAY


def minimums(customer_id: int, today: date, most: int | None = None) -> list[Minimum]:
    """The running minimum spends of a customer, the oldest first; of many, so many at most."""
    return minimums_of(running(customer_id, today, most), today)


def running(customer_id: int, today: date, most: int | None = None) -> Sequence[int]:
    """The ids of these."""
    query = (
        select(Assignment.id)
        .join(Package, Package.id == Assignment.package_id)
        .where(Assignment.customer_id == customer_id, Package.minimum_spend, Assignment.start_date <= today)
        .where(or_(Assignment.end_date.is_(None), Assignment.end_date >= today))
    )
    return db.session.scalars(query.order_by(Assignment.id).limit(most)).all()


def minimums_of(ids: Sequence[int], today: date) -> list[Minimum]:
    """How these stand."""
    loaded = load_each(ids, spend_before=today + ONE_DAY) if ids else ()
    found = (_minimum_of(item, today) for item in loaded if not isinstance(item, Failed))
    return [minimum for minimum in found if minimum]


def _minimum_of(loaded: Loaded, today: date) -> Minimum | None:
    """None also where it cannot be worked out: the page tells that where it tells what is charged next."""
    try:
        return _minimum(loaded, today)
    except Exception as error:
        failed(loaded.facts.assignment_id, error)
        return None


def _minimum(loaded: Loaded, today: date) -> Minimum | None:
    terms, facts = loaded.terms, loaded.facts
    if today < terms.begins:
        return None
    found, end = segments(terms), terms.ends[-1][1]
    span = span_around(found, today)
    if span.begins < terms.begins:
        span = Span(terms.begins, span.until, span.whole_days)
    measured = span.is_whole or charged_at_the_start(terms.proration, found, span)
    until = min(span.until, end + ONE_DAY) if end else span.until
    days, retail = (until - span.begins).days, in_force(terms.prices, span.begins).retail
    quantity = in_force(terms.quantities, span.begins)
    spent = loaded.spend(span.begins, until) if measured else 0
    missing = shortfall(retail, quantity, days, span.whole_days, spent, terms.unit) if measured else 0
    return Minimum(
        facts.assignment_id, facts.label, facts.did_number, facts.currency, span.begins, until,
        (until - today).days - 1, measured,
        from_micros(round_half_up(retail * quantity * days, span.whole_days, terms.unit)),
        from_micros(spent), from_micros(missing),
    )  # fmt: skip
