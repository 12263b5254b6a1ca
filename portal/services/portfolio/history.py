"""What happened with a portfolio since it began: real runs, one a day, and between them what people did.

Payments of very many are written straight into the tables, as the services would have written them (a test holds it).
It commits day by day; stopped, the portfolio is there with what was posted by then.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import count
from random import Random
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Subquery,
    Table,
    delete,
    func,
    insert,
    literal,
    select,
    union_all,
)

from portal.domain.errors import RuleBroken
from portal.domain.schedule import ONE_DAY
from portal.domain.wording import long_month, plural
from portal.extensions import db
from portal.models import (
    Allocation,
    AllocationSource,
    Assignment,
    EntrySource,
    Payment,
    PaymentMethod,
    PaymentState,
    Run,
)
from portal.models.raw_tables import CHARGE, ENTRY, OPEN, raw_table
from portal.services import audit
from portal.services.assignments import changing
from portal.services.charges import sums
from portal.services.portfolio.catalogue import at
from portal.services.portfolio.who import SEED
from portal.services.portfolio.writing import BY, Say
from portal.services.runs import runs

PAYMENT, ALLOCATION = raw_table(Payment), raw_table(Allocation)
PAY_DAY = 20  # of each month
NEVER_PAYS = 10  # one of so many customers
CHANGED = 0.03  # of the assignments, in a year

# Who moves an end has set it lately.
LATELY = 9


def live(since: date, until: date, say: Say = lambda sentence: None) -> None:
    """Let every day from `since` to the one before `until` pass: what people did on it, and its run."""
    changes = _Changes()
    for day in _days(since, until):
        with audit.acting(audit.Actor(BY, "billing", at=at(day))):
            changes.make(day)
            if day.day == PAY_DAY:
                pay(day)
            run = runs.start(day, simulate=False, today=day, by=BY, now=at(day))
        db.session.commit()
        with audit.acting(audit.Actor(BY, at=at(day))):
            runs.carry_out(run.id, day, _clock(at(day)))
        if (day + ONE_DAY).day == 1 or day + ONE_DAY == until:
            say(f"{long_month(day)}: {plural(_posted(day), 'charge')} posted.")
    sums.fold()


def _clock(now: datetime) -> runs.Clock:
    """A clock that is a second further each time."""
    seconds = count(1)
    return lambda: now + timedelta(seconds=next(seconds))


def _days(since: date, until: date) -> Iterator[date]:
    while since < until:
        yield since
        since += ONE_DAY


def _posted(day: date) -> int:
    """The charges that the runs of a month posted up to `day`."""
    query = select(func.sum(Run.charge_count)).where(
        ~Run.simulate, Run.through.between(day.replace(day=1), day)
    )
    return db.session.scalar(query) or 0


# -- what is changed


class _Changes:
    """Ends set, ends moved, and quantities that grow: of assignments at random, the same each time."""

    def __init__(self) -> None:
        self.random = Random(SEED)
        first, last = db.session.execute(select(func.min(Assignment.id), func.max(Assignment.id))).one()
        self.ids = range(first, last + 1)
        self.ending: list[int] = []

    def make(self, day: date) -> None:
        """Those of a day. What a rule forbids (a lock, an end that has passed) is left as it is."""
        wanted = len(self.ids) * CHANGED / 365
        for _ in range(int(wanted) + (self.random.random() < wanted % 1)):
            try:
                self._change(day)
            except RuleBroken:
                continue
        db.session.flush()

    def _change(self, day: date) -> None:
        what = self.random.choice(("end", "move", "quantity"))
        moves = what == "move" and self.ending
        id = self.random.choice(self.ending[-LATELY:] if moves else self.ids)
        end = day + timedelta(days=self.random.randint(-5, 30))
        assignment = db.session.get_one(Assignment, id)
        if what == "quantity":
            changing.change_quantity(assignment, assignment.last_quantity + 1, day + ONE_DAY, day)
        else:
            changing.change_end(assignment, end, day, by=BY, now=at(day))
            self.ending.append(id)


# -- what is paid


def pay(day: date) -> None:
    """All customers but a few pay what is open, and make good what was taken from their balance."""
    now = at(day)
    payment = PAYMENT.alias()
    owed = _owed()
    _insert_from(
        PAYMENT,
        select(
            *_said(
                PAYMENT, state=PaymentState.COMPLETED, paid_on=day, fee=0, method=PaymentMethod.DIRECT_DEBIT
            ),
            *_said(PAYMENT, bank_reference="", reference_key="", again_reason="", description=""),
            *_said(PAYMENT, confirm_by_email=False, created_by=BY, created_at=now, version=1),
            (literal(f"{BY}-{day.isoformat()}-").concat(owed.c.customer_id)).label("token"),
            owed.c.customer_id,
            owed.c.amount,
        ).order_by(owed.c.customer_id),
    )
    made = (payment.c.paid_on == day, payment.c.created_by == BY)
    entry = {"made_on": day, "tax": 0, "reason": "", "made_by": BY, "made_at": now}
    _insert_from(
        ENTRY,
        select(
            *_said(ENTRY, source=EntrySource.PAYMENT, for_day=day, **entry),
            payment.c.customer_id, payment.c.amount, payment.c.id.label("payment_id"),
        ).where(*made).order_by(payment.c.id),
    )  # fmt: skip
    of_payment = OPEN.join(payment, payment.c.customer_id == OPEN.c.customer_id)
    _insert_from(
        ALLOCATION,
        select(
            *_said(ALLOCATION, source=AllocationSource.PAYMENT, made_on=day, by_hand=False, version=1),
            payment.c.customer_id, payment.c.id.label("payment_id"), OPEN.c.charge_id, OPEN.c.amount,
        ).select_from(of_payment).where(*made, OPEN.c.amount > 0)
        .order_by(payment.c.id, OPEN.c.due_on, OPEN.c.charge_id),
    )  # fmt: skip
    allocated = ALLOCATION.join(payment, payment.c.id == ALLOCATION.c.payment_id)
    _insert_from(
        ENTRY,
        select(
            *_said(ENTRY, source=EntrySource.ALLOCATION, **entry),
            ALLOCATION.c.customer_id, CHARGE.c.charge_on.label("for_day"), (-ALLOCATION.c.amount).label("amount"),
            ALLOCATION.c.charge_id, ALLOCATION.c.payment_id,
        ).select_from(allocated.join(CHARGE, CHARGE.c.id == ALLOCATION.c.charge_id))
        .where(*made).order_by(ALLOCATION.c.id),
    )  # fmt: skip
    paid = select(ALLOCATION.c.charge_id).select_from(allocated).where(*made)
    db.session.execute(delete(OPEN).where(OPEN.c.charge_id.in_(paid)))


def _owed() -> Subquery:
    """What each customer who pays has open, with what their balance is below zero."""
    taken = func.sum(ENTRY.c.amount)
    both = union_all(
        select(OPEN.c.customer_id, OPEN.c.amount).where(OPEN.c.amount > 0),
        select(ENTRY.c.customer_id, -taken).group_by(ENTRY.c.customer_id).having(taken < 0),
    ).subquery()
    whose = both.c.customer_id
    query = select(whose, func.sum(both.c.amount).label("amount")).where(whose % NEVER_PAYS != 0)
    return query.group_by(whose).subquery()


def _said(table: Table, **values: object) -> list[ColumnElement[Any]]:
    """Values, as columns of a table of the same names."""
    return [literal(value, table.c[name].type).label(name) for name, value in values.items()]


def _insert_from(table: Table, query: Select[Any]) -> None:
    db.session.execute(insert(table).from_select([column.name for column in query.selected_columns], query))
