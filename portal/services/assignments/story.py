"""One assignment's whole story: its terms and since when they hold, what was charged and why, what comes next."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import func, select

from portal.domain.schedule import FIRST_DAY, Schedule
from portal.domain.wording import charged, percent, whole
from portal.extensions import db
from portal.models import Assignment, AssignmentHold, Charge
from portal.services.billing.planning import Plan, upcoming
from portal.services.charges.explaining import Explained, explained
from portal.services.runs import holds

AHEAD = timedelta(days=365)
POSTED_SHOWN, UPCOMING_SHOWN = 20, 14


@dataclass(frozen=True, slots=True)
class Term:
    """A value that an assignment is charged by. `since` is None where it has always held."""

    name: str
    value: object
    since: date | None
    is_price: bool = False


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
        terms=list(_latest(known, today)),
        planned=[term for term in known if term.since and term.since > today],
        posted=explained(list(db.session.scalars(last))),
        posted_count=db.session.scalar(select(func.count(Charge.id)).where(mine)) or 0,
        plan=plan,
        upcoming=explained(plan.charges[:UPCOMING_SHOWN]),
        held=held[0] if held else None,
        choices=holds.choices_made(assignment),
    )


def _terms(assignment: Assignment) -> Iterable[Term]:
    """Every value with the day from which it holds, in the order of those days for each name."""
    package, customer = assignment.package, assignment.customer
    for schedule in package.schedules:
        words = charged(Schedule(schedule.frequency, schedule.frequency_match))
        yield Term("Charged", words, _since(schedule.effective_from))
    retail = "Minimum Spend" if package.minimum_spend else "Retail"
    sets_up = any(price.setup_retail for price in package.prices if price.currency == customer.currency)
    for price in package.prices:
        if price.currency == customer.currency:
            yield Term(retail, price.retail, _since(price.effective_from), True)
            yield Term("Cost", price.cost, _since(price.effective_from), True)
            if sets_up:
                yield Term("Setup Retail", price.setup_retail, _since(price.effective_from), True)
    for quantity in assignment.quantities:
        yield Term("Quantity", whole(quantity.quantity), _since(quantity.effective_from))
    for rate in customer.tax_rates:
        yield Term("Tax Rate", percent(rate.rate), _since(rate.effective_from))


def _changes(terms: Iterable[Term]) -> Iterator[Term]:
    """The terms without those that only say again what holds already."""
    before: dict[str, object] = {}
    for term in terms:
        if term.name not in before or before[term.name] != term.value:
            yield term
        before[term.name] = term.value


def _since(effective_from: date) -> date | None:
    return None if effective_from <= FIRST_DAY else effective_from


def _latest(terms: Iterable[Term], today: date) -> Iterable[Term]:
    """Of each name the value in force: the last one that holds by today, or the first one there is."""
    found: dict[str, Term] = {}
    for term in terms:
        if term.name not in found or (term.since or FIRST_DAY) <= today:
            found[term.name] = term
    return found.values()
