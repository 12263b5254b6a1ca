"""Terms + where an assignment stands + a day -> the charges that fall due, and where it stands then
(billing-rules 4).

Periods are half-open: `[from, until)`. An end date is the last day of service.

The walk is driven by a cursor, `Position.charged_until`, and goes through *stages*: the spans of days in
which one end date was known. So a run that comes late sees every change on its own day and posts what a
punctual one would have. What was posted for a period is compared with what it should come to whenever the
end date has changed or has passed; the difference is a charge of its own.
"""

from collections.abc import Iterator
from datetime import date
from functools import cached_property, lru_cache
from typing import NamedTuple

from portal.domain import lines
from portal.domain.course import Course, course, next_step, times_of
from portal.domain.due import NOTHING, Due, DueCharge, Kind, Late, Position, Posted, Spend, no_spend
from portal.domain.money import tax_on
from portal.domain.schedule import ONE_DAY
from portal.domain.terms import (
    Proration,
    Segment,
    Span,
    Terms,
    charged_at_the_start,
    in_force,
    segments,
    span_around,
    span_from,
)

FAR = date.max


def charges_due(
    terms: Terms,
    position: Position,
    through: date,
    posted: dict[date, Posted] | None = None,
    spend: Spend = no_spend,
    late: Late | None = None,
) -> Due:
    """Every charge that falls due up to and including `through`.

    `posted` holds what stands posted of the periods that a changed end date or late calls may reach
    (see `corrected_from`), by their first day; `spend(from, until)` what calls cost in a span, in micros.
    """
    if late or terms.minimum_spend or len(terms.ends) > 1:
        return Walk(terms, position, through, posted or {}, spend, late).run()
    return _plain(terms, position, through)


@lru_cache(maxsize=32_768)
def _plain(terms: Terms, position: Position, through: date) -> Due:
    """The same where nothing but the terms matters: no calls, and no end date that was changed."""
    return Walk(terms, position, through, {}, no_spend, None).run()


def corrected_from(terms: Terms, late: Late | None = None) -> date | None:
    """The first day from which periods may have to be corrected; None where nothing came afterwards.

    What is posted of periods that run beyond that day must be handed to `charges_due`.
    """
    if len(terms.ends) == 1 and not late:
        return None
    days = [end + ONE_DAY for _, end in terms.ends if end] if len(terms.ends) > 1 else []
    if late and terms.minimum_spend:
        days.append(late.since)
    return min(days, default=None)


def at_rate(should: DueCharge, rate: int, unit: int) -> DueCharge:
    """A line with the tax that another rate takes."""
    if rate == should.tax_rate:
        return should
    return should._replace(tax_rate=rate, tax=tax_on(should.amount, rate, unit))


def difference(should: DueCharge, stands: Posted, day: date) -> DueCharge:
    """What is to be posted on a day so that what stands comes to what it should: a credit or a difference."""
    line = should._replace(
        charge_on=day,
        amount=should.amount - stands.amount,
        cost=should.cost - stands.cost,
        tax=should.tax - stands.tax,
        number=stands.corrections + 1,
    )
    kind = Kind.CREDIT if (line.amount, line.cost, line.tax) < (0, 0, 0) else Kind.DIFFERENCE
    return line._replace(kind=kind)


class _Stage(NamedTuple):
    """The days [since, through] in which the end date was known to be `end`; before them it was `before`."""

    since: date
    through: date
    end: date | None
    before: date | None


class Walk:
    """One walk of an assignment from its position to a day."""

    def __init__(
        self,
        terms: Terms,
        position: Position,
        through: date,
        posted: dict[date, Posted],
        spend: Spend,
        late: Late | None,
    ) -> None:
        self.terms = terms
        self.cursor = position.charged_until
        self.worked = position.worked_through
        self.through = through
        self.posted = dict(posted) if posted else {}
        self.spend = spend
        self.charges: list[DueCharge] = []
        self.late = late if terms.minimum_spend else None
        self.corrected_from = corrected_from(terms, late) if terms.recurs else None
        self.ahead: Course | None = None  # the course up to `through`, once it is walked to its end

    def run(self) -> Due:
        """Walk stage by stage; where nothing came afterwards there is one, and nothing to correct."""
        worked = max(self.through, self.worked) if self.worked else self.through
        since, end = self.terms.ends[0]
        if len(self.terms.ends) == 1 and since <= self.through and not self.late:
            self._walk(since, end, self.through)
            return Due(tuple(self.charges), Position(self.cursor, worked), self._next_step(end))
        stage = None
        for stage in self._stages():
            if stage.since <= self.through:
                self._walk_stage(stage)
        assert stage is not None, "an end history is never empty"
        return Due(tuple(self.charges), Position(self.cursor, worked), self._next())

    # -- stages

    def _stages(self) -> Iterator[_Stage]:
        """The stages not yet worked through, the last one open."""
        ends = self.terms.ends
        for index, (known_on, end) in enumerate(ends):
            last = index + 1 == len(ends)
            through = FAR if last else ends[index + 1][0] - ONE_DAY
            if self.worked is None or through >= self.worked:
                yield _Stage(known_on, through, end, ends[max(index - 1, 0)][1])

    def _walk_stage(self, stage: _Stage) -> None:
        through = min(stage.through, self.through)
        changed = self.corrected_from is not None and (self.worked is None or stage.since > self.worked)
        if changed:
            self._correct(stage, stage.since)
        self._walk(stage.since, stage.end, through)
        if self.late and stage.since <= self.late.on <= through:
            self._correct(stage, self.late.on, self.late)
        if (
            self.corrected_from
            and stage.end
            and stage.since <= stage.end < through
            and self._passes(stage.end)
        ):
            self._correct(stage, stage.end + ONE_DAY)

    def _walk(self, since: date, end: date | None, through: date) -> None:
        """Walk the schedule up to a day, while `end` is the end date, as is known `since`."""
        walked = course(times_of(self.terms, self.cursor), self.cursor, since, end, through)
        self.cursor, self.ahead = walked.cursor, walked if through == self.through else None
        for span, found_on in walked.steps:
            if span is None:
                for charge in self.once(found_on):
                    self._take(charge)
            else:
                self._take(self._period(span, end, found_on))

    def _passes(self, last_day: date) -> bool:
        """Whether no run has dealt with the day after a last day; once one has, only late calls reopen a period."""
        return self.worked is None or self.worked <= last_day

    def _take(self, charge: DueCharge) -> None:
        if not charge.is_nothing:
            self.charges.append(charge)
            if self.corrected_from and charge.period_until:
                self.posted[charge.period_from] = self.posted.get(charge.period_from, NOTHING).plus(charge)

    # -- lines

    def once(self, found_on: date) -> tuple[DueCharge, ...]:
        """What the first day brings once: setup, and a one-off."""
        terms, day = self.terms, self.terms.begins
        prices, quantity = in_force(terms.prices, day), in_force(terms.quantities, day)
        rate = in_force(terms.tax_rates, day)
        return lines.once(day, found_on, terms.start_date, terms.recurs, prices, quantity, rate, terms.unit)

    def _period(self, span: Span, end: date | None, found_on: date, spend: Spend | None = None) -> DueCharge:
        """What a period comes to, given the end date: dated its first day, or settled the day after its last."""
        terms, begins, until = self.terms, span.begins, span.until
        prices, quantity = in_force(terms.prices, begins), in_force(terms.quantities, begins)
        if not terms.minimum_spend:
            ends = end if end and end < until else None
            rate, by_days = in_force(terms.tax_rates, begins), terms.proration == Proration.DAILY
            return lines.recurring(span, ends, found_on, by_days, prices, quantity, rate, terms.unit)
        if end and end < until:
            until = max(end + ONE_DAY, begins)
        rate = in_force(terms.tax_rates, until)
        spent = (spend or self.spend)(begins, until) if until > begins else 0
        return lines.settled(
            begins, until, span.whole_days, found_on, spent, prices, quantity, rate, terms.unit
        )

    # -- corrections

    @cached_property
    def found(self) -> tuple[Segment, ...]:
        """The segments of its schedules."""
        return segments(self.terms) if self.terms.recurs else ()

    def _charges(self, span: Span) -> bool:
        """Whether a period of the schedule is charged, in full or by days."""
        return span.is_whole or charged_at_the_start(self.terms.proration, self.found, span)

    def _reached(self) -> Iterator[Span]:
        """The periods already charged that a change of the end date may reach, in order."""
        if self.corrected_from is not None:
            yield from self.charged_since(self.corrected_from)

    def charged_since(self, day: date) -> Iterator[Span]:
        """The periods already charged from the one that `day` lies in, in order."""
        if self.cursor is None:
            return
        span = span_around(self.found, max(day, self.terms.start_date))
        while span.begins < self.cursor:
            yield from (part for part in self._charged_parts(span) if part.begins < self.cursor)
            span = span_from(self.found, span.until)

    def _charged_parts(self, span: Span) -> Iterator[Span]:
        """The parts of a period that were charged: all of it, or from the day charging began."""
        begins = self.terms.begins
        charged_before = self.posted.get(span.begins, NOTHING).tax_rate is not None
        if charged_before or (span.begins >= begins and self._charges(span)):
            yield span
        elif span.begins < begins < span.until and self.terms.proration == Proration.DAILY:
            yield Span(begins, span.until, span.whole_days)

    def _corrections(self, stage: _Stage, day: date, late: Late | None = None) -> Iterator[DueCharge]:
        """The differences between what periods should come to, on `day`, and what was posted."""
        for span in self._reached():
            stands = self.posted.get(span.begins, NOTHING)
            if stands.reversed or not self._is_open(span, stage, day, late):
                continue
            line = difference(self.comes_to(span, stage.end, day, stands), stands, day)
            if not line.is_nothing:
                yield line

    def comes_to(
        self, span: Span, end: date | None, day: date, stands: Posted, spend: Spend | None = None
    ) -> DueCharge:
        """What a period that was charged should come to, at the tax rate that it bears."""
        should = self._period(span, end, day, spend)
        rate = self._first_rate(span) if stands.tax_rate is None else stands.tax_rate
        return at_rate(should, rate, self.terms.unit)

    def _first_rate(self, span: Span) -> int:
        """The tax rate of a period that came to nothing: that of its charge date when it was dealt with."""
        terms, day = self.terms, span.begins
        if terms.minimum_spend:
            for index, (_, end) in enumerate(terms.ends):
                if end and end < span.begins:
                    continue  # it was not settled while this was the end date
                day = min(span.until, end + ONE_DAY) if end else span.until
                changed_on = terms.ends[index + 1][0] if index + 1 < len(terms.ends) else FAR
                if day + ONE_DAY * terms.wait_days < changed_on:
                    break
        return in_force(terms.tax_rates, day)

    def _is_open(self, span: Span, stage: _Stage, day: date, late: Late | None) -> bool:
        """Whether late calls reopen a period; without any, whether the end date that changed or passed reaches it."""
        if late:
            ended_on = min(span.until, stage.end + ONE_DAY) if stage.end else span.until
            return (late.on - ended_on).days <= late.within
        ends = (stage.end, stage.before) if day == stage.since else (stage.end,)
        return any(end is not None and span.until > end + ONE_DAY for end in ends)

    def _correct(self, stage: _Stage, day: date, late: Late | None = None) -> None:
        """Post the corrections of `day`: a credit only once the last day is over, or for late calls."""
        ended = late is not None or (stage.end is not None and day > stage.end)
        for line in list(self._corrections(stage, day, late)):
            if line.kind == Kind.DIFFERENCE or ended:
                self._take(line)

    # -- what comes next

    def _next(self) -> date | None:
        """The next day after `through` on which anything can fall due, as far as is known now."""
        ends = self.terms.ends
        known_on, end = next((e for e in reversed(ends) if e[0] <= self.through), ends[0])
        days = [self._next_step(end), next((day for day, _ in ends if day > self.through), None)]
        if self.late and self.late.on > self.through:
            days.append(self.late.on)
        if end and end >= self.through and self.corrected_from is not None:
            stage = _Stage(known_on, FAR, end, end)
            if any(True for _ in self._corrections(stage, end + ONE_DAY)):
                days.append(end + ONE_DAY)
        return min(filter(None, days), default=None)

    def _next_step(self, end: date | None) -> date | None:
        if self.ahead:
            return self.ahead.next_day
        return next_step(times_of(self.terms, self.cursor), self.cursor, end)
