"""Two acts at the same moment end as if one had come after the other: for each kind of row, in each order.

Every pair of acts that can meet, many times and in crowds of eight: `make race`.
"""

import pytest

from tests.race_acts import ACTS
from tests.race_pairs import MEETINGS

pytestmark = pytest.mark.slow

PAIRS = [pair for kind in MEETINGS for pair in MEETINGS[kind]]
BOTH_WAYS = sorted({way for one, other in PAIRS for way in ((one, other), (other, one))})


@pytest.mark.parametrize(("first", "second"), BOTH_WAYS)
def test_of_two_acts_at_once_one_comes_after_the_other(races, first, second):
    wrong = races.meeting(ACTS[first], ACTS[second])
    assert not wrong, f"{first} | {second}:\n  {wrong}"
