"""The order of customers by a figure: remembered, because all customers are added up for it."""

from portal.services.customers import ranking
from portal.services.overview.remembering import Reading


def order_of(reading: Reading, sort: str, currency: str = "") -> ranking.Order:
    """The customers of a currency, or all of them, in the order of one of `ranking.SORTS`."""
    question = ("customers", sort, currency)
    return reading.answer(question, reading.newest, lambda: ranking.order(sort, reading.today, currency))
