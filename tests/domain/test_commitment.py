"""Minimum days: how long an assignment may not be ended."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.commitment import MINIMUM_DAYS_MAX, earliest_last_day, locked_until

starts = st.dates(date(2000, 1, 1), date(2199, 12, 31))


@pytest.mark.parametrize(
    ("start", "minimum_days", "lock", "last_day"),
    [
        pytest.param(
            date(2025, 12, 22), 30, date(2026, 1, 21), date(2026, 1, 20), id="the example of the rules"
        ),
        pytest.param(date(2026, 1, 1), 0, None, date(2026, 1, 1), id="no minimum days"),
        pytest.param(date(2026, 1, 1), 1, date(2026, 1, 2), date(2026, 1, 1), id="one day"),
        pytest.param(date(2026, 1, 31), 28, date(2026, 2, 28), date(2026, 2, 27), id="over a month's end"),
        pytest.param(
            date(2028, 2, 29), 366, date(2029, 3, 1), date(2029, 2, 28), id="over a leap day's year"
        ),
    ],
)
def test_the_lock_and_the_first_day_that_may_be_the_last(start, minimum_days, lock, last_day):
    assert locked_until(start, minimum_days) == lock
    assert earliest_last_day(lock, start) == last_day


@given(starts, st.integers(1, MINIMUM_DAYS_MAX))
def test_minimum_days_are_the_days_of_the_shortest_service(start, minimum_days):
    lock = locked_until(start, minimum_days)
    service = earliest_last_day(lock, start) + timedelta(days=1) - start
    assert service == timedelta(days=minimum_days)
    assert earliest_last_day(lock, start) >= start
