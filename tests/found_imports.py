"""Faults found in imports of calls."""

import threading
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from portal.domain.errors import Invalid, RuleBroken
from portal.extensions import db
from portal.models import BalanceEntry, Call, CallImport, CallMapping, EntrySource, ImportState
from portal.services.calls import columns, importing
from portal.services.calls.columns import Mapping
from portal.services.customers.customers import change_customer, change_tax_rate, fields_of
from tests.calling import HEAD, a_file, a_line, bad_rows, taken_in
from tests.trade import BEN, NOW, TODAY, a_customer, a_did, a_package, assigned
from portal.domain.schedule import Frequency

ZONE = ZoneInfo("UTC")


def entries(customer):
    query = (
        select(BalanceEntry)
        .where(BalanceEntry.customer_id == customer.id, BalanceEntry.source == EntrySource.CALLS)
        .order_by(BalanceEntry.id)
    )
    return [(e.for_day.isoformat(), str(e.amount)) for e in db.session.scalars(query)]


def begun(path, replaces=False):
    import_, _ = importing.accept(path, path.name, replaces=replaces, by=BEN, now=NOW)
    db.session.commit()
    return import_


def stopped_after_one(import_, size=1):
    def stop(i):
        importing.stop(i)
        db.session.commit()

    return importing.carry_out(import_.id, TODAY, lambda: NOW, ZONE, size, stop)


def test_currency_is_fixed_while_calls_in_it_are_being_taken_in(session, tmp_path):
    acme = a_customer(tax_rate="0")
    import_ = begun(
        a_file(
            tmp_path,
            [
                a_line("a", "2026-11-09 10:00:00", 60, "10.25"),
                a_line("b", "2026-11-09 11:00:00", 60, "10.25"),
            ],
        )
    )
    stopped_after_one(import_)
    assert import_.lines_done == 1 and import_.state == ImportState.STOPPED
    with pytest.raises(Invalid):
        change_customer(acme, fields_of(acme, currency="JPY"))


def test_tax_rate_does_not_hold_from_ever_while_calls_are_being_taken_in(session, tmp_path):
    acme = a_customer(tax_rate="20")
    import_ = begun(
        a_file(
            tmp_path,
            [
                a_line("a", "2026-11-09 10:00:00", 60, "10.25"),
                a_line("b", "2026-11-09 11:00:00", 60, "10.25"),
            ],
        )
    )
    stopped_after_one(import_)
    with pytest.raises(Invalid):
        change_tax_rate(acme, Decimal(0), TODAY, TODAY)


def test_currency_changed_between_reading_customers_and_the_next_chunk(session, tmp_path):
    acme, other = a_customer(tax_rate="0"), a_customer("Other", tax_rate="0")
    head = HEAD + ",currency"
    import_ = begun(
        a_file(
            tmp_path,
            [
                a_line("a", "2026-11-09 10:00:00", 60, "10", customer="Other") + ",GBP",
                a_line("b", "2026-11-09 11:00:00", 60, "10") + ",GBP",
            ],
            head,
        )
    )
    done = []

    def change(i):
        if not done:
            done.append(1)
            change_customer(acme, fields_of(acme, currency="USD"))
            db.session.commit()

    importing.carry_out(import_.id, TODAY, lambda: NOW, ZONE, 1, change)
    assert [line for line, _ in bad_rows(import_)] == [3], entries(acme)


def test_did_moved_between_two_chunks(session, tmp_path):
    from portal.services.deletion import dids

    acme, other = a_customer(tax_rate="0"), a_customer("Other", tax_rate="0")
    did = a_did(acme)
    import_ = begun(
        a_file(
            tmp_path,
            [
                a_line("a", "2026-11-22 10:00:00", 60, "10", customer="", did=did.number),
                a_line("b", "2026-11-22 11:00:00", 60, "10", customer="", did=did.number),
            ],
        )
    )
    done = []

    def change(i):
        if not done:
            done.append(1)
            move(did, other)
            db.session.commit()

    importing.carry_out(import_.id, TODAY, lambda: NOW, ZONE, 1, change)
    owners = dict(db.session.execute(select(Call.call_id, Call.customer_id)).all())
    assert owners["b"] == other.id


def move(did, customer):
    from portal.services.deletion import dids

    d = db.session.get_one(type(did), did.id)
    print(dids.release_many([d], TODAY))
    dids.give(d, customer, TODAY)


def test_a_remembered_layout_without_currency_does_not_hide_the_currency_column(session, tmp_path):
    a_customer(tax_rate="0")
    head = HEAD + ",currency"
    cells = head.split(",")
    places = columns.recognise(cells).places
    places = {k: v for k, v in places.items() if k != "currency"}
    db.session.add(CallMapping(header_digest=columns.digest_of(cells), mapping=Mapping(places).to_json()))
    db.session.commit()
    import_ = taken_in(a_file(tmp_path, [a_line("a", "2026-11-09 10:00:00", 60, "10") + ",USD"], head))
    assert import_.bad_count == 1, import_.taken_count


def test_cost_in_another_currency_by_its_heading(session, tmp_path):
    a_customer(tax_rate="0")
    head = HEAD.replace(",cost", ",Cost (USD)")
    import_ = taken_in(a_file(tmp_path, [a_line("a", "2026-11-09 10:00:00", 60, "10", cost="5")], head))
    call = db.session.scalars(select(Call)).first()
    assert call is None or call.cost is None, str(call.cost)


def test_killed_while_a_vanished_files_calls_are_worked_in(session, tmp_path):
    acme = a_customer(tax_rate="0")
    path = a_file(
        tmp_path, [a_line("a", "2026-11-09 10:00:00", 60, "10"), a_line("b", "2026-11-09 11:00:00", 60, "10")]
    )
    import_ = begun(path)
    stopped_after_one(import_)
    path.unlink()
    importing.go_on(import_, NOW)
    db.session.commit()

    class Killed(BaseException): ...

    def killed():
        raise Killed

    with pytest.raises(Killed):
        importing.carry_out(import_.id, TODAY, killed, ZONE)
    db.session.rollback()
    # somebody takes it up
    try:
        importing.go_on(import_, NOW)
        db.session.commit()
        importing.carry_out(import_.id, TODAY, lambda: NOW, ZONE)
    except RuleBroken as e:
        print(e)
    assert entries(acme) == [("2026-11-09", "-10")]


def test_balance_stands_still_while_an_import_is_not_done(session, tmp_path):
    acme = a_customer(tax_rate="0")
    import_ = begun(
        a_file(
            tmp_path,
            [a_line("a", "2026-11-09 10:00:00", 60, "10"), a_line("b", "2026-11-09 11:00:00", 60, "10")],
        )
    )
    stopped_after_one(import_)
    taken_in(a_file(tmp_path, [a_line("z", "2026-11-09 10:00:00", 60, "1")], name="other.csv"))
    print(entries(acme))
    importing.go_on(import_, NOW)
    db.session.commit()
    importing.carry_out(import_.id, TODAY, lambda: NOW, ZONE, 1)
    print(entries(acme))
    assert entries(acme)[0] == ("2026-11-09", "-1")


def test_assigning_free_minutes_while_an_import_is_not_done(session, tmp_path):
    acme = a_customer(tax_rate="0")
    package = a_package("Mins", minutes=True)
    import_ = begun(
        a_file(
            tmp_path,
            [
                a_line("a", "2026-11-20 10:00:00", 600, "10", destination="4930"),
                a_line("b", "2026-11-20 11:00:00", 60, "10", destination="4930"),
            ],
        )
    )
    stopped_after_one(import_)
    from portal.services.assignments.assigning import Draft, assign

    assignment = assigned(package, acme, date(2026, 11, 1), minutes=1)
    from portal.services.calls import effects

    effects.bundles_changed([assignment], TODAY, NOW)
    db.session.commit()
    assert entries(acme) == []


@pytest.mark.only_on("postgresql")
@pytest.mark.parametrize("replaces", [False, True])
def test_two_files_with_the_same_calls_in_another_order_at_once(app, session, tmp_path, replaces):
    acme = a_customer(tax_rate="0")
    db.session.commit()
    lines = [a_line(f"c{n}", "2026-11-09 10:00:00", 60, "1") for n in range(8000)]
    errors = []
    if replaces:
        taken_in(a_file(tmp_path, lines, name="first.csv"))
        lines = [a_line(f"c{n}", "2026-11-09 10:00:00", 60, "2") for n in range(8000)]
    for round_ in range(4):
        if not replaces:
            lines = [a_line(f"c{round_}-{n}", "2026-11-09 10:00:00", 60, "1") for n in range(8000)]
        else:
            lines = [a_line(f"c{n}", "2026-11-09 10:00:00", 60, str(round_ + 2)) for n in range(8000)]
        ids = []
        for n, some in enumerate((lines, lines[::-1])):
            path = a_file(tmp_path, some, name=f"f{round_}-{n}.csv")
            ids.append(begun(path, replaces).id)
        barrier = threading.Barrier(2)

        def work(id):
            with app.app_context():
                barrier.wait()
                try:
                    importing.carry_out(id, TODAY, lambda: NOW, ZONE)
                except BaseException as e:
                    errors.append(f"{type(e).__name__} {str(e)[:200]}")

        threads = [threading.Thread(target=work, args=(id,)) for id in ids]
        [t.start() for t in threads]
        [t.join() for t in threads]
    assert not errors, errors


def test_a_block_that_was_taken_meanwhile_is_not_counted_twice(app, session, tmp_path):
    """One process hangs between two blocks for longer than a minute; another takes the next block, and is killed."""
    a_customer(tax_rate="0")
    db.session.commit()
    import_ = begun(
        a_file(
            tmp_path,
            [
                a_line("a", "2026-11-09 10:00:00", 60, "1"),
                a_line("b", "2026-11-09 10:00:00", 60, "1", customer="Nobody"),
                a_line("c", "2026-11-09 10:00:00", 60, "1"),
            ],
        )
    )
    id, calls, errors = import_.id, [], []
    from datetime import timedelta

    later = NOW + timedelta(seconds=120)

    class Killed(BaseException):
        pass

    def killed(_):
        raise Killed

    def other():
        with app.app_context():
            importing.go_on(db.session.get_one(CallImport, id), later)
            db.session.commit()
            try:
                importing.carry_out(id, TODAY, lambda: later, ZONE, 1, killed)
            except Killed:
                db.session.rollback()
            except Exception as error:
                errors.append(error)

    def clock():
        calls.append(1)
        if len(calls) == 2:
            db.session.rollback()
            thread = threading.Thread(target=other)
            thread.start()
            thread.join()
        return NOW if len(calls) == 1 else later

    importing.carry_out(id, TODAY, clock, ZONE, 1)
    if (found := db.session.get_one(CallImport, id)).state == ImportState.RUNNING:
        importing.carry_out(id, TODAY, lambda: later, ZONE, 1)
    found = db.session.get_one(CallImport, id)
    assert not errors
    assert (
        found.lines_done,
        found.taken_count,
        found.known_count,
        found.bad_count,
        len(bad_rows(found)),
    ) == (3, 2, 0, 1, 1)


def test_a_destination_that_cannot_be_read_stops_no_other_customers_calls(session, tmp_path):
    from sqlalchemy import update
    from portal.models import Package

    acme, other = a_customer(tax_rate="0"), a_customer("Other", tax_rate="0")
    package = a_package("Minutes", minutes=True)
    assigned(package, acme, date(2026, 11, 1), minutes=10)
    db.session.commit()
    db.session.execute(update(Package).values(destination="("))
    db.session.commit()
    taken_in(
        a_file(
            tmp_path,
            [
                a_line("a", "2026-11-09 10:00:00", 60, "1"),
                a_line("b", "2026-11-09 10:00:00", 60, "1", customer="Other"),
            ],
        )
    )
    assert entries(other) == [("2026-11-09", "-1")]
