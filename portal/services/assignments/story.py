"""One assignment's whole story: its terms and since when they hold, what was charged and why, what comes next."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from sqlalchemy import func, select

from portal.domain.schedule import FIRST_DAY, Schedule
from portal.domain.wording import charged, whole
from portal.extensions import db
from portal.models import Assignment, AssignmentHold, Charge
from portal.services.assignments.own_prices import SETUP, planned_days
from portal.services.billing.planning import Plan, upcoming
from portal.services.charges.explaining import Explained, explained
from portal.services.packages.definition import PRICE_LABELS
from portal.services.runs import holds

AHEAD = timedelta(days=365)
POSTED_SHOWN, UPCOMING_SHOWN = 20, 14


@dataclass(frozen=True, slots=True)
class Term:
    """A value that an assignment is charged by. `since` is None where it has always held.

    `price` names which of the four prices it is, `package` is the package's beside one that is the assignment's own.
    """

    name: str
    value: object
    since: date | None
    price: str = ""
    package: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """All that an assignment's page tells."""

    terms: Sequence[Term]
    planned: Sequence[Term]
    posted: Sequence[Explained]
    posted_count: int
    plan: Plan
    upcoming: Sequence[Explained]
    held: holds.HeldAssignment | None
    choices: Sequence[AssignmentHold]
    # The days to come from which other own prices hold.
    own_days: Sequence[date]

    @property
    def more_upcoming(self) -> int:
        """The charges of the year to come that are not shown."""
        return len(self.plan.charges) - len(self.upcoming)


def story_of(assignment: Assignment, today: date) -> Story:
    """The story as of today."""
    known = list(_changes(_terms(assignment)))
    held = holds.described([assignment], today)
    plan = upcoming(FIRST_DAY, today + AHEAD, today, ids=[assignment.id])
    mine = Charge.assignment_id == assignment.id
    last = select(Charge).where(mine).order_by(Charge.charge_on.desc(), Charge.id.desc()).limit(POSTED_SHOWN)
    return Story(
        terms=[_beside(term, assignment, today) for term in _latest(known, today)],
        planned=[term for term in known if term.since and term.since > today],
        posted=explained(list(db.session.scalars(last))),
        posted_count=db.session.scalar(select(func.count(Charge.id)).where(mine)) or 0,
        plan=plan,
        upcoming=explained(plan.charges[:UPCOMING_SHOWN]),
        held=held[0] if held else None,
        choices=holds.choices_made(assignment),
        own_days=planned_days(assignment, today),
    )


def _terms(assignment: Assignment) -> Iterable[Term]:
    """Every value with the day from which it holds, in the order of those days for each name."""
    package, customer = assignment.package, assignment.customer
    for schedule in package.schedules:
        words = charged(Schedule(schedule.frequency, schedule.frequency_match))
        yield Term("Charged", words, _since(schedule.effective_from))
    yield from _prices(assignment)
    for quantity in assignment.quantities:
        yield Term("Quantity", whole(quantity.quantity), _since(quantity.effective_from))
    for rate in customer.tax_rates:
        yield Term("Tax Rate", rate.tax.words, _since(rate.effective_from))


def _prices(assignment: Assignment) -> Iterable[Term]:
    """The prices of every day on which the package's or the assignment's own ones change."""
    package, currency = assignment.package, assignment.customer.currency
    days = {row.effective_from for row in package.prices if row.currency == currency}
    days |= {row.effective_from for row in assignment.own_prices}
    held = [(day, prices) for day in sorted(days) if (prices := assignment.prices_on(day))]
    labels = PRICE_LABELS | ({"retail": "Minimum Spend"} if package.minimum_spend else {})
    shown = ["retail", "cost"]
    shown += [name for name in SETUP if any(getattr(prices, name) for _, prices in held)]
    for day, prices in held:
        for name in shown:
            theirs = getattr(prices.package, name) if name in prices.own else None
            yield Term(labels[name], getattr(prices, name), _since(day), name, theirs)


def _changes(terms: Iterable[Term]) -> Iterator[Term]:
    """The terms without those that only say again what holds already."""
    before: dict[str, object] = {}
    for term in terms:
        said = term.value, term.package is None
        if term.name not in before or before[term.name] != said:
            yield term
        before[term.name] = said


def _beside(term: Term, assignment: Assignment, today: date) -> Term:
    """A term in force, an own price with the package's price of today beside it."""
    held = assignment.prices_on(today) if term.package is not None else None
    return replace(term, package=getattr(held.package, term.price)) if held else term


def _since(effective_from: date) -> date | None:
    return None if effective_from <= FIRST_DAY else effective_from


def _latest(terms: Iterable[Term], today: date) -> Iterable[Term]:
    """Of each name the value in force: the last one that holds by today, or the first one there is."""
    found: dict[str, Term] = {}
    for term in terms:
        if term.name not in found or (term.since or FIRST_DAY) <= today:
            found[term.name] = term
    return found.values()
