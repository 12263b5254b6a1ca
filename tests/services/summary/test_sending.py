"""Sending summaries: whom a month reaches, once each, and what the message says."""

import threading
from datetime import date, timedelta
from decimal import Decimal
from io import BytesIO

import pytest
from pypdf import PdfReader
from sqlalchemy import func, select

from portal.domain.errors import Invalid, RuleBroken
from portal.domain.names import name_key
from portal.domain.schedule import Frequency
from portal.extensions import db
from portal.models import AuditEntry, Charge, Mail, MailAttachment, Run, RunState, SentSummary, SummaryState
from portal.models.company import company
from portal.models.user import CUSTOMER_USER
from portal.services import audit
from portal.services.assignments.changing import change_quantity
from portal.services.charges import opening_items
from portal.services.charges.opening_items import OpeningItem
from portal.services.charges.write_off import write_off
from portal.services.credit import Act
from portal.services.mail import outbox
from portal.services.people.people import create
from portal.services.runs import runs, undoing
from portal.services.summary import month_end, sending
from portal.services.summary.letter import letter
from portal.services.summary.month_end import Standing
from tests.mail_server import mail_server
from tests.trade import BEN, NOW, TODAY, a_customer, a_did, a_package, assigned, run

pytestmark = pytest.mark.usefixtures("session")
# A hieroglyph that no font here has.
UNKNOWN = "\U00013000"
SEPTEMBER, OCTOBER, NOVEMBER = date(2026, 9, 1), date(2026, 10, 1), date(2026, 11, 1)


@pytest.fixture
def trunk(session):
    """A package that is charged on the 1st."""
    return a_package("Trunk", "20", match=(1,))


def customer_with(trunk, name="Acme", since=SEPTEMBER, email=None):
    """A customer who is charged each month, with an address."""
    customer = a_customer(name)
    customer.email = f"bills@{name.lower()}.example" if email is None else email
    assigned(trunk, customer, since)
    return customer


def send_all(month=OCTOBER):
    """Send a month to everybody, as a page or command does: how many were reached."""
    ids = month_end.ids_of(month_end.find(month))
    reached = sending.send(month, ids, today=TODAY, by=BEN, now=NOW)
    db.session.commit()
    return len(reached)


def write():
    """Write what waits."""
    return sending.carry_out(TODAY, lambda: NOW)


def again(customer, number):
    """Ask for it once more."""
    new = sending.send_to_one(customer, OCTOBER, number, today=TODAY, by=BEN, now=NOW)
    db.session.commit()
    return new


def messages():
    return list(db.session.scalars(select(Mail).order_by(Mail.id)))


def test_everybody_with_something_on_it_and_an_address_gets_it_and_the_others_are_told_apart(trunk):
    customer_with(trunk)
    customer_with(trunk, "Globex", email="")
    a_customer("Initech").email = "bills@initech.example"
    run()
    assert month_end.counts(OCTOBER) == {
        Standing.TO_SEND: 1, Standing.NO_ADDRESS: 1, Standing.SENT: 0, Standing.FAILED: 0, Standing.NOTHING: 1,
    }  # fmt: skip
    assert send_all() == 1
    assert month_end.counts(OCTOBER)[Standing.SENT] == 1
    assert write() == (1, [])
    assert [mail.to for mail in messages()] == ["bills@acme.example"]


def test_who_only_owes_something_from_before_has_something_on_it(session, trunk):
    once = a_package("Visit", "7", frequency=Frequency.NONE, match=())
    owes, below, new = a_customer("Acme"), a_customer("Globex"), a_customer("Initech")
    for customer, taken in ((owes, False), (below, True), (new, False)):
        customer.email = "bills@some.example"
        since = NOVEMBER if customer is new else SEPTEMBER
        assigned(once, customer, since, auto_decrement_credit=taken)
    run(SEPTEMBER)
    assert month_end.standings(OCTOBER, [owes.id, below.id, new.id]) == {
        owes.id: Standing.TO_SEND, below.id: Standing.TO_SEND, new.id: Standing.NOTHING,
    }  # fmt: skip


def test_the_second_click_sends_nothing_and_once_more_is_sent_only_by_asking(trunk):
    acme = customer_with(trunk)
    run()
    assert [send_all(), send_all()] == [1, 0]
    write()
    assert send_all() == 0
    assert [again(acme, 1), again(acme, 2), again(acme, 2)] == [False, True, False]
    write()
    numbers = db.session.scalars(select(SentSummary.number).order_by(SentSummary.number)).all()
    assert numbers == [1, 2]
    assert len(messages()) == len({mail.key for mail in messages()}) == 2


def test_two_who_send_at_once_send_once(app, session, trunk):
    for name in ("Acme", "Globex", "Initech"):
        customer_with(trunk, name)
    run()
    session.commit()
    ids = month_end.ids_of(month_end.find(OCTOBER))
    session.rollback()
    reached, together = [], threading.Barrier(2)

    def click():
        with app.app_context():
            together.wait()
            reached.extend(sending.send(OCTOBER, ids, today=TODAY, by=BEN, now=NOW))
            db.session.commit()
            together.wait()
            sending.carry_out(TODAY, lambda: NOW)

    clerks = [threading.Thread(target=click) for _ in range(2)]
    for clerk in clerks:
        clerk.start()
    for clerk in clerks:
        clerk.join()
    assert sorted(reached) == ids
    assert sorted(mail.to for mail in messages()) == [
        "bills@acme.example", "bills@globex.example", "bills@initech.example",
    ]  # fmt: skip


def test_the_message_says_what_is_to_pay_by_when_and_what_changed_and_carries_the_pdf(app, session, trunk):
    acme = customer_with(trunk)
    seat = assigned(a_package("Seat", "5", match=(1,)), acme, date(2026, 8, 1), did=a_did(acme))
    run(SEPTEMBER)
    change_quantity(seat, 3, OCTOBER, date(2026, 9, 20))
    run(OCTOBER)
    send_all()
    write()
    with mail_server(app) as letterbox:
        assert outbox.send_waiting(NOW) == (1, 0)
    (received,) = letterbox.messages
    text = received.get_body(("plain",)).get_content()
    assert received["Subject"] == "Charge summary, October 2026"
    for said in (
        "Dear Acme,",
        "To pay on 31 Oct 2026: 78.00 GBP.",
        "Overdue since 15 Sep 2026.",
        "Charged in October 2026, with tax: 42.00 GBP.",
        "What changed against September 2026, with tax and calls:",
        "1–30 Sep 2026: 30.00",
        "Seat, quantity 3 instead of 1: +12.00",
        "1–31 Oct 2026: 42.00",
    ):
        assert said in text
    (file,) = received.iter_attachments()
    assert (file.get_content_type(), file.get_filename()) == (
        "application/pdf", "charge-summary_2026-10-01_2026-10-31.pdf",
    )  # fmt: skip
    paper = "".join(page.extract_text() for page in PdfReader(BytesIO(file.get_content())).pages)
    assert "Acme" in paper and "42.00" in paper
    assert session.scalar(select(func.count()).select_from(MailAttachment)) == 0
    (sent,) = session.scalars(select(SentSummary))
    assert (sent.to, sent.charged, sent.to_pay_then, sent.to_pay, sent.asked_by) == (
        "bills@acme.example", Decimal(42), Decimal(78), Decimal(78), BEN,
    )  # fmt: skip


def test_no_message_says_anything_of_another_customer(app, trunk):
    numbers = {}
    for place, name in enumerate(("Aardvark", "Buttermilk", "Chrysalis")):
        customer = customer_with(trunk, name)
        did = a_did(customer, f"+44207946{place + 1:04}")
        assigned(a_package(f"Seat {place}", "7"), customer, SEPTEMBER, did=did)
        numbers[name] = did.number
    run()
    send_all()
    write()
    with mail_server(app) as letterbox:
        outbox.send_all(lambda: NOW)
    assert len(letterbox.messages) == 3
    for message in letterbox.messages:
        (file,) = message.iter_attachments()
        paper = "".join(page.extract_text() for page in PdfReader(BytesIO(file.get_content())).pages)
        said = name_key("".join([*(part.get_content() for part in (
            message.get_body(("plain",)), message.get_body(("html",)))), paper, str(message["Subject"])]))  # fmt: skip
        whose = next(name for name in numbers if name.lower() in message["To"])
        digits = "".join(filter(str.isdigit, said))
        for name, number in numbers.items():
            assert (name.lower() in said) == (name == whose)
            assert (number[3:] in digits) == (name == whose)


def test_one_that_is_refused_by_the_mail_server_delays_no_other_and_is_told(app, trunk):
    for name in ("Acme", "Globex", "Initech"):
        customer_with(trunk, name, email="nobody@globex.example" if name == "Globex" else None)
    run()
    send_all()
    write()
    with mail_server(app) as letterbox:
        assert outbox.send_waiting(NOW) == (2, 1)
    assert {message["To"] for message in letterbox.messages} == {
        "bills@acme.example",
        "bills@initech.example",
    }
    assert month_end.counts(OCTOBER)[Standing.FAILED] == 1
    assert send_all() == 1, "what was not delivered can be sent with the others"


def test_one_that_cannot_be_set_on_paper_goes_with_a_link_to_who_can_sign_in_and_else_is_refused(
    session, trunk
):
    signs_in, nobody = customer_with(trunk, "Acme"), customer_with(trunk, "Globex")
    create("ann@acme.example", "Ann", "correct-horse-battery", CUSTOMER_USER, signs_in.id)
    signs_in.name, nobody.name = f"Acme {UNKNOWN}", f"Globex {UNKNOWN}"
    run()
    send_all()
    written, (refused,) = write()
    assert written == 1
    assert "no font here has the letters" in refused
    (message,) = messages()
    assert "/my/summary?from=2026-10-01&to=2026-10-31" in message.text
    assert (message.to, message.attachment) == ("bills@acme.example", None)
    assert month_end.standings(OCTOBER, [nobody.id]) == {nobody.id: Standing.FAILED}
    nobody.name = "Globex"
    assert (send_all(), write()) == (1, (1, []))
    states = session.scalars(select(SentSummary.state).order_by(SentSummary.id)).all()
    assert states == [SummaryState.WRITTEN, SummaryState.REFUSED, SummaryState.WRITTEN]


def test_without_an_address_one_is_refused_with_a_way_out(trunk):
    acme = customer_with(trunk, email="")
    run()
    with pytest.raises(RuleBroken, match="Acme has no e-mail address") as refusal:
        again(acme, 1)
    assert refusal.value.way_out.endpoint == "customers.edit"


@pytest.mark.parametrize("month", [NOVEMBER, date(2027, 1, 1), date(2026, 10, 2), None])
def test_only_a_month_that_is_over_can_be_sent(session, month):
    with pytest.raises(Invalid, match="Choose a month that is over: October 2026 or an earlier one"):
        month_end.check_month(month, TODAY)


def test_who_gets_it_each_month_gets_it_once_the_month_is_posted(session, trunk):
    acme, globex = customer_with(trunk, "Acme"), customer_with(trunk, "Globex")
    sending.set_monthly(acme, True, date(2026, 10, 31))
    sending.set_monthly(globex, True, NOVEMBER)
    run()
    for through in (date(2026, 10, 31), NOVEMBER):
        assert sending.send_by_themselves(NOVEMBER, NOW) == []
        session.add(
            Run(
                through=through, simulate=False, state=RunState.DONE, started_by=BEN, started_at=NOW,
                finished_at=NOW, heartbeat_at=NOW,
            )
        )  # fmt: skip
        session.flush()
    company().usage_wait_days = 2
    assert sending.send_by_themselves(NOVEMBER, NOW) == []
    company().usage_wait_days = 1
    assert sending.send_by_themselves(NOVEMBER, NOW) == [acme.id], (
        "who asks in November gets it from November on"
    )
    assert sending.send_by_themselves(NOVEMBER + timedelta(days=1), NOW) == []
    sending.set_monthly(acme, False, TODAY)
    assert acme.monthly_summary_since is None


def test_the_log_says_who_sent_which_month_to_whom(session, trunk):
    customer_with(trunk)
    run()
    session.commit()
    with audit.acting(audit.Actor(BEN)):
        send_all()
    told = session.scalars(select(AuditEntry).where(AuditEntry.noun == "summary")).all()
    assert [(one.label, one.done_by) for one in told] == [("summary of October 2026", BEN)]


def test_what_came_after_a_month_puts_nothing_on_it(session, trunk):
    """Else whoever owes something today would be sent every month that ever was."""
    once = a_package("Visit", "7", frequency=Frequency.NONE, match=())
    owes, below = a_customer("Acme"), a_customer("Globex")
    for customer, taken in ((owes, False), (below, True)):
        customer.email = "bills@some.example"
        assigned(once, customer, NOVEMBER, auto_decrement_credit=taken)
    run()
    assert month_end.counts(OCTOBER)[Standing.NOTHING] == 2
    assert month_end.counts(date(2001, 1, 1))[Standing.NOTHING] == 2
    assert send_all() == 0


def test_what_was_charged_elsewhere_or_written_off_is_not_charged_in_the_month(session, trunk):
    acme = customer_with(trunk, since=OCTOBER)
    run()
    due = date(2026, 10, 20)
    opening_items.lock([acme.id])
    opening_items.bring_in(
        [OpeningItem(acme, "INV-7", date(2026, 10, 3), due, Decimal(700))], Act(TODAY, BEN, NOW)
    )
    charge = session.scalars(select(Charge).where(Charge.charge_on == OCTOBER)).one()
    write_off(charge, "Gone bankrupt", today=date(2026, 10, 30), by=BEN, now=NOW)
    found = letter(acme, OCTOBER, TODAY, with_pdf=False)
    assert (found.charged, found.to_pay_then) == (Decimal(24), Decimal(700))
    assert "Charged in October 2026, with tax: 24.00 GBP." in found.text


def test_a_month_whose_run_was_undone_is_not_posted_until_another_run(session, trunk):
    customer_with(trunk)

    def posted(at):
        begun = runs.start(TODAY, simulate=False, today=TODAY, by=BEN, now=at)
        session.commit()
        return runs.carry_out(begun.id, TODAY, lambda: at)

    done = posted(NOW)
    assert month_end.is_posted(OCTOBER)
    assert posted(NOW + timedelta(minutes=1)).charge_count == 0
    begun = undoing.start_undoing(done, "The prices were wrong.", by=BEN, now=NOW + timedelta(minutes=2))
    session.commit()
    undoing.carry_out_undoing(begun.id, TODAY, lambda: NOW)
    assert not month_end.is_posted(OCTOBER)
    assert month_end.is_posted(date(2026, 8, 1)), "it had posted nothing of August"
    posted(NOW + timedelta(minutes=3))
    assert month_end.is_posted(OCTOBER)
