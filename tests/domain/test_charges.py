"""What falls due: tables for what the rules say, properties for what must hold whatever happens."""

from collections import defaultdict
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.domain.charges import charges_due, corrected_from
from portal.domain.due import Kind, Position, Posted, no_spend
from portal.domain.minimum_spend import shortfall
from portal.domain.money import tax_on
from portal.domain.proration import share
from portal.domain.schedule import FIRST_DAY, ONE_DAY, Frequency, Schedule
from portal.domain.terms import Prices, Proration, Terms, always, in_force
from tests.depth import tries
from tests.domain.made_up import FIRST_START, spent, terms

LONG_AFTER = FIRST_START + timedelta(days=1200)
throughs = st.dates(FIRST_START, FIRST_START + timedelta(days=900))
JAN, FEB, MAR = date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)


class Ledger:
    """An assignment that runs are made for: its position, and what stands posted."""

    def __init__(self, terms):
        self.terms, self.position, self.posted, self.charges = terms, Position(), {}, ()

    def run(self, through):
        """Post what is due up to a day, as a run does."""
        due = charges_due(self.terms, self.position, through, self.posted, spent)
        self.position = due.position
        self.charges += due.charges
        for charge in due.charges:
            if charge.period_until:
                stands = self.posted.get(charge.period_from, Posted())
                self.posted[charge.period_from] = stands.plus(charge)
        return due


def at_once(terms, through):
    return charges_due(terms, Position(), through, {}, spent)


# -- tables


def a_line(**more):
    """31 a month on the 1st, from 1 January, by days."""
    given = {
        "start_date": JAN,
        "schedules": always(Schedule(Frequency.MONTHLY, (1,))),
        "prices": always(Prices(4_000_000, 31_000_000, 1_000_000, 25_000_000)),
        "quantities": always(1),
        "proration": Proration.DAILY,
    }
    return Terms(**{**given, **more})


def told(due):
    return [(charge.kind, charge.charge_on, charge.amount / 1_000_000) for charge in due.charges]


def test_a_new_assignment_is_charged_setup_and_its_first_period_in_advance():
    due = charges_due(a_line(), Position(), JAN)
    assert told(due) == [(Kind.SETUP, JAN, 25), (Kind.RECURRING, JAN, 31)]
    assert due.position == Position(FEB, JAN)
    assert due.next_charge_on == FEB


def test_nothing_falls_due_before_the_start_and_the_next_day_is_the_start():
    due = charges_due(a_line(start_date=FEB), Position(), JAN)
    assert (due.charges, due.next_charge_on) == ((), FEB)
    assert due.position.charged_until is None


@pytest.mark.parametrize(
    ("proration", "lines"),
    [
        pytest.param(
            Proration.NONE, [(Kind.RECURRING, FEB, 31)], id="none: free until the first charge date"
        ),
        pytest.param(
            Proration.DAILY,
            [(Kind.RECURRING, date(2026, 1, 10), 22), (Kind.RECURRING, FEB, 31)],
            id="daily: by days",
        ),
    ],
)
def test_a_start_between_two_charge_dates(proration, lines):
    terms = a_line(start_date=date(2026, 1, 10), proration=proration, prices=always(Prices(0, 31_000_000)))
    assert told(charges_due(terms, Position(), FEB)) == lines


def test_of_an_assignment_that_ended_before_charging_begins_nothing_is_ever_due():
    for more in ({}, {"minimum_spend": True}, {"schedules": always(Schedule(Frequency.NONE))}):
        line = a_line(ends=always(date(2026, 2, 10)), charge_from=MAR, **more)
        due = charges_due(line, Position(), date(2026, 12, 31), {}, spent)
        assert (due.charges, due.next_charge_on) == ((), None)


def test_a_one_off_is_charged_once_and_nothing_is_due_again():
    terms = a_line(schedules=always(Schedule(Frequency.NONE)), quantities=always(2))
    due = charges_due(terms, Position(), LONG_AFTER)
    assert told(due) == [(Kind.SETUP, JAN, 50), (Kind.ONE_OFF, JAN, 62)]
    assert due.next_charge_on is None
    again = charges_due(terms, due.position, LONG_AFTER + ONE_DAY)
    assert again.charges == ()


def test_the_day_after_the_last_stands_as_the_next_day_while_something_is_to_be_credited():
    end = date(2026, 1, 10)
    terms = a_line(ends=((FIRST_DAY, None), (date(2026, 1, 5), end)))
    ledger = Ledger(terms)
    ledger.run(JAN)
    assert ledger.run(date(2026, 1, 5)).next_charge_on == end + ONE_DAY
    due = ledger.run(end + ONE_DAY)
    assert told(due) == [(Kind.CREDIT, end + ONE_DAY, -21)]
    assert due.next_charge_on is None


def test_nothing_is_worked_out_again_for_a_period_whose_charge_was_reversed():
    terms = a_line(ends=((FIRST_DAY, None), (date(2026, 1, 5), date(2026, 1, 10))))
    posted = {JAN: Posted(31_000_000, 4_000_000, 0, 0, 0, reversed=True)}
    due = charges_due(terms, Position(FEB, JAN), MAR, posted)
    assert due.charges == ()


def test_a_run_that_comes_late_takes_the_tax_rate_of_each_charge_date():
    terms = a_line(tax_rates=((FIRST_DAY, 0), (FEB, 20_000_000)), prices=always(Prices(0, 31_000_000)))
    due = charges_due(terms, Position(), MAR)
    assert [(charge.charge_on, charge.tax) for charge in due.charges] == [
        (JAN, 0), (FEB, 6_200_000), (MAR, 6_200_000),
    ]  # fmt: skip


def test_a_minimum_that_came_to_nothing_is_corrected_at_the_tax_rate_of_its_first_date():
    terms = a_line(
        minimum_spend=True,
        proration=Proration.NONE,
        prices=always(Prices(0, 31_000_000)),
        tax_rates=((FIRST_DAY, 10_000_000), (date(2026, 1, 25), 20_000_000)),
        ends=((FIRST_DAY, None), (date(2026, 2, 10), date(2026, 1, 20))),
    )

    def much_at_the_end(begins, until):
        return 40_000_000 if begins <= date(2026, 1, 25) < until else 0

    due = charges_due(terms, Position(), MAR, {}, much_at_the_end)
    assert [(c.kind, c.charge_on, c.amount, c.tax) for c in due.charges] == [
        (Kind.DIFFERENCE, date(2026, 2, 10), 20_000_000, 4_000_000)
    ]


def test_periods_reached_by_a_changed_end_are_named_only_where_it_changed():
    assert corrected_from(a_line(ends=always(MAR))) is None
    assert corrected_from(a_line(ends=((FIRST_DAY, MAR), (FEB, date(2026, 2, 20))))) == date(2026, 2, 21)
    assert corrected_from(a_line(ends=((FIRST_DAY, None), (FEB, None)))) is None


def test_without_calls_nothing_is_spent():
    assert no_spend(JAN, FEB) == 0


# -- properties


@settings(max_examples=tries(60, deep=150), deadline=None)
@given(terms(), st.lists(throughs, max_size=6))
def test_splitting_a_span_changes_nothing(terms, cuts):
    ledger = Ledger(terms)
    for through in [*sorted(cuts), LONG_AFTER]:
        ledger.run(through)
    whole = at_once(terms, LONG_AFTER)
    assert ledger.charges == whole.charges
    assert ledger.position == whole.position


@settings(max_examples=tries(40, deep=100), deadline=None)
@given(terms())
def test_runs_on_the_days_that_are_named_as_next_are_enough(terms):
    """Between one run and the day it names nothing falls due; following the names posts everything."""
    ledger, through = Ledger(terms), terms.begins
    for _ in range(3000):
        due = ledger.run(through)
        if due.next_charge_on is None or due.next_charge_on > LONG_AFTER:
            break
        assert due.next_charge_on > through
        through = due.next_charge_on
    assert ledger.charges == at_once(terms, LONG_AFTER).charges


@settings(max_examples=tries(40, deep=100), deadline=None)
@given(terms(), throughs)
def test_the_same_run_a_second_time_posts_nothing(terms, through):
    ledger = Ledger(terms)
    ledger.run(through)
    position = ledger.position
    assert ledger.run(through).charges == ()
    assert ledger.position == position


@settings(max_examples=tries(60, deep=150), deadline=None)
@given(terms())
def test_what_is_posted_for_a_period_adds_up_to_what_it_should_come_to(terms):
    lines = defaultdict(list)
    for charge in at_once(terms, LONG_AFTER).charges:
        if charge.period_until:
            lines[charge.period_from].append(charge)
    end = terms.ends[-1][1]
    for begins, charges in lines.items():
        last = charges[-1]
        amount, cost, tax = (sum(getattr(c, name) for c in charges) for name in ("amount", "cost", "tax"))
        terms_of_first_day = in_force(terms.prices, begins), in_force(terms.quantities, begins)
        assert all(
            (c.unit_price, c.quantity) == (terms_of_first_day[0].retail, terms_of_first_day[1])
            for c in charges
        )
        assert cost == share(last.unit_cost, last.quantity, last.days, last.whole_days, terms.unit)
        if terms.minimum_spend:
            spend = spent(begins, last.period_until) if last.days else 0
            assert amount == shortfall(
                last.unit_price, last.quantity, last.days, last.whole_days, spend, terms.unit
            )
        else:
            assert amount == share(last.unit_price, last.quantity, last.days, last.whole_days, terms.unit)
        assert tax == tax_on(amount, charges[0].tax_rate, terms.unit)
        assert amount >= 0
        if end and begins > end:
            assert amount == cost == tax == 0


@settings(max_examples=tries(40, deep=100), deadline=None)
@given(terms(changing_end=False))
def test_periods_stand_side_by_side_from_the_first_to_the_last(terms):
    """Without lines of nothing there is no gap and no overlap between the periods that are charged."""
    terms = terms._replace(prices=always(Prices(1_000_000, 50_000_000_000)))
    charges = [c for c in at_once(terms, LONG_AFTER).charges if c.period_until]
    for charge, following in pairwise(charges):
        assert charge.period_until == following.period_from
        assert charge.number == 0
    end = terms.ends[0][1]
    if end and charges and terms.proration == Proration.DAILY:
        assert charges[-1].period_until == end + ONE_DAY
        assert charges[0].period_from == terms.begins


@settings(max_examples=tries(40, deep=100), deadline=None)
@given(terms())
def test_lines_are_found_in_order_and_on_no_day_before_their_own(terms):
    charges = at_once(terms, LONG_AFTER).charges
    found = [charge.found_on for charge in charges]
    assert found == sorted(found)
    assert all(charge.charge_on <= charge.found_on for charge in charges)
    assert all(charge.charge_on >= terms.begins for charge in charges)


@settings(max_examples=tries(40, deep=100), deadline=None)
@given(terms())
def test_no_line_has_the_key_of_another_and_corrections_are_counted_on(terms):
    charges = at_once(terms, LONG_AFTER).charges
    keys = [(charge.kind, charge.period_from, charge.number) for charge in charges]
    assert len(set(keys)) == len(keys)
    numbers = defaultdict(list)
    for charge in charges:
        if charge.period_until:
            numbers[charge.period_from].append(charge.number)
    for found in numbers.values():
        assert found == sorted(found)
        assert found[0] in (0, 1)
        assert found == list(range(found[0], found[0] + len(found)))


@settings(max_examples=tries(40, deep=100), deadline=None)
@given(terms())
def test_no_line_of_nothing_is_posted(terms):
    assert not any(charge.is_nothing for charge in at_once(terms, LONG_AFTER).charges)


@settings(max_examples=tries(24, deep=60), deadline=None)
@given(terms(), throughs)
@pytest.mark.slow
def test_what_happens_later_does_not_change_what_was_posted(terms, through):
    """An end date that becomes known tomorrow, and terms that hold from the day after, are not foreseen."""
    known = tuple(entry for entry in terms.ends if entry[0] <= through)
    foreseen = terms._replace(ends=known)
    assert at_once(foreseen, through).charges == at_once(terms, through).charges
