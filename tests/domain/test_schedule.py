"""Charge dates come from the match day or the anchor, never from the date before."""

from calendar import monthrange
from datetime import date, timedelta
from itertools import islice, pairwise

import pytest
from dateutil.relativedelta import relativedelta
from dateutil.rrule import DAILY, MONTHLY, WEEKLY, rrule
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.errors import Invalid
from portal.domain.schedule import (
    FIRST_DAY,
    LAST_DAY,
    ONE_DAY,
    Frequency,
    Schedule,
    after,
    charge_dates,
    days_in,
    days_that_meet,
    make_schedule,
    on_or_after,
    on_or_before,
    rhythm,
)

NONE, DAILY_, WEEKLY_ = Frequency.NONE, Frequency.DAILY, Frequency.WEEKLY
MONTHLY_, QUARTERLY, YEARLY = Frequency.MONTHLY, Frequency.QUARTERLY, Frequency.YEARLY
MONTHS = {MONTHLY_: 1, QUARTERLY: 3, YEARLY: 12}

days = st.dates(date(2001, 1, 1), date(2198, 12, 31))
weekdays = st.sets(st.integers(1, 7), min_size=1).map(lambda found: tuple(sorted(found)))
month_days = st.sets(st.integers(1, 31), min_size=1).map(lambda found: tuple(sorted(found)))
schedules = st.one_of(
    st.sampled_from([DAILY_, WEEKLY_, MONTHLY_, QUARTERLY, YEARLY]).map(Schedule),
    weekdays.map(lambda match: Schedule(WEEKLY_, match)),
    month_days.map(lambda match: Schedule(MONTHLY_, match)),
)


def first(schedule, anchor, count):
    return [*islice(charge_dates(Schedule(*schedule), anchor, LAST_DAY), count)]


def a_day(text):
    return date.fromisoformat(text)


@pytest.mark.parametrize(
    ("schedule", "anchor", "expected"),
    [
        pytest.param((NONE, ()), "2026-01-31", "2026-01-31", id="none is charged once"),
        pytest.param((DAILY_, ()), "2026-02-27", "2026-02-27 2026-02-28 2026-03-01", id="daily over a month's end"),
        pytest.param((WEEKLY_, ()), "2026-01-07", "2026-01-07 2026-01-14 2026-01-21", id="the anchor's weekday"),
        pytest.param((WEEKLY_, (1, 4)), "2026-01-06", "2026-01-08 2026-01-12 2026-01-15", id="Monday and Thursday"),
        pytest.param((WEEKLY_, (7,)), "2026-01-04", "2026-01-04 2026-01-11", id="7 is Sunday"),
        pytest.param((MONTHLY_, ()), "2026-01-31", "2026-01-31 2026-02-28 2026-03-31 2026-04-30", id="31st again"),
        pytest.param((MONTHLY_, (30, 31)), "2026-01-30", "2026-01-30 2026-01-31 2026-02-28 2026-03-30", id="meet once"),
        pytest.param((MONTHLY_, (15, 31)), "2026-02-16", "2026-02-28 2026-03-15 2026-03-31", id="15 and 31"),
        pytest.param((MONTHLY_, (29,)), "2028-02-01", "2028-02-29 2028-03-29", id="29 February is there in 2028"),
        pytest.param((QUARTERLY, ()), "2025-11-30", "2025-11-30 2026-02-28 2026-05-30", id="quarterly from the 30th"),
        pytest.param((YEARLY, ()), "2028-02-29", "2028-02-29 2029-02-28 2030-02-28 2031-02-28 2032-02-29", id="leap"),
    ],
)  # fmt: skip
def test_charge_dates(schedule, anchor, expected):
    expected = [a_day(text) for text in expected.split()]
    assert first(schedule, a_day(anchor), len(expected)) == expected


def test_a_package_without_a_frequency_is_charged_on_its_start_date_only():
    start = date(2026, 1, 31)
    assert [*charge_dates(Schedule(NONE), start, date(2199, 1, 1))] == [start]
    assert [*charge_dates(Schedule(NONE), start, start)] == []


# -- dateutil, where it is right


@given(days, st.sampled_from([*MONTHS]))
def test_months_are_counted_from_the_anchor_as_relativedelta_counts_them(anchor, frequency):
    expected = [anchor + relativedelta(months=MONTHS[frequency] * n) for n in range(30)]
    assert first((frequency,), anchor, 30) == [day for day in expected if day < LAST_DAY]


@given(days, weekdays)
def test_weekdays_are_those_of_rrule(anchor, match):
    expected = rrule(WEEKLY, dtstart=anchor, byweekday=[day - 1 for day in match], count=20)
    assert first((WEEKLY_, match), anchor, 20) == [day.date() for day in expected if day.date() < LAST_DAY]


@given(days, st.sets(st.integers(1, 28), min_size=1))
def test_days_that_every_month_has_are_those_of_rrule(anchor, match):
    match = tuple(sorted(match))
    expected = rrule(MONTHLY, dtstart=anchor, bymonthday=match, count=20)
    assert first((MONTHLY_, match), anchor, 20) == [day.date() for day in expected if day.date() < LAST_DAY]


def test_rrule_would_leave_out_the_months_that_have_no_31st():
    skipping = [day.date() for day in rrule(MONTHLY, dtstart=date(2026, 1, 31), bymonthday=31, count=3)]
    assert skipping == [date(2026, 1, 31), date(2026, 3, 31), date(2026, 5, 31)]
    ours = first((MONTHLY_, (31,)), date(2026, 1, 31), 3)
    assert ours == [date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31)]


@given(days)
def test_daily_is_every_day(anchor):
    expected = rrule(DAILY, dtstart=anchor, count=40)
    assert first((DAILY_,), anchor, 40) == [day.date() for day in expected if day.date() < LAST_DAY]


@given(days)
def test_months_have_the_days_that_dateutil_gives_them(day):
    assert days_in(day.year, day.month) == (day + relativedelta(day=31)).day


# -- what holds of every schedule


@given(schedules, days, days)
def test_the_dates_around_a_day_are_next_to_each_other(schedule, anchor, day):
    beat = rhythm(schedule, anchor)
    before, onwards, later = on_or_before(beat, day), on_or_after(beat, day), after(beat, day)
    assert before <= day <= onwards and day < later
    assert before == onwards == day or before < day < onwards == later
    assert after(beat, before) == later
    assert on_or_before(beat, later - ONE_DAY) == before


@given(schedules, days, days)
def test_a_charge_date_is_found_from_either_side(schedule, anchor, day):
    beat = rhythm(schedule, anchor)
    date_ = on_or_after(beat, day)
    assert on_or_after(beat, date_) == on_or_before(beat, date_) == date_
    assert on_or_before(beat, after(beat, date_) - ONE_DAY) == date_


@given(schedules, days)
def test_nothing_drifts_whatever_has_gone_before(schedule, anchor):
    """A date found by going on from date to date is the one found by asking for its own day."""
    beat = rhythm(schedule, anchor)
    for day, following in pairwise(first(schedule, anchor, 40)):
        assert on_or_after(beat, day + ONE_DAY) == following == on_or_before(beat, following)


@given(schedules, days, st.integers(0, 2000), st.integers(0, 2000))
def test_splitting_a_span_changes_nothing(schedule, anchor, one, two):
    middle = anchor + timedelta(days=one)
    end = middle + timedelta(days=two)
    beat = rhythm(schedule, anchor)
    whole = [*charge_dates(schedule, anchor, end)]
    front = [*charge_dates(schedule, anchor, middle)]
    back = [day for day in whole if day >= middle]
    assert front + back == whole
    assert not back or back[0] == on_or_after(beat, middle)


@given(schedules, days)
def test_a_period_is_a_year_at_most(schedule, anchor):
    dates = first(schedule, anchor, 30)
    assert all(ONE_DAY <= later - earlier <= timedelta(days=366) for earlier, later in pairwise(dates))


@given(st.sampled_from([DAILY_, WEEKLY_, MONTHLY_, QUARTERLY, YEARLY]), days)
def test_without_match_days_the_anchor_is_the_first_charge_date(frequency, anchor):
    assert first((frequency,), anchor, 1) == [anchor]


@given(month_days, days)
def test_each_month_is_charged_on_its_match_days_or_its_last(match, anchor):
    for day in first((MONTHLY_, match), anchor, 40):
        assert day.day in match or (day + ONE_DAY).day == 1


# -- making schedules


@pytest.mark.parametrize(
    ("frequency", "match", "says"),
    [
        (MONTHLY_, (32,), "32 is not a day of the month"),
        (MONTHLY_, (0, 5), "0 is not a day of the month"),
        (WEEKLY_, (8,), "8 is not a weekday"),
        (WEEKLY_, (0,), "0 is not a weekday"),
        (DAILY_, (1,), "has no match days"),
        (YEARLY, (1,), "has no match days"),
        (NONE, (1,), "has no match days"),
    ],
)
def test_match_days_that_cannot_be_are_refused(frequency, match, says):
    with pytest.raises(Invalid, match=says) as refused:
        make_schedule(frequency, match)
    assert refused.value.field == "frequency_match"


def test_match_days_stand_in_order_once_each():
    assert make_schedule(MONTHLY_, (31, 15, 31)) == Schedule(MONTHLY_, (15, 31))


@pytest.mark.parametrize(
    ("match", "meeting"),
    [((), ()), ((31,), ()), ((27, 31), ()), ((28, 31), (28, 31)), ((1, 29, 30, 31), (29, 30, 31))],
)
def test_match_days_that_meet_in_a_short_month_are_named(match, meeting):
    assert days_that_meet(match) == meeting


def test_a_package_without_a_frequency_has_no_rhythm():
    with pytest.raises(ValueError, match="no charge dates"):
        rhythm(Schedule(NONE), FIRST_DAY)


@pytest.mark.parametrize("year", range(FIRST_DAY.year, LAST_DAY.year + 1))
def test_every_month_has_the_days_of_the_calendar(year):
    """2100 is no leap year, 2000 was one."""
    assert [days_in(year, month) for month in range(1, 13)] == [
        monthrange(year, month)[1] for month in range(1, 13)
    ]
