"""Whatever calls come in, in whatever files and order: what is free, what is spend, and what is charged for it."""

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import BigInteger, func, select, type_coerce

from portal.domain.terms import Proration
from portal.extensions import db
from portal.models import Assignment, BalanceEntry, Call, CallCover, Charge, Customer
from portal.services.assignments.bundles import free_minutes
from tests.calling import a_file, a_line, taken_in
from tests.depth import tries
from tests.trade import a_customer, a_did, a_package, assigned, run

pytestmark = pytest.mark.slow

FIRST = date(2026, 9, 1)
LAST = date(2026, 11, 22)
SEEDS = range(tries(3, deep=5))
DESTINATIONS = ("442079460999", "33199009999", "12125550199", "442079460123")


def a_world(seed: int) -> list[Customer]:
    """Two customers, one of them with bundles that overlap, both with minimum spends."""
    random = Random(seed)
    customers = [a_customer("Northwind Telecom"), a_customer("Southwind")]
    did = a_did(customers[0])
    minimum = a_package("Minimum", "40", minimum_spend=True, cost="0")
    of_did = a_package("DID minimum", "15", minimum_spend=True, proration=Proration.DAILY, cost="0")
    for customer in customers:
        assigned(minimum, customer, FIRST)
    assigned(of_did, customers[0], FIRST + timedelta(days=9), did=did)
    for number, destination in enumerate(("", "^44", "^1|^33")):
        match = random.choice(((1,), (15, 31), (8,)))
        proration = random.choice(tuple(Proration))
        package = a_package(
            f"Bundle {number}", minutes=True, match=match, proration=proration, retail="0", cost="0"
        )
        package.destination = destination
        start = FIRST + timedelta(days=random.randrange(30))
        end = random.choice((None, LAST - timedelta(days=random.randrange(30))))
        on = random.choice((None, did))
        assigned(package, customers[0], start, minutes=random.randrange(5, 90), end_date=end, did=on)
    return customers


def some_lines(seed: int, count: int = 160) -> list[str]:
    """Calls of both customers over all the days."""
    random = Random(seed + 100)
    lines = []
    for number in range(count):
        day = FIRST + timedelta(days=random.randrange((LAST - FIRST).days))
        when = f"{day} {random.randrange(24):02}:{random.randrange(60):02}:00"
        seconds, amount = (
            random.choice((0, 60, 61, 599, 3600)),
            Decimal(random.randrange(0, 2_000_000)) / 1_000_000,
        )
        customer = random.choice(("Northwind Telecom", "Northwind Telecom", "Southwind"))
        did = random.choice(("", "+442079460123")) if customer == "Northwind Telecom" else ""
        lines.append(
            a_line(
                f"c{number}", when, seconds, f"{amount:f}", customer=customer, did=did,
                destination=random.choice(DESTINATIONS),
            )
        )  # fmt: skip
    return lines


def totals() -> list[tuple[object, ...]]:
    """For every customer and day: what calls were rated at and what is covered."""
    amount, covered = (func.sum(type_coerce(c, BigInteger)) for c in (Call.amount, Call.covered_amount))
    query = (
        select(Customer.name, Call.day, func.count(), amount, covered)
        .join(Customer, Customer.id == Call.customer_id)
        .group_by(Customer.name, Call.day)
    )
    return sorted(tuple(row) for row in db.session.execute(query))


def balances() -> list[tuple[str, Decimal]]:
    query = (
        select(Customer.name, func.sum(BalanceEntry.amount))
        .join(Customer, Customer.id == BalanceEntry.customer_id)
        .group_by(Customer.name)
    )
    return sorted(tuple(row) for row in db.session.execute(query))


def charges() -> list[tuple[object, ...]]:
    query = select(
        Charge.label, Charge.customer_id, Charge.kind, Charge.charge_on, Charge.period_from, Charge.amount
    )
    rows = [tuple(row) for row in db.session.execute(query)]
    return sorted((label, kind, on, begins, amount) for label, _, kind, on, begins, amount in rows)


def never_more_than_given(customers: list[Customer]) -> None:
    """No bundle has covered more than it had, whatever the pages say it has; and no call more than it cost."""
    used = (
        select(Assignment, CallCover.period_from, func.sum(CallCover.seconds))
        .join(Assignment, Assignment.id == CallCover.assignment_id)
        .group_by(Assignment.id, CallCover.period_from)
    )
    for bundle, begins, seconds in db.session.execute(used):
        assert 0 < seconds <= 60 * bundle.minutes, (bundle.package.name, begins)
    for day in (FIRST + timedelta(days=n) for n in range(0, 90, 7)):
        for customer in customers:
            assert all(0 <= used.used <= used.total for used in free_minutes(customer.id, day))
    covers_of = defaultdict(list)
    for cover in db.session.scalars(select(CallCover)):
        covers_of[cover.call_id].append(cover)
    for call in db.session.scalars(select(Call)):
        covers = covers_of[call.id]
        assert (call.covered_seconds, call.covered_amount) == (
            sum(one.seconds for one in covers), sum((one.amount for one in covers), Decimal(0)),
        )  # fmt: skip
        assert 0 <= call.covered_seconds <= call.seconds and 0 <= call.covered_amount <= call.amount
        assert call.spend + call.covered_amount == call.amount


@pytest.mark.parametrize("seed", SEEDS)
def test_free_minutes_are_never_more_than_given_and_spend_and_cover_are_what_calls_were_rated_at(
    session, tmp_path, seed
):
    customers = a_world(seed)
    lines = some_lines(seed)
    Random(seed).shuffle(lines)
    for part in range(0, len(lines), 50):
        taken_in(a_file(tmp_path, lines[part : part + 50]), LAST, size=7)
        never_more_than_given(customers)


@pytest.mark.parametrize("seed", SEEDS)
def test_files_in_any_order_in_any_cut_and_twice_come_to_the_same(session, app, database, seed):
    found = []
    for way in range(3):
        database.clean()
        a_world(seed)
        lines = some_lines(seed)
        random = Random(seed * 10 + way)
        with TemporaryDirectory() as folder:
            parts = [lines] if not way else []
            if way:
                random.shuffle(lines)
                while lines:
                    cut = random.randrange(1, 90)
                    parts.append(lines[:cut])
                    lines = lines[cut:]
                parts += random.sample(parts, len(parts) // 2)  # some of them again
            for part in parts:
                done = taken_in(a_file(Path(folder), part), LAST, size=random.choice((9, 50, 8000)))
                assert not done.bad_count
        state = [totals(), balances()]
        run(LAST)
        found.append([*state, charges()])
        db.session.commit()
    assert found[0] == found[1] == found[2]
