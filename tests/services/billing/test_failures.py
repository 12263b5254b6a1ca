"""One assignment that cannot be worked out, for whatever reason, stops no other and is told by its number."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from portal.domain.schedule import Frequency
from portal.extensions import db
from portal.models import (
    Assignment,
    AssignmentPosition,
    Charge,
    Company,
    Notice,
    Outcome,
    PackagePrice,
    RunException,
    RunState,
)
from portal.services import deletion, notices
from portal.services.assignments import ending, waiting
from portal.services.assignments.bundles import free_minutes
from portal.services.assignments.changing import change_quantity
from portal.services.assignments.ending import Over
from portal.services.assignments.lists import listed
from portal.services.assignments.story import story_of
from portal.services.billing.failures import Failed
from portal.services.billing.minimums import minimums
from portal.services.billing.planning import upcoming as preview
from portal.services.billing.positions import find_next
from portal.services.customers.figures import next_charges
from portal.services.overview import due
from portal.services.overview.remembering import Reading
from portal.services.runs import runs
from portal.services.runs.differences import differences
from portal.services.runs.upcoming import upcoming
from tests.breaking import TOO_LARGE, WAYS, break_one
from tests.trade import NOW, TODAY, a_customer, a_package, assigned, run

pytestmark = pytest.mark.slow

BEGUN = date(2026, 11, 1)
EVERY_WAY = pytest.mark.parametrize("how", WAYS)


@pytest.fixture
def trade(session):
    """Ten customers with a package each, and among them one whose assignment is about to break."""
    fine = a_package("Hosted PBX", "10")
    bad = a_package("SIP Trunk", "50", frequency=Frequency.MONTHLY, match=(1,))
    others = [assigned(fine, a_customer(f"Customer {n}"), BEGUN) for n in range(10)]
    broken = assigned(bad, a_customer("Broken Ltd"), BEGUN)
    others += [assigned(fine, a_customer(f"Customer {n}"), BEGUN) for n in range(10, 14)]
    db.session.commit()
    return broken, others


def a_run(through=TODAY, **asked):
    """A run carried out to its end, in chunks that hold some of both."""
    begun = runs.start(through, today=TODAY, by="ben", now=NOW, simulate=False, **asked)
    db.session.commit()
    return runs.carry_out(begun.id, TODAY, lambda: NOW, 8)


def a_simulation(through=TODAY):
    begun = runs.start(through, today=TODAY, by="ben", now=NOW, simulate=True)
    db.session.commit()
    return runs.carry_out(begun.id, TODAY, lambda: NOW, 8)


def told(run):
    """What a run's report says of what failed."""
    query = select(RunException).where(RunException.run_id == run.id, RunException.outcome == Outcome.FAILED)
    return [(row.assignment_id, row.sentence) for row in db.session.scalars(query)]


@EVERY_WAY
def test_a_run_charges_everybody_else_and_names_it(trade, how, caplog):
    broken, others = trade
    way, reason = WAYS[how]
    break_one(broken, way)
    done = a_run()
    ((number, sentence),) = told(done)
    assert done.state == RunState.DONE and done.failed_count == 1
    assert number == broken.id
    assert sentence.startswith(f"Assignment {broken.id} (SIP Trunk, Broken Ltd) cannot be worked out: ")
    assert reason in sentence and sentence.endswith("It is not charged until this is corrected.")
    charged = set(db.session.scalars(select(Charge.assignment_id)))
    assert charged == {other.id for other in others}
    (record,) = [record for record in caplog.records if record.name == "portal.billing"][:1]
    assert record.exc_info and str(broken.id) in record.getMessage()


@EVERY_WAY
def test_a_simulation_shows_everybody_else_and_can_be_posted(trade, how):
    broken, others = trade
    break_one(broken, WAYS[how][0])
    simulation = a_simulation()
    assert [number for number, _ in told(simulation)] == [broken.id]
    assert (simulation.failed_count, simulation.charge_count) == (1, len(others))
    assert differences(simulation, TODAY).fingerprint == simulation.fingerprint
    posted = a_run(simulation_id=simulation.id, seen=simulation.fingerprint)
    assert (posted.state, posted.failed_count, posted.charge_count) == (RunState.DONE, 1, len(others))


@EVERY_WAY
def test_whatever_looks_ahead_shows_everybody_else_and_names_it(trade, how):
    broken, others = trade
    break_one(broken, WAYS[how][0])
    has_position = db.session.get(AssignmentPosition, broken.id) is not None
    expected = [broken.id] if has_position else []
    plan = preview(BEGUN, date(2027, 1, 31), TODAY)
    assert {charge.assignment_id for charge in plan.charges} == {other.id for other in others}
    assert [failed.assignment_id for failed in plan.failed] == [broken.id]
    page = upcoming(BEGUN, date(2027, 1, 31), TODAY)
    assert [failed.assignment_id for failed in page.failed] == expected
    assert {line.assignment_id for line in page.lines} == {other.id for other in others}
    overview = due.due(Reading(TODAY))
    assert [failed.assignment_id for failed in overview.failed] == expected
    assert overview.now == len(others)
    coming = next_charges(TODAY, 10, customer_id=broken.customer_id)
    assert [failed.assignment_id for failed in coming.failed] == expected
    rows = listed([broken, *others], TODAY)
    assert [row.failed is not None for row in rows] == [True] + [False] * len(others)
    assert all(row.next_charge for row in rows[1:])
    assert [failed.assignment_id for failed in story_of(broken, TODAY).plan.failed] == [broken.id]
    assert minimums(broken.customer_id, TODAY) == [] and free_minutes(broken.customer_id, TODAY) == []


@EVERY_WAY
def test_what_refuses_or_ends_it_still_answers(trade, how):
    broken, _ = trade
    break_one(broken, WAYS[how][0])
    refusal = deletion.why_not_archive_customer(broken.customer, TODAY)
    assert refusal and [failed.assignment_id for failed in refusal.failed] == [broken.id]
    assert isinstance(ending.remaining(broken, TODAY, TODAY), Failed)
    assert deletion.why_not_delete_assignment(broken, TODAY) is None
    assert waiting.waiting(broken, 5, date(2026, 12, 1), TODAY) is None


def test_a_locked_one_that_cannot_be_worked_out_is_refused_anyway(session):
    locked = assigned(a_package(minimum_days=90), a_customer(), BEGUN)
    break_one(locked, WAYS["no prices"][0])
    refusal = deletion.why_not_delete_assignment(locked, TODAY)
    assert refusal and refusal.sentence.startswith("Locked until")
    assert [failed.assignment_id for failed in refusal.failed] == [locked.id]


@EVERY_WAY
def test_everybody_else_is_announced_to(trade, how):
    broken, others = trade
    db.session.get_one(Company, 1).notification_days = 10
    break_one(broken, WAYS[how][0])
    day = date(2026, 11, 25)
    assert sum(notices.announce(ids, day, NOW) for ids in notices.to_announce(day)) == len(others)
    assert broken.id not in set(db.session.scalars(select(Notice.assignment_id)))


def test_a_line_that_the_database_cannot_hold_fails_alone(trade):
    broken, others = trade
    break_one(broken, TOO_LARGE)
    simulation = a_simulation()
    assert (simulation.failed_count, simulation.charge_count) == (1, len(others))
    posted = a_run()
    assert [number for number, _ in told(posted)] == [broken.id]
    assert set(db.session.scalars(select(Charge.assignment_id))) == {other.id for other in others}


def test_put_right_it_is_charged_as_if_nothing_had_been(trade):
    broken, _ = trade
    package = broken.package
    break_one(broken, WAYS["no prices"][0])
    a_run()
    package.prices.append(PackagePrice(currency="GBP", cost=Decimal(10), retail=Decimal(50)))
    done = a_run()
    mine = select(Charge).where(Charge.assignment_id == broken.id)
    assert (done.failed_count, done.charge_count) == (0, 1)
    assert db.session.scalars(mine).one().amount == Decimal(50)


def test_a_simulation_that_failed_for_it_is_out_of_date_once_it_is_put_right(trade):
    """The charges that nobody saw are posted by nobody who posts what was seen."""
    broken, _ = trade
    package = broken.package
    break_one(broken, WAYS["no prices"][0])
    simulation = a_simulation()
    package.prices.append(PackagePrice(currency="GBP", cost=Decimal(10), retail=Decimal(50)))
    db.session.commit()
    refused = a_run(simulation_id=simulation.id, seen=simulation.fingerprint)
    assert refused.state == RunState.REFUSED
    assert db.session.scalar(select(func.count(Charge.id))) == 0


def test_a_simulation_that_showed_it_is_out_of_date_once_it_cannot_be_worked_out(trade):
    broken, _ = trade
    simulation = a_simulation()
    break_one(broken, WAYS["no prices"][0])
    refused = a_run(simulation_id=simulation.id, seen=simulation.fingerprint)
    assert refused.state == RunState.REFUSED
    changed = select(RunException.sentence).where(RunException.run_id == refused.id)
    assert any("cannot be worked out" in sentence for sentence in db.session.scalars(changed))


def test_an_assignment_removed_while_a_run_is_at_it_has_not_failed(trade):
    _, others = trade
    gone = others[0].id
    db.session.delete(others[0])
    db.session.commit()
    assert list(ending.over_each({gone: TODAY}, TODAY)) == []


def test_a_database_that_does_not_answer_is_no_fault_of_one_assignment(trade, monkeypatch):
    """Then the run stops, and is taken up later: nobody is reported as failed for it."""
    from sqlalchemy.exc import OperationalError

    def gone(*_):
        raise OperationalError("select", {}, Exception("gone"))

    monkeypatch.setattr("portal.services.billing.failures.load", gone)
    with pytest.raises(OperationalError):
        preview(BEGUN, TODAY, TODAY)


def test_two_broken_ones_are_told_in_the_order_of_their_numbers(trade):
    broken, others = trade
    break_one(broken, WAYS["no quantity"][0])
    break_one(others[3], WAYS["no quantity"][0])
    plan = preview(BEGUN, TODAY, TODAY)
    assert [failed.assignment_id for failed in plan.failed] == sorted([broken.id, others[3].id])
    over = ending.over_each({a.id: TODAY for a in [broken, *others]}, TODAY)
    assert sum(isinstance(item, Over) for item in over) == len(others) - 1


def test_a_quantity_that_was_lost_is_given_again(trade):
    broken, _ = trade
    break_one(broken, WAYS["no quantity"][0])
    change_quantity(broken, 3, TODAY, TODAY)
    find_next(broken, TODAY)
    assert a_run().failed_count == 0
    assert db.session.scalars(select(Charge).where(Charge.assignment_id == broken.id)).one().quantity == 3


def test_a_change_of_one_that_cannot_be_worked_out_leaves_it_due_so_that_a_run_says_so(trade):
    broken, _ = trade
    run()
    break_one(broken, WAYS["no prices"][0])
    find_next(db.session.get_one(Assignment, broken.id), TODAY)
    assert [number for number, _ in told(a_run())] == [broken.id]
