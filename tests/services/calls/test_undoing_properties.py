"""Taking an import back leaves everything but its traces as if it had never been (billing-rules 16).

Histories of files that are generated: some overlap, some replace what others said, and runs are between them. Each is
told twice: with all of its files, some of which are undone, and without these.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import func, select

from portal.extensions import db
from portal.models import (
    Assignment,
    BalanceEntry,
    Call,
    CallChange,
    CallCover,
    Charge,
    Customer,
    EntrySource,
    Package,
)
from portal.services.calls import undoing
from portal.services.credit import to_pay
from tests.calling import a_file, a_line, calls_there, taken_in
from tests.depth import tries
from tests.services.calls.test_calls_properties import DESTINATIONS, a_world, never_more_than_given
from tests.trade import BEN, NOW, run

pytestmark = pytest.mark.slow

NAMES = ("Northwind Telecom", "Southwind")
FIRST, LAST = date(2026, 9, 1), date(2026, 11, 22)
DAYS = [date(2026, 10, 2), date(2026, 11, 3), LAST]


@dataclass(frozen=True)
class Step:
    """A file that comes in on a day, and whether it is undone, and on which step; without lines, a run."""

    day: date
    name: str
    lines: tuple[str, ...] = ()
    replaces: bool = False
    undone_at: int | None = None


def a_call(random: Random, number: int) -> str:
    """One of a few calls, each of them always the same where it is not said by a file that replaces."""
    of = Random(number * 7919)
    return said(
        of, number, of.choice(NAMES[:1] * 2 + NAMES[1:]), Decimal(of.randrange(2_000_000)) / 1_000_000
    )


def said(of: Random, number: int, customer: str, amount: Decimal) -> str:
    day = FIRST + timedelta(days=of.randrange((LAST - FIRST).days - 50))
    when = f"{day} {of.randrange(24):02}:{of.randrange(60):02}:00"
    did = of.choice(("", "+442079460123")) if customer == NAMES[0] else ""
    seconds, destination = of.choice((0, 60, 61, 599, 3600)), of.choice(DESTINATIONS)
    return a_line(
        f"c{number}", when, seconds, f"{amount:f}", customer=customer, did=did, destination=destination
    )


def a_correction(random: Random, number: int) -> str:
    """The same call rated otherwise; some are another customer's."""
    return said(random, number, random.choice(NAMES), Decimal(random.randrange(2_000_000)) / 1_000_000)


def a_history(seed: int) -> list[Step]:
    """Files and runs; a file that does not replace contradicts none that came before: it would have bad rows."""
    random, steps, corrected = Random(seed), list[Step](), set[int]()
    for number in range(9):
        day = DAYS[number // 3]
        replaces = random.random() < 0.35
        numbers = [n for n in range(40) if replaces or n not in corrected]
        numbers = random.sample(numbers, min(random.randrange(5, 20), len(numbers)))
        corrected |= set(numbers if replaces else ())
        how = a_correction if replaces else a_call
        steps.append(Step(day, f"f{number}.csv", tuple(how(random, one) for one in numbers), replaces))
        if random.random() < 0.5:
            steps.append(Step(day, "run"))
    files = [place for place, step in enumerate(steps) if step.lines]
    for place in random.sample(files, random.randrange(1, 5)):
        step = steps[place]
        later = random.randrange(place, len(steps))
        steps[place] = Step(step.day, step.name, step.lines, step.replaces, later)
    return steps


def tell(seed: int, steps: list[Step], *, with_undone: bool) -> dict[str, object]:
    """Let a history happen, and look at what there is in the end."""
    customers, made = a_world(seed), {}
    db.session.commit()
    with TemporaryDirectory() as folder:
        for place, step in enumerate(steps):
            if not step.lines:
                run(step.day)
                db.session.commit()
            elif with_undone or step.undone_at is None:
                path = a_file(Path(folder), step.lines, name=step.name)
                made[place] = taken_in(path, step.day, replaces=step.replaces, size=7)
            if with_undone:
                for at, one in enumerate(steps):
                    if one.undone_at == place:
                        undo(made[at], step.day)
    never_more_than_given(customers)
    for _ in range(2):
        run(LAST)
        db.session.commit()
    found = as_it_stands()
    db.session.commit()
    return found


def undo(import_, day: date) -> None:
    undoing.start_undoing(import_, "Wrong", by=BEN, now=NOW)
    db.session.commit()
    undoing.carry_out(import_.id, day, lambda: NOW, 3)


def as_it_stands() -> dict[str, object]:
    """All that a customer could ask of: calls, what covers them, charges by period, balances, what is to be paid."""
    covers = select(Package.name, Call.call_id, CallCover.period_from, CallCover.seconds, CallCover.amount)
    covers = covers.join(Assignment, Assignment.id == CallCover.assignment_id).join(Package)
    covers = covers.join(Call, Call.id == CallCover.call_id)
    charged: Counter[tuple[object, ...]] = Counter()
    for charge in db.session.scalars(select(Charge)):
        for name, value in (("amount", charge.amount), ("cost", charge.cost), ("tax", charge.tax)):
            charged[charge.label, charge.period_from, name] += value
    entered: Counter[tuple[object, ...]] = Counter()
    entries = select(Customer.name, BalanceEntry.for_day, BalanceEntry.amount, BalanceEntry.tax)
    for name, day, amount, tax in db.session.execute(
        entries.join(Customer, Customer.id == BalanceEntry.customer_id).where(
            BalanceEntry.source == EntrySource.CALLS
        )
    ):
        entered[name, day, "amount"] += amount
        entered[name, day, "tax"] += tax
    customers = db.session.scalars(select(Customer).order_by(Customer.name)).all()
    values = select(
        Customer.name,
        Call.call_id,
        Call.day,
        Call.seconds,
        Call.amount,
        Call.covered_seconds,
        Call.covered_amount,
    ).join(Customer, Customer.id == Call.customer_id)
    return {
        "files": sorted(calls_there()),
        "calls": sorted(tuple(row) for row in db.session.execute(values)),
        "covers": sorted(tuple(row) for row in db.session.execute(covers)),
        "charged": {key: value for key, value in charged.items() if value},
        "entered": {key: value for key, value in entered.items() if value},
        "owed": [(one.name, (at := to_pay(one.id)).balance, at.charges) for one in customers],
        "changes": db.session.scalar(select(func.count()).select_from(CallChange)),
    }


@pytest.mark.parametrize("seed", range(tries(3, deep=4)))
def test_taking_back_leaves_everything_as_if_it_had_never_been(session, app, database, seed):
    steps = a_history(seed)
    with_undone = tell(seed, steps, with_undone=True)
    database.clean()
    without = tell(seed, steps, with_undone=False)
    for what, there in without.items():
        assert with_undone[what] == there, what
