"""The order of customers by a figure: remembered, because all customers are added up for it."""

from collections.abc import Mapping

from portal.services.customers import ranking
from portal.services.overview.remembering import Reading


def order_of(reading: Reading, sort: str) -> Mapping[int, int]:
    """The place of each customer in one of `ranking.SORTS`, by id."""
    return reading.answer(("customers", sort), reading.newest, lambda: ranking.order(sort, reading.today))


def add_up(reading: Reading) -> None:
    """Bring up to date what somebody has sorted by."""
    for sort in ranking.SORTS:
        if reading.knows(("customers", sort)):
            order_of(reading, sort)
