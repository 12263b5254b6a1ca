"""A customer's calls as a list: in the order of their time, whatever file brought them, page after page."""

import pytest
from sqlalchemy import event, insert, text

from portal.extensions import db
from portal.models import Call
from portal.services import listing
from portal.services.calls import lists
from tests.calling import a_file, a_line, taken_in
from tests.trade import TODAY, a_customer

pytestmark = pytest.mark.usefixtures("session")


def test_calls_stand_in_the_order_of_their_time_and_those_without_one_come_last(session, tmp_path):
    customer = a_customer()
    session.commit()
    times = {"noon": "2026-11-03 12:00:00", "day": "2026-11-03", "dawn": "2026-11-03 05:30:00",
             "eve": "2026-11-02 23:00:00", "night": "2026-11-03 22:15:00", "same": "2026-11-03 12:00:00"}  # fmt: skip
    for number, (name, when) in enumerate(times.items()):  # each from a file of its own, in no order of time
        taken_in(a_file(tmp_path, [a_line(name, when, 60, "1")], name=f"{number}.csv"))
    query = lists.find_calls(customer.id, "", None, None)
    seen, after = [], None
    while True:
        page = listing.page(query, lists.NEWEST, after, size=2)
        seen += [call.call_id for call in page.rows]
        if (after := page.after) is None:
            break
    assert seen == ["night", "same", "noon", "dawn", "day", "eve"]
    first = session.query(Call).filter_by(call_id="dawn").one()
    assert [call.call_id for call in lists.call_page(query, len(times), None, first.id).rows][-2:] == [
        "same",
        "noon",
    ]


def test_what_they_come_to_is_added_up_off_their_index_alone(session):
    """However many there are: no call is read for it."""
    customers, said = [a_customer(f"Customer {number}") for number in range(20)], []
    row = {"day": TODAY, "destination": "447700900123", "seconds": 60, "amount": 1, "came_in_on": TODAY}
    rows = [row | {"customer_id": customers[n % 20].id, "call_id": f"c{n}"} for n in range(4_000)]
    session.execute(insert(Call.__table__), rows)
    asked = lists.find_calls(customers[7].id, "", None, None)
    how, words = "QUERY PLAN ", "USING COVERING INDEX ix_call_of_customer"
    if db.engine.dialect.name == "postgresql":
        how, words = "", "Index Only Scan using ix_call_of_customer"
        session.execute(
            text("SET LOCAL synchronous_commit = on")
        )  # else VACUUM may find them not certain yet
        session.commit()
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE call")
    session.commit()
    event.listen(db.engine, "before_cursor_execute", lambda *args: said.append(args[2:4]))
    lists.totals_of(asked)
    statement, values = said[-1]
    plan = session.connection().exec_driver_sql(f"EXPLAIN {how}{statement}", values).all()
    assert words in str(plan), plan
