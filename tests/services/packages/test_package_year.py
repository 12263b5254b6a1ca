"""The twelve months beside the form: the engine's own charges, and what somebody should know."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from portal.domain.due import Kind
from portal.domain.schedule import Frequency
from portal.domain.terms import PackageType, Proration
from portal.services.packages.definition import Definition, PriceSet
from portal.services.packages.year import year_ahead

TODAY = date(2026, 11, 22)
TRUNK = Definition(
    "SIP Trunk 10",
    (PriceSet("GBP", Decimal(26), Decimal("24.50"), Decimal(0), Decimal(25)),),
    Frequency.MONTHLY,
    (15, 31),
    minimum_days=60,
    proration=Proration.NONE,
)


def test_it_lists_every_charge_of_twelve_months():
    year = year_ahead(TRUNK, TODAY)
    days = [(line.day, line.kind) for month in year.months for line in month.lines]
    assert days[:3] == [
        (date(2026, 11, 22), Kind.SETUP),
        (date(2026, 11, 30), Kind.RECURRING),
        (date(2026, 12, 15), Kind.RECURRING),
    ]
    assert date(2027, 2, 28) in dict(days)
    assert days[-1][0] == date(2027, 11, 15)
    [sums] = year.sums
    assert (sums.retail, sums.cost, sums.margin, sums.once_retail) == (588, 624, -36, 25)


def test_it_warns_when_retail_is_below_cost():
    assert year_ahead(TRUNK, TODAY).warnings == ("Retail is below cost: each charge loses 1.50 GBP.",)


def test_it_warns_when_a_price_rounds_to_nothing():
    yen = replace(TRUNK, prices=(PriceSet("JPY", Decimal(0), Decimal("0.4")),))
    assert year_ahead(yen, TODAY).warnings == ("Retail 0.4 JPY rounds to zero: one unit is charged 0 JPY.",)


def test_it_says_until_when_an_assignment_is_locked():
    assert any(
        "until 21 January 2027" in remark and "20 January 2027" in remark
        for remark in year_ahead(TRUNK, TODAY).remarks
    )


@pytest.mark.parametrize(
    ("match", "says"),
    [
        ((15, 31), "31 falls on the last day of shorter months."),
        ((30, 31), "30 and 31 fall together on the last day in shorter months: one charge there, not 2."),
        ((29, 31), "29 and 31 fall together on the last day in February: one charge there, not 2."),
        ((28, 29), "28 and 29 fall together in February, except in leap years: one charge there, not two."),
    ],
)
def test_it_says_when_match_days_fall_together(match, says):
    assert says in year_ahead(replace(TRUNK, frequency_match=match), TODAY).remarks


def test_days_that_never_meet_need_no_word():
    remarks = year_ahead(replace(TRUNK, frequency_match=(1, 15), minimum_days=0), TODAY).remarks
    assert remarks == ()


def test_many_charges_of_a_month_are_counted():
    year = year_ahead(replace(TRUNK, frequency=Frequency.DAILY), TODAY)
    december = year.months[1]
    assert (december.count, december.lines, december.amount) == (31, (), Decimal("759.5"))


def test_a_minimum_spend_is_charged_at_the_end_of_its_periods_twelve_times():
    year = year_ahead(replace(TRUNK, frequency_match=(), minimum_spend=True), TODAY)
    lines = [line for month in year.months for line in month.lines if line.kind == Kind.MINIMUM_SPEND]
    assert (len(lines), lines[0].day, lines[-1].day) == (12, date(2026, 12, 22), date(2027, 11, 22))
    assert any("at most" in remark for remark in year.remarks)


def test_each_currency_has_its_own_sums_and_the_wanted_one_is_listed():
    both = replace(TRUNK, prices=(*TRUNK.prices, PriceSet("USD", Decimal(1), Decimal(30))))
    year = year_ahead(both, TODAY, "USD")
    assert (year.currency, [sums.currency for sums in year.sums]) == ("USD", ["GBP", "USD"])
    assert year.months[1].lines[0].amount == 30


def test_an_unfinished_form_shows_what_it_can():
    assert (
        year_ahead(replace(TRUNK, frequency_match=(32,)), TODAY).problem
        == "32 is not a day of the month from 1 to 31."
    )
    assert "currency" in year_ahead(replace(TRUNK, prices=()), TODAY).problem
    assert year_ahead(replace(TRUNK, proration=None), TODAY).months


def test_a_pattern_that_matches_anywhere_is_pointed_out():
    minutes = replace(TRUNK, type=PackageType.FREE_MINUTES, destination="^91|44")
    warnings = year_ahead(minutes, TODAY).warnings
    assert "44 matches anywhere in a number. Enter ^44 for numbers that begin with it." in warnings
