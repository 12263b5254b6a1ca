"""A job is handed on with what it follows from, or not at all; without a queue its command is started then."""

import pytest
from procrastinate.jobs import Job
from sqlalchemy import text

from portal.domain.errors import RuleBroken
from portal.extensions import db
from portal.schema import OtherVersion
from portal.services.mail import outbox
from portal.services.runs import runs
from portal.tasks import foreground, jobs, processes, queue
from portal.tasks.trying_again import LONGEST_PAUSE, MOST, TryAgain
from tests.trade import BEN, NOW, TODAY, a_customer, a_package, assigned

on_postgresql = pytest.mark.only_on("postgresql")


@pytest.fixture
def started(monkeypatch):
    """The processes that were started."""
    found = []
    monkeypatch.setattr(processes, "start", lambda name, **which: found.append((name, which)))
    return found


def handed_on():
    return [(job.name, job.arguments) for job in queue.waiting(*jobs.JOBS)]


def test_a_job_is_there_once_the_transaction_is_and_not_before(session, started):
    queue.enqueue("charge", run_id=7)
    assert not started
    with db.session.begin_nested():
        pass
    assert not started, "a savepoint is not the end of it"
    db.session.commit()
    assert (handed_on() if queue.is_there() else started) == [("charge", {"run_id": 7})]


def test_what_is_rolled_back_was_never_handed_on(session, started):
    queue.enqueue("charge", run_id=7)
    db.session.rollback()
    db.session.commit()
    assert (started, handed_on()) == ([], [])


@on_postgresql
def test_what_waits_is_not_handed_on_twice_and_what_is_being_done_is(session):
    queue.enqueue("import_calls", import_id=3)
    queue.enqueue("import_calls", import_id=3)
    queue.enqueue("import_calls", import_id=4)
    assert len(handed_on()) == 2
    assert queue.has(import_id=3) and not queue.has(run_id=3)
    db.session.execute(text("UPDATE procrastinate_jobs SET status = 'doing' WHERE args->>'import_id' = '3'"))
    queue.enqueue("import_calls", import_id=3)
    assert len(handed_on()) == 2 and queue.has(import_id=3)


@on_postgresql
def test_mail_that_is_queued_is_sent_by_a_worker_unless_it_was_rolled_back(session):
    outbox.queue("welcome", "ann@example.com", "Welcome", "Hello", now=NOW)
    db.session.rollback()
    db.session.info.pop(queue.MAIL_WAITS, None)
    db.session.commit()
    assert handed_on() == []
    outbox.queue("welcome", "ann@example.com", "Welcome", "Hello", now=NOW)
    db.session.commit()
    assert handed_on() == [("mail", {})]


def a_live_worker():
    db.session.execute(text("INSERT INTO procrastinate_workers DEFAULT VALUES"))
    db.session.commit()


@on_postgresql
def test_without_a_worker_a_command_does_what_waits_and_what_that_hands_on(session, monkeypatch):
    trunk = a_package()
    for name in ("Acme", "Globex"):
        assigned(trunk, a_customer(name), TODAY.replace(day=1))
    monkeypatch.setattr(runs.shards, "SHARD", 1)
    monkeypatch.setattr(jobs, "today", lambda: TODAY)
    run = runs.start(TODAY, simulate=False, today=TODAY, by=BEN, now=NOW)
    queue.enqueue("charge", run_id=run.id)
    db.session.commit()
    assert foreground.do_what_waits("charge", "charge_shard") == 3
    db.session.refresh(run)
    assert (run.state, run.charge_count, handed_on()) == ("done", 2, [])


@on_postgresql
def test_with_a_worker_a_command_leaves_it_what_waits(session):
    queue.enqueue("charge", run_id=7)
    db.session.commit()
    a_live_worker()
    assert queue.has_worker()
    assert foreground.do_what_waits("charge") == 0
    silent = f"UPDATE procrastinate_workers SET last_heartbeat = now() - interval '{queue.SILENT + 1} s'"
    db.session.execute(text(silent))
    assert not queue.has_worker()


@pytest.mark.parametrize(
    ("error", "attempts", "seconds"),
    [
        pytest.param(jobs.PutDown(), 0, 0, id="what was put down is done again at once"),
        pytest.param(ValueError(), 3, 8, id="what failed, ever later"),
        pytest.param(ValueError(), 20, LONGEST_PAUSE, id="but not ever longer"),
        pytest.param(ValueError(), MOST, None, id="and not for ever"),
        pytest.param(RuleBroken("No."), 0, None, id="what a rule stands against is not tried again"),
        pytest.param(OtherVersion("Newer."), 0, 1, id="what needs the other version waits for it"),
    ],
)
def test_when_a_job_is_tried_again(error, attempts, seconds):
    job = Job(id=1, queue="long", lock=None, queueing_lock=None, task_name="charge", attempts=attempts)
    decision = TryAgain().get_retry_decision(exception=error, job=job)
    assert (decision is None) == (seconds is None)
    assert seconds is None or TryAgain.pause(error, attempts) == seconds
