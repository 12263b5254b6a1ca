"""Minimum days: how long an assignment may not be deleted or ended (billing-rules 7)."""

from datetime import date, timedelta

MINIMUM_DAYS_MAX = 3_650


def locked_until(start_date: date, minimum_days: int) -> date | None:
    """The day on which the lock falls away: start 22 December, 30 days, locked until 21 January."""
    return start_date + timedelta(days=minimum_days) if minimum_days else None


def earliest_last_day(locked_until: date | None, start_date: date) -> date:
    """The first day that may be the last one: the day before the lock falls away."""
    return max(locked_until - timedelta(days=1), start_date) if locked_until else start_date
