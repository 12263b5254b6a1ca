"""While lines of a file are still to come, balances and free minutes say what they said before it (billing-rules 9)."""

from datetime import date

import pytest
from sqlalchemy import func, select, update

from portal.extensions import db
from portal.models import Call, CallChange, CallImport, ImportState
from portal.services.calls import effects, importing
from tests.calling import a_file, a_line, call_entries, carried_out, gone_on_with, half_in, taken_in
from tests.trade import NOW, TODAY, a_customer, a_package, assigned

DAY = "2026-11-09"


def line(call_id, charge="10", day=DAY, hour=10, seconds=60):
    return a_line(call_id, f"{day} {hour}:00:00", seconds, charge)


def minutes_for(customer, minutes):
    return assigned(a_package("Minutes", minutes=True), customer, date(2026, 11, 1), minutes=minutes)


@pytest.fixture
def acme(session):
    return a_customer(tax_rate="0")


def test_another_file_enters_its_own_calls_alone(acme, tmp_path):
    import_ = half_in(a_file(tmp_path, [line("a"), line("b")]))
    taken_in(a_file(tmp_path, [line("z", "1")], name="other.csv"))
    assert call_entries(acme) == [(DAY, "-1")]
    gone_on_with(import_)
    assert call_entries(acme) == [(DAY, "-1"), (DAY, "-20")]


def test_free_minutes_that_are_assigned_meanwhile_enter_none_of_its_calls_and_are_not_used_by_them(
    acme, tmp_path
):
    taken_in(a_file(tmp_path, [line("done", "6", hour=12)], name="first.csv"))
    import_ = half_in(a_file(tmp_path, [line("a"), line("b", hour=11)]))
    effects.bundles_changed([minutes_for(acme, 1)], TODAY, NOW)
    db.session.commit()
    assert call_entries(acme) == [(DAY, "-6"), (DAY, "6")]
    gone_on_with(import_)  # and now the minute is of the first call
    assert call_entries(acme)[2:] == [(DAY, "-16")]


def test_what_a_file_replaces_stays_as_it_was_until_all_of_it_is_in(acme, tmp_path):
    taken_in(a_file(tmp_path, [line("a", "7"), line("b", "7")], name="first.csv"))
    path = a_file(tmp_path, [line("a", "5", day="2026-11-12"), line("b", "5")])
    import_ = half_in(path, replaces=True)
    assert import_.replaced_count == 1
    taken_in(a_file(tmp_path, [line("z", "1")], name="other.csv"))
    assert call_entries(acme) == [(DAY, "-14"), (DAY, "-1")]

    done = gone_on_with(import_)
    assert (done.state, done.replaced_count) == (ImportState.DONE, 2)
    assert call_entries(acme)[2:] == [(DAY, "9"), ("2026-11-12", "-5")]
    assert not db.session.scalar(select(func.count()).select_from(CallChange))
    assert db.session.scalar(select(func.count()).where(Call.import_id == done.id)) == 2


def test_of_what_a_replacing_file_says_of_a_call_the_last_counts(acme, tmp_path):
    taken_in(a_file(tmp_path, [line("a", "7")], name="first.csv"))
    lines = [line("a", "5"), line("a", "4"), line("a", "4"), line("new", "3"), line("new", "2")]
    one, other = (a_file(tmp_path, lines, name=name) for name in ("one.csv", "other.csv"))
    replaced = taken_in(one, replaces=True, size=1)
    assert (replaced.taken_count, replaced.replaced_count, replaced.known_count) == (1, 3, 1)
    assert dict(db.session.execute(select(Call.call_id, Call.amount)).all()) == {"a": 4, "new": 2}
    assert call_entries(acme) == [(DAY, "-7"), (DAY, "1")]
    again = taken_in(other, replaces=True)
    assert (again.replaced_count, call_entries(acme)[2:]) == (4, [])


def test_a_call_that_a_file_says_again_counts_with_the_file_that_is_done_first(acme, tmp_path):
    first = half_in(a_file(tmp_path, [line("a"), line("b")], name="one.csv"))
    again = half_in(a_file(tmp_path, [line("a"), line("c")], name="two.csv"))
    assert call_entries(acme) == []
    assert gone_on_with(first).state == ImportState.DONE  # the other one may never be
    assert call_entries(acme) == [(DAY, "-20")]
    gone_on_with(again)
    assert call_entries(acme) == [(DAY, "-20"), (DAY, "-10")]


def test_a_file_taken_in_in_place_of_one_that_was_stopped_enters_the_calls_of_that_one(acme, tmp_path):
    half_in(a_file(tmp_path, [line("a"), line("b")], name="one.csv"))
    done = carried_out(half := half_in(a_file(tmp_path, [line("a"), line("b")], name="two.csv")))
    assert (done.known_count, call_entries(acme)) == (1, [])
    gone_on_with(half)  # it does not know any more which calls it met
    assert call_entries(acme) == [(DAY, "-20")]


def test_a_file_taken_in_in_place_of_one_killed_when_all_of_it_was_in_enters_its_calls(acme, tmp_path):
    path = a_file(tmp_path, [line("a"), line("b")])
    import_ = half_in(path)
    last = a_file(tmp_path, [line("b")], name="last.csv")
    db.session.execute(
        update(CallImport).where(CallImport.id == import_.id).values(bytes_done=import_.bytes_total)
    )
    db.session.commit()
    assert call_entries(acme) == []
    taken_in(last)
    taken_in(a_file(tmp_path, [line("a")], name="again.csv"))
    assert call_entries(acme)[-1][0] == DAY and sum(int(amount) for _, amount in call_entries(acme)) == -20


def test_a_file_that_goes_on_says_of_a_call_what_it_said(acme, tmp_path):
    """An import that was replaced by another is not done anew: what it holds is its own."""
    import_ = half_in(a_file(tmp_path, [line("a"), line("b")]))
    importing.go_on(import_, NOW)
    db.session.commit()
    taken_in(a_file(tmp_path, [line("a", "3")], name="other.csv"), replaces=True)
    assert call_entries(acme) == [(DAY, "-3")]
    carried_out(import_)
    assert call_entries(acme) == [(DAY, "-3"), (DAY, "-10")]
