"""Own prices of an assignment: from which day, each by itself, what refuses them, and what runs charge by them."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random

import pytest
from sqlalchemy import select

from portal.domain.errors import Invalid, RuleBroken
from portal.domain.schedule import FIRST_DAY, Frequency
from portal.models import AssignmentPrice, Charge
from portal.services.assignments.changing import change_end, change_quantity
from portal.services.assignments.own_prices import (
    drop_planned,
    make_many,
    make_own_change,
    own_on,
    plan_many,
    plan_own_change,
    planned_days,
)
from portal.services.packages.changes import make_change, plan_change
from portal.services.packages.definition import OwnPriceSet, PriceSet, definition_of
from tests.trade import BEN, NOW, TODAY, a_customer, a_package, assigned, run

pytestmark = pytest.mark.usefixtures("session")
TOMORROW = TODAY + timedelta(1)
DECEMBER, JANUARY, FEBRUARY = date(2026, 12, 1), date(2027, 1, 1), date(2027, 2, 1)


def own(assignment, effective_from=None, **prices):
    """Own prices from a day on; what is None is lifted."""
    wanted = {name: None if price is None else Decimal(price) for name, price in prices.items()}
    make_own_change(plan_own_change(assignment, wanted, effective_from, TODAY))


def rows(assignment):
    return [(row.effective_from, row.cost, row.retail) for row in assignment.own_prices]


def posted(session, assignment):
    query = select(Charge.amount).where(Charge.assignment_id == assignment.id).order_by(Charge.charge_on)
    return [float(amount) for amount in session.scalars(query)]


def priced(package, *, cost, retail):
    """The package as it is, with other prices."""
    return replace(definition_of(package, TODAY), prices=(PriceSet("GBP", Decimal(cost), Decimal(retail)),))


def a_begun_one(**more):
    assignment = assigned(a_package(retail="10"), a_customer(), date(2026, 11, 1), **more)
    run()
    return assignment


def test_an_own_price_holds_at_once_while_nothing_of_the_assignment_was_posted(session):
    package, acme = a_package(retail="10"), a_customer()
    other = assigned(package, a_customer("Other"), date(2026, 11, 1))
    run()
    assignment = assigned(package, acme, date(2026, 11, 1))
    own(assignment, retail="8")
    run()
    assert rows(assignment) == [(FIRST_DAY, None, 8)]
    assert (posted(session, assignment), posted(session, other)) == ([8], [10])


def test_an_own_price_holds_from_tomorrow_at_the_earliest_once_something_was_posted(session):
    assignment = a_begun_one()
    with pytest.raises(Invalid, match=r"posted at today's terms\. Choose 23 November 2026 or a later day"):
        own(assignment, TODAY, retail="8")
    own(assignment, retail="8")
    run(DECEMBER)
    assert rows(assignment) == [(TOMORROW, None, 8)]
    assert posted(session, assignment) == [10, 8]


def test_a_period_that_came_to_nothing_counts_as_posted():
    assignment = assigned(a_package(retail="0", cost="0"), a_customer(), date(2026, 11, 1))
    run()
    with pytest.raises(Invalid, match="Choose 23 November 2026"):
        own(assignment, TODAY, retail="8")


def test_each_price_is_its_own_by_itself_and_what_is_not_stays_the_packages(session):
    assignment = a_begun_one()
    own(assignment, DECEMBER, retail="8")
    dearer = priced(assignment.package, cost=6, retail=12)
    make_change(plan_change(assignment.package, dearer, JANUARY, TODAY))
    held = [assignment.prices_on(day) for day in (TODAY, DECEMBER, JANUARY)]
    assert [(price.cost, price.retail) for price in held] == [(10, 10), (10, 8), (6, 8)]
    assert [price.own for price in held] == [frozenset(), {"retail"}, {"retail"}]
    assert held[2].package.retail == 12
    run(JANUARY)
    assert posted(session, assignment) == [10, 8, 8]


def test_lifted_the_packages_price_holds_from_that_day_on(session):
    assignment = a_begun_one()
    own(assignment, DECEMBER, retail="8")
    own(assignment, JANUARY, retail=None)
    assert rows(assignment) == [(DECEMBER, None, 8), (JANUARY, None, None)]
    run(JANUARY)
    assert posted(session, assignment) == [10, 8, 10]


def test_a_change_of_one_price_leaves_what_is_planned_of_another():
    assignment = a_begun_one()
    own(assignment, JANUARY, retail="8")
    own(assignment, DECEMBER, cost="3")
    assert rows(assignment) == [(DECEMBER, 3, None), (JANUARY, 3, 8)]
    own(assignment, DECEMBER, retail="9")
    assert rows(assignment) == [(DECEMBER, 3, 9), (JANUARY, 3, 8)]


def test_of_two_prices_for_one_day_the_last_one_counts_and_planned_ones_go_one_by_one(session):
    assignment = a_begun_one()
    own(assignment, DECEMBER, retail="8")
    own(assignment, DECEMBER, retail="7", cost="3")
    own(assignment, JANUARY, retail="6")
    own(assignment, FEBRUARY, cost="2")
    session.flush()
    session.expire_all()
    assert planned_days(assignment, TODAY) == [DECEMBER, JANUARY, FEBRUARY]
    drop_planned(assignment, JANUARY, TODAY)
    assert rows(assignment) == [(DECEMBER, 3, 7), (FEBRUARY, 2, 7)]
    drop_planned(assignment, DECEMBER, TODAY)
    assert rows(assignment) == [(FEBRUARY, 2, None)]
    session.flush()
    assert session.scalars(select(AssignmentPrice.effective_from)).all() == [FEBRUARY]


def test_what_is_in_force_or_was_never_planned_is_not_taken_back():
    assignment = assigned(a_package(), a_customer(), own=OwnPriceSet(retail=Decimal(8)))
    with pytest.raises(Invalid, match="already in force"):
        drop_planned(assignment, FIRST_DAY, TODAY)
    with pytest.raises(Invalid, match="Nothing is planned for 1 January 2027"):
        drop_planned(assignment, JANUARY, TODAY)


def test_given_when_assigning_it_has_always_held(session):
    mine = OwnPriceSet(retail=Decimal("8.123456"), setup_retail=Decimal(0))
    package = a_package(retail="10", setup_retail="5")
    assignment = assigned(package, a_customer(), date(2026, 11, 1), quantity=2, own=mine)
    run()
    assert own_on(assignment, date(2000, 1, 1)) == mine
    assert posted(session, assignment) == [16.25]


@pytest.mark.parametrize(
    ("prices", "field", "sentence"),
    [
        ({"retail": "-1"}, "retail", "Retail must be 0 to 999,999,999"),
        ({"cost": "1000000000"}, "cost", "Cost must be 0 to 999,999,999"),
        ({"setup_cost": "0.0000001"}, "setup_cost", "Setup Cost can have 6 decimals at most"),
        ({"retail": "500000000"}, "retail", "It has 2 units: one charge would come to 1,000,000,000 or more"),
    ],
)
def test_a_price_out_of_bounds_is_refused_at_its_field(prices, field, sentence):
    assignment = assigned(a_package(), a_customer(), quantity=2)
    with pytest.raises(Invalid, match=sentence) as refused:
        own(assignment, **prices)
    assert refused.value.field == field
    mine = OwnPriceSet(**{name: Decimal(price) for name, price in prices.items()})
    with pytest.raises(Invalid):
        assigned(a_package("Another"), assignment.customer, quantity=2, own=mine)


def test_a_quantity_is_held_against_the_own_price_and_not_against_the_packages():
    dear, cheap = Decimal(50_000_000), OwnPriceSet(retail=Decimal(1))
    assignment = assigned(a_package(retail="50000000"), a_customer(), own=cheap)
    change_quantity(assignment, 100, TODAY, TODAY)
    with pytest.raises(Invalid, match="It has 100 units"):
        own(assignment, retail=None)
    other = assigned(a_package("Cheap", retail="1"), assignment.customer, own=OwnPriceSet(retail=dear))
    with pytest.raises(Invalid, match="Choose a smaller quantity"):
        change_quantity(other, 20, TODAY, TODAY)


def test_a_packages_price_is_not_held_against_those_who_do_not_pay_it():
    package = a_package(retail="1")
    assignment = assigned(package, a_customer(), quantity=100, own=OwnPriceSet(retail=Decimal(1)))
    dear = priced(package, cost=10, retail=10_000_000)
    plan_change(package, dear, None, TODAY)
    own(assignment, JANUARY, retail=None)
    with pytest.raises(Invalid, match="Northwind Telecom has 100 of it"):
        plan_change(package, dear, None, TODAY)


def test_a_price_that_is_charged_once_is_its_own_until_it_was_charged():
    package = a_package("Number porting", frequency=Frequency.NONE, match=(), setup_retail="5")
    assignment = assigned(package, a_customer(), DECEMBER)
    with pytest.raises(
        Invalid, match=r"Retail is charged once, on 1 December 2026\. Choose that day or an earlier"
    ):
        own(assignment, JANUARY, retail="8")
    own(assignment, DECEMBER, retail="8", setup_retail="4")
    run(DECEMBER)
    with pytest.raises(Invalid, match="Setup Retail is charged once, and was"):
        own(assignment, JANUARY, setup_retail="3")


def test_one_that_has_ended_and_a_day_after_the_last_one_are_refused():
    assignment = a_begun_one()
    change_end(assignment, date(2026, 12, 10), TODAY, by=BEN, now=NOW)
    with pytest.raises(Invalid, match="It ends on 10 December 2026: nothing is charged after that"):
        own(assignment, JANUARY, retail="8")
    change_end(assignment, TODAY - timedelta(1), TODAY, by=BEN, now=NOW)
    with pytest.raises(RuleBroken, match="It ended on 21 November 2026"):
        own(assignment, retail="8")


def test_whoever_has_it_open_is_told_of_an_own_price(session):
    assignment = assigned(a_package(), a_customer())
    before = assignment.version
    own(assignment, retail="8")
    session.flush()
    assert assignment.version == before + 1


def test_a_price_set_to_what_it_is_changes_nothing(session):
    assignment = assigned(a_package(), a_customer(), own=OwnPriceSet(retail=Decimal(8)))
    before = assignment.version
    own(assignment, retail="8", cost=None)
    session.flush()
    assert (rows(assignment), assignment.version) == ([(FIRST_DAY, None, 8)], before)


def test_of_many_those_that_may_have_it_do_and_each_other_one_says_why():
    package = a_package(retail="10", setup_retail="5")
    begun = assigned(package, a_customer("Acme"), date(2026, 11, 1))
    run()
    fresh = assigned(package, a_customer("Blue"))
    found = plan_many([fresh.id, begun.id], {"setup_retail": Decimal(4), "retail": Decimal(8)}, None, TODAY)
    make_many(found.done)
    assert own_on(fresh, TODAY) == OwnPriceSet(retail=Decimal(8), setup_retail=Decimal(4))
    assert [(one.thing, one.reason) for one in found.refused] == [
        (begun, "Setup Retail is charged once, and was: another price would change nothing.")
    ]
    assert rows(begun) == []


def test_for_many_a_price_is_in_one_currency_but_can_be_lifted_in_several():
    package = a_package(currencies=("GBP", "EUR"))
    ids = [assigned(package, a_customer(code, code)).id for code in ("GBP", "EUR")]
    with pytest.raises(Invalid, match="these are EUR and GBP"):
        plan_many(ids, {"retail": Decimal(8)}, None, TODAY)
    assert len(plan_many(ids, {"retail": None}, None, TODAY).done) == 2


# -- whatever is set, lifted and taken back


@pytest.mark.parametrize("seed", range(12))
def test_each_price_follows_its_own_changes_whatever_is_done_to_the_others(session, seed):
    """Held against a plain account of each price by itself, a day at a time; each change is of another value."""
    rng = Random(seed)
    days = [TODAY + timedelta(n) for n in range(1, 13)]
    expected = {name: dict.fromkeys(days) for name in ("cost", "retail")}
    changed_on = {name: set() for name in expected}
    assignment = a_begun_one()
    values = iter(range(1, 100))
    for _ in range(14):
        effective_from = rng.choice(days)
        if rng.random() < 0.25 and effective_from in planned_days(assignment, TODAY):
            drop_planned(assignment, effective_from, TODAY)
            wanted = {
                name: expected[name].get(effective_from - timedelta(1)) for name in expected
                if effective_from in changed_on[name]
            }  # fmt: skip
            for name in wanted:
                changed_on[name].discard(effective_from)
        else:
            names = rng.sample(sorted(expected), rng.randint(1, 2))
            wanted = {name: Decimal(next(values)) for name in names}
            own(assignment, effective_from, **wanted)
            for name in names:
                changed_on[name].add(effective_from)
        for name, value in wanted.items():
            until = min((day for day in changed_on[name] if day > effective_from), default=date.max)
            for day in days:
                if effective_from <= day < until:
                    expected[name][day] = value
        session.flush()
        session.expire_all()
        for day in days:
            held = own_on(assignment, day)
            assert {name: getattr(held, name) for name in expected} == {
                name: expected[name][day] for name in expected
            }, (day, rows(assignment))
