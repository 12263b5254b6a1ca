"""Whose a DID was, by days, and what that makes of calls that come in later."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from portal.extensions import db
from portal.models import Call, Charge, Did, DidOwner
from portal.services import deletion
from portal.services.calls import owners
from portal.services.dids import intake as did_intake
from portal.services.dids import whose
from portal.services.dids.lines import read_lines
from tests.calling import a_file, a_line, bad_rows, noon, taken_in
from tests.trade import NOW, TODAY, a_customer, a_did, a_package, assigned, run

NUMBER = "+442079460123"
DIGITS = NUMBER[1:]


def day(number: int) -> date:
    """A day of November 2026."""
    return date(2026, 11, number)


FIRST = day(1)


def taken_up(customer=None, on=FIRST, numbers=NUMBER):
    """DIDs as the portal takes them in, the first of them."""
    report = did_intake.check(read_lines(numbers, "file"), did_intake.Wanted("GB", customer))
    assert not report.bad
    return did_intake.take_in(report, token=f"intake-{on}", by="", now=NOW, today=on)[0]


def kept(did):
    """What is kept of a DID: the day from which on, and with whom."""
    query = select(DidOwner.effective_from, DidOwner.customer_id).where(DidOwner.did_id == did.id)
    return [tuple(row) for row in db.session.execute(query.order_by(DidOwner.effective_from))]


def owner_on(*days):
    """Whose the DID was on these days, as files of calls are read."""
    found = owners.Dids(TODAY)
    found.look_up([DIGITS])
    on = [found.on(DIGITS, one.isoformat()) for one in days]
    return [owner and owner[1] for owner in on]


@pytest.fixture(params=[200_000, 0], ids=["all in mind", "looked up"])
def in_mind(request, monkeypatch):
    """Few DIDs, kept in mind; or very many, looked up as they are met."""
    monkeypatch.setattr(owners, "IN_MIND", request.param)


def test_a_did_that_moves_is_the_one_customers_before_and_the_others_from_that_day_on(session, in_mind):
    acme, globex = a_customer("Acme"), a_customer("Globex")
    did = taken_up(acme)
    deletion.give(did, globex, day(10))
    assert owner_on(day(1), day(9), day(10), day(30)) == [acme.id, acme.id, globex.id, globex.id]


def test_a_did_in_stock_is_nobodys_and_was_its_customers_before(session, in_mind):
    acme = a_customer("Acme")
    did = taken_up(acme)
    deletion.release_did(did, day(10))
    assert owner_on(day(9), day(10)) == [acme.id, None]
    deletion.give(did, globex := a_customer("Globex"), day(15))
    assert owner_on(day(9), day(14), day(15)) == [acme.id, None, globex.id]


def test_a_did_that_moves_twice_on_a_day_is_kept_as_it_was_last(session, in_mind):
    acme, globex, initech = a_customer("Acme"), a_customer("Globex"), a_customer("Initech")
    did = taken_up(acme)
    deletion.give(did, globex, day(10))
    deletion.give(did, initech, day(10))
    assert kept(did) == [(day(1), acme.id), (day(10), initech.id)]
    deletion.give(did, acme, day(10))
    assert kept(did) == [(day(1), acme.id)]
    assert owner_on(day(9), day(10)) == [acme.id, acme.id]


def test_before_anything_was_kept_assignments_say_whose_it_was_then_with_whom_it_was_first(session, in_mind):
    acme, globex, initech = a_customer("Acme"), a_customer("Globex"), a_customer("Initech")
    did = taken_up(acme)
    assigned(a_package(), acme, date(2026, 9, 1), did=did, end_date=date(2026, 9, 30))
    db.session.execute(DidOwner.__table__.delete())
    run(day(9))
    deletion.give(did, globex, day(10))
    deletion.give(did, initech, day(20))
    assigned(a_package(), initech, date(2026, 10, 1), did=did, end_date=date(2026, 10, 31))
    assert kept(did) == [(day(9), acme.id), (day(10), globex.id), (day(20), initech.id)]
    days = (date(2026, 9, 15), date(2026, 10, 15), day(1), day(9), day(10), day(20))
    assert owner_on(*days) == [acme.id, initech.id, acme.id, acme.id, globex.id, initech.id]


def test_what_is_kept_counts_for_more_than_an_assignment_with_an_old_start(session, in_mind):
    acme, globex = a_customer("Acme"), a_customer("Globex")
    did = taken_up(acme)
    deletion.give(did, globex, day(10))
    assigned(a_package(), globex, day(5), did=did)
    assert owner_on(day(5), day(9), day(10)) == [acme.id, acme.id, globex.id]


def test_a_did_that_never_moved_is_its_customers_also_before_it_was_imported(session, in_mind):
    acme = a_customer("Acme")
    taken_up(acme, on=TODAY)
    assert owner_on(day(1), TODAY) == [acme.id, acme.id]


def test_a_did_that_lay_in_the_archive_is_kept_from_when_it_came_back(session, in_mind):
    acme, globex = a_customer("Acme"), a_customer("Globex")
    did = taken_up(acme)
    assigned(a_package(), acme, day(1), did=did, end_date=day(8))
    run(day(9))
    deletion.release_did(did, day(10))
    assert deletion.delete_did(did, day(11)) is False
    assert taken_up(globex, on=day(20)) is did
    assert owner_on(day(9), day(11), day(20)) == [acme.id, None, globex.id]


def test_a_did_that_is_removed_leaves_nothing_behind(session):
    did = taken_up()
    assert deletion.delete_did(did, TODAY)
    assert session.scalar(select(func.count()).select_from(DidOwner)) == 0


def test_many_that_are_given_or_released_at_once_are_kept_alike(session):
    acme, globex = a_customer("Acme"), a_customer("Globex")
    taken_up(acme, numbers=f"{NUMBER}\n+442079460124\n+442079460125")
    chosen = session.scalars(select(Did)).all()
    deletion.give_many(chosen, globex, day(10))
    deletion.release_many(chosen[:2], day(12))
    assert [kept(did)[1:] for did in chosen] == [
        [(day(10), globex.id), (day(12), None)],
        [(day(10), globex.id), (day(12), None)],
        [(day(10), globex.id)],
    ]


def test_whose_it_was_is_told_the_latest_first(session):
    acme, globex = a_customer("Acme"), a_customer("Globex")
    did = taken_up(acme)
    deletion.give(did, globex, day(10))
    assert [(held.name, held.begins, held.last_day) for held in whose.history(did)] == [
        ("Globex", day(10), None),
        ("Acme", day(1), day(9)),
    ]


def test_late_calls_of_a_did_that_has_moved_are_whose_it_was_on_their_day(session, tmp_path, in_mind):
    acme, globex = a_customer("Acme"), a_customer("Globex")
    did = taken_up(acme)
    deletion.give(did, globex, day(10))
    deletion.release_did(did, day(20))
    lines = [
        a_line("a", noon(day(9)), 60, "1", customer="", did=NUMBER),
        a_line("b", noon(day(10)), 60, "2", customer="", did=NUMBER),
        a_line("c", noon(day(20)), 60, "4", customer="", did=NUMBER),
        a_line("d", noon(day(9)), 60, "8", customer="", did="+442079469999", destination=DIGITS),
    ]
    import_ = taken_in(a_file(tmp_path, lines))
    found = {call.call_id: (call.customer_id, call.did_id) for call in session.scalars(select(Call))}
    # What comes to a DID from outside is its owner's, too.
    assert found == {"a": (acme.id, did.id), "b": (globex.id, did.id), "d": (acme.id, None)}
    assert [line for line, _ in bad_rows(import_)] == [4]


def test_a_minimum_spend_on_a_did_counts_calls_while_it_is_that_customers(session, tmp_path, in_mind):
    acme, globex = a_customer("Acme", tax_rate="0"), a_customer("Globex", tax_rate="0")
    minimum = a_package("Minimum", "50", match=(1,), minimum_spend=True)
    did = taken_up(acme, on=date(2026, 9, 1))
    assigned(minimum, acme, date(2026, 9, 1), did=did, end_date=date(2026, 9, 30))
    run(date(2026, 10, 3))
    deletion.give(did, globex, date(2026, 10, 5))
    assigned(minimum, globex, date(2026, 10, 1), did=did)
    lines = [
        a_line(f"{name}-{on}", noon(on), 60, charge, customer=name, did=NUMBER)
        for name, on, charge in (
            ("Acme", date(2026, 9, 15), "20"),
            ("Acme", date(2026, 10, 15), "7"),
            ("Globex", date(2026, 10, 4), "3"),
            ("Globex", date(2026, 10, 15), "40"),
        )
    ]
    taken_in(a_file(tmp_path, lines))
    before = session.scalar(select(func.max(Charge.id)))
    run(TODAY)
    posted = session.scalars(select(Charge).where(Charge.id > before).order_by(Charge.id))
    assert [(charge.customer_id, charge.amount) for charge in posted] == [
        (acme.id, Decimal("-20")),
        (globex.id, Decimal("10")),
    ]


@pytest.mark.slow
def test_days_far_apart_do_not_matter(session, in_mind):
    acme = a_customer("Acme")
    did = taken_up(acme)
    for number in range(200):
        deletion.give(did, a_customer(f"Customer {number}"), day(1) + timedelta(days=2 * number + 1))
    last = session.get(Did, did.id).customer_id
    assert owner_on(date(2000, 1, 1), date(2199, 12, 31)) == [acme.id, last]


def test_a_did_that_calls_lead_to_is_archived_not_removed(session, tmp_path):
    number = a_did(a_customer("Acme"))
    db.session.commit()
    line = a_line(
        "a", "2026-11-09 10:00:00", 60, "1", did="4930123", customer="Acme", destination=number.number
    )
    assert taken_in(a_file(tmp_path, [line])).taken_count == 1
    number = db.session.merge(number)
    deletion.release_many([number], TODAY)
    assert deletion.delete_did(number, TODAY) is False and number.archived_on == TODAY
