"""The reports of runs: how far one has come, what it comes to, its lines, and what it passed over."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Select, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload

from portal.domain.wording import long_day, money_in, whole
from portal.extensions import db
from portal.models import (
    Assignment,
    Charge,
    Customer,
    Outcome,
    Run,
    RunException,
    RunState,
    RunTotal,
    SimulatedCharge,
)
from portal.models.raw_tables import raw_table
from portal.services import listing
from portal.services.among import among
from portal.services.billing.planning import Totals
from portal.services.billing.posting import Posting
from portal.services.runs.differences import Difference, Differences

TOTAL = raw_table(RunTotal)
NEWEST_FIRST = listing.Sort((Run.id,), descending=True)
EXCEPTIONS_SHOWN = 50


# -- writing one, while the run goes on


def report_chunk(
    run_id: int, posting: Posting, seen: Sequence[int], now: datetime, begun: datetime | None = None
) -> bool:
    """Add what a chunk came to; False where the run was stopped or is over: then nothing of the chunk may be kept.

    Adding is left to the database: several processes may do one run. With `begun` one alone does it, the one that
    began at that instant.
    """
    goes_on = [Run.id == run_id, Run.state == RunState.RUNNING]
    added = db.session.connection().execute(
        update(Run)
        .where(*goes_on, *([Run.going_since == begun] if begun else []))
        .values(
            done_count=Run.done_count + len(seen),
            charge_count=Run.charge_count + posting.charges,
            heartbeat_at=now,
        )
    )
    if added.rowcount != 1:
        return False
    forget_passed_over(run_id, seen)
    _add_passed_over(run_id, held=len(posting.held), failed=len(posting.failed))
    for currency, (amount, cost, tax, count) in sorted(posting.sums.items()):
        if count:
            _add_total(run_id, currency, amount, cost, tax, count)
    passed_over = [
        _exception(
            run_id, held.facts.assignment_id, Outcome.HELD, _held(held.lines, held.first_on), held.lines
        )
        for held in posting.held
    ] + [
        _exception(run_id, failure.assignment_id, Outcome.FAILED, failure.sentence)
        for failure in posting.failed
    ]
    if passed_over:
        db.session.execute(insert(RunException), passed_over)
    return True


def forget_passed_over(run_id: int, assignments: Sequence[int] | Select[Any] | None) -> None:
    """Take from a run's report what it passed over of these assignments (None: of all): they are seen anew."""
    which = [RunException.run_id == run_id]
    if assignments is not None:
        which.append(
            RunException.assignment_id.in_(assignments)
            if isinstance(assignments, Select)
            else among(RunException.assignment_id, assignments)
        )
    counts = select(RunException.outcome, func.count()).where(*which).group_by(RunException.outcome)
    if before := {row[0]: row[1] for row in db.session.execute(counts)}:
        db.session.execute(delete(RunException).where(*which).execution_options(synchronize_session=False))
        _add_passed_over(run_id, held=-before.get(Outcome.HELD, 0), failed=-before.get(Outcome.FAILED, 0))


def _add_passed_over(run_id: int, *, held: int, failed: int) -> None:
    if held or failed:
        db.session.connection().execute(
            update(Run)
            .where(Run.id == run_id)
            .values(held_count=Run.held_count + held, failed_count=Run.failed_count + failed)
        )


def _add_total(run_id: int, currency: str, amount: int, cost: int, tax: int, count: int) -> None:
    sums = {"amount": amount, "cost": cost, "tax": tax, "charge_count": count}
    this = (TOTAL.c.run_id == run_id) & (TOTAL.c.currency == currency)
    grown = update(TOTAL).where(this).values({name: TOTAL.c[name] + value for name, value in sums.items()})
    connection = db.session.connection()
    if connection.execute(grown).rowcount:
        return
    try:
        with db.session.begin_nested():
            connection.execute(insert(TOTAL).values(run_id=run_id, currency=currency, **sums))
    except IntegrityError:  # another process was quicker
        connection.execute(grown)


def keep_differences(run_id: int, found: Differences) -> None:
    """Keep with a refused run what has changed since its simulation, as far as it is shown."""
    rows = [
        _exception(run_id, difference.line.assignment_id, Outcome.CHANGED, _changed(difference, found))
        for difference in found.first
    ]
    if rows:
        db.session.execute(insert(RunException), rows)


def _exception(
    run_id: int, assignment_id: int, outcome: Outcome, sentence: str, lines: int = 0
) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "assignment_id": assignment_id,
        "outcome": outcome,
        "line_count": lines,
        "sentence": sentence,
    }


def _held(lines: int, first_on: date) -> str:
    return f"{whole(lines)} charges since {long_day(first_on)} wait for a choice; none of them was posted."


def _changed(difference: Difference, found: Differences) -> str:
    was, now = ((_amount(line) if line else "") for line in (difference.was, difference.now))
    day = long_day(difference.line.charge_on)
    if not was:
        return f"{day}: {now} is new."
    if not now and (failed := found.failed.get(difference.line.assignment_id)):
        return f"{day}: {was} is no longer due. {failed.sentence}"
    return f"{day}: {was} is no longer due." if not now else f"{day}: it was {was}, and is {now} now."


def _amount(line: Any) -> str:
    return money_in(line.amount, line.currency)


# -- reading one


def run_page(after: int | None, before: int | None, simulate: bool | None = None) -> listing.Page[Run]:
    """The runs, newest first."""
    query = select(Run).options(joinedload(Run.customer))
    if simulate is not None:
        query = query.where(Run.simulate == simulate)
    return listing.page(query, NEWEST_FIRST, after, before)


def totals_of(runs: Sequence[Run]) -> dict[int, dict[str, Totals]]:
    """What each run comes to in each currency."""
    found: dict[int, dict[str, Totals]] = {run.id: {} for run in runs}
    query = select(RunTotal).where(RunTotal.run_id.in_(found)).order_by(RunTotal.currency)
    for row in db.session.scalars(query):
        found[row.run_id][row.currency] = Totals(row.amount, row.cost, row.tax, row.charge_count)
    return found


def line_page(run: Run, after: int | None, before: int | None) -> listing.Page[Any]:
    """The charges of a run, posted or simulated, in the order of their assignments."""
    model: Any = SimulatedCharge if run.simulate else Charge
    query: Select[Any] = select(model).where(model.run_id == run.id).options(joinedload(model.customer))
    return listing.page(query, listing.Sort((model.id,)), after, before, total=run.charge_count)


def exceptions_of(run: Run, outcome: Outcome) -> Sequence[RunException]:
    """The first assignments that a run passed over in this way, with whose they are."""
    query = (
        select(RunException)
        .where(RunException.run_id == run.id, RunException.outcome == outcome)
        .options(
            joinedload(RunException.assignment).options(
                joinedload(Assignment.package), joinedload(Assignment.customer), joinedload(Assignment.did)
            )
        )
        .order_by(RunException.id)
        .limit(EXCEPTIONS_SHOWN)
    )
    return db.session.scalars(query).all()


def rate(run: Run, now: datetime) -> float | None:
    """How many assignments a second, since it was begun or gone on with; None where that cannot be told yet."""
    done, since = run.done_count - run.going_from, run.going_since
    seconds = (now - since).total_seconds() if since else 0
    return done / seconds if done > 0 and seconds > 0 else None


def left(run: Run, now: datetime) -> timedelta | None:
    """About how long a run still takes; None where that cannot be told yet."""
    speed = rate(run, now)
    if speed is None or run.done_count >= run.due_count:
        return None
    return timedelta(seconds=(run.due_count - run.done_count) / speed)


def postings_of(simulation: Run) -> Sequence[Run]:
    """The runs that posted a simulation."""
    query = select(Run).where(Run.simulation_id == simulation.id, Run.state != RunState.REFUSED)
    return db.session.scalars(query.order_by(Run.id)).all()


def customer_names(lines: Sequence[Any]) -> dict[int, str]:
    """The names of the customers that lines are for."""
    ids = {line.customer_id for line in lines}
    query = select(Customer.id, Customer.name).where(Customer.id.in_(ids))
    return {row.id: row.name for row in db.session.execute(query)}
