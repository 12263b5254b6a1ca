"""Posting: the plan plus an insert, a chunk of assignments in one transaction (billing-rules 8).

Charges, balance entries and positions go in together or not at all. A position moves only if it still stands
where it was read (compare-and-set on its version); the unique key of a charge is the second lock. The caller
commits each chunk.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, and_, exists, func, insert, literal, select, type_coerce, update
from sqlalchemy.exc import IntegrityError

from portal.domain.due import DueCharge, Kind, Late
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
from portal.services.billing.again import CORRECTIONS, lock_owners_of_undone, owners_are_locked, posted_before
from portal.services.billing.failures import Failed, check_concerns_one, failed
from portal.services.billing.loading import OF_PERIODS, Facts, Root
from portal.services.billing.planning import Held, Worked, without_position, work_out
from portal.services.copying import Values, lay_moves, lay_out
from portal.services.credit import (
    Act,
    first_due_day,
    open_new,
    payment_days,
    set_off_all,
    take_off,
    touched_by,
)

POSITION: Any = AssignmentPosition.__table__
MOVED = ("charged_until", "worked_through", "next_charge_on", "late_from", "late_on")


# What `line` makes a line of, and more: as long as nobody needs its values one by one, they stay together.
Said = tuple[int, str, str, DueCharge, *tuple[Any, ...]]
# What inserts rows, once it is told what is the same of all.
Insert = Callable[[Mapping[str, Any]], None]


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
        sums[3] += len(worked.due.charges)
        self.charges += len(worked.due.charges)


def post_chunk(
    ids: Sequence[int], through: date, today: date, run_id: int | None, by: str, now: datetime
) -> Posting:
    """Post all that is due up to `through` for these assignments.

    Raises PositionMoved where another run was at work on one of them at the same time; then nothing of the
    chunk may be kept.
    """
    return store(find(ids, through, today), run_id, by, now)


@dataclass(slots=True)
class Found:
    """What is due in a chunk, made ready to be stored, and what it comes to if all of it goes in.

    `lines` is None where something of them cannot be stored at all: it is found by storing each by itself.
    """

    today: date
    ready: list[Worked] = field(default_factory=list)
    lines: "Lines | None" = None
    posting: Posting = field(default_factory=Posting)


def find(ids: Sequence[int], through: date, today: date) -> Found:
    """Work out all that is due for these assignments up to `through`. It writes nothing; PostgreSQL locks them."""
    locking.lock(Company, [ONLY], shared=True)  # days are worked out in the time zone that it has
    lock_owners_of_undone(ids)
    still_due = _lock(ids, through)
    found = Found(today)
    for worked in work_out(still_due, through, today) if still_due else ():
        if isinstance(worked, Failed):
            found.posting.failed.append(Failure(worked.assignment_id, worked.sentence))
        elif worked.held:
            found.posting.held.append(worked.held)
        else:
            found.ready.append(worked)
            found.posting.take(worked)
    if not owners_are_locked(found.ready):
        raise PositionMoved
    try:
        found.lines = Lines(found.ready, today)
    except Exception as error:
        check_concerns_one(error)
    return found


def store(found: Found, run_id: int | None, by: str, now: datetime) -> Posting:
    """Post what was found, while nobody else can have written what it was worked out from."""
    ready, posting = found.ready, found.posting
    _mark_held(posting.held)
    customers = {worked.loaded.facts.customer_id for worked in ready}
    touched, with_credit = touched_by(_corrected(ready), customers)
    locking.lock_ids(Charge, touched)
    savepoint = db.session.begin_nested()
    try:
        (found.lines or Lines(ready, found.today)).post(run_id, by, now)
        savepoint.commit()
    except PositionMoved:
        raise
    except Exception as error:
        check_concerns_one(error)
        savepoint.rollback()
        posting = Posting(held=posting.held, failed=posting.failed)
        _post_one_by_one(found, run_id, by, now, posting)
    set_off_all(with_credit, Act(found.today, by, now))
    return posting


def _lock(ids: Sequence[int], through: date) -> list[int]:
    """Those of the assignments that are still due, their positions locked until the transaction ends.

    With them those that have no position: they are told as failed.
    """
    still_due = locking.lock_where(
        AssignmentPosition,
        among(AssignmentPosition.assignment_id, ids),
        # By their ids: by the day, SQLite would look at all that is due, for each chunk.
        func.coalesce(AssignmentPosition.next_charge_on, date.max) <= through,
    )
    if len(still_due) == len(ids):
        return still_due
    return sorted([*still_due, *db.session.scalars(without_position(among(Assignment.id, ids)))])


def _corrected(ready: Iterable[Worked]) -> list[int]:
    """The charges that lines to be posted correct: what is left to pay of them changes."""
    return [
        root.id
        for worked in ready
        for due in worked.due.charges
        if due.kind in CORRECTIONS and (root := worked.loaded.roots.get(due.period_from))
    ]


def _post_one_by_one(found: Found, run_id: int | None, by: str, now: datetime, posting: Posting) -> None:
    """After a conflict: each assignment by itself, so that one that fails takes no other with it."""
    for worked in found.ready:
        savepoint = db.session.begin_nested()
        try:
            Lines([worked], found.today).post(run_id, by, now)
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


class Lines:
    """The charges of assignments, made ready to be stored with what goes with them: little is left to be done then.

    `reduced`, `taken` and `to_pay` say what else is to be done once all are in, and are whole only then.
    """

    def __init__(self, ready: list[Worked], today: date) -> None:
        self.today, self.ids = today, [worked.loaded.facts.assignment_id for worked in ready]
        self.again = posted_before(ready)
        self.reduced: set[int] = set()
        self.taken = self.to_pay = False
        self.inserts = self._inserts(ready)
        self.first = next(self.inserts, None)
        self.move = _moves(ready)

    def _inserts(self, ready: list[Worked]) -> Iterator[Insert]:
        """What inserts them in their order. Those behind a correction of one of them are made once that is in."""
        rows: list[tuple[Values, Said]] = []
        days = payment_days({worked.loaded.facts.customer_id for worked in ready})
        for worked in ready:
            loaded, facts = worked.loaded, worked.loaded.facts
            mine: Values = (*whose(facts), None)
            customer_days = days[facts.customer_id]
            for due in worked.due.charges:
                own, from_balance, due_on = mine, facts.auto_decrement_credit, None
                if due.kind in CORRECTIONS:
                    if due.period_from not in loaded.roots and rows:
                        yield _insert(rows)
                        rows = []
                    if root := loaded.roots.get(due.period_from) or _root(worked, due.period_from):
                        # A correction goes where its charge went, whatever the assignment says today.
                        own, from_balance = (*whose(facts), root.id), root.auto_decrement_credit
                        self.reduced.add(root.id)
                if from_balance:
                    self.taken = True
                elif due.amount + due.tax > 0:
                    due_on, self.to_pay = first_due_day(due.charge_on, self.today, customer_days), True
                if loaded.was_undone:
                    due, due_on = self.again.take_up(facts.assignment_id, due, due_on)
                rows.append((own, (facts.package_id, facts.label, facts.currency, due, from_balance, due_on)))
        if rows:
            yield _insert(rows)

    def post(self, run_id: int | None, by: str, now: datetime) -> None:
        """Insert the charges and their balance entries and move the positions on. Once only."""
        before = db.session.scalar(select(func.max(Charge.id))) or 0
        same = {"run_id": run_id, "reason": "", "posted_by": by, "posted_at": now}
        if self.first:
            self.first(same)
        for insert_more in self.inserts:
            insert_more(same)
        # Found by their ids alone: by their assignments, all that these were ever charged would be read again.
        new = and_(Charge.id > before, among(Charge.assignment_id + 0, self.ids))
        if self.to_pay:
            open_new(new)
        self.again.put_on(Act(self.today, by, now))
        if self.taken:
            enter_charges(new, self.today, now, before)
        if self.reduced:
            take_off(self.reduced, self.today, by=by, now=now)
        if run_id:
            _keep_positions(self.ids, run_id)
        if self.ids and self.move() != len(self.ids):
            raise PositionMoved


# The columns that a line has, posted or simulated: whose it is, and what it says, which those of others say too.
WHOSE = ("assignment_id", "customer_id", "did_number")
LINE = (
    "package_id", "label", "currency",
    "kind", "charge_on", "period_from", "period_until", "number", "quantity", "unit_price", "unit_cost", "days",
    "whole_days", "spend", "tax_rate", "amount", "cost", "tax",
)  # fmt: skip
WORDS = {kind: kind.value for kind in Kind}


def whose(facts: Facts) -> tuple[int, int, str]:
    """Whose lines they are, as WHOSE names it."""
    return (facts.assignment_id, facts.customer_id, facts.did_number)


def line(package_id: int, label: str, currency: str, due: DueCharge, *more: Any) -> Values:
    """What a line says, as LINE names it, and more."""
    return (package_id, label, currency, WORDS[due.kind], due.charge_on, *due[3:], *more)


def line_row(facts: Facts, due: DueCharge) -> dict[str, Any]:
    """Both by the names of the columns."""
    says = line(facts.package_id, facts.label, facts.currency, due)
    return dict(zip((*WHOSE, *LINE), (*whose(facts), *says), strict=True))


def _insert(rows: list[tuple[Values, Said]]) -> Insert:
    """What inserts charges: each a line, with what it corrects, whether it is taken from the balance, its due day."""
    own, shared = (*WHOSE, "corrects_id"), (*LINE, "auto_decrement_credit", "due_on")
    return lay_out(CHARGE, own, shared, rows, line)


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


def enter_charges(which: Any, today: date, now: datetime, after: int = 0) -> None:
    """Take the charges meant by `which`, all with ids above `after`, from their customers' balances, each once."""
    of_it = (BalanceEntry.charge_id == Charge.id, BalanceEntry.charge_id > after)
    entered = exists().where(*of_it, BalanceEntry.source == EntrySource.CHARGE)
    columns = (
        "customer_id", "source", "charge_id", "made_on", "for_day", "amount", "tax", "reason", "made_by", "made_at",
    )  # fmt: skip
    rows = select(
        Charge.customer_id,
        literal(EntrySource.CHARGE.value),
        Charge.id,
        literal(today),
        Charge.charge_on,
        -type_coerce(Charge.amount + Charge.tax, BigInteger),
        -type_coerce(Charge.tax, BigInteger),
        literal(""),
        Charge.posted_by,
        literal(now, type_=ENTRY.c.made_at.type),
    ).where(which, Charge.auto_decrement_credit, ~entered)
    db.session.execute(insert(ENTRY).from_select(columns, rows))


def _keep_positions(ids: Sequence[int], run_id: int) -> None:
    """Keep with the run where these assignments stood before it: undoing it puts them back there."""
    columns = (
        "assignment_id", "charged_until", "worked_through", "next_charge_on", "late_from", "late_on", "version",
    )  # fmt: skip
    known = exists().where(
        RunPosition.run_id == run_id,
        RunPosition.assignment_id == AssignmentPosition.assignment_id,
        among(RunPosition.assignment_id, ids),  # else PostgreSQL would read all that the run has kept so far
    )
    before = select(
        literal(run_id),
        select(func.max(Charge.id)).scalar_subquery(),
        *(getattr(AssignmentPosition, name) for name in columns),
    ).where(among(AssignmentPosition.assignment_id, ids), ~known)
    db.session.execute(insert(RunPosition).from_select(["run_id", "last_charge_id", *columns], before))


def _moves(ready: list[Worked]) -> Callable[[], int]:
    """What moves the positions on by compare-and-set: those that were written in the meantime are not met."""
    rows = [
        (
            loaded.facts.assignment_id, loaded.version, *due.position, due.next_charge_on,
            *(_late(loaded.late, due.position.worked_through) if loaded.late else (None, None)),
        )
        for loaded, due, _ in ready
    ]  # fmt: skip
    return lay_moves(POSITION, "assignment_id", MOVED, rows, {"held_lines": 0})


def _late(late: Late, through: date | None) -> tuple[date | None, date | None]:
    """Late calls that came in after the day worked through wait for the next run."""
    return (late.since, late.on) if through is not None and late.on > through else (None, None)


def _mark_held(held: list[Held]) -> None:
    """Say of each how many lines are held, all of one number at once; nothing where that is said already."""
    by_lines: dict[int, list[int]] = defaultdict(list)
    for item in held:
        by_lines[item.lines].append(item.facts.assignment_id)
    for lines, ids in by_lines.items():
        db.session.execute(
            update(AssignmentPosition)
            .where(
                among(AssignmentPosition.assignment_id, ids),
                AssignmentPosition.held_lines != lines,
            )
            .values(held_lines=lines)
        )
