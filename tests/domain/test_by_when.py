"""Until when something is to be paid, in plain words."""

from datetime import date
from decimal import Decimal

import pytest

from portal.domain.by_when import by_when

TODAY = date(2026, 11, 22)
LATE, SOON, LATER = date(2026, 11, 14), date(2026, 11, 22), date(2026, 12, 6)


@pytest.mark.parametrize(
    ("by_day", "below_zero", "beyond", "says"),
    [
        ({}, 0, 0, []),
        ({SOON: 12}, 0, 0, ["Due by 22 Nov 2026"]),
        ({LATE: 12}, 0, 0, ["Overdue since 14 Nov 2026"]),
        ({LATE: 12, date(2026, 11, 21): 1}, 0, 0, ["Overdue since 14 Nov 2026"]),
        ({LATE: 12, SOON: 8}, 0, 0, ["12.00 overdue since 14 Nov 2026", "8.00 due by 22 Nov 2026"]),
        (
            {date(2026, 10, 1): 1, LATE: 12, SOON: 8, LATER: 5},
            0,
            0,
            ["13.00 overdue since 1 Oct 2026", "8.00 due by 22 Nov 2026", "5.00 due later, until 6 Dec 2026"],
        ),
        ({}, 7, 0, ["7.00 because the balance is below zero"]),
        (
            {SOON: 12},
            7,
            3,
            [
                "12.00 due by 22 Nov 2026",
                "3.00 overdue: the balance is below its limit",
                "4.00 because the balance is below zero",
            ],
        ),
    ],
)
def test_each_part_says_its_amount_and_its_day(by_day, below_zero, beyond, says):
    left = {on: Decimal(amount) for on, amount in by_day.items()}
    lines = by_when(left, Decimal(below_zero), Decimal(beyond), TODAY, "GBP")
    assert [line.words for line in lines] == says
    assert all(line.overdue == ("overdue" in line.words.lower()) for line in lines)
