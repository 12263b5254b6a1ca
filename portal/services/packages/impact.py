"""Whom a change of price or schedule hits, from when, and by how much a month: shown before it is saved."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256

from sqlalchemy import ColumnElement, and_, false, func, or_, select
from sqlalchemy.orm import joinedload, selectinload

from portal.domain.money import to_micros
from portal.domain.schedule import Schedule, on_or_after
from portal.domain.terms import Proration, Terms, segment_at, segments
from portal.extensions import db
from portal.models import Assignment, AssignmentPosition, Customer, Package
from portal.services.packages.changes import Change, planned_days
from portal.services.packages.definition import PRICE_LABELS, PriceSet, definition_of, own_set
from portal.services.packages.figures import (
    Assigned,
    OwnHolding,
    a_month,
    assigned,
    charges_a_month,
    has_own,
    open_on,
    own_held,
)

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change does in one currency: sums a month before and after, and once where it is paid once."""

    holding: Assigned
    before: Decimal
    after: Decimal
    once_before: Decimal
    once_after: Decimal

    @property
    def difference(self) -> Decimal:
        """By how much more (or less) a month."""
        return self.after - self.before

    @property
    def once_difference(self) -> Decimal:
        """By how much more (or less) once."""
        return self.once_after - self.once_before


@dataclass(frozen=True, slots=True)
class Hit:
    """One assignment that a change hits: from which charge date, and what it comes to a month."""

    assignment: Assignment
    quantity: int
    first_on: date | None
    before: Decimal
    after: Decimal


@dataclass(frozen=True, slots=True)
class Impact:
    """Everything a person sees of a change before it is saved."""

    change: Change
    effects: tuple[Effect, ...]
    hits: tuple[Hit, ...]
    later: tuple[date, ...]
    # Whose own prices it leaves alone: the first of them, and how many there are.
    left_alone: tuple[Assignment, ...] = ()
    left_alone_count: int = 0

    @property
    def day(self) -> date:
        """The first day that comes to something else."""
        return self.change.today if self.change.at_once else self.change.effective_from

    @property
    def is_seen_first(self) -> bool:
        """Whether a person sees it before it is saved: it hits somebody, or leaves somebody's own prices alone."""
        return bool(self.effects or self.left_alone_count)

    @property
    def assignments(self) -> int:
        """How many assignments it hits."""
        return sum(effect.holding.assignments for effect in self.effects)

    @property
    def customers(self) -> int:
        """How many customers it hits; each has one currency."""
        return sum(effect.holding.customers for effect in self.effects)

    @property
    def fingerprint(self) -> str:
        """What a person agreed to: if it differs when the change is saved, it is shown again."""
        change = self.change
        seen = (
            change.package.id, change.effective_from, change.prices, change.schedule, change.dropped,
            [(e.holding, e.before, e.after, e.once_before, e.once_after) for e in self.effects],
            self.left_alone_count,
        )  # fmt: skip
        return sha256(repr(seen).encode()).hexdigest()[:20]


def impact_of(change: Change) -> Impact:
    """Work out whom a planned change hits. Nothing is written."""
    package = change.package
    day = change.today if change.at_once else change.effective_from
    later = tuple(d for d in planned_days(package, change.today) if d > change.effective_from)
    if not change.of_terms:
        return Impact(change, (), (), later)
    left, hit = _left_alone(change, day), _hit(change)
    which = and_(hit, ~left)
    own = own_held(and_(Assignment.package_id == package.id, which), day)
    effects = tuple(
        _effect(change, holding, day, [one for one in own if one.currency == holding.currency])
        for holding in assigned(package, which, day)
        if change.schedule or any(p.currency == holding.currency for p in change.prices)
    )
    hits = tuple(_hits(change, which, day)) if effects else ()
    return Impact(change, effects, hits, later, *_those_left(change, and_(hit, left)))


def _left_alone(change: Change, day: date) -> ColumnElement[bool]:
    """The assignments that pay own prices in place of all that change (billing-rules 14); a schedule hits everybody."""
    if change.schedule:
        return false()
    return or_(
        *(
            and_(Customer.currency == prices.currency, has_own(_changed(change, prices), day))
            for prices in change.prices
        )
    )


def _changed(change: Change, prices: PriceSet) -> list[str]:
    """Which of the four prices a set changes."""
    was = _before(change, prices.currency)
    return [name for name in PRICE_LABELS if getattr(was, name) != getattr(prices, name)]


def _those_left(change: Change, which: ColumnElement[bool]) -> tuple[tuple[Assignment, ...], int]:
    """The first of those whose own prices are left alone, and how many there are."""
    query = (
        select(Assignment)
        .join(Customer, Customer.id == Assignment.customer_id)
        .where(Assignment.package_id == change.package.id, which)
    )
    count = db.session.scalar(query.with_only_columns(func.count())) or 0
    first = query.options(
        joinedload(Assignment.customer), joinedload(Assignment.did), selectinload(Assignment.own_prices)
    )
    return tuple(db.session.scalars(first.order_by(Assignment.id).limit(SHOWN))) if count else (), count


def _hit(change: Change) -> ColumnElement[bool]:
    """The assignments that a change hits: those with days (or a first day) left when it holds."""
    begins_later = Assignment.start_date >= change.effective_from
    if change.at_once:
        return Assignment.id.is_not(None)
    if not change.definition.recurs or _only_setup(change):
        return begins_later
    return open_on(change.effective_from)


def _only_setup(change: Change) -> bool:
    """Whether nothing but setup prices change, which are paid on the first day only."""
    if change.schedule:
        return False
    for prices in change.prices:
        was = _before(change, prices.currency)
        if (was.cost, was.retail) != (prices.cost, prices.retail):
            return False
    return True


def _before(change: Change, currency: str) -> PriceSet:
    """The prices that would hold without the change."""
    day = change.today if change.at_once else change.effective_from
    return definition_of(change.package, day).price_in(currency) or PriceSet(currency)


def _will_hold(change: Change, currency: str) -> PriceSet:
    """The prices that hold with the change."""
    typed = next((prices for prices in change.prices if prices.currency == currency), None)
    return typed or _before(change, currency)


def _times(change: Change, day: date) -> tuple[Fraction, Fraction]:
    """How often a month it charges, without the change and with it."""
    held = _schedule(change.package, day)
    return charges_a_month(held, day), charges_a_month(change.schedule or held, day)


def _schedule(package: Package, day: date) -> Schedule:
    row = package.schedule_on(day)
    return Schedule(row.frequency, row.frequency_match)


def _effect(change: Change, holding: Assigned, day: date, own: list[OwnHolding]) -> Effect:
    """What a change does in one currency; `own` are those in it who have own prices of something else."""
    currency = holding.currency
    was_held, will_hold = _before(change, currency), _will_hold(change, currency)
    each = [(was_held, will_hold, units, count) for units, count in holding.without(own)]
    each += [(one.prices.over(was_held), one.prices.over(will_hold), one.quantity, 1) for one in own]
    before, after = _times(change, day)
    once = Fraction(1)
    return Effect(
        holding,
        _sum(
            a_month(to_micros(was.retail), units, before, currency) * count for was, _, units, count in each
        ),
        _sum(
            a_month(to_micros(will.retail), units, after, currency) * count for _, will, units, count in each
        ),
        _sum(
            a_month(_paid_once(change, was), units, once, currency) * count for was, _, units, count in each
        ),
        _sum(
            a_month(_paid_once(change, will), units, once, currency) * count for _, will, units, count in each
        ),
    )


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))


def _paid_once(change: Change, prices: PriceSet) -> int:
    """What an assignment that begins under these prices pays once: setup, and a one-off's retail."""
    if not (_only_setup(change) or not change.definition.recurs):
        return 0
    once = prices.setup_retail + (Decimal(0) if change.definition.recurs else prices.retail)
    return to_micros(once)


def _hits(change: Change, which: ColumnElement[bool], day: date) -> Iterator[Hit]:
    """The first of the assignments it hits, each with its own first day."""
    currencies = [prices.currency for prices in change.prices]
    query = (
        select(Assignment)
        .join(Customer, Customer.id == Assignment.customer_id)
        .join(AssignmentPosition, AssignmentPosition.assignment_id == Assignment.id)
        .where(Assignment.package_id == change.package.id, which)
        .options(
            joinedload(Assignment.customer), joinedload(Assignment.did), selectinload(Assignment.own_prices)
        )
        .order_by(Assignment.id)
        .limit(SHOWN)
    )
    if not change.schedule:
        query = query.where(Customer.currency.in_(currencies))
    before, after = _times(change, day)
    for assignment in db.session.scalars(query):
        currency, quantity = assignment.customer.currency, assignment.quantity_on(day)
        own = own_set(assignment.own_on(day))
        was, will = own.over(_before(change, currency)), own.over(_will_hold(change, currency))
        yield Hit(
            assignment,
            quantity,
            _first_on(change, assignment),
            a_month(to_micros(was.retail), quantity, before, currency),
            a_month(to_micros(will.retail), quantity, after, currency),
        )


def _first_on(change: Change, assignment: Assignment) -> date | None:
    """The first charge date on which an assignment meets the change; None where it ends before."""
    history = _schedules(change.package)
    if change.schedule:
        history = [item for item in history if not _replaced(change, item[0])]
        history = sorted([*history, (change.effective_from, change.schedule)])
    return first_charge_on(assignment, change.effective_from, history)


def first_charge_on(
    assignment: Assignment, effective_from: date, schedules: list[tuple[date, Schedule]] | None = None
) -> date | None:
    """The first charge date of an assignment on or after a day; None where it ends before."""
    package = assignment.package
    begins = max(assignment.start_date, assignment.charge_from or assignment.start_date)
    day = max(effective_from, begins)
    if package.recurs and (day > begins or package.proration == Proration.NONE):
        history = tuple(_schedules(package) if schedules is None else schedules)
        terms = Terms(
            assignment.start_date,
            history,
            (),
            (),
            charge_from=assignment.charge_from,
            own_anchor=assignment.anchor,
        )
        day = on_or_after(segment_at(segments(terms), day).rhythm, day)
    return None if assignment.end_date and assignment.end_date < day else day


def _schedules(package: Package) -> list[tuple[date, Schedule]]:
    return [(row.effective_from, Schedule(row.frequency, row.frequency_match)) for row in package.schedules]


def _replaced(change: Change, effective_from: date) -> bool:
    """Whether a stored schedule gives way to the changed one."""
    return effective_from == change.effective_from or (change.at_once and effective_from <= change.today)
