"""What of the queue needs a look, on PostgreSQL; on SQLite there is none."""

import pytest
from sqlalchemy import text

from portal.tasks import queue, watch

pytestmark = pytest.mark.usefixtures("session")


def of_jobs():
    """Each number by its name and by what its label says."""
    return {(gauge.name, label): value for gauge in watch.gauges() for label, value in gauge.values.items()}


def earlier(session, seconds):
    """As if all that was handed on and all that happened to it were so long ago."""
    session.execute(
        text("UPDATE procrastinate_events SET at = at - make_interval(secs => :ago)"), {"ago": seconds}
    )


@pytest.mark.only_on("sqlite")
def test_without_a_queue_there_is_nothing_to_tell():
    assert not watch.look() and watch.gauges() == []


@pytest.mark.only_on("postgresql")
def test_a_job_that_waits_while_no_worker_lives_needs_a_look_and_is_counted(session):
    queue.enqueue("charge", run_id=7)
    assert not watch.look(), "one that is just being started again is not missed"
    earlier(session, 600)
    assert watch.look().without_worker == 1
    found = of_jobs()
    assert (found["portal_jobs", "waiting"], found["portal_jobs", "failed"]) == (1, 0)
    assert 600 <= found["portal_jobs_oldest_seconds", ""] < 700
    assert found["portal_workers", ""] == 0
    session.execute(text("INSERT INTO procrastinate_workers DEFAULT VALUES"))
    assert not watch.look() and of_jobs()["portal_workers", ""] == 1


@pytest.mark.only_on("postgresql")
def test_what_failed_in_a_day_and_has_no_page_of_its_own_needs_a_look(session):
    for name, arguments in (("announce", {}), ("charge", {"run_id": 7})):
        queue.enqueue(name, **arguments)
    session.execute(text("UPDATE procrastinate_jobs SET status = 'doing'"))
    session.execute(text("UPDATE procrastinate_jobs SET status = 'failed'"))
    assert watch.look().failed == ("announce",)
    assert of_jobs()["portal_jobs", "failed"] == 2
    earlier(session, 2 * 86_400)
    assert not watch.look()
