"""Own prices wherever prices are added up or looked at: recurring sums, impacts, what needs a look, the summary."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from portal.services.assignments.own_impact import impact_of as own_impact
from portal.services.assignments.own_prices import make_own_change, plan_many, plan_own_change
from portal.services.assignments.story import story_of
from portal.services.customers import ranking
from portal.services.customers.figures import Recurring
from portal.services.overview import recurring, watch
from portal.services.overview.remembering import Reading
from portal.services.packages.changes import earliest_day, make_change, plan_change
from portal.services.packages.definition import OwnPriceSet, PriceSet, definition_of
from portal.services.packages.figures import monthly
from portal.services.packages.impact import impact_of
from portal.services.summary import summary
from portal.services.what_changed import what_changed
from tests.trade import TODAY, a_customer, a_did, a_package, assigned, run

pytestmark = pytest.mark.usefixtures("session")
TOMORROW = TODAY + timedelta(1)
NOVEMBER, DECEMBER, JANUARY = date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1)


def mine(**prices):
    return OwnPriceSet(**{name: Decimal(price) for name, price in prices.items()})


def own(assignment, effective_from=None, **prices):
    wanted = {name: None if price is None else Decimal(price) for name, price in prices.items()}
    make_own_change(plan_own_change(assignment, wanted, effective_from, TODAY))


def three_who_have_it(package):
    """One at the package's prices, one with an own retail, one with an own cost."""
    acme, blue = a_customer("Acme"), a_customer("Blue")
    return (
        assigned(package, acme, NOVEMBER, quantity=3),
        assigned(package, blue, NOVEMBER, quantity=2, own=mine(retail="8")),
        assigned(package, blue, NOVEMBER, did=a_did(blue), own=mine(cost="3")),
    )


def test_what_recurs_is_added_up_at_own_prices_on_every_page():
    package = a_package(retail="10", cost="4")
    first, second, _ = three_who_have_it(package)
    [sums] = monthly(package, TODAY)
    assert (sums.holding.quantity, sums.retail, sums.cost) == (6, 30 + 16 + 10, 12 + 8 + 3)
    [all_of_it] = recurring.recurring(Reading(TODAY))
    assert (all_of_it.assignments, all_of_it.retail, all_of_it.cost) == (3, 56, 23)
    expected = {
        first.customer_id: Recurring(Decimal(30), Decimal(12)),
        second.customer_id: Recurring(Decimal(26), Decimal(11)),
    }
    assert ranking.recurring(TODAY) == ranking.recurring(TODAY, list(expected)) == expected


def test_an_own_price_counts_from_its_day_and_no_longer_once_it_is_lifted():
    package = a_package(retail="10")
    assignment = assigned(package, a_customer(), NOVEMBER)
    run()
    own(assignment, DECEMBER, retail="8")
    own(assignment, JANUARY, retail=None)
    days = (TODAY, DECEMBER, JANUARY)
    assert [monthly(package, day)[0].retail for day in days] == [10, 8, 10]
    assert [recurring.recurring(Reading(day))[0].retail for day in days] == [10, 8, 10]
    assert [ranking.recurring(day)[assignment.customer_id].retail for day in days] == [10, 8, 10]


def changed(package, **prices):
    stored = definition_of(package, earliest_day(package, TODAY))
    (held,) = stored.prices
    four = {name: Decimal(price) for name, price in prices.items()}
    return plan_change(package, replace(stored, prices=(replace(held, **four),)), None, TODAY)


def test_a_change_of_the_packages_price_lists_the_own_prices_that_it_leaves_alone():
    package = a_package(retail="10", cost="4")
    first, second, third = three_who_have_it(package)
    run()
    found = impact_of(changed(package, retail="12"))
    [effect] = found.effects
    assert (found.assignments, found.customers, effect.before, effect.after) == (2, 2, 40, 48)
    assert [hit.assignment for hit in found.hits] == [first, third]
    assert (found.left_alone, found.left_alone_count) == ((second,), 1)
    both = impact_of(changed(package, retail="12", cost="5"))
    [effect] = both.effects
    assert (both.assignments, effect.before, effect.after) == (3, 56, 64), (
        "one pays as before, but costs more"
    )
    assert [(hit.before, hit.after) for hit in both.hits] == [(30, 36), (16, 16), (10, 12)]
    assert both.left_alone_count == 0


def test_a_change_of_schedule_hits_own_prices_too_at_their_own():
    package = a_package(retail="10", cost="4")
    three_who_have_it(package)
    run()
    stored = definition_of(package, TOMORROW)
    found = impact_of(plan_change(package, replace(stored, frequency_match=(1, 15)), None, TODAY))
    [effect] = found.effects
    assert (found.assignments, effect.before, effect.after, found.left_alone_count) == (3, 56, 112, 0)


def test_where_everybody_has_an_own_price_nobody_is_hit():
    package = a_package(retail="10")
    assigned(package, a_customer(), NOVEMBER, own=mine(retail="8"))
    found = impact_of(changed(package, retail="12"))
    assert (found.effects, found.hits, found.left_alone_count) == ((), (), 1)


def test_own_setup_prices_are_left_alone_before_they_are_charged():
    package = a_package(retail="10", setup_retail="5")
    acme = a_customer()
    assigned(package, acme, DECEMBER, own=mine(setup_retail="1"))
    assigned(package, acme, DECEMBER, quantity=2, did=a_did(acme))
    found = impact_of(changed(package, setup_retail="7"))
    [effect] = found.effects
    assert (effect.once_before, effect.once_after, found.left_alone_count) == (10, 14, 1)


def test_the_impact_of_own_prices_says_whom_from_when_and_how_much_a_month():
    package = a_package(retail="10", cost="4", setup_retail="5")
    begun = assigned(package, a_customer("Acme"), NOVEMBER, quantity=3)
    run()
    later = assigned(package, a_customer("Blue"), DECEMBER, own=mine(retail="9"))
    found = own_impact(plan_many([begun.id, later.id], {"retail": Decimal(8)}, None, TODAY).done)
    [effect] = found.effects
    assert (found.customers, effect.assignments, effect.before, effect.after) == (2, 2, 39, 32)
    assert [(hit.first_on, hit.at_once, hit.before, hit.after) for hit in found.hits] == [
        (DECEMBER, False, 30, 24),
        (DECEMBER, True, 9, 8),
    ]
    assert (effect.once_before, effect.once_after) == (5, 5)
    lifted = own_impact(plan_many([later.id], {"retail": None}, None, TODAY).done)
    [(line,)] = [hit.lines for hit in lifted.hits]
    assert (line.label, line.before, line.after, line.is_own) == ("Retail", 9, 10, False)
    assert found.fingerprint != lifted.fingerprint


def test_the_impact_names_what_rounds_to_nothing_and_what_was_planned_before():
    package = a_package(retail="10")
    assignment = assigned(package, a_customer(), NOVEMBER)
    run()
    own(assignment, JANUARY, retail="7")
    found = own_impact(plan_many([assignment.id], {"retail": Decimal("0.004")}, DECEMBER, TODAY).done)
    assert found.warnings == ("Retail 0.004 GBP rounds to zero: one unit is charged 0 GBP.",)
    assert found.later == (JANUARY,)
    assert own_impact(plan_many([assignment.id], {"retail": None}, None, TODAY).done).hits == ()


def test_an_own_price_below_cost_needs_a_look():
    package = a_package(retail="10", cost="4")
    acme = a_customer()
    cheap = assigned(package, acme, NOVEMBER, own=mine(retail="3"))
    dear = assigned(package, acme, NOVEMBER, own=mine(cost="11"))
    both = assigned(package, acme, NOVEMBER, own=mine(cost="2", retail="3"))
    later = assigned(package, acme, NOVEMBER)
    own(later, JANUARY, retail="1")
    assert both not in [found for found, _ in watch.own_below_cost(Reading(TODAY))]
    assert [(found, held.cost, held.retail) for found, held in watch.own_below_cost(Reading(TODAY))] == [
        (cheap, 4, 3),
        (dear, 11, 10),
    ]
    assert later in [found for found, _ in watch.own_below_cost(Reading(JANUARY))]


def test_a_customer_reads_one_price_in_the_summary_and_why_it_is_another():
    assignment = assigned(a_package(retail="10"), a_customer(), NOVEMBER)
    run()
    own(assignment, DECEMBER, retail="8")
    run(DECEMBER)
    [before] = summary(assignment.customer, NOVEMBER, date(2026, 11, 30), DECEMBER).assigned
    [now] = summary(assignment.customer, DECEMBER, date(2026, 12, 31), DECEMBER).assigned
    assert (before.retail, now.retail) == (10, 8)
    found = what_changed(assignment.customer, DECEMBER, date(2026, 12, 31), DECEMBER)
    assert "8.00 instead of 10.00" in found.lines[0].words


def test_the_terms_of_an_assignment_tell_own_prices_with_the_packages_beside_them():
    package = a_package(retail="10", cost="4")
    assignment = assigned(package, a_customer(), NOVEMBER, own=mine(retail="8"))
    run()
    make_change(changed(package, retail="12"))
    own(assignment, DECEMBER, cost="3")
    told = story_of(assignment, TOMORROW)
    assert [(t.name, t.value, t.since, t.package) for t in told.terms if t.price] == [
        ("Retail", 8, None, 12),
        ("Cost", 4, None, None),
    ]
    assert [(t.name, t.value, t.since, t.package) for t in told.planned] == [("Cost", 3, DECEMBER, 4)]
    assert told.own_days == [DECEMBER]


def test_prices_in_several_currencies_stand_each_beside_its_own():
    package = a_package(retail="10", currencies=("GBP", "EUR"))
    euro = assigned(package, a_customer("Euro", "EUR"), NOVEMBER, own=mine(retail="8"))
    assigned(package, a_customer(), NOVEMBER)
    assert euro.prices_on(TODAY).package.currency == "EUR"
    assert {row.currency: row.retail for row in recurring.recurring(Reading(TODAY))} == {"EUR": 8, "GBP": 10}
    stored = definition_of(package, TODAY)
    pounds = next(prices for prices in stored.prices if prices.currency == "GBP")
    dearer = replace(stored, prices=(PriceSet("EUR", Decimal(10), Decimal(20)), pounds))
    found = impact_of(plan_change(package, dearer, None, TODAY))
    assert (found.effects, found.left_alone_count) == ((), 1)
