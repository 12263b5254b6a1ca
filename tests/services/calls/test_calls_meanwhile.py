"""What people change while a file is taken in counts for its lines to come (billing-rules 17)."""

import threading

import pytest
from sqlalchemy import func, select

from portal.extensions import db
from portal.models import Call, CallImport, Customer, ImportState
from portal.services.calls import importing, meanwhile
from portal.services.customers.customers import change_customer, fields_of
from portal.services.deletion import delete_did, dids
from tests.calling import HEAD, a_file, a_line, bad_rows, begun, carried_out
from tests.trade import NOW, TODAY, a_customer, a_did

WHEN = f"{TODAY} 10:00:00"


def taken_in_while(path, change, lines=1):
    """A file of which each line is taken in by itself; behind the first, something is changed."""
    changed = []

    def do(_import):
        if not changed:
            changed.append(True)
            change()
            db.session.commit()

    return carried_out(begun(path), lines, do)


def owners():
    return dict(db.session.execute(select(Call.call_id, Call.customer_id)).all())


def changed(customer, **fields):
    change_customer(customer, fields_of(customer, **fields))


def lines_of(*customers, did=""):
    return [
        a_line(letter, WHEN, 60, "10", customer=customer, did=did)
        for letter, customer in zip("abc", customers, strict=False)
    ]


@pytest.fixture
def two(session):
    return a_customer("Acme", tax_rate="0"), a_customer("Globex", tax_rate="0")


def test_a_currency(two, tmp_path):
    acme, _ = two
    lines = [f"{line},GBP" for line in lines_of("Globex", "Acme")]
    import_ = taken_in_while(
        a_file(tmp_path, lines, HEAD + ",currency"), lambda: changed(acme, currency="USD")
    )
    assert bad_rows(import_) == [(3, f"It is in GBP; Acme (#{acme.id}) is charged in USD.")]


def test_a_name_and_an_account_code(two, tmp_path):
    acme, globex = two

    def change():
        changed(acme, name="Acme Ltd", account_codes=())
        changed(globex, account_codes=("Acme", "7001"))

    import_ = taken_in_while(a_file(tmp_path, lines_of("Acme", "Acme", "7001")), change)
    assert (owners(), import_.bad_count) == ({"a": acme.id, "b": globex.id, "c": globex.id}, 0)


def test_a_customer_and_a_namesake_who_are_added(two, tmp_path):
    acme, _ = two

    def change():
        a_customer("Acme"), a_customer("Initech")

    import_ = taken_in_while(a_file(tmp_path, lines_of("Acme", "Acme", "Initech")), change)
    assert (owners()["a"], import_.taken_count) == (acme.id, 2)
    ((line, sentence),) = bad_rows(import_)
    assert line == 3 and sentence.startswith("Several customers are called Acme.")


@pytest.mark.parametrize("in_mind", [True, False], ids=["kept in mind", "looked up"])
def test_a_did_that_moves_is_the_new_customers_all_day(two, tmp_path, monkeypatch, in_mind):
    acme, globex = two
    did = a_did(acme)
    if not in_mind:
        monkeypatch.setattr("portal.services.calls.owners.IN_MIND", 0)

    def move():
        assert not dids.release_many([did], TODAY).refused
        dids.give(did, globex, TODAY)

    taken_in_while(a_file(tmp_path, lines_of("", "", did=did.number)), move)
    assert owners() == {"a": acme.id, "b": globex.id}


def test_a_did_in_stock_that_is_given(two, tmp_path):
    acme, globex = two
    did = a_did(None)
    path = a_file(tmp_path, [*lines_of("Acme"), a_line("b", WHEN, 60, "1", customer="", did=did.number)])
    taken_in_while(path, lambda: dids.give(did, globex, TODAY))
    assert owners() == {"a": acme.id, "b": globex.id}


def test_a_did_that_is_deleted_says_no_longer_whose_a_call_is(two, tmp_path):
    acme, _ = two
    did = a_did(acme)

    def delete():
        dids.release_many([did], TODAY)
        assert delete_did(did, TODAY)

    path = a_file(tmp_path, [*lines_of("Acme"), a_line("b", WHEN, 60, "1", customer="", did=did.number)])
    import_ = taken_in_while(path, delete)
    assert set(owners()) == {"a"} and bad_rows(import_)[0][1].startswith(
        "The row does not say whose call it is"
    )


# -- between the reading of a chunk and its locks


def _behind_reading(app, monkeypatch, change):
    """Somebody else changes something, once, when a chunk is read and not yet locked."""
    keep, done = meanwhile._keep_as_read, []

    def after(*args):
        if not done:
            done.append(True)
            thread = threading.Thread(target=lambda: _alone(app, change))
            thread.start()
            thread.join()
        return keep(*args)

    monkeypatch.setattr(meanwhile, "_keep_as_read", after)


def _alone(app, change):
    with app.app_context():
        change()
        db.session.commit()


@pytest.mark.only_on("postgresql")  # SQLite has one writer at a time
def test_a_chunk_is_read_again_where_a_customer_it_names_changes_before_it_is_locked(
    app, two, tmp_path, monkeypatch
):
    id = two[0].id
    db.session.commit()
    _behind_reading(app, monkeypatch, lambda: changed(db.session.get_one(Customer, id), currency="USD"))
    lines = [f"{line},GBP" for line in lines_of("Globex", "Acme")]
    import_ = carried_out(begun(a_file(tmp_path, lines, HEAD + ",currency")), 2)
    assert [line for line, _ in bad_rows(import_)] == [3] and import_.taken_count == 1


# -- somebody else at work on the same file


def test_a_block_that_was_taken_meanwhile_is_not_counted_twice(app, session, tmp_path):
    """One process hangs between two blocks for longer than a minute; another takes the next block, and is killed."""
    a_customer(tax_rate="0")
    lines = [
        a_line(id, WHEN, 60, "1", customer=who)
        for id, who in zip("abc", ("Northwind Telecom", "Nobody", "Northwind Telecom"), strict=True)
    ]
    import_ = begun(a_file(tmp_path, lines))
    id, asked = import_.id, []
    later = NOW + 2 * importing.SILENT_FOR

    class Killed(BaseException):
        pass

    def killed(_import):
        raise Killed

    def other():
        with app.app_context():
            importing.go_on(db.session.get_one(CallImport, id), later)
            db.session.commit()
            with pytest.raises(Killed):
                importing.carry_out(id, TODAY, lambda: later, size=1, say=killed)
            db.session.rollback()

    def clock():
        asked.append(True)
        if len(asked) == 2:
            db.session.rollback()
            thread = threading.Thread(target=other)
            thread.start()
            thread.join()
        return NOW if len(asked) == 1 else later

    ours = importing.carry_out(id, TODAY, clock, size=1)
    assert (ours.state, ours.lines_done) == (ImportState.RUNNING, 2)
    done = importing.carry_out(id, TODAY, lambda: later, size=1)
    assert (done.lines_done, done.taken_count, done.known_count, done.bad_count) == (3, 2, 0, 1)
    assert len(bad_rows(done)) == 1 and db.session.scalar(select(func.count(Call.id))) == 2
