"""The span before is of the same kind."""

from datetime import date

import pytest

from portal.domain.span_before import span_before

FAR = "2199-01-01"


@pytest.mark.parametrize(
    ("begins", "through", "today", "before"),
    [
        ("2026-11-01", "2026-11-30", FAR, ("2026-10-01", "2026-10-31")),
        ("2026-03-01", "2026-03-31", FAR, ("2026-02-01", "2026-02-28")),
        ("2026-01-01", "2026-12-31", FAR, ("2025-01-01", "2025-12-31")),
        ("2026-04-01", "2026-06-30", FAR, ("2026-01-01", "2026-03-31")),
        ("2026-11-10", "2026-11-16", FAR, ("2026-11-03", "2026-11-09")),
        ("2026-11-30", "2026-11-30", FAR, ("2026-11-29", "2026-11-29")),
        # One that is not over: as much of the one before.
        ("2026-11-01", "2026-11-30", "2026-11-22", ("2026-10-01", "2026-10-22")),
        ("2026-03-01", "2026-03-31", "2026-03-30", ("2026-02-01", "2026-02-28")),
        ("2026-01-01", "2026-12-31", "2026-11-22", ("2025-01-01", "2025-11-22")),
        ("2026-11-10", "2026-11-16", "2026-11-12", ("2026-11-03", "2026-11-05")),
        ("2026-11-01", "2026-11-30", "2026-11-30", ("2026-10-01", "2026-10-31")),
    ],
)
def test_it_is_as_many_months_or_as_many_days(begins, through, today, before):
    asked = (date.fromisoformat(day) for day in (begins, through, today))
    assert tuple(day.isoformat() for day in span_before(*asked)) == before
