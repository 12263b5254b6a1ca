"""Changing an assignment: what holds at once, what from a day on, and what a lock forbids."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from portal.domain.due import Kind
from portal.domain.errors import Invalid, RuleBroken
from portal.domain.schedule import Frequency
from portal.domain.terms import Proration
from portal.models import Charge
from portal.services.assignments.changing import (
    Change,
    change_end,
    change_quantity,
    change_start,
    make_change,
)
from portal.services.assignments.ending_many import end_many
from portal.services.assignments.waiting import waiting
from tests.trade import BEN, NOW, TODAY, a_customer, a_package, assigned, run

pytestmark = pytest.mark.usefixtures("session")
TOMORROW = TODAY + timedelta(1)


def end(assignment, day, today=TODAY, **more):
    change_end(assignment, day, today, by=BEN, now=NOW, **more)


def test_a_quantity_is_effective_at_once_while_nothing_is_posted():
    assignment = assigned(a_package(), a_customer(), quantity=3)
    change_quantity(assignment, 2, TODAY, TODAY)
    assert [(row.quantity) for row in assignment.quantities] == [2]


def test_a_quantity_is_effective_from_tomorrow_or_later_once_something_is_posted(session):
    assignment = assigned(a_package(), a_customer(), date(2026, 11, 1), quantity=3)
    run()
    with pytest.raises(Invalid, match="takes effect tomorrow, 23 November 2026, or later"):
        change_quantity(assignment, 4, TODAY, TODAY)
    change_quantity(assignment, 4, TOMORROW, TODAY)
    session.flush()
    assert (assignment.quantity_on(TODAY), assignment.quantity_on(TOMORROW)) == (3, 4)


def test_whoever_has_it_open_is_told_of_a_new_quantity(session):
    assignment = assigned(a_package(), a_customer())
    before = assignment.version
    change_quantity(assignment, 2, TODAY, TODAY)
    session.flush()
    assert assignment.version == before + 1


def test_while_locked_the_quantity_may_rise_but_not_fall():
    assignment = assigned(a_package(minimum_days=60), a_customer(), date(2026, 11, 1), quantity=3)
    run()
    change_quantity(assignment, 5, date(2026, 12, 1), TODAY)
    with pytest.raises(
        Invalid, match="until 31 December 2026, the quantity can be increased but not reduced"
    ):
        change_quantity(assignment, 2, TOMORROW, TODAY)
    with pytest.raises(Invalid, match="5 are planned from 1 December 2026"):
        change_quantity(assignment, 7, TOMORROW, TODAY)
    change_quantity(assignment, 1, date(2026, 12, 31), TODAY)


# -- what waiting gives away


def test_units_added_between_charge_dates_are_free_until_the_next_one_and_pay_no_setup():
    assignment = assigned(
        a_package(retail="30", setup_retail="5"), a_customer(), date(2026, 11, 1), quantity=2
    )
    run()
    lost = waiting(assignment, 4, TOMORROW, TODAY)
    assert (lost.added, lost.counts_from, lost.days, lost.whole_days) == (2, date(2026, 12, 1), 8, 30)
    assert (lost.amount, lost.setup, lost.given_away) == (Decimal(16), Decimal(10), Decimal(26))


def test_nothing_is_given_away_from_a_charge_date_on_nor_by_taking_units_away():
    assignment = assigned(a_package(), a_customer(), date(2026, 11, 1), quantity=2)
    assert waiting(assignment, 5, TODAY, TODAY) is None, "nothing is posted: it holds at once"
    run()
    assert waiting(assignment, 5, date(2026, 12, 1), TODAY) is None
    assert waiting(assignment, 1, TOMORROW, TODAY) is None
    assert waiting(assignment, 2, TOMORROW, TODAY) is None


def test_units_added_to_what_is_charged_once_are_never_charged():
    package = a_package("Desk Phone", "80", frequency=Frequency.NONE, match=())
    assignment = assigned(package, a_customer(), date(2026, 11, 1))
    run()
    lost = waiting(assignment, 3, TOMORROW, TODAY)
    assert (lost.counts_from, lost.amount) == (None, Decimal(160))


def test_what_waiting_gives_away_is_what_units_of_their_own_are_charged():
    package, customer = a_package(retail="30", setup_retail="5", proration=Proration.DAILY), a_customer()
    assignment = assigned(package, customer, date(2026, 11, 1), quantity=2)
    run()
    lost = waiting(assignment, 4, TOMORROW, TODAY)
    assigned(package, customer, TOMORROW, quantity=2)
    run(TOMORROW)
    from sqlalchemy import func, select

    from portal.extensions import db
    from portal.models import Charge

    posted = db.session.scalar(select(func.sum(Charge.amount)).where(Charge.charge_on == TOMORROW))
    assert posted == lost.given_away


# -- end dates


def test_an_end_date_is_set_moved_and_removed(session):
    assignment = assigned(a_package(), a_customer(), date(2026, 11, 1))
    run()
    end(assignment, date(2026, 12, 31))
    end(assignment, date(2026, 12, 15), TOMORROW)
    end(assignment, None, TOMORROW)
    assert assignment.end_date is None
    assert [(row.known_on, row.end_date) for row in assignment.ends][1:] == [
        (TODAY, date(2026, 12, 31)),
        (TOMORROW, None),
    ]


def test_an_end_date_that_has_passed_stays():
    assignment = assigned(a_package(), a_customer(), date(2026, 10, 1), end_date=date(2026, 11, 10))
    with pytest.raises(Invalid, match=r"It ended on 10 November 2026\. Assign the package again instead"):
        end(assignment, None)


def test_the_owners_reason_for_overriding_a_lock_is_kept():
    assignment = assigned(a_package(minimum_days=60), a_customer())
    with pytest.raises(Invalid, match="Not before 20 January 2027"):
        end(assignment, date(2026, 12, 31))
    end(assignment, date(2026, 12, 31), override_reason="Their line was never delivered")
    assert (assignment.override_reason, assignment.override_by) == ("Their line was never delivered", BEN)


def test_a_start_date_moves_with_its_lock_while_nothing_is_posted():
    assignment = assigned(a_package(minimum_days=30), a_customer(), date(2026, 12, 1))
    change_start(assignment, date(2026, 12, 10), None, TODAY)
    assert (assignment.locked_until, assignment.position.next_charge_on) == (
        date(2027, 1, 9),
        date(2026, 12, 10),
    )
    run(date(2026, 12, 10))
    with pytest.raises(Invalid, match="The start date is fixed"):
        change_start(assignment, date(2026, 12, 11), None, date(2026, 12, 10))


def test_many_end_on_one_day_and_who_is_locked_stays(session):
    customer, free, locked = a_customer(), a_package(), a_package("Locked", minimum_days=60)
    three = [assigned(package, customer, date(2026, 11, 1)) for package in (free, locked, free)]
    run()
    ending = end_many(three, date(2026, 11, 30), TODAY, by=BEN, now=NOW)
    assert [assignment.id for assignment in ending.done] == [three[0].id, three[2].id]
    assert [(it.thing.id, it.reason) for it in ending.refused] == [
        (
            three[1].id,
            "Not before 30 December 2026: it is locked until 31 December 2026.",
        )
    ]
    assert [a.end_date for a in three] == [date(2026, 11, 30), None, date(2026, 11, 30)]
    assert three[0].position.next_charge_on is None


# -- a whole form, and what an end would bring


def wanted(assignment, **change):
    given = {
        "quantity": assignment.quantity_on(TODAY),
        "effective_from": TODAY,
        "start_date": assignment.start_date,
        "charge_from": assignment.charge_from,
        "end_date": assignment.end_date,
        "auto_decrement_credit": assignment.auto_decrement_credit,
    }
    return Change(**{**given, **change})


def test_start_and_end_move_past_each_others_old_days():
    assignment = assigned(a_package(), a_customer(), date(2026, 12, 1), end_date=date(2026, 12, 31))
    change = wanted(
        assignment, start_date=date(2027, 3, 1), end_date=date(2027, 3, 31), auto_decrement_credit=True
    )
    make_change(assignment, change, TODAY, by=BEN, now=NOW)
    assert (assignment.start_date, assignment.end_date) == (date(2027, 3, 1), date(2027, 3, 31))
    assert assignment.auto_decrement_credit
    assert assignment.position.next_charge_on == date(2027, 3, 1)


def test_a_form_that_changes_nothing_changes_nothing(session):
    assignment = assigned(a_package(), a_customer(), date(2026, 11, 1))
    run()
    version = assignment.version
    make_change(assignment, wanted(assignment, effective_from=TOMORROW), TODAY, by=BEN, now=NOW)
    session.flush()
    assert assignment.version == version


def test_what_has_ended_is_no_longer_changed():
    assignment = assigned(a_package(), a_customer(), date(2026, 10, 1), end_date=date(2026, 11, 10))
    with pytest.raises(RuleBroken, match="It ended on 10 November 2026"):
        make_change(assignment, wanted(assignment, quantity=2), TODAY, by=BEN, now=NOW)


def test_what_an_end_would_bring_is_what_it_brings(session):
    from portal.services.assignments.ending import remaining

    assignment = assigned(a_package(retail="30", proration=Proration.DAILY), a_customer(), date(2026, 11, 1))
    run()
    seen = remaining(assignment, date(2026, 12, 15), TODAY)
    back = remaining(assignment, TODAY, TODAY)
    assert [(told.charge.kind, told.charge.charge_on, told.charge.amount) for told in seen] == [
        ("recurring", date(2026, 12, 1), Decimal("14.52"))
    ]
    assert [(told.charge.kind, told.charge.charge_on, told.charge.amount) for told in back] == [
        ("credit", TOMORROW, Decimal(-8))
    ]
    assert "Ended on 22 Nov" in back[0].why
    end(assignment, TODAY)
    assert run(TOMORROW).charges == 1


def test_an_end_date_set_after_todays_run_is_seen_by_the_next_one_once(session):
    assignment = assigned(a_package(retail="30", proration=Proration.DAILY), a_customer(), date(2026, 11, 1))
    run()
    end(assignment, date(2026, 11, 10))
    assert run().charges == 1
    credit = session.scalars(select(Charge).where(Charge.kind == Kind.CREDIT)).one()
    assert (credit.charge_on, credit.amount) == (TODAY, Decimal(-20))
    assert run().charges == run(TOMORROW).charges == 0
