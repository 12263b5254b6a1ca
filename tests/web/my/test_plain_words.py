"""What customers read says nothing in clerks' words: every page of theirs, the summary on paper, and mails to them."""

import json
import re
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from io import BytesIO
from itertools import product

import pytest
from pypdf import PdfReader
from sqlalchemy import or_, select

from portal.domain.schedule import Frequency
from portal.domain.terms import PackageType, Proration
from portal.extensions import db
from portal.models import Assignment, Call, Charge, Company, Mail, Package, Payment, PaymentState
from portal.models.company import company
from portal.models.user import CUSTOMER_OWNER, User
from portal.services import credit, notices
from portal.services.assignments.changing import change_end
from portal.services.calls import counted
from portal.services.charges.by_hand import ManualCharge, charge_manually, reverse
from portal.services.charges.write_off import write_off
from portal.services.people import people
from portal.services.summary import for_paper, paper
from portal.web.people.user_group import handle
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


DECIMALS = {"GBP": 2, "JPY": 0, "KWD": 3}
# What one thing costs ("0.0085 × 3"), and a rate ("8.125%"), keep their decimals.
NUMBER = re.compile(r"(?<![\d.,])\d[\d,]*\.(\d+)\b(?!\.\d| ?[×%])")


@pytest.fixture(params=DECIMALS)
def acme(app, session, monkeypatch, request):
    """A customer who has one of everything that is charged, and to whom everything happened that can.

    Prices and calls have more decimals than any of the currencies.
    """
    return made(app, session, monkeypatch, request.param)


def made(app, session, monkeypatch, currency):
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())
    on_sale = partial(a_package, currencies=(currency,))
    session.get_one(Company, 1).notification_days = 30
    customer = a_customer("Acme", currency)
    customer.email = "office@acme.example"
    number = a_did(customer)
    trunk = on_sale("Trunk", "24.5075", setup_retail="25", match=(15, 31), minimum_days=90)
    assigned(trunk, customer, date(2026, 11, 1), quantity=2)
    assigned(on_sale("Number", "1.3575", match=()), customer, date(2026, 10, 9), did=number)
    assigned(on_sale("Weekly", "2", frequency=Frequency.WEEKLY, match=(1, 4)), customer, date(2026, 11, 9))
    assigned(on_sale("Quarterly", "9", frequency=Frequency.QUARTERLY, match=()), customer, OCTOBER)
    assigned(
        on_sale("Yearly", "90", frequency=Frequency.YEARLY, match=()),
        customer,
        OCTOBER,
        auto_decrement_credit=True,
    )
    assigned(on_sale("Fee", "5", frequency=Frequency.NONE, match=()), customer, date(2026, 12, 1))
    assigned(on_sale("Commitment", "50", minimum_spend=True), customer, OCTOBER)
    assigned(on_sale("Commitment on one", "5", minimum_spend=True), customer, date(2026, 11, 9), did=number)
    minutes = on_sale("Minutes", "6", minutes=True)
    minutes.destination = "^44|^4420"
    assigned(minutes, customer, OCTOBER, minutes=500)
    seat = assigned(on_sale("Seat", "30", proration=Proration.DAILY), customer, date(2026, 10, 20))
    run(date(2026, 11, 2))
    session.add(
        Call(
            customer_id=customer.id,
            call_id="1",
            day=TODAY,
            seconds=60,
            amount=Decimal("20.0375"),
            came_in_on=TODAY,
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


def too_exact(text, currency):
    """The amounts in a text that have more decimals than their currency."""
    return [
        text[max(0, found.start() - 40) : found.end() + 20]
        for found in NUMBER.finditer(text)
        if len(found[1]) > DECIMALS[currency]
    ]


def said_on(soup):
    """What a page says and what it is said to be, without prices: those of one thing, or of one call."""
    said = " ".join([words(soup), *(str(e["aria-label"]) for e in soup.select("[aria-label]"))])
    for price in soup.select(".rate"):
        said = re.sub(rf"(?<![\d.,]){re.escape(words(price))}(?![\d.,]| ?×)", "", said, count=1)
    return said


def signed_in(app):
    browser = app.test_client()
    browser.post("/login", data={"email": "ann@acme.example", "password": PASSWORD})
    return browser


def users_of(customer):
    return db.session.scalars(select(User).where(User.customer_id == customer.id))


def pages_of(app, customer):
    """The addresses of every page of theirs, but not of files."""
    count_calls = or_(Package.minimum_spend, Package.type == PackageType.FREE_MINUTES)
    counting = select(Assignment.id).join(Package).where(Assignment.customer_id == customer.id, count_calls)
    keys = counted.keys_of(db.session.scalars(counting).all()).values()
    parts = {"counting": keys, "handle": map(handle, users_of(customer))}
    parts = {name: list(values) for name, values in parts.items()}
    found = set()
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("my.") and "GET" in rule.methods and "form" not in rule.arguments:
            names = sorted(rule.arguments)
            for values in product(*(parts[name] for name in names)):
                with app.test_request_context():
                    found.add(rule.build(dict(zip(names, values, strict=True)))[1])
    return found - {"/my/summary.pdf", "/my/logo.png"}


def test_no_page_of_a_customer_has_clerks_words_or_an_amount_too_exact(app, acme):
    browser, paths = signed_in(app), pages_of(app, acme)
    assert len(paths) >= 10
    spans = [
        f"{path}?from=2026-{begins}&to=2026-11-30"
        for path in [*(path for path in paths if "calls" in path), "/my/charges", "/my/summary"]
        for begins in ("10-01", "11-01")
    ]
    for path in sorted([*paths, "/account", *spans]):
        said = said_on(page(browser.get(path, follow_redirects=True)))
        assert not clerks(said), f"{path}: {clerks(said)}"
        assert not too_exact(said, acme.currency), f"{path}: {too_exact(said, acme.currency)}"
    spans = ["/my/charges?from=2026-10-01&to=2026-11-30"]
    home, charged = words(page(browser.get("/my"))), words(page(browser.get(spans[0])))
    assert "For calls to the United Kingdom." in home and "minimum term until" in home
    for there in (
        "Setup",
        "Every month on the 15th and 31st",
        "credit",
        "reversal",
        "written off",
        "Minimum 50",
    ):
        assert there in charged, there


def test_the_summary_on_paper_has_no_clerks_words_and_no_amount_too_exact(app, acme):
    begins, through = OCTOBER, date(2026, 11, 30)
    data = signed_in(app).get(f"/my/summary.pdf?from={begins}&to={through}").data
    text = " ".join(sheet.extract_text() for sheet in PdfReader(BytesIO(data)).pages)
    assert f"Price, {acme.currency}" in text and not clerks(text), clerks(text)
    said = paper.as_data(for_paper(acme, begins, through, TODAY), company(), TODAY, "a4")
    price = said["assigned_heads"].index(f"Price, {acme.currency}")
    said["assigned"] = [row[:price] + row[price + 1 :] for row in said["assigned"]]
    told = json.dumps(said, ensure_ascii=False)
    assert "Total, " in told and not too_exact(told, acme.currency), too_exact(told, acme.currency)


def test_no_mail_to_a_customer_has_clerks_words(session, acme):
    mails = session.scalars(select(Mail)).all()
    said = [f"{mail.subject} {mail.text} {mail.html or ''}" for mail in mails]
    assert any("we will charge you" in text for text in said) and any("your payment" in text for text in said)
    for text in said:
        assert not clerks(text), clerks(text)
        assert not too_exact(text, acme.currency), too_exact(text, acme.currency)
        assert re.search(r"Dear Acme,\n\n[A-Z]", text), "a sentence begins with a capital"
