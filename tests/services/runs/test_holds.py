"""Held assignments: nothing of them is posted until somebody chooses, and the choice is kept."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from portal.domain.errors import Invalid, RuleBroken
from portal.domain.schedule import Frequency
from portal.models import Call, Charge, HoldChoice
from portal.services.runs import holds
from tests.calling import a_file, a_line, noon, taken_in
from tests.trade import BEN, NOW, TODAY, a_customer, a_package, assigned, run

pytestmark = pytest.mark.usefixtures("session")
SINCE = TODAY - timedelta(50)


@pytest.fixture
def held(session):
    """Fifty days and today of a daily package, which a run has held."""
    daily = a_package("Recording", "2", frequency=Frequency.DAILY, match=(), setup_retail="5")
    assignment = assigned(daily, a_customer(), SINCE)
    posting = run()
    assert (posting.charges, len(posting.held)) == (0, 1)
    return assignment


def posted(session):
    return session.execute(select(func.count(Charge.id), func.sum(Charge.amount))).one()


@pytest.mark.parametrize(
    ("days", "is_held"), [pytest.param(40, False, id="40 days"), pytest.param(41, True, id="41 days")]
)
def test_forty_lines_dated_before_the_day_of_the_run_are_posted_and_one_more_is_held(session, days, is_held):
    """The lines of the day itself do not count: there are 41, and 42."""
    daily = a_package("Recording", "2", frequency=Frequency.DAILY, match=())
    assigned(daily, a_customer(), TODAY - timedelta(days))
    posting = run()
    assert (posting.charges, len(posting.held)) == ((0, 1) if is_held else (days + 1, 0))


def test_what_is_held_is_listed_with_what_posting_it_would_bring(held):
    page = holds.list_held(TODAY)
    (it,) = page.rows
    assert (page.total, it.assignment.id, it.lines) == (1, held.id, 52)
    assert (it.first_on, it.last_on, it.next_charge_on) == (SINCE, TODAY, TODAY + timedelta(1))
    assert (it.amount, it.tax, it.currency) == (Decimal(107), Decimal("21.4"), "GBP")
    assert held.position.held_lines == 52  # the same number wherever it is told


def test_post_all_lets_the_next_run_post_everything_and_says_who_chose(session, held):
    (choice,) = holds.choose_post_all([held], TODAY, by=BEN, now=NOW)
    assert (choice.choice, choice.held_lines, choice.passed_over_lines) == (HoldChoice.POST_ALL, 52, 0)
    assert (choice.chosen_by, choice.chosen_at, held.position.held_lines) == (BEN, NOW, 0)
    run()
    assert tuple(posted(session)) == (52, Decimal(107))
    assert holds.list_held(TODAY).total == 0


def test_after_post_all_a_run_that_comes_late_again_holds_again(session, held):
    holds.choose_post_all([held], TODAY, by=BEN, now=NOW)
    run()
    assert len(run(TODAY + timedelta(42)).held) == 1


def test_charging_from_a_day_on_passes_over_what_is_dated_before_it_for_good(session, held):
    seen = holds.would_pass_over(held, TODAY, TODAY)
    chosen = holds.choose_charge_from([held], TODAY, TODAY, by=BEN, now=NOW)
    (choice,) = chosen.done
    assert (choice.choice, choice.charge_from) == (HoldChoice.CHARGE_FROM, TODAY)
    assert (choice.passed_over_lines, choice.passed_over_amount) == (51, Decimal(105))
    assert (seen.lines, seen.amount, seen.posted_lines, seen.posted_amount) == (
        51,
        Decimal(105),
        1,
        Decimal(2),
    )
    run()
    assert tuple(posted(session)) == (1, Decimal(2))
    run(TODAY + timedelta(3))
    assert tuple(posted(session)) == (4, Decimal(8))


def test_from_a_later_day_on_nothing_is_due_until_then(session, held):
    holds.choose_charge_from([held], TODAY + timedelta(9), TODAY, by=BEN, now=NOW)
    assert held.position.next_charge_on == TODAY + timedelta(9)
    assert run(TODAY + timedelta(8)).charges == 0
    assert run(TODAY + timedelta(9)).charges == 1


def test_a_hold_in_the_middle_of_a_life_never_charges_a_day_twice(session):
    daily = a_package("Recording", "2", frequency=Frequency.DAILY, match=(), setup_retail="5")
    assignment = assigned(daily, a_customer(), SINCE)
    run(SINCE + timedelta(4))
    run()
    with pytest.raises(Invalid, match="Choose a day after 8 October 2026, the first held line"):
        holds.would_pass_over(assignment, SINCE + timedelta(2), TODAY)
    holds.choose_charge_from([assignment], TODAY, TODAY, by=BEN, now=NOW)
    run()
    assert posted(session)[0] == 7, "setup, five days at first, and today"


@pytest.mark.parametrize(
    ("day", "sentence"),
    [
        (SINCE, "Choose a day after 3 October 2026, the first held line, or post all of them."),
        (date(2199, 12, 31), "Charging would begin after the end date, 31 December 2026."),
        (date(2200, 1, 1), "Dates must be between 2000 and 2199."),
    ],
)
def test_a_day_that_makes_no_sense_is_refused(held, day, sentence):
    held.end_date = date(2026, 12, 31)
    with pytest.raises(Invalid) as refusal:
        holds.would_pass_over(held, day, TODAY)
    assert refusal.value.sentence == sentence


def test_a_choice_for_many_leaves_held_whom_it_does_not_fit(session, held):
    daily = a_package("Other", "2", frequency=Frequency.DAILY, match=())
    younger = assigned(daily, a_customer("Globex"), TODAY - timedelta(45))
    run()
    chosen = holds.choose_charge_from([held, younger], TODAY - timedelta(45), TODAY, by=BEN, now=NOW)
    assert [hold.assignment_id for hold in chosen.done] == [held.id]
    assert [it.thing.id for it in chosen.refused] == [younger.id]
    assert (held.position.held_lines, younger.position.held_lines) == (0, 46)


def test_a_choice_is_made_once(held):
    holds.choose_post_all([held], TODAY, by=BEN, now=NOW)
    run()
    with pytest.raises(RuleBroken, match="It is no longer held"):
        holds.choose_post_all([held], TODAY, by=BEN, now=NOW)


def test_the_lock_and_the_anchor_stay_with_the_start_date(session):
    weekly = a_package("Weekly", "7", frequency=Frequency.WEEKLY, match=(), minimum_days=365)
    assignment = assigned(weekly, a_customer(), date(2025, 12, 1))
    run()
    lock = assignment.locked_until
    holds.choose_charge_from([assignment], TODAY, TODAY, by=BEN, now=NOW)
    assert assignment.locked_until == lock
    run(TODAY + timedelta(1))
    charge = session.scalars(select(Charge)).one()
    assert charge.charge_on == date(2026, 11, 23), "a Monday, as the start date was"


def test_what_is_passed_over_gives_no_free_minutes_either(session, tmp_path):
    bundle = a_package("Ten a day", frequency=Frequency.DAILY, match=(), minutes=True)
    assignment = assigned(bundle, a_customer(), SINCE, minutes=10)
    before, on = TODAY - timedelta(5), TODAY - timedelta(1)
    taken_in(a_file(tmp_path, [a_line("1", noon(before), 60, "1"), a_line("2", noon(on), 60, "1")]))
    run()
    holds.choose_charge_from([assignment], on, TODAY, by=BEN, now=NOW)
    calls = session.scalars(select(Call).order_by(Call.call_id))
    assert [call.covered_amount for call in calls] == [0, 1]
