"""Minimum spend: the shortfall between what should be spent on calls and what was (billing-rules 4)."""

from portal.domain.money import round_half_up


def shortfall(minimum: int, quantity: int, days: int, whole_days: int, spend: int, unit: int) -> int:
    """What is missing from the minimum, in micros: reduced by days, less spend, rounded once to `unit`."""
    missing = minimum * quantity * days - spend * whole_days
    return round_half_up(missing, whole_days, unit) if missing > 0 else 0
