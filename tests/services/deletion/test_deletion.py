"""Deleting: every row of the table, what is refused with its sentence, and the way out of it."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from portal.domain.errors import CannotDelete
from portal.domain.schedule import Frequency
from portal.domain.terms import Proration
from portal.models import Assignment, BalanceEntry, Call, Did, EntrySource, Package, PaymentBack
from portal.services import credit, deletion
from portal.services.assignments.changing import change_end
from portal.services.charges.by_hand import ManualCharge, charge_manually
from tests.trade import BEN, NOW, TODAY, a_customer, a_did, a_package, assigned, run

pytestmark = pytest.mark.usefixtures("session")
LOCKED_SINCE = date(2026, 12, 22)


def delete(assignment, day=TODAY, **more):
    return deletion.delete_assignment(assignment, day, by=BEN, now=NOW, **more)


def still_there(session, model=Assignment):
    session.flush()
    return len(session.scalars(select(model)).all())


# -- an assignment not started, or started today with nothing posted


def test_an_assignment_that_has_not_started_is_removed_even_while_it_would_be_locked(session):
    assignment = assigned(a_package(minimum_days=60), a_customer(), TODAY + timedelta(1))
    assert deletion.why_not_delete_assignment(assignment, TODAY) is None
    assert delete(assignment) is True
    assert still_there(session) == 0


def test_one_that_started_today_with_nothing_posted_is_removed(session):
    assert delete(assigned(a_package(minimum_days=60), a_customer())) is True
    assert still_there(session) == 0


def test_one_that_started_today_and_was_charged_ends_today(session):
    assignment = assigned(a_package(setup_retail="25"), a_customer())
    run()
    assert delete(assignment) is False
    assert (assignment.end_date, still_there(session)) == (TODAY, 1)


# -- any other assignment


def test_one_that_runs_ends_today_and_keeps_its_charges(session):
    assignment = assigned(a_package(), a_customer(), date(2026, 11, 1))
    run()
    assert delete(assignment) is False
    assert (assignment.end_date, still_there(session)) == (TODAY, 1)


def test_one_that_has_ended_stays_as_it_is():
    assignment = assigned(a_package(), a_customer(), date(2026, 10, 1), end_date=date(2026, 10, 31))
    assert delete(assignment) is False
    assert assignment.end_date == date(2026, 10, 31)


def test_one_that_is_locked_says_until_when_what_falls_due_and_the_way_out():
    assignment = assigned(a_package(retail="10", minimum_days=30), a_customer(), LOCKED_SINCE)
    day = date(2026, 12, 23)
    refusal = deletion.why_not_delete_assignment(assignment, day)
    assert refusal.sentence == (
        "Locked until 21 January 2027 (30 days from 22 December 2026). Its last day can be 20 January 2027."
    )
    assert (refusal.possible_on, list(refusal.blocking)) == (date(2027, 1, 20), [assignment])
    assert [(charge.charge_on, charge.amount) for charge in refusal.falls_due] == [
        (date(2027, 1, 1), Decimal(10))
    ]
    assert refusal.totals["GBP"].total == Decimal(12)
    way_out = refusal.way_out
    assert (way_out.label, way_out.endpoint) == ("End it on 20 January 2027 instead", "assignments.end")
    assert way_out.fields == {"end_date": "2027-01-20", "version": assignment.version}
    with pytest.raises(CannotDelete, match="Locked until 21 January 2027"):
        delete(assignment, day)


@pytest.mark.parametrize(("day", "refused"), [(date(2027, 1, 19), True), (date(2027, 1, 20), False)])
def test_the_last_locked_day_may_be_its_last_day(day, refused):
    assignment = assigned(a_package(minimum_days=30), a_customer(), LOCKED_SINCE)
    run(day)
    assert bool(deletion.why_not_delete_assignment(assignment, day)) is refused
    if not refused:
        delete(assignment, day)
        assert assignment.end_date == day


def test_the_way_out_leads_out():
    assignment = assigned(a_package(minimum_days=30), a_customer(), LOCKED_SINCE)
    day = date(2026, 12, 23)
    fields = deletion.why_not_delete_assignment(assignment, day).way_out.fields
    change_end(assignment, date.fromisoformat(fields["end_date"]), day, by=BEN, now=NOW)
    refusal = deletion.why_not_delete_assignment(assignment, day)
    assert refusal.way_out is None, "it ends there already: nothing more can be done"


def test_editing_the_package_moves_nobodys_lock():
    package = a_package(minimum_days=30)
    assignment = assigned(package, a_customer(), LOCKED_SINCE)
    package.minimum_days = 300
    assert assignment.locked_until == date(2027, 1, 21)


def test_the_owner_overrides_a_lock_with_a_reason_that_is_kept():
    assignment = assigned(a_package(minimum_days=30), a_customer(), date(2026, 11, 10))
    run()
    assert delete(assignment, override_reason="The line was never delivered") is False
    assert (assignment.end_date, assignment.override_reason) == (TODAY, "The line was never delivered")


# -- packages


def test_a_package_that_was_never_assigned_is_removed(session):
    package = a_package()
    assert deletion.why_not_delete_package(package) is None
    deletion.delete_package(package)
    assert still_there(session, Package) == 0


def test_a_package_that_was_ever_assigned_is_archived_instead():
    package, customer = a_package(), a_customer()
    assigned(package, customer)
    refusal = deletion.why_not_delete_package(package)
    assert refusal.sentence == (
        "SIP Trunk 10 was assigned once, so it is needed to explain its charges. Archived, it is no "
        "longer on sale; existing assignments continue."
    )
    assert (refusal.way_out.label, refusal.way_out.endpoint) == ("Archive it instead", "packages.archive")
    with pytest.raises(CannotDelete):
        deletion.delete_package(package)


def test_archiving_a_package_is_never_refused_and_who_has_it_is_charged():
    package = a_package()
    assigned(package, a_customer(), date(2026, 11, 1))
    deletion.archive_package(package, TODAY)
    assert (package.archived_on, run().charges) == (TODAY, 1)


# -- DIDs


def test_a_did_with_an_assignment_that_has_not_ended_stays_with_its_customer():
    customer = a_customer()
    did = a_did(customer)
    assignment = assigned(a_package(), customer, date(2026, 11, 1), did=did)
    run()
    refusal = deletion.why_not_release_did(did, TODAY)
    assert (
        "still has SIP Trunk 10. The first day on which it is possible is 23 November 2026."
        in refusal.sentence
    )
    assert (refusal.possible_on, refusal.way_out.label) == (
        TODAY + timedelta(1),
        "End SIP Trunk 10 on 22 November 2026",
    )
    assert refusal.way_out.values == {"assignment_id": assignment.id}
    with pytest.raises(CannotDelete):
        deletion.release_did(did, TODAY)


def test_a_did_with_a_locked_assignment_says_until_when():
    customer = a_customer()
    did = a_did(customer)
    assigned(a_package(retail="10", minimum_days=30), customer, date(2026, 11, 10), did=did)
    run()
    refusal = deletion.why_not_release_did(did, TODAY)
    assert "SIP Trunk 10 (locked until 10 December 2026)" in refusal.sentence
    assert refusal.possible_on == date(2026, 12, 10)
    assert [charge.charge_on for charge in refusal.falls_due] == [date(2026, 12, 1)]


def test_a_did_is_released_once_its_assignment_has_ended_and_nothing_is_due(session):
    customer = a_customer()
    did = a_did(customer)
    assigned(a_package(), customer, date(2026, 11, 1), did=did, end_date=date(2026, 11, 21))
    refusal = deletion.why_not_release_did(did, TODAY)
    assert "(ended, with charges still to be posted)" in refusal.sentence
    run()
    deletion.release_did(did, TODAY)
    assert did.customer is None


def test_a_did_with_a_customer_is_not_deleted_but_returned_to_stock():
    did = a_did(a_customer())
    refusal = deletion.why_not_delete_did(did, TODAY)
    assert "is with Northwind Telecom. Only a DID in stock can be deleted." in refusal.sentence
    assert (refusal.way_out.label, refusal.way_out.endpoint) == ("Return it to stock", "dids.release")


def test_a_did_in_stock_is_removed_or_archived_where_it_was_ever_used(session):
    customer = a_customer()
    unused, used, called = a_did(None), a_did(customer, "+442079460124"), a_did(None, "+442079460125")
    assigned(a_package(), customer, date(2026, 11, 1), did=used, end_date=date(2026, 11, 21))
    run()
    deletion.release_did(used, TODAY)
    session.add(
        Call(
            customer_id=customer.id,
            call_id="1",
            did_id=called.id,
            day=TODAY,
            came_in_on=TODAY,
            amount=Decimal(1),
        )
    )
    session.flush()
    assert deletion.delete_did(unused, TODAY) is True
    assert deletion.delete_did(used, TODAY) is False
    assert deletion.delete_did(called, TODAY) is False
    assert (used.archived_on, called.archived_on, still_there(session, Did)) == (TODAY, TODAY, 2)


# -- customers


def test_a_customer_with_open_assignments_says_which_and_from_when():
    customer = a_customer()
    for name in "Seat", "Trunk", "Fax", "Recording":
        assigned(a_package(name), customer, date(2026, 11, 1))
    run()
    refusal = deletion.why_not_archive_customer(customer, TODAY)
    assert refusal.sentence == (
        "Northwind Telecom still has Seat, Trunk, Fax and 1 more. "
        "The first day on which it is possible is 23 November 2026."
    )
    assert (refusal.blocking_count, refusal.possible_on) == (4, TODAY + timedelta(1))


def test_every_assignment_in_the_way_counts_also_those_that_are_not_named():
    customer, ordinary = a_customer(), a_package("Seat")
    for _ in range(deletion.NAMED):
        assigned(ordinary, customer, date(2026, 11, 1))
    assigned(a_package("Fax", minimum_days=90), customer, date(2026, 11, 1))
    run()
    refusal = deletion.why_not_archive_customer(customer, TODAY)
    assert (refusal.blocking_count, len(refusal.blocking)) == (21, 20)
    assert refusal.possible_on == date(2027, 1, 30), "the last one is locked until then"
    assert [charge.charge_on for charge in refusal.falls_due] == [date(2026, 12, 1), date(2027, 1, 1)]


def test_several_that_have_not_started_are_removed_together():
    customer = a_customer()
    both = [assigned(a_package(name), customer, date(2027, 3, 1)) for name in ("Seat", "Fax")]
    way = deletion.why_not_archive_customer(customer, TODAY).way_out
    assert (way.label, way.endpoint) == ("Remove 2 assignments", "assignments.remove_many")
    assert way.fields == {"ids": ",".join(str(one.id) for one in both)}


def test_what_has_not_started_is_removed_and_holds_up_nothing(session):
    customer = a_customer()
    assignment = assigned(a_package("Seat", minimum_days=90), customer, date(2027, 3, 1))
    refusal = deletion.why_not_archive_customer(customer, TODAY)
    assert refusal.sentence == (
        "Northwind Telecom still has Seat (from 1 March 2027). "
        "It is possible today, once these are removed or posted."
    )
    assert refusal.possible_on == TODAY
    assert (refusal.way_out.label, refusal.way_out.endpoint) == ("Remove Seat", "assignments.delete")
    assert refusal.falls_due == []
    delete(assignment)
    assert deletion.why_not_archive_customer(customer, TODAY) is None


def test_a_minimum_spend_holds_up_until_its_last_calls_have_come_in():
    customer = a_customer()
    assigned(a_package("Minimum", minimum_spend=True), customer, date(2026, 11, 1), end_date=TODAY)
    run()
    refusal = deletion.why_not_archive_customer(customer, TODAY)
    assert refusal.possible_on == date(2026, 11, 24), "one day after its last, and Usage Wait Days are 1"
    assert [(c.charge_on, c.days) for c in refusal.falls_due] == [(date(2026, 11, 23), 22)]


def test_what_ended_with_charges_still_to_be_posted_leads_to_a_run():
    customer = a_customer()
    assigned(a_package(), customer, date(2026, 10, 1), end_date=date(2026, 11, 21))
    refusal = deletion.why_not_archive_customer(customer, TODAY)
    assert refusal.possible_on == TODAY
    assert (refusal.way_out.label, refusal.way_out.endpoint) == ("Post what is due", "runs.new")
    assert refusal.way_out.values == {"customer_id": customer.id}


def test_what_falls_due_until_then_is_charged_by_days_where_the_package_is():
    package = a_package(retail="31", minimum_days=30, proration=Proration.DAILY)
    assignment = assigned(package, a_customer(), LOCKED_SINCE)
    day = date(2026, 12, 23)
    run(day)
    refusal = deletion.why_not_delete_assignment(assignment, day)
    assert [(c.charge_on, c.amount) for c in refusal.falls_due] == [(date(2027, 1, 1), Decimal(20))]


def test_a_customer_with_a_credit_still_to_come_is_not_closed_before_it_is_posted():
    customer = a_customer()
    assignment = assigned(a_package(proration=Proration.DAILY), customer, date(2026, 11, 1))
    run()
    change_end(assignment, TODAY, TODAY, by=BEN, now=NOW)
    tomorrow = TODAY + timedelta(1)
    assert (
        "ended, with charges still to be posted"
        in deletion.why_not_archive_customer(customer, tomorrow).sentence
    )
    run(tomorrow)
    assert "to pay" in deletion.why_not_archive_customer(customer, tomorrow).sentence


def test_a_customer_who_has_something_to_pay_is_not_closed():
    customer = a_customer()
    assigned(a_package(frequency=Frequency.NONE, match=()), customer, end_date=TODAY)
    run()
    refusal = deletion.why_not_archive_customer(customer, TODAY + timedelta(1))
    assert refusal.sentence == "Northwind Telecom still has 29.40 GBP to pay."
    assert refusal.way_out.endpoint == "credit.show"


def test_a_customer_whose_balance_is_not_zero_is_not_closed(session):
    customer = a_customer()
    session.add(
        BalanceEntry(
            customer_id=customer.id, source=EntrySource.CHARGE, made_on=TODAY, for_day=TODAY, amount=Decimal("-5.5"),
            made_at=NOW,
        )
    )  # fmt: skip
    session.flush()
    refusal = deletion.why_not_archive_customer(customer, TODAY)
    assert refusal.sentence == "The balance of Northwind Telecom is −5.50 GBP, not zero."
    assert refusal.way_out.endpoint == "credit.new_adjustment"


def test_a_customer_with_nothing_open_is_archived_and_comes_back():
    customer = a_customer()
    deletion.archive_customer(customer, TODAY)
    assert customer.archived_on == TODAY
    deletion.restore_customer(customer)
    assert customer.archived_on is None


def test_what_is_open_of_a_customer_leads_to_what_closes_it(session):
    customer = a_customer(tax_rate="0")
    asked = ManualCharge(customer, TODAY, Decimal(10), Decimal(0), "Visit")
    charge_manually(asked, token="c", today=TODAY, by=BEN, now=NOW)
    refusal = deletion.why_not_archive_customer(customer, TODAY)
    assert (refusal.way_out.endpoint, refusal.way_out.values["_anchor"]) == ("credit.show", "open")
    credit.adjust(customer, Decimal(15), TODAY, "Found", token="a", today=TODAY, by=BEN, now=NOW)
    refusal = deletion.why_not_archive_customer(customer, TODAY)
    assert [refusal.way_out.endpoint, *(other.way_out.endpoint for other in refusal.others)] == [
        "credit.pay_from_balance", "payments_back.new",
    ]  # fmt: skip
    credit.pay_from_balance(customer, today=TODAY, by=BEN, now=NOW)
    back = PaymentBack(
        token="b",
        customer=customer,
        paid_on=TODAY,
        amount=Decimal(5),
        method="cash",
        created_at=NOW,
        created_by=BEN,
    )
    credit.pay_back(back, TODAY, now=NOW)
    assert deletion.why_not_archive_customer(customer, TODAY) is None


def test_all_that_stands_in_the_way_of_archiving_is_told_at_once(session):
    customer = a_customer()
    assigned(a_package(frequency=Frequency.NONE, match=()), customer, end_date=TODAY)
    run()
    for name, days in ("Seat", 0), ("Fax", 90):
        assigned(a_package(name, minimum_days=days), customer, date(2026, 11, 1))
    session.add(
        BalanceEntry(
            customer_id=customer.id, source=EntrySource.CHARGE, made_on=TODAY, for_day=TODAY, amount=Decimal("-5.5"),
            made_at=NOW,
        )
    )  # fmt: skip
    run()
    refusal = deletion.why_not_archive_customer(customer, TODAY + timedelta(1))
    told = [refusal.sentence, *(reason.sentence for reason in refusal.others)]
    assert [part in sentence for part, sentence in zip(("still has Seat", "to pay", "balance"), told, strict=True)] == [
        True, True, True,
    ]  # fmt: skip
    assert (refusal.way_out.label, refusal.way_out.endpoint) == ("End 2 assignments", "assignments.end_many")
    assert refusal.way_out.fields["end_date"] == "2027-01-29", "the first day on which both may end"
    with pytest.raises(deletion.Refused, match=r"still has Seat.* to pay.* balance"):
        deletion.archive_customer(customer, TODAY + timedelta(1))
