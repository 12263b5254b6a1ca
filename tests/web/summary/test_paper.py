"""The charge summary as PDF says what the page says, is tagged, archival, and the same whenever it is made."""

from datetime import date
from decimal import Decimal
from io import BytesIO

import pytest
from pypdf import PdfReader
from sqlalchemy import select

from portal.models import Charge, Company
from portal.services.company.logo import checked_logo
from portal.services.summary import paper, summary
from tests.services.company.test_logo import png
from tests.services.runs.test_undoing import a_run, undo
from tests.trade import TODAY, a_customer, a_did, a_package, assigned, run

SPAN = (date(2026, 11, 1), date(2026, 11, 30))


@pytest.fixture
def acme(session, app, monkeypatch):
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())
    customer = a_customer("Acme", tax_rate="20")
    assigned(a_package("SIP Trunk 10", "24.50", setup_retail="25"), customer, date(2026, 11, 1), quantity=2)
    assigned(a_package("UK DID", "1.35", match=()), customer, date(2026, 11, 8), did=a_did(customer))
    run(TODAY)
    session.commit()
    return customer


def made(session, customer, size="a4"):
    return paper.pdf(summary(customer, *SPAN, TODAY), session.get_one(Company, 1), TODAY, size)


def text_of(data):
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(data)).pages).replace("\xa0", " ")


def test_its_totals_are_those_of_the_charges(session, acme):
    text = text_of(made(session, acme))
    charges = session.scalars(select(Charge)).all()
    amount, tax = (sum(getattr(charge, name) for charge in charges) for name in ("amount", "tax"))
    assert (amount, tax) == (Decimal("100.35"), Decimal("20.07"))
    for words in ("Before tax 100.35", "Tax, 20% on 100.35 20.07", "Total, GBP 120.42"):
        assert words in " ".join(text.split())
    assert "+44 20 7946 0123" in text and "not a tax invoice" in text


def test_what_undoes_a_charge_is_named_so_as_on_the_page(session, acme):
    assigned(a_package("Hotline", "10"), acme, date(2026, 11, 1), quantity=3)
    undo(a_run())
    text = " ".join(text_of(made(session, acme)).split())
    assert "Hotline 2 charges 0.00" in text and "10.00 × 3" in text
    assert "Undo The charge of 1 Nov was undone" in text


def test_it_never_says_cost_or_margin(session, acme):
    text = text_of(made(session, acme)).lower()
    assert "cost" not in text and "margin" not in text


def test_it_is_tagged_and_archival(session, acme):
    reader = PdfReader(BytesIO(made(session, acme)))
    root = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"] and "/StructTreeRoot" in root and root["/Lang"] == "en"
    xmp = root["/Metadata"].get_object().get_data().decode()
    assert "<pdfuaid:part>1<" in xmp and "<pdfaid:part>2<" in xmp and "<pdfaid:conformance>A<" in xmp
    assert reader.metadata.title == "Charge summary Acme 2026-11-01 to 2026-11-30"


def test_the_same_summary_is_the_same_file(session, acme):
    assert made(session, acme) == made(session, acme)


@pytest.mark.parametrize(("size", "points"), [("a4", (595, 842)), ("letter", (612, 792))])
def test_it_is_made_for_either_paper(session, acme, size, points):
    box = PdfReader(BytesIO(made(session, acme, size))).pages[0].mediabox
    assert (round(box.width), round(box.height)) == points


def test_table_heads_and_page_numbers_are_on_every_page(session, acme):
    package = a_package("Daily line", "1", frequency="daily", match=())
    for number in range(6):
        assigned(package, acme, date(2026, 11, 2 + number))
    run(TODAY)
    pages = [page.extract_text() for page in PdfReader(BytesIO(made(session, acme))).pages]
    assert len(pages) > 2
    for number, text in enumerate(pages, 1):
        assert f"Page {number} of {len(pages)}" in text
    assert all("Amount" in text for text in pages[:-1])


def test_what_looks_like_instructions_is_printed_as_it_stands(session, acme):
    acme.name = 'Ltd #read("/etc/passwd") $x$ \\ *b*'
    session.flush()
    assert acme.name in text_of(made(session, acme))


@pytest.mark.parametrize(("wide", "high"), [(40, 20), (600, 60), (1, 180)])
def test_a_logo_stands_on_it_with_a_name_for_who_cannot_see_it(session, acme, wide, high):
    session.get_one(Company, 1).logo = checked_logo(png(wide, high))
    data = made(session, acme)
    assert len(PdfReader(BytesIO(data)).pages[0].images) == 1
    assert "Charge summary" in text_of(data) and data == made(session, acme)


def test_it_is_downloaded_under_a_name_that_sorts(client, acme):
    answer = client.get(f"/customers/{acme.id}/summary.pdf?from=2026-11-01&to=2026-11-30")
    assert answer.mimetype == "application/pdf" and answer.data.startswith(b"%PDF")
    assert f"charge-summary_acme_{acme.id}_2026-11-01_2026-11-30.pdf" in answer.headers["Content-Disposition"]


def test_a_span_that_cannot_be_is_refused_in_a_sentence(client, acme):
    answer = client.get(f"/customers/{acme.id}/summary.pdf?from=2026-11-30&to=2026-11-01")
    assert answer.status_code == 422 and "To is before From" in answer.text
