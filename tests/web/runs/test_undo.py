"""Undo this run: what it takes back and leaves is shown first, then it is done with a reason, by the owner."""

from datetime import date

import pytest
from sqlalchemy import select

from portal.extensions import db
from portal.models import Assignment, Charge, RunState, RunUndo
from portal.services.charges.by_hand import reverse
from portal.services.credit import Act
from portal.services.runs import runs, undoing
from tests.pages import page, words
from tests.trade import BEN, NOW, TODAY, a_customer, a_package, assigned
from tests.world import email

NOVEMBER = date(2026, 11, 1)


@pytest.fixture(autouse=True)
def _on_a_sunday(app, monkeypatch):
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


def a_run():
    run = runs.start(TODAY, simulate=False, today=TODAY, by=BEN, now=NOW)
    db.session.commit()
    return runs.carry_out(run.id, TODAY, lambda: NOW)


@pytest.fixture
def run(session):
    """A run that has charged two customers."""
    trunk = a_package(setup_retail="25")
    for name in ("Acme", "Globex"):
        assigned(trunk, a_customer(name), NOVEMBER)
    return a_run()


def test_a_run_is_undone_in_two_clicks_and_says_so_when_by_whom_and_why(client, run):
    page = client.get(f"/runs/{run.id}").text
    assert f'href="/runs/{run.id}/undo"' in page
    asked = client.get(f"/runs/{run.id}/undo").text
    assert "4 charges" in asked
    assert "99.00" in asked
    answer = client.post(f"/runs/{run.id}/undo", data={"reason": "Wrong prices."}, follow_redirects=True).text
    for said in ("Undone: 4 charges taken back.", "Wrong prices.", email("owner")):
        assert said in answer
    assert f'href="/runs/{run.id}/undo"' not in answer
    for said in ("Wrong prices.", email("owner"), "undone"):
        assert said in client.get("/runs").text
    assert a_run().charge_count == 4


def test_what_would_be_left_is_named_with_why(client, run):
    charge = db.session.scalars(select(Charge).order_by(Charge.id)).first()
    reverse(charge, "No.", today=TODAY, by=BEN, now=NOW)
    page = client.get(f"/runs/{run.id}/undo").text
    assert "A charge of this run was reversed by hand." in page
    assert page.index("Left as it is") < page.index("Acme")
    assert "2 charges" in page


def test_of_a_large_run_it_is_said_what_it_posted_and_what_is_left_when_asked_for(client, run, monkeypatch):
    monkeypatch.setattr("portal.services.runs.undoing.LOOKED_AT", 1)
    reverse(
        db.session.scalars(select(Charge).order_by(Charge.id)).first(), "No.", today=TODAY, by=BEN, now=NOW
    )
    page = client.get(f"/runs/{run.id}/undo").text
    assert "Posted" in page and "4 charges" in page and "99.00" in page
    assert "was reversed by hand." not in page
    whole = f"/runs/{run.id}/undo?whole=1"
    assert f'href="{whole}"' in page
    assert "A charge of this run was reversed by hand." in client.get(whole).text
    answer = client.post(f"/runs/{run.id}/undo", data={"reason": "Wrong prices."}, follow_redirects=True).text
    assert "Undone: 2 charges taken back." in answer


def test_without_a_reason_nothing_is_undone_and_the_page_stays(client, run):
    answer = client.post(f"/runs/{run.id}/undo", data={"reason": " "})
    assert (answer.status_code, db.session.scalars(select(RunUndo)).all()) == (422, [])
    assert "Enter why it is undone" in answer.text
    assert "4 charges" in answer.text


def test_only_an_owner_undoes_a_run(as_billing, run):
    assert "/undo" not in as_billing.get(f"/runs/{run.id}").text
    assert as_billing.get(f"/runs/{run.id}/undo").status_code == 403
    assert as_billing.post(f"/runs/{run.id}/undo", data={"reason": "No."}).status_code == 403


def test_a_simulation_and_what_is_undone_already_are_refused_with_a_way_out(client, run):
    simulation = runs.start(TODAY, simulate=True, today=TODAY, by=BEN, now=NOW)
    client.post(f"/runs/{run.id}/undo", data={"reason": "Wrong prices."})
    for id in (simulation.id, run.id):
        answer = client.post(f"/runs/{id}/undo", data={"reason": "Wrong prices."})
        assert answer.status_code == 409
        assert f"/runs/{id}" in answer.text


def test_undoing_that_was_interrupted_goes_on_when_it_is_asked_for_again(client, run):
    begun = undoing.start_undoing(run, "Wrong prices.", by=BEN, now=NOW)
    db.session.commit()
    for address in (f"/runs/{run.id}", "/"):
        assert "was interrupted" in client.get(address).text
    client.post(f"/runs/{run.id}/undo", data={"reason": "Once more."})
    db.session.expire_all()
    (undo,) = db.session.scalars(select(RunUndo)).all()
    assert (undo.id, undo.state, undo.reason) == (begun.id, RunState.DONE, "Wrong prices.")


def test_each_charge_that_was_taken_back_is_marked_also_where_assigning_it_was_undone(client, session, run):
    assert "undone" not in client.get(f"/runs/{run.id}").text
    first = session.scalars(select(Assignment).order_by(Assignment.id)).first()
    undoing.take_back_all_of([first], "Assigning it was undone.", Act(TODAY, BEN, NOW))
    session.commit()
    rows = page(client.get(f"/runs/{run.id}")).select("table.charges tbody tr")
    assert [("undone" in words(row)) for row in rows] == [True, True, False, False]
