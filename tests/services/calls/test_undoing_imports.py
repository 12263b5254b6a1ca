"""Taking an import of calls back: what leaves, what other files get, and what follows (billing-rules 16)."""

import json
from datetime import date

import pytest
from sqlalchemy import delete, func, insert, literal, select, true, update

from portal.domain.errors import Invalid, RuleBroken
from portal.extensions import db
from portal.models import (
    BalanceEntry,
    Call,
    CallChange,
    CallFile,
    CallImport,
    CallSaid,
    CallsSaidAgain,
    Customer,
    Did,
    DidOwner,
    ImportState,
    ImportUndoCustomer,
)
from portal.services.calls import importing, undoing, would_undo
from portal.services.customers.posted import import_at_work
from tests.calling import (
    a_file,
    a_line,
    bad_rows,
    begun,
    call_entries,
    calls_there,
    carried_out,
    gone_on_with,
    half_in,
    taken_in,
    undone,
)
from tests.trade import BEN, NOW, TODAY, a_customer, a_did, a_package, assigned, run

DAY = "2026-11-09"
ACME = "Northwind Telecom"


def line(call_id, charge="10", day=DAY, hour=10, seconds=60, customer=ACME):
    return a_line(call_id, f"{day} {hour}:00:00", seconds, charge, customer=customer)


@pytest.fixture
def acme(session):
    return a_customer(tax_rate="0")


@pytest.fixture
def southwind(session):
    return a_customer("Southwind", tax_rate="0")


@pytest.fixture
def taken(tmp_path):
    """Take a file of such lines in."""

    def take(name, *lines, **how):
        return taken_in(a_file(tmp_path, lines, name=name), **how)

    return take


def test_its_calls_leave_and_the_balance_gets_back_what_they_cost(acme, taken):
    taken("kept.csv", line("k", "1"))
    wrong = taken("wrong.csv", line("a"), line("b"), line("c", day="2026-11-10"))
    undo = undone(wrong)
    assert (wrong.state, undo.done_count, undo.given_count) == (ImportState.UNDONE, 3, 0)
    assert calls_there() == [(ACME, "k", "1", "kept.csv")]
    assert call_entries(acme)[3:] == [(DAY, "20"), ("2026-11-10", "10")]
    (of,) = would_undo.taken_from(undo)
    assert (of.calls, of.amount, of.first_day, of.last_day) == (3, 30, date(2026, 11, 9), date(2026, 11, 10))


def test_a_reason_is_asked_for_and_kept(acme, taken):
    wrong = taken("wrong.csv", line("a"))
    for reason in (" ", "x" * 1001):
        with pytest.raises(Invalid) as refusal:
            undoing.start_undoing(wrong, reason, by=BEN, now=NOW)
        assert refusal.value.field == "reason"
        db.session.rollback()
    assert undone(wrong).reason == "Rated wrongly"


def test_it_is_undone_once(acme, taken):
    wrong = taken("wrong.csv", line("a"))
    undoing.start_undoing(wrong, "Wrong", by=BEN, now=NOW)
    db.session.commit()
    with pytest.raises(RuleBroken, match="already being undone"):
        undoing.start_undoing(wrong, "Wrong", by=BEN, now=NOW)
    db.session.rollback()
    undoing.carry_out(wrong.id, TODAY, lambda: NOW)
    with pytest.raises(RuleBroken, match="Nothing of this import is left"):
        undoing.start_undoing(wrong, "Wrong", by=BEN, now=NOW)
    db.session.rollback()
    undoing.carry_out(wrong.id, TODAY, lambda: NOW)
    assert call_entries(acme) == [(DAY, "-10"), (DAY, "10")]


def test_a_file_taken_back_can_be_taken_in_again(acme, taken):
    undone(taken("calls.csv", line("a")))
    again = taken("calls.csv", line("a"))
    assert (again.taken_count, again.known_count) == (1, 0)
    assert [amount for _, amount in call_entries(acme)] == ["-10", "10", "-10"]
    with pytest.raises(RuleBroken, match=r"calls\.csv is undone"):
        importing.go_on(db.session.scalars(select(CallImport).order_by(CallImport.id)).first(), NOW)


def test_a_call_that_later_files_also_held_is_theirs_one_after_the_other(acme, taken):
    one, two, three = (taken(f"{name}.csv", line("a"), line(name)) for name in ("one", "two", "three"))
    undo = undone(one)
    assert (undo.done_count, undo.given_count) == (2, 1)
    assert calls_there()[0] == (ACME, "a", "10", "two.csv")
    assert call_entries(acme)[-1] == (DAY, "10")  # of the call that was its alone
    undone(two)
    assert calls_there() == [(ACME, "a", "10", "three.csv"), (ACME, "three", "10", "three.csv")]
    undone(three)
    assert not calls_there()
    assert not any(db.session.scalar(select(func.count(of.id))) for of in (CallSaid, CallsSaidAgain))
    assert sum(int(amount) for _, amount in call_entries(acme)) == 0


def test_a_file_sent_again_writes_no_row_for_each_call(acme, tmp_path):
    """Nights on which a switch sends the whole month would make ten times as many as there are calls."""
    path = a_file(tmp_path, [line(f"c{n}", hour=10 + n % 10) for n in range(40)])
    for _ in range(3):
        carried_out(begun(path), size=20)
    again = db.session.scalars(select(CallsSaidAgain.call_ids)).all()
    assert len(again) <= 2 * 2 * 2  # two more files, in two chunks, which may lie in two blocks
    assert sum(len(json.loads(ids)) for ids in again) == 2 * 40
    assert not db.session.scalar(select(func.count(CallSaid.id)))


def test_what_was_said_first_counts_however_it_is_kept(acme, taken, tmp_path):
    """A file that knew a DID of a call, in between, which the others did not."""
    one, two = taken("one.csv", line("a")), taken("two.csv", line("a"))
    a_did(acme, "+442079460100")
    db.session.commit()
    with_did = a_line("a", f"{DAY} 10:00:00", 60, "10", customer=ACME, did="442079460100")
    three, four = taken("three.csv", with_did), taken("four.csv", line("a"))
    for import_, heir in ((one, "two.csv"), (two, "three.csv"), (three, "four.csv")):
        assert undone(import_).given_count == 1
        assert calls_there() == [(ACME, "a", "10", heir)]
    undone(four)
    assert not calls_there()


def test_what_a_file_said_again_is_kept_as_it_was_when_the_call_is_replaced(acme, southwind, taken):
    """Also where the call is another customer's since."""
    one, two = (taken(f"{name}.csv", line("a", "1"), line("b", "1")) for name in ("one", "two"))
    three = taken("three.csv", line("a", "3"), line("b", "1", customer="Southwind"), replaces=True)
    taken("four.csv", line("a", "3"), line("b", "1", customer="Southwind"))
    undone(one)
    undone(three)
    assert calls_there() == [
        (ACME, "a", "1", "two.csv"),
        (ACME, "b", "1", "two.csv"),
        ("Southwind", "b", "1", "four.csv"),
    ]
    undone(two)
    assert calls_there() == [(ACME, "a", "3", "four.csv"), ("Southwind", "b", "1", "four.csv")]


def test_a_duplicate_of_what_is_taken_back_does_not_hold_it_any_more(acme, taken):
    one, two = taken("one.csv", line("a")), taken("two.csv", line("a"))
    undone(two)
    undone(one)
    assert not calls_there()


def test_a_replacing_import_gives_back_what_it_replaced(acme, taken):
    taken("one.csv", line("a", "7", day="2026-11-08"))
    wrong = taken("wrong.csv", line("a", "3"), line("b"), replaces=True)
    undo = undone(wrong)
    assert (undo.done_count, undo.given_count) == (2, 1)
    assert calls_there() == [(ACME, "a", "7", "one.csv")]
    assert sum(int(amount) for _, amount in call_entries(acme)) == -7
    again = taken("again.csv", line("a", "3"), replaces=True)
    undone(again)
    assert calls_there() == [(ACME, "a", "7", "one.csv")]


def test_of_several_that_replaced_a_call_the_last_one_left_has_it(acme, taken):
    one = taken("one.csv", line("a", "1"))
    two, three = (taken(f"{n}.csv", line("a", n), replaces=True) for n in ("2", "3"))
    undone(two)
    assert calls_there() == [(ACME, "a", "3", "3.csv")]
    undone(three)
    assert calls_there() == [(ACME, "a", "1", "one.csv")]
    undone(one)
    assert not calls_there()


def test_what_replaced_a_call_keeps_it_when_the_replaced_one_is_taken_back(acme, taken):
    one = taken("one.csv", line("a", "1"))
    two = taken("two.csv", line("a", "2"), replaces=True)
    undone(one)
    assert calls_there() == [(ACME, "a", "2", "two.csv")]
    undone(two)
    assert not calls_there()


def test_a_file_that_said_what_is_taken_back_says_it_once_nobody_else_does(acme, taken):
    """The row was a duplicate of what replaced the call; without that it is as bad as it would have been."""
    one = taken("one.csv", line("a", "1"))
    two = taken("two.csv", line("a", "2"), replaces=True)
    taken("three.csv", line("a", "2"))
    undone(two)
    assert calls_there() == [(ACME, "a", "1", "one.csv")]
    again = taken("again.csv", line("a", "3"), replaces=True)
    undone(again)
    assert calls_there() == [(ACME, "a", "1", "one.csv")]
    undone(one)
    assert calls_there() == [(ACME, "a", "2", "three.csv")]


def test_free_minutes_and_minimum_spends_are_as_without_it(acme, taken):
    minutes = assigned(a_package("Minutes", minutes=True), acme, date(2026, 11, 1), minutes=1)
    minimum = a_package("Minimum", "40", minimum_spend=True, cost="0")
    assigned(minimum, acme, date(2026, 10, 1))
    taken("kept.csv", line("k", "6", hour=12))
    wrong = taken("wrong.csv", line("a"), line("old", "15", day="2026-10-05"))
    assert call_entries(acme) == [(DAY, "-6"), (DAY, "6"), ("2026-10-05", "-15")][:0] + call_entries(acme)
    run()
    undone(wrong)
    assert db.session.scalar(select(Call.covered_amount).where(Call.call_id == "k")) == 6
    run()
    db.session.commit()
    shortfalls = [
        (charge.period_from, charge.amount) for charge in db.session.scalars(select_charges(minimum))
    ]
    assert shortfalls == [(date(2026, 10, 1), 25), (date(2026, 10, 1), 15)]
    assert minutes.id


def select_charges(package):
    from portal.models import Charge

    return select(Charge).where(Charge.package_id == package.id).order_by(Charge.id)


def test_calls_too_old_leave_the_balance_and_the_days_are_kept_that_reopen_nothing(acme, taken):
    old = "2026-05-05"
    wrong = taken("wrong.csv", line("a", "15", day=old), line("b"))
    (would,) = would_undo.would_undo(wrong, TODAY).customers
    assert (would.late_from, would.late_through) == (date(2026, 5, 5), date(2026, 5, 5))
    (of,) = would_undo.taken_from(undone(wrong))
    assert (of.late_from, of.late_through, of.calls) == (date(2026, 5, 5), date(2026, 5, 5), 2)
    assert call_entries(acme)[2:] == [(old, "15"), (DAY, "10")]


def test_what_it_would_come_to_is_what_it_comes_to(acme, southwind, taken):
    taken("first.csv", line("a", "7"), line("s", "2", customer="Southwind"))
    wrong = taken("wrong.csv", line("a", "3"), line("b"), line("s", "2", customer="Southwind"), replaces=True)
    taken("later.csv", line("b"))
    would = would_undo.would_undo(wrong, TODAY)
    undo = undone(wrong)
    assert (would.leave, would.given) == (undo.done_count - undo.given_count, undo.given_count) == (0, 2)
    assert would.customers == would_undo.taken_from(undo)
    assert [(of.name, of.calls, of.amount) for of in would.customers] == [(ACME, 2, -4)]


def test_one_that_was_stopped_is_undone_and_its_lines_are_let_go(acme, taken, tmp_path):
    taken("first.csv", line("x", "7"))
    half = half_in(a_file(tmp_path, [line("a"), line("x", "3"), line("b")]), replaces=True)
    undone(half)
    assert calls_there() == [(ACME, "x", "7", "first.csv")]
    assert call_entries(acme) == [(DAY, "-7")]
    assert not db.session.scalar(select(func.count(CallFile.id)))
    assert (half.state, half.file_id) == (ImportState.UNDONE, None)


def test_one_stopped_in_replacing_changes_nothing_any_more(acme, taken, tmp_path):
    taken("first.csv", line("x", "7"))
    half = half_in(a_file(tmp_path, [line("x", "3"), line("b")]), replaces=True)
    undone(half)
    assert calls_there() == [(ACME, "x", "7", "first.csv")]
    assert not db.session.scalar(select(func.count()).select_from(CallChange))


@pytest.mark.parametrize("replaces", [False, True])
def test_a_call_that_an_import_at_work_says_too_is_that_one_s(acme, taken, tmp_path, replaces):
    wrong = taken("wrong.csv", line("a"))
    half = half_in(
        a_file(tmp_path, [line("a", "3" if replaces else "10"), line("b")], name="half.csv"),
        replaces=replaces,
    )
    undone(wrong)
    assert sum(int(amount) for _, amount in call_entries(acme)) == 0
    gone_on_with(half)
    charge = "3" if replaces else "10"
    assert calls_there() == [(ACME, "a", charge, "half.csv"), (ACME, "b", "10", "half.csv")]
    assert sum(int(amount) for _, amount in call_entries(acme)) == -10 - int(charge)


def test_calls_of_archived_customers_are_left_until_they_are_there_again(acme, southwind, taken):
    wrong = taken("wrong.csv", line("a"), line("s", "2", customer="Southwind"))
    southwind.archived_on = TODAY
    db.session.commit()
    would = would_undo.would_undo(wrong, TODAY)
    assert ([of.name for of in would.customers], [of.name for of in would.left]) == ([ACME], ["Southwind"])
    undone(wrong)
    assert calls_there() == [("Southwind", "s", "2", "wrong.csv")]
    assert [of.name for of in would_undo.left_alone(wrong)] == ["Southwind"]
    southwind.archived_on = None
    db.session.commit()
    undone(wrong)
    assert not calls_there() and call_entries(southwind) == [(DAY, "-2"), (DAY, "2")]


class Killed(Exception):
    """Somebody killed it."""


@pytest.mark.parametrize("after", range(5))
def test_killed_anywhere_it_goes_on_when_asked_for_again(acme, southwind, taken, after):
    taken("first.csv", line("a1", "7"))
    lines = [line(f"{name}{n}", customer=name) for name in (ACME, "Southwind") for n in range(3)]
    wrong = taken("wrong.csv", line("a1", "3"), *lines, replaces=True)
    undoing.start_undoing(wrong, "Wrong", by=BEN, now=NOW)
    db.session.commit()
    steps = iter(range(100))

    def die(_):
        if next(steps) == after:
            raise Killed

    try:
        undoing.carry_out(wrong.id, TODAY, lambda: NOW, 2, die)
    except Killed:
        db.session.rollback()
        db.session.execute(
            update(CallImport).where(CallImport.id == wrong.id).values(heartbeat_at=NOW.replace(hour=1))
        )
        db.session.commit()
        undoing.start_undoing(wrong, "", by=BEN, now=NOW)
        db.session.commit()
    undo = undoing.carry_out(wrong.id, TODAY, lambda: NOW, 2)
    assert (undo.done_count, undo.due_count, undo.given_count) == (7, 7, 1)
    assert calls_there() == [(ACME, "a1", "7", "first.csv")]
    assert (sum(int(a) for _, a in call_entries(acme)), sum(int(a) for _, a in call_entries(southwind))) == (
        -7,
        0,
    )
    assert db.session.scalars(select(ImportUndoCustomer.is_settled).distinct()).all() == [True]


def test_an_import_at_work_is_stopped_first_and_one_with_nothing_in_cannot_be_undone(acme, taken, tmp_path):
    half = half_in(a_file(tmp_path, [line("a"), line("b")]))
    importing.go_on(half, NOW)
    with pytest.raises(RuleBroken, match="Stop the import first"):
        undoing.start_undoing(half, "Wrong", by=BEN, now=NOW)
    nothing = taken("nothing.csv", line("z", customer="Nobody"))
    assert bad_rows(nothing)
    with pytest.raises(RuleBroken, match="nothing to undo"):
        undoing.start_undoing(nothing, "Wrong", by=BEN, now=NOW)


# -- calls that move


def test_a_replacing_import_moves_a_call_to_another_customer_and_gives_it_back(acme, southwind, taken):
    taken("wrong.csv", line("a", "7"), line("b", "1"))
    right = taken("right.csv", line("a", "7", customer="Southwind"), line("b", "1"), replaces=True)
    assert calls_there() == [(ACME, "b", "1", "wrong.csv"), ("Southwind", "a", "7", "right.csv")]
    assert (right.taken_count, right.replaced_count, right.known_count) == (0, 1, 1)
    assert (call_entries(acme), call_entries(southwind)) == ([(DAY, "-8"), (DAY, "7")], [(DAY, "-7")])
    undone(right)
    assert calls_there() == [(ACME, "a", "7", "wrong.csv"), (ACME, "b", "1", "wrong.csv")]
    assert (call_entries(acme)[2:], call_entries(southwind)[1:]) == ([(DAY, "-7")], [(DAY, "7")])


def test_a_call_moves_only_where_it_came_from_files_of_the_same_layout(acme, southwind, taken, tmp_path):
    taken("one.csv", line("a", "7"))
    head = "Call ID,Customer,Source,Destination,Start Time,Duration,Charge,Cost"
    other = a_file(tmp_path, [line("a", "7", customer="Southwind")], head=head, name="other.csv")
    taken_in(other, replaces=True)
    assert calls_there() == [(ACME, "a", "7", "one.csv"), ("Southwind", "a", "7", "other.csv")]


def test_a_call_moves_however_many_files_of_the_layout_came_before(acme, southwind, taken):
    """More than either database takes as numbers in one statement."""
    one = taken("one.csv", line("a"))
    numbers = select(literal(1).label("n")).cte(recursive=True)
    numbers = numbers.union_all(select(numbers.c.n + 1).where(numbers.c.n < 66_000))
    columns = [column for column in CallImport.__table__.c if column.name != "id"]
    many = select(*columns).join(numbers, true()).where(CallImport.id == one.id)
    db.session.execute(insert(CallImport).from_select([column.name for column in columns], many))
    db.session.commit()
    taken("two.csv", line("a", customer="Southwind"), replaces=True)
    assert calls_there() == [("Southwind", "a", "10", "two.csv")]


def test_a_call_of_an_archived_customer_does_not_move(acme, southwind, taken):
    taken("one.csv", line("a", "7"))
    acme.archived_on = TODAY
    db.session.commit()
    two = taken("two.csv", line("a", "7", customer="Southwind"), replaces=True)
    there = [(ACME, "a", "7", "one.csv"), ("Southwind", "a", "7", "two.csv")]
    assert calls_there() == there and (two.taken_count, two.replaced_count) == (1, 0)
    undone(two)
    assert calls_there() == there[:1]


def test_whose_call_is_going_to_move_away_is_not_archived_before(acme, southwind, taken, tmp_path):
    taken("one.csv", line("a", "7"))
    path = a_file(tmp_path, [line("a", "7", customer="Southwind")], name="two.csv")
    moving, asked = begun(path, replaces=True), iter((False, True))
    importing.carry_out(moving.id, TODAY, lambda: NOW, is_asked_to_stop=lambda: next(asked))
    assert [import_at_work(one.id) for one in (acme, southwind)] == [moving, moving]
    carried_out(moving)
    assert calls_there() == [("Southwind", "a", "7", "two.csv")]
    assert [import_at_work(one.id) for one in (acme, southwind)] == [None, None]


def test_a_call_of_two_customers_moves_to_neither(acme, southwind, taken):
    taken("one.csv", line("a", "7"))
    both = taken("both.csv", line("a", "7", customer="Southwind"), line("a", "7"), replaces=True, size=1)
    assert (both.taken_count, both.replaced_count, both.known_count) == (1, 0, 1)
    assert len(calls_there()) == 2


def test_a_call_that_was_moved_away_is_a_bad_row_where_it_is_said_again(acme, southwind, taken):
    taken("one.csv", line("a", "7"))
    moved = taken("two.csv", line("a", "7", customer="Southwind"), replaces=True)
    again = taken("again.csv", line("a", "7"), line("b", "1"))
    assert bad_rows(again) == [
        (
            2,
            "Call a: The call was moved to another customer. To move it back, start an import that replaces calls.",
        )
    ]
    back = taken("back.csv", line("a", "7"), replaces=True)
    assert calls_there()[0] == (ACME, "a", "7", "back.csv")
    undone(moved)
    undone(back)
    assert calls_there() == [(ACME, "a", "7", "one.csv"), (ACME, "b", "1", "again.csv")]


def test_what_was_said_of_a_call_where_it_had_moved_to_is_a_call_of_its_own_once_it_moves_back(
    acme, southwind, taken
):
    taken("one.csv", line("a", "7"))
    moved = taken("two.csv", line("a", "7", customer="Southwind"), replaces=True)
    taken("three.csv", line("a", "7", customer="Southwind"))
    undone(moved)
    assert calls_there() == [(ACME, "a", "7", "one.csv"), ("Southwind", "a", "7", "three.csv")]
    assert [sum(int(a) for _, a in call_entries(c)) for c in (acme, southwind)] == [-7, -7]


def test_a_did_that_was_deleted_meanwhile_is_none_of_what_moves_back_or_becomes_a_call_of_its_own(
    acme, southwind, taken, tmp_path
):
    did = a_did(southwind, "+442079460100")
    theirs = a_line("a", f"{DAY} 10:00:00", 60, "7", customer="Southwind", did="442079460100")
    taken("one.csv", line("a", "7"))
    moving = taken("two.csv", theirs, replaces=True)
    taken("three.csv", theirs)
    last = taken("four.csv", line("a", "2", customer="Southwind"), replaces=True)
    db.session.execute(delete(DidOwner).where(DidOwner.did_id == did.id))
    db.session.execute(delete(Did).where(Did.id == did.id))
    db.session.commit()
    undone(last)
    undone(moving)
    assert calls_there() == [(ACME, "a", "7", "one.csv"), ("Southwind", "a", "7", "three.csv")]
    assert db.session.scalars(select(Call.did_id)).all() == [None, None]


def entries_of(customer: Customer) -> int:
    return db.session.scalar(select(func.count()).where(BalanceEntry.customer_id == customer.id))


def test_an_import_goes_on_while_another_is_undone_of_which_it_holds_calls(acme, taken, tmp_path):
    wrong = taken("wrong.csv", line("a"))
    half = half_in(a_file(tmp_path, [line("a"), line("b")], name="half.csv"))
    importing.go_on(half, NOW)
    db.session.commit()

    def undo_meanwhile(_):
        if db.session.get_one(CallImport, wrong.id).state == ImportState.DONE:
            undone(wrong)

    carried_out(half, say=undo_meanwhile)
    assert calls_there() == [(ACME, "a", "10", "half.csv"), (ACME, "b", "10", "half.csv")]
    assert sum(int(amount) for _, amount in call_entries(acme)) == -20
