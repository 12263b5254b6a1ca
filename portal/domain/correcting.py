"""Correcting back to a day: terms that were wrong, and what was posted at them (billing-rules 15).

The right value takes its place in the history of a term, and every period that was charged with a first day on or
after that day is worked out at it. What it differs by from what stands is posted today.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from itertools import pairwise
from typing import Any, NamedTuple, TypeVar

from portal.domain.charges import Walk, at_rate, difference
from portal.domain.due import NOTHING, DueCharge, Kind, Position, Posted, Spend
from portal.domain.schedule import FIRST_DAY
from portal.domain.terms import History, OwnPrices, Prices, Span, Terms, in_force

Value = TypeVar("Value")
Four = TypeVar("Four", Prices, OwnPrices)


# -- the right terms


def changes(history: History[Any]) -> list[date]:
    """The days on which a term took another value."""
    return [day for (_, before), (day, value) in pairwise(history) if value != before]


def next_change(history: History[Any], since: date, kept: Collection[date] = ()) -> date | None:
    """The first change of a term after a day. `kept` are changes that an earlier correction has levelled."""
    return min((day for day in {*changes(history), *kept} if day > since), default=None)


def corrected(
    history: History[Value],
    since: date,
    right: Value,
    *,
    kept: Collection[date] = (),
    for_good: bool = False,
) -> History[Value]:
    """A history in which the right value holds from a day to the next change (`for_good`: ever after)."""
    until = None if for_good else next_change(history, since, kept)
    days = sorted({since, *(day for day, _ in history), *([until] if until else [])})
    rows = [
        (day, right if day >= since and (until is None or day < until) else in_force(history, day))
        for day in days
    ]
    return _beginning(rows, since)


def _beginning(rows: list[tuple[date, Value]], since: date) -> History[Value]:
    """Rows without the one of a day on which nothing begins: what held before holds on."""
    before = [value for day, value in rows if day < since]
    return tuple(row for row in rows if row[0] != since or not before or row[1] != before[-1])


def corrected_prices(
    history: History[Four],
    since: date,
    right: Mapping[str, int | None],
    *,
    kept: Mapping[str, Collection[date]] | None = None,
    for_good: bool = False,
) -> History[Four]:
    """The same for prices, of the four each by itself: `right` names those that were wrong, in micros."""
    kind: Any = type(history[0][1])
    each = {name: price_by_price(history, name) for name in kind._fields}
    for name, price in right.items():
        each[name] = corrected(each[name], since, price, kept=(kept or {}).get(name, ()), for_good=for_good)
    days = sorted({day for one in each.values() for day, _ in one})
    rows = [(day, kind(*(in_force(each[name], day) for name in kind._fields))) for day in days]
    return _beginning(rows, since)


def price_by_price(history: History[Four], name: str) -> History[int | None]:
    """The history of one of the four prices."""
    return tuple((day, getattr(four, name)) for day, four in history)


def own_or_none(own: History[OwnPrices]) -> History[OwnPrices]:
    """An assignment's own prices as a history from the first day on, also where there are none."""
    return own if own and own[0][0] <= FIRST_DAY else ((FIRST_DAY, OwnPrices()), *own)


# -- what was posted


class Stands(NamedTuple):
    """What stands posted of an assignment: of its periods by their first day, of setup and one-off by kind.

    `numbers` is the last number that a credit or difference of a first day has, whatever it corrects.
    """

    periods: dict[date, Posted]
    once: dict[Kind, Posted]
    numbers: dict[date, int]


class Corrected(NamedTuple):
    """A charge that a correction reaches: what stands of it, what it should be, and what is posted for that.

    `line` is None where nothing is: it is right, or it was reversed and is left as it is.
    """

    kind: Kind
    stands: Posted
    should: DueCharge
    line: DueCharge | None


def correct_back(
    terms: Terms, position: Position, since: date, today: date, stands: Stands, spend: Spend
) -> list[Corrected]:
    """What was charged with a first day on or after `since` (setup, one-off, periods), held against the right terms.

    A period is worked out up to the end date that its charge and its corrections so far have seen: what an end date
    changes besides is posted in its time. `spend` is asked where it is not known what a minimum spend was last
    measured with.
    """
    walk = Walk(terms, position, today, stands.periods, spend, None)
    numbers = dict(stands.numbers)
    found: list[Corrected] = []
    for kind, posted, should in [
        *_once(walk, position, since, today, stands),
        *_periods(walk, position, since, today),
    ]:
        line = difference(should, posted, today)
        if kind in (Kind.SETUP, Kind.ONE_OFF) and posted == NOTHING:
            line = should._replace(charge_on=today)  # there is no charge that it could correct
        if posted.reversed or line.is_nothing:
            found.append(Corrected(kind, posted, should, None))
            continue
        if line.kind in (Kind.CREDIT, Kind.DIFFERENCE):
            number = numbers.get(line.period_from, 0) + 1
            numbers[line.period_from] = number
            line = line._replace(number=number)
        found.append(Corrected(kind, posted, should, line))
    return found


def _once(
    walk: Walk, position: Position, since: date, today: date, stands: Stands
) -> Iterator[tuple[Kind, Posted, DueCharge]]:
    terms = walk.terms
    if position.charged_until is None or not terms.sets_up or terms.start_date < since:
        return
    for should in walk.once(today):
        posted = stands.once.get(should.kind, NOTHING)
        rate = should.tax_rate if posted.tax_rate is None else posted.tax_rate
        yield should.kind, posted, at_rate(should, rate, terms.unit)


def _periods(
    walk: Walk, position: Position, since: date, today: date
) -> Iterator[tuple[Kind, Posted, DueCharge]]:
    terms = walk.terms
    if not terms.recurs:
        return
    for span in walk.charged_since(since):
        if span.begins < since:
            continue
        posted = walk.posted.get(span.begins, NOTHING)
        end = end_seen(terms.ends, position.worked_through, span)
        should = walk.comes_to(span, end, today, posted, _last_measured(walk.spend, posted))
        yield should.kind, posted, should


def _last_measured(spend: Spend, posted: Posted) -> Spend:
    """What a minimum spend was last measured with; where that is not known, what calls cost now."""

    def measured(begins: date, until: date) -> int:
        if posted.spend is not None and posted.until == until:
            return posted.spend
        return spend(begins, until)

    return measured


def end_seen(ends: History[date | None], worked: date | None, span: Span) -> date | None:
    """The end date up to which a period that was charged stands.

    One that has passed has credited what lay behind it. Until then a period stands up to the latest end date that was
    known since it was charged: a later one completes it at once, an earlier one only when it passes.
    """
    known = [row for row in ends if worked is None or row[0] <= worked] or [ends[0]]
    last = known[-1][1]
    if last and worked and last < worked:
        return last
    seen: Iterable[date | None] = [
        in_force(tuple(known), span.begins),
        *(end for day, end in known if day > span.begins),
    ]
    found = [end for end in seen if end]
    return None if any(end is None for end in seen) else max(found)
