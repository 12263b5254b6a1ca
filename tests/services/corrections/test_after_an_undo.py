"""Correcting back to a day what was posted, undone and posted again: what was undone was not posted."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from portal.domain.due import Kind
from portal.domain.terms import Proration
from portal.models import Charge
from portal.services.assignments.changing import change_end
from portal.services.charges.explaining import explain_all
from portal.services.corrections.planning import plan
from portal.services.corrections.posting import post
from portal.services.corrections.tax_rates import RateWanted, plan_rate, post_rate
from portal.services.corrections.wanted import Wanted, Whose
from portal.services.credit import Act
from portal.services.runs import undoing
from tests.services.runs.test_undoing import a_run, undo
from tests.trade import BEN, NOW, TODAY, a_customer, a_package, assigned

TOMORROW = TODAY + timedelta(days=1)
NOVEMBER = TODAY.replace(day=1)


def correct(package, today=TODAY, token="price", **prices):
    wanted = Wanted(NOVEMBER, "GBP", {name: Decimal(price) for name, price in prices.items()})
    whose = Whose(package=package)
    seen = plan(wanted, whose, today).fingerprint
    return post(wanted, whose, seen=seen, token=token, today=today, by=BEN, now=NOW)


def correct_rate(customer, rate, today=TODAY):
    wanted = RateWanted(NOVEMBER, Decimal(rate))
    seen = plan_rate(customer, wanted, today).fingerprint
    return post_rate(customer, wanted, seen=seen, token=rate, today=today, by=BEN, now=NOW)


def whole(session):
    return tuple(session.execute(select(func.sum(Charge.amount), func.sum(Charge.tax))).one())


@pytest.fixture
def acme(session):
    return a_customer("Acme", tax_rate="20")


def test_what_was_undone_is_not_corrected_and_what_was_posted_again_is(session, acme):
    trunk = a_package(retail="30", setup_retail="10")
    assigned(trunk, acme, NOVEMBER)
    undo(a_run())
    a_run()
    correct(trunk, retail="20", setup_retail="5")
    assert whole(session) == (25, 5)
    correct_rate(acme, "10")
    assert whole(session) == (25, Decimal("2.50"))


def test_a_correction_after_a_run_is_named_where_the_run_cannot_be_undone_and_no_run_before_it(session, acme):
    trunk = a_package(retail="30", match=(1, 20))
    line = assigned(trunk, acme, NOVEMBER)
    a_run(NOVEMBER)
    run = a_run()
    made = correct(trunk, retail="20")
    (left,) = undoing.would_undo(run).left
    assert (left.assignment, left.run_id, left.correction_id) == (line, None, made.id)


def test_a_corrections_line_that_is_undone_says_so_and_not_what_it_corrected(session, acme):
    trunk = a_package(retail="30")
    line = assigned(trunk, acme, NOVEMBER)
    a_run()
    correct(trunk, retail="20")
    correct_rate(acme, "10")
    undoing.take_back_all_of([line], "Assigning it was undone.", Act(TODAY, BEN, NOW))
    said = explain_all(session.scalars(select(Charge).where(Charge.kind == Kind.UNDO)))
    undone = "of 22 Nov was undone, as if it had never been posted:"
    assert [said[id] for id in sorted(said)] == [
        "The charge of 1 Nov was undone, as if it had never been posted: 30.00 goes back.",
        f"The credit {undone} 10.00 is charged again.",
        f"The credit {undone} tax of 2.00 is charged again.",
    ]


def test_a_setup_that_came_to_nothing_after_an_undo_takes_the_next_number(session, acme):
    trunk = a_package(retail="30", setup_retail="10")
    assigned(trunk, acme, NOVEMBER)
    undo(a_run())
    trunk.prices[0].setup_retail = Decimal(0)
    session.flush()
    a_run()
    correct(trunk, setup_retail="5")
    setups = select(Charge.number, Charge.amount).where(Charge.kind == Kind.SETUP).order_by(Charge.number)
    assert [tuple(row) for row in session.execute(setups)] == [(0, 10), (1, 5)]
    assert whole(session) == (35, 7)


def test_a_credit_that_was_undone_alone_counts_no_more(session, acme):
    trunk = a_package(retail="30", proration=Proration.DAILY)
    line = assigned(trunk, acme, NOVEMBER)
    a_run()
    change_end(line, TODAY, TODAY, by=BEN, now=NOW)
    undo(a_run(TOMORROW), TOMORROW)
    assert whole(session) == (30, 6)
    correct_rate(acme, "10", TOMORROW)
    assert whole(session) == (30, 3)
    a_run(TOMORROW)
    assert whole(session) == (22, Decimal("2.20"))
