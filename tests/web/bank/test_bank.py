"""Bank statements in the browser: taken in, looked through, a line booked, split, set aside, put back."""

import re
from decimal import Decimal
from io import BytesIO

import pytest
from sqlalchemy import select

from portal.extensions import db
from portal.models import BankLine, BankStatement, LineState, Payment
from portal.services import credit
from tests import pages
from tests.banking import ACME, DATA, GLOBEX, INITECH, charged, customer, reference

HEAD = "Booking date;Name;IBAN;Text;Transaction ID;Paid in;Paid out;Currency;Own account\n"
IBAN = "DE75512108001245126199"


@pytest.fixture
def world(session):
    acme, globex = customer(ACME, "Acme GmbH"), customer(GLOBEX, "Globex AG")
    session.commit()
    return acme, globex


def page(answer, status=200):
    """A page, held to the rules of every page."""
    return pages.page(answer, status)


def said(soup):
    """What a page says, in one line."""
    return " ".join(soup.get_text(" ").split())


def send(client, content, name="statement.csv", **more):
    return client.post(
        "/bank-statements",
        data={"file": (BytesIO(content), name), **more},
        content_type="multipart/form-data",
    )


def sent(client, *rows):
    text = "".join(f"2026-11-{10 + place};{row};EUR;{IBAN}\n" for place, row in enumerate(rows))
    answer = send(client, (HEAD + text).encode(), f"{hash(rows)}.csv")
    assert answer.status_code == 303, said(page(answer, answer.status_code))
    return answer.location


def line():
    return db.session.scalars(select(BankLine).order_by(BankLine.id.desc())).first()


def forms(soup, action):
    return [form for form in soup.select("form") if re.search(action, form.get("action", ""))]


def fields(form):
    return {
        one["name"]: one.get("value", "")
        for one in form.select("input[name]")
        if one.get("type") != "checkbox"
    }


def test_a_statement_is_taken_in_and_its_three_sums_add_up(client, world):
    answer = send(client, (DATA / "camt.053.xml").read_bytes(), "camt.xml")
    shown = page(client.get(answer.location))
    text = said(shown)
    assert "Open 1,246.00 EUR 4 lines" in text
    assert "Booked 0.00 EUR 0 lines" in text
    assert "Set aside −13.90 EUR 1 line" in text
    assert "Together 1,232.10 EUR 5 lines" in text
    assert "opening balance and lines come to it" in text
    assert "Book all 3 exact lines: 1,278.50 EUR" in text
    again = send(client, (DATA / "camt.053.xml").read_bytes(), "camt.xml")
    assert again.location == answer.location
    assert "was there already" in said(page(client.get(again.location)))
    assert "212" in said(page(client.get("/bank-statements")))


def test_a_statement_that_is_missing_is_named_and_the_accounts_known_are_offered(client, world):
    head = "Booking date;Text;Paid in;Paid out;Balance;Currency;Own account\n"
    first = send(client, f"{head}2026-11-02;x;5.00;;105.00;EUR;{IBAN}\n".encode(), "1.csv").location
    later = send(client, f"{head}2026-11-09;y;1.00;;121.00;EUR;{IBAN}\n".encode(), "2.csv").location
    shown = page(client.get(later))
    assert (
        "It does not begin where the statement of 2 Nov 2026 ended: one is missing. That one closed at 105.00 EUR, "
        "this one opens at 120.00 EUR."
    ) in said(shown)
    assert "missing" not in said(page(client.get(first)))
    form = page(client.get("/bank-statements")).select_one("#statement")
    offered = form.select_one(f"datalist#{form.select_one('[name=account]')['list']}")
    assert [one["value"] for one in offered.select("option")] == [IBAN]


def test_a_proposal_is_booked_with_one_click_from_the_list(client, world):
    charged(world[0], "24.50", token="a")
    db.session.commit()
    there = sent(client, f"Acme;DE89;{reference(world[0])};T-1;24.50;")
    (form,) = forms(page(client.get(there)), "acceptance")
    answer = client.post(form["action"], data=fields(form))
    assert answer.location.startswith(there)
    assert "Booked 24.50 EUR: Acme GmbH." in said(page(client.get(answer.location)))
    twice = client.post(form["action"], data=fields(form))
    assert "booked already by" in said(page(twice, 409))
    assert len(db.session.scalars(select(Payment)).all()) == 1


def test_all_exact_lines_are_booked_at_once(client, world):
    there = sent(
        client,
        f"A;;{reference(world[0])};T-1;24.50;",
        f"B;;{reference(world[1])};T-2;1.00;",
        "C;;?;T-3;9.00;",
    )
    (form,) = forms(page(client.get(there)), "/bookings$")
    client.post(form["action"], data=fields(form))
    shown = page(client.get(there))
    assert "Booked 2 lines." in said(shown)
    assert not forms(shown, "/bookings$")
    assert "Booked 25.50 EUR 2 lines" in said(shown)


def test_a_customer_and_charges_are_chosen_on_the_page_of_a_line(client, world):
    first, second = charged(world[0], "10.00", token="a"), charged(world[0], "24.50", token="b")
    db.session.commit()
    sent(client, "Somebody;;hello;T-1;20.00;")
    there = f"/bank-lines/{line().id}"
    assert "Nothing is proposed" in said(page(client.get(there)))
    shown = page(client.get(there, query_string={"customer": "Acme GmbH"}))
    (form,) = forms(shown, "payments$")
    sending = fields(form) | {"chosen": str(second.id), f"amount_{second.id}": "20.00"}
    answer = client.post(form["action"], data=sending)
    assert answer.status_code == 303, said(page(answer, answer.status_code))
    (payment,) = db.session.scalars(select(Payment))
    assert credit.paid_by(payment) == {second.id: Decimal(20)}
    assert first.id
    assert "line of the bank statement" in said(page(client.get(f"/payments/{payment.id}")))


def test_a_line_is_split_between_customers_on_its_page(client, world):
    sent(client, "Parent;;both;T-1;30.00;")
    one = line()
    data = {
        "version": one.version,
        "customer": "Acme GmbH",
        "amount": "10",
        "customer_2": "Globex AG",
        "share_2": "19",
    }
    refused = page(client.post(f"/bank-lines/{one.id}/payments", data=data), 422)
    assert "1.00 too little" in said(refused)
    assert refused.select_one("#share_2")["value"] == "19"
    client.post(f"/bank-lines/{one.id}/payments", data=data | {"share_2": "20"})
    assert credit.balance_of(GLOBEX) == 20
    assert credit.balance_of(ACME) == 10


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"customer": "Nobody"}, "Nobody"),
        ({"customer": ""}, "Choose the customer"),
        ({"amount": "x"}, "Enter Amount as"),
        ({"customer_2": "Globex AG"}, "Enter their part"),
        ({"share_2": "5"}, "Choose the customer whose part it is."),
        ({"chosen": "123"}, "not in the list"),
    ],
)
def test_what_cannot_be_said_of_a_line_is_refused_at_its_field(client, world, more, words):
    sent(client, "Parent;;both;T-1;30.00;")
    one = line()
    data = {"version": one.version, "customer": "Acme GmbH", "amount": "30"} | more
    assert words in said(page(client.post(f"/bank-lines/{one.id}/payments", data=data), 422))
    assert one.state == LineState.OPEN


def test_a_line_is_set_aside_and_put_back(client, world):
    sent(client, "Landlord;;Rent;T-1;;850.00")
    there = f"/bank-lines/{line().id}"
    version = line().version
    assert "Enter a word" in said(page(client.post(f"{there}/setting-aside", data={"version": version}), 422))
    client.post(f"{there}/setting-aside", data={"version": version, "note": "Rent"})
    shown = page(client.get(there))
    assert "set aside : Rent" in said(shown)
    (form,) = forms(shown, "put-back$")
    client.post(form["action"], data=fields(form))
    db.session.expire_all()
    assert line().state == LineState.OPEN


def test_a_return_cancels_its_payment_from_the_list(client, world):
    sent(client, f"Globex;DE02;{reference(world[1])};T-1;29.50;", "x;;y;T-2;;1.00")
    there = sent(client, "Globex AG;DE02;Rücklastschrift AC04;T-9;;29.50")
    came_in = db.session.scalars(select(BankLine.id).where(BankLine.bank_reference == "T-1")).one()
    (accept,) = forms(page(client.get(f"/bank-lines/{came_in}")), "acceptance")
    client.post(accept["action"], data=fields(accept))
    shown = page(client.get(there))
    assert "came back" in said(shown)
    (form,) = forms(shown, "acceptance")
    client.post(form["action"], data=fields(form))
    (payment,) = db.session.scalars(select(Payment))
    db.session.expire_all()
    assert payment.state == "cancelled"


def test_a_file_whose_columns_are_unknown_is_described_and_remembered(client, session):
    customer(INITECH, "Initech Ltd", "GBP")
    session.commit()
    answer = send(client, (DATA / "lloyds.csv").read_bytes(), "lloyds.csv")
    shown = page(client.get(answer.location))
    assert "does not say its currency" in said(shown)
    assert "lloyds.csv" in said(page(client.get("/bank-statements")))
    (form,) = forms(shown, "columns$")
    chosen = fields(form) | {
        one["name"]: (one.select_one("option[selected]") or one.select_one("option"))["value"]
        for one in form.select("select")
    }
    first = page(client.get(answer.location, query_string=chosen | {"currency_of_all": "GBP"}))
    assert "30.00 GBP" in said(first)
    assert "does not say its currency" not in said(first), "it is said by now"
    refused = client.post(
        form["action"], data=chosen | {"amount": "", "paid_in": "", "paid_out": "", "currency_of_all": "GBP"}
    )
    assert "No column is known as the amount" in said(page(refused, 422))
    done = client.post(form["action"], data=chosen | {"currency_of_all": "GBP"})
    assert done.status_code == 303, said(page(done, done.status_code))
    assert "adds up" in said(page(client.get("/bank-statements")))
    other = (DATA / "lloyds.csv").read_bytes().replace(b"60.00", b"61.00").replace(b"1084.50", b"1085.50")
    assert re.search(r"/bank-statements/\d+$", send(client, other).location)


def test_a_file_that_waits_is_discarded(client, session):
    answer = send(client, (DATA / "lloyds.csv").read_bytes(), "lloyds.csv")
    client.post(answer.location.replace("columns", "discard"))
    assert "Discarded lloyds.csv." in said(page(client.get("/bank-statements")))


@pytest.mark.parametrize(
    "content", [b"", b"%PDF-1", b"hello", b"PK\x03\x04", b"<html></html>", b"\x1f\x8bxx"]
)
def test_a_bad_file_gets_a_sentence_at_its_field(client, session, content):
    refused = page(send(client, content, "x.csv"), 422)
    assert refused.select_one("#file-error").text
    assert not db.session.scalars(select(BankStatement)).all()


def test_no_file_is_asked_for(client, session):
    assert "Choose a bank statement." in said(page(client.post("/bank-statements", data={}), 422))


def test_a_viewer_reads_and_books_nothing(as_viewer, client, world):
    there = sent(client, f"Acme;DE89;{reference(world[0])};T-1;24.50;")
    shown = page(as_viewer.get(there))
    assert not forms(shown, "acceptance|bookings")
    assert not forms(page(as_viewer.get(f"/bank-lines/{line().id}")), "bank-lines")
