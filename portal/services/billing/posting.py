"""Posting: the plan plus an insert, a chunk of assignments in one transaction (billing-rules 8).

Charges, balance entries and positions go in together or not at all. A position moves only if it still stands
where it was read (compare-and-set on its version); the unique key of a charge is the second lock. The caller
commits each chunk.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import and_, bindparam, exists, func, insert, literal, select, update
from sqlalchemy.exc import IntegrityError

from portal.domain.due import DueCharge, Kind
from portal.domain.wording import long_day
from portal.extensions import db
from portal.models import (
    Assignment,
    AssignmentPosition,
    BalanceEntry,
    Charge,
    Company,
    EntrySource,
    RunPosition,
    is_undone,
)
from portal.models.company import ONLY
from portal.models.raw_tables import CHARGE, ENTRY
from portal.services import locking
from portal.services.among import among
from portal.services.billing.again import lock_owners_of_undone, owners_are_locked, posted_before
from portal.services.billing.failures import Failed, check_concerns_one, failed
from portal.services.billing.loading import OF_PERIODS, Facts, Root
from portal.services.billing.planning import Held, Worked, without_position, work_out
from portal.services.copying import copy_in
from portal.services.credit import (
    Act,
    first_due_day,
    open_new,
    payment_days,
    set_off_all,
    take_off,
    touched_by,
)


class PositionMoved(Exception):
    """A position has moved since it was read: read the chunk again."""


@dataclass(slots=True)
class Failure:
    """An assignment that could not be worked out, or whose charges the database refused, and why."""

    assignment_id: int
    sentence: str


@dataclass(slots=True)
class Posting:
    """What posting a chunk came to. `sums` are amount, cost, tax and count for each currency, in micros."""

    assignments: int = 0
    charges: int = 0
    held: list[Held] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    sums: dict[str, list[int]] = field(default_factory=dict)

    def take(self, worked: Worked) -> None:
        """Count an assignment whose charges are in."""
        self.assignments += 1
        sums = self.sums.setdefault(worked.loaded.facts.currency, [0, 0, 0, 0])
        for due in worked.due.charges:
            sums[0] += due.amount
            sums[1] += due.cost
            sums[2] += due.tax
            sums[3] += 1
            self.charges += 1


def post_chunk(
    ids: Sequence[int], through: date, today: date, run_id: int | None, by: str, now: datetime
) -> Posting:
    """Post all that is due up to `through` for these assignments.

    Raises PositionMoved where another run was at work on one of them at the same time; then nothing of the
    chunk may be kept.
    """
    locking.lock(Company, [ONLY], shared=True)  # days are worked out in the time zone that it has
    lock_owners_of_undone(ids)
    still_due = _lock(ids, through)
    posting = Posting()
    ready: list[Worked] = []
    for worked in work_out(still_due, through, today) if still_due else ():
        if isinstance(worked, Failed):
            posting.failed.append(Failure(worked.assignment_id, worked.sentence))
        elif worked.held:
            posting.held.append(worked.held)
        else:
            ready.append(worked)
    if not owners_are_locked(ready):
        raise PositionMoved
    _mark_held(posting.held)
    customers = {worked.loaded.facts.customer_id for worked in ready}
    touched, with_credit = touched_by(_corrected(ready), customers)
    locking.lock_ids(Charge, touched)
    savepoint = db.session.begin_nested()
    try:
        _post(ready, run_id, today, by, now)
        savepoint.commit()
        for worked in ready:
            posting.take(worked)
    except PositionMoved:
        raise
    except Exception as error:
        check_concerns_one(error)
        savepoint.rollback()
        _post_one_by_one(ready, run_id, today, by, now, posting)
    set_off_all(with_credit, Act(today, by, now))
    return posting


def _lock(ids: Sequence[int], through: date) -> list[int]:
    """Those of the assignments that are still due, their positions locked until the transaction ends.

    With them those that have no position: they are told as failed.
    """
    still_due = locking.lock_where(
        AssignmentPosition,
        AssignmentPosition.assignment_id.in_(ids),
        AssignmentPosition.next_charge_on <= through,
    )
    if len(still_due) == len(ids):
        return still_due
    return sorted([*still_due, *db.session.scalars(without_position(Assignment.id.in_(ids)))])


def _corrected(ready: Iterable[Worked]) -> list[int]:
    """The charges that lines to be posted correct: what is left to pay of them changes."""
    return [
        root.id
        for worked in ready
        for due in worked.due.charges
        if due.kind in (Kind.CREDIT, Kind.DIFFERENCE) and (root := worked.loaded.roots.get(due.period_from))
    ]


def _post_one_by_one(
    ready: list[Worked], run_id: int | None, today: date, by: str, now: datetime, posting: Posting
) -> None:
    """After a conflict: each assignment by itself, so that one that fails takes no other with it."""
    for worked in ready:
        savepoint = db.session.begin_nested()
        try:
            _post([worked], run_id, today, by, now)
            savepoint.commit()
            posting.take(worked)
        except PositionMoved:
            raise
        except Exception as error:
            check_concerns_one(error)
            savepoint.rollback()
            posting.failed.append(_refused(worked, error))


def _refused(worked: Worked, error: Exception) -> Failure:
    """Why the charges of an assignment are not in."""
    id = worked.loaded.facts.assignment_id
    if not isinstance(error, IntegrityError) or not _stands_already(worked):
        return Failure(id, failed(id, error).sentence)
    first = worked.due.charges[0]
    return Failure(
        id,
        "A charge for one of its periods already exists, although its position does not say so "
        f"(first line due: {long_day(first.charge_on)}). None of its charges was posted.",
    )


def _stands_already(worked: Worked) -> bool:
    keys = {(due.kind, due.period_from, due.number) for due in worked.due.charges}
    posted = select(Charge.kind, Charge.period_from, Charge.number).where(
        Charge.assignment_id == worked.loaded.facts.assignment_id,
        Charge.period_from.in_({period_from for _, period_from, _ in keys}),
        ~is_undone(),
    )
    return any(tuple(row) in keys for row in db.session.execute(posted))


def _post(ready: list[Worked], run_id: int | None, today: date, by: str, now: datetime) -> None:
    """Insert the charges and their balance entries and move the positions on."""
    rows: list[dict[str, Any]] = []
    reduced: set[int] = set()
    taken = to_pay = False
    days = payment_days({worked.loaded.facts.customer_id for worked in ready})
    again = posted_before(ready)
    before = db.session.scalar(select(func.max(Charge.id))) or 0
    for worked in ready:
        for due in worked.due.charges:
            row = _row(worked, due, run_id, by, now)
            if due.kind in (Kind.CREDIT, Kind.DIFFERENCE):
                if due.period_from not in worked.loaded.roots and rows:
                    _insert(rows)
                root = worked.loaded.roots.get(due.period_from) or _root(worked, due.period_from)
                if root:
                    # A correction goes where its charge went, whatever the assignment says today.
                    row["corrects_id"], row["auto_decrement_credit"] = root
                    reduced.add(root.id)
            taken = taken or row["auto_decrement_credit"]
            if not row["auto_decrement_credit"] and due.amount + due.tax > 0:
                row["due_on"] = first_due_day(due.charge_on, today, days[worked.loaded.facts.customer_id])
                to_pay = True
            again.take_up(row)
            rows.append(row)
    _insert(rows)
    again.put_on(Act(today, by, now))
    ids = [worked.loaded.facts.assignment_id for worked in ready]
    # Found by their ids alone: by their assignments, all that these were ever charged would be read again.
    new = and_(Charge.id > before, among(Charge.assignment_id + 0, ids))
    if taken:
        enter_charges(new, today, now)
    if to_pay:
        open_new(new)
    if reduced:
        take_off(reduced, today, by=by, now=now)
    if run_id:
        _keep_positions(ids, run_id)
    _move(ready)


def _insert(rows: list[dict[str, Any]]) -> None:
    if rows:
        copy_in(CHARGE, tuple(rows[0]), [tuple(row.values()) for row in rows])
        rows.clear()


def _row(worked: Worked, due: DueCharge, run_id: int | None, by: str, now: datetime) -> dict[str, Any]:
    facts = worked.loaded.facts
    return {
        **line_row(facts, due),
        "token": None,
        "run_id": run_id,
        "auto_decrement_credit": facts.auto_decrement_credit,
        "corrects_id": None,
        "reverses_id": None,
        "writes_off_id": None,
        "due_on": None,
        "reason": "",
        "posted_by": by,
        "posted_at": now,
    }


def line_row(facts: Facts, due: DueCharge) -> dict[str, Any]:
    """What a line says, posted or simulated: the columns that both of their tables have."""
    return {
        "customer_id": facts.customer_id,
        "assignment_id": facts.assignment_id,
        "package_id": facts.package_id,
        "kind": due.kind.value,
        "charge_on": due.charge_on,
        "period_from": due.period_from,
        "period_until": due.period_until,
        "number": due.number,
        "quantity": due.quantity,
        "unit_price": due.unit_price,
        "unit_cost": due.unit_cost,
        "days": due.days,
        "whole_days": due.whole_days,
        "spend": due.spend,
        "currency": facts.currency,
        "amount": due.amount,
        "cost": due.cost,
        "tax_rate": due.tax_rate,
        "tax": due.tax,
        "label": facts.label,
        "did_number": facts.did_number,
    }


def _root(worked: Worked, period_from: date) -> Root | None:
    """The first charge of a period, which its corrections name."""
    row = db.session.execute(
        select(Charge.id, Charge.auto_decrement_credit)
        .where(Charge.assignment_id == worked.loaded.facts.assignment_id, Charge.period_from == period_from)
        .where(Charge.kind.in_(OF_PERIODS), Charge.corrects_id.is_(None), Charge.period_until.is_not(None))
        .where(~is_undone())
        .order_by(Charge.id)
        .limit(1)
    ).first()
    return Root(*row) if row else None


def enter_charges(which: Any, today: date, now: datetime) -> None:
    """Take the charges meant by `which` from their customers' balances, each once."""
    entered = exists().where(BalanceEntry.charge_id == Charge.id, BalanceEntry.source == EntrySource.CHARGE)
    chosen = select(Charge.id).where(which, Charge.auto_decrement_credit, ~entered)
    db.session.execute(
        insert(ENTRY).from_select(
            [
                "customer_id",
                "source",
                "charge_id",
                "made_on",
                "for_day",
                "amount",
                "tax",
                "reason",
                "made_by",
                "made_at",
            ],
            select(
                CHARGE.c.customer_id,
                literal(EntrySource.CHARGE.value),
                CHARGE.c.id,
                literal(today),
                CHARGE.c.charge_on,
                -(CHARGE.c.amount + CHARGE.c.tax),
                -CHARGE.c.tax,
                literal(""),
                CHARGE.c.posted_by,
                literal(now, type_=ENTRY.c.made_at.type),
            ).where(CHARGE.c.id.in_(chosen)),
        )
    )


def _keep_positions(ids: Sequence[int], run_id: int) -> None:
    """Keep with the run where these assignments stood before it: undoing it puts them back there."""
    columns = (
        "assignment_id", "charged_until", "worked_through", "next_charge_on", "late_from", "late_on", "version",
    )  # fmt: skip
    known = exists().where(
        RunPosition.run_id == run_id, RunPosition.assignment_id == AssignmentPosition.assignment_id
    )
    before = select(
        literal(run_id),
        select(func.max(Charge.id)).scalar_subquery(),
        *(getattr(AssignmentPosition, name) for name in columns),
    ).where(AssignmentPosition.assignment_id.in_(ids), ~known)
    db.session.execute(insert(RunPosition).from_select(["run_id", "last_charge_id", *columns], before))


def _move(ready: list[Worked]) -> None:
    """Move the positions on by compare-and-set."""
    if not ready:
        return
    rows = [
        {
            "assignment": worked.loaded.facts.assignment_id,
            "seen": worked.loaded.version,
            "charged_until": worked.due.position.charged_until,
            "worked_through": worked.due.position.worked_through,
            "next_charge_on": worked.due.next_charge_on,
            **_late(worked),
        }
        for worked in ready
    ]
    position = AssignmentPosition.__table__
    result = db.session.connection().execute(
        update(position)
        .where(position.c.assignment_id == bindparam("assignment"), position.c.version == bindparam("seen"))
        .values(
            charged_until=bindparam("charged_until"),
            worked_through=bindparam("worked_through"),
            next_charge_on=bindparam("next_charge_on"),
            held_lines=0,
            late_from=bindparam("late_from"),
            late_on=bindparam("late_on"),
            version=position.c.version + 1,
        ),
        rows,
    )
    if result.rowcount != len(rows):
        raise PositionMoved


def _late(worked: Worked) -> dict[str, date | None]:
    """Late calls that came in after the day worked through wait for the next run."""
    late, through = worked.loaded.late, worked.due.position.worked_through
    waits = late is not None and through is not None and late.on > through
    return (
        {"late_from": late.since, "late_on": late.on}
        if late and waits
        else {"late_from": None, "late_on": None}
    )


def _mark_held(held: list[Held]) -> None:
    for item in held:
        db.session.execute(
            update(AssignmentPosition)
            .where(AssignmentPosition.assignment_id == item.facts.assignment_id)
            .values(held_lines=item.lines)
        )
