"""Undoing an import in the pages: shown before, with a reason, once, and seen afterwards."""

from datetime import date

import pytest
from sqlalchemy import select, update

from portal.extensions import db
from portal.models import AuditEntry, Call, CallImport, ImportState
from portal.services.calls import undoing
from portal.tasks import processes, queue
from tests.calling import a_file, a_line, accepted, call_entries, calls_there, taken_in
from tests.pages import error_at, page, words
from tests.trade import BEN, NOW, TODAY, a_customer, a_package, assigned, run


@pytest.fixture(autouse=True)
def _today(app, monkeypatch):
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


@pytest.fixture
def acme(session):
    return a_customer(tax_rate="0")


def line(call_id, charge="10", day="2026-11-09", customer="Northwind Telecom"):
    return a_line(call_id, f"{day} 10:00:00", 60, charge, customer=customer)


@pytest.fixture
def wrong(acme, tmp_path):
    """An import of three calls: one that another file holds as well, one that is too old to reopen anything."""
    assigned(a_package("Commit", "40", minimum_spend=True, cost="0"), acme, date(2026, 4, 1))
    lines = [line("a"), line("b"), line("old", "2.50", day="2026-05-05")]
    made = taken_in(a_file(tmp_path, lines, name="wrong.csv"))
    taken_in(a_file(tmp_path, [line("b")], name="later.csv"))
    run()
    db.session.commit()
    return made


def test_before_it_is_undone_the_page_shows_what_leaves_and_what_is_not_reopened(wrong, client):
    shown = page(client.get(f"/calls/{wrong.id}"))
    assert shown.select_one(f"a[href='/calls/{wrong.id}/undo']")
    text = words(page(client.get(f"/calls/{wrong.id}/undo")).main)
    assert "Taken back 2 calls" in text and "Given back 1 call" in text
    assert "Northwind Telecom 3 12.50 GBP 5 May 2026 to 9 Nov 2026" in text
    assert "Not reopened" in text and "Commit 1 May 2026 to 31 May 2026" in text
    assert len(calls_there()) == 3


def test_of_a_large_import_it_is_worked_out_when_asked_for_what_leaves(wrong, client, monkeypatch):
    monkeypatch.setattr("portal.services.calls.would_undo.COUNTED", 0)
    shown = page(client.get(f"/calls/{wrong.id}/undo")).main
    assert "Imported" in words(shown) and "Taken back" not in words(shown)
    link = shown.select_one(f"a[href='/calls/{wrong.id}/undo?whole=1']")
    assert "Taken back" in words(page(client.get(link["href"])).main)


def test_undone_it_says_so_for_good(wrong, client, session):
    answer = client.post(f"/calls/{wrong.id}/undo", data={"reason": "Rated at last year's prices"})
    assert answer.status_code == 303
    soup = page(client.get(answer.location))
    text = words(soup.main)
    assert "2 calls taken back, 1 call given back to other files. Reason: Rated at last year's prices" in text
    assert "Commit 1 May 2026 to 31 May 2026" in text and "undone" in words(soup.select_one("main"))
    assert not soup.select_one(f"a[href='/calls/{wrong.id}/undo']")
    assert "undone" in words(page(client.get("/calls")).main)
    told = session.scalars(select(AuditEntry.after).where(AuditEntry.noun == "import")).all()
    assert any("Rated at last year's prices" in str(one) for one in told)
    assert any("undone" in str(one) for one in told)


def test_without_a_reason_nothing_is_undone(wrong, client):
    for reason, sentence in (("", "Enter why it is undone"), ("x" * 1001, "Too long")):
        answer = client.post(f"/calls/{wrong.id}/undo", data={"reason": reason})
        assert answer.status_code == 422
        assert sentence in error_at(page(answer, 422), "reason")
    assert len(calls_there()) == 3


def test_clicked_twice_it_is_undone_once(wrong, acme, client):
    answers = [client.post(f"/calls/{wrong.id}/undo", data={"reason": "Wrong"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 409]
    assert "Nothing of this import is left to undo." in answers[1].text
    assert client.get(f"/calls/{wrong.id}/undo").status_code == 409
    assert [amount for day, amount in call_entries(acme) if day == "2026-05-05"] == ["-2.5", "2.5"]


def test_billing_may_undo_an_import_and_a_viewer_may_not(wrong, as_billing, as_viewer):
    for answer in (
        as_viewer.get(f"/calls/{wrong.id}/undo"),
        as_viewer.post(f"/calls/{wrong.id}/undo", data={"reason": "Wrong"}),
    ):
        assert answer.status_code == 403
    assert "/undo" not in as_viewer.get(f"/calls/{wrong.id}").text
    assert as_billing.get(f"/calls/{wrong.id}/undo").status_code == 200
    assert as_billing.post(f"/calls/{wrong.id}/undo", data={"reason": "Wrong"}).status_code == 303


def test_a_large_one_is_undone_while_the_page_shows_how_far_it_is(wrong, client, monkeypatch):
    started: list[tuple[str, dict[str, int]]] = []
    monkeypatch.setattr(undoing, "SMALL", 0)
    monkeypatch.setattr(processes, "start", lambda name, **said: started.append((name, said)))
    assert client.post(f"/calls/{wrong.id}/undo", data={"reason": "Wrong"}).status_code == 303
    if not queue.is_there():
        assert started == [("undo_import", {"import_id": wrong.id})]
    soup = page(client.get(f"/calls/{wrong.id}"))
    assert "0 of 3 calls taken back" in words(soup.main)
    part = client.get(f"/calls/{wrong.id}/progress", headers={"HX-Request": "true"})
    assert "0 of 3 calls taken back" in part.text
    assert client.post(f"/calls/{wrong.id}/undo", data={"reason": "Wrong"}).status_code == 409


def test_one_that_was_interrupted_says_so_and_goes_on(wrong, client, session):
    undoing.start_undoing(wrong, "Wrong", by=BEN, now=NOW)
    session.execute(
        update(CallImport).where(CallImport.id == wrong.id).values(heartbeat_at=NOW.replace(year=2025))
    )
    session.commit()
    text = words(page(client.get(f"/calls/{wrong.id}")).main)
    assert "Undoing this import was interrupted after 0 of 3 calls" in text
    assert "undoing wrong.csv was interrupted" in words(page(client.get("/")).main)
    assert "Continue undoing" in words(page(client.get(f"/calls/{wrong.id}/undo")).main)
    assert client.post(f"/calls/{wrong.id}/undo").status_code == 303
    assert session.get_one(CallImport, wrong.id, populate_existing=True).state == ImportState.UNDONE


def test_calls_that_moved_are_listed_on_the_page_of_the_import(acme, client, tmp_path):
    a_customer("Southwind", tax_rate="0")
    taken_in(a_file(tmp_path, [line("a", "2.50")], name="one.csv"))
    moved = taken_in(
        a_file(tmp_path, [line("a", "2.50", customer="Southwind")], name="two.csv"), replaces=True
    )
    text = words(page(client.get(f"/calls/{moved.id}")).main)
    assert "imported before with other values, 1 of them moved to another customer" in text
    assert "a 9 Nov 2026 Northwind Telecom Southwind 2.50" in text
    assert db.session.scalar(select(Call.customer_id)) != acme.id


def test_a_look_says_how_many_calls_would_move(acme, client, tmp_path):
    a_customer("Southwind", tax_rate="0")
    taken_in(a_file(tmp_path, [line("a", "2.50")], name="one.csv"))
    both = [line("a", "2.50", customer="Southwind"), line("a", "2.50")]
    for lines, told in ((both[:1], True), (both, False)):
        waits = accepted(a_file(tmp_path, lines, name="two.csv"), replaces=True, waits=True)
        db.session.commit()
        text = words(page(client.get(f"/calls/{waits.id}")).main)
        assert ("1 of them would move to another customer" in text) == told, "a call may have two ends"
