"""What a customer pays, sees and is told is the same number everywhere: letter, preview, run, page, summary, paper,
statement and the charges themselves."""

from datetime import date, timedelta
from decimal import Decimal
from io import BytesIO

import pytest
from pypdf import PdfReader
from sqlalchemy import select

from portal.domain.terms import Proration
from portal.domain.wording import day
from portal.models import Charge, Company, Mail, Payment, PaymentState, Run
from portal.models.user import CUSTOMER_OWNER
from portal.services import credit, notices
from portal.services.assignments.changing import change_end
from portal.services.charges import by_hand
from portal.services.packages.definition import OwnPriceSet
from portal.services.people import people
from tests.calling import a_file, a_line, taken_in
from tests.pages import page, words
from tests.trade import BEN, NOW, a_customer, a_did, a_package, assigned, run
from tests.world import PASSWORD

START, HALFWAY, LAST = date(2026, 10, 1), date(2026, 11, 20), date(2026, 12, 2)
SPAN = f"from={START}&to={LAST}"


@pytest.fixture
def acme(session, app, tmp_path):
    """Acme: a trunk out of the balance, seats to be paid, at an own price, that end early, a minimum, minutes, calls
    and a late one."""
    customer = a_customer("Acme", tax_rate="7.7")
    customer.email = "ann@acme.example"
    assigned(a_package("Trunk", "24.49", setup_retail="12.35"), customer, START, auto_decrement_credit=True)
    seats = a_package("Seat", "33.33", proration=Proration.DAILY)
    own = OwnPriceSet(retail=Decimal("31.17"))
    seat = assigned(seats, customer, START, quantity=3, own=own)
    assigned(a_package("Minimum", "80", minimum_spend=True, cost="0"), customer, START, did=a_did(customer))
    bundle = a_package("Bundle", "9.99", minutes=True)
    bundle.destination = "^44"
    assigned(bundle, customer, START, minutes=10, auto_decrement_credit=True)
    number = "+442079460123"
    calls = [
        a_line(
            f"c{n}",
            f"{START + timedelta(days=n)} 10:00:00",
            61 + n,
            f"0.{n:02}1317",
            customer="Acme",
            did=number,
        )
        for n in range(45)
    ]
    taken_in(a_file(tmp_path, calls), date(2026, 11, 16))
    run(HALFWAY)
    late = [a_line("late", "2026-10-09 09:00:00", 500, "7.123456", customer="Acme", did=number)]
    taken_in(a_file(tmp_path, late), HALFWAY)
    change_end(seat, date(2026, 11, 25), HALFWAY, by=BEN, now=NOW)
    visit = by_hand.ManualCharge(
        customer, HALFWAY, Decimal("15.55"), Decimal(1), "Visit", auto_decrement_credit=True
    )
    made = by_hand.charge_manually(visit, token="v", today=HALFWAY, by=BEN, now=NOW)
    by_hand.reverse(made, "Nobody came", today=HALFWAY, by=BEN, now=NOW)
    pay(session, customer)
    session.commit()
    return customer


def pay(session, customer):
    """A payment, a part of which pays the seats of October."""
    payment = Payment(
        token="p", customer=customer, state=PaymentState.COMPLETED, paid_on=HALFWAY, amount=Decimal("123.45"),
        fee=Decimal(1), description="Bank transfer", created_by=BEN, created_at=NOW,
    )  # fmt: skip
    credit.record_payment(payment, HALFWAY, now=NOW)
    credit.release(payment, HALFWAY, by=BEN, now=NOW)
    seats = session.scalars(select(Charge).where(Charge.label == "Seat").order_by(Charge.id)).first()
    credit.allocate(payment, {seats.id: Decimal("50.01")}, today=HALFWAY, by=BEN, now=NOW)


def told(amount):
    """An amount as pages write it."""
    return f"{amount:,.2f}".replace("-", "\N{MINUS SIGN}")


def of_staff(client, where):
    return words(page(client.get(where)).main)


def as_customer(app, session, customer):
    people.create("ann@acme.example", "Ann", PASSWORD, CUSTOMER_OWNER, customer.id)
    session.commit()
    browser = app.test_client()
    browser.post("/login", data={"email": "ann@acme.example", "password": PASSWORD})
    return browser


@pytest.mark.slow
def test_what_is_paid_seen_and_told_is_one_number(app, session, client, acme, monkeypatch):
    id = acme.id
    letter = announced(session)
    monkeypatch.setitem(app.config, "TODAY", LAST.isoformat())
    already = {charge.id for charge in session.scalars(select(Charge))}
    simulated = run_of(client, session, simulate="yes")
    posted = run_of(client, session, simulate="no")

    # The letter, the simulation, the run and the charges.
    new = [charge for charge in session.scalars(select(Charge)) if charge.id not in already]
    assert len(new) >= 4 and {"credit", "recurring", "minimum_spend"} <= {str(charge.kind) for charge in new}
    amount, tax = sum(charge.amount for charge in new), sum(charge.tax for charge in new)
    trunk = next(charge for charge in new if charge.label == "Trunk")
    assert f"Total: {told(trunk.total)} GBP" in letter
    for which in (simulated, posted):
        report = of_staff(client, f"/runs/{which}")
        assert f"{told(amount)} GBP" in report and f" {told(tax)} {told(amount)} {len(new)} charges" in report
    assert lines_of(client, simulated) == lines_of(client, posted)

    # The balance: its entries, the customer's page, credit, both summaries, the paper and their own page.
    balance, owed = credit.balance_of(id), credit.to_pay(id).total
    every = session.scalars(select(Charge).where(Charge.customer_id == id)).all()
    total = sum(charge.total for charge in every if charge.amount or charge.tax)
    ann = as_customer(app, session, acme)
    desk = of_staff(client, f"/customers/{id}")
    assert f"balance {told(balance)}," in desk and f"To pay {told(owed)} GBP" in desk
    home = words(page(ann.get("/my")).main)
    assert f"{told(-balance)} overdue: the balance is below its limit" in home
    assert f"To pay {told(owed)} GBP" in home
    account = of_staff(client, f"/customers/{id}/credit?part=balance&{SPAN}")
    assert f"Balance {told(balance)} GBP" in account and f"To pay {told(owed)} GBP" in account
    assert f"Closing balance {told(balance)}" in account
    for text in (
        of_staff(client, f"/customers/{id}/summary?{SPAN}"),
        words(page(ann.get(f"/my/summary?{SPAN}")).main),
        on_paper(client.get(f"/customers/{id}/summary.pdf?{SPAN}")),
        on_paper(ann.get(f"/my/summary.pdf?{SPAN}")),
    ):
        assert f"Closing balance {told(balance)}" in text
        assert f"Total, GBP {told(total)}" in text
        assert f"To pay {told(owed)} GBP" in text and f"To pay on {day(LAST)} {told(owed)}" in text

    # Each charge says the same of itself on its own page as in the summaries.
    summary = of_staff(client, f"/customers/{id}/summary?{SPAN}")
    for charge in every:
        if charge.amount or charge.tax:
            assert told(charge.amount) in summary and told(charge.tax) in summary
            assert told(charge.amount) in of_staff(client, f"/charges/{charge.id}")


def announced(session):
    """The letter that announces the trunk of December."""
    session.get_one(Company, 1).notification_days = 3
    session.flush()
    for ids in notices.to_announce(date(2026, 11, 29)):
        notices.announce(ids, date(2026, 11, 29), NOW)
    session.commit()
    letters = session.scalars(
        select(Mail).where(Mail.key.like("notices %"), Mail.text.contains("Trunk"))
    ).all()
    assert len(letters) == 1
    return letters[0].text


def run_of(client, session, simulate):
    """A run for everybody up to the last day, from the page; its id."""
    answer = client.post("/runs", data={"customer": "", "simulate": simulate, "through": str(LAST)})
    assert answer.status_code == 303
    session.expire_all()
    return session.scalars(select(Run.id).order_by(Run.id.desc())).first()


def lines_of(client, run_id):
    """The lines of a run's report, word by word."""
    report = page(client.get(f"/runs/{run_id}"))
    return words(report.select_one("#lines table")).replace(" ,", ",")


def on_paper(answer):
    """The words of a PDF."""
    assert answer.status_code == 200
    pages = PdfReader(BytesIO(answer.data)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).replace("\xa0", " ").split())
