"""Assigning to many, ending many and archiving many are each undone in one act; what cannot be is left and named."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from portal.domain.errors import Invalid, RuleBroken
from portal.domain.terms import Proration
from portal.extensions import db
from portal.models import Assignment, BulkAct, BulkKind, Call, CallCover, Charge, Package, counts_as_posted
from portal.services import bulk_acts, credit, deletion
from portal.services.assignments.assigning_many import Wish, assign_many, sort_out
from portal.services.assignments.changing import change_end
from portal.services.assignments.ending_many import end_many
from portal.services.assignments.lists import State, state_on
from portal.services.billing.planning import due_ids
from portal.services.calls.effects import settle
from portal.services.charges.by_hand import reverse
from portal.services.deletion.undoing_many import undo_act
from portal.services.runs import runs, undoing
from tests.trade import BEN, NOW, TODAY, a_customer, a_did, a_package, assigned

pytestmark = pytest.mark.usefixtures("session")
NOVEMBER = date(2026, 11, 1)
ONE_DAY = timedelta(days=1)


@pytest.fixture
def acme(session):
    return a_customer("Acme", tax_rate="0")


@pytest.fixture
def trunk(session):
    return a_package(retail="100", minimum_days=90, proration=Proration.DAILY)


def given(package, customer, count=3, start=NOVEMBER, **wish):
    """The package on so many DIDs of a customer, assigned in one act."""
    dids = [a_did(customer, f"+4420794601{number:02}") for number in range(count)]
    found = sort_out(Wish(package, 1, start, **wish), dids)
    made = assign_many(found.done, token=f"many-{start}", by=BEN, now=NOW)
    db.session.commit()
    return [one.id for one in made]


def a_run(day=TODAY):
    run = runs.start(day, simulate=False, today=day, by=BEN, now=NOW)
    db.session.commit()
    return runs.carry_out(run.id, day, lambda: NOW)


def undone(kind, id, day=TODAY):
    act = bulk_acts.of_thing(kind, id)
    found = undo_act(act, day, by=BEN, now=NOW)
    db.session.commit()
    db.session.expire_all()
    return found


def the_assignments():
    return db.session.scalars(select(Assignment).order_by(Assignment.id)).all()


def counting():
    return db.session.scalar(select(func.count(Charge.id)).where(counts_as_posted()))


def test_what_was_not_charged_is_removed_whatever_its_lock_and_its_start(acme, trunk):
    ids = given(trunk, acme)
    assert len(undone(BulkKind.ASSIGNED, ids[0]).done) == 3
    assert the_assignments() == []
    assert deletion.why_not_delete_package(db.session.get(Package, trunk.id)) is None


def test_what_was_charged_is_withdrawn_with_what_was_paid_of_it(acme, trunk):
    ids = given(trunk, acme, auto_decrement_credit=True)
    a_run()
    assert credit.balance_of(acme.id) == -300
    assert len(undone(BulkKind.ASSIGNED, ids[0]).done) == 3
    assert (credit.balance_of(acme.id), counting(), due_ids(TODAY + 400 * ONE_DAY)) == (0, 0, [])
    for one in the_assignments():
        assert (state_on(one, TODAY), one.withdrawn_on, one.locked_until) == (State.WITHDRAWN, TODAY, None)
    assert a_run(TODAY + 40 * ONE_DAY).charge_count == 0
    assert deletion.why_not_archive_customer(acme, TODAY) is None


def test_a_run_whose_assignments_were_withdrawn_has_nothing_of_them_left_to_undo(acme, trunk):
    ids = given(trunk, acme)
    run = a_run()
    undone(BulkKind.ASSIGNED, ids[0])
    assert not undoing.has_something_to_undo(run)


def test_one_that_starts_later_is_over_too_once_it_is_withdrawn(acme, trunk):
    ids = given(trunk, acme, start=TODAY)
    undoing.carry_out_undoing(
        undoing.start_undoing(a_run(), "Wrong.", by=BEN, now=NOW).id, TODAY, lambda: NOW
    )
    one = db.session.get(Assignment, ids[0])
    # Removing by hand, where section 7 would remove it, withdraws what undone lines name.
    assert deletion.delete_assignment(one, TODAY, by=BEN, now=NOW)
    db.session.commit()
    assert db.session.get(Assignment, ids[0]).withdrawn_on == TODAY
    with pytest.raises(Invalid, match="was withdrawn on"):
        change_end(db.session.get(Assignment, ids[0]), TODAY, TODAY, by=BEN, now=NOW)


def test_the_package_can_be_given_again_to_those_from_whom_it_was_withdrawn(acme, trunk):
    ids = given(trunk, acme)
    a_run()
    undone(BulkKind.ASSIGNED, ids[0])
    dids = [one.did for one in the_assignments()]
    assert len(sort_out(Wish(trunk, 1, NOVEMBER), dids).done) == 3


def test_what_cannot_be_undone_is_left_and_named_and_can_be_undone_later(acme, trunk):
    ids = given(trunk, acme)
    a_run()
    charge = db.session.scalars(select(Charge).where(Charge.assignment_id == ids[1])).first()
    reverse(charge, "No.", today=TODAY, by=BEN, now=NOW)
    found = undone(BulkKind.ASSIGNED, ids[0])
    assert [(it.thing.id, it.reason) for it in found.refused] == [
        (ids[1], "A charge of it was reversed by hand.")
    ]
    act = db.session.scalars(select(BulkAct)).one()
    assert bulk_acts.that_can_be_undone([act.id]) == {act.id}
    assert [one.withdrawn_on for one in the_assignments()] == [TODAY, None, TODAY]


def test_calls_that_its_minutes_covered_cost_again_what_they_cost(acme):
    bundle = a_package("Bundle", "9", minutes=True)
    ids = given(bundle, acme, minutes=60)
    did = db.session.get(Assignment, ids[0]).did
    call = Call(
        customer_id=acme.id, call_id="one", did_id=did.id, day=TODAY, seconds=60, amount=Decimal(3),
        started_at=datetime(2026, 11, 22, 9, tzinfo=UTC), destination="442079460999", came_in_on=TODAY,
    )  # fmt: skip
    db.session.add(call)
    db.session.flush()
    settle({acme.id: TODAY}, TODAY, NOW)
    assert (call.spend, credit.balance_of(acme.id)) == (0, 0)
    undone(BulkKind.ASSIGNED, ids[0])
    assert (db.session.get(Call, call.id).spend, credit.balance_of(acme.id)) == (3, -3)
    assert db.session.scalars(select(CallCover)).all() == the_assignments() == []


def test_an_act_is_undone_once(acme, trunk):
    ids = given(trunk, acme)
    act = bulk_acts.of_thing(BulkKind.ASSIGNED, ids[0])
    undo_act(act, TODAY, by=BEN, now=NOW)
    with pytest.raises(RuleBroken, match="undone already"):
        undo_act(act, TODAY, by=BEN, now=NOW)


# -- ending and archiving


@pytest.fixture
def lines(acme):
    """Three assignments, charged since November."""
    ids = given(a_package(retail="100", proration=Proration.DAILY), acme)
    a_run()
    return ids


def ended(ids, end_date=TODAY, day=TODAY):
    made = end_many([db.session.get(Assignment, id) for id in ids], end_date, day, by=BEN, now=NOW)
    db.session.commit()
    return made


def test_ending_many_is_undone_and_leaves_no_trace_in_what_is_charged(acme, lines):
    change_end(db.session.get(Assignment, lines[0]), TODAY + 60 * ONE_DAY, TODAY, by=BEN, now=NOW)
    db.session.commit()
    before = [(one.end_date, one.position.next_charge_on) for one in the_assignments()]
    ended(lines, TODAY + 3 * ONE_DAY)
    assert len(undone(BulkKind.ENDED, lines[0]).done) == 3
    assert [(one.end_date, one.position.next_charge_on) for one in the_assignments()] == before
    assert [len(one.ends) for one in the_assignments()] == [2, 1, 1]
    assert a_run(TODAY + 5 * ONE_DAY).charge_count == 0
    assert a_run(date(2026, 12, 1)).charge_count == 3


def test_what_a_run_has_passed_posted_or_somebody_changed_keeps_its_end(acme, lines):
    ended(lines)
    change_end(db.session.get(Assignment, lines[0]), TODAY + 9 * ONE_DAY, TODAY, by=BEN, now=NOW)
    db.session.commit()
    a_run(TODAY + ONE_DAY)
    found = undone(BulkKind.ENDED, lines[0], TODAY + ONE_DAY)
    assert [it.reason for it in found.refused] == [
        "Its end date was changed since.",
        "Something was posted for it since.",
        "Something was posted for it since.",
    ]


def test_one_whose_package_was_assigned_again_keeps_its_end(acme, lines):
    ended(lines)
    one = db.session.get(Assignment, lines[0])
    again = assigned(one.package, acme, TODAY + ONE_DAY, did=one.did)
    again.created_at = NOW + timedelta(hours=1)
    db.session.commit()
    found = undone(BulkKind.ENDED, lines[0])
    assert [(it.thing.id, it.reason) for it in found.refused] == [
        (lines[0], "The package was assigned again since.")
    ]


def test_archiving_many_is_undone_for_those_that_were_on_sale(session):
    one, two, gone = (a_package(name) for name in ("One", "Two", "Gone"))
    gone.archived_on = TODAY - ONE_DAY
    db.session.flush()
    deletion.archive_packages([one, two, gone], TODAY, by=BEN, now=NOW)
    deletion.restore_package(two)
    deletion.archive_package(two, TODAY + ONE_DAY)
    assert undone(BulkKind.ARCHIVED, one.id, TODAY + ONE_DAY).done == [one.id]
    assert [db.session.get(Package, package.id).archived_on for package in (one, two, gone)] == [
        None, TODAY + ONE_DAY, TODAY - ONE_DAY,
    ]  # fmt: skip
