"""The bars of the overview: as long as their amounts, and each where it belongs."""

from decimal import Decimal
from itertools import pairwise

from portal.web.overview.charts import GROUP, beside, lying


def amounts(*texts):
    return [Decimal(text) for text in texts]


def corners(bars):
    return [(bar.series, bar.y, bar.height) for bar in bars]


def test_bars_side_by_side_stand_on_zero_and_what_is_negative_hangs_below_it():
    drawn = beside([amounts("60", "-20"), amounts("30", "0")])
    assert corners(drawn.bars) == [(0, 0, 75), (1, 75, 25), (0, Decimal("37.5"), Decimal("37.5")), (1, 75, 0)]
    assert (drawn.zero, drawn.highest, drawn.lowest, drawn.width) == (75, 60, -20, 2 * GROUP)
    places = [(bar.x, bar.x + bar.width) for bar in drawn.bars]
    assert all(end <= begin for (_, end), (begin, _) in pairwise(places))


def test_bars_that_lie_share_a_scale_and_a_loss_leads_left():
    gain, loss = lying(amounts("30", "-10"))
    assert (gain.series, gain.x, gain.width) == (0, 25, 75)
    assert (loss.series, loss.x, loss.width) == (1, 0, 25)


def test_where_nothing_is_to_be_drawn_nothing_is_divided_by():
    assert [bar.height for bar in beside([amounts("0", "0")]).bars] == [0, 0]
    assert beside([]).bars == [] and lying([]) == [] and lying(amounts("0"))[0].width == 0
