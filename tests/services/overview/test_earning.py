"""Margins, what recurs, and what was won and lost are what the tables say, worked out anew from their rows.

Histories are generated (tests/portfolios.py): prices, quantities, schedules and ends change while runs post.
"""

import calendar
from collections import defaultdict
from datetime import date, timedelta
from fractions import Fraction
from random import Random

import pytest
from sqlalchemy import select, update

from portal.domain.money import minor_unit
from portal.models import (
    Assignment,
    AssignmentPosition,
    AssignmentPrice,
    AssignmentQuantity,
    Charge,
    Customer,
    Did,
    PackagePrice,
    PackageSchedule,
)
from portal.services.customers import ranking
from portal.services.dids import dids
from portal.services.dids.earning import on_dids
from portal.services.overview import idle_dids, margins, moved, recurring, won_and_lost
from portal.services.overview.remembering import Reading
from tests.depth import tries
from tests.services.billing.test_oracle import Replay, portfolios

ONE_DAY = timedelta(days=1)
MICRO = 1_000_000


class Tables:
    """All rows, and what they come to, worked out one by one."""

    def __init__(self, session):
        def rows(model):
            return session.scalars(select(model).order_by(*model.__table__.primary_key)).all()

        self.assignments, self.charges, self.dids = rows(Assignment), rows(Charge), rows(Did)
        self.currency = {row.id: row.currency for row in rows(Customer)}
        self.quantities, self.own = defaultdict(list), defaultdict(list)
        self.prices, self.schedules = defaultdict(list), defaultdict(list)
        for row in rows(AssignmentQuantity):
            self.quantities[row.assignment_id].append(row)
        for row in rows(AssignmentPrice):
            self.own[row.assignment_id].append(row)
        for row in rows(PackagePrice):
            self.prices[row.package_id, row.currency].append(row)
        for row in rows(PackageSchedule):
            self.schedules[row.package_id].append(row)

    def runs(self, assignment, day):
        return assignment.start_date <= day and (assignment.end_date is None or assignment.end_date >= day)

    def price(self, assignment, name, day):
        own = as_of(self.own[assignment.id], day)
        mine = getattr(own, name) if own else None
        theirs = as_of(self.prices[assignment.package_id, self.currency[assignment.customer_id]], day)
        return getattr(theirs, name) if mine is None else mine

    def a_month(self, assignment, name, day, counted_from=None):
        """What an assignment recurs with in a month as of a day, in its currency's minor unit."""
        if not self.runs(assignment, day):
            return Fraction(0)
        times = times_a_year(as_of(self.schedules[assignment.package_id], day), counted_from or day)
        quantity = as_of(self.quantities[assignment.id], day).quantity
        exact = Fraction(self.price(assignment, name, day)) * quantity * times / 12
        unit = Fraction(minor_unit(self.currency[assignment.customer_id]), MICRO)
        return (exact / unit + Fraction(1, 2)).__floor__() * unit

    def recurs(self, assignment):
        return any(row.frequency.value != "none" for row in self.schedules[assignment.package_id])


def as_of(rows, day):
    """The last row that is effective by a day."""
    found = [row for row in rows if row.effective_from <= day]
    return max(found, key=lambda row: row.effective_from) if found else None


def times_a_year(schedule, day):
    """How many charge dates the twelve months from a day have, each day looked at by itself."""
    frequency, match = schedule.frequency.value, schedule.frequency_match
    fixed = {"none": 0, "quarterly": 4, "yearly": 1}
    if frequency in fixed:
        return Fraction(fixed[frequency])
    if frequency == "monthly" and not match:
        return Fraction(12)
    leaps = calendar.monthrange(day.year + 1, day.month)[1] < day.day  # 29 February: to the 28th
    until = date(day.year + 1, day.month, 28 if leaps else day.day)
    days = [day + n * ONE_DAY for n in range((until - day).days)]
    if frequency == "daily":
        return Fraction(len(days))
    if frequency == "weekly":
        return Fraction(sum(one.isoweekday() in match for one in days)) if match else Fraction(len(days), 7)
    return Fraction(sum(falls_on(one, match) for one in days))


def falls_on(day, match):
    last = calendar.monthrange(day.year, day.month)[1]
    return day.day in match or (day.day == last and any(one > last for one in match))


def looks_at(session, before, day):
    """Everything that is told of a day, held against the tables; what of it there was to tell."""
    tables = Tables(session)
    told = was_won_and_lost(tables, before, day) | is_on_dids(session, tables, day)
    earned(tables, before + ONE_DAY, day)
    return told


def was_won_and_lost(tables, before, day):
    names = ("before", "new", "more", "less", "ended", "after")
    expected = defaultdict(lambda: dict.fromkeys(names, Fraction(0)))
    moves = defaultdict(list)
    for one in sorted(tables.assignments, key=lambda one: one.id):
        ran, runs = tables.runs(one, before), tables.runs(one, day)
        if not tables.recurs(one) or not (ran or runs):
            continue
        was = tables.a_month(one, "retail", before, counted_from=day)
        now = tables.a_month(one, "retail", day)
        sums = expected[tables.currency[one.customer_id]]
        sums["before"] += was
        sums["after"] += now
        if not ran:
            sums["new"] += now
        elif not runs:
            sums["ended"] += was
        else:
            sums["more" if now > was else "less"] += abs(now - was)
        if was != now:
            kind = "new" if not ran else "ended" if not runs else "more" if now > was else "less"
            moves[tables.currency[one.customer_id]].append((one.id, kind, was, now))
    for currency in expected:
        listed = moved.find(moved.Asked(currency, before, day)).every(2)
        rows = [(row.assignment.id, row.kind, row.was, row.now) for some in listed for row in some]
        assert sorted(rows) == moves[currency]
    found = won_and_lost.won_and_lost(before, day)
    assert {row.currency: {name: getattr(row, name) for name in names} for row in found} == expected
    for row in found:
        assert row.before + row.new + row.more - row.less - row.ended == row.after
    told = {row.currency: row for row in recurring.recurring(Reading(day))}
    by_customer = defaultdict(int)
    for id, row in ranking.recurring(day).items():
        by_customer[tables.currency[id]] += row.retail
    for row in found:
        now = told[row.currency].retail if row.currency in told else 0
        assert now == row.after == by_customer[row.currency]
    return {name for name in names for row in found if getattr(row, name)}


def is_on_dids(session, tables, day):
    on, nothing, bare = {}, set(), set()
    costs = defaultdict(Fraction)
    for did in tables.dids:
        here = [one for one in tables.assignments if one.did_id == did.id]
        running = [one for one in here if tables.runs(one, day)]
        if running:
            on[did.id] = tuple(
                sum(tables.a_month(one, name, day) for one in running) for name in ("retail", "cost")
            )
        if not any(one.end_date is None or one.end_date >= day for one in here):
            bare.add(did.id)
        recur = [one for one in running if tables.recurs(one)]
        if any(tables.price(one, "cost", day) for one in recur) and not any(
            tables.price(one, "retail", day) for one in recur
        ):
            nothing.add(did.id)
            costs[tables.currency[did.customer_id]] += on[did.id][1]
    ids = [did.id for did in tables.dids]
    assert {id: (row.retail, row.cost) for id, row in on_dids(ids, day).items()} == on
    for state, expected in ((dids.NO_PACKAGE, bare), (dids.BRINGS_NOTHING, nothing)):
        assert set(session.scalars(dids.find_dids(day, state=state).with_only_columns(Did.id))) == expected
    told = idle_dids.idle_dids(Reading(day))
    assert (told.no_package, told.bring_nothing, told.costs) == (len(bare), len(nothing), costs)
    return {name for name, found in (("bare", bare), ("nothing", nothing)) if found}


def earned(tables, begins, through):
    did_of = {one.id: one.did_id for one in tables.assignments}
    whose = {
        "package": lambda charge: charge.package_id,
        "customer": lambda charge: charge.customer_id,
        "did": lambda charge: did_of.get(charge.assignment_id),
    }
    for currency in set(tables.currency.values()):
        charges = [
            one for one in tables.charges
            if one.currency == currency and begins <= one.charge_on <= through and one.opening_number is None
        ]  # fmt: skip
        for by, of in whose.items():
            expected = defaultdict(lambda: [0, 0, 0])
            for charge in charges:
                for place, value in enumerate((charge.amount, charge.cost, 1)):
                    expected[of(charge) or 0][place] += value
            found = margins.add_up(margins.Asked(by, currency, begins, through))
            rows = found.rows(by, 0, len(found.ids))
            assert {row.of.id if row.of else 0: list(row.left) for row in rows} == expected
            assert [row.left.margin for row in rows] == sorted(
                (row.left.margin for row in rows), reverse=True
            )
            assert found.total.margin == sum(charge.amount - charge.cost for charge in charges)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(tries(1, deep=3)))
def test_margins_and_what_was_won_and_lost_are_what_the_tables_come_to(session, seed):
    """Looked at on some days of generated histories; on each since a day some weeks before."""
    first, random = 2000 + 100 * seed, Random(seed)
    scenarios = portfolios(range(first, first + tries(30, deep=60)))[0]
    replay = Replay(session, scenarios, 0)
    session.execute(update(AssignmentPosition).values(post_all_through=replay.last))
    days = sorted(random.sample(list(replay.days())[60:], tries(5, deep=12)))
    looked, told = [], set()

    def run(day):
        Replay.run(replay, day)
        session.flush()
        session.expire_all()
        told.update(looks_at(session, day - random.randint(1, 60) * ONE_DAY, day))
        looked.append(day)

    replay.run = run
    replay.go(set(days))
    assert looked == days
    # Not every portfolio has a DID that costs and brings nothing; the first has.
    there = {"before", "new", "more", "less", "ended", "after", "bare", "nothing"}
    assert told | ({"nothing"} if seed else set()) == there
