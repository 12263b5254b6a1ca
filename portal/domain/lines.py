"""How much a charge comes to (billing-rules 2 and 4): from a period, prices, a quantity and a tax rate to a line.

What is asked names all that the answer depends on, and is remembered by it: very many assignments have the same lines.
"""

from datetime import date
from functools import lru_cache

from portal.domain.due import DueCharge, Kind
from portal.domain.minimum_spend import shortfall
from portal.domain.money import tax_on
from portal.domain.proration import share
from portal.domain.schedule import ONE_DAY
from portal.domain.terms import Prices, Span


@lru_cache(maxsize=16_384)
def once(
    day: date,
    found_on: date,
    start_date: date,
    recurs: bool,
    prices: Prices,
    quantity: int,
    rate: int,
    unit: int,
) -> tuple[DueCharge, ...]:
    """What the first day brings once: setup, and a one-off where nothing recurs."""
    asked = [(Kind.SETUP, prices.setup_retail, prices.setup_cost)]
    if not recurs:
        asked.append((Kind.ONE_OFF, prices.retail, prices.cost))
    return tuple(
        DueCharge(
            kind, day, found_on, start_date, None, 0, quantity, price, cost, 1, 1, None, rate,
            amount := share(price, quantity, 1, 1, unit), share(cost, quantity, 1, 1, unit), tax_on(amount, rate, unit),
        )
        for kind, price, cost in asked
    )  # fmt: skip


@lru_cache(maxsize=32_768)
def recurring(
    span: Span,
    end: date | None,
    found_on: date,
    by_days: bool,
    prices: Prices,
    quantity: int,
    rate: int,
    unit: int,
) -> DueCharge:
    """What a recurring period comes to, dated its first day; `end` is an end date that lies before its own end."""
    begins, until, whole_days = span
    if end and by_days:
        until = max(end + ONE_DAY, begins)
    days = 0 if end and end < begins else (until - begins).days
    amount = share(prices.retail, quantity, days, whole_days, unit)
    return DueCharge(
        Kind.RECURRING, begins, found_on, begins, until, 0, quantity, prices.retail, prices.cost, days,
        whole_days, None, rate, amount, share(prices.cost, quantity, days, whole_days, unit),
        tax_on(amount, rate, unit),
    )  # fmt: skip


@lru_cache(maxsize=16_384)
def settled(
    begins: date,
    until: date,
    whole_days: int,
    found_on: date,
    spend: int,
    prices: Prices,
    quantity: int,
    rate: int,
    unit: int,
) -> DueCharge:
    """What a period over which a minimum spend was measured comes to, dated the day after its last."""
    days = (until - begins).days
    amount = shortfall(prices.retail, quantity, days, whole_days, spend, unit)
    return DueCharge(
        Kind.MINIMUM_SPEND, until, found_on, begins, until, 0, quantity, prices.retail, prices.cost, days,
        whole_days, spend, rate, amount, share(prices.cost, quantity, days, whole_days, unit),
        tax_on(amount, rate, unit),
    )  # fmt: skip
