"""An import that is killed in the middle, by the system and without a word, and started again."""

import time
from decimal import Decimal
from random import Random
from signal import SIGKILL
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from portal.database import reading
from portal.extensions import db
from portal.models import BalanceEntry, Call, CallImport, EntrySource, ImportState
from portal.services.calls import importing, undoing
from tests import calling
from tests.calling import a_file, a_line
from tests.processes import Command
from tests.trade import NOW, TODAY, a_customer

pytestmark = pytest.mark.slow

LINES = 60_000
PATIENCE = 60  # seconds


def lines_done(id):
    """How far an import is, as others see it; no lock is kept that would hold them up."""
    db.session.rollback()
    with reading():
        found = db.session.scalar(select(CallImport.lines_done).where(CallImport.id == id)) or 0
    db.session.rollback()
    return found


def is_done(id, ends=ImportState.DONE):
    """Whether an import is done, or how else it ends, as others see it."""
    db.session.rollback()
    with reading():
        state = db.session.scalar(select(CallImport.state).where(CallImport.id == id))
    db.session.rollback()
    return state == ends


def test_an_import_that_is_killed_goes_on_where_it_stood_and_counts_nothing_twice(app, session, tmp_path):
    customer = a_customer(tax_rate="0")
    path = a_file(
        tmp_path, (a_line(f"c{n}", f"2026-11-{n % 20 + 1:02} 10:00:00", 60, "0.01") for n in range(LINES))
    )
    import_ = calling.accepted(path)
    db.session.commit()
    id, customer_id = import_.id, customer.id
    (command,) = at_work(app, tmp_path, [id])
    deadline = time.monotonic() + PATIENCE
    while not lines_done(id) and command.is_running and time.monotonic() < deadline:
        time.sleep(0.002)
    command.kill()
    command.ended(PATIENCE)
    assert 0 < lines_done(id) < LINES, command.says.read_text()

    db.session.rollback()
    done = importing.carry_out(id, TODAY, lambda: NOW, ZoneInfo("UTC"))
    assert (done.state, done.taken_count, done.known_count) == (ImportState.DONE, LINES, 0)
    assert db.session.scalar(select(func.count(Call.id))) == LINES
    owed = select(func.sum(BalanceEntry.amount)).where(BalanceEntry.customer_id == customer_id)
    assert db.session.scalar(owed) == -LINES // 100


CUSTOMERS, DAYS = 12, 20
CALLS = 24_000


def a_night(tmp_path, name="calls.csv", calls=CALLS):
    """A file of calls of some customers over some days, each at a penny; the customers have to be there."""
    lines = (
        a_line(
            f"{name}{n}",
            f"2026-11-{n % DAYS + 1:02} 10:00:00",
            60,
            "0.01",
            customer=f"Customer {n // DAYS % CUSTOMERS}",
        )
        for n in range(calls)
    )
    return a_file(tmp_path, lines, name=name)


def accepted(path):
    id = calling.accepted(path).id
    db.session.commit()
    return id


def at_work(app, tmp_path, ids, *what):
    """One process for each of these imports, all at once: it is taken in, or what else the command says."""
    environment = {
        "PORTAL_DATABASE_URL": app.config["SQLALCHEMY_DATABASE_URI"],
        "PORTAL_INSTANCE": str(app.config["INSTANCE"]),
        "PORTAL_TODAY": TODAY.isoformat(),
    }
    return [
        Command(
            ["import", *(what or ("calls", "--import")), str(id)], environment, tmp_path / f"said-{n}.txt"
        )
        for n, id in enumerate(ids)
    ]


def entries():
    """How many entries of calls there are, on how many days of customers, and what they come to."""
    db.session.rollback()
    of_calls = select(BalanceEntry).where(BalanceEntry.source == EntrySource.CALLS).subquery()
    days = select(of_calls.c.customer_id, of_calls.c.for_day).distinct().subquery()
    return (
        db.session.scalar(select(func.count()).select_from(of_calls)),
        db.session.scalar(select(func.count()).select_from(days)),
        sum(db.session.scalars(select(BalanceEntry.amount))),
    )


def stop_after_a_block(import_):
    importing.stop(import_)
    db.session.commit()


def customers():
    for number in range(CUSTOMERS):
        a_customer(f"Customer {number}", tax_rate="0")
    db.session.commit()


def test_an_import_that_is_killed_again_and_again_adds_one_entry_a_customer_and_day(app, session, tmp_path):
    customers()
    id, random, exits = accepted(a_night(tmp_path)), Random(8), []
    while not is_done(id):
        (command,) = at_work(app, tmp_path, [id])
        time.sleep(
            random.uniform(0.1, 0.3 + len(exits) / 20)
        )  # each may live a little longer, so that one gets to the end
        command.kill()
        exits.append(command.ended(PATIENCE))
        assert len(exits) < 100
    assert -SIGKILL in exits
    assert entries() == (CUSTOMERS * DAYS, CUSTOMERS * DAYS, -CALLS // 100)


@pytest.mark.parametrize("processes", [2, 4])
def test_an_import_that_several_processes_take_in_at_once_adds_one_entry_a_customer_and_day(
    app, session, tmp_path, processes
):
    customers()
    id = accepted(a_night(tmp_path))
    for command in at_work(app, tmp_path, [id] * processes):
        # Somebody else was quicker: 3, with blocks to come; 1, once it is done.
        assert command.ended(PATIENCE) in (0, 1, 3), command.says.read_text()
        assert "Traceback" not in command.says.read_text()
    db.session.rollback()
    assert importing.carry_out(id, TODAY, lambda: NOW, ZoneInfo("UTC")).state == ImportState.DONE
    assert entries() == (CUSTOMERS * DAYS, CUSTOMERS * DAYS, -CALLS // 100)


def test_imports_of_the_same_customers_side_by_side_enter_each_call_once(app, session, tmp_path):
    customers()
    ids = [accepted(a_night(tmp_path, f"{name}.csv", calls=4_800)) for name in "abcd"]
    for command in at_work(app, tmp_path, ids):
        assert command.ended(PATIENCE) == 0, command.says.read_text()
    count, days, amount = entries()
    assert (days, amount) == (CUSTOMERS * DAYS, -4 * 48)
    assert count <= len(ids) * days


def test_nothing_follows_from_an_import_that_is_stopped_until_it_is_done(session, tmp_path):
    customers()
    id = accepted(a_night(tmp_path, calls=480))

    stopped = importing.carry_out(id, TODAY, lambda: NOW, ZoneInfo("UTC"), 240, stop_after_a_block)
    assert (stopped.state, stopped.lines_done, entries()[0]) == (ImportState.STOPPED, 240, 0)
    importing.go_on(stopped, NOW)
    done = importing.carry_out(id, TODAY, lambda: NOW, ZoneInfo("UTC"), 240)
    assert done.state == ImportState.DONE
    assert entries() == (CUSTOMERS * DAYS, CUSTOMERS * DAYS, Decimal("-4.80"))


def test_a_file_imported_again_enters_what_an_import_left_that_was_stopped(session, tmp_path):
    customers()
    path = a_night(tmp_path, calls=480)
    first, second = accepted(path), accepted(path)

    importing.carry_out(first, TODAY, lambda: NOW, ZoneInfo("UTC"), 240, stop_after_a_block)
    importing.carry_out(second, TODAY, lambda: NOW, ZoneInfo("UTC"), 240)
    assert entries() == (CUSTOMERS * DAYS, CUSTOMERS * DAYS, Decimal("-4.80"))


def begun_to_be_undone(id):
    undoing.start_undoing(db.session.get_one(CallImport, id), "Rated wrongly", by="", now=NOW)
    db.session.commit()


def test_undoing_an_import_that_is_killed_again_and_again_takes_back_each_call_once(app, session, tmp_path):
    customers()
    path = a_night(tmp_path)
    wrong, again = (importing.carry_out(accepted(path), TODAY, lambda: NOW).id for _ in range(2))
    begun_to_be_undone(wrong)
    begun_to_be_undone(again)
    random, exits = Random(9), []
    for id in (wrong, again):
        while not is_done(id, ImportState.UNDONE):
            (command,) = at_work(app, tmp_path, [id], "undo")
            time.sleep(random.uniform(0.1, 0.3 + len(exits) / 20))
            command.kill()
            exits.append(command.ended(PATIENCE))
            assert len(exits) < 200
    assert -SIGKILL in exits
    assert not db.session.scalar(select(func.count(Call.id)))
    assert entries() == (2 * CUSTOMERS * DAYS, CUSTOMERS * DAYS, 0)


def test_an_import_that_several_processes_undo_at_once_is_taken_back_once(app, session, tmp_path):
    customers()
    id = importing.carry_out(accepted(a_night(tmp_path)), TODAY, lambda: NOW).id
    begun_to_be_undone(id)
    for command in at_work(app, tmp_path, [id] * 3, "undo"):
        assert command.ended(PATIENCE) in (0, 1), command.says.read_text()
        assert "Traceback" not in command.says.read_text()
    db.session.rollback()
    undo = undoing.undoings_of(db.session.get_one(CallImport, id, populate_existing=True))[0]
    assert (undo.done_count, undo.given_count) == (CALLS, 0)
    assert entries() == (2 * CUSTOMERS * DAYS, CUSTOMERS * DAYS, 0)
