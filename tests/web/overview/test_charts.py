"""The lines and bars of the overview: where each runs, how long it is, and what is told beside it."""

from datetime import date
from decimal import Decimal

from portal.web.overview.charts import APART, lying, months, roots

TODAY, LAST = date(2026, 11, 10), date(2026, 11, 30)


def amounts(*texts):
    return [Decimal(text) for text in texts]


def drawn(charged, to_come=None, today=TODAY):
    spread = {day: Decimal(amount) for day, amount in charged.items()}
    ahead = None if to_come is None else {day: Decimal(amount) for day, amount in to_come.items()}
    return months(spread, ahead, today, LAST)


OCTOBER = {date(2026, 10, 1): "60", date(2026, 10, 31): "40"}
NOVEMBER = {date(2026, 11, 1): "50", date(2026, 11, 10): "5"}
COMING = {date(2026, 11, 10): "3", date(2026, 11, 20): "30"}


def test_lines_come_to_what_is_posted_what_is_expected_and_what_last_month_came_to():
    lines = drawn(OCTOBER | NOVEMBER, COMING)
    assert (lines.so_far.amount, lines.to_come.amount, lines.before.amount) == (55, 88, 100)
    assert lines.so_far.x == 30 and lines.before.x == 100 and lines.to_come.x < 100  # the 30th of 31 days
    assert lines.so_far.y > lines.to_come.y > lines.before.y  # what is more stands higher


def test_the_table_has_each_day_of_both_months_and_says_what_is_still_to_come():
    days = drawn(OCTOBER | NOVEMBER, COMING).days
    assert [day.number for day in days] == list(range(1, 32))
    assert (days[8].amount, days[8].is_to_come, days[8].before) == (50, False, 60)
    assert (days[9].amount, days[9].is_to_come) == (58, False)
    assert (days[19].amount, days[19].is_to_come) == (88, True)
    assert (days[30].amount, days[30].before) == (None, 100)


def test_what_is_posted_for_a_later_day_is_told_on_its_day():
    lines = drawn(NOVEMBER | {date(2026, 11, 25): "7"}, COMING)
    assert (lines.so_far.amount, lines.to_come.amount) == (55, 95)
    assert lines.before is None


def test_where_it_is_not_known_what_comes_only_what_was_posted_is_drawn():
    lines = drawn(NOVEMBER)
    assert lines.to_come is None and [day.amount for day in lines.days][9:11] == [55, None]


def test_words_at_the_ends_of_lines_do_not_lie_over_each_other_and_stay_in_the_box():
    for october in ("88", "87", "89", "1"):
        lines = drawn({date(2026, 10, 1): october} | NOVEMBER, COMING)
        words = sorted((lines.to_come.word_y, lines.before.word_y))
        assert words[1] - words[0] >= APART and words[0] >= 0 and words[1] <= 100, october


def test_where_nothing_was_charged_there_is_no_chart():
    assert drawn({}) is None and drawn({}, {}) is None


def test_more_taken_back_than_charged_leads_below_nothing():
    lines = drawn({date(2026, 11, 3): "-20"})
    assert lines.so_far.amount == -20 and lines.so_far.y == 100


def test_bars_that_lie_share_a_scale_and_a_loss_leads_left():
    gain, loss = lying(amounts("30", "-10"))
    assert (gain.is_loss, gain.x, gain.width) == (False, 25, 75)
    assert (loss.is_loss, loss.x, loss.width) == (True, 0, 25)


def test_where_nothing_is_to_be_drawn_nothing_is_divided_by():
    assert lying([]) == [] and lying(amounts("0"))[0].width == 0
    assert roots([]) == [] and roots(amounts("0", "0")) == [0, 0]


def test_what_is_small_is_seen_beside_what_is_large():
    assert roots(amounts("100", "1", "0")) == [100, 10, 0]
