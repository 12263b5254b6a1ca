"""The numbers that whoever watches over the portal is told are what stands in the database, on both databases."""

from datetime import UTC, datetime, timedelta

import pytest

from portal.models import AssignmentPosition, CallImport, ImportState, Mail, MailState, Run, RunState
from portal.services.overview import gauges
from portal.services.runs import runs
from tests.trade import NOW, TODAY, a_customer, a_package, assigned

pytestmark = pytest.mark.usefixtures("session")

DAY = timedelta(days=1)


def told():
    """Each number by its name, and by what its label says."""
    found = gauges.read(TODAY, NOW)
    assert len({gauge.name for gauge in found}) == len(found)
    return {(gauge.name, label): value for gauge in found for label, value in gauge.values.items()}


def carried_out(day, now=NOW):
    run = runs.start(day, simulate=False, today=day, by="the night", now=now)
    return runs.carry_out(run.id, day, lambda: now + timedelta(seconds=4))


def test_before_the_first_run_nothing_is_said_of_a_last_one():
    assert not [name for name, _ in told() if name.startswith("portal_last_run")]


def test_the_last_run_is_told_with_its_day_its_age_and_its_rate():
    assigned(a_package(match=()), a_customer(), TODAY - 9 * DAY)
    carried_out(TODAY - 9 * DAY)
    runs.carry_out(runs.start(TODAY, simulate=True, today=TODAY, by="a look", now=NOW).id, TODAY, lambda: NOW)
    found = told()
    assert found["portal_last_run_age_days", ""] == 9
    day = datetime.fromtimestamp(found["portal_last_run_day_timestamp_seconds", ""], UTC)
    assert day.date() == TODAY - 9 * DAY
    assert (found["portal_last_run_charges", ""], found["portal_last_run_seconds", ""]) == (1, 4)


def test_assignments_that_are_due_overdue_and_held_are_counted_apart(session):
    customer = a_customer()
    assigned(a_package("Today", match=()), customer, TODAY)
    assigned(a_package("Late", match=()), customer, TODAY - 3 * DAY)
    held = assigned(a_package("Held", match=()), customer, TODAY - 3 * DAY)
    session.get_one(AssignmentPosition, held.id).held_lines = 41
    session.flush()
    found = told()
    states = {label: value for (name, label), value in found.items() if name == "portal_assignments"}
    assert states == {"due": 2, "overdue": 1, "held": 1}


def test_runs_at_work_are_told_from_those_that_nobody_goes_on_with(session):
    for silent in (timedelta(seconds=5), timedelta(hours=2)):
        said = {"through": TODAY, "state": RunState.RUNNING, "started_at": NOW - timedelta(hours=3)}
        session.add(Run(**said, heartbeat_at=NOW - silent))
    session.flush()
    found = told()
    assert (found["portal_runs", "running"], found["portal_runs", "interrupted"]) == (1, 1)


def test_mail_that_waits_was_refused_or_was_given_up_is_counted(session):
    old = NOW - timedelta(days=40)
    for number, (state, sentence, made) in enumerate(
        [
            (MailState.WAITING, "", NOW - timedelta(hours=1)),
            (MailState.WAITING, "The mail server refused it.", NOW - timedelta(hours=2)),
            (MailState.FAILED, "No such person.", NOW - DAY),
            (MailState.FAILED, "No such person.", old),
            (MailState.SENT, "", old),
        ]
    ):
        said = {"to": "ann@acme.example", "subject": "x", "text": "x", "created_at": made, "due_at": NOW}
        session.add(Mail(key=str(number), state=state, sentence=sentence, **said))
    session.flush()
    found = told()
    states = {label: value for (name, label), value in found.items() if name == "portal_mail"}
    assert states == {"waiting": 2, "refused": 1, "given_up": 1}
    assert found["portal_mail_oldest_seconds", ""] == 7200


def test_files_of_calls_that_are_not_done_are_counted_by_what_they_wait_for(session):
    for state, layout, silent in (
        (ImportState.RUNNING, "{}", 5),
        (ImportState.RUNNING, "{}", 7200),
        (ImportState.STOPPED, "{}", 7200),
        (ImportState.RUNNING, "", 7200),
        (ImportState.DONE, "{}", 7200),
        (ImportState.UNDOING, "{}", 5),
        (ImportState.UNDOING, "{}", 7200),
        (ImportState.UNDOING, "{}", 7200),
        (ImportState.UNDONE, "{}", 7200),
    ):
        days = 100 if state == ImportState.UNDOING else 1
        said = {"file_name": "calls.csv", "started_at": NOW - timedelta(days=days)}
        beat = NOW - timedelta(seconds=silent)
        session.add(CallImport(state=state, layout=layout, heartbeat_at=beat, **said))
    session.flush()
    states = {label: value for (name, label), value in told().items() if name == "portal_imports"}
    assert states == {
        "running": 1, "interrupted": 1, "stopped": 1, "waiting": 1, "undoing": 1, "undo_interrupted": 2,
    }  # fmt: skip
