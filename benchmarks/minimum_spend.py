"""Settling minimum spends: ten thousand customers with a million calls, all due in one run."""

import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from time import perf_counter
from typing import Any

from sqlalchemy import func, select, update

from benchmarks import large
from benchmarks.stores import store
from benchmarks.table import duration, per_second, show
from portal.domain.schedule import Frequency
from portal.extensions import db
from portal.models import AssignmentPosition, Charge, Customer, Package, PackagePrice, PackageSchedule
from portal.services.portfolio import fill
from portal.services.runs import runs

CALL = (
    "customer_id", "call_id", "started_at", "day", "destination", "seconds", "amount", "covered_seconds",
    "covered_amount", "came_in_on",
)  # fmt: skip
FIRST, SETTLED = date(2026, 10, 1), date(2026, 11, 2)


def measure(kind: str, customers: int, calls: int) -> None:
    """One run that settles October for every customer, beside adding the same calls up in one statement."""
    with store(kind, SETTLED.isoformat()):
        large.provider(customers * large.OF_A_CUSTOMER)
        _promise(customers)
        fill("call", CALL, _calls(customers, calls))
        db.session.commit()
        rows = []
        for words, act in (("settle them in one run", _settle), ("bare: add the calls up", _add_up)):
            begun = perf_counter()
            count = act()
            took = perf_counter() - begun
            rows.append((words, f"{count:,}", duration(took), per_second(calls, took)))
    title = f"Minimum spends of {customers:,} customers with {calls:,} calls on {kind}"
    show(title, ("what", "lines", "time", "calls/s"), rows)


def _promise(customers: int) -> None:
    """A minimum spend for each customer, begun on 1 October; whatever else they have is not due."""
    package = Package(
        token="bench-minimum", name="Minimum", minimum_spend=True, created_at=large.NOW,
        schedules=[PackageSchedule(frequency=Frequency.MONTHLY, frequency_match=(1,))],
        prices=[PackagePrice(currency="GBP", retail=100)],
    )  # fmt: skip
    db.session.add(package)
    db.session.execute(update(AssignmentPosition).values(next_charge_on=None))
    db.session.flush()
    first = (db.session.scalar(select(func.max(AssignmentPosition.assignment_id))) or 0) + 1
    ids = range(first, first + customers)
    fill(
        "assignment",
        "id token package_id customer_id start_date minimum_days auto_decrement_credit override_reason override_by "
        "created_by created_at version".split(),
        (
            (id, f"m{id}", package.id, n, FIRST, 0, False, "", "", "", large.NOW, 1)
            for n, id in enumerate(ids, 1)
        ),
    )
    fill(
        "assignment_quantity",
        "assignment_id effective_from quantity".split(),
        ((id, large.FIRST, 1) for id in ids),
    )
    fill("assignment_end", "assignment_id known_on".split(), ((id, large.FIRST) for id in ids))
    fill(
        "assignment_position",
        "assignment_id charged_until worked_through next_charge_on held_lines was_undone version".split(),
        ((id, FIRST, FIRST, SETTLED, 0, False, 1) for id in ids),
    )


def _calls(customers: int, calls: int) -> Iterator[tuple[Any, ...]]:
    chosen = random.Random(11)
    for number in range(calls):
        day = FIRST + timedelta(days=chosen.randrange(31))
        started = datetime.combine(day, datetime.min.time(), large.NOW.tzinfo)
        amount = chosen.randrange(2_000_000)
        yield (number % customers + 1, f"c{number}", started, day, "442079460999", 60, amount, 0, 0, day)


def _settle() -> int:
    run = runs.start(SETTLED, simulate=False, today=SETTLED, by="bench", now=large.NOW)
    db.session.commit()
    return runs.carry_out(run.id, SETTLED, lambda: large.NOW).charge_count


def _add_up() -> int:
    from portal.models import Call

    sums = select(Call.customer_id, func.sum(Call.amount)).group_by(Call.customer_id)
    found = len(db.session.execute(sums).all())
    assert db.session.scalar(select(func.count(Charge.id))) and db.session.scalar(
        select(func.count(Customer.id))
    )
    return found
