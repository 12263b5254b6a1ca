"""Notes over HTTP: written on a customer's page, come back to from the overview, and never seen by the customer."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from portal.models import Note
from portal.services.notes import notes
from portal.services.people import people
from tests import world
from tests.pages import page, words
from tests.trade import BEN, NOW, TODAY, a_customer


@pytest.fixture(autouse=True)
def _on_a_sunday(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


@pytest.fixture
def acme(session: Any) -> int:
    """Acme, on whom the clerk wrote a note that is due."""
    customer = a_customer("Acme")
    notes.add(customer, "Ask for Nora", TODAY, token="n", by=BEN, today=TODAY, now=NOW)
    id = customer.id
    session.commit()
    return id


def of_customer(client: Any, id: int) -> Any:
    return page(client.get(f"/customers/{id}")).select_one("section[aria-labelledby=notes]")


def test_a_note_is_written_changed_and_removed_on_the_customers_page(
    client: Any, session: Any, acme: int
) -> None:
    sent = {"token": "t", "text": "Two\nlines <b>", "come_back_on": ""}
    answer = client.post(f"/notes?customer_id={acme}", data=sent)
    assert answer.location == f"/customers/{acme}#notes"
    first = of_customer(client, acme).select("li")[0]
    assert words(first).startswith("Two lines <b> owner@lumen.example,")
    note = session.scalars(select(Note).order_by(Note.id.desc())).first()
    form = page(client.get(f"/notes/{note.id}/edit")).select_one("form#note")
    assert (
        form["action"] == f"/notes/{note.id}" and form.select_one("textarea").text.strip() == "Two\nlines <b>"
    )
    sent = {"version": str(note.version), "text": "One line", "come_back_on": "2026-12-01"}
    client.post(f"/notes/{note.id}", data=sent)
    assert "One line" in words(of_customer(client, acme)) and "come back on 1 Dec 2026" in words(
        of_customer(client, acme)
    )
    stale = page(client.post(f"/notes/{note.id}", data=sent | {"text": "Mine"}), 409)
    assert (
        "Somebody else has changed this note" in words(stale)
        and stale.select_one("textarea").text.strip() == "Mine"
    )
    session.expire_all()
    client.post(f"/notes/{note.id}/delete", data={"version": str(note.version)})
    assert "One line" not in words(of_customer(client, acme))


def test_what_cannot_be_is_said_at_its_field_and_what_was_typed_is_kept(client: Any, acme: int) -> None:
    sent = {"token": "t", "text": "Call", "come_back_on": (TODAY - timedelta(days=1)).isoformat()}
    soup = page(client.post(f"/notes?customer_id={acme}", data=sent), 422)
    assert "Choose today or a later day." in words(soup)
    assert soup.select_one("textarea").text.strip() == "Call"


def test_what_is_due_stands_on_the_overview_and_is_ticked_off_in_the_list(
    client: Any, as_billing: Any, acme: int
) -> None:
    for browser, said in (
        (client, "1 note to come back to: the first since"),
        (as_billing, "1 note to come back to: all of them yours; the first since"),
    ):
        assert said in words(page(browser.get("/")).select_one("#notes-due"))
    assert "No note matches." in words(page(client.get("/notes?whose=mine")))
    listed = page(as_billing.get("/notes?whose=mine"))
    form = listed.select_one("td form")
    assert "Ask for Nora" in words(listed)
    ticked_off = as_billing.post(form["action"], data={"from": "list"})
    assert ticked_off.location == "/notes?whose=mine", "back to the list as it stood"
    assert not page(client.get("/")).select("#notes-due")
    done = page(client.get("/notes?state=done"))
    assert f"done by {BEN}" in words(done)
    client.post(done.select_one("td form")["action"])
    assert "Ask for Nora" in words(page(client.get("/notes")))


def test_only_who_wrote_it_or_an_owner_is_offered_its_words_to_change_and_a_viewer_nothing(
    client: Any, as_billing: Any, as_viewer: Any, session: Any, acme: int
) -> None:
    client.post(
        f"/notes?customer_id={acme}",
        data={"token": "t", "text": "By the owner", "come_back_on": "2026-12-01"},
    )
    note = session.scalars(select(Note).order_by(Note.id.desc())).first()
    edits = {name: len(of_customer(browser, acme).select("a[href$='/edit']")) for name, browser in (
        ("owner", client), ("billing", as_billing), ("viewer", as_viewer))}  # fmt: skip
    assert edits == {"owner": 2, "billing": 1, "viewer": 0}
    assert not of_customer(as_viewer, acme).select("form, button")
    for answer in (
        as_billing.get(f"/notes/{note.id}/edit"),
        as_billing.post(f"/notes/{note.id}", data={"version": "1", "text": "Mine", "come_back_on": ""}),
        as_billing.post(f"/notes/{note.id}/delete", data={"version": "1"}),
    ):
        soup = page(answer, 409)
        assert "owner@lumen.example wrote this note" in words(soup)
        assert f"/notes/new?customer_id={acme}" in str([link.get("href") for link in soup.select("a")])


def test_all_of_many_notes_are_reached_and_had_as_a_file(client: Any, session: Any, acme: int) -> None:
    for number in range(6):
        client.post(f"/notes?customer_id={acme}", data={"token": f"t{number}", "text": f"Number {number}"})
    section = of_customer(client, acme)
    assert len(section.select("li")) == 3 and "Ask for Nora" not in words(section)
    (link,) = section.select("a[href$='/notes']")
    assert words(link) == "All 7 notes" and "Ask for Nora" in words(page(client.get(link["href"])))
    file = client.get(f"/notes/list.csv?customer={acme}&state=all").text.splitlines()
    assert len(file) == 8 and file[-1].startswith(f"#{acme},Acme,Ask for Nora,{BEN},")


def test_the_customer_never_sees_one(app: Flask, client: Any, session: Any, acme: int) -> None:
    person = people.create("nora@acme.example", "Nora", world.PASSWORD, "customer owner", acme)
    signed = world.cookie_of(person)
    session.commit()
    theirs = app.test_client()
    with theirs.session_transaction() as cookie:
        cookie.update(signed)
    for address in ("/my", "/my/charges", "/my/summary", "/my/people", "/my/dids"):
        assert "Ask for Nora" not in theirs.get(address, follow_redirects=True).text
        assert (
            "Ask for Nora"
            not in client.get(f"/customers/{acme}/as-customer{address[3:]}", follow_redirects=True).text
        )
    note = session.scalars(select(Note)).one()
    for address in ("/notes", f"/notes/{note.id}", f"/customers/{acme}/history", "/search?q=nora"):
        assert theirs.get(address).status_code == 404


def test_a_customers_history_is_a_page_and_a_file_of_theirs_alone(
    client: Any, as_viewer: Any, session: Any, acme: int
) -> None:
    a_customer("Globex")
    session.commit()
    soup = page(as_viewer.get(f"/customers/{acme}/history"))
    assert "note on Acme" in words(soup) and "Globex" not in words(soup)
    assert "note on Acme" not in words(page(client.get(f"/customers/{acme}/history?noun=customer")))
    assert "Nothing found" in words(page(client.get(f"/customers/{acme}/history?q=globex")))
    file = client.get(f"/customers/{acme}/history/list.csv?noun=note")
    assert "note on Acme" in file.text and len(file.text.splitlines()) >= 2 and "Globex" not in file.text


def test_a_note_of_many_lines_may_be_as_long_as_a_browser_lets_one_type(client: Any, acme: int) -> None:
    """A browser counts the end of a line once, and sends it as two characters."""
    lines = ["x" * 39] * 50
    sent = {"token": "t", "text": "\r\n".join(lines), "come_back_on": ""}
    assert client.post(f"/notes?customer_id={acme}", data=sent).status_code == 303
    sent = {"token": "u", "text": "\r\n".join([*lines, "xx"]), "come_back_on": ""}
    assert "Too long" in words(page(client.post(f"/notes?customer_id={acme}", data=sent), 422))
