"""A new quantity waits for the next charge date: what is not charged until then (billing-rules 6)."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from portal.domain.money import from_micros
from portal.domain.proration import share
from portal.domain.schedule import ONE_DAY
from portal.domain.terms import in_force, segments, span_around
from portal.models import Assignment
from portal.services.billing.failures import Failed, failed, load_each
from portal.services.billing.loading import Loaded


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waiting gives away when units are added.

    `counts_from` is the charge date from which they are charged, None for a package that is charged once.
    `amount` is what they would cost until then, `setup` their setup, which units added later do not pay.
    """

    added: int
    effective_from: date
    counts_from: date | None
    days: int
    whole_days: int
    amount: Decimal
    setup: Decimal
    currency: str
    minimum_spend: bool

    @property
    def given_away(self) -> Decimal:
        """All that an assignment of their own would charge for the units."""
        return self.amount + self.setup


def waiting(assignment: Assignment, quantity: int, effective_from: date, today: date) -> Waiting | None:
    """What a rise of the quantity from `effective_from` on gives away; None where nothing is.

    Nothing is while nothing has been posted (it holds at once), where the quantity falls, and where it holds
    from a charge date on and there is no setup. Nor is anything told of one that cannot be worked out.
    """
    begun = assignment.position is not None and assignment.position.charged_until is not None
    if not begun and effective_from <= today:
        return None
    loaded = next(iter(load_each([assignment.id], spend_before=effective_from)), None)
    if loaded is None or isinstance(loaded, Failed):
        return None
    try:
        return _waiting(loaded, assignment, quantity, effective_from, today)
    except Exception as error:
        failed(assignment.id, error)
        return None


def _waiting(
    loaded: Loaded, assignment: Assignment, quantity: int, effective_from: date, today: date
) -> Waiting | None:
    terms, currency = loaded.terms, loaded.facts.currency
    before = in_force(terms.quantities, max(effective_from - ONE_DAY, today))
    if quantity <= before:
        return None
    prices, added = in_force(terms.prices, effective_from), quantity - before
    setup = share(prices.setup_retail, added, 1, 1, terms.unit) if effective_from > terms.begins else 0
    counts_from, days, whole_days = None, 1, 1
    if terms.recurs:
        span = span_around(segments(terms), max(effective_from, terms.begins))
        waits = span.begins < effective_from
        counts_from = span.until if waits else span.begins
        days = (_last(span.until, assignment.end_date) - effective_from).days if waits else 0
        whole_days = span.whole_days
        prices = in_force(terms.prices, span.begins)
    amount = share(prices.retail, added, days, whole_days, terms.unit) if days > 0 else 0
    if not amount and not setup:
        return None
    return Waiting(
        added, effective_from, counts_from, max(days, 0), whole_days, from_micros(amount), from_micros(setup), currency,
        terms.minimum_spend,
    )  # fmt: skip


def _last(until: date, end_date: date | None) -> date:
    """The end of a period, or of the service within it."""
    return min(until, end_date + ONE_DAY) if end_date else until
