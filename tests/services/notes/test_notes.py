"""Notes on customers: whose words they are, when they are due, and what the log keeps of them."""

import json
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import select

from portal.domain.errors import Invalid, RuleBroken
from portal.domain.schedule import LAST_DAY, ONE_DAY
from portal.models import AuditEntry, Note
from portal.services import listing
from portal.services.notes import lists, notes
from portal.services.notes.notes import Writer
from portal.services.search import Kind, search
from tests.trade import BEN, NOW, TODAY, a_customer

ANN = "ann@lumen.example"
numbers = count()


def a_note(
    customer: Any, words: str = "Call back", days: int | None = None, by: str = BEN, token: str = ""
) -> Note:
    day = None if days is None else TODAY + timedelta(days=days)
    # Written before the day on which others look at it.
    return notes.add(
        customer, words, day, token=token or f"n{next(numbers)}", by=by,
        today=min(day or TODAY, TODAY), now=NOW,
    )  # fmt: skip


def texts(state: str = lists.DUE, **sought: Any) -> list[str]:
    found = lists.Sought(state=state, **sought)
    return [note.text for note in listing.page(lists.find_notes(found, TODAY), found.sort).rows]


def test_a_note_that_is_sent_twice_is_one(session: Any) -> None:
    acme = a_customer("Acme")
    first = a_note(acme, " Ask for\r\nNora \r\n", token="t")
    assert a_note(acme, "Ask for\nNora", token="t") is first and first.text == "Ask for\nNora"
    with pytest.raises(RuleBroken, match="different content: a note on Acme was added"):
        a_note(acme, "Ask for Imran", token="t")


def test_its_words_are_changed_by_who_wrote_it_or_an_owner_and_the_log_keeps_what_it_said(
    session: Any,
) -> None:
    note = a_note(a_customer("Acme"), "They pay late", token="t")
    with pytest.raises(RuleBroken, match=f"{BEN} wrote this note: only they or an owner"):
        notes.change(note, "They pay", None, TODAY, Writer(ANN))
    with pytest.raises(RuleBroken, match="only they or an owner"):
        notes.remove(note, Writer(ANN))
    notes.change(note, "They pay on time", None, TODAY, Writer(BEN))
    session.flush()
    notes.remove(note, Writer(ANN, is_owner=True))
    session.flush()
    told = session.scalars(select(AuditEntry).where(AuditEntry.noun == "note").order_by(AuditEntry.id)).all()
    assert [(entry.act, json.loads(entry.before).get("text")) for entry in told] == [
        ("added", None), ("changed", "They pay late"), ("removed", "They pay on time"),
    ]  # fmt: skip
    assert {(entry.label, entry.customer_id) for entry in told} == {("note on Acme", note.customer_id)}


def test_what_is_due_waits_until_it_is_ticked_off_the_longest_waiting_first(session: Any) -> None:
    acme, bolt = a_customer("Acme"), a_customer("Bolt")
    assert lists.due(TODAY, BEN) is None
    late = a_note(acme, "Late", -3, by=ANN)
    for words, days in (("Today", 0), ("Tomorrow", 1), ("No day", None)):
        a_note(bolt, words, days)
    session.flush()
    assert (texts(), texts(lists.COMING), texts(lists.DONE)) == (["Late", "Today"], ["Tomorrow"], [])
    assert texts(lists.ALL) == ["No day", "Tomorrow", "Today", "Late"]
    assert texts(by=BEN) == ["Today"] and texts(lists.ALL, customer_id=acme.id) == ["Late"]
    due = lists.due(TODAY, BEN)
    assert due and (due.everybodys, due.own, due.first) == (2, 1, late)
    notes.tick_off(late, by=BEN, now=NOW)
    notes.tick_off(late, by=ANN, now=NOW + timedelta(hours=1))
    session.flush()
    assert (late.done_by, late.done_at, texts(), texts(lists.DONE)) == (BEN, NOW, ["Today"], ["Late"])
    notes.take_up_again(late)
    session.flush()
    assert texts() == ["Late", "Today"]
    notes.tick_off(late, by=BEN, now=NOW)
    notes.change(late, "Later", TODAY + ONE_DAY, TODAY, Writer(ANN))
    session.flush()
    assert texts(lists.COMING) == ["Later", "Tomorrow"] and not texts(lists.DONE)


def test_one_without_a_day_has_nothing_to_be_ticked_off(session: Any) -> None:
    note = a_note(a_customer("Acme"))
    notes.tick_off(note, by=BEN, now=NOW)
    session.flush()
    assert note.done_at is None


def test_what_cannot_be_is_said_at_its_field_and_a_day_that_has_passed_may_stay(session: Any) -> None:
    acme = a_customer("Acme")
    for words, day, field in (
        (" \n ", None, "text"),
        ("x" * (notes.LONGEST + 1), None, "text"),
        ("x", TODAY - ONE_DAY, "come_back_on"),
        ("x", LAST_DAY + ONE_DAY, "come_back_on"),
    ):
        with pytest.raises(Invalid) as refused:
            notes.add(acme, words, day, token="t", by=BEN, today=TODAY, now=NOW)
        assert refused.value.field == field
    note = a_note(acme, "Late", -3)
    notes.change(note, "Still late", note.come_back_on, TODAY, Writer(BEN))
    with pytest.raises(Invalid):
        notes.change(note, "Still late", TODAY - ONE_DAY, TODAY, Writer(BEN))


def test_notes_are_found_by_their_words_in_the_list_and_in_the_one_search(session: Any) -> None:
    acme = a_customer("Acme")
    a_note(acme, "Their router\nis swapped", 4)
    a_note(acme, "Route of 2025")
    session.flush()
    assert texts(lists.ALL, text="SWAP rout") == ["Their router\nis swapped"]
    found = {hits.kind: hits for hits in search("rout", TODAY).kinds}[Kind.NOTE]
    assert [(hit.name, hit.known) for hit in found.rows] == [
        ("Route of 2025", ("Acme", "of 22 Nov 2026")),
        ("Their router is swapped", ("Acme", "come back on 26 Nov 2026")),
    ]
    assert Kind.NOTE not in {hits.kind for hits in search("ro", TODAY).kinds}
