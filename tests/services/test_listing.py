"""All rows of a list, some at a time."""

import pytest
from sqlalchemy import select

from portal.models import Customer
from portal.services import listing
from portal.services.listing import Sort, every
from tests.trade import a_customer

pytestmark = pytest.mark.usefixtures("session")

BY_NAME = Sort((Customer.name_key, Customer.id))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 6, 7])
def test_all_rows_come_once_and_in_order_few_of_them_first(session, monkeypatch, count):
    monkeypatch.setattr(listing, "AT_FIRST", 2)
    names = [f"Customer {n}" for n in range(count)]
    for name in reversed(names):
        a_customer(name)
    some = [[one.name for one in rows] for rows in every(select(Customer), BY_NAME, 4)]
    assert [name for rows in some for name in rows] == names
    assert [len(rows) for rows in some] == {
        0: [],
        1: [1],
        2: [2],
        3: [2, 1],
        5: [2, 3],
        6: [2, 4],
        7: [2, 4, 1],
    }[count]
