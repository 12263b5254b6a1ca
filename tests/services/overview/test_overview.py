"""What the owner reads on the overview is what the pages and the runs say, on both databases."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import count
from time import sleep
from zoneinfo import ZoneInfo

import pytest

from portal.domain.due import Kind
from portal.domain.schedule import Frequency
from portal.models import CallImport, Charge, ImportState, Mail, MailState, Run, RunState
from portal.services.assignments.changing import change_quantity
from portal.services.charges import by_hand
from portal.services.overview import due, history, recurring, remembering, watch
from portal.services.overview.refreshing import refresh
from portal.services.overview.remembering import Reading
from portal.services.packages import figures as package_figures
from portal.services.packages.changes import make_change, plan_change
from portal.services.packages.definition import PriceSet, definition_of
from portal.services.runs import runs
from portal.services.runs.upcoming import upcoming
from tests.trade import BEN, NOW, TODAY, a_customer, a_package, assigned, run

pytestmark = pytest.mark.usefixtures("session")

DAY = timedelta(days=1)
MONTH_AGO = TODAY - timedelta(days=31)


def recurs(currency="GBP"):
    return next((row for row in recurring.recurring(Reading(TODAY)) if row.currency == currency), None)


def past(currency):
    return history.history(currency, TODAY, history.charged(TODAY))


# -- what recurs


def test_what_recurs_is_what_the_packages_pages_add_up_to():
    monthly = a_package(retail="24.50", cost="10")
    weekly = a_package("Lookup", "4.75", cost="1.90", frequency=Frequency.WEEKLY, match=(1, 4))
    yearly = a_package("Gold", "361", cost="120", frequency=Frequency.YEARLY, match=())
    customer, other = a_customer(), a_customer("Globex")
    for package, quantity in ((monthly, 3), (weekly, 1), (yearly, 1)):
        assigned(package, customer, quantity=quantity)
    assigned(monthly, other)
    pages = [package_figures.monthly(package, TODAY)[0] for package in (monthly, weekly, yearly)]
    found = recurs()
    assert (found.retail, found.cost) == (sum(p.retail for p in pages), sum(p.cost for p in pages))
    assert found.assignments == 4
    assert found.margin == found.retail - found.cost
    assert found.margin_rate == round(100 * found.margin / found.retail)


def test_what_is_charged_once_has_ended_or_begins_later_does_not_recur():
    customer = a_customer()
    assigned(a_package("Phone", frequency=Frequency.NONE, match=()), customer)
    assigned(a_package(), customer, TODAY - 40 * DAY, end_date=TODAY - DAY)
    assigned(a_package(), customer, TODAY + DAY)
    assert recurs() is None


def test_a_new_quantity_recurs_from_its_day_on():
    assignment = assigned(a_package(retail="10"), a_customer(), MONTH_AGO)
    run()
    change_quantity(assignment, 5, TODAY + DAY, TODAY)
    assert recurs().retail == Decimal("10.00")
    (tomorrow,) = recurring.recurring(Reading(TODAY + DAY))
    assert tomorrow.retail == Decimal("50.00")


def test_currencies_are_never_added_up():
    package = a_package(currencies=("GBP", "JPY"), retail="2400", cost="1000")
    assigned(package, a_customer())
    assigned(package, a_customer("Sakurame", "JPY"))
    assert {row.currency: row.retail for row in recurring.recurring(Reading(TODAY))} == {
        "GBP": Decimal(2400),
        "JPY": Decimal(2400),
    }


# -- what falls due


def some_due():
    """Charges overdue, due today, in two weeks, and a minimum spend that still runs."""
    customer = a_customer()
    assigned(a_package("Anchored", "3", match=()), customer, TODAY - 3 * DAY)
    assigned(a_package("Phone", "89", frequency=Frequency.NONE, match=()), customer)
    assigned(a_package("Matched", "8", match=(1, 15)), customer)
    assigned(a_package("Commitment", "50", match=(1,), minimum_spend=True), customer, TODAY.replace(day=1))


def test_what_falls_due_is_what_the_list_of_upcoming_charges_says():
    some_due()
    found = due.due(Reading(TODAY))
    days = {day.on: day.amount for day in found.days("GBP") if day.count}
    listed = upcoming(TODAY, found.through, TODAY)
    expected = {day.on: day.totals["GBP"].amount for day in listed.days}
    expected[TODAY] = expected.get(TODAY, 0) + Decimal("3.00")  # what is overdue stands under today
    assert days == expected
    assert found.is_whole


def test_as_many_charges_are_announced_as_a_run_then_posts():
    some_due()
    assert due.due(Reading(TODAY)).now == 2
    assert run().charges == 2
    assert due.due(Reading(TODAY)).now == 0


def test_a_minimum_spend_that_still_runs_is_told_apart():
    some_due()
    (first,) = [day for day in due.due(Reading(TODAY)).days("GBP") if day.at_most]
    assert (first.on, first.at_most, first.amount) == (
        TODAY.replace(month=12, day=1),
        Decimal(50),
        Decimal(58),
    )


def test_every_day_of_the_next_thirty_is_there():
    found = list(due.due(Reading(TODAY)).days("GBP"))
    assert [day.on for day in found] == [TODAY + n * DAY for n in range(30)]
    assert {day.count for day in found} == {0}


def test_of_too_many_assignments_the_days_that_fit_are_told(monkeypatch):
    package, customer = a_package("Anchored", "3", match=()), a_customer()
    for days in range(6):
        assigned(package, customer, TODAY + days * DAY)
    monkeypatch.setattr(due, "ASSIGNMENTS_MOST", 4)
    found = due.due(Reading(TODAY))
    assert not found.is_whole
    assert [day.amount for day in found.days("GBP")] == [Decimal(3)] * len(list(found.days("GBP")))
    assert TODAY <= found.through < TODAY + 4 * DAY
    monkeypatch.setattr(due, "ASSIGNMENTS_MOST", 0)
    assert list(due.due(Reading(TODAY)).days("GBP")) == []


def test_what_is_held_is_not_announced():
    assigned(a_package("Daily", "1", frequency=Frequency.DAILY, match=()), a_customer(), TODAY - 60 * DAY)
    found = due.due(Reading(TODAY))
    assert (found.now, found.held) == (0, 1)


# -- what came in


def test_a_month_has_what_recurred_in_it_and_what_was_charged_once():
    customer = a_customer()
    assigned(a_package(retail="24.50", cost="10"), customer, TODAY.replace(month=9, day=1))
    assigned(a_package("Phone", "89", cost="62", frequency=Frequency.NONE, match=()), customer)
    run()
    asked = by_hand.ManualCharge(customer, TODAY, Decimal(-5), Decimal(0), "Goodwill")
    by_hand.charge_manually(asked, token="m", today=TODAY, by=BEN, now=NOW)
    found = past("GBP")
    assert [month.begins.month for month in found.months] == [9, 10, 11]
    assert [month.recurring.amount for month in found.months] == [Decimal("24.50")] * 3
    assert [month.recurring.margin for month in found.months] == [Decimal("14.50")] * 3
    assert [month.once.amount for month in found.months] == [0, 0, 84]
    assert [month.is_running for month in found.months] == [False, False, True]


def test_packages_stand_by_their_margin_and_all_adds_up():
    customer = a_customer()
    assigned(a_package("Good", "10", cost="1"), customer, TODAY.replace(day=1))
    assigned(a_package("Better", "20", cost="2"), customer, TODAY.replace(day=1))
    assigned(a_package("Mistake", "3", cost="4"), customer, TODAY.replace(day=1))
    run()
    found = past("GBP")
    assert [(row.name, row.sums.margin) for row in found.packages] == [
        ("Better", 18),
        ("Good", 9),
        ("Mistake", -1),
    ]
    assert (found.total.amount, found.total.cost, found.total.count) == (33, 7, 3)
    assert history.currencies(history.charged(TODAY)) == {"GBP"}
    assert past("USD").total.count == 0


def test_a_reversal_counts_against_what_it_reverses(session):
    assigned(a_package(), a_customer(), TODAY.replace(day=1))
    run()
    charge = session.query(Charge).one()
    by_hand.reverse(charge, "Wrong package.", today=TODAY, by=BEN, now=NOW)
    assert past("GBP").months[-1].recurring.amount == 0
    assert {row.kind for row in session.query(Charge)} == {Kind.RECURRING, Kind.REVERSAL}


# -- what needs a look


def test_a_held_assignment_is_named_once_a_run_has_held_it():
    daily = a_package("Daily", "1", frequency=Frequency.DAILY, match=())
    assignment = assigned(daily, a_customer(), TODAY - 60 * DAY)
    assert watch.held(TODAY) == []
    run()
    assert [found.id for found in watch.held(TODAY)] == [assignment.id]


def a_run(session, state=RunState.DONE, failed=0, **more):
    made = Run(
        through=TODAY, state=state, failed_count=failed, started_at=NOW - timedelta(hours=1),
        heartbeat_at=NOW - timedelta(minutes=50), **more,
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made


def test_a_run_that_failed_or_stopped_is_named_until_a_later_one_is_good(session):
    a_run(session)
    killed, stopped = a_run(session, RunState.RUNNING), a_run(session, RunState.STOPPED)
    failed = a_run(session, failed=3)
    a_run(session, simulate=True)
    assert watch.runs_to_look_at(NOW) == [failed, stopped, killed]
    a_run(session)
    assert watch.runs_to_look_at(NOW) == []


def test_a_run_that_goes_on_is_not_called_interrupted(session):
    a_run(session, RunState.RUNNING)
    assert watch.runs_to_look_at(NOW - timedelta(minutes=50)) == []


def an_import(session, state, digest="one", **more):
    made = CallImport(
        file_name="calls.csv", digest=digest, state=state, started_at=NOW - timedelta(hours=1),
        heartbeat_at=NOW - timedelta(minutes=50), **more,
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made


def test_a_file_of_calls_that_waits_is_named_until_it_is_imported(session):
    stopped = an_import(session, ImportState.STOPPED)
    interrupted = an_import(session, ImportState.RUNNING, "two")
    an_import(session, ImportState.DONE, "three")
    an_import(session, ImportState.DISCARDED, "four")
    assert watch.imports_to_look_at(NOW) == [interrupted, stopped]
    assert watch.imports_to_look_at(NOW - timedelta(minutes=50)) == [stopped], "the other goes on"
    an_import(session, ImportState.DONE)
    assert watch.imports_to_look_at(NOW) == [interrupted]
    assert watch.imports_to_look_at(NOW + timedelta(days=400)) == [interrupted], "for as long as it waits"


def test_no_file_of_calls_for_longer_than_is_set_is_told_once_files_have_come(session):
    utc = ZoneInfo("UTC")
    assert watch.no_calls(TODAY, utc, 3) is None, "none ever came"
    came = an_import(session, ImportState.DONE)
    an_import(session, ImportState.DISCARDED, "two", discarded_by=BEN).started_at = NOW + 2 * DAY
    for days, most, told in ((3, 3, None), (4, 3, 4), (4, 0, None), (1, 1, None), (2, 1, 2)):
        found = watch.no_calls(came.started_at.date() + days * DAY, utc, most)
        assert (found.days if found else None) == told, (days, most)
    session.flush()


def test_bad_rows_wait_until_they_are_dealt_with_or_their_file_is_imported_again(session):
    first = an_import(session, ImportState.DONE, "one", bad_count=3)
    second = an_import(session, ImportState.DONE, "two", bad_count=1)
    an_import(session, ImportState.STOPPED, "three", bad_count=1)
    an_import(session, ImportState.DONE, "four", bad_count=1, bad_rows_dealt_with_by="ben@lumen.example")
    an_import(session, ImportState.DONE, "five")
    assert watch.with_bad_rows() == [second, first]
    again = an_import(session, ImportState.DONE, "one", bad_count=2)
    assert watch.with_bad_rows() == [again, second]
    an_import(session, ImportState.DONE, "two")
    assert watch.with_bad_rows() == [again]


def test_a_package_on_sale_below_its_cost_is_named():
    a_package("Good", "10", cost="1")
    bad = a_package("Mistake", "3", cost="4")
    (found,) = watch.sold_below_cost(TODAY)
    assert (found[0].id, found[1].currency) == (bad.id, "GBP")
    bad.archived_on = TODAY
    assert watch.sold_below_cost(TODAY) == []


def test_customers_who_lose_money_or_leave_are_named():
    loser, leaver = a_customer("Loser"), a_customer("Leaver")
    assigned(a_package("Mistake", "3", cost="4"), loser, TODAY.replace(day=1))
    good = a_package("Good", "10", cost="1")
    assigned(good, leaver, TODAY.replace(day=1), end_date=TODAY + 10 * DAY)
    assigned(good, leaver, TODAY.replace(day=1), end_date=TODAY + 5 * DAY)
    assigned(good, loser, TODAY.replace(day=1), end_date=TODAY + 90 * DAY, quantity=1)
    run()
    assert [(row.name, row.ends, row.assignments) for row in watch.leaving(Reading(TODAY))] == [
        ("Leaver", TODAY + 5 * DAY, 2)
    ]
    assert watch.losses(Reading(TODAY)) == []
    assigned(a_package("Worse", "1", cost="40"), loser, TODAY.replace(day=1))
    run()
    assert [(row.name, row.margin) for row in watch.losses(Reading(TODAY))] == [("Loser", Decimal(-31))]


def test_what_has_ended_is_not_counted():
    customer = a_customer()
    assigned(a_package(), customer, TODAY + DAY)
    assigned(a_package(), customer, TODAY - 9 * DAY, end_date=TODAY - DAY)
    assert watch.counts(Reading(TODAY)) == watch.Counts(1, 1)


# -- remembering


@pytest.fixture
def remembers(app, monkeypatch):
    """The portal remembers, as it does outside of tests; nothing takes long, however busy the machine is."""
    monkeypatch.setitem(app.config, "TESTING", False)
    monkeypatch.setattr(remembering, "QUICK", 3600.0)
    remembering.forget()


def test_what_is_remembered_is_found_again_once_anything_has_changed(session, remembers):
    package, customer = a_package("Anchored", "10", match=()), a_customer()
    first = assigned(package, customer, TODAY.replace(day=1))

    def figures():
        days = due.due(Reading(TODAY))
        total = past("GBP").total
        return (
            recurs().retail,
            days.now,
            total.count,
            watch.counts(Reading(TODAY)).assignments,
            len(watch.losses(Reading(TODAY))),
        )

    assert figures() == figures() == (10, 1, 0, 1, 0)
    run()
    assert figures() == figures() == (10, 0, 1, 1, 0)
    assigned(a_package("Mistake", "1", cost="40", match=()), customer)
    assert figures() == (11, 1, 1, 2, 0)
    run()
    assert figures() == (11, 0, 2, 2, 1)
    change_quantity(first, 3, TODAY + DAY, TODAY)
    (tomorrow,) = recurring.recurring(Reading(TODAY + DAY))
    assert tomorrow.retail == 31
    december = TODAY.replace(month=12, day=1)
    assert next(day.amount for day in due.due(Reading(TODAY)).days("GBP") if day.on == december) == 30


def test_a_change_of_price_is_seen_at_once(session, remembers):
    package = a_package(retail="10")
    assigned(package, a_customer())
    assert recurs().retail == 10
    dearer = replace(definition_of(package, TODAY), prices=(PriceSet("GBP", Decimal(1), Decimal(12)),))
    make_change(plan_change(package, dearer, None, TODAY))
    assert recurs().retail == 12


def test_what_takes_long_to_add_up_is_told_as_it_was_until_it_has_been_added_up_again(
    session, remembers, monkeypatch
):
    monkeypatch.setattr(remembering, "QUICK", -1.0)  # from here on everything takes long
    package, customer = a_package("Anchored", "10", match=()), a_customer()
    assigned(package, customer, TODAY.replace(day=1))
    session.commit()

    def look():
        reading = Reading(TODAY)
        total = history.history("GBP", TODAY, history.charged(TODAY)).total
        return recurring.recurring(reading)[0].retail, total.count, reading.age is not None

    assert look() == (10, 0, False)
    assigned(package, customer, TODAY.replace(day=1))
    run()
    session.commit()
    assert look() == (10, 2, True)  # what was charged is always known
    refresh(TODAY)
    assert look() == (20, 2, False)


def test_what_a_package_brings_that_very_many_have_is_told_once_it_has_been_added_up(session, remembers):
    line, seat = a_package("Line", "10", currencies=("GBP", "USD")), a_package("Seat", "3", cost="1")
    for customer in (a_customer(), a_customer("Globex"), a_customer("Hooli", "USD")):
        assigned(line, customer)
    assigned(seat, a_customer("Initech"), quantity=2)
    session.commit()

    def look():
        reading = Reading(TODAY)
        found = recurring.of_packages(reading, [line.id], [seat.id])
        sums = {id: brings and [(one.currency, one.retail) for one in brings] for id, brings in found.items()}
        return sums, reading.late

    of_line = [("GBP", 20), ("USD", 10)]
    sums, late = look()
    assert sums == {line.id: of_line, seat.id: None}
    refresh(TODAY, late)
    assert look() == ({line.id: of_line, seat.id: [("GBP", 6)]}, [])


def test_one_slow_moment_does_not_make_what_is_added_up_quickly_out_of_date(app, remembers, monkeypatch):
    monkeypatch.setattr(remembering, "QUICK", 0.3)
    reading = Reading(TODAY)
    looks = [
        reading.answer("sum", mark, find) for mark, find in ((1, lambda: 1), (2, _slowly), (3, lambda: 3))
    ]
    assert looks == [1, 2, 3]
    assert reading.age is None


def test_what_took_long_when_the_process_started_is_found_out_again(app, remembers, monkeypatch):
    monkeypatch.setattr(remembering, "QUICK", 0.3)
    assert Reading(TODAY).answer("sum", 1, _slowly) == 2
    assert Reading(TODAY, waits=True, anew=True).answer("sum", 1, lambda: 2) == 2
    assert Reading(TODAY).answer("sum", 2, lambda: 3) == 3


def _slowly():
    sleep(0.4)
    return 2


def test_of_very_many_answers_those_are_forgotten_that_were_found_first(app, remembers, monkeypatch):
    monkeypatch.setattr(remembering, "MOST", 20)
    monkeypatch.delitem(app.extensions, "portal.remembered")
    moments = count(1_800_000_000)
    monkeypatch.setattr("cachelib.file.time", lambda: next(moments))
    found = []
    for package in range(100):
        Reading(TODAY).answer(("package", package), 1, lambda package=package: found.append(package))
    for package in range(82, 100):
        Reading(TODAY).answer(("package", package), 1, lambda package=package: found.append(package))
    assert found == list(range(100))


def test_what_falls_due_is_never_told_as_it_was(session, remembers, monkeypatch):
    monkeypatch.setattr(remembering, "QUICK", -1.0)
    assigned(a_package("Anchored", "10", match=()), a_customer(), TODAY.replace(day=1))
    assert due.due(Reading(TODAY)).now == 1
    run()
    assert due.due(Reading(TODAY)).now == 0


# -- a run that did not take place, and mail that does not leave


def a_night(day):
    """A run for everybody, as the night's."""
    made = runs.start(day, simulate=False, today=day, by="the night", now=NOW)
    return runs.carry_out(made.id, day, lambda: NOW)


def test_that_nothing_was_posted_for_24_days_though_charges_wait_needs_a_look():
    day = TODAY - 24 * DAY
    assigned(a_package(retail="10", match=(day.day,)), a_customer(), day)
    a_night(day)
    for days in (0, 1):
        assert watch.not_posted(day + days * DAY, NOW) is None
    assigned(a_package("Weekly", frequency=Frequency.WEEKLY, match=()), a_customer("Globex"), day + 2 * DAY)
    found = watch.not_posted(TODAY, NOW)
    assert (found.last, found.days, found.assignments) == (day, 24, 1)
    a_night(TODAY)
    assert watch.not_posted(TODAY, NOW) is None


def test_where_nothing_waits_no_run_is_missing():
    day = TODAY - 24 * DAY
    a_night(day)
    assigned(a_package(match=()), a_customer(), TODAY)
    assert watch.not_posted(TODAY, NOW) is None


def test_what_is_held_waits_for_somebody_and_not_for_a_night(session):
    a_night(TODAY - 24 * DAY)
    held = assigned(a_package(match=()), a_customer(), TODAY - 20 * DAY)
    held.position.held_lines = 41
    session.flush()
    assert watch.not_posted(TODAY, NOW) is None


def test_a_run_for_one_customer_or_a_simulation_is_no_run_for_everybody():
    day = TODAY - 5 * DAY
    a_night(day)
    one, other = a_customer(), a_customer("Globex")
    for customer in (one, other):
        assigned(a_package(match=()), customer, day + DAY)
    for options in ({"customer_id": one.id, "simulate": False}, {"simulate": True}):
        made = runs.start(TODAY, today=TODAY, by="Ben", now=NOW, **options)
        runs.carry_out(made.id, TODAY, lambda: NOW)
    assert watch.not_posted(TODAY, NOW).assignments == 1


def test_before_the_first_run_what_was_assigned_days_ago_waits_for_it(session):
    made = assigned(a_package(match=()), a_customer(), TODAY - 9 * DAY)
    assert watch.not_posted(TODAY, NOW) is None
    made.created_at = NOW - 3 * DAY
    session.flush()
    found = watch.not_posted(TODAY, NOW)
    assert (found.last, found.assignments) == (None, 1)


def a_mail(session, key, state, sentence="", due=NOW):
    said = {"to": "ann@acme.example", "subject": "x", "text": "x", "created_at": due, "due_at": due}
    session.add(Mail(key=key, state=state, sentence=sentence, **said))
    session.flush()


def test_mail_that_does_not_leave_needs_a_look_with_the_last_reason(session):
    a_mail(session, "just now", MailState.WAITING, due=NOW - timedelta(minutes=5))
    a_mail(session, "gone", MailState.SENT)
    assert not watch.unsent(NOW)
    a_mail(session, "old", MailState.FAILED, "No such person.", due=NOW - timedelta(days=40))
    assert not watch.unsent(NOW)
    a_mail(session, "given up", MailState.FAILED, "No such person.", due=NOW - DAY)
    a_mail(session, "refused", MailState.WAITING, "The mail server refused it.", due=NOW + DAY)
    a_mail(session, "untried", MailState.WAITING, due=NOW - timedelta(hours=2))
    found = watch.unsent(NOW)
    assert (found.refused, found.given_up, found.untried) == (1, 1, 1)
    assert found.reason == "The mail server refused it."
