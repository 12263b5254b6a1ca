"""The charge summary on paper: printed by the browser from the same page, and read back."""

from datetime import date
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from pypdf import PdfReader

from portal.domain.schedule import Frequency
from tests.trade import TODAY, a_customer, a_package, assigned, run

pytestmark = pytest.mark.browser

SEPTEMBER = date(2026, 9, 1)
POINTS = {"A4": (595, 842), "Letter": (612, 792)}


@pytest.fixture(autouse=True)
def _on_a_sunday(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


@pytest.fixture
def acme(session: Any) -> int:
    """Acme has a trunk, and a service that is charged every day: more lines than fit on one sheet."""
    customer = a_customer("Acme")
    assigned(a_package("Trunk", "20", match=(1,)), customer, SEPTEMBER)
    assigned(a_package("Watch", "1.25", frequency=Frequency.DAILY, match=()), customer, date(2026, 10, 20))
    run()
    session.commit()
    return customer.id


@pytest.mark.parametrize("paper", POINTS)
def test_it_prints_with_heads_on_every_sheet_and_pages_numbered(acme: int, page: Any, paper: str) -> None:
    page.goto(f"/customers/{acme}/summary?from=2026-09-01&to=2026-11-30")
    sheets = PdfReader(BytesIO(page.pdf(format=paper, prefer_css_page_size=True))).pages
    for sheet in sheets:
        assert [float(side) for side in sheet.mediabox[2:]] == pytest.approx(POINTS[paper], abs=1)
    texts = [" ".join(sheet.extract_text().split()) for sheet in sheets]
    assert len(texts) > 1
    for number, text in enumerate(texts, 1):
        assert f"Page {number} of {len(texts)}" in text
    charged = [text for text in texts if "Every day." in text]
    assert len(charged) > 1
    assert all("Date For Period State Tax Amount" in text for text in charged)


def test_what_is_printed_is_what_the_page_says(acme: int, page: Any) -> None:
    page.goto(f"/customers/{acme}/summary?from=2026-09-01&to=2026-11-30")
    total = page.locator("section:has(#charges-GBP) .total td").inner_text()
    text = " ".join(
        " ".join(sheet.extract_text().split()) for sheet in PdfReader(BytesIO(page.pdf(format="A4"))).pages
    )
    # Three trunks of 20.00, 34 days of 1.25, and 20 % of each, rounded line by line.
    assert total == "123.00"
    assert "Before tax 102.50" in text
    assert "Total, GBP 123.00" in text
    assert "Every month on the 1st. 20.00 × 1 for 1 to 30 Nov." in text
    assert "Lumen Voice" in text
    assert "not a tax invoice" in text
    assert "Sign out" not in text
    assert "Print summary" not in text
    assert "cost" not in text.casefold()


def test_the_total_stays_with_its_lines_wherever_a_sheet_ends(acme: int, page: Any) -> None:
    for day in range(8, 23):
        page.goto(f"/customers/{acme}/summary?from=2026-10-01&to=2026-11-{day:02}")
        sheets = PdfReader(BytesIO(page.pdf(format="A4"))).pages
        (last,) = (text for text in (sheet.extract_text() for sheet in sheets) if "Total, GBP" in text)
        assert f"Every day. 1.25 × 1 for {day} Nov." in last
        assert "Before tax" in last
