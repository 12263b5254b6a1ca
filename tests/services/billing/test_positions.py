"""A position moves only if it stands where it was read."""

import pytest
from sqlalchemy import func, select, update

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
        posting._post(read, None, TODAY, BEN, NOW)
    db.session.rollback()
    assert db.session.scalar(select(func.count(Charge.id))) == 0
    assert {first.position.charged_until, second.position.charged_until} == {None}
