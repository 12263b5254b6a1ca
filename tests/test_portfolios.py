"""What the made-up portfolios promise to who replays them, and what the oracle makes of them."""

from collections import defaultdict
from datetime import date, timedelta

import pytest

from tests.depth import tries
from tests.oracle import charges, known_end
from tests.portfolios import generate, oracle_input

SEEDS = range(tries(12, deep=40))


def a_day(text):
    return date.fromisoformat(text)


def test_a_seed_always_makes_the_same_portfolio():
    assert generate(7) == generate(7)
    assert generate(7) != generate(8)


@pytest.mark.parametrize("seed", SEEDS)
def test_an_end_date_is_only_changed_while_it_has_not_passed(seed):
    scenario = generate(seed)
    ends = [assignment["end_date"] for assignment in scenario["assignments"]]
    for change in scenario["changes"]:
        if "end_date" not in change:
            continue
        index = change["assignment"]
        start = a_day(scenario["assignments"][index]["start_date"])
        assert start < a_day(change["on"])
        assert ends[index] is None or ends[index] >= change["on"]
        ends[index] = change["end_date"]
        assert ends[index] is None or a_day(ends[index]) >= start


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_changed_holds_from_a_later_day(seed):
    scenario = generate(seed)
    days = [change["on"] for change in scenario["changes"]]
    assert days == sorted(days)
    for change in scenario["changes"]:
        assert "end_date" in change or change["effective_from"] > change["on"]


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_charged_for_days_after_the_last(seed):
    """Whatever was changed on the way, a period that began after the last day comes to nothing."""
    portfolio = oracle_input(generate(seed))
    left = defaultdict(int)
    for charge in charges(portfolio):
        if charge["period_from"]:
            left[charge["assignment"], charge["period_from"]] += charge["amount"]
    for (index, period_from), amount in left.items():
        assignment = portfolio["assignments"][index]
        end = known_end(assignment, portfolio["through"])
        if end and end < portfolio["through"] and period_from > end:
            assert amount == 0
        assert amount >= 0


def test_stopping_earlier_only_leaves_out_what_is_later():
    for seed in SEEDS:
        portfolio = oracle_input(generate(seed))
        stop = portfolio["through"] - timedelta(days=100)
        until_then = [charge for charge in charges(portfolio) if charge["posted_on"] <= stop]
        assert charges({**portfolio, "through": stop}) == until_then
