"""A position moves only if it stands where it was read."""

import pytest
from sqlalchemy import event, func, select, update

from portal.extensions import db
from portal.models import AssignmentPosition, Charge
from portal.services.billing import posting
from portal.services.billing.planning import due_ids, work_out
from tests.trade import BEN, NOW, TODAY, a_customer, a_package, assigned


def test_a_position_that_moved_since_it_was_read_is_not_moved_and_nothing_is_posted(session):
    """The unique key would not tell: on PostgreSQL the other run may have found that nothing was to be charged."""
    first, second = (assigned(a_package(match=(22,)), a_customer(name)) for name in ("Acme", "Globex"))
    db.session.commit()
    read = list(work_out(due_ids(TODAY), TODAY, TODAY))
    position = update(AssignmentPosition).where(AssignmentPosition.assignment_id == second.id)
    db.session.execute(position.values(version=AssignmentPosition.version + 1))
    db.session.commit()
    with pytest.raises(posting.PositionMoved):
        posting.Lines(read, TODAY).post(None, BEN, NOW)
    db.session.rollback()
    assert db.session.scalar(select(func.count(Charge.id))) == 0
    assert {first.position.charged_until, second.position.charged_until} == {None}


@pytest.mark.only_on("sqlite")
def test_a_chunk_finds_what_it_reads_by_an_index(session):
    """Else each chunk would read all assignments that there are, and a run of twice as many take four times as long."""
    for name in ("Acme", "Globex"):
        assigned(a_package(name), a_customer(name))
    session.commit()
    asked = {}

    def note(_connection, _cursor, statement, values, _context, many):
        if statement.startswith(("SELECT", "INSERT", "UPDATE")) and "VALUES" not in statement and not many:
            asked[statement] = values

    event.listen(session.get_bind(), "before_cursor_execute", note)
    posting.post_chunk(due_ids(TODAY), TODAY, TODAY, None, BEN, NOW)
    event.remove(session.get_bind(), "before_cursor_execute", note)
    driver = session.connection().connection.driver_connection
    in_chunk = {text: values for text, values in asked.items() if "json_each" in text}
    assert len(in_chunk) > 8
    for statement, values in in_chunk.items():
        steps = [row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
        scanned = [step for step in steps if step.startswith("SCAN") and "json_each" not in step]
        assert scanned == [], statement
