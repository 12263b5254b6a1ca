"""What comes every day is done once, at its local time, however many workers look; missed days are made up for."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import func, select

from portal import clock
from portal.extensions import db
from portal.models import DailyWork, Run
from portal.models.company import company
from portal.services.runs import runs
from portal.tasks import daily, queue
from tests.trade import BEN, a_customer, a_package, assigned

pytestmark = pytest.mark.usefixtures("session")
AT = time(1, 15)
MORNING = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
TODAY = date(2026, 11, 22)


@pytest.fixture
def it_is(monkeypatch):
    """Let the database's clock, and this machine's, say an instant."""

    def say(instant):
        monkeypatch.setattr(clock, "agreed_now", lambda: instant)
        monkeypatch.setattr(clock, "now", lambda: instant)

    say(MORNING)
    return say


def looked():
    """What is handed on after a look."""
    daily.look()
    return sorted(job.name for job in queue.waiting("charge", "announce", "monthly_summaries"))


def days_of_runs():
    return list(db.session.scalars(select(Run.through).order_by(Run.id)))


@pytest.mark.parametrize(
    ("zone", "instant", "day"),
    [
        pytest.param("UTC", "2026-11-22T01:14", "2026-11-21", id="a minute before, it is still yesterday's"),
        pytest.param("UTC", "2026-11-22T01:15", "2026-11-22", id="from the minute on it is today's"),
        pytest.param("Pacific/Auckland", "2026-11-21T12:16", "2026-11-22", id="by the company's own clock"),
        pytest.param("Europe/London", "2026-03-29T01:00", "2026-03-29", id="an hour that does not exist is over"),
        pytest.param("Europe/London", "2026-10-25T00:15", "2026-10-25", id="an hour that comes twice, the first time"),
    ],
)  # fmt: skip
def test_the_day_that_is_due(app, zone, instant, day):
    company().time_zone = zone
    now = datetime.fromisoformat(instant).replace(tzinfo=UTC).astimezone(clock.zone())
    assert daily.due_day(AT, now) == date.fromisoformat(day)


def test_one_alone_is_told_to_hand_a_day_on(app):
    asked = [daily.is_next("charge", TODAY) for _ in range(3)]
    assert asked == [True, False, False]
    assert daily.is_next("announce", TODAY)
    assert daily.is_next("charge", TODAY + timedelta(days=4)), (
        "days on which nobody looked are made up for at once"
    )
    assert not daily.is_next("charge", TODAY + timedelta(days=3)), (
        "the company has moved to a zone further west"
    )


def test_a_day_that_a_wrong_clock_wrote_down_counts_for_nothing(app):
    assert daily.is_next("charge", date(2031, 1, 1))
    assert daily.is_next("charge", TODAY)
    assert not daily.is_next("charge", TODAY)


@pytest.mark.only_on("postgresql")
def test_a_day_has_one_run_and_one_round_of_notices(app, it_is):
    app.config.update(CHARGE_AT=AT, NOTICES_AT=time(7))
    it_is(MORNING.replace(hour=8))
    assert looked() == ["announce", "charge", "monthly_summaries"]
    assert looked() == ["announce", "charge", "monthly_summaries"]
    assert days_of_runs() == [TODAY]
    it_is(MORNING + timedelta(days=3))
    looked()
    assert days_of_runs() == [TODAY, TODAY + timedelta(days=3)]


@pytest.mark.only_on("postgresql")
def test_what_has_no_time_is_not_done_by_workers(app, it_is):
    app.config.update(CHARGE_AT=None, NOTICES_AT=None)
    assert looked() == []
    assert db.session.scalar(select(func.count()).select_from(DailyWork)) == 0


@pytest.mark.only_on("postgresql")
def test_long_after_the_last_run_nothing_is_posted_unasked(app, it_is, caplog):
    app.config.update(CHARGE_AT=AT, NOTICES_AT=None)
    assigned(a_package(), a_customer("Acme"), TODAY)
    run = runs.start(TODAY, simulate=False, today=TODAY, by=BEN, now=MORNING)
    db.session.commit()
    runs.carry_out(run.id, TODAY, lambda: MORNING)
    it_is(MORNING + timedelta(days=32))
    assert looked() == []
    assert "32 days before" in caplog.text and "portal charge --catch-up" in caplog.text
    assert days_of_runs() == [TODAY]
