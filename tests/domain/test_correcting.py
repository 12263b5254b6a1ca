"""Correcting back to a day: the right terms in a history, and what is posted today for what was charged."""

from collections import defaultdict
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.domain.charges import charges_due
from portal.domain.correcting import Stands, changes, correct_back, corrected, corrected_prices
from portal.domain.due import Kind, Position, Posted
from portal.domain.schedule import FIRST_DAY, ONE_DAY, Frequency, Schedule
from portal.domain.terms import OwnPrices, Prices, Proration, Terms, always, in_force
from tests.depth import tries
from tests.domain.made_up import FIRST_START, amounts, spent, terms

JAN, FEB, MAR, APR = (date(2026, month, 1) for month in (1, 2, 3, 4))
WHEN = FIRST_START + timedelta(days=1200)


class Books:
    """An assignment, what was posted for it day by day, and its terms as they are corrected."""

    def __init__(self, terms):
        self.terms, self.position = terms, Position()
        self.periods, self.once = {}, {}
        self.posted = []

    def run(self, through):
        due = charges_due(self.terms, self.position, through, self.periods, spent)
        self.position = due.position
        for charge in due.charges:
            self.take(charge.kind, charge)

    def correct(self, terms, since, today):
        """What is posted today once the terms are these since a day."""
        self.terms = terms
        numbers = {day: posted.corrections for day, posted in self.periods.items()}
        stands = Stands(self.periods, self.once, numbers)
        found = correct_back(terms, self.position, since, today, stands, spent)
        for one in found:
            if one.line:
                self.take(one.kind, one.line)
        return [one.line for one in found if one.line]

    def take(self, kind, line):
        self.posted.append(line)
        if line.period_until:
            self.periods[line.period_from] = self.periods.get(line.period_from, Posted()).plus(line)
            return
        self.once[kind] = self.once.get(kind, Posted()).plus(line)
        first = self.periods.get(line.period_from, Posted())
        number = max(first.corrections, line.number)
        self.periods[line.period_from] = first._replace(corrections=number)

    def sums(self):
        """Amount, cost and tax in all."""
        return [sum(getattr(line, name) for line in self.posted) for name in ("amount", "cost", "tax")]

    def by_period(self):
        found = defaultdict(lambda: [0, 0, 0])
        for line in self.posted:
            of = found[line.period_until is None, line.period_from]
            for place, name in enumerate(("amount", "cost", "tax")):
                of[place] += getattr(line, name)
        return {key: sums for key, sums in found.items() if any(sums)}


def a_line(**more):
    """31 a month on the 1st and 25 setup, from 1 January, by days, at 20 % tax."""
    given = {
        "start_date": JAN,
        "schedules": always(Schedule(Frequency.MONTHLY, (1,))),
        "prices": always(Prices(4_000_000, 31_000_000, 1_000_000, 25_000_000)),
        "quantities": always(1),
        "tax_rates": always(20_000_000),
        "proration": Proration.DAILY,
    }
    return Terms(**{**given, **more})


def told(lines):
    return [
        (line.kind.value, line.period_from.isoformat(), line.number, line.amount, line.cost, line.tax)
        for line in lines
    ]


# -- the right terms


@pytest.mark.parametrize(
    ("since", "right", "for_good", "then"),
    [
        (FEB, 20, False, [(FIRST_DAY, 10), (FEB, 20), (MAR, 12)]),
        (FEB, 20, True, [(FIRST_DAY, 10), (FEB, 20), (MAR, 20)]),
        (MAR, 20, False, [(FIRST_DAY, 10), (MAR, 20)]),
        (MAR, 10, False, [(FIRST_DAY, 10)]),
        (APR, 20, False, [(FIRST_DAY, 10), (MAR, 12), (APR, 20)]),
        (FIRST_DAY, 20, False, [(FIRST_DAY, 20), (MAR, 12)]),
    ],
)
def test_the_right_value_holds_from_its_day_to_the_next_change(since, right, for_good, then):
    history = ((FIRST_DAY, 10), (MAR, 12))
    assert list(corrected(history, since, right, for_good=for_good)) == then


def test_of_four_prices_each_is_corrected_by_itself():
    history = ((FIRST_DAY, Prices(4, 10, 0, 5)), (MAR, Prices(4, 12, 0, 5)), (APR, Prices(6, 12, 0, 5)))
    right = corrected_prices(history, FEB, {"retail": 20, "cost": 5})
    assert right == (
        (FIRST_DAY, Prices(4, 10, 0, 5)),
        (FEB, Prices(5, 20, 0, 5)),
        (MAR, Prices(5, 12, 0, 5)),
        (APR, Prices(6, 12, 0, 5)),
    )


def test_an_own_price_is_corrected_and_what_is_not_own_stays_the_packages():
    right = corrected_prices(((FIRST_DAY, OwnPrices()),), FEB, {"retail": 20})
    assert right == ((FIRST_DAY, OwnPrices()), (FEB, OwnPrices(retail=20)))
    assert corrected_prices(right, FEB, {"retail": None}) == ((FIRST_DAY, OwnPrices()),)


def test_a_change_that_a_correction_has_levelled_is_still_one_when_it_is_corrected_back():
    history = ((FIRST_DAY, 10), (MAR, 12))
    earlier = corrected(history, FEB, 12)
    assert corrected(earlier, FEB, 10, kept=changes(history)) == history


values = st.sampled_from([1, 2, 3])
days = st.dates(JAN, date(2026, 12, 31))
histories = st.dictionaries(days, values, max_size=4).map(
    lambda rows: tuple(sorted({FIRST_DAY: 1, **rows}.items()))
)


@given(histories, days, values, st.booleans())
def test_corrected_and_corrected_back_every_day_has_the_value_it_had(history, since, right, for_good):
    wrong = in_force(history, since)
    once = corrected(history, since, right, for_good=for_good)
    if for_good and changes(history) and max(changes(history)) > since:
        return  # the later changes are gone: that is what was asked for
    back = corrected(once, since, wrong, kept=changes(history))
    for day in {since, *(day for day, _ in history), *(day for day, _ in once)}:
        assert in_force(back, day) == in_force(history, day)


# -- what is posted


def test_a_price_that_was_wrong_gives_back_the_difference_of_every_month_since():
    books = Books(a_line())
    books.run(date(2026, 3, 20))
    right = books.terms._replace(prices=corrected_prices(books.terms.prices, FEB, {"retail": 21_000_000}))
    assert told(books.correct(right, FEB, date(2026, 3, 20))) == [
        ("credit", "2026-02-01", 1, -10_000_000, 0, -2_000_000),
        ("credit", "2026-03-01", 1, -10_000_000, 0, -2_000_000),
    ]
    assert books.correct(right, FEB, date(2026, 3, 20)) == []


def test_setup_is_a_period_of_one_day_and_counts_on_with_the_corrections_of_its_day():
    books = Books(a_line())
    books.run(JAN)
    prices = corrected_prices(books.terms.prices, JAN, {"retail": 32_000_000, "setup_retail": 20_000_000})
    lines = books.correct(books.terms._replace(prices=prices), JAN, date(2026, 1, 5))
    assert told(lines) == [
        ("credit", "2026-01-01", 1, -5_000_000, 0, -1_000_000),
        ("difference", "2026-01-01", 2, 1_000_000, 0, 200_000),
    ]
    assert [line.period_until for line in lines] == [None, FEB]


def test_a_setup_that_came_to_nothing_is_posted_as_what_it_is():
    books = Books(a_line(prices=always(Prices(0, 31_000_000))))
    books.run(JAN)
    prices = corrected_prices(books.terms.prices, JAN, {"setup_retail": 20_000_000})
    assert told(books.correct(books.terms._replace(prices=prices), JAN, FEB - ONE_DAY)) == [
        ("setup", "2026-01-01", 0, 20_000_000, 0, 4_000_000)
    ]


def test_a_day_after_the_first_of_a_period_leaves_that_period_as_it_is():
    books = Books(a_line())
    books.run(date(2026, 2, 20))
    prices = corrected_prices(books.terms.prices, date(2026, 1, 2), {"retail": 21_000_000})
    lines = books.correct(books.terms._replace(prices=prices), date(2026, 1, 2), date(2026, 2, 20))
    assert [line.period_from for line in lines] == [FEB]


def test_a_reversed_period_is_left_as_it_is():
    books = Books(a_line())
    books.run(date(2026, 2, 20))
    books.periods[FEB] = books.periods[FEB]._replace(reversed=True)
    prices = corrected_prices(books.terms.prices, JAN, {"retail": 21_000_000})
    lines = books.correct(books.terms._replace(prices=prices), JAN, date(2026, 2, 20))
    assert [line.period_from for line in lines] == [JAN]


def test_corrected_terms_ended_early_are_credited_by_days_at_the_right_price():
    books = Books(a_line())
    books.run(JAN)
    prices = corrected_prices(books.terms.prices, JAN, {"retail": 62_000_000})
    books.correct(books.terms._replace(prices=prices), JAN, date(2026, 1, 5))
    books.terms = books.terms._replace(ends=((FIRST_DAY, None), (date(2026, 1, 6), date(2026, 1, 10))))
    books.run(FEB)
    assert told(books.posted)[-1] == (
        "credit",
        "2026-01-01",
        2,
        -42_000_000,
        -2_709_677 // 10_000 * 10_000,
        -8_400_000,
    )


def test_a_credit_to_come_for_an_early_end_is_not_posted_before_its_day():
    books = Books(a_line(ends=((FIRST_DAY, None), (date(2026, 1, 6), date(2026, 1, 10)))))
    books.run(date(2026, 1, 8))
    prices = corrected_prices(books.terms.prices, JAN, {"retail": 62_000_000})
    lines = books.correct(books.terms._replace(prices=prices), JAN, date(2026, 1, 8))
    assert told(lines) == [("difference", "2026-01-01", 1, 31_000_000, 0, 6_200_000)]
    books.run(FEB)
    assert books.by_period()[False, JAN][0] == 20_000_000


@st.composite
def run_on(draw):
    """Terms, and days on which runs are made, the last of them the day of the correction."""
    made = draw(terms())
    gaps = draw(st.lists(st.integers(1, 90), min_size=1, max_size=6))
    days = [made.start_date]
    for gap in gaps:
        days.append(days[-1] + timedelta(days=gap))
    books = Books(made)
    for day in days:
        books.run(day)
    return books, days[-1]


@settings(max_examples=tries(80, deep=200), deadline=None)
@given(run_on(), st.integers(0, 300))
def test_where_nothing_was_wrong_nothing_is_posted(made, back):
    books, today = made
    assert books.correct(books.terms, today - timedelta(days=back), today) == []


rights = st.fixed_dictionaries({}, optional={"retail": amounts, "cost": amounts, "setup_retail": amounts})


@settings(max_examples=tries(80, deep=200), deadline=None)
@given(run_on(), st.integers(0, 300), rights)
def test_corrected_back_again_gives_exactly_the_money_back(made, back, right):
    books, today = made
    since = today - timedelta(days=back)
    wrong, before = books.terms, books.by_period()
    prices = corrected_prices(wrong.prices, since, right)
    books.correct(wrong._replace(prices=prices), since, today)
    assert books.correct(books.terms, since, today) == []
    books.correct(wrong, since, today)
    assert books.by_period() == before
    books.run(today)
    assert books.by_period() == before


@settings(max_examples=tries(80, deep=200), deadline=None)
@given(run_on(), st.integers(0, 300), rights)
def test_corrected_and_run_to_the_end_everything_is_as_if_it_had_always_been_right(made, back, right):
    books, today = made
    since = today - timedelta(days=back)
    prices = corrected_prices(books.terms.prices, since, right)
    books.correct(books.terms._replace(prices=prices), since, today)
    books.run(WHEN)
    always_right = Books(books.terms)
    always_right.run(WHEN)
    assert books.by_period() == always_right.by_period()
    keys = [(line.kind, line.period_from, line.number) for line in books.posted]
    assert len(keys) == len(set(keys))
    assert {line.kind for line in books.posted} <= set(Kind)
