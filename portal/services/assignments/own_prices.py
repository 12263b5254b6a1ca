"""Own prices of an assignment: which of the four are not its package's, and from which day (billing-rules 14).

Each of the four has its own history. Planning a change refuses what cannot be, and making it writes; between the two
a person sees whom it hits (`portal.services.assignments.own_impact`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from portal.domain.errors import Invalid, RuleBroken
from portal.domain.schedule import FIRST_DAY, LAST_DAY, ONE_DAY
from portal.domain.wording import listed, long_day, price
from portal.extensions import db
from portal.models import Assignment, AssignmentPrice
from portal.services.batch import Batch, Refused
from portal.services.billing.positions import has_begun
from portal.services.packages import line_bound
from portal.services.packages.definition import NO_OWN, PRICE_LABELS, OwnPriceSet, own_set, price_problems
from portal.services.runs.assignment_locks import lock_assignment, lock_assignments, touch

SETUP = ("setup_cost", "setup_retail")


@dataclass(frozen=True, slots=True)
class OwnChange:
    """Other own prices of an assignment from a day on; a price that is None is the package's again.

    `effective_from` is FIRST_DAY where it holds at once: then it replaces what held from the beginning.
    """

    assignment: Assignment
    prices: tuple[tuple[str, Decimal | None], ...]
    effective_from: date
    today: date

    @property
    def day(self) -> date:
        """The first day that comes to something else."""
        return self.today if self.effective_from == FIRST_DAY else self.effective_from


def own_on(assignment: Assignment, day: date) -> OwnPriceSet:
    """Which prices are an assignment's own on a day."""
    return own_set(assignment.own_on(day))


def in_words(row: AssignmentPrice | None, currency: str) -> str:
    """Which prices are an assignment's own, as its history says it."""
    given = own_set(row).given
    said = [f"{PRICE_LABELS[name]} {price(value, currency)}" for name, value in given.items()]
    return listed(said) if said else "none, all are the package's"


def earliest_day(assignment: Assignment, today: date) -> date:
    """The first day from which other own prices can hold: today while nothing was posted of it, else tomorrow."""
    position = assignment.position
    return today + ONE_DAY if position and position.charged_until else today


def is_open(assignment: Assignment, name: str) -> bool:
    """Whether one of the four prices is still charged: setup, and a one-off, are charged once."""
    begun = bool(assignment.position and assignment.position.charged_until)
    return not begun or (name not in SETUP and assignment.package.recurs)


def plan_own_change(
    assignment: Assignment, prices: Mapping[str, Decimal | None], effective_from: date | None, today: date
) -> OwnChange:
    """Work out other own prices, by their names, or refuse them: None lifts one, what is not named stays.

    Without a day they hold from the earliest there is. Invalid names the field that cannot be.
    """
    lock_assignment(assignment.id)
    has_begun(assignment)
    return foresee_own_change(assignment, prices, effective_from, today)


def foresee_own_change(
    assignment: Assignment, prices: Mapping[str, Decimal | None], effective_from: date | None, today: date
) -> OwnChange:
    """The same as things look now, for who only wants to see it: nothing is locked."""
    if assignment.has_ended_on(today):
        assert assignment.end_date
        raise RuleBroken(f"It ended on {long_day(assignment.end_date)}. Assign the package again instead.")
    for problem in price_problems(prices):
        raise problem
    earliest = earliest_day(assignment, today)
    day = effective_from or earliest
    begins = _begins(assignment, day, earliest, today)
    held = own_on(assignment, day)
    changed = tuple((name, value) for name, value in prices.items() if value != getattr(held, name))
    for name, _ in changed:
        _refuse_too_late(assignment, name, begins)
    line_bound.check_own(assignment, dict(changed), day)
    return OwnChange(assignment, changed, begins, today)


def make_own_change(change: OwnChange) -> None:
    """Write a change that was planned."""
    if change.prices:
        through = change.today if change.effective_from == FIRST_DAY else change.effective_from
        _keep(change.assignment, dict(change.prices), change.effective_from, through)


def planned_days(assignment: Assignment, today: date) -> list[date]:
    """The days to come from which other own prices hold."""
    return [row.effective_from for row in assignment.own_prices if row.effective_from > today]


def drop_planned(assignment: Assignment, effective_from: date, today: date) -> None:
    """Take back the own prices that would hold from a day to come."""
    lock_assignment(assignment.id)
    if effective_from <= today:
        raise Invalid("effective_from", "This is already in force. Set other prices from tomorrow instead.")
    if effective_from not in planned_days(assignment, today):
        raise Invalid("effective_from", f"Nothing is planned for {long_day(effective_from)}.")
    before, after = own_on(assignment, effective_from - ONE_DAY), own_on(assignment, effective_from)
    taken = {
        name: getattr(before, name) for name in PRICE_LABELS if getattr(before, name) != getattr(after, name)
    }
    line_bound.check_own(assignment, taken, effective_from)
    _keep(assignment, taken, effective_from, effective_from)


# -- many at once


def plan_many(
    ids: Iterable[int], prices: Mapping[str, Decimal | None], effective_from: date | None, today: date
) -> Batch[OwnChange, Assignment]:
    """The same prices for all that may have them; each other one stays as it is, with its reason.

    Invalid where a price can be nobody's, or would be in more than one currency.
    """
    for problem in price_problems(prices):
        raise problem
    assignments = lock_assignments(ids)
    check_one_currency([one.customer.currency for one in assignments], prices)
    found: Batch[OwnChange, Assignment] = Batch()
    refused: list[RuleBroken] = []
    for assignment in assignments:
        try:
            found.done.append(plan_own_change(assignment, prices, effective_from, today))
        except RuleBroken as problem:
            refused.append(problem)
            found.refused.append(Refused(assignment, problem.sentence))
    if not found.done and len({(str(p), getattr(p, "field", "")) for p in refused}) == 1:
        raise refused[0]
    return found


def make_many(changes: Iterable[OwnChange]) -> None:
    """Write changes that were planned."""
    for change in changes:
        make_own_change(change)
    db.session.flush()


def check_one_currency(currencies: Iterable[str], prices: Mapping[str, Decimal | None]) -> None:
    """Refuse prices for customers of several currencies: a price is in one."""
    found = sorted(set(currencies))
    given = [name for name, value in prices.items() if value is not None]
    if given and len(found) > 1:
        raise Invalid(
            given[0],
            f"A price is in one currency, and these are {listed(found)}. Choose those of one currency.",
        )


# -- what cannot be


def _begins(assignment: Assignment, day: date, earliest: date, today: date) -> date:
    """The day from which a change holds; FIRST_DAY for at once."""
    if day < earliest:
        reason, back = "", ""
        if earliest > today:
            reason = "Charges have been posted at today's terms. "
            back = " What was wrong before is corrected back to a day."
        raise Invalid("effective_from", f"{reason}Choose {long_day(earliest)} or a later day.{back}")
    if day > LAST_DAY:
        raise Invalid("effective_from", f"Choose a day up to {long_day(LAST_DAY)}.")
    if assignment.end_date and day > assignment.end_date:
        raise Invalid(
            "effective_from", f"It ends on {long_day(assignment.end_date)}: nothing is charged after that."
        )
    return FIRST_DAY if day == today else day


def _refuse_too_late(assignment: Assignment, name: str, begins: date) -> None:
    """Refuse a price that is charged once, on the start date, once that has been or lies before."""
    if name not in SETUP and assignment.package.recurs:
        return
    first = max(assignment.start_date, assignment.charge_from or assignment.start_date)
    label = PRICE_LABELS[name]
    if not is_open(assignment, name):
        raise Invalid(name, f"{label} is charged once, and was: another price would change nothing.")
    if begins > first:
        raise Invalid(
            name, f"{label} is charged once, on {long_day(first)}. Choose that day or an earlier one."
        )


# -- writing


def _keep(
    assignment: Assignment, prices: Mapping[str, Decimal | None], effective_from: date, through: date
) -> None:
    """Let prices hold from a day on, in place of what began up to `through`, until the next change of each."""
    rows = assignment.own_prices
    held = own_on(assignment, through)
    if all(row.effective_from != effective_from for row in rows):
        before = own_on(assignment, effective_from)
        four = {name: getattr(before, name) for name in PRICE_LABELS}
        rows.append(AssignmentPrice(effective_from=effective_from, **four))
        rows.sort(key=lambda row: row.effective_from)
    later = [row for row in rows if row.effective_from >= effective_from]
    for name, value in prices.items():
        for row in later:
            if row.effective_from > through and getattr(row, name) != getattr(held, name):
                break
            setattr(row, name, value)
    _leave_out_the_same(rows)
    touch(assignment)


def _leave_out_the_same(rows: list[AssignmentPrice]) -> None:
    """Take away what only says again what holds already; before the first, all four are the package's."""
    before = NO_OWN
    for row in list(rows):
        now = own_set(row)
        if now == before:
            rows.remove(row)
        before = now
