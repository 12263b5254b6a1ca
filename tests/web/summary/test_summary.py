"""The charge summary as a page: both parties, each charge with its arithmetic, and no word of cost."""

from datetime import date
from decimal import Decimal
from io import BytesIO

import pytest
from pypdf import PdfReader

from portal.domain.check_digits import in_fours
from portal.domain.epc import epc_text
from portal.domain.party import Party
from portal.domain.payment_reference import payment_reference
from portal.domain.schedule import Frequency
from portal.extensions import db
from portal.models import Company, Contact, Payment, PaymentState
from portal.services import credit
from portal.services.charges import by_hand
from portal.services.summary.paying import drawn
from tests import many
from tests.pages import page, words
from tests.trade import BEN, NOW, TODAY, a_customer, a_package, assigned, run

NOVEMBER = date(2026, 11, 1)


@pytest.fixture
def acme(app, session, monkeypatch):
    """Acme has a trunk since October, with a setup, and was given a discount."""
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())
    company = session.get_one(Company, 1)
    company.party = Party(
        "Lumen Voice Ltd", "14 Harbour Street", city="Bristol", postcode="BS1 6QF", country="GB",
        vat_id="GB999999973", registration_number="00000000", phone="+441174960100",
    )  # fmt: skip
    company.summary_footer = "Thank you."
    customer = a_customer("Acme")
    customer.street, customer.iban = "1 Quay West", "GB33BUKB20201555555555"
    customer.contacts = [Contact(name="Nora Ashworth")]
    assigned(
        a_package("Trunk", "20", cost="7.77", match=(1,), setup_retail="25"), customer, date(2026, 10, 1)
    )
    run()
    by_hand.charge_manually(
        by_hand.ManualCharge(customer, TODAY, Decimal(-5), Decimal("1.11"), "Goodwill"),
        token="t", today=TODAY, by=BEN, now=NOW,
    )  # fmt: skip
    session.commit()
    return customer


def charges_of(soup):
    """The table of the charges."""
    return soup.select_one("#charges-GBP").find_next("table")


def test_it_names_both_parties_and_says_that_it_is_not_a_tax_invoice(client, acme):
    main = words(page(client.get(f"/customers/{acme.id}/summary")).select_one("main"))
    assert (
        "From Lumen Voice Lumen Voice Ltd 14 Harbour Street Bristol BS1 6QF United Kingdom VAT ID GB999999973 "
        "Registration number 00000000" in main
    )
    assert "To Acme 1 Quay West" in main
    assert "5555" not in main and "Nora" not in main
    assert "This is a summary of charges, not a tax invoice. Thank you." in main


def test_this_month_is_what_it_shows_unless_asked_for_other_days(client, acme):
    soup = page(client.get(f"/customers/{acme.id}/summary"))
    assert "1–30 Nov 2026" in words(soup.select_one(".head"))
    table = words(charges_of(soup))
    trunk = "1 Nov 2026 Trunk Every month on the 1st. 20.00 × 1 for 1 to 30 Nov. 1–30 Nov"
    assert f"{trunk} due 6 Dec 4.00 (20%) 20.00" in table
    assert "Goodwill A discount, entered by hand. once credit used −1.00 (20%) −5.00" in table
    assert "Before tax 15.00 Tax, 20% on 15.00 3.00 Total, GBP 18.00" in table
    october = page(client.get(f"/customers/{acme.id}/summary?from=2026-10-01&to=2026-10-31"))
    assert "1 Oct 2026 Setup Setup, once, on the start date: 25.00 × 1." in words(charges_of(october))
    assert "Total, GBP 54.00" in words(charges_of(october))


def test_it_says_what_was_assigned(client, acme):
    assigned_table = (
        page(client.get(f"/customers/{acme.id}/summary")).select_one("#assigned").find_next("table")
    )
    assert "Trunk 1 monthly on the 1st 20.00 1 Oct 2026" in words(assigned_table)


def test_cost_and_margin_are_nowhere_in_it(client, acme):
    text = client.get(f"/customers/{acme.id}/summary?from=2026-01-01&to=2026-12-31").text
    main = text[text.index("<main") :].casefold()
    assert not [word for word in ("cost", "margin", "7.77", "1.11") if word in main]


def test_days_without_charges_say_so(client, acme):
    soup = page(client.get(f"/customers/{acme.id}/summary?from=2026-01-01&to=2026-01-31"))
    assert "Nothing was charged during this time." in words(soup.select_one("main"))


def test_nobody_s_summary_is_not_found(client):
    page(client.get("/customers/999999/summary"), 404)


@pytest.mark.slow
def test_a_first_part_says_so_and_its_totals_are_of_everything(client, app, session, monkeypatch):
    """5,135 charges, each taken from the balance: the page shows 200 of each; every sum is of all of them."""
    monkeypatch.setitem(app.config, "TODAY", "2023-06-22")
    first = date(2009, 6, 1)
    customer = a_customer("Big Co")
    line = assigned(a_package("Line", "1", frequency=Frequency.DAILY, match=()), customer, first)
    many.charges(line, first, 5_135)
    session.commit()
    asked = f"/customers/{customer.id}/summary?from=2009-06-01&to=2023-06-30"
    soup = page(client.get(asked))
    main = words(soup.select_one("main"))
    assert (
        "Shown here: the first 200 of 5,135 charges, the first 200 of 5,135 balance entries. "
        "The totals include everything; the PDF contains every line." in main
    )
    assert not soup.select(".screen-only .note"), "it is printed, too"
    charges_table = words(charges_of(soup))
    balance = words(soup.select_one("#balance").find_next("table"))
    assert "4,935 more charges, not shown here 4,935.00 Before tax 5,135.00" in charges_table
    assert "Tax, 20% on 5,135.00 1,027.00 Total, GBP 6,162.00" in charges_table
    assert "4,935 more entries, not shown here −5,922.00 Closing balance −6,162.00" in balance
    for path in ("summary", "charges"):
        mine = words(page(client.get(f"/customers/{customer.id}/as-customer/{path}?{asked.split('?')[1]}")))
        assert "first 200 of 5,135 charges" in mine and "Total, GBP 6,162.00" in mine
    statement = words(page(client.get(f"/customers/{customer.id}/credit?part=balance&{asked.split('?')[1]}")))
    assert "These are the first 1,000 of 5,135 entries; the closing balance is of all of them." in statement
    assert "4,135 more entries, not shown here −4,962.00 Closing balance −6,162.00" in statement


@pytest.mark.slow
def test_the_pdf_contains_every_line_however_many(client, app, session, monkeypatch):
    monkeypatch.setattr("portal.web.summary.pages.LINES_SHOWN", 2)
    customer = a_customer("Acme")
    many.adjustments(customer, NOVEMBER, 1_100)
    session.commit()
    asked = f"/customers/{customer.id}/summary?from=2026-11-01&to=2026-11-30"
    assert "1,098 more entries, not shown here 1,098.00 Closing balance 1,100.00" in words(
        page(client.get(asked))
    )
    reader = PdfReader(BytesIO(client.get(asked.replace("summary?", "summary.pdf?")).data))
    text = " ".join(" ".join(sheet.extract_text().split()) for sheet in reader.pages)
    assert text.count("Goodwill") == 1_100
    assert "Goodwill 1100 1.00 1,100.00" in text and "Closing balance 1,100.00" in text


def test_what_no_file_can_contain_is_refused_in_a_sentence(client, acme, monkeypatch):
    monkeypatch.setattr("portal.services.summary.PAPER_MOST", 1)
    for address in (f"/customers/{acme.id}/summary.pdf", f"/customers/{acme.id}/as-customer/summary.pdf"):
        refused = words(page(client.get(address), 409))
        assert "one PDF can have 1 at most. Choose a shorter span of days" in refused


@pytest.fixture
def berlin(session, acme):
    """A customer in euro with a charge of 12.00 that is due on 6 December."""
    company = session.get_one(Company, 1)
    company.account_name, company.iban, company.bic = "Lumen Voice Ltd", "GB82WEST12345698765432", "WESTGB22"
    company.bank_details = "By card: pay.example"
    customer = a_customer("Berlin", "EUR")
    asked = by_hand.ManualCharge(customer, TODAY, Decimal(10), Decimal(0), "Visit")
    by_hand.charge_manually(asked, token="visit", today=TODAY, by=BEN, now=NOW)
    session.commit()
    return customer


def paid(customer, amount):
    payment = Payment(
        token=f"paid {amount}", customer=customer, state=PaymentState.COMPLETED, paid_on=TODAY, amount=Decimal(amount),
        fee=Decimal(0), description="Bank transfer", created_by=BEN, created_at=NOW,
    )  # fmt: skip
    credit.record_payment(payment, TODAY, now=NOW)
    db.session.commit()


def test_it_leads_with_what_to_pay_by_when_and_how(client, berlin):
    for path in ("summary", "as-customer/summary", "as-customer"):
        part = page(client.get(f"/customers/{berlin.id}/{path}")).select_one(".to-pay")
        reference = in_fours(payment_reference(berlin.id))
        assert words(part) == (
            "To pay 12.00 EUR Due by 6 Dec 2026 How to pay Account name Lumen Voice Ltd "
            f"IBAN GB82 WEST 1234 5698 7654 32 BIC WESTGB22 Payment reference {reference} "
            "By card: pay.example Scan with your bank's app to pay 12.00 EUR"
        )
        said = epc_text(
            "Lumen Voice Ltd", "GB82WEST12345698765432", "WESTGB22", Decimal(12), payment_reference(berlin.id)
        )
        assert part.select_one("svg.qr path")["d"] == drawn(said).path


def test_once_it_is_paid_it_asks_for_nothing(client, berlin):
    paid(berlin, 12)
    soup = page(client.get(f"/customers/{berlin.id}/summary"))
    assert words(soup.select_one(".to-pay")) == "To pay Nothing to pay"
    assert "12.00 Paid −12.00 To pay on 22 Nov 2026 0.00" in words(
        soup.select_one("#account").find_next("table")
    )
    assert "paid" in words(charges_of_euro(soup))


def charges_of_euro(soup):
    return soup.select_one("#charges-EUR").find_next("table")


def test_only_an_iban_in_euro_has_a_code_and_only_what_is_known_is_said(client, session, berlin, acme):
    assert not page(client.get(f"/customers/{acme.id}/summary")).select("svg.qr")
    company = session.get_one(Company, 1)
    company.account_name, company.iban, company.bic, company.bank_details = "", "", "", ""
    session.commit()
    part = page(client.get(f"/customers/{berlin.id}/summary")).select_one(".to-pay")
    assert not part.select("svg.qr") and "IBAN" not in words(part)
    assert "Payment reference RF" in words(part)


def test_what_changed_since_its_last_day_stands_beside_it(client, session, berlin):
    session.get_one(Company, 1).time_zone = "UTC"
    asked = by_hand.ManualCharge(berlin, date(2026, 10, 5), Decimal(5), Decimal(0), "Late visit")
    by_hand.charge_manually(asked, token="late", today=TODAY, by=BEN, now=NOW)
    session.commit()
    october = words(page(client.get(f"/customers/{berlin.id}/summary?from=2026-10-01&to=2026-10-31")))
    assert "To pay on 31 Oct 2026 6.00 EUR Due by 6 Dec 2026" in october
    assert "Today, 22 Nov 2026: 18.00 EUR to pay. Due by 6 Dec 2026." in october
    assert "Scan with your bank's app to pay 18.00 EUR" in october
    november = words(page(client.get(f"/customers/{berlin.id}/summary")))
    assert (
        "Brought forward from before 1 Nov 2026 of which 6.00 charged since, for days before 6.00" in november
    )
    assert "What changed 1–22 Nov 2026 against 1–22 Oct 2026" in november
    assert "1–22 Oct 2026 6.00 Visit, on 22 Nov 2026 +12.00 Late visit, on 5 Oct 2026 −6.00" in november


def test_the_pdf_says_the_same(client, berlin):
    paid(berlin, 2)
    data = client.get(f"/customers/{berlin.id}/summary.pdf").data
    text = " ".join(PdfReader(BytesIO(data)).pages[0].extract_text().split())
    for said in (
        "10.00 EUR",
        "Due by 6 Dec 2026",
        "GB82 WEST 1234 5698 7654 32",
        in_fours(payment_reference(berlin.id)),
        "Scan with your bank's app to pay 10.00 EUR",
        "Brought forward from before 1 Nov 2026 0.00",
        "Paid −2.00",
        "10.00 left",
    ):
        assert said in text, (said, text)


def test_many_changes_are_summed_up_after_the_first_and_paper_has_them_all(client, session, acme):
    for number in range(12):
        asked = by_hand.ManualCharge(acme, TODAY, Decimal(number + 1), Decimal(0), f"Visit {number}")
        by_hand.charge_manually(asked, token=f"v{number}", today=TODAY, by=BEN, now=NOW)
    session.commit()
    rows = [words(row) for row in rows_of_changes(page(client.get(f"/customers/{acme.id}/summary")))]
    assert len(rows) == 11 and rows[1].startswith("Trunk, setup on 1 Oct 2026")
    assert rows[9] == "6 smaller changes +12.00"
    data = client.get(f"/customers/{acme.id}/summary.pdf").data
    assert "Visit 0, on 22 Nov 2026" in PdfReader(BytesIO(data)).pages[0].extract_text()


def rows_of_changes(soup):
    return soup.select_one("#changed").find_next("table").select("tr")
