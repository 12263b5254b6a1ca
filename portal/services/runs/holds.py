"""Held assignments: more lines than a run posts unasked wait until somebody chooses (billing-rules 8).

Post all, or charge from a day on. Who chose, when, and what was passed over is kept.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Select, select
from sqlalchemy.orm import joinedload

from portal.domain.days import check_day
from portal.domain.due import Due, DueCharge
from portal.domain.errors import Invalid, RuleBroken
from portal.domain.money import from_micros
from portal.domain.schedule import ONE_DAY
from portal.domain.wording import long_day
from portal.extensions import db
from portal.models import Assignment, AssignmentHold, AssignmentPosition, HoldChoice
from portal.services import listing
from portal.services.batch import Batch, Refused
from portal.services.billing.failures import Failed
from portal.services.billing.loading import Loaded
from portal.services.billing.planning import HELD_ABOVE, Worked, work_out
from portal.services.billing.positions import find_next_of
from portal.services.calls.effects import bundles_changed
from portal.services.chunks import in_chunks
from portal.services.runs.assignment_locks import lock_assignments

BY_NUMBER = listing.Sort((Assignment.id,))


@dataclass(frozen=True, slots=True)
class HeldAssignment:
    """A held assignment, and what posting all of it would bring."""

    assignment: Assignment
    lines: int
    first_on: date
    last_on: date
    currency: str
    amount: Decimal
    tax: Decimal
    next_charge_on: date | None


@dataclass(frozen=True, slots=True)
class NotKnown:
    """An assignment that a run has held, and of which nothing can be worked out any more."""

    assignment: Assignment
    failed: Failed


@dataclass(frozen=True, slots=True)
class PassedOver:
    """What charging from a day on would pass over, and what it would post at once instead."""

    day: date
    lines: int
    amount: Decimal
    posted_lines: int
    posted_amount: Decimal


# The choices that a choice for many came to, and the held assignments that it does not fit.
Chosen = Batch[AssignmentHold, Assignment]


def find_held(today: date, customer_id: int | None = None) -> Select[Assignment]:
    """The assignments that a run has held, and nobody has chosen for."""
    query = (
        select(Assignment)
        .join(AssignmentPosition)
        .where(AssignmentPosition.is_held, AssignmentPosition.next_charge_on <= today)
        .options(
            joinedload(Assignment.package),
            joinedload(Assignment.customer),
            joinedload(Assignment.did),
            joinedload(Assignment.position),
        )
    )
    return query if customer_id is None else query.where(Assignment.customer_id == customer_id)


def count_held(today: date, customer_id: int | None = None) -> int:
    """How many assignments wait for a choice."""
    return listing.count(find_held(today, customer_id))


def list_held(
    today: date, customer_id: int | None = None, after: int | None = None, before: int | None = None
) -> listing.Page[HeldAssignment | NotKnown]:
    """A page of the held assignments, each with what posting all of it would bring, or why that is not known."""
    page = listing.page(find_held(today, customer_id), BY_NUMBER, after, before)
    return listing.Page(list(_told(page.rows, today)), page.total, page.after, page.before)


def described(assignments: Sequence[Assignment], today: date) -> list[HeldAssignment]:
    """Those of the assignments that a run today would hold, with what posting all of each would bring."""
    return [told for told in _told(assignments, today) if isinstance(told, HeldAssignment)]


def _told(assignments: Sequence[Assignment], today: date) -> Iterator[HeldAssignment | NotKnown]:
    by_id = {assignment.id: assignment for assignment in assignments}
    for chunk in in_chunks(sorted(by_id)):
        for worked in work_out(chunk, today, today):
            if isinstance(worked, Failed):
                yield NotKnown(by_id[worked.assignment_id], worked)
            elif worked.held:
                yield _described(by_id[worked.loaded.facts.assignment_id], worked)


def _described(assignment: Assignment, worked: Worked) -> HeldAssignment:
    lines = worked.due.charges
    return HeldAssignment(
        assignment,
        len(lines),
        min(line.charge_on for line in lines),
        max(line.charge_on for line in lines),
        worked.loaded.facts.currency,
        _sum(lines, "amount"),
        _sum(lines, "tax"),
        worked.due.next_charge_on,
    )


def would_pass_over(assignment: Assignment, day: date, today: date) -> PassedOver:
    """What charging from `day` on would leave out. Invalid where that cannot be; nothing is stored."""
    worked = _held_one(assignment, today)
    _check_day(assignment, worked, day)
    return _passed_over(worked.loaded, day, today)


def choose_post_all(
    assignments: Iterable[Assignment], today: date, *, by: str, now: datetime
) -> list[AssignmentHold]:
    """Let every line dated up to today be posted by the next run."""
    holds = []
    for assignment, worked in _locked(assignments, today):
        _let_through(assignment.position, today)
        holds.append(_choose(worked, HoldChoice.POST_ALL, by, now))
    return _kept(holds)


def choose_charge_from(
    assignments: Iterable[Assignment], day: date, today: date, *, by: str, now: datetime
) -> Chosen:
    """Charge from `day` on: what is dated before it never falls due. The lock and the anchor stay."""
    check_day("charge_from", day)
    chosen: Chosen = Batch()
    changed = []
    for assignment, worked in _locked(assignments, today):
        try:
            _check_day(assignment, worked, day)
        except Invalid as problem:
            chosen.refused.append(Refused(assignment, problem.sentence))
            continue
        passed = _passed_over(worked.loaded, day, today)
        _let_through(assignment.position, today)
        hold = _choose(worked, HoldChoice.CHARGE_FROM, by, now)
        hold.charge_from = assignment.charge_from = day
        hold.passed_over_lines, hold.passed_over_amount = passed.lines, passed.amount
        chosen.done.append(hold)
        changed.append(assignment)
    db.session.flush()
    find_next_of(changed, today)
    bundles_changed(changed, today, now)
    if not chosen.refused:
        _kept(chosen.done)
    return chosen


def choices_made(assignment: Assignment) -> list[AssignmentHold]:
    """What was chosen for an assignment that was held, the latest first."""
    query = select(AssignmentHold).where(AssignmentHold.assignment_id == assignment.id)
    return list(db.session.scalars(query.order_by(AssignmentHold.id.desc())))


# -- what they share


def _locked(assignments: Iterable[Assignment], today: date) -> Iterator[tuple[Assignment, Worked]]:
    """Those that are held now, their positions locked: a run comes wholly before or wholly after the choice."""
    by_id = {found.id: found for found in lock_assignments(assignment.id for assignment in assignments)}
    for chunk in in_chunks(sorted(by_id)):
        for worked in work_out(chunk, today, today):
            if not isinstance(worked, Failed) and worked.held:
                yield by_id[worked.loaded.facts.assignment_id], worked


def _let_through(position: AssignmentPosition, today: date) -> None:
    """Nothing dated up to today is held any more."""
    position.held_lines, position.post_all_through = 0, today
    position.version += 1


def _choose(worked: Worked, choice: HoldChoice, by: str, now: datetime) -> AssignmentHold:
    assert worked.held
    hold = AssignmentHold(
        assignment_id=worked.loaded.facts.assignment_id,
        choice=choice,
        held_lines=len(worked.due.charges),
        chosen_by=by,
        chosen_at=now,
    )
    db.session.add(hold)
    return hold


def _kept(holds: list[AssignmentHold]) -> list[AssignmentHold]:
    if not holds:
        raise RuleBroken("It is no longer held: somebody has already chosen, or it has changed.")
    db.session.flush()
    return holds


def _held_one(assignment: Assignment, today: date) -> Worked:
    worked = next(iter(work_out([assignment.id], today, today)))
    if isinstance(worked, Failed):
        raise RuleBroken(worked.sentence)
    if not worked.held:
        raise RuleBroken("It is no longer held: somebody has already chosen, or it has changed.")
    return worked


def _check_day(assignment: Assignment, worked: Worked, day: date) -> None:
    check_day("charge_from", day)
    first = min(line.charge_on for line in worked.due.charges)
    if day <= first:
        raise Invalid(
            "charge_from", f"Choose a day after {long_day(first)}, the first held line, or post all of them."
        )
    if assignment.end_date and day > assignment.end_date:
        raise Invalid(
            "charge_from", f"Charging would begin after the end date, {long_day(assignment.end_date)}."
        )


def _passed_over(loaded: Loaded, day: date, today: date) -> PassedOver:
    """The lines up to `day` that are not due any more, and those that are due by today all the same."""
    through = max(today, day) + ONE_DAY * loaded.terms.wait_days
    left_out = [line for line in _due(loaded, through).charges if line.charge_on < day]
    later = replace(loaded, terms=loaded.terms._replace(charge_from=day))
    posted = _due(later, today).charges
    return PassedOver(day, len(left_out), _sum(left_out, "amount"), len(posted), _sum(posted, "amount"))


def _due(loaded: Loaded, through: date) -> Due:
    return loaded.due(through)


def _sum(lines: Iterable[DueCharge], name: str) -> Decimal:
    return from_micros(sum(getattr(line, name) for line in lines))


__all__ = [
    "HELD_ABOVE",
    "Chosen",
    "HeldAssignment",
    "PassedOver",
    "choices_made",
    "choose_charge_from",
    "choose_post_all",
    "count_held",
    "described",
    "find_held",
    "list_held",
    "would_pass_over",
]
