"""Undoing a run: mirrored entries, and every assignment back where it stood (billing-rules 16).

Each charge of the run is mirrored at its own charge date, balance entries are made today, and what was put against
it returns. The position that the run kept is put back; what came since (late calls, changed terms, ends) stays, so
that a run afterwards posts what is due then. What cannot be undone is left as it is and named.

It commits: a chunk is a transaction. Killed anywhere, it goes on when it is asked for again.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, case, delete, func, or_, select, update
from sqlalchemy.orm import aliased, joinedload, selectinload

from portal import logs
from portal.domain.due import Kind
from portal.domain.errors import Invalid, RuleBroken, WayOut
from portal.domain.wording import whole
from portal.extensions import db
from portal.models import (
    Assignment,
    AssignmentPosition,
    Charge,
    Company,
    Customer,
    OpenItem,
    Run,
    RunPosition,
    RunState,
    RunUndo,
    counts_as_posted,
    is_undone,
)
from portal.models.company import ONLY
from portal.models.raw_tables import CHARGE
from portal.services import credit, locking
from portal.services.again import again_and_again
from portal.services.billing.planning import Totals
from portal.services.billing.positions import find_next_of, lock_positions
from portal.services.billing.posting import enter_charges
from portal.services.charges.by_hand import REASON_LONGEST
from portal.services.chunks import AT_ONCE, in_chunks, in_time
from portal.services.copying import copy_in

Clock = Callable[[], datetime]
LEFT_SHOWN = 50
# Of a run that has moved more assignments it is found while it is undone which of them are left alone.
LOOKED_AT = 2_000

log = logging.getLogger("portal.runs")
# What the schedule and the end of an assignment bring, by a run or by a correction.
LINES = (Kind.SETUP, Kind.ONE_OFF, Kind.MINIMUM_SPEND, Kind.CREDIT, Kind.DIFFERENCE, Kind.RECURRING)


class Why(StrEnum):
    """Why something is left alone."""

    ARCHIVED = "archived"
    REVERSED = "reversed"
    LATER = "later"

    @property
    def sentence(self) -> str:
        """As a page says it."""
        return WORDS[self]


WORDS = {
    Why.ARCHIVED: "The customer is archived.",
    Why.REVERSED: "A charge of this run was reversed by hand.",
    Why.LATER: "Something was posted for it later.",
}


@dataclass(frozen=True, slots=True)
class Left:
    """An assignment that is left alone, and the last run and the last correction that posted something for it later."""

    assignment: Assignment
    why: Why
    run_id: int | None
    correction_id: int | None


@dataclass(slots=True)
class Undoing:
    """What undoing a run would take back: sums of its charges in each currency, how many of what, what is left."""

    totals: dict[str, Totals] = field(default_factory=dict)
    assignments: int = 0
    customers: int = 0
    left: list[Left] = field(default_factory=list)
    left_count: int = 0

    @property
    def charges(self) -> int:
        """How many charges would be taken back."""
        return sum(sums.count for sums in self.totals.values())


# -- what is undone and what is left


def _why_left() -> ColumnElement[Any]:
    """Why a kept position (RunPosition) cannot be put back, in SQL; null where it can.

    `+ 0` keeps a database from reading all lines of a run, or all later ones, for each assignment.
    """
    here = RunPosition
    line, other, later = aliased(Charge), aliased(Charge), aliased(RunPosition)
    archived = (
        select(Customer.id)
        .join(Assignment, Assignment.customer_id == Customer.id)
        .where(Assignment.id == here.assignment_id, Customer.archived_on.is_not(None))
    )
    reversed = (
        select(line.id)
        .join(other, other.reverses_id == func.coalesce(line.corrects_id, line.id))
        .where(
            line.assignment_id == here.assignment_id,
            line.run_id + 0 == here.run_id,
            other.kind == Kind.REVERSAL,
        )
    )
    moved = select(later.run_id).where(
        later.assignment_id == here.assignment_id,
        later.run_id != here.run_id,
        later.version > here.version,
        later.undo_id.is_(None),
    )
    posted = select(line.id).where(
        line.assignment_id == here.assignment_id,
        line.id + 0 > func.coalesce(here.last_charge_id, 0),
        line.kind.in_(LINES),
        or_(line.run_id.is_(None), line.run_id != here.run_id),
        ~is_undone(line),
    )
    return case(
        (archived.exists(), Why.ARCHIVED.value),
        (reversed.exists(), Why.REVERSED.value),
        (or_(moved.exists(), posted.exists()), Why.LATER.value),
    )


def _of(run: Run) -> ColumnElement[bool]:
    """Where it has kept a position that was not put back."""
    return and_(RunPosition.run_id == run.id, RunPosition.undo_id.is_(None))


def would_undo(run: Run) -> Undoing:
    """What undoing a run would take back now, and what it would leave. Nothing is stored."""
    found = Undoing()
    why = _why_left()
    kept = select(RunPosition.assignment_id).where(_of(run), why.is_(None)).subquery()
    sums = (
        select(
            Charge.currency, func.sum(Charge.amount), func.sum(Charge.cost), func.sum(Charge.tax),
            func.count(Charge.id),
        )
        .join(kept, kept.c.assignment_id == Charge.assignment_id)
        .where(Charge.run_id == run.id, ~is_undone())
        .group_by(Charge.currency)
        .order_by(Charge.currency)
    )  # fmt: skip
    for currency, amount, cost, tax, count in db.session.execute(sums):
        found.totals[currency] = Totals(amount, cost, tax, count)
    stands = select(RunPosition.assignment_id, why.label("why")).where(_of(run)).subquery()
    many = select(stands.c.why.is_(None), func.count(), func.count(Assignment.customer_id.distinct()))
    many = many.join(Assignment, Assignment.id == stands.c.assignment_id).group_by(stands.c.why.is_(None))
    for is_kept, assignments, customers in db.session.execute(many):
        if is_kept:
            found.assignments, found.customers = assignments, customers
        else:
            found.left_count = assignments
    found.left = _left_alone(run) if found.left_count else []
    return found


def is_large(run: Run) -> bool:
    """Whether it has moved more assignments than are looked at one by one while somebody waits for a page."""
    some = (
        select(RunPosition.assignment_id)
        .where(_of(run))
        .order_by(RunPosition.assignment_id)
        .limit(LOOKED_AT + 1)
        .subquery()
    )
    return (db.session.scalar(select(func.count()).select_from(some)) or 0) > LOOKED_AT


def _left_alone(run: Run) -> list[Left]:
    """The first assignments that undoing a run leaves alone, with why."""
    left_for = _why_left()
    query = select(RunPosition.assignment_id, left_for.label("why")).where(_of(run), left_for.is_not(None))
    first = db.session.execute(query.order_by(RunPosition.assignment_id).limit(LEFT_SHOWN)).all()
    reasons = {row.assignment_id: Why(row.why) for row in first}
    followed = [id for id, why in reasons.items() if why == Why.LATER]
    runs, corrections = _last_run(run, followed), _last_correction(run, followed)
    assignments = db.session.scalars(
        select(Assignment)
        .where(Assignment.id.in_(reasons))
        .options(joinedload(Assignment.package), joinedload(Assignment.customer), joinedload(Assignment.did))
        .order_by(Assignment.id)
    )
    found = [(assignment, reasons[assignment.id]) for assignment in assignments]
    return [Left(one, why, runs.get(one.id), corrections.get(one.id)) for one, why in found]


def _last_run(run: Run, ids: Sequence[int]) -> dict[int, int]:
    """The last run that has moved these assignments after a run, by their ids."""
    later = aliased(RunPosition)
    query = (
        select(later.assignment_id, func.max(later.run_id))
        .join(RunPosition, RunPosition.assignment_id == later.assignment_id)
        .where(_of(run), later.assignment_id.in_(ids), later.undo_id.is_(None))
        .where(later.run_id != run.id, later.version > RunPosition.version)
        .group_by(later.assignment_id)
    )
    return {row[0]: row[1] for row in db.session.execute(query)}


def _last_correction(run: Run, ids: Sequence[int]) -> dict[int, int]:
    """The last correction that has posted something for these assignments after a run, by their ids."""
    query = (
        select(Charge.assignment_id, func.max(Charge.correction_id))
        .join(RunPosition, RunPosition.assignment_id == Charge.assignment_id)
        .where(_of(run), Charge.assignment_id.in_(ids), Charge.correction_id.is_not(None))
        .where(Charge.id > func.coalesce(RunPosition.last_charge_id, 0), counts_as_posted())
        .group_by(Charge.assignment_id)
    )
    return {id: last for id, last in db.session.execute(query) if id and last}


def has_something_to_undo(run: Run) -> bool:
    """Whether it has moved an assignment that was not put back, be it one that is to be left alone."""
    # In the order of their index: in none, PostgreSQL would read on from the first run of all until it meets one.
    kept = select(RunPosition.run_id).where(_of(run)).order_by(RunPosition.assignment_id)
    return run.state == RunState.DONE and not run.simulate and bool(db.session.scalar(kept.limit(1)))


def undoings_of(runs: Sequence[Run]) -> dict[int, list[RunUndo]]:
    """How each run was undone, the latest first."""
    found: dict[int, list[RunUndo]] = {run.id: [] for run in runs}
    query = select(RunUndo).where(RunUndo.run_id.in_(found)).order_by(RunUndo.id.desc())
    for row in db.session.scalars(query):
        found[row.run_id].append(row)
    return found


def undone_among(ids: Sequence[int]) -> set[int]:
    """Those of these charges that were undone: with their run, or with the assigning of what they are for."""
    query = select(Charge.reverses_id).where(Charge.reverses_id.in_(ids), Charge.kind == Kind.UNDO)
    return {id for id in db.session.scalars(query) if id}


# -- undoing


def start_undoing(run: Run, reason: str, *, by: str, now: datetime) -> RunUndo:
    """A new undoing of a run with nothing done yet, or the one that was interrupted, to go on with.

    Invalid names `reason`; RuleBroken where the run cannot be undone, nothing of it is left to undo, or somebody is
    at it.
    """
    (run,) = _locked(run)
    check_can_be_undone(run)
    if not reason.strip():
        raise Invalid("reason", "Enter why it is undone: the reason is kept.")
    if len(reason) > REASON_LONGEST:
        raise Invalid("reason", f"Too long: {whole(REASON_LONGEST)} characters at most.")
    due = select(func.count()).select_from(RunPosition).where(_of(run))
    count = db.session.scalar(due if is_large(run) else due.where(_why_left().is_(None)))
    to_run = WayOut("Show the run", "runs.show", {"run_id": run.id})
    for undo in undoings_of([run])[run.id]:
        if undo.state == RunState.RUNNING:
            if not undo.is_silent(now):
                raise RuleBroken("This run is already being undone.", to_run)
            undo.heartbeat_at, undo.due_count = now, undo.done_count + (count or 0)
            db.session.flush()
            return undo
    if not count:
        raise RuleBroken("Nothing of this run is left to undo.", to_run)
    undo = RunUndo(
        run=run, reason=reason.strip(), due_count=count, started_by=by, started_at=now, heartbeat_at=now
    )
    db.session.add(undo)
    db.session.flush()
    return undo


def _locked(run: Run) -> Sequence[Run]:
    """The run, read anew once nobody else can begin to undo it: two that ask at once come one after the other."""
    locking.lock(Company, [ONLY])
    return locking.read_anew(Run, [run.id])


def check_can_be_undone(run: Run) -> None:
    """RuleBroken for a run that has posted nothing, or is not done."""
    to_run = WayOut("Show the run", "runs.show", {"run_id": run.id})
    if run.simulate or run.state == RunState.REFUSED:
        raise RuleBroken("This run posted nothing, so there is nothing to undo.", to_run)
    if run.state != RunState.DONE:
        raise RuleBroken("This run is not done. Continue it first, then undo it.", to_run)


def carry_out_undoing(
    undo_id: int, today: date, clock: Clock, most: int = AT_ONCE, between: Callable[[], object] = bool
) -> RunUndo:
    """Undo a run to the end, committing each chunk; asked again, it goes on where it stopped.

    `between` is called after each chunk: what it raises ends it there, and nothing is lost.
    """
    undo = db.session.get_one(RunUndo, undo_id)
    if undo.state != RunState.RUNNING:
        return undo
    run = undo.run
    with logs.about(run=run.id):
        return _undo_all(undo_id, run, today, clock, most, between)


def _undo_all(
    undo_id: int, run: Run, today: date, clock: Clock, most: int, between: Callable[[], object]
) -> RunUndo:
    query = select(RunPosition.assignment_id).where(_of(run)).order_by(RunPosition.assignment_id)
    ids = list(db.session.scalars(query))
    db.session.commit()
    undo_some = again_and_again(_undo_some)
    for some in in_time(ids, most):
        undo_some(undo_id, some, today, clock)
        between()
    undo = db.session.get_one(RunUndo, undo_id)
    undo.state, undo.finished_at = RunState.DONE, clock()
    charges = undo.charge_count
    db.session.commit()
    log.info("Run undone", extra={"charges": charges})
    return undo


def _undo_some(undo_id: int, ids: Sequence[int], today: date, clock: Clock) -> None:
    """Undo a chunk and count it."""
    undo = db.session.get_one(RunUndo, undo_id)
    assignments, charges = undo_chunk(undo, ids, credit.Act(today, undo.started_by, clock()))
    db.session.execute(
        update(RunUndo)
        .where(RunUndo.id == undo_id)
        .values(
            done_count=RunUndo.done_count + assignments,
            charge_count=RunUndo.charge_count + charges,
            heartbeat_at=clock(),
        )
    )


def undo_chunk(undo: RunUndo, ids: Sequence[int], act: credit.Act) -> tuple[int, int]:
    """Undo the run for these assignments: how many of them, and how many charges, were taken back.

    Those that are to be left alone are left. The caller commits.
    """
    run = undo.run
    locking.lock(Company, [ONLY], shared=True)
    owners = select(Assignment.customer_id).where(Assignment.id.in_(ids)).distinct()
    customers = list(db.session.scalars(owners))
    locking.lock(Customer, customers)
    lock_positions(ids)
    kept = list(
        db.session.scalars(
            select(RunPosition)
            .join(AssignmentPosition, AssignmentPosition.assignment_id == RunPosition.assignment_id)
            .where(_of(run), RunPosition.assignment_id.in_(ids), _why_left().is_(None))
            .execution_options(populate_existing=True)
        )
    )
    found = [position.assignment_id for position in kept]
    charges = _charges_of(found, CHARGE.c.run_id == run.id)
    _take_back(charges, customers, undo.reason, act)
    _put_back(kept, undo, act.today)
    credit.set_off_all(_with_credit(customers), act)
    return len(found), len(charges)


def _take_back(charges: Sequence[Any], customers: Sequence[int], reason: str, act: credit.Act) -> None:
    """Mirror charges, and let what was put against them return."""
    _lock_charges(charges, customers)
    _mirror(charges, reason, act)
    ids = {charge.assignment_id for charge in charges if charge.auto_decrement_credit}
    for some in in_chunks(sorted(ids)):
        enter_charges(and_(Charge.assignment_id.in_(some), Charge.kind == Kind.UNDO), act.today, act.now)
    credit.take_back_undone({charge.id for charge in charges}, act)


def take_back_all_of(assignments: Sequence[Assignment], reason: str, act: credit.Act) -> dict[int, str]:
    """Take back all that runs and corrections posted for assignments, as if no run had ever dealt with them.

    Whoever calls has locked them (`lock_assignments`) and the company. The answer: those that are left alone, each
    with a sentence. Nothing that a run kept of the others is kept any longer.
    """
    ids = [assignment.id for assignment in assignments]
    left = _why_kept(assignments)
    taken = [id for id in ids if id not in left]
    customers = sorted({assignment.customer_id for assignment in assignments if assignment.id in taken})
    charges: list[Any] = []
    for some in in_chunks(taken):
        charges += _charges_of(some, and_(CHARGE.c.kind.in_([kind.value for kind in LINES]), ~_of_manual()))
    _take_back(charges, customers, reason, act)
    credit.set_off_all(_with_credit(customers), act)
    for some in in_chunks(taken):
        db.session.execute(delete(RunPosition).where(RunPosition.assignment_id.in_(some)))
    for assignment in assignments:
        if assignment.id in taken:
            position = assignment.position
            position.charged_until = position.worked_through = position.late_from = position.late_on = None
            position.held_lines, position.was_undone = 0, True
    db.session.flush()
    return left


def _of_manual() -> ColumnElement[bool]:
    """Whether a charge (CHARGE) corrects a manual one: it stays with that, which no run has posted."""
    root = CHARGE.alias()
    manual = select(root.c.id).where(root.c.id == CHARGE.c.corrects_id, root.c.kind == Kind.MANUAL.value)
    return manual.exists()


def _why_kept(assignments: Sequence[Assignment]) -> dict[int, str]:
    """Those of the assignments of which not all can be taken back, each with a sentence."""
    left = {a.id: Why.ARCHIVED.sentence for a in assignments if a.customer.archived_on}
    left |= {a.id: "It is not known up to which day it is charged." for a in assignments if not a.position}
    other = aliased(Charge)
    for some in in_chunks([assignment.id for assignment in assignments]):
        query = select(Charge.assignment_id).join(
            other, other.reverses_id == func.coalesce(Charge.corrects_id, Charge.id)
        )
        query = query.where(
            Charge.assignment_id.in_(some), Charge.kind.in_(LINES), other.kind == Kind.REVERSAL
        )
        left |= {id: "A charge of it was reversed by hand." for id in db.session.scalars(query) if id}
    return left


def _charges_of(ids: Sequence[int], which: ColumnElement[bool]) -> Sequence[Any]:
    """The charges of these assignments that are as `which` says and not undone, as they are stored."""
    mirror = CHARGE.alias()
    undone = select(mirror.c.id).where(mirror.c.reverses_id == CHARGE.c.id, mirror.c.kind == Kind.UNDO.value)
    query = select(CHARGE).where(CHARGE.c.assignment_id.in_(ids), which)
    return db.session.execute(query.where(~undone.exists()).order_by(CHARGE.c.id)).all()


def _lock_charges(charges: Sequence[Any], customers: Sequence[int]) -> None:
    """Lock the charges, what they correct and what is set off against them, and all that is open of the customers."""
    roots = {id for charge in charges for id in (charge.id, charge.corrects_id) if id}
    touched, _ = credit.touched_by(roots, customers)
    open_: set[int] = set()
    for some in in_chunks(customers):
        open_ |= set(db.session.scalars(select(OpenItem.charge_id).where(OpenItem.customer_id.in_(some))))
    locking.lock_ids(Charge, {*touched, *open_})


def _mirror(charges: Sequence[Any], reason: str, act: credit.Act) -> None:
    """Post the mirror of each charge: what it takes back it takes back as of the charge's own date."""
    numbers = _next_numbers({charge.assignment_id for charge in charges})
    rows = []
    for charge in charges:
        key = (charge.assignment_id, charge.period_from)
        numbers[key] = number = numbers.get(key, -1) + 1
        rows.append(
            {
                **charge._mapping,
                "kind": Kind.UNDO.value, "number": number, "amount": -charge.amount, "cost": -charge.cost,
                "tax": -charge.tax, "run_id": None, "due_on": None, "reverses_id": charge.id,
                "reason": reason, "posted_by": act.by, "posted_at": act.now,
            }
        )  # fmt: skip
        del rows[-1]["id"]
    if rows:
        copy_in(CHARGE, tuple(rows[0]), [tuple(row.values()) for row in rows])


def _next_numbers(ids: set[int]) -> dict[tuple[int, date], int]:
    """The highest number of a mirror of each assignment and period."""
    found: dict[tuple[int, date], int] = {}
    for some in in_chunks(sorted(ids)):
        query = (
            select(Charge.assignment_id, Charge.period_from, func.max(Charge.number))
            .where(Charge.assignment_id.in_(some), Charge.kind == Kind.UNDO)
            .group_by(Charge.assignment_id, Charge.period_from)
        )
        found |= {(row[0] or 0, row[1]): row[2] for row in db.session.execute(query)}
    return found


def _put_back(kept: Sequence[RunPosition], undo: RunUndo, today: date) -> None:
    """Put positions back where they stood. Late calls that came in since wait together with those of then."""
    options = (joinedload(Assignment.position), selectinload(Assignment.ends))
    before = {position.assignment_id: position for position in kept}
    query = select(Assignment).where(Assignment.id.in_(before)).options(*options)
    assignments = list(db.session.scalars(query))
    for assignment in assignments:
        then, position = before[assignment.id], assignment.position
        position.charged_until, position.worked_through = then.charged_until, then.worked_through
        position.late_from = min(filter(None, (then.late_from, position.late_from)), default=None)
        position.late_on = max(filter(None, (then.late_on, position.late_on)), default=None)
        position.was_undone = True
        if then.charged_until is None:
            # As if no run had dealt with it: its end date holds from the beginning.
            assignment.ends[0].end_date = assignment.end_date
            del assignment.ends[1:]
        then.undo_id = undo.id
    db.session.flush()
    find_next_of(assignments, today)
    for assignment in assignments:
        # It was due when the run came, if only to be looked at.
        days = (before[assignment.id].next_charge_on, assignment.position.next_charge_on)
        assignment.position.next_charge_on = min(filter(None, days), default=None)


def _with_credit(customers: Sequence[int]) -> list[int]:
    """Those of the customers who have credit to use."""
    found: set[int] = set()
    for some in in_chunks(customers):
        query = select(OpenItem.customer_id).where(OpenItem.customer_id.in_(some), OpenItem.amount < 0)
        found |= set(db.session.scalars(query))
    return sorted(found)
