"""Free minutes: call minutes that are not charged (billing-rules 10).

An assignment of a free-minutes package brings an *allowance* of seconds in each period that its schedule
charges for. Calls take from allowances in the order in which they started.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from portal.domain.money import round_half_up
from portal.domain.schedule import ONE_DAY
from portal.domain.terms import (
    Proration,
    Span,
    Terms,
    charged_at_the_start,
    in_force,
    segments,
    span_around,
    span_from,
)

FAR = date.max


class Allowance(NamedTuple):
    """Seconds that are free in [begins, until); `until` is None where a bundle without frequency never ends."""

    begins: date
    until: date | None
    seconds: int


def allowances(terms: Terms, minutes: int, since: date, before: date) -> Iterator[Allowance]:
    """The allowances of an assignment whose periods meet the days [since, before), in order of time."""
    end = terms.ends[-1][1]
    begins = terms.begins
    if end and end < begins:
        return
    until = end + ONE_DAY if end else None
    if not terms.recurs:
        if begins < before and (until is None or until > since):
            yield Allowance(begins, until, minutes * 60 * in_force(terms.quantities, begins))
        return
    found = segments(terms)
    span = span_around(found, max(since, begins))
    if span.begins < begins:
        span = Span(begins, span.until, span.whole_days)
    while span.begins < before and (until is None or span.begins < until):
        if span.is_whole or charged_at_the_start(terms.proration, found, span):
            yield _allowance(terms, minutes, span, until)
        span = span_from(found, span.until)


def _allowance(terms: Terms, minutes: int, span: Span, until: date | None) -> Allowance:
    """A period's allowance, reduced by days where the period is charged by days, down to the whole second."""
    ends = min(span.until, until) if until else span.until
    charged = ends if terms.proration == Proration.DAILY else span.until
    seconds = minutes * 60 * in_force(terms.quantities, span.begins)
    return Allowance(span.begins, ends, seconds * (charged - span.begins).days // span.whole_days)


@dataclass(slots=True)
class Bundle:
    """One allowance at work: whose calls it covers, to which numbers, and how many seconds are left.

    `did_id` is None for a bundle of the whole customer.
    """

    assignment_id: int
    did_id: int | None
    allowance: Allowance
    matches: Callable[[str], bool]
    left: int

    @property
    def order(self) -> tuple[bool, date, int]:
        """A DID's before its customer's, then the earlier period end (open last), then the older assignment."""
        return (self.did_id is None, self.allowance.until or FAR, self.assignment_id)


class UsedCall(NamedTuple):
    """A call as free minutes see it; `amount` in micros, `dids` the DIDs that its record names.

    `taken` seconds of it, for `paid`, are covered already by periods that are not worked out again.
    """

    id: int
    day: date
    dids: tuple[int | None, ...]
    destination: str
    seconds: int
    amount: int
    taken: int = 0
    paid: int = 0


class Cover(NamedTuple):
    """What one bundle covers of one call, in seconds and micros."""

    call_id: int
    assignment_id: int
    period_from: date
    seconds: int
    amount: int


def cover(calls: Iterable[UsedCall], bundles: Iterable[Bundle]) -> Iterator[Cover]:
    """Let calls, given in the order of their start and call id, take from the bundles; `left` goes down.

    A call that runs over is covered in proportion, to a millionth, and the next bundle covers on.
    """
    in_order = sorted(bundles, key=lambda bundle: bundle.order)
    for call in calls:
        if not (call.seconds and call.amount):
            continue
        taken, paid = call.taken, call.paid
        for bundle in in_order:
            if taken == call.seconds:
                break
            if not bundle.left or not _covers(bundle, call):
                continue
            seconds = min(bundle.left, call.seconds - taken)
            bundle.left -= seconds
            taken += seconds
            amount = round_half_up(call.amount * taken, call.seconds, 1) - paid
            paid += amount
            yield Cover(call.id, bundle.assignment_id, bundle.allowance.begins, seconds, amount)


def _covers(bundle: Bundle, call: UsedCall) -> bool:
    begins, until, _ = bundle.allowance
    if call.day < begins or (until is not None and call.day >= until):
        return False
    if bundle.did_id is not None and bundle.did_id not in call.dids:
        return False
    return bundle.matches(call.destination)
