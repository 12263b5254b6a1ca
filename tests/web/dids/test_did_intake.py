"""Adding DIDs: what would come of it is shown first; good lines go in; every bad one is named."""

import csv
import gzip
import io
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from portal.models import Assignment, Did
from portal.models.company import company
from portal.services.dids import lines as did_lines
from tests.pages import error_at, page, words
from tests.trade import TODAY, a_customer, a_did, a_package

LONDON = "+4420794600"
FORM = {"country": "GB", "token": "form"}
ONE, BLOCK, LINES, FILE = ({**FORM, "by": by} for by in ("one", "block", "lines", "file"))


@pytest.fixture(autouse=True)
def _on_a_sunday(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


def stored(session: Any) -> list[str]:
    return list(session.scalars(select(Did.number).order_by(Did.number)))


def upload(content: bytes, name: str = "dids.csv") -> dict[str, Any]:
    return {"file": (io.BytesIO(content), name)}


def confirm(client: FlaskClient, soup: Any) -> Any:
    """Press the button of a report: send what it carries."""
    form = soup.select_one('form[action="/dids"]')
    data = {field["name"]: field.get("value", "") for field in form.select("input[name]")}
    return client.post("/dids", data=data, content_type="multipart/form-data")


def facts(soup: Any) -> dict[str, str]:
    return {words(part.dt): words(part.dd) for part in soup.select(".facts > div")}


@pytest.mark.parametrize("by", ["one", "block", "lines", "file", "nonsense"])
def test_each_way_has_a_page(session: Any, client: FlaskClient, by: str) -> None:
    acme = a_customer("Acme")
    soup = page(client.get(f"/dids/new?by={by}&customer={acme.id}"))
    assert soup.select_one('input[name="customer"]')["value"] == "Acme"
    assert soup.select_one('input[name="start_date"]')["value"] == "2026-11-22"


def test_the_country_of_the_last_number_is_offered(session: Any, client: FlaskClient) -> None:
    a_did(None)
    assert page(client.get("/dids/new")).select_one("option[selected][value=GB]")


def test_before_there_is_any_number_our_own_country_is_offered(session: Any, client: FlaskClient) -> None:
    company().country = "FR"
    session.commit()
    assert page(client.get("/dids/new")).select_one("option[selected][value=FR]")


# -- one


def test_one_number_is_added_at_once(session: Any, client: FlaskClient) -> None:
    answer = client.post("/dids", data=ONE | {"number": "020 7946 0001"})
    did = session.scalars(select(Did)).one()
    assert answer.location == f"/dids/{did.id}"
    assert (did.number, did.country, did.customer) == (LONDON + "01", "GB", None)


def test_a_number_that_is_there_is_said_at_its_field(session: Any, client: FlaskClient) -> None:
    a_did(a_customer("Acme"), LONDON + "01")
    soup = page(client.post("/dids", data=ONE | {"number": LONDON + "01"}), 422)
    assert "+44 20 7946 0001 already exists, with Acme." in error_at(soup, "number")
    assert stored(session) == [LONDON + "01"]


@pytest.mark.parametrize("number", ["", "abc", "12", "+44 20", "x" * 61, "=1+1", "+44\u066020"])
def test_what_is_no_number_is_said_at_its_field(session: Any, client: FlaskClient, number: str) -> None:
    soup = page(client.post("/dids", data=ONE | {"number": number}), 422)
    assert error_at(soup, "number")
    assert stored(session) == []


def test_with_a_package_one_sees_first_what_is_charged(session: Any, client: FlaskClient) -> None:
    a_customer("Acme")
    package = a_package("UK DID", "1.20", setup_retail="5")
    data = ONE | {
        "number": LONDON + "01",
        "customer": "Acme",
        "package": package.id,
        "start_date": "2026-12-01",
    }
    soup = page(client.post("/dids", data=data))
    assert stored(session) == []
    lines = [words(row) for row in soup.select('section[aria-labelledby="consequences"] tbody tr')]
    assert lines == ["1 Dec 2026 UK DID, setup 1 5.00 GBP", "1 Dec 2026 UK DID 1 1.20 GBP"]
    assert confirm(client, soup).status_code == 303
    assignment = session.scalars(select(Assignment)).one()
    assert (assignment.did.number, assignment.created_by) == (LONDON + "01", "owner@lumen.example")


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("customer", {"customer": "Nobody"}),
        ("customer", {"customer": "Gone"}),
        ("customer", {"package": True}),
        ("start_date", {"package": True, "customer": "Acme", "start_date": ""}),
        ("start_date", {"start_date": "2026-02-30"}),
        ("start_date", {"start_date": "1999-12-31"}),
        ("quantity", {"quantity": "0"}),
        ("quantity", {"quantity": "1.5"}),
        ("quantity", {"quantity": "100001"}),
        ("package", {"package": "999"}),
        ("package", {"package": "x"}),
        ("country", {"country": "XX"}),
    ],
)
def test_what_cannot_be_is_said_at_its_field(
    session: Any, client: FlaskClient, field: str, typed: dict[str, Any]
) -> None:
    a_customer("Acme")
    a_customer("Gone").archived_on = TODAY
    package = a_package("UK DID")
    data = BLOCK | {"first": LONDON + "01", "last": LONDON + "02", "start_date": "2026-12-01"} | typed
    if typed.get("package") is True:
        data["package"] = package.id
    soup = page(client.post("/dids/new/check", data=data), 422)
    assert error_at(soup, field)
    assert soup.select_one('input[name="first"]')["value"] == LONDON + "01"


# -- a block


def test_a_block_is_checked_then_added(session: Any, client: FlaskClient) -> None:
    a_did(None, LONDON + "03")
    data = BLOCK | {"first": "020 7946 0001", "last": "020 7946 0009", "customer": ""}
    soup = page(client.post("/dids/new/check", data=data))
    assert facts(soup) == {"To add": "8", "Already there": "1", "Bad lines": "0"}
    assert stored(session) == [LONDON + "03"]
    assert confirm(client, soup).location == "/dids?sort=-added"
    assert len(stored(session)) == 9


@pytest.mark.parametrize(
    ("field", "first", "last"),
    [("last", "02", "01"), ("first", "xx", "01"), ("last", "01", "xx"), ("first", "", "01")],
)
def test_a_block_that_is_none_is_said_at_its_field(
    session: Any, client: FlaskClient, field: str, first: str, last: str
) -> None:
    data = BLOCK | {"first": LONDON + first if first else "", "last": LONDON + last}
    assert error_at(page(client.post("/dids/new/check", data=data), 422), field)


def test_a_block_of_more_than_ten_thousand_is_refused(session: Any, client: FlaskClient) -> None:
    data = BLOCK | {"first": "+442079400000", "last": "+442079410000"}
    assert "10,000 numbers at most" in error_at(page(client.post("/dids/new/check", data=data), 422), "last")


# -- lines and files


def test_pasted_lines_go_in_and_bad_ones_are_named_and_left(session: Any, client: FlaskClient) -> None:
    data = LINES | {"text": f"{LONDON}01\nnonsense\n020 7946 0002\n"}
    soup = page(client.post("/dids/new/check", data=data))
    assert facts(soup) == {"To add": "2", "Already there": "0", "Bad lines": "1"}
    bad = soup.select_one('section[aria-labelledby="bad-lines"] tbody tr')
    assert words(bad).startswith("2 nonsense nonsense is not a phone number.")
    done = page(confirm(client, soup))
    assert words(done.h1) == "Added 2 DIDs"
    assert "nonsense" in words(done.select_one('section[aria-labelledby="bad-lines"]'))
    assert stored(session) == [LONDON + "01", LONDON + "02"]


def test_confirming_twice_adds_nothing_twice(session: Any, client: FlaskClient) -> None:
    acme, package = a_customer("Acme"), a_package("UK DID")
    data = LINES | {"text": LONDON + "01\n" + LONDON + "02", "customer": "Acme", "package": package.id}
    soup = page(client.post("/dids/new/check", data=data | {"start_date": "2026-12-01"}))
    assert confirm(client, soup).location == f"/dids?sort=-added&customer={acme.id}"
    assert confirm(client, soup).location == f"/dids?sort=-added&customer={acme.id}"
    assert session.scalar(select(func.count(Assignment.id))) == 2


def test_a_block_that_was_added_is_not_answered_with_to_another_one(
    session: Any, client: FlaskClient
) -> None:
    first = BLOCK | {"first": LONDON + "01", "last": LONDON + "03"}
    confirm(client, page(client.post("/dids/new/check", data=first)))
    other = page(client.post("/dids/new/check", data=first | {"last": LONDON + "04"}))
    soup = page(confirm(client, other), 409)
    assert "This form was already sent with different content: 3 DIDs were added." in words(soup)
    assert soup.select_one('a[href="/dids?sort=-added"]')
    assert len(stored(session)) == 3


def test_what_changed_since_one_looked_is_shown_before_anything_is_stored(
    session: Any, client: FlaskClient
) -> None:
    soup = page(client.post("/dids/new/check", data=LINES | {"text": f"{LONDON}01\n{LONDON}02"}))
    a_did(None, LONDON + "02")
    again = page(confirm(client, soup), 409)
    assert "has changed" in words(again.select_one("[role=alert]"))
    assert stored(session) == [LONDON + "02"]
    assert confirm(client, again).status_code == 303
    assert stored(session) == [LONDON + "01", LONDON + "02"]


def test_a_report_leads_back_to_the_form_as_it_was_filled_in(session: Any, client: FlaskClient) -> None:
    soup = page(client.post("/dids/new/check", data=LINES | {"text": f"{LONDON}01\nx", "quantity": "3"}))
    form = soup.select_one('form[action="/dids"]')
    data = {field["name"]: field.get("value", "") for field in form.select("input[name]")}
    again = page(client.post("/dids/new", data=data))
    assert again.textarea.text.strip().splitlines() == [f"{LONDON}01", "x"]
    assert again.select_one('input[name="quantity"]')["value"] == "3"


def test_a_file_says_for_each_line_whose_it_is_and_what_is_assigned(
    session: Any, client: FlaskClient
) -> None:
    a_customer("Acme, Inc."), a_package("UK DID")
    content = (
        "DID;Customer;Package;Start Date;Quantity;Notes\r\n"
        f'{LONDON}01;"Acme, Inc.";UK DID;2026-12-01;2;first\r\n'
        f"{LONDON}02;Nobody;;;;\r\n"
    ).encode("utf-8-sig")
    soup = page(client.post("/dids/new/check", data=FILE | upload(content)))
    assert facts(soup) == {"To add": "1", "Already there": "0", "Bad lines": "1"}
    assert "Number from DID" in words(soup.main) and "Customer from Customer" in words(soup.main)
    assert "Columns ignored: Notes." in words(soup.main)
    page(confirm(client, soup))
    assignment = session.scalars(select(Assignment)).one()
    assert (assignment.customer.name, assignment.quantity_on(TODAY)) == ("Acme, Inc.", 2)


def test_bad_lines_are_downloaded_safe_against_formulas(session: Any, client: FlaskClient) -> None:
    content = b'number,customer\n"=HYPERLINK(""http://x"")",\n+44,@SUM(A1)\n'
    soup = page(client.post("/dids/new/check", data=FILE | upload(content)))
    form = soup.select_one('form[action="/dids"]')
    data = {field["name"]: field.get("value", "") for field in form.select("input[name]")}
    answer = client.post("/dids/new/bad-lines.csv", data=data)
    assert answer.mimetype == "text/csv"
    assert "attachment" in answer.headers["Content-Disposition"]
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert rows[0] == ["line", "reason", "number", "customer"]
    assert [row[2] for row in rows[1:]] == ['\'=HYPERLINK("http://x")', "+44"]  # a number does nothing
    assert not [cell for row in rows for cell in row if cell[:1] in "=-@" and cell]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n",
        b"PK\x03\x04rest",
        b"number\n+44\x0020",
        bytes(range(256)),
        b"\xff\xfe\x00",
        b"number\n" + b"9" * 200_000,
        b"x" * 400_001,
        gzip.compress(b"1\n" * (24 << 20), 1),
        b'number,customer\n1,"open',
        b"number\n" + b"1\n" * 10_001,
    ],
    ids=["empty", "blank", "zip", "nul", "bytes", "half", "long line", "large", "bomb", "quote", "many"],
)
def test_a_hostile_file_gets_a_sentence_and_changes_nothing(
    session: Any, client: FlaskClient, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(did_lines, "TEXT_MAX", 400_000)
    soup = page(client.post("/dids/new/check", data=FILE | upload(content)), 422)
    assert error_at(soup, "file")
    assert stored(session) == []


def test_no_file_at_all_is_said(client: FlaskClient) -> None:
    assert "Choose a file" in error_at(page(client.post("/dids/new/check", data=FILE), 422), "file")


def test_a_file_of_formulas_is_text_on_the_page(session: Any, client: FlaskClient) -> None:
    content = b"number,customer\n<script>alert(1)</script>,<b>x</b>\n"
    soup = page(client.post("/dids/new/check", data=FILE | upload(content)))
    assert "<script>alert(1)</script>" in words(soup.select_one('section[aria-labelledby="bad-lines"]'))


def test_a_viewer_may_look_and_not_add(session: Any, as_viewer: FlaskClient) -> None:
    assert as_viewer.post("/dids", data=ONE | {"number": LONDON + "01"}).status_code == 403
    assert stored(session) == []
