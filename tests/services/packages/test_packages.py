"""Packages: what can be one, and how one changes: at once, from a day on, or not at all."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from portal.domain.errors import Invalid
from portal.domain.schedule import FIRST_DAY, Frequency
from portal.domain.terms import PackageType, Proration
from portal.models import AssignmentPosition, Charge, Package, PackagePrice
from portal.services.listing import page
from portal.services.packages import catalogue as packages
from portal.services.packages.catalogue import create_package, find_packages
from portal.services.packages.changes import (
    drop_planned,
    earliest_day,
    make_change,
    plan_change,
    planned_days,
)
from portal.services.packages.definition import Definition, PriceSet, definition_of, problems
from tests.trade import NOW, TODAY, a_customer, a_package, assigned, run

pytestmark = pytest.mark.usefixtures("session")

TOMORROW = TODAY + timedelta(days=1)
NEW_YEAR = date(2027, 1, 1)
TRUNK = Definition(
    "SIP Trunk 10",
    (PriceSet("GBP", Decimal(10), Decimal("24.50")),),
    Frequency.MONTHLY,
    (15, 31),
    proration=Proration.DAILY,
)


def at(retail: str, currency: str = "GBP", cost: str = "10") -> PriceSet:
    """A set of prices."""
    return PriceSet(currency, Decimal(cost), Decimal(retail))


def change(package: Package, effective_from: date | None = None, **changed: object) -> None:
    """Change what is stored of a package, from a day on."""
    stored = definition_of(package, earliest_day(package, TODAY))
    make_change(plan_change(package, replace(stored, **changed), effective_from, TODAY))


def retails(package: Package, currency: str = "GBP") -> list[tuple[date, str]]:
    """The history of a package's retail."""
    return [(p.effective_from, f"{p.retail.normalize():f}") for p in package.prices if p.currency == currency]


def charged_package(*, frequency: Frequency = Frequency.MONTHLY, currency: str = "GBP") -> Package:
    """A package of which something was posted."""
    package = a_package(retail="10", frequency=frequency, match=(), currencies=(currency,))
    assigned(package, a_customer(currency=currency))
    assert run().charges
    return package


# -- what can be a package


@pytest.mark.parametrize(
    ("field", "changed", "says"),
    [
        ("name", {"name": "  "}, "a name"),
        ("name", {"name": "x" * 121}, "120"),
        ("description", {"description": "x" * 2001}, "2,000"),
        ("minimum_days", {"minimum_days": -1}, "0 to 3,650"),
        ("minimum_days", {"minimum_days": 3651}, "0 to 3,650"),
        ("frequency_match", {"frequency_match": (32,)}, "32"),
        ("frequency_match", {"frequency": Frequency.WEEKLY, "frequency_match": (8,)}, "weekday"),
        ("proration", {"proration": None}, "partial periods"),
        (
            "minimum_spend",
            {"frequency": Frequency.NONE, "frequency_match": (), "minimum_spend": True},
            "Frequency",
        ),
        ("minimum_spend", {"type": PackageType.FREE_MINUTES, "minimum_spend": True}, "cannot have"),
        ("destination", {"type": PackageType.FREE_MINUTES, "destination": "^44(?=20)"}, "character 4"),
        ("prices", {"prices": ()}, "at least one"),
        ("prices-0-currency", {"prices": (at("1", "XYZ"),)}, "Choose"),
        ("prices-1-currency", {"prices": (at("1"), at("2"))}, "twice"),
        ("prices-0-retail", {"prices": (at("-1"),)}, "0 to 999,999,999"),
        ("prices-0-retail", {"prices": (at("1000000000"),)}, "0 to 999,999,999"),
        ("prices-0-retail", {"prices": (at("0.0000001"),)}, "6 decimals"),
    ],
)
def test_what_cannot_be_a_package_is_refused_at_its_field(field, changed, says):
    definition = replace(TRUNK, **changed)
    found = [problem for problem in problems(definition) if problem.field == field]
    assert found and says in found[0].sentence
    with pytest.raises(Invalid):
        create_package(definition, token="t", now=NOW)


def test_what_does_not_apply_is_not_kept():
    package = create_package(
        replace(TRUNK, name=" SIP  Trunk ", frequency=Frequency.YEARLY, destination="^44"), token="t", now=NOW
    )
    assert (package.name, package.destination) == ("SIP Trunk", "")
    assert package.schedules[0].frequency_match == ()


def test_partial_periods_are_asked_for_only_where_something_recurs():
    once = replace(TRUNK, frequency=Frequency.NONE, frequency_match=(), proration=None)
    assert create_package(once, token="t", now=NOW).proration == Proration.NONE


def test_a_form_sent_twice_makes_one_package(session):
    first = create_package(TRUNK, token="same", now=NOW)
    assert create_package(TRUNK, token="same", now=NOW) is first
    assert session.scalar(select(func.count(Package.id))) == 1


def test_a_connexcs_package_that_is_gone_is_refused():
    with pytest.raises(Invalid, match="no longer exists"):
        create_package(replace(TRUNK, connexcs_package_id=99), token="t", now=NOW)


# -- finding


def test_search_finds_every_word_whatever_the_case_and_takes_no_letter_for_a_pattern():
    for name in ("Hosted PBX Seat", "Straße 100%", "SIP_Trunk"):
        a_package(name)

    def names(text: str) -> list[str]:
        return [package.name for package in page(find_packages(TODAY, text), packages.SORTS["name"]).rows]

    assert names("seat HOSTED") == ["Hosted PBX Seat"]
    assert names("strasse") == ["Straße 100%"]
    assert names("%") == ["Straße 100%"]
    assert names("_") == ["SIP_Trunk"]


def test_filters_look_at_what_is_in_force_today():
    trunk = a_package("Trunk", frequency=Frequency.MONTHLY)
    assigned(trunk, a_customer())
    run(date(2026, 12, 1))
    change(trunk, NEW_YEAR, frequency=Frequency.YEARLY, frequency_match=())
    a_package("Phone", frequency=Frequency.NONE, match=(), currencies=("USD",))

    def names(**wanted: object) -> list[str]:
        return [package.name for package in page(find_packages(TODAY, **wanted), packages.SORTS["name"]).rows]

    assert names(frequency=Frequency.MONTHLY) == ["Trunk"]
    assert names(frequency=Frequency.YEARLY) == []
    assert names(currency="USD") == ["Phone"]
    assert names(type=PackageType.FREE_MINUTES) == []
    assert names(state=packages.ARCHIVED) == []


# -- changes of terms


def test_while_nothing_was_posted_a_change_replaces_what_held_from_the_beginning():
    package = a_package(retail="10")
    assigned(package, a_customer())
    change(package, prices=(at("12"),))
    assert retails(package) == [(FIRST_DAY, "12")]


def test_once_something_was_posted_a_change_is_effective_from_tomorrow():
    package = charged_package()
    change(package, prices=(at("12"),))
    assert retails(package) == [(FIRST_DAY, "10"), (TOMORROW, "12")]


def test_a_line_that_came_to_nothing_counts_as_posted():
    package = a_package(retail="0", cost="0", frequency=Frequency.DAILY, match=())
    assigned(package, a_customer())
    assert not run().charges
    assert earliest_day(package, TODAY) == TOMORROW


def test_a_change_may_wait_for_a_later_day_and_be_removed():
    package = charged_package()
    change(package, NEW_YEAR, prices=(at("12"),), frequency=Frequency.QUARTERLY)
    assert retails(package)[-1] == (NEW_YEAR, "12")
    assert package.schedule_on(NEW_YEAR).frequency == Frequency.QUARTERLY
    assert planned_days(package, TODAY) == [NEW_YEAR]
    drop_planned(package, NEW_YEAR, TODAY)
    assert retails(package) == [(FIRST_DAY, "10")]
    assert package.schedule_on(NEW_YEAR).frequency == Frequency.MONTHLY


@pytest.mark.parametrize("day", [TODAY, date(2026, 1, 1), date(2200, 1, 1)])
def test_no_change_holds_on_a_day_that_was_charged_or_lies_out_of_bounds(day):
    package = charged_package()
    with pytest.raises(Invalid) as refused:
        change(package, day, prices=(at("12"),))
    assert refused.value.field == "effective_from"
    assert "2199" in refused.value.sentence or "23 November 2026" in refused.value.sentence


def test_what_is_in_force_already_is_not_removed():
    package = charged_package()
    with pytest.raises(Invalid):
        drop_planned(package, TODAY, TODAY)
    with pytest.raises(Invalid):
        drop_planned(package, NEW_YEAR, TODAY)


def test_a_change_on_the_day_of_a_planned_one_takes_its_place():
    package = charged_package()
    change(package, NEW_YEAR, prices=(at("12"),))
    change(package, NEW_YEAR, prices=(at("13"),))
    assert retails(package) == [(FIRST_DAY, "10"), (NEW_YEAR, "13")]


def test_saying_the_same_again_plans_nothing():
    package = charged_package()
    change(package, NEW_YEAR, name="Another name")
    assert package.name == "Another name"
    assert planned_days(package, TODAY) == []


def test_only_the_currency_that_changed_gets_a_new_set():
    package = a_package(currencies=("GBP", "USD"))
    assigned(package, a_customer())
    run(date(2026, 12, 1))
    change(package, prices=(at("30"), at("24.50", "USD")))
    assert len(retails(package, "GBP")) == 2
    assert len(retails(package, "USD")) == 1


def test_a_currency_is_added_at_once_and_dropped_while_nobody_pays_in_it():
    package = charged_package()
    change(package, prices=(at("10"), at("13", "EUR")))
    assert retails(package, "EUR") == [(FIRST_DAY, "13")]
    change(package, prices=(at("10"),))
    assert package.currencies == ["GBP"]
    with pytest.raises(Invalid, match="GBP prices must stay"):
        change(package, prices=(at("13", "EUR"),))


def test_match_days_are_cleared_with_the_frequency():
    package = charged_package()
    change(package, NEW_YEAR, frequency=Frequency.DAILY, frequency_match=(15,))
    assert package.schedule_on(NEW_YEAR).frequency_match == ()


def test_what_was_charged_stays_and_what_comes_is_charged_again(session):
    package = a_package(retail="10", frequency=Frequency.DAILY, match=())
    assigned(package, a_customer())
    run()
    change(package, prices=(at("12"),))
    run(TOMORROW)
    amounts = select(Charge.amount).where(Charge.package_id == package.id).order_by(Charge.charge_on)
    assert list(session.scalars(amounts)) == [10, 12]


def test_a_change_at_once_makes_a_run_that_read_the_old_terms_read_again(session):
    package = a_package(retail="10")
    assignment = assigned(package, a_customer())
    before = session.get_one(AssignmentPosition, assignment.id).version
    change(package, prices=(at("12"),))
    session.expire_all()
    assert session.get_one(AssignmentPosition, assignment.id).version == before + 1


def test_a_change_of_prices_tells_whoever_has_the_package_open():
    package = charged_package()
    before = package.version
    change(package, NEW_YEAR, prices=(at("12"),))
    assert package.version == before + 1


def test_prices_of_one_currency_never_begin_twice_on_a_day(session):
    package = charged_package()
    for retail in ("11", "12", "13"):
        change(package, prices=(at(retail),))
    days = session.scalars(
        select(PackagePrice.effective_from).where(PackagePrice.package_id == package.id)
    ).all()
    assert sorted(days) == [FIRST_DAY, TOMORROW]
