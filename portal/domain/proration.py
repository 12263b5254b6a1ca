"""Charging by days: a share of a price for a share of a period (billing-rules 4, Partial periods)."""

from portal.domain.money import round_half_up


def share(price: int, quantity: int, days: int, whole_days: int, unit: int) -> int:
    """`price x quantity x days / whole_days` in micros, the fraction exact, rounded once to `unit`."""
    if days == whole_days:
        return round_half_up(price * quantity, 1, unit)
    return round_half_up(price * quantity * days, whole_days, unit)
