"""The file of upcoming charges begins before all of it is worked out, and has each line once, in the order of days."""

import tracemalloc
from datetime import timedelta
from random import Random
from tempfile import TemporaryFile
from types import SimpleNamespace

import pytest
from sqlalchemy import func, select

from portal.domain.due import Kind
from portal.domain.schedule import FIRST_DAY
from portal.extensions import db
from portal.models import Assignment, AssignmentPosition
from portal.services import portfolio
from portal.services.billing import planning
from portal.services.exports import upcoming
from portal.services.runs.upcoming import upcoming as on_a_page
from tests.trade import TODAY, a_customer, a_package, assigned

pytestmark = pytest.mark.usefixtures("session")
A_MONTH = timedelta(days=31)


def lines_of(table):
    return [row.charge.key for chunk in table.chunks for row in chunk if row.charge]


@pytest.fixture
def a_portfolio():
    portfolio.write(400, TODAY - timedelta(days=50))
    db.session.commit()


def test_it_has_the_lines_of_a_plan_of_everything_in_its_order(a_portfolio):
    for begins in (FIRST_DAY, TODAY - timedelta(days=20), TODAY, TODAY + timedelta(days=3)):
        for days in (0, 1, 9, 45):
            through = max(begins, TODAY) + timedelta(days=days)
            planned = planning.upcoming(begins, through, TODAY)
            found = lines_of(upcoming.upcoming(begins, through, TODAY))
            assert found == [charge.key for charge in planned.charges]


def test_it_has_the_lines_of_one_customer_alone(a_portfolio):
    most = select(Assignment.customer_id).group_by(Assignment.customer_id).order_by(func.count().desc())
    customer_id = db.session.scalar(most.limit(1))
    page = on_a_page(TODAY, TODAY + A_MONTH, TODAY, customer_id)
    assert lines_of(upcoming.upcoming(TODAY, TODAY + A_MONTH, TODAY, customer_id)) == [
        line.key for line in page.lines
    ]


def test_it_begins_before_the_days_to_come_are_worked_out(monkeypatch):
    package, acme = a_package(match=tuple(range(1, 29))), a_customer("Acme")
    for _ in range(12):
        assigned(package, acme, TODAY)
    db.session.commit()
    asked = []
    work_out = upcoming.work_out
    monkeypatch.setattr(
        upcoming, "work_out", lambda ids, *days: asked.append(len(ids)) or work_out(ids, *days)
    )
    monkeypatch.setattr(upcoming, "AT_FIRST", 3)
    monkeypatch.setattr(upcoming, "FEW", 4)
    chunks = iter(upcoming.upcoming(TODAY, TODAY + A_MONTH, TODAY).chunks)
    assert [row.charge.charge_on for row in next(chunks)] == [TODAY] * 3
    assert asked == [4]


def test_the_first_lines_of_a_day_to_come_wait_for_that_day_alone(monkeypatch):
    acme, days = a_customer("Acme"), range(6)
    for after in days:
        day = TODAY + timedelta(days=after)
        for number in range(3):
            assigned(a_package(f"On {day.day}, {number}", match=(day.day,)), acme, day)
    db.session.commit()
    asked = []
    work_out = upcoming.work_out
    monkeypatch.setattr(
        upcoming, "work_out", lambda ids, *until: asked.append(len(ids)) or work_out(ids, *until)
    )
    monkeypatch.setattr(upcoming, "usage_wait_days", lambda: 0)
    monkeypatch.setattr(upcoming, "CHUNK", 2)
    monkeypatch.setattr(upcoming, "AT_FIRST", 3)
    monkeypatch.setattr(upcoming, "AT_ONCE", 3)
    chunks = iter(upcoming.upcoming(TODAY, TODAY + A_MONTH, TODAY).chunks)
    for after in days:
        assert {row.charge.charge_on for row in next(chunks)} == {TODAY + timedelta(days=after)}
        assert sum(asked) == 3 * (after + 1)


def test_an_assignment_of_every_day_is_worked_out_once_for_ten_days(monkeypatch):
    package, acme = a_package(match=tuple(range(1, 29))), a_customer("Acme")
    assigned(package, acme, TODAY)
    db.session.commit()
    asked = []
    work_out = upcoming.work_out
    monkeypatch.setattr(
        upcoming, "work_out", lambda ids, *until: asked.append(until) or work_out(ids, *until)
    )
    lines_of(upcoming.upcoming(TODAY, TODAY + upcoming.AHEAD, TODAY))
    assert len(asked) == 1


def a_line(day, assignment_id):
    due = SimpleNamespace(charge_on=day, kind=Kind.RECURRING, period_from=day, number=0)
    return SimpleNamespace(charge_on=day, due=due, facts=SimpleNamespace(assignment_id=assignment_id))


def test_any_number_of_lines_is_put_away_and_told_in_order_with_a_few_of_them_in_memory():
    def most(count):
        random = Random(7)
        with TemporaryFile() as file:
            tracemalloc.start()
            later, told = upcoming.Later(file, 500), 0
            for _ in range(count):
                later.put(a_line(TODAY + timedelta(days=random.randrange(20)), random.randrange(10_000)))
            while day := later.next():
                last = 0
                for line in later.of(day):
                    assert (line.charge_on, line.facts.assignment_id >= last) == (day, True)
                    last, told = line.facts.assignment_id, told + 1
            assert told == count
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        return peak

    assert most(10_000) < most(1_000) * 3


def test_what_is_held_and_what_cannot_be_worked_out_is_said_once_below(session):
    acme = a_customer("Acme")
    held = assigned(a_package("Old", "1", match=tuple(range(1, 29))), acme, TODAY - timedelta(days=90))
    lost = assigned(a_package("Lost"), acme, TODAY - timedelta(days=1))
    assigned(a_package("Fine", "2", match=tuple(range(1, 29))), acme, TODAY)
    lost.quantities.clear()
    db.session.commit()
    rows = [row for chunk in upcoming.upcoming(FIRST_DAY, TODAY + A_MONTH, TODAY).chunks for row in chunk]
    assert [row.label for row in rows if not row.charge] == ["Old", "Lost"]
    assert {row.label for row in rows if row.charge} == {"Fine"}
    assert db.session.get_one(AssignmentPosition, held.id).next_charge_on
