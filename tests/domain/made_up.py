"""Terms made up by hypothesis: any that the rules allow, with changes from a day on."""

from datetime import date, timedelta
from itertools import accumulate

from hypothesis import strategies as st

from portal.domain.money import MICROS
from portal.domain.schedule import FIRST_DAY, Frequency, Schedule
from portal.domain.terms import Prices, Proration, Terms

FIRST_START = date(2027, 11, 1)
EVERY = [Frequency.DAILY, Frequency.WEEKLY, Frequency.MONTHLY, Frequency.QUARTERLY, Frequency.YEARLY]

starts = st.dates(FIRST_START, FIRST_START + timedelta(days=150))
month_days = st.sets(st.sampled_from([1, 15, 28, 29, 30, 31]), min_size=1, max_size=3)
schedules = st.one_of(
    st.sampled_from(EVERY[1:]).map(Schedule),
    st.sets(st.integers(1, 7), min_size=1, max_size=3).map(
        lambda days: Schedule(Frequency.WEEKLY, tuple(sorted(days)))
    ),
    month_days.map(lambda days: Schedule(Frequency.MONTHLY, tuple(sorted(days)))),
)
amounts = st.sampled_from([0, 5_000, 333_333, 1_000_000, 9_990_000, 25_000_000, 1_234_567_891])
prices = st.builds(Prices, amounts, amounts, amounts, amounts)
rates = st.sampled_from([0, 7_700_000, 20 * MICROS])


def later_days(start, most):
    """Up to `most` days after a start, each later than the one before."""
    gaps = st.lists(st.integers(1, 120), max_size=most)
    return gaps.map(lambda found: [start + timedelta(days=n) for n in accumulate(found)])


@st.composite
def histories(draw, start, values, most=2):
    """A value that has always held, and others from a day on."""
    days = [FIRST_DAY, *draw(later_days(start, most))]
    return tuple((day, draw(values)) for day in days)


@st.composite
def ends(draw, start):
    """An end date as it was known: changed only while it has not passed, and never to before the start."""
    known, end = [], draw(st.none() | st.integers(0, 300).map(lambda n: start + timedelta(days=n)))
    known.append((FIRST_DAY, end))
    for day in draw(later_days(start, 3)):
        if end and end < day:
            break
        end = draw(
            st.none() | st.integers(-60, 120).map(lambda n, day=day: max(start, day + timedelta(days=n)))
        )
        known.append((day, end))
    return tuple(known)


@st.composite
def terms(draw, *, minimum_spend=None, changing_end=True):
    """Terms of a recurring assignment."""
    start = draw(starts)
    measured = draw(st.booleans()) if minimum_spend is None else minimum_spend
    known = draw(ends(start))
    charge_from = draw(st.none() | st.integers(0, 90).map(lambda n: start + timedelta(days=n)))
    if charge_from and known[0][1] and charge_from > known[0][1]:
        charge_from = None
    return Terms(
        start_date=start,
        schedules=draw(histories(start, schedules)),
        prices=draw(histories(start, prices)),
        quantities=draw(histories(start, st.integers(1, 7))),
        ends=known if changing_end else known[:1],
        tax_rates=draw(histories(start, rates)),
        unit=draw(st.sampled_from([1_000_000, 10_000, 1_000])),
        proration=draw(st.sampled_from(Proration)),
        minimum_spend=measured,
        charge_from=charge_from,
        wait_days=draw(st.integers(0, 3)) if measured else 0,
    )


def spent(begins, until):
    """Calls of 0.70 on every third day."""
    return sum(700_000 for n in range(begins.toordinal(), until.toordinal()) if n % 3 == 0)
