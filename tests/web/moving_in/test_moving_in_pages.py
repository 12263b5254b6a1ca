"""The pages of moving in: a file is looked at first; good lines go in; every bad one is named; all of it comes back."""

import csv
import io
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from portal.extensions import db
from portal.models import Customer, ImportState, MoveImport, Package
from portal.services.moving_in import making
from tests.pages import error_at, page, words
from tests.trade import TODAY, a_customer, a_did

TWO = "Name,Account Codes,Currency\nAcme,A-1,GBP\nBolt,B-1,EUR\n"


@pytest.fixture(autouse=True)
def _on_a_sunday(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


def send(
    client: FlaskClient, text: str | bytes, kind: str = "customers", name: str = "a.csv", **more: Any
) -> Any:
    content = text.encode() if isinstance(text, str) else text
    data = {"kind": kind, "file": (io.BytesIO(content), name), **more}
    return client.post("/imports", data=data, content_type="multipart/form-data")


def started(client: FlaskClient, where: str, **more: Any) -> Any:
    """Press the button of a check page: send what its form carries."""
    form = page(client.get(where)).select_one("form#start")
    data = {field["name"]: field.get("value", "") for field in form.select("input[type=hidden]")}
    return client.post(form["action"], data=data | more)


def facts(soup: Any) -> dict[str, str]:
    return {words(part.dt): words(part.dd) for part in soup.select(".facts > div")}


def count(model: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def test_a_file_is_checked_first_and_imported_then(session: Any, client: FlaskClient) -> None:
    where = send(client, TWO).location
    soup = page(client.get(where))
    assert facts(soup) == {"To add": "2", "Already there": "0", "Changes": "0", "Bad lines": "0"}
    assert count(Customer) == 0
    answer = started(client, where)
    assert (answer.location, count(Customer)) == (where, 2)
    soup = page(client.get(where))
    assert "Added 2 customers." in words(soup)
    assert [words(link) for link in soup.select("#made ~ * a, section td a")][:2] == ["Acme", "Bolt"]


def test_sent_twice_the_second_file_adds_nothing(session: Any, client: FlaskClient) -> None:
    started(client, send(client, TWO).location)
    where = send(client, TWO).location
    soup = page(client.get(where))
    assert facts(soup)["Already there"] == "2"
    assert not soup.select_one("form#start button.button--primary")


def test_a_file_that_waits_is_kept_once(session: Any, client: FlaskClient) -> None:
    assert send(client, TWO).location == send(client, TWO).location
    assert count(MoveImport) == 1


def test_bad_lines_are_named_left_out_and_sent_again_mended(session: Any, client: FlaskClient) -> None:
    where = send(client, TWO + "Crisp,C-1,POUNDS\n").location
    soup = page(client.get(where))
    assert "Currency is POUNDS: enter three letters, such as USD." in words(soup)
    refused = started(client, where)
    assert refused.status_code == 409
    assert count(Customer) == 0
    text = client.get(f"{where}/bad-lines.csv").get_data(as_text=True)
    assert list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))[1][:3] == [
        "4", "Currency is POUNDS: enter three letters, such as USD.", "Crisp",
    ]  # fmt: skip
    started(client, where, good_only="1")
    again = client.get(f"{where}/bad-lines.csv").get_data(as_text=True)
    assert again == text
    started(client, send(client, again.replace("POUNDS", "GBP")).location)
    assert count(Customer) == 3


def test_a_change_is_shown_and_taken_only_if_said(session: Any, client: FlaskClient) -> None:
    started(client, send(client, TWO).location)
    where = send(client, TWO.replace("Acme", "Acme Ltd")).location
    row = page(client.get(where)).select_one("#changes").find_parent("section").select_one("tbody tr")
    assert [words(cell) for cell in row.select("td")] == ["2", "Acme", "Name", "Acme", "Acme Ltd"]
    started(client, where)
    assert "Acme Ltd" not in session.scalars(select(Customer.name)).all()
    started(client, send(client, TWO.replace("Acme", "Acme Ltd")).location, takes_changes="y")
    session.expire_all()
    assert "Acme Ltd" in session.scalars(select(Customer.name)).all()


def test_what_has_changed_since_the_page_was_shown_is_shown_again(session: Any, client: FlaskClient) -> None:
    where = send(client, TWO).location
    form = page(client.get(where)).select_one("form#start")
    a_customer("Acme")
    answer = client.post(form["action"], data={"fingerprint": form.select_one("[name=fingerprint]")["value"]})
    soup = page(answer, 409)
    assert "Something has changed since this page was shown." in words(soup)
    assert count(Customer) == 1


def test_what_is_open_is_added_up_by_currency_before_it_is_imported(
    session: Any, client: FlaskClient
) -> None:
    a_customer("Acme"), a_customer("Globex"), a_customer("Seine", currency="EUR")
    lines = (
        ("Acme", "120.00"),
        ("Globex", "30.50"),
        ("Acme", "-20.00"),
        ("Seine", "7.00"),
        ("Nobody", "99.00"),
    )
    rows = "".join(f"{name},{place},2026-05-03,{gross}\n" for place, (name, gross) in enumerate(lines, 1))
    text = f"Customer,Number,Date,Gross\n{rows}"
    soup = page(client.get(send(client, text, "opening").location))
    shown = facts(soup)
    assert (shown["Together, GBP"], shown["Together, EUR"], shown["Bad lines"]) == ("130.50", "7.00", "1")
    assert "Acme: 3, −20.00 GBP" in words(soup)


def test_unknown_columns_are_described_once_and_remembered(session: Any, client: FlaskClient) -> None:
    text = "Wer,Waehrung\nAcme,GBP\n"
    where = send(client, text).location
    assert where.endswith("/columns")
    soup = page(client.get(where))
    assert "No column is called Name, Legal Name or Last Name" in words(soup)
    wrong = client.post(where, data={"column-currency": "1", "column-day_order": "", "column-decimal": ""})
    assert "Choose a column for Name." in error_at(page(wrong, 422), "column-name")
    shown = client.post(
        where, data={"column-name": "0", "column-currency": "1", "column-day_order": "", "column-decimal": ""}
    )
    started(client, shown.location)
    assert session.scalars(select(Customer.name)).all() == ["Acme"]
    assert not send(client, text.replace("Acme", "Bolt")).location.endswith("/columns")


def test_what_no_line_says_is_said_once_for_all(session: Any, client: FlaskClient) -> None:
    where = send(client, "Name\nAcme\nBolt\n".replace("Name", "Name,Notes").replace("\nA", "\nA")).location
    wrong = client.post(f"{where}/values", data={"say-currency": "POUNDS"})
    soup = page(wrong, 422)
    assert "enter three letters" in error_at(soup, "say-currency")
    assert soup.select_one("[name=say-currency]")["value"] == "POUNDS"
    client.post(f"{where}/values", data={"say-currency": "EUR", "say-tax_rate": "19"})
    started(client, where)
    acme = session.scalars(select(Customer).where(Customer.name == "Acme")).one()
    assert (acme.currency, acme.last_tax.rate) == ("EUR", 19)


def test_an_import_is_undone_with_a_reason_and_what_is_in_use_is_named(
    session: Any, client: FlaskClient
) -> None:
    where = send(client, TWO).location
    started(client, where)
    a_did(session.scalars(select(Customer).where(Customer.name == "Bolt")).one())
    soup = page(client.post(f"{where}/undo", data={"reason": " "}), 422)
    assert "Enter why it is undone" in words(soup)
    client.post(f"{where}/undo", data={"reason": "The wrong file"})
    session.expire_all()
    assert session.scalars(select(Customer.name)).all() == ["Bolt"]
    assert "There are DIDs." in words(page(client.get(where)))


def test_a_large_file_is_handed_on_and_shown_as_it_goes(
    session: Any, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "SMALL", 1)
    handed = []
    monkeypatch.setattr("portal.tasks.processes.start", lambda name, **which: handed.append(name))
    where = send(client, TWO).location
    started(client, where)
    soup = page(client.get(where))
    assert soup.select_one("[hx-get$=progress]")
    part = client.get(f"{where}/progress", headers={"HX-Request": "true"})
    assert "0 of 2, 0 customers added" in part.get_data(as_text=True)
    client.post(f"{where}/stop")
    client.post(f"{where}/resumption")
    import_ = making.carry_out(
        int(where.rsplit("/", 1)[1]), TODAY, lambda: session.scalars(select(MoveImport)).one().started_at
    )
    assert (import_.state, count(Customer)) == (ImportState.DONE, 2)


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"", "a.csv", "The file is empty."),
        (b"%PDF-1.7 whatever", "a.pdf", "This is a PDF."),
        (b'{"name": "Acme"}', "a.json", "This is JSON."),
        (b"Name,Currency\n", "a.csv", "There are no lines below the names of the columns."),
        (b"Name,Currency\n" + b"x" * 100_000, "a.csv", "A line is longer than 64 KB."),
        (b"Name,Currency\n\x00\x01,GBP\n", "a.csv", "The file contains control characters."),
    ],
)
def test_a_file_that_cannot_be_read_gets_a_sentence_and_changes_nothing(
    session: Any, client: FlaskClient, content: bytes, name: str, said: str
) -> None:
    assert said in error_at(page(send(client, content, name=name), 422), "file")
    assert count(MoveImport) == 0


def test_each_kind_has_a_file_to_begin_with_that_can_be_imported(session: Any, client: FlaskClient) -> None:
    for kind, model in (("customers", Customer), ("packages", Package)):
        text = client.get(f"/imports/samples/{kind}.csv").get_data()
        where = send(client, text, kind).location
        assert facts(page(client.get(where)))["Bad lines"] == "0"
        started(client, where)
        assert count(model) == 2


def test_a_viewer_looks_and_changes_nothing(
    session: Any, client: FlaskClient, as_viewer: FlaskClient
) -> None:
    where = send(client, TWO).location
    assert not page(as_viewer.get(where)).select("main form")
    assert as_viewer.post(f"{where}/start").status_code == 403


def test_a_file_that_is_discarded_is_gone(session: Any, client: FlaskClient) -> None:
    where = send(client, TWO).location
    client.post(f"{where}/discard")
    assert started_is_refused(client, where) == 409


def started_is_refused(client: FlaskClient, where: str) -> int:
    status: int = client.post(f"{where}/start", data={"fingerprint": ""}).status_code
    return status
