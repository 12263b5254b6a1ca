"""The pages of month end: whom it reaches, a look at one, sending, and what stands with the customer."""

from datetime import date

import pytest
from sqlalchemy import select

from portal.extensions import db
from portal.models import Customer, Mail, Run, RunState, SentSummary
from portal.services.summary import sending
from portal.tasks import queue
from tests import world
from tests.pages import page, words
from tests.trade import NOW, TODAY, a_customer, a_package, assigned, run

SEPTEMBER = date(2026, 9, 1)


@pytest.fixture(autouse=True)
def _on_a_sunday(app, monkeypatch):
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


@pytest.fixture
def acme(session):
    """Acme has something on October and an address, Globex no address, Initech nothing."""
    trunk = a_package("Trunk", "20", match=(1,))
    acme, globex, initech = a_customer("Acme"), a_customer("Globex"), a_customer("Initech")
    acme.email, initech.email = "bills@acme.example", "bills@initech.example"
    for customer in (acme, globex):
        assigned(trunk, customer, SEPTEMBER)
    run()
    session.commit()
    return acme


@pytest.fixture
def client(app):
    """Ben's browser."""
    return world.signed_in(app, "billing")


def sent_count():
    db.session.rollback()
    return len(db.session.scalars(select(SentSummary)).all())


def test_the_list_tells_apart_who_gets_it_who_has_no_address_and_who_has_nothing_on_it(client, acme):
    found = page(client.get("/summaries"))
    assert words(found.h1) == "Summaries of October 2026"
    rows = {words(row.th): words(row.select_one("[data-label=Summary]")) for row in found.select("tbody tr")}
    assert rows == {"Acme": "to send", "Globex": "no address", "Initech": "nothing on it"}
    (way_out,) = [link["href"] for link in found.select("a") if words(link) == "Add an address"]
    assert "/edit" in way_out and page(client.get(way_out)).select_one("#email")


def test_sending_to_all_names_who_is_left_out_and_a_second_click_sends_nothing(client, acme):
    start = page(client.get("/summaries")).select_one("a.button--primary")
    assert words(start) == "Send 1 summary"
    asked = page(client.post("/summaries/sending", data={"all_found": "1"}))
    assert words(asked.h1) == "Send 1 summary of October 2026"
    assert "No e-mail address: Globex" in words(asked.main)
    form = page(client.get(start["href"])).select_one("form.form")
    data = {field["name"]: field["value"] for field in form.select("input")}
    for said in ("Sending 1 summary of October 2026.", "They were sent already: nothing is sent twice."):
        answer = client.post(form["action"], data=data, follow_redirects=True)
        assert said in answer.text
    assert sent_count() == len(db.session.scalars(select(Mail)).all()) == 1
    assert "bills@acme.example" in words(page(client.get("/summaries?standing=sent")).tbody)


def test_nobody_left_to_send_to_and_nobody_ticked_are_said_so(client, acme):
    answer = client.post("/summaries/sending", data={"ids": "999"})
    assert "Nobody is left to send it to." in words(page(answer, 409))
    assert "Tick one or more rows first." in client.post("/summaries/sending").text


@pytest.mark.parametrize("month", ["2026-11", "2026-13", "soon", "1999-01"])
def test_a_month_that_is_not_over_is_refused_in_a_sentence(client, acme, month):
    answer = client.get("/summaries", query_string={"month": month})
    assert answer.status_code == 422
    assert "Choose a month that is over: October 2026 or an earlier one." in answer.text
    assert client.get(f"/customers/{acme.id}/summaries/{month}").status_code == 404


def test_a_look_shows_the_message_and_it_is_sent_again_only_by_asking(client, acme):
    address = f"/customers/{acme.id}/summaries/2026-10"
    before = page(client.get(address))
    assert "To pay on 31 Oct 2026: 48.00 GBP." in before.select_one(".preview").text
    number = before.select_one("[name=number]")["value"]
    for _ in range(2):
        client.post(address, data={"number": number})
    assert sent_count() == 1
    after = page(client.get(address))
    assert "Send again" in words(after)
    assert "24.00 GBP" in words(after)
    client.post(address, data={"number": after.select_one("[name=number]")["value"]})
    assert sent_count() == 2


def test_without_an_address_one_customer_is_refused_with_a_way_out(client, session, acme):
    globex = session.scalars(select(Customer).where(Customer.name == "Globex")).one()
    answer = client.post(f"/customers/{globex.id}/summaries/2026-10", data={"number": "1"})
    refused = page(answer, 409)
    assert "Globex has no e-mail address to send it to." in words(refused)
    assert "Edit Globex" in words(refused)


def test_what_was_sent_stands_with_the_customer_and_staff_sets_that_it_comes_each_month(
    client, session, acme
):
    client.post(f"/customers/{acme.id}/summaries/2026-10", data={"number": "1"})
    section = page(client.get(f"/customers/{acme.id}/details")).select_one("[aria-labelledby=sent-summaries]")
    assert "October 2026" in words(section.table) and "by hand" in words(section)
    said = client.post(f"/customers/{acme.id}/monthly-summary", data={"wanted": "yes"}, follow_redirects=True)
    assert "Acme gets the charge summary of each month by e-mail, November 2026 first." in said.text
    session.expire_all()
    assert acme.monthly_summary_since == TODAY
    client.post(f"/customers/{acme.id}/monthly-summary", data={"wanted": "no"})
    session.expire_all()
    assert acme.monthly_summary_since is None
    assert page(client.get(f"/customers/{acme.id}/summaries")).select_one("tbody tr")


def test_a_customer_chooses_so_themselves(app, session, acme, of_acme):
    form = page(of_acme.get("/my/summary")).select_one("[aria-labelledby=monthly] form")
    of_acme.post(form["action"], data={"wanted": form.select_one("[name=wanted]")["value"]})
    session.expire_all()
    assert acme.monthly_summary_since == TODAY
    assert "Stop sending it each month" in of_acme.get("/my/summary").text


@pytest.fixture
def of_acme(app, session, acme):
    """The browser of somebody at Acme."""
    from portal.models.user import CUSTOMER_OWNER
    from portal.services.people import people

    ann = people.create("ann@acme.example", "Ann", world.PASSWORD, CUSTOMER_OWNER, acme.id)
    session.commit()
    browser = app.test_client()
    with browser.session_transaction() as cookie:
        cookie.update(world.cookie_of(ann), _fresh=True)
    return browser


def test_many_are_written_while_nobody_waits(client, session, acme, monkeypatch):
    handed = []
    monkeypatch.setattr(sending, "SMALL", 0)
    monkeypatch.setattr("portal.tasks.processes.start", lambda name, **which: handed.append(name))
    client.post("/summaries", data={"ids": str(acme.id)})
    assert handed == ["send_summaries"] or queue.waiting("send_summaries")
    assert "1 summary still to be written." in words(page(client.get("/summaries")))
    assert sending.carry_out(TODAY, lambda: NOW) == (1, [])
    assert "still to be written" not in client.get("/summaries").text


def test_a_month_that_is_not_posted_yet_is_named_wherever_it_is_sent_from(client, acme, session):
    addresses = ["/summaries", "/summaries/sending?all_found=1", f"/customers/{acme.id}/summaries/2026-10"]
    for address in addresses:
        said = words(page(client.get(address)).main)
        assert "October 2026 is not posted yet: no run for all customers is done up to 1 Nov 2026." in said
    day = date(2026, 11, 1)
    session.add(
        Run(
            through=day, simulate=False, state=RunState.DONE, started_by="", started_at=NOW, finished_at=NOW,
            heartbeat_at=NOW,
        )
    )  # fmt: skip
    session.commit()
    for address in addresses:
        assert "not posted yet" not in client.get(address).text


def test_what_was_asked_for_on_the_last_day_of_a_month_is_of_the_month_that_was_shown(
    client, app, session, acme, monkeypatch
):
    asked = page(client.get("/summaries")).select_one("form[id*=bulk], form.bulk, form[action*=sending]")
    monkeypatch.setitem(app.config, "TODAY", "2026-11-30")
    form = page(client.post(asked["action"], data={"ids": str(acme.id)})).select_one("form.form")
    monkeypatch.setitem(app.config, "TODAY", "2026-12-01")
    client.post(form["action"], data={"ids": str(acme.id)})
    session.rollback()
    assert session.scalars(select(SentSummary.month)).all() == [date(2026, 10, 1)]


def test_who_sends_one_does_not_wait_for_what_others_have_asked_for(client, session, acme):
    globex = session.scalars(select(Customer).where(Customer.name == "Globex")).one()
    globex.email = "bills@globex.example"
    sending.send(date(2026, 10, 1), [globex.id], today=TODAY, by="", now=NOW)
    session.commit()
    client.post(f"/customers/{acme.id}/summaries/2026-10", data={"number": "1"})
    session.rollback()
    assert session.scalars(select(Mail.to)).all() == ["bills@acme.example"]
    assert sending.count_waiting(date(2026, 10, 1)) == 1
