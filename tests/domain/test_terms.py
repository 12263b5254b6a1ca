"""What holds when: values from a day on, and the schedules that take over from each other."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.domain.schedule import FIRST_DAY, ONE_DAY, Frequency, Schedule, on_or_after, rhythm
from portal.domain.terms import (
    OwnPrices,
    Prices,
    Proration,
    Segment,
    Terms,
    always,
    charged_at_the_start,
    in_force,
    segment_at,
    segments,
    span_around,
    span_from,
    with_own,
)
from tests.domain.made_up import FIRST_START, terms

JAN, FEB, MAR = date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)
MONTHLY, QUARTERLY, WEEKLY = Frequency.MONTHLY, Frequency.QUARTERLY, Frequency.WEEKLY
days = st.dates(FIRST_START, FIRST_START + timedelta(days=700))


def a_line(start, *schedules, **more):
    return Terms(
        start_date=start, schedules=schedules, prices=always(Prices(0, 0)), quantities=always(1), **more
    )


@pytest.mark.parametrize(
    ("day", "value"),
    [
        pytest.param(date(2025, 12, 31), "old", id="the day before"),
        pytest.param(JAN, "new", id="the day from which it holds"),
        pytest.param(date(2026, 1, 31), "new", id="until the next"),
        pytest.param(FEB, "newest", id="the next"),
        pytest.param(date(2199, 12, 31), "newest", id="for good"),
        pytest.param(FIRST_DAY - ONE_DAY, "old", id="before all days, what held first"),
    ],
)
def test_a_value_holds_from_its_day_on(day, value):
    assert in_force(((FIRST_DAY, "old"), (JAN, "new"), (FEB, "newest")), day) == value


def test_what_has_always_held_holds_on_every_day():
    assert in_force(always("it"), FIRST_DAY - ONE_DAY) == "it"


@pytest.mark.parametrize(
    ("start", "charge_from", "begins", "sets_up"),
    [
        pytest.param(JAN, None, JAN, True, id="from the start"),
        pytest.param(JAN, JAN, JAN, True, id="said to be from the start"),
        pytest.param(JAN, FEB, FEB, False, id="from later on, setup is passed over"),
    ],
)
def test_charging_begins_on_the_start_date_or_the_day_charged_from(start, charge_from, begins, sets_up):
    terms = a_line(start, (FIRST_DAY, Schedule(MONTHLY)), charge_from=charge_from)
    assert (terms.begins, terms.sets_up) == (begins, sets_up)


@pytest.mark.parametrize(
    ("start", "changes", "expected"),
    [
        pytest.param(
            date(2026, 1, 10), [(date(2026, 1, 21), Schedule(QUARTERLY))],
            [(date(2026, 2, 10), Schedule(QUARTERLY))],
            id="when the running period ends",
        ),
        pytest.param(
            JAN, [(FEB, Schedule(QUARTERLY))], [(FEB, Schedule(QUARTERLY))], id="on a charge date, that day"
        ),
        pytest.param(
            JAN, [(date(2026, 1, 5), Schedule(WEEKLY)), (date(2026, 1, 20), Schedule(MONTHLY))], [],
            id="changed back before it took hold: never",
        ),
        pytest.param(
            JAN, [(date(2026, 1, 5), Schedule(WEEKLY)), (date(2026, 1, 20), Schedule(QUARTERLY))],
            [(FEB, Schedule(QUARTERLY))],
            id="changed again before it took hold: the last said",
        ),
        pytest.param(
            MAR, [(FEB, Schedule(WEEKLY))], [], id="changed before it started: its first schedule is the new one"
        ),
    ],
)  # fmt: skip
def test_a_changed_schedule_takes_over(start, changes, expected):
    terms = a_line(start, (FIRST_DAY, Schedule(MONTHLY)), *changes)
    first, *others = segments(terms)
    assert first.begins == start
    assert others == [Segment(day, rhythm(schedule, day)) for day, schedule in expected]


def test_an_assignment_that_starts_after_a_change_starts_with_the_new_schedule():
    terms = a_line(MAR, (FIRST_DAY, Schedule(MONTHLY)), (FEB, Schedule(WEEKLY)))
    assert segments(terms) == (Segment(MAR, rhythm(Schedule(WEEKLY), MAR)),)


def test_the_days_up_to_the_first_match_day_are_a_part_of_the_new_schedules_period():
    terms = a_line(JAN, (FIRST_DAY, Schedule(MONTHLY, (1,))), (date(2026, 1, 20), Schedule(MONTHLY, (15,))))
    span = span_from(segments(terms), FEB)
    assert span == (FEB, date(2026, 2, 15), 31)
    assert not span.is_whole
    assert charged_at_the_start(terms.proration, segments(terms), span)


@pytest.mark.parametrize(("proration", "charged"), [(Proration.NONE, False), (Proration.DAILY, True)])
def test_a_part_at_the_start_is_charged_by_days_or_not(proration, charged):
    terms = a_line(date(2026, 1, 10), (FIRST_DAY, Schedule(MONTHLY, (1,))), proration=proration)
    found = segments(terms)
    assert charged_at_the_start(terms.proration, found, span_from(found, date(2026, 1, 10))) is charged


# -- properties


@settings(deadline=None)
@given(terms())
def test_segments_follow_each_other_on_charge_dates_of_the_one_before(terms):
    found = segments(terms)
    assert found[0].begins == terms.start_date
    for segment, following in pairwise(found):
        assert segment.begins < following.begins
        assert on_or_after(segment.rhythm, following.begins) == following.begins


@settings(deadline=None)
@given(terms(), days)
def test_periods_tile_the_days(terms, day):
    """From the start on every day is in one period, which is a part of a whole one."""
    found = segments(terms)
    begins = terms.start_date
    for _ in range(60):
        span = span_from(found, begins)
        assert span.begins == begins < span.until
        assert 1 <= (span.until - span.begins).days <= span.whole_days <= 366
        if max(day, terms.start_date) < span.until and begins <= max(day, terms.start_date):
            assert span_around(found, max(day, terms.start_date)) == span
        begins = span.until


@settings(deadline=None)
@given(terms(), days)
def test_a_day_lies_in_the_last_segment_that_has_begun(terms, day):
    found = segments(terms)
    segment = segment_at(found, max(day, terms.start_date))
    assert segment.begins <= max(day, terms.start_date)
    assert not any(segment.begins < other.begins <= day for other in found)


def test_an_own_price_holds_from_its_day_in_place_of_the_packages_and_lifted_gives_way_again():
    march, may, june = date(2026, 3, 1), date(2026, 5, 1), date(2026, 6, 1)
    package = ((FIRST_DAY, Prices(4, 10, 1, 5)), (may, Prices(6, 12, 1, 5)))
    own = ((march, OwnPrices(retail=8)), (june, OwnPrices()))
    found = with_own(package, own)
    assert in_force(found, march - ONE_DAY) == Prices(4, 10, 1, 5)
    assert in_force(found, march) == Prices(4, 8, 1, 5)
    assert in_force(found, may) == Prices(6, 8, 1, 5)  # what is not its own goes on with the package
    assert in_force(found, june) == Prices(6, 12, 1, 5)
    assert with_own(package, ()) == package


def test_an_own_price_of_the_first_day_on_has_always_held():
    found = with_own(((date(2026, 5, 1), Prices(4, 10)),), ((FIRST_DAY, OwnPrices(cost=0)),))
    assert in_force(found, date(2020, 1, 1)) == Prices(0, 10)


def test_charge_dates_are_counted_from_an_anchor_of_its_own():
    yearly = a_line(date(2024, 3, 15), (FIRST_DAY, Schedule(Frequency.YEARLY)))
    moved = yearly._replace(own_anchor=date(2023, 2, 3))
    assert span_around(segments(yearly), JAN).until == date(2026, 3, 15)
    assert span_around(segments(moved), JAN).until == date(2026, 2, 3)
    changed = moved._replace(schedules=(*moved.schedules, (JAN, Schedule(MONTHLY))))
    assert [one.begins for one in segments(changed)] == [date(2024, 3, 15), date(2026, 2, 3)]
