"""SQLite has one writer at a time: who waits gets in between the transactions of whoever writes very much."""

import sqlite3
from contextlib import closing
from datetime import date

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from portal import database
from portal.extensions import db
from portal.models import Charge, Company
from portal.services.billing import posting
from portal.services.runs import runs, shards
from tests.trade import BEN, NOW, TODAY, a_customer, a_package, assigned

pytestmark = [pytest.mark.usefixtures("session"), pytest.mark.only_on("sqlite")]


@pytest.fixture
def other(session):
    """Somebody else at the same file, who does not wait."""
    file, more = db.engine.url.database, {"isolation_level": None, "check_same_thread": False}
    with closing(sqlite3.connect(file, timeout=0, **more)) as connection:
        yield connection


def write(connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("UPDATE company SET city = 'Bristol'")
    connection.execute("COMMIT")


@pytest.fixture
def run(session):
    """A run of three customers, with nothing done yet."""
    package = a_package()
    for name in ("Acme", "Globex", "Initech"):
        assigned(package, a_customer(name), date(2026, 11, 1))
    run = runs.start(TODAY, simulate=False, today=TODAY, by=BEN, now=NOW)
    db.session.commit()
    return run


def test_between_two_chunks_of_a_run_somebody_else_can_write(run, other, monkeypatch):
    gaps = []
    monkeypatch.setattr(shards, "make_way", lambda _: gaps.append(write(other)))
    assert runs.carry_out(run.id, TODAY, lambda: NOW, most=1).charge_count == 3
    assert len(gaps) == 3


def write_while(name, other, monkeypatch):
    """Let somebody else order one more of everything just before a chunk goes on to `name`: whether they could."""
    goes_on, could = getattr(posting, name), []

    def order(*asked):
        try:
            other.execute("UPDATE assignment_quantity SET quantity = quantity + 1")
            could.append(True)
        except sqlite3.OperationalError:
            could.append(False)
        return goes_on(*asked)

    monkeypatch.setattr(posting, name, order)
    return could


def test_what_somebody_writes_while_a_chunk_is_worked_out_is_charged_and_then_nobody_gets_in(
    run, other, monkeypatch
):
    could = write_while("payment_days", other, monkeypatch)
    assert runs.carry_out(run.id, TODAY, lambda: NOW).charge_count == 3
    assert could == [True, False, False], "once ahead, then in two parts under the lock"
    assert db.session.scalars(select(Charge.quantity)).all() == [2] * 3


def test_while_a_chunk_is_stored_nobody_else_can_write(run, other, monkeypatch):
    could = write_while("open_new", other, monkeypatch)
    assert runs.carry_out(run.id, TODAY, lambda: NOW).charge_count == 3
    assert could == [False]


def test_who_waits_begins_as_soon_as_the_other_has_ended(other, monkeypatch):
    other.execute("BEGIN IMMEDIATE")
    asked = []

    def sleep(seconds):
        asked.append(seconds)
        if len(asked) == 3:
            other.execute("COMMIT")

    monkeypatch.setattr(database.time, "sleep", sleep)
    assert db.session.get_one(Company, 1)
    assert asked == [database.OFTEN] * 3
    db.session.rollback()
    assert db.session.connection().exec_driver_sql("PRAGMA busy_timeout").scalar() == 15_000


def test_a_gap_is_long_enough_to_be_met_by_whoever_waits():
    assert database.A_MOMENT >= 2 * database.OFTEN


def test_who_has_waited_too_long_is_told_that_the_database_is_busy(other, monkeypatch):
    monkeypatch.setattr(database, "BUSY_SECONDS", 0)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(OperationalError) as refused:
        db.session.get_one(Company, 1)
    assert database.kind_of(refused.value) == database.Failure.BUSY
    other.execute("COMMIT")
    db.session.rollback()
    assert db.session.get_one(Company, 1)
