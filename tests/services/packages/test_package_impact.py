"""Whom a change of price or schedule hits, from when, and by how much a month."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from portal.domain.schedule import Frequency
from portal.domain.terms import Proration
from portal.services.assignments.changing import change_quantity
from portal.services.packages.changes import earliest_day, plan_change
from portal.services.packages.definition import PriceSet, definition_of
from portal.services.packages.figures import monthly
from portal.services.packages.impact import impact_of
from tests.trade import TODAY, a_customer, a_did, a_package, assigned, run

pytestmark = pytest.mark.usefixtures("session")

TOMORROW = TODAY + timedelta(days=1)
DECEMBER = date(2026, 12, 1)


def impact(package, effective_from=None, **changed):
    """The impact of a change of what is stored."""
    stored = definition_of(package, earliest_day(package, TODAY))
    if "retail" in changed:
        retail = Decimal(changed.pop("retail"))
        changed["prices"] = tuple(replace(prices, retail=retail) for prices in stored.prices)
    return impact_of(plan_change(package, replace(stored, **changed), effective_from, TODAY))


def test_it_names_every_assignment_with_its_own_first_day_and_sums_a_month():
    package = a_package(retail="10", match=())
    acme = a_customer("Acme")
    assigned(package, acme, date(2026, 11, 8), quantity=3)
    assigned(package, acme, date(2026, 11, 20), did=a_did(acme))
    assigned(package, a_customer("Globex"), date(2026, 11, 15), end_date=date(2026, 12, 5))
    run()
    found = impact(package, retail="12")
    assert (found.assignments, found.customers) == (3, 2)
    assert [hit.first_on for hit in found.hits] == [date(2026, 12, 8), date(2026, 12, 20), None]
    [effect] = found.effects
    assert (effect.before, effect.after, effect.difference) == (50, 60, 10)


def test_currencies_are_never_mixed():
    package = a_package(retail="10", currencies=("GBP", "USD"))
    assigned(package, a_customer("Acme", "GBP"))
    assigned(package, a_customer("Globex", "USD"), quantity=2)
    run(DECEMBER)
    stored = definition_of(package, TOMORROW)
    dearer = (stored.prices[0], PriceSet("USD", Decimal(10), Decimal(11)))
    found = impact(package, prices=dearer)
    assert [(e.holding.currency, e.before, e.after) for e in found.effects] == [("USD", 20, 22)]
    assert [hit.assignment.customer.name for hit in found.hits] == ["Globex"]


@pytest.mark.parametrize(
    ("frequency", "match", "a_month"),
    [
        (Frequency.MONTHLY, (), "12.00"),
        (Frequency.MONTHLY, (15, 31), "24.00"),
        (Frequency.QUARTERLY, (), "4.00"),
        (Frequency.YEARLY, (), "1.00"),
        (Frequency.DAILY, (), "365.00"),
        (Frequency.WEEKLY, (1, 4), "104.00"),
        (Frequency.WEEKLY, (), "52.14"),
    ],
)
def test_a_month_is_a_twelfth_of_the_charge_dates_of_twelve_months(frequency, match, a_month):
    package = a_package(retail="12", cost="0", frequency=frequency, match=match)
    assigned(package, a_customer())
    [sums] = monthly(package, TODAY)
    assert sums.retail == Decimal(a_month).quantize(Decimal("0.01"))


def test_a_change_of_schedule_changes_the_month():
    package = a_package(retail="12", match=())
    assigned(package, a_customer(), date(2026, 11, 8))
    run()
    found = impact(package, frequency=Frequency.QUARTERLY)
    assert [(e.before, e.after) for e in found.effects] == [(12, 4)]
    assert found.hits[0].first_on == date(2026, 12, 8)


def test_who_has_ended_before_it_takes_effect_is_not_affected():
    package = a_package(retail="10")
    assigned(package, a_customer(), date(2026, 11, 1), end_date=date(2026, 11, 22))
    run()
    assert not impact(package, retail="12").effects


def test_setup_prices_affect_only_who_has_not_begun():
    package = a_package(retail="10", setup_retail="5", match=())
    assigned(package, a_customer())
    assigned(package, a_customer("Globex"), date(2026, 12, 24), quantity=2)
    run()
    stored = definition_of(package, TOMORROW)
    dearer = (replace(stored.prices[0], setup_retail=Decimal(9)),)
    found = impact(package, prices=dearer)
    assert [hit.assignment.customer.name for hit in found.hits] == ["Globex"]
    assert [(e.difference, e.once_difference) for e in found.effects] == [(0, 8)]


def test_a_one_off_affects_only_who_has_not_begun():
    package = a_package(retail="10", frequency=Frequency.NONE, match=())
    assigned(package, a_customer())
    assigned(package, a_customer("Globex"), date(2026, 12, 24))
    run()
    found = impact(package, retail="12")
    assert [(hit.assignment.customer.name, hit.first_on) for hit in found.hits] == [
        ("Globex", date(2026, 12, 24))
    ]
    assert found.effects[0].once_difference == 2


def test_at_once_it_affects_everybody():
    package = a_package(retail="10", proration=Proration.DAILY)
    assigned(package, a_customer(), date(2026, 11, 8))
    found = impact(package, retail="12")
    assert found.change.at_once
    assert found.hits[0].first_on == date(2026, 11, 8)


def test_the_quantity_of_the_day_counts():
    package = a_package(retail="10")
    assignment = assigned(package, a_customer(), date(2026, 11, 8))
    run(DECEMBER)
    change_quantity(assignment, 5, date(2027, 1, 1), TODAY)
    assert impact(package, date(2027, 2, 1), retail="12").effects[0].difference == 10
    assert impact(package, DECEMBER, retail="12").effects[0].difference == 2


def test_a_name_affects_nobody():
    package = a_package()
    assigned(package, a_customer())
    assert not impact(package, name="Another").effects


def test_what_was_seen_differs_once_somebody_else_is_affected():
    package = a_package(retail="10")
    assigned(package, a_customer())
    seen = impact(package, retail="12").fingerprint
    assert impact(package, retail="12").fingerprint == seen
    assigned(package, a_customer("Globex"))
    assert impact(package, retail="12").fingerprint != seen


def test_it_tells_of_what_was_planned_for_later():
    package = a_package(retail="10")
    assigned(package, a_customer())
    run(DECEMBER)
    from portal.services.packages.changes import make_change

    make_change(impact(package, date(2027, 3, 1), retail="11").change)
    assert impact(package, retail="12").later == (date(2027, 3, 1),)
