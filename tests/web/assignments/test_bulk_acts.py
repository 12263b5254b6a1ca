"""Undo stands in the message that says what was done to many, and on its line in the audit log."""

from datetime import date

import pytest
from sqlalchemy import select

from portal.models import Assignment, BulkAct, Charge, Customer, Package
from portal.services.charges.by_hand import reverse
from portal.services.runs import runs
from tests.pages import page, words
from tests.trade import BEN, NOW, TODAY, a_customer, a_did, a_package, assigned

NOVEMBER = date(2026, 11, 1)
UNDO = "form[action^='/bulk-acts/']"


@pytest.fixture(autouse=True)
def _on_a_sunday(app, monkeypatch):
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


@pytest.fixture
def three(session):
    """The ids of a package and of three customers."""
    found = [a_package("Trunk", "20").id, *(a_customer(name).id for name in ("Acme", "Globex", "Initech"))]
    session.commit()
    return found


def give(client, package_id, ids, start=NOVEMBER):
    data = {
        "ids": ids, "package": str(package_id), "quantity": "1", "start_date": str(start), "token": "a-form-of-ours",
    }  # fmt: skip
    return client.post("/assignments/many/customers/assign", data=data, follow_redirects=True)


def undo_of(answer):
    """The address behind Undo on a page."""
    return page(answer).select_one(UNDO)["action"]


def test_assigning_many_is_undone_from_its_message(client, session, three):
    answer = give(client, three[0], three[1:])
    assert "Assigned Trunk to 3 customers." in answer.text
    done = client.post(undo_of(answer), follow_redirects=True)
    assert "Undone for 3 assignments." in done.text
    assert session.scalars(select(Assignment)).all() == []
    again = client.post(undo_of(answer))
    assert again.status_code == 409
    assert "Trunk for 3 customers" in client.get(page(again, 409).select_one(".actions a")["href"]).text


def test_it_is_undone_from_the_audit_log_also_after_a_run_and_what_stays_is_named(
    client, as_billing, session, three
):
    give(client, three[0], three[1:])
    run = runs.start(TODAY, simulate=False, today=TODAY, by=BEN, now=NOW)
    session.commit()
    runs.carry_out(run.id, TODAY, lambda: NOW)
    reverse(session.scalars(select(Charge)).first(), "No.", today=TODAY, by=BEN, now=NOW)
    log = as_billing.get("/settings/audit")
    assert "Trunk for 3 customers" in log.text
    done = page(as_billing.post(undo_of(log)))
    assert words(done.h1) == "Undone for 2 assignments"
    assert "A charge of it was reversed by hand." in words(done)
    shown = [one.id for one in session.scalars(select(Assignment)).all() if one.withdrawn_on]
    said = words(page(client.get(f"/assignments/{shown[0]}")).select_one("main"))
    assert "withdrawn 22 Nov 2026" in said
    assert "22 Nov 2026: withdrawn. Assigning it was undone" in said
    assert "as its last day" not in said
    assert "Edit assignment" not in said


def test_undoing_leads_back_to_what_it_was_done_to(client, session, three):
    trunk, acme = session.get_one(Package, three[0]), session.get_one(Customer, three[1])
    numbers = [a_did(acme, f"+44207946010{number}") for number in range(2)]
    lines = [assigned(trunk, acme, NOVEMBER) for _ in range(2)]
    session.commit()
    data = {
        "ids": [did.id for did in numbers], "package": str(trunk.id), "quantity": "1",
        "start_date": str(NOVEMBER), "token": "a-form-of-ours",
    }  # fmt: skip
    answer = client.post("/assignments/many/dids/assign", data=data, follow_redirects=True)
    assert client.post(undo_of(answer)).location == "/dids"
    data = {"ids": [line.id for line in lines], "end_date": "2026-11-30"}
    answer = client.post("/assignments/end", data=data, follow_redirects=True)
    assert client.post(undo_of(answer)).location == f"/customers/{acme.id}"


def test_ending_many_is_undone_from_its_message(client, session, three):
    trunk, acme = session.get_one(Package, three[0]), session.get_one(Customer, three[1])
    lines = [assigned(trunk, acme, NOVEMBER) for _ in range(2)]
    session.commit()
    ids = [line.id for line in lines]
    answer = client.post(
        "/assignments/end", data={"ids": ids, "end_date": "2026-11-30"}, follow_redirects=True
    )
    assert "2 assignments given 30 Nov 2026 as the last day." in answer.text
    client.post(undo_of(answer))
    session.expire_all()
    assert [session.get(Assignment, id).end_date for id in ids] == [None, None]


def test_archiving_many_is_undone_from_its_message(client, session, three):
    answer = client.post("/packages/archive", data={"ids": [three[0]]}, follow_redirects=True)
    assert "Archived Trunk." in answer.text
    assert "Undone for 1 package." in client.post(undo_of(answer), follow_redirects=True).text
    session.expire_all()
    assert session.get(Package, three[0]).archived_on is None


def test_a_viewer_is_offered_nothing_to_undo(client, as_viewer, session, three):
    give(client, three[0], three[1:])
    log = as_viewer.get("/settings/audit")
    assert page(log).select_one(UNDO) is None
    act = session.scalars(select(BulkAct)).one()
    assert as_viewer.post(f"/bulk-acts/{act.id}/undo").status_code == 403
