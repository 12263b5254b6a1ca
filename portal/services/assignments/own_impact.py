"""What own prices bring before they are saved: whom, from when, and by how much a month (billing-rules 6 and 14)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256

from portal.domain.money import to_micros
from portal.domain.schedule import FIRST_DAY, Schedule
from portal.models import Assignment
from portal.services.assignments.own_prices import OwnChange, planned_days
from portal.services.packages.definition import PRICE_LABELS, that_round_to_nothing
from portal.services.packages.figures import a_month, charges_a_month
from portal.services.packages.impact import first_charge_on

ONCE = Fraction(1)


@dataclass(frozen=True, slots=True)
class Line:
    """One of the four prices of an assignment: before, and after; `is_own` says whose it is then."""

    label: str
    before: Decimal
    after: Decimal
    is_own: bool


@dataclass(frozen=True, slots=True)
class OwnHit:
    """An assignment with other own prices: from which charge date, and what it comes to a month, or once."""

    assignment: Assignment
    quantity: int
    lines: tuple[Line, ...]
    first_on: date | None
    before: Decimal
    after: Decimal
    once_before: Decimal
    once_after: Decimal
    at_once: bool


@dataclass(frozen=True, slots=True)
class OwnEffect:
    """What all of them come to in one currency."""

    currency: str
    assignments: int
    before: Decimal
    after: Decimal
    once_before: Decimal
    once_after: Decimal


@dataclass(frozen=True, slots=True)
class OwnImpact:
    """Everything a person sees of other own prices before they are saved."""

    hits: tuple[OwnHit, ...]
    effects: tuple[OwnEffect, ...]
    # Days from which other own prices were planned before: from then on those hold instead.
    later: tuple[date, ...]
    warnings: tuple[str, ...]

    @property
    def customers(self) -> int:
        """How many customers it hits."""
        return len({hit.assignment.customer_id for hit in self.hits})

    @property
    def fingerprint(self) -> str:
        """What a person agreed to: if it differs when it is saved, it is shown again."""
        seen = [
            (hit.assignment.id, hit.quantity, hit.lines, hit.first_on, hit.before, hit.after)
            for hit in self.hits
        ]
        return sha256(repr(seen).encode()).hexdigest()[:20]


def impact_of(changes: Iterable[OwnChange]) -> OwnImpact:
    """What planned changes come to. Nothing is written."""
    changes = [change for change in changes if change.prices]
    hits = tuple(_hit(change) for change in changes)
    sums: dict[str, list[OwnHit]] = defaultdict(list)
    for hit in hits:
        sums[hit.assignment.customer.currency].append(hit)
    later = {day for change in changes for day in planned_days(change.assignment, change.day)}
    return OwnImpact(
        hits,
        tuple(_effect(currency, found) for currency, found in sorted(sums.items())),
        tuple(sorted(later)),
        tuple(dict.fromkeys(_warnings(changes))),
    )


def _effect(currency: str, hits: Sequence[OwnHit]) -> OwnEffect:
    names = ("before", "after", "once_before", "once_after")
    return OwnEffect(
        currency, len(hits), *(sum((getattr(hit, name) for hit in hits), Decimal(0)) for name in names)
    )


def _hit(change: OwnChange) -> OwnHit:
    assignment, day, wanted = change.assignment, change.day, dict(change.prices)
    package, currency = assignment.package, assignment.customer.currency
    held = assignment.prices_on(day)
    assert held, "who has a package without prices cannot be charged, nor be given others"
    before = {name: getattr(held, name) for name in PRICE_LABELS}
    after = before | {
        name: getattr(held.package, name) if price is None else price for name, price in wanted.items()
    }
    lines = tuple(
        Line(PRICE_LABELS[name], before[name], after[name], price is not None)
        for name, price in wanted.items()
    )
    row = package.schedule_on(day)
    times = charges_a_month(Schedule(row.frequency, row.frequency_match), day)
    quantity = assignment.quantity_on(day)
    return OwnHit(
        assignment,
        quantity,
        lines,
        first_charge_on(assignment, change.effective_from),
        a_month(to_micros(before["retail"]), quantity, times, currency),
        a_month(to_micros(after["retail"]), quantity, times, currency),
        a_month(to_micros(_once(change, before)), quantity, ONCE, currency),
        a_month(to_micros(_once(change, after)), quantity, ONCE, currency),
        change.effective_from == FIRST_DAY,
    )


def _once(change: OwnChange, prices: Mapping[str, Decimal]) -> Decimal:
    """What is still paid once under these prices: setup, and a one-off's retail."""
    position = change.assignment.position
    if position is None or position.charged_until:
        return Decimal(0)
    return prices["setup_retail"] + (Decimal(0) if change.assignment.package.recurs else prices["retail"])


def _warnings(changes: Iterable[OwnChange]) -> Iterable[str]:
    for change in changes:
        given = {name: price for name, price in change.prices if price is not None}
        yield from that_round_to_nothing(given, change.assignment.customer.currency)
