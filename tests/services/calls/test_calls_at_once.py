"""The same calls in two files at once, sorted differently: one waits for the other, and never both."""

import threading
from io import BytesIO

import pytest
from sqlalchemy import event, func, select, text

from portal.extensions import db
from portal.models import Call, CallImport, Customer, ImportState
from portal.services import locking
from tests import world
from tests.calling import a_file, a_line, begun, call_entries, carried_out, taken_in, undone
from tests.trade import a_customer

pytestmark = pytest.mark.only_on("postgresql")  # SQLite has one writer at a time
CALLS, ROUNDS = 8_000, 3
LONG_ONES = 3000
DAY = "2026-11-09"
READ_BY_INDEX = "SELECT coalesce(sum(idx_tup_fetch), 0) FROM pg_stat_xact_user_tables WHERE relname = 'call'"


def lines(charge, name="c"):
    return [a_line(f"{name}{n}", f"{DAY} 10:00:00", 60, charge) for n in range(CALLS)]


def at_once(*acts):
    """What came of acts that are let loose together."""
    barrier, answers = threading.Barrier(len(acts)), {}

    def do(act):
        barrier.wait()
        try:
            answers[act] = act()
        except Exception as error:
            answers[act] = error

    threads = [threading.Thread(target=do, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [answers[act] for act in acts]


@pytest.mark.parametrize("replaces", [False, True], ids=["new calls", "replaced calls"])
def test_two_files_of_the_same_calls_in_another_order_are_both_taken_in(app, session, tmp_path, replaces):
    acme = a_customer(tax_rate="0")
    customer_id = acme.id
    db.session.commit()
    if replaces:
        taken_in(a_file(tmp_path, lines("1"), name="first.csv"))

    def work(id):
        def done():
            with app.app_context():
                try:
                    return carried_out(db.session.get_one(CallImport, id), CALLS).state
                finally:
                    db.session.remove()

        return done

    for number in range(ROUNDS):
        some = lines(str(number + 2)) if replaces else lines("1", f"c{number}-")
        files = [a_file(tmp_path, of, name=f"{number}-{n}.csv") for n, of in enumerate((some, some[::-1]))]
        ids = [begun(path, replaces=replaces).id for path in files]
        assert at_once(*map(work, ids)) == [ImportState.DONE] * 2
        db.session.rollback()
        one, other = (db.session.get_one(CallImport, id) for id in ids)
        told = sorted((import_.taken_count, import_.known_count) for import_ in (one, other))
        assert replaces or told == [(0, CALLS), (CALLS, 0)]
    amount = ROUNDS + 1 if replaces else ROUNDS
    assert (
        db.session.scalar(select(func.sum(Call.amount)).where(Call.customer_id == customer_id))
        == CALLS * amount
    )
    assert sum(int(amount) for _, amount in call_entries(acme)) == -CALLS * amount


def test_two_clerks_who_upload_and_import_them_see_both_taken_in(app, session, tmp_path):
    a_customer(tax_rate="0")
    db.session.commit()
    app.config["PROPAGATE_EXCEPTIONS"], app.testing = False, False
    some = lines("1")
    acts = []
    for role, of in (("owner", some), ("billing", some[::-1])):
        client, content = world.signed_in(app, role), a_file(tmp_path, of, name=f"{role}.csv").read_bytes()

        def upload(client=client, content=content, role=role):
            looked_at = client.post("/calls", data={"file": (BytesIO(content), f"{role}.csv")}).location
            return client.post(f"{looked_at}/resumption").status_code

        acts.append(upload)
    assert at_once(*acts) == [303, 303]
    assert set(db.session.scalars(select(CallImport.state))) == {ImportState.DONE}


def test_what_follows_is_done_again_where_a_customer_was_waited_for_too_long(app, session, tmp_path):
    acme = a_customer(tax_rate="0")
    import_ = begun(a_file(tmp_path, [a_line("c1", f"{DAY} 10:00:00", 60, "1")]))
    session.commit()
    other, refused = db.engine.connect(), []
    other.execute(locking.for_update(select(Customer.id), Customer, True))

    def let_go(context):
        refused.append(str(context.original_exception))
        other.rollback()

    def hurry(connection):  # for a transaction only: who is given the connection next waits as long as ever
        connection.exec_driver_sql("SET LOCAL lock_timeout = '100ms'")

    event.listen(db.engine, "handle_error", let_go)
    event.listen(db.engine, "begin", hurry)
    try:
        assert carried_out(import_).state == ImportState.DONE
    finally:
        event.remove(db.engine, "begin", hurry)
        event.remove(db.engine, "handle_error", let_go)
        other.close()
    assert len(refused) == 1 and "lock timeout" in refused[0]
    assert [amount for _, amount in call_entries(acme)] == ["-1"]


def test_calls_said_again_are_each_found_at_once_where_the_table_was_last_counted_as_it_was_empty(
    session, tmp_path
):
    """As it is behind an import that was undone: the planner takes one call for all that there are, and whichever index
    is the least high. Of ids that are long and begin alike, theirs is not.
    """
    a_customer(tax_rate="0")
    some = [a_line(f"{n:0120}", f"{DAY} 10:00:00", 60, "1") for n in range(LONG_ONES)]
    undone(taken_in(a_file(tmp_path, some)), size=LONG_ONES)
    session.execute(text("ANALYZE call"))
    session.commit()
    taken_in(a_file(tmp_path, some, name="anew.csv"))
    read = []

    def count(connection):  # what this connection alone has read: others may tell of theirs at any time
        read.append(connection.exec_driver_sql(READ_BY_INDEX).scalar())
        connection.exec_driver_sql("SELECT pg_stat_force_next_flush()")

    session.execute(text("SELECT pg_stat_force_next_flush()"))
    session.commit()
    event.listen(db.engine, "commit", count)
    assert taken_in(a_file(tmp_path, some[::-1], name="again.csv")).known_count == LONG_ONES
    event.remove(db.engine, "commit", count)
    assert LONG_ONES <= sum(read) < LONG_ONES * 50


def counted(session, table):
    """How many rows PostgreSQL takes a table to have."""
    return session.scalar(text(f"SELECT reltuples FROM pg_class WHERE oid = '{table}'::regclass"))


@pytest.mark.parametrize("act", ["replaced", "undone"])
def test_tables_that_count_as_empty_are_counted_anew_before_they_are_joined(session, tmp_path, act):
    """Of 2,000 calls that a file replaces it took two minutes to keep what they were."""
    acme = a_customer(tax_rate="0")
    first = taken_in(a_file(tmp_path, [a_line(f"c{n}", f"{DAY} 10:00:00", 60, "1") for n in range(500)]))
    session.execute(
        text("UPDATE pg_class SET relpages = 5, reltuples = 0 WHERE relname IN ('call', 'call_change')")
    )
    session.commit()
    if act == "replaced":
        again = [a_line(f"c{n}", f"{DAY} 10:00:00", 60, "2") for n in range(500)]
        taken_in(a_file(tmp_path, again, name="2.csv"), replaces=True)
        assert counted(session, "call_change") == 500
    else:
        undone(first)
    assert counted(session, "call") == 500
    assert sum(int(amount) for _, amount in call_entries(acme)) == (-1_000 if act == "replaced" else 0)
