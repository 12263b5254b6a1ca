"""The charge summary as a page: both parties, each charge with its arithmetic, and no word of cost."""

from datetime import date
from decimal import Decimal
from io import BytesIO

import pytest
from pypdf import PdfReader

from portal.domain.schedule import Frequency
from portal.models import Company
from portal.services.charges import by_hand
from tests import many
from tests.pages import page, words
from tests.trade import BEN, NOW, TODAY, a_customer, a_package, assigned, run

NOVEMBER = date(2026, 11, 1)


@pytest.fixture
def acme(app, session, monkeypatch):
    """Acme has a trunk since October, with a setup, and was given a discount."""
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())
    company = session.get_one(Company, 1)
    company.address, company.tax_id, company.summary_footer = (
        "14 Harbour Street\nBristol",
        "GB 123",
        "Pay in 14 days.",
    )
    customer = a_customer("Acme")
    customer.address = "1 Quay West"
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


def test_it_names_both_parties_and_says_that_it_is_not_a_tax_invoice(client, acme):
    main = words(page(client.get(f"/customers/{acme.id}/summary")).select_one("main"))
    assert "From Lumen Voice 14 Harbour Street Bristol Tax id GB 123" in main
    assert "To Acme 1 Quay West" in main
    assert "This is a summary of charges, not a tax invoice. Pay in 14 days." in main


def test_this_month_is_what_it_shows_unless_asked_for_other_days(client, acme):
    soup = page(client.get(f"/customers/{acme.id}/summary"))
    assert "1 Nov 2026 to 30 Nov 2026, both included" in words(soup.select_one(".head"))
    table = words(soup.select_one("table"))
    assert "1 Nov 2026 Trunk Match day 1. 20.00 × 1 for 1 to 30 Nov. 1–30 Nov 2026 20% 4.00 20.00" in table
    assert "Goodwill A manual discount. once 20% −1.00 −5.00" in table
    assert "Before tax 15.00 Tax, 20% on 15.00 3.00 Total, GBP 18.00" in table
    october = page(client.get(f"/customers/{acme.id}/summary?from=2026-10-01&to=2026-10-31"))
    assert "Trunk, setup Setup, once, on the start date: 25.00 × 1." in words(october.select_one("table"))
    assert "Total, GBP 54.00" in words(october.select_one("table"))


def test_it_says_what_was_assigned(client, acme):
    assigned_table = page(client.get(f"/customers/{acme.id}/summary")).select("table")[1]
    assert "Trunk customer 1 monthly, 1st 20.00 1 Oct 2026" in words(assigned_table)


def test_cost_and_margin_are_nowhere_in_it(client, acme):
    text = client.get(f"/customers/{acme.id}/summary?from=2026-01-01&to=2026-12-31").text
    main = text[text.index("<main") :].casefold()
    assert not [word for word in ("cost", "margin", "7.77", "1.11") if word in main]


def test_days_without_charges_say_so(client, acme):
    soup = page(client.get(f"/customers/{acme.id}/summary?from=2026-01-01&to=2026-01-31"))
    assert "Nothing was charged during this time." in words(soup.select_one("main"))


def test_nobody_s_summary_is_not_found(client):
    page(client.get("/customers/999999/summary"), 404)


def test_a_first_part_says_so_and_its_totals_are_of_everything(client, app, session, monkeypatch):
    """5,135 charges, each taken from the balance: the page shows 1,000 of each; every sum is of all of them."""
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
        "Shown here: the first 1,000 of 5,135 charges, the first 1,000 of 5,135 balance entries. "
        "The totals include everything; the PDF contains every line." in main
    )
    assert not soup.select(".screen-only .note"), "it is printed, too"
    charges_table, _, balance = (words(table) for table in soup.select("table"))
    assert "4,135 more charges, not shown here 4,135.00 Before tax 5,135.00" in charges_table
    assert "Tax, 20% on 5,135.00 1,027.00 Total, GBP 6,162.00" in charges_table
    assert "4,135 more entries, not shown here −4,962.00 Closing balance −6,162.00" in balance
    for path in ("summary", "charges"):
        mine = words(page(client.get(f"/customers/{customer.id}/as-customer/{path}?{asked.split('?')[1]}")))
        assert "first 1,000 of 5,135 charges" in mine and "Total, GBP 6,162.00" in mine
    statement = words(page(client.get(f"/customers/{customer.id}/credit?{asked.split('?')[1]}")))
    assert "These are the first 1,000 of 5,135 entries; the closing balance is of all of them." in statement
    assert "4,135 more entries, not shown here −4,962.00 Closing balance −6,162.00" in statement


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
