"""Every charge says in plain words where it comes from."""

from datetime import date
from decimal import Decimal
from types import SimpleNamespace

import pytest

from portal.domain.charges import charges_due
from portal.domain.due import Kind, Position, Posted
from portal.domain.explaining import explain, origin
from portal.domain.money import from_micros
from portal.domain.schedule import FIRST_DAY, Frequency, Schedule
from portal.domain.terms import OwnPrices, Prices, Proration, Terms, always, with_own

MONTHLY, WEEKLY, YEARLY = Frequency.MONTHLY, Frequency.WEEKLY, Frequency.YEARLY
NEW = Position()
JAN, FEB = date(2026, 1, 1), date(2026, 2, 1)


def terms(schedule=(MONTHLY, ()), *, retail="24.50", start=JAN, setup="0", **more):
    """Terms of one assignment that sells at `retail`."""
    prices = Prices(0, int(Decimal(retail) * 1_000_000), 0, int(Decimal(setup) * 1_000_000))
    given = {"prices": always(prices), "quantities": always(1), "proration": Proration.DAILY, **more}
    return Terms(start_date=start, schedules=always(Schedule(*schedule)), **given)


def line(due, provisional=False):
    """A due charge as pages read it."""
    money = ("unit_price", "unit_cost", "amount", "cost", "tax")
    read = {name: from_micros(getattr(due, name)) for name in money}
    spend = None if due.spend is None else from_micros(due.spend)
    return SimpleNamespace(
        **{**due._asdict(), **read, "spend": spend, "currency": "USD", "provisional": provisional}
    )


def said(terms, on, *, position=NEW, posted=None, spent="0", provisional=False):
    """The sentence of the last charge up to a day."""
    spend = int(Decimal(spent) * 1_000_000)
    due = charges_due(terms, position, on, posted, lambda begins, until: spend)
    return explain(line(due.charges[-1], provisional), terms)


@pytest.mark.parametrize(
    ("schedule", "start", "on", "sentence"),
    [
        pytest.param(
            (MONTHLY, (15, 31)), date(2026, 11, 15), date(2026, 11, 30),
            "Every month on the 15th and 31st, in November on its last day. 24.50 × 1 for 30 Nov to 14 Dec.",
            id="a match day that the month does not have",
        ),
        pytest.param(
            (MONTHLY, (30, 31)), date(2026, 1, 31), date(2026, 2, 28),
            "Every month on the 30th and 31st, in February on its last day. 24.50 × 1 for 28 Feb to 29 Mar.",
            id="match days that fall together",
        ),
        pytest.param(
            (MONTHLY, (15, 31)), JAN, date(2026, 1, 15),
            "Every month on the 15th and 31st. 24.50 × 1 for 15 to 30 Jan.",
            id="a match day",
        ),
        pytest.param(
            (MONTHLY, ()), date(2026, 1, 31), date(2026, 2, 28),
            "Every month on the 31st, in February on its last day, counted from the day it started. "
            "24.50 × 1 for 28 Feb to 30 Mar.",
            id="the anchor's day",
        ),
        pytest.param(
            (WEEKLY, (1, 4)), date(2026, 1, 5), date(2026, 1, 5),
            "Every Monday and Thursday. 24.50 × 1 for 5 to 7 Jan.",
            id="weekdays",
        ),
        pytest.param(
            (YEARLY, ()), date(2026, 3, 10), date(2026, 3, 10),
            "Every year on 10 Mar, counted from the day it started. 24.50 × 1 for 10 Mar 2026 to 9 Mar 2027.",
            id="a period across years names them",
        ),
    ],
)  # fmt: skip
def test_a_recurring_charge_says_what_brings_it_on_its_day(schedule, start, on, sentence):
    assert said(terms(schedule, start=start), on) == sentence


def test_a_partial_period_shows_its_fraction_and_its_days():
    assert said(terms((MONTHLY, (1,)), start=date(2026, 5, 23)), date(2026, 5, 23)) == (
        "Started on 23 May, between two charge dates. "
        "24.50 × 1 × 9/31 (9 of the 31 days from 1 to 31 May) comes to 7.11."
    )


def test_setup_and_one_off_say_that_they_come_once():
    once = terms((Frequency.NONE, ()), setup="25")
    due = charges_due(once, Position(), JAN).charges
    assert [explain(line(charge), once) for charge in due] == [
        "Setup, once, on the start date: 25.00 × 1.",
        "Charged once, on the start date: 24.50 × 1.",
    ]


def test_a_minimum_spend_names_the_minimum_what_was_spent_and_what_is_missing():
    minimum = terms(retail="50", minimum_spend=True)
    assert said(minimum, FEB, spent="25") == (
        "Minimum 50.00 × 1, spent 25.00 from 1 to 31 Jan: 25.00 is missing."
    )
    assert said(minimum, FEB, spent="25", provisional=True) == (
        "Minimum 50.00 × 1, spent 25.00 so far from 1 to 31 Jan: 25.00 is missing if nothing more is spent. "
        "The period has not ended, so this is not certain yet."
    )


def test_a_credit_names_the_days_used_and_what_goes_back():
    ended = terms(
        (MONTHLY, (1,)), retail="25", ends=((FIRST_DAY, None), (date(2026, 2, 10), date(2026, 2, 10)))
    )
    sentence = said(
        ended,
        date(2026, 2, 11),
        position=Position(date(2026, 3, 1), date(2026, 2, 9)),
        posted={FEB: Posted(amount=25_000_000, tax_rate=0)},
    )
    assert sentence == (
        "Ended on 10 Feb: 10 of 28 days used come to 8.93; 25.00 was charged, so 16.07 goes back."
    )


def test_a_difference_says_that_the_end_date_moved():
    moved = terms(
        (MONTHLY, (1,)), retail="28",
        ends=((FIRST_DAY, date(2026, 2, 10)), (date(2026, 2, 5), date(2026, 2, 20))),
    )  # fmt: skip
    sentence = said(
        moved,
        date(2026, 2, 5),
        position=Position(date(2026, 3, 1), date(2026, 2, 4)),
        posted={FEB: Posted(amount=10_000_000, tax_rate=0)},
    )
    assert sentence == (
        "The end date moved to 20 Feb: 20 of 28 days used come to 20.00; 10.00 was charged, so 10.00 is added."
    )


def by_hand(kind, amount, **more):
    return SimpleNamespace(
        kind=kind, amount=Decimal(amount), currency="USD", charge_on=JAN, period_from=JAN, spend=None, **more
    )


def test_what_people_did_by_hand_says_so():
    assert explain(by_hand(Kind.MANUAL, "12")) == "A charge entered by hand."
    assert explain(by_hand(Kind.MANUAL, "-12")) == "A discount, entered by hand."
    charged = by_hand(Kind.RECURRING, "12")
    assert explain(by_hand(Kind.REVERSAL, "-12"), None, charged) == (
        "Reverses the charge of 1 Jan in full: 12.00."
    )
    assert explain(by_hand(Kind.REVERSAL, "-8.93"), None, charged) == (
        "Reverses the charge of 1 Jan with its credits and differences: 8.93 in all."
    )


def test_the_origin_tells_since_when_each_term_holds():
    march = date(2026, 3, 1)
    changed = terms(
        (MONTHLY, (1,)),
        prices=((FIRST_DAY, Prices(0, 1_000_000)), (march, Prices(0, 2_000_000))),
        quantities=((FIRST_DAY, 1), (date(2026, 2, 10), 3)),
    )
    charge = line(charges_due(changed, Position(), date(2026, 4, 1)).charges[-1])
    told = origin(charge, changed)
    assert (told.price_since, told.quantity_since, told.schedule_since) == (march, date(2026, 2, 10), None)
    assert told.schedule == Schedule(MONTHLY, (1,))


# -- own prices


def own(**micros):
    return OwnPrices(**{name: price * 1_000_000 for name, price in micros.items()})


def with_own_prices(history, **more):
    """Terms in which some prices are the assignment's own."""
    theirs = terms((MONTHLY, (1,)), retail="10", setup="5", **more)
    return theirs._replace(prices=with_own(theirs.prices, history), own_prices=history)


def test_an_own_price_says_so_and_since_when():
    history = ((date(2025, 12, 20), own(retail=8)), (FEB, own(retail=7)), (date(2026, 3, 1), own()))
    priced = with_own_prices(history)
    assert (
        said(priced, JAN)
        == "Every month on the 1st. 8.00 × 1 for 1 to 31 Jan. 8.00 is the price agreed for it, since 20 Dec 2025."
    )
    assert (
        said(priced, FEB)
        == "Every month on the 1st. 7.00 × 1 for 1 to 28 Feb. 7.00 is the price agreed for it, since 1 Feb."
    )
    assert said(priced, date(2026, 3, 1)) == "Every month on the 1st. 10.00 × 1 for 1 to 31 Mar."


def test_an_own_price_that_has_always_held_names_no_day():
    priced = with_own_prices(always(own(retail=8, setup_retail=3)))
    setup, first = charges_due(priced, NEW, JAN).charges
    assert (
        explain(line(setup), priced)
        == "Setup, once, on the start date: 3.00 × 1. 3.00 is the price agreed for it."
    )
    assert explain(line(first), priced).endswith("8.00 × 1 for 1 to 31 Jan. 8.00 is the price agreed for it.")


def test_another_own_price_says_nothing_of_this_one():
    history = ((JAN, own(retail=8)), (FEB, own(retail=8, cost=2)))
    priced = with_own_prices(history)
    assert said(priced, FEB).endswith("8.00 is the price agreed for it, since 1 Jan.")
    found = origin(line(charges_due(priced, NEW, FEB).charges[-1]), priced)
    assert (found.price_since, found.cost_since) == (JAN, FEB)
    assert "own" not in said(with_own_prices(always(own(cost=2))), JAN)


def test_a_minimum_of_its_own_says_so():
    priced = with_own_prices(always(own(retail=40)), minimum_spend=True)
    assert said(priced, FEB, spent="25") == (
        "Minimum 40.00 × 1, spent 25.00 from 1 to 31 Jan: 15.00 is missing. 40.00 is the minimum agreed for it."
    )


def test_a_charge_posted_at_another_price_than_is_its_own_now_does_not_claim_it():
    posted = line(charges_due(with_own_prices(()), NEW, JAN).charges[-1])
    assert "own" not in explain(posted, with_own_prices(always(own(retail=8))))


def test_an_anchor_of_its_own_is_the_day_that_charge_dates_are_counted_from():
    moved = terms(start=date(2024, 3, 15), own_anchor=date(2024, 1, 3), charge_from=date(2026, 12, 3))
    assert said(moved, date(2026, 12, 3)) == (
        "Every month on the 3rd, counted from 3 Jan 2024. 24.50 × 1 for 3 Dec 2026 to 2 Jan 2027."
    )
