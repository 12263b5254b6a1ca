"""On SQLite the next chunk of a run is worked out while one is stored, and charged is what stands when it is stored."""

import sqlite3
import sys
from contextlib import closing
from datetime import date, datetime
from threading import Barrier, Event, get_ident
from time import sleep

import pytest
import structlog
from sqlalchemy import event, select
from sqlalchemy.exc import OperationalError

from portal import create_app, logs
from portal.database import kept_connection
from portal.extensions import db
from portal.models import Charge, Company, Run, RunState
from portal.models.company import ONLY
from portal.services.runs import ahead, runs, shards
from tests.trade import BEN, NOW, TODAY, a_customer, a_package, assigned

NOVEMBER = date(2026, 11, 1)
ASSIGNMENTS = 6
LONG = 20  # seconds after which nobody comes any more


@pytest.fixture
def trade(session):
    """A run of assignments that are due, with nothing done yet."""
    return a_run()


def a_run():
    trunk, customer = a_package(), a_customer()
    for _ in range(ASSIGNMENTS):
        assigned(trunk, customer, NOVEMBER)
    run = runs.start(TODAY, simulate=False, today=TODAY, by=BEN, now=NOW)
    db.session.commit()
    return run.id


@pytest.fixture
def other(session):
    """Somebody else at the same file."""
    file, more = db.engine.url.database, {"isolation_level": None, "check_same_thread": False}
    with closing(sqlite3.connect(file, **more)) as connection:
        yield connection


@pytest.fixture
def found(monkeypatch):
    """The chunks that are worked out, each as often as it is."""
    seen, find = [], shards.find

    def finds(some, *asked):
        seen.append(list(some))
        return find(some, *asked)

    monkeypatch.setattr(shards, "find", finds)
    return seen


@pytest.fixture
def in_memory(tmp_path):
    """A portal whose database is in memory."""
    app = create_app({"INSTANCE": tmp_path, "SQLALCHEMY_DATABASE_URI": "sqlite://", "STATIC_AS_IS": True})
    with app.app_context():
        db.create_all()
        db.session.add(Company(id=ONLY, name="Lumen Voice", time_zone="UTC", default_currency="GBP"))
        yield


def clock() -> datetime:
    return NOW


def carried_out(run_id, most=1):
    done = runs.carry_out(run_id, TODAY, clock, most)
    return done.state, done.done_count, done.charge_count


WHOLE = (RunState.DONE, ASSIGNMENTS, ASSIGNMENTS)


def quantities() -> list[int]:
    db.session.rollback()
    return list(db.session.scalars(select(Charge.quantity).order_by(Charge.id)))


def order_more(other) -> None:
    other.execute("UPDATE assignment_quantity SET quantity = quantity + 1")


@pytest.mark.only_on("sqlite")
def test_while_a_chunk_is_stored_the_next_one_is_worked_out(trade, monkeypatch):
    both, find, store, threads = Barrier(2, timeout=LONG), shards.find, shards.store, set()

    def meet(does, comes_alone):
        def met(*asked):
            if not comes_alone.pop(0):
                threads.add(get_ident())
                both.wait()
            return does(*asked)

        return met

    # The first is worked out with nothing to store yet, and the last is stored with nothing more to work out.
    monkeypatch.setattr(shards, "find", meet(find, [True] + [False] * (ASSIGNMENTS - 1)))
    monkeypatch.setattr(shards, "store", meet(store, [False] * (ASSIGNMENTS - 1) + [True]))
    assert carried_out(trade) == WHOLE
    assert len(threads) == 2


@pytest.mark.only_on("sqlite")
def test_what_the_second_thread_logs_says_which_run_and_whose_request_it_is_about(trade, monkeypatch):
    find, said = shards.find, []

    def finds(*asked):
        said.append((get_ident(), structlog.contextvars.get_contextvars()))
        return find(*asked)

    monkeypatch.setattr(shards, "find", finds)
    with logs.about(request="r1"):
        carried_out(trade)
    assert [about for _, about in said] == [{"request": "r1", "run": trade}] * ASSIGNMENTS
    assert get_ident() not in {thread for thread, _ in said}


@pytest.mark.usefixtures("in_memory")
def test_in_memory_where_all_share_one_connection_one_chunk_is_done_after_the_other():
    assert carried_out(a_run()) == WHOLE


def test_what_the_run_itself_stores_lets_nothing_be_worked_out_twice(trade, found):
    assert carried_out(trade) == WHOLE
    assert len(found) == ASSIGNMENTS
    assert quantities() == [1] * ASSIGNMENTS


@pytest.mark.only_on("sqlite")
def test_what_somebody_changes_after_the_next_chunk_was_worked_out_is_charged(
    trade, found, other, monkeypatch
):
    gaps = iter(range(ASSIGNMENTS))

    def change(_engine):
        if next(gaps) == 1:  # behind the second; the third was worked out before
            order_more(other)

    monkeypatch.setattr(shards, "make_way", change)
    assert carried_out(trade) == WHOLE
    assert quantities() == [1, 1, 2, 2, 2, 2]
    assert len(found) == ASSIGNMENTS + 1


@pytest.mark.only_on("sqlite")
def test_who_changes_something_at_every_gap_holds_nothing_up(trade, found, other, monkeypatch):
    monkeypatch.setattr(shards, "make_way", lambda _: order_more(other))
    assert carried_out(trade) == WHOLE
    assert quantities() == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("does", ["find", "store"])
@pytest.mark.parametrize("at", [0, 2, ASSIGNMENTS - 1])
def test_an_error_ends_a_run_behind_what_is_stored_and_it_goes_on_from_there(trade, does, at, monkeypatch):
    goes_on, calls = getattr(shards, does), iter(range(ASSIGNMENTS))

    def fails(*asked):
        if next(calls) == at:
            raise RuntimeError("no more")
        return goes_on(*asked)

    monkeypatch.setattr(shards, does, fails)
    with pytest.raises(RuntimeError):
        carried_out(trade)
    assert len(quantities()) == at
    monkeypatch.undo()
    assert carried_out(trade) == WHOLE
    assert quantities() == [1] * ASSIGNMENTS


def test_a_run_that_is_stopped_posts_nothing_more(trade, monkeypatch):
    def stop():
        runs.stop(db.session.get_one(Run, trade), NOW)
        db.session.commit()

    done = runs.carry_out(trade, TODAY, clock, 1, stop)
    assert (done.state, done.done_count, len(quantities())) == (RunState.STOPPED, 1, 1)


@pytest.mark.only_on("sqlite")
def test_a_connection_tells_what_others_commit_and_not_what_itself_does(session, other):
    package = a_package()
    session.commit()
    with kept_connection() as kept:
        before = kept.data_version()
        kept.begin()
        package.description = "Mine"
        db.session.commit()
        assert kept.data_version() == before
        other.execute("UPDATE package SET description = 'Theirs'")
        assert kept.data_version() != before
    session.refresh(package)
    assert package.description == "Theirs"


@pytest.mark.only_on("sqlite")
def test_what_is_open_when_its_connection_is_given_back_is_rolled_back(session):
    package = a_package()
    session.commit()
    with kept_connection() as kept:
        kept.begin()
        package.description = "Lost"
        db.session.flush()
    assert package.description != "Lost"


@pytest.mark.only_on("sqlite")
def test_what_was_put_away_makes_room_in_the_log_for_what_is_written_next(session, other):
    package = a_package()
    session.commit()

    def frames_after(writes):
        with kept_connection() as kept:
            for number in range(writes):
                kept.put_log_away()
                kept.begin()
                package.description = f"{number} " + "x" * 20_000
                db.session.commit()
            return other.execute("PRAGMA wal_checkpoint").fetchone()[1]

    assert 0 < frames_after(20) <= frames_after(1) + 1
    assert session.connection().exec_driver_sql("PRAGMA wal_autocheckpoint").scalar() == 1_000


@pytest.mark.only_on("sqlite")
def test_a_connection_has_what_it_had_when_it_is_given_back(session):
    session.connection().exec_driver_sql("PRAGMA wal_autocheckpoint=16000")
    session.rollback()
    with kept_connection():
        pass
    assert session.connection().exec_driver_sql("PRAGMA wal_autocheckpoint").scalar() == 16_000


@pytest.mark.only_on("sqlite")
def test_an_interrupt_within_a_statement_is_told_as_itself(session):
    def interrupt(*_):
        raise KeyboardInterrupt

    def interrupted():
        with kept_connection() as kept:
            kept.begin()
            event.listen(db.engine, "do_execute", interrupt)
            a_package()

    try:
        with pytest.raises(KeyboardInterrupt):
            interrupted()
    finally:
        event.remove(db.engine, "do_execute", interrupt)


@pytest.mark.only_on("sqlite")
def test_where_nobody_can_say_who_wrote_it_is_an_error_of_the_database(session):
    with kept_connection() as kept:
        kept._driver.set_progress_handler(lambda: 1, 1)
        with pytest.raises(OperationalError):
            kept.data_version()
        kept._driver.set_progress_handler(None, 0)


@pytest.mark.only_on("sqlite")
def test_behind_an_error_others_can_write_before_the_thread_has_ended(trade, other, monkeypatch):
    find, calls, could = shards.find, iter(range(ASSIGNMENTS)), []
    failed = Event()

    def finds(*asked):
        if next(calls) == 1:
            failed.wait(LONG)
            for _ in range(LONG * 10):
                try:
                    order_more(other)
                    could.append(True)
                    break
                except sqlite3.OperationalError:
                    sleep(0.1)
        return find(*asked)

    def fails(*_):
        failed.set()
        raise RuntimeError("no more")

    monkeypatch.setattr(shards, "find", finds)
    monkeypatch.setattr(shards, "store", fails)
    other.execute("PRAGMA busy_timeout=0")
    with pytest.raises(RuntimeError):
        carried_out(trade)
    assert could


def test_threads_go_on_as_long_as_ever_once_the_last_run_of_a_process_has_ended():
    before, first, second = sys.getswitchinterval(), ahead.switching_often(), ahead.switching_often()
    first.__enter__()
    second.__enter__()
    assert sys.getswitchinterval() < before
    first.__exit__(None, None, None)
    second.__exit__(None, None, None)
    assert sys.getswitchinterval() == before
