"""The order of customers by a figure: remembered, because all customers are added up for it."""

from collections.abc import Mapping
from typing import Any

from portal.services.customers import ranking
from portal.services.overview.remembering import Reading


def order_of(reading: Reading, name: str) -> Mapping[int, Any]:
    """What customers are sorted by: one of `ranking.FIGURES`, by the customer's id."""
    return reading.answer(("customers", name), reading.newest, lambda: ranking.values(name, reading.today))


def add_up(reading: Reading) -> None:
    """Bring up to date what somebody has sorted by."""
    for name in ranking.FIGURES:
        if reading.knows(("customers", name)):
            order_of(reading, name)
