"""What customers read says nothing in clerks' words: every page of theirs, the summary on paper, and mails to them."""

import re
from datetime import date, timedelta
from decimal import Decimal
from io import BytesIO

import pytest
from pypdf import PdfReader
from sqlalchemy import select

from portal.domain.schedule import Frequency
from portal.domain.terms import Proration
from portal.models import Call, Charge, Company, Mail, Payment, PaymentState
from portal.models.user import CUSTOMER_OWNER
from portal.services import credit, notices
from portal.services.assignments.changing import change_end
from portal.services.charges.by_hand import ManualCharge, charge_manually, reverse
from portal.services.charges.write_off import write_off
from portal.services.people import people
from tests.pages import page, words
from tests.trade import BEN, NOW, TODAY, a_customer, a_did, a_package, assigned, run
from tests.world import PASSWORD

OCTOBER = date(2026, 10, 1)
# Words of those who bill, and patterns.
CLERKS = re.compile(
    r"retail|\bmatch|\^|\bDIDs?\b|assign|decrement|\block|proration|recurring|falls? due|\bposted\b|\bmanual"
    r"|\bbundle|customer owner|\bmargin\b|\bcost\b|\bnone\b.*\bproration|\banchor\b",
    re.IGNORECASE,
)


@pytest.fixture
def acme(app, session, monkeypatch):
    """A customer who has one of everything that is charged, and to whom everything happened that can."""
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())
    company = session.get_one(Company, 1)
    company.notification_days = 30
    customer = a_customer("Acme")
    customer.email = "office@acme.example"
    number = a_did(customer)
    trunk = a_package("Trunk", "24.50", setup_retail="25", match=(15, 31), minimum_days=90)
    assigned(trunk, customer, date(2026, 11, 1), quantity=2)
    assigned(a_package("Number", "1.35", match=()), customer, date(2026, 10, 9), did=number)
    assigned(a_package("Weekly", "2", frequency=Frequency.WEEKLY, match=(1, 4)), customer, date(2026, 11, 9))
    assigned(a_package("Quarterly", "9", frequency=Frequency.QUARTERLY, match=()), customer, OCTOBER)
    assigned(
        a_package("Yearly", "90", frequency=Frequency.YEARLY, match=()),
        customer,
        OCTOBER,
        auto_decrement_credit=True,
    )
    assigned(a_package("Fee", "5", frequency=Frequency.NONE, match=()), customer, date(2026, 12, 1))
    assigned(a_package("Commitment", "50", minimum_spend=True), customer, OCTOBER)
    assigned(a_package("Commitment on one", "5", minimum_spend=True), customer, date(2026, 11, 9), did=number)
    minutes = a_package("Minutes", "6", minutes=True)
    minutes.destination = "^44|^4420"
    assigned(minutes, customer, OCTOBER, minutes=500)
    seat = assigned(a_package("Seat", "30", proration=Proration.DAILY), customer, date(2026, 10, 20))
    run(date(2026, 11, 2))
    session.add(
        Call(
            customer_id=customer.id, call_id="1", day=TODAY, seconds=60, amount=Decimal(20), came_in_on=TODAY
        )
    )
    change_end(seat, TODAY - timedelta(days=2), TODAY, by=BEN, now=NOW)
    run(TODAY)
    number_of = iter(range(100))
    for amount in ("12", "-3", "8"):
        asked = ManualCharge(customer, OCTOBER, Decimal(amount), Decimal(0), "Visit")
        charge_manually(asked, token=f"m{next(number_of)}", today=TODAY, by=BEN, now=NOW)
    visits = session.scalars(select(Charge).where(Charge.label == "Visit").order_by(Charge.id)).all()
    reverse(visits[0], "Twice", today=TODAY, by=BEN, now=NOW)
    write_off(visits[2], "Not worth asking for", today=TODAY, by=BEN, now=NOW)
    for state in (PaymentState.COMPLETED, PaymentState.COMPLETED, PaymentState.PENDING):
        payment = Payment(
            token=f"p{next(number_of)}", customer=customer, state=state, paid_on=TODAY, amount=Decimal(30),
            fee=Decimal(0), created_by=BEN, created_at=NOW, confirm_by_email=True,
        )  # fmt: skip
        credit.record_payment(payment, TODAY, now=NOW)
    credit.release(payments(session)[0], TODAY, by=BEN, now=NOW)
    credit.cancel_payment(payments(session)[0], TODAY, by=BEN, now=NOW)
    for ids in notices.to_announce(TODAY):
        notices.announce(ids, TODAY, NOW)
    people.create("ann@acme.example", "Ann", PASSWORD, CUSTOMER_OWNER, customer.id)
    session.commit()
    return customer


def payments(session):
    return session.scalars(select(Payment).order_by(Payment.id)).all()


def clerks(text):
    return [text[max(0, found.start() - 40) : found.end() + 40] for found in CLERKS.finditer(text)]


def test_no_page_of_a_customer_has_clerks_words(app, acme):
    browser = app.test_client()
    browser.post("/login", data={"email": "ann@acme.example", "password": PASSWORD})
    paths = {
        rule.rule
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("my.") and "GET" in rule.methods and not rule.arguments
    } - {"/my/summary.pdf", "/my/logo.png"}
    assert len(paths) >= 6
    spans = [
        f"{path}?from=2026-{begins}&to=2026-11-30"
        for path in ("/my/charges", "/my/summary")
        for begins in ("10-01", "11-01")
    ]
    for path in sorted([*paths, "/account", *spans]):
        soup = page(browser.get(path))
        said = " ".join([words(soup), *(str(e["aria-label"]) for e in soup.select("[aria-label]"))])
        assert not clerks(said), f"{path}: {clerks(said)}"
    home, charged = words(page(browser.get("/my"))), words(page(browser.get(spans[0])))
    assert "For calls to the United Kingdom." in home and "minimum term until" in home
    for there in (
        "Setup",
        "Every month on the 15th and 31st",
        "credit",
        "reversal",
        "written off",
        "Minimum 50.00",
    ):
        assert there in charged, there


def test_the_summary_on_paper_has_no_clerks_words(app, acme):
    browser = app.test_client()
    browser.post("/login", data={"email": "ann@acme.example", "password": PASSWORD})
    data = browser.get("/my/summary.pdf?from=2026-10-01&to=2026-11-30").data
    text = " ".join(sheet.extract_text() for sheet in PdfReader(BytesIO(data)).pages)
    assert "Price, GBP" in text and not clerks(text), clerks(text)


def test_no_mail_to_a_customer_has_clerks_words(session, acme):
    mails = session.scalars(select(Mail)).all()
    said = [f"{mail.subject} {mail.text} {mail.html or ''}" for mail in mails]
    assert any("we will charge you" in text for text in said) and any("your payment" in text for text in said)
    for text in said:
        assert not clerks(text), clerks(text)
        assert re.search(r"Dear Acme,\n\n[A-Z]", text), "a sentence begins with a capital"
