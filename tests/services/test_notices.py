"""A charge to come is announced once, as many days before as the setting says."""

import threading
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from portal.domain.schedule import Frequency
from portal.models import Company, Mail, Notice
from portal.services import notices
from portal.services.assignments.changing import change_quantity
from portal.services.mail import outbox as mail
from tests.mail_server import mail_server
from tests.trade import NOW, TODAY, a_customer, a_did, a_package, assigned, run

ONE_DAY = timedelta(days=1)


@pytest.fixture
def acme(session):
    customer = a_customer("Acme")
    customer.email = "ann@acme.example"
    session.get_one(Company, 1).notification_days = 7
    session.flush()
    return customer


def announce(day=TODAY):
    """What the command does on a day: how many notices were made."""
    return sum(notices.announce(ids, day, NOW) for ids in notices.to_announce(day))


def announced(session):
    return [(n.assignment_id, n.charge_on) for n in session.scalars(select(Notice).order_by(Notice.id))]


def test_a_charge_is_announced_as_many_days_before_as_the_setting_says(session, acme):
    line = assigned(a_package(), acme, date(2026, 11, 1))
    run(TODAY)
    assert announce(date(2026, 11, 23)) == 0
    assert announce(date(2026, 11, 24)) == 1
    assert announced(session) == [(line.id, date(2026, 12, 1))]


def test_it_is_announced_once_whatever_is_started_again_and_also_if_the_amount_changes(session, acme):
    line = assigned(a_package(), acme, date(2026, 11, 1))
    run(TODAY)
    assert announce(date(2026, 11, 24)) == 1
    change_quantity(line, 5, date(2026, 11, 26), date(2026, 11, 25))
    session.flush()
    assert announce(date(2026, 11, 25)) == 0
    assert len(session.scalars(select(Mail)).all()) == 1


def test_a_charge_that_falls_due_sooner_is_announced_at_once(session, acme):
    line = assigned(a_package(match=()), acme, TODAY + 2 * ONE_DAY)
    assert announce() == 1
    assert announced(session) == [(line.id, TODAY + 2 * ONE_DAY)]


def test_setup_and_first_period_are_one_message(session, acme):
    assigned(a_package(retail="10", setup_retail="25", match=()), acme, TODAY + ONE_DAY, quantity=2)
    assert announce() == 1
    (message,) = session.scalars(select(Mail))
    assert "Setup x 2: 50.00 GBP" in message.text
    assert "SIP Trunk 10 x 2, 23 Nov – 22 Dec 2026: 20.00 GBP" in message.text
    assert "Total: 84.00 GBP" in message.text
    assert "84.00 GBP" in message.html


def test_what_is_due_or_posted_already_is_not_announced(session, acme):
    assigned(a_package("Due today", match=()), acme, TODAY)
    assigned(a_package("Overdue", match=()), acme, TODAY - 3 * ONE_DAY)
    assert announce() == 0
    run(TODAY)
    assert announce() == 0


def test_a_minimum_spend_is_not_announced(session, acme):
    assigned(a_package(minimum_spend=True), acme, date(2026, 11, 1))
    run(TODAY)
    assert announce(date(2026, 11, 28)) == 0


def test_without_days_of_notice_nothing_is_announced(session, acme):
    session.get_one(Company, 1).notification_days = 0
    assigned(a_package(frequency=Frequency.DAILY, match=()), acme, TODAY)
    session.flush()
    assert announce() == 0


def test_a_customer_without_an_address_has_the_notice_without_a_message(session, acme):
    acme.email = ""
    assigned(a_package(match=()), acme, TODAY + ONE_DAY)
    assert announce() == 1
    assert session.scalars(select(Mail)).all() == []


def test_the_message_arrives_as_text_and_html(session, app, acme):
    assigned(a_package("Phone <b>line</b>", match=()), acme, TODAY + ONE_DAY, did=a_did(acme))
    announce()
    session.commit()
    with mail_server(app) as letterbox:
        assert mail.send_waiting(NOW) == (1, 0)
        assert mail.send_waiting(NOW) == (0, 0)
    (message,) = letterbox.messages
    text, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
    assert message["To"] == "ann@acme.example"
    assert "Phone <b>line</b> on +44 20 7946 0123" in text
    assert "Phone &lt;b&gt;line&lt;/b&gt;" in html
    assert "23 Nov 2026" in text and "29.40 GBP" in text


def test_two_who_announce_at_once_announce_once(session, app, acme):
    for number in range(20):
        assigned(a_package(f"Line {number}", match=()), acme, TODAY + ONE_DAY)
    session.commit()

    def go():
        with app.app_context():
            announce()
            from portal.extensions import db

            db.session.commit()

    threads = [threading.Thread(target=go) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    session.expire_all()
    assert len(announced(session)) == 20
    assert len(session.scalars(select(Mail)).all()) == 1


def test_a_customer_gets_one_message_a_day_that_lists_each_charge_date(session, acme):
    assigned(a_package("Daily", "2", frequency=Frequency.DAILY, match=()), acme, TODAY - ONE_DAY)
    assigned(a_package("Line", "10", match=()), acme, TODAY + 3 * ONE_DAY)
    run(TODAY)
    assert announce() == 8
    (message,) = session.scalars(select(Mail))
    assert message.subject == "8 charges, 23–29 Nov 2026"
    for part in "On 24 Nov 2026 we will charge you for Daily:", "charge you for Line:", "In all: 28.80 GBP":
        assert part in message.text
    assert (
        message.text.index("24 Nov 2026 we")
        < message.text.index("for Line")
        < message.text.index("26 Nov 2026 we")
    )


def test_what_is_found_after_the_days_message_waits_for_the_next_days(session, acme):
    assigned(a_package("First", match=()), acme, TODAY + 2 * ONE_DAY)
    assert announce() == 1
    second = assigned(a_package("Second", match=()), acme, TODAY + 3 * ONE_DAY)
    assert announce() == 0
    assert announce(TODAY + ONE_DAY) == 1
    assert announced(session)[-1] == (second.id, TODAY + 3 * ONE_DAY)
    assert ["First" in m.text for m in session.scalars(select(Mail).order_by(Mail.id))] == [True, False]


def test_the_charges_of_one_customer_are_in_one_message_however_many_are_read_at_a_time(
    session, acme, monkeypatch
):
    monkeypatch.setattr("portal.services.notices.CHUNK", 2)
    globex = a_customer("Globex")
    globex.email = "bob@globex.example"
    for number in range(3):
        for customer in acme, globex:
            assigned(a_package(f"Line {number} {customer.name}", match=()), customer, TODAY + ONE_DAY)
    assert announce() == 6
    assert [m.to for m in session.scalars(select(Mail).order_by(Mail.id))] == [
        "ann@acme.example",
        "bob@globex.example",
    ]
