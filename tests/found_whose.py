"""Faults found in whose a call is: account codes, DIDs, and what calls hold on to."""

import unicodedata
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select

from portal.domain.errors import Invalid, RuleBroken
from portal.extensions import db
from portal.models import BalanceEntry, Call, Customer, Did
from portal.services import deletion
from portal.services.customers import account_codes
from portal.services.customers.customers import change_customer, fields_of, named
from portal.services.deletion import dids
from tests.calling import HEAD, a_file, a_line, bad_rows, taken_in

from tests.trade import BEN, NOW, TODAY, a_customer, a_did, a_package, assigned


def test_a_did_that_calls_name_as_their_destination_is_archived_not_deleted(session, tmp_path):
    acme = a_customer()
    did = a_did(acme)
    db.session.commit()
    import_ = taken_in(
        a_file(
            tmp_path,
            [a_line("a", "2026-11-09 10:00:00", 60, "1", did="4930123", customer="", destination=did.number)],
        )
    )
    assert import_.taken_count == 1
    did = db.session.get(Did, did.id)
    dids.release_many([did], TODAY)
    db.session.commit()
    assert deletion.delete_did(db.session.get(Did, did.id), TODAY) is False


def test_a_code_is_the_same_however_its_accents_are_typed(session):
    one, two = a_customer("One"), a_customer("Two")
    account_codes.give(one, account_codes.split(unicodedata.normalize("NFC", "Café-Zoë")))
    with pytest.raises(Invalid):
        account_codes.give(two, account_codes.split(unicodedata.normalize("NFD", "Café-Zoë")))


CODES = [
    "#7",
    " #7",
    "＃7",
    "7",
    "a" * 80,
    "a" * 81,
    "ß" * 80,
    "ΐ" * 80,
    "x\x00y",
    "a\u200bb",
    "4.47E+11",
    "4,47E+11",
    "4.47E11",
    "=1+1",
    "Two",
    "TWO ",
    "tw\u00a0o",
    "x" * 5000,
    "\u202eabc",
    "ok",
    "a;b",
    '"q"',
    "<b>",
    "%",
    "_",
    "1e5",
    "1E+5",
    "100%",
]


@pytest.mark.parametrize("code", CODES)
def test_codes_by_the_form(app, client, code, tmp_path):
    with app.app_context():
        one, two = a_customer("One"), a_customer("Two")
        db.session.commit()
        id, version = one.id, one.version
    form = {
        "name": "One",
        "currency": "GBP",
        "debit_limit": "0",
        "version": version,
        "account_codes": code,
        "tax_rate": "20",
    }
    answer = client.post(f"/customers/{id}", data=form)
    text = answer.get_data(as_text=True)
    print(repr(code)[:30], answer.status_code)
    assert answer.status_code in (303, 422)
    if answer.status_code == 303:
        client.get(f"/customers/{id}")
        for q in (code, code[:3]):
            found = client.get("/customers", query_string={"q": q})
            assert found.status_code == 200
        with app.app_context():
            stored = [c.code for c in db.session.get(Customer, id).account_codes]
            if stored:
                assert named(code.strip()).id == id
                import csv, io

                out = io.StringIO()
                csv.writer(out).writerow(["c1", stored[0], "", "4930", "2026-11-09 10:00:00", 60, "1", ""])
                import_ = taken_in(a_file(tmp_path, [out.getvalue().strip()]))
                print(stored, bad_rows(import_))
                assert import_.taken_count == 1, bad_rows(import_)


def test_by_the_page_deleting_such_a_did_is_no_meeting_of_two(app, client, tmp_path):
    app.config["TODAY"] = TODAY.isoformat()
    with app.app_context():
        acme = a_customer()
        did = a_did(acme)
        db.session.commit()
        taken_in(
            a_file(
                tmp_path,
                [
                    a_line(
                        "a",
                        "2026-11-09 10:00:00",
                        60,
                        "1",
                        did="4930123",
                        customer="",
                        destination=did.number,
                    )
                ],
            )
        )
        did = db.session.get(Did, did.id)
        dids.release_many([did], TODAY)
        db.session.commit()
        id, version = did.id, did.version
    answer = client.post(f"/dids/{id}/delete", data={"version": version})
    print(answer.status_code, " ".join(answer.get_data(as_text=True).split())[-900:])
    assert answer.status_code == 303
