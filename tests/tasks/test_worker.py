"""`portal worker`, as processes of its own: it does what waits, is stopped cleanly, and is made up for when killed."""

import time

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select, text

from portal.cli import main
from portal.extensions import db
from portal.models import Charge, Run, RunState
from portal.services.runs import runs
from portal.tasks import queue
from tests.processes import Command, in_a_hurry
from tests.trade import BEN, NOW, TODAY, a_customer, a_package, assigned

pytestmark = [pytest.mark.slow, pytest.mark.only_on("postgresql")]
PATIENCE = 60  # seconds: machines are busy
NOVEMBER = TODAY.replace(day=1)


@pytest.fixture
def worker(app, tmp_path):
    """Start one; all are ended with the test."""
    begun = []

    def start(**settings):
        environment = {
            "PORTAL_DATABASE_URL": app.config["SQLALCHEMY_DATABASE_URI"],
            "PORTAL_INSTANCE": str(app.config["INSTANCE"]),
            "PORTAL_TODAY": TODAY.isoformat(),
            "PORTAL_RUN_CHUNK": "1",
            "PORTAL_CHARGE_AT": "",
            "PORTAL_NOTICES_AT": "",
            **settings,
        }
        says = tmp_path / f"worker-{len(begun)}.txt"
        begun.append(Command(["worker"], environment, says, in_a_hurry))
        return begun[-1]

    yield start
    for one in begun:
        one.kill()
        one.ended(PATIENCE)


def until(what, why):
    """Wait until it is so."""
    end = time.monotonic() + PATIENCE
    while not what():
        db.session.rollback()
        assert time.monotonic() < end, why
        time.sleep(0.05)
    db.session.rollback()


def a_long_run(customers=60):
    """A run that was handed on, with an assignment for each of so many customers."""
    trunk = a_package()
    for number in range(customers):
        assigned(trunk, a_customer(f"Customer {number}"), NOVEMBER)
    run = runs.start(TODAY, simulate=False, today=TODAY, by=BEN, now=NOW)
    queue.enqueue("charge", run_id=run.id)
    db.session.commit()
    return run


def posted():
    return db.session.scalar(select(func.count(Charge.id)))


def jobs_left():
    return db.session.scalar(text("SELECT count(*) FROM procrastinate_jobs"))


def is_done(run):
    db.session.refresh(run)
    return run.state == RunState.DONE


def test_it_does_what_waits_and_ends_well_when_it_is_told_to(session, worker):
    run = a_long_run(5)
    one = worker()
    until(lambda: is_done(run) and not jobs_left(), "the run is not done")
    assert (run.charge_count, posted(), queue.has_worker()) == (5, 5, True)
    one.stop()
    assert one.ended(PATIENCE) == 0
    assert not queue.has_worker()


def test_one_that_is_stopped_in_the_middle_puts_its_job_down_and_another_goes_on(session, worker):
    run = a_long_run(100)
    one = worker()
    until(lambda: posted() > 5, "nothing was posted")
    one.stop()
    assert one.ended(PATIENCE) == 0
    before = posted()
    assert 5 < before < 100 and not is_done(run)
    assert [(job.name, job.arguments) for job in queue.waiting("charge")] == [("charge", {"run_id": run.id})]
    worker()
    until(lambda: is_done(run) and not jobs_left(), "nobody went on")
    assert (run.charge_count, run.done_count, posted()) == (100, 100, 100)


def test_what_a_killed_one_had_in_hand_is_taken_up_by_another(session, worker):
    run = a_long_run(100)
    one = worker()
    until(lambda: posted() > 5, "nothing was posted")
    one.kill()
    one.ended(PATIENCE)
    assert not is_done(run)
    worker()
    until(lambda: is_done(run) and not jobs_left(), "nobody took it up")
    assert (run.charge_count, posted()) == (100, 100)


def test_a_job_of_whose_end_the_database_never_heard_is_done_again(session, worker):
    """The database was away in the very moment, and the worker is not."""
    run = a_long_run(3)
    queue.enqueue("mail")  # so that both lanes have had something in hand
    db.session.commit()
    worker()
    until(lambda: is_done(run) and not jobs_left(), "the run is not done")
    long = db.session.scalar(text("SELECT min(id) FROM procrastinate_workers"))
    queue.enqueue("charge", run_id=run.id)
    db.session.execute(
        text("UPDATE procrastinate_jobs SET status = 'doing', worker_id = :long"), {"long": long}
    )
    db.session.commit()
    until(lambda: not jobs_left(), "it is held to be in hand for ever")
    assert posted() == 3


def test_several_share_a_run_and_whoever_is_stopped_by_a_person_stops_for_all(session, worker):
    run = a_long_run(120)
    for _ in range(2):
        worker()
    until(lambda: posted() > 5, "nothing was posted")
    runs.stop(run, NOW)
    db.session.commit()
    until(lambda: not jobs_left(), "its jobs did not end")
    stood = posted()
    assert stood < 120
    assert runs.take_up(run, NOW)
    queue.enqueue("charge", run_id=run.id)
    db.session.commit()
    until(lambda: is_done(run), "it did not go on")
    assert posted() == 120


def test_any_number_of_workers_hand_a_day_on_once(session, worker):
    assigned(a_package(), a_customer("Acme"), NOVEMBER)
    db.session.commit()
    many = [worker(PORTAL_CHARGE_AT="00:00", PORTAL_NOTICES_AT="00:00") for _ in range(3)]
    until(lambda: posted() and not jobs_left(), "nobody posted the day")
    time.sleep(2.5)  # each has looked once more
    assert db.session.scalar(select(func.count(Run.id))) == 1
    assert db.session.scalar(select(Run.started_by)) == "portal worker"
    for one in many:
        one.stop()
    assert [one.ended(PATIENCE) for one in many] == [0, 0, 0]


def test_once_the_database_is_of_another_version_it_ends_and_says_so(session, worker):
    one = worker()
    until(queue.has_worker, "it did not start")
    try:
        db.session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        db.session.commit()
        assert one.ended(PATIENCE) == 5
        assert "The database is at version 9999" in one.says.read_text()
    finally:
        db.session.execute(text("UPDATE alembic_version SET version_num = '0001'"))
        db.session.commit()


@pytest.mark.only_on("sqlite")
def test_on_sqlite_there_are_none(app, monkeypatch):
    monkeypatch.setattr("portal.create_app", lambda: app)
    result = CliRunner().invoke(main, ["worker"])
    assert result.exit_code == 1
    assert "Workers need PostgreSQL." in result.output
