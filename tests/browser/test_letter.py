"""The customer's side as it is met: what is to pay in sight at once, a letter that is short, places under the thumb."""

from datetime import date
from io import BytesIO
from typing import Any

import pytest
from playwright.sync_api import expect
from pypdf import PdfReader

from portal.domain.party import Party
from portal.models import Company
from portal.models.user import CUSTOMER_OWNER
from portal.services.people import people
from tests.trade import TODAY, a_customer, a_did, a_package, assigned, run
from tests.world import PASSWORD

pytestmark = pytest.mark.browser

WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
SIZES = pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
NOVEMBER = "from=2026-11-01&to=2026-11-30"


@pytest.fixture
def acme(app: Any, session: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A customer with two packages, three numbers, a minimum spend and an address of eight lines, as its payer has."""
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())
    of = Party(
        "Acme Telecommunications Ltd", "1 Quay West", city="Leeds", postcode="LS1 4QP", country="GB",
        vat_id="GB999999973", registration_number="01972095",
    )  # fmt: skip
    company = session.get_one(Company, 1)
    company.party, company.email = of, "accounts@lumen.example"
    company.account_name, company.iban, company.bic = "Lumen Voice Ltd", "GB82WEST12345698765432", "WESTGB22"
    customer = a_customer("Acme")
    customer.party, customer.email = of, "office@acme.example"
    assigned(a_package("Trunk", "24.50", setup_retail="25"), customer, date(2026, 10, 1))
    assigned(a_package("Seat", "7.50"), customer, date(2026, 11, 1), quantity=13)
    line = a_package("Number", "1.35", match=())
    for number in range(3):
        assigned(line, customer, date(2026, 11, 1), did=a_did(customer, f"+44207946010{number}"))
    assigned(a_package("Commitment", "150", minimum_spend=True), customer, date(2026, 10, 1))
    run(TODAY)
    people.create("ann@acme.example", "Ann", PASSWORD, CUSTOMER_OWNER, customer.id)
    session.commit()
    return customer


def signed_in(page: Any) -> Any:
    page.goto("/")
    page.get_by_label("E-mail").fill("ann@acme.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Acme")
    return page


def end_of(page: Any, what: str) -> float:
    """Where an element ends, in points from the top of the page."""
    box = page.locator(what).first.bounding_box()
    return float(box["y"] + box["height"])


@SIZES
def test_what_is_to_pay_and_when_stand_in_the_first_300_points_of_the_letter(
    screen: Any, acme: Any, size: Any
) -> None:
    mine, staff = signed_in(screen(None, viewport=size)), screen(viewport=size)
    for page, path in ((mine, "/my/summary"), (staff, f"/customers/{acme.id}/summary")):
        page.goto(f"{path}?{NOVEMBER}")
        expect(page.locator(".to-pay li").first).to_contain_text("Due by 6 Dec 2026")
        assert end_of(page, ".to-pay__sum") <= 300, path
        assert end_of(page, ".to-pay li") <= 320, path


def test_the_parties_of_the_letter_stand_below_in_120_points_where_it_is_wide(screen: Any, acme: Any) -> None:
    page = screen(viewport=WIDE)
    page.goto(f"/customers/{acme.id}/summary?{NOVEMBER}")
    parties = page.locator(".parties").bounding_box()
    assert parties["height"] <= 125 and parties["y"] > end_of(page, ".to-pay") - 1


def test_the_blocks_of_page_print_and_pdf_are_the_same_in_the_same_order(screen: Any, acme: Any) -> None:
    page = screen()
    page.goto(f"/customers/{acme.id}/summary?{NOVEMBER}")
    made = page.context.request.get(f"/customers/{acme.id}/summary.pdf?{NOVEMBER}").body()
    printed = page.pdf(format="A4")
    # In what a browser prints, the heads of a sheet come before its tables: each in their own order.
    heads = [
        "To pay", "From", "How it comes about, GBP", "Charges, GBP", "Packages during this time",
        "This is a summary of charges",
    ]  # fmt: skip
    tables = [
        "Brought forward from", "Date For Period State Tax Amount", "Number 3 charges 4.05", "Total, GBP",
        "Package On Quantity Charged Price, GBP Since",
    ]  # fmt: skip
    for paper in (made, printed):
        text = " ".join(" ".join(sheet.extract_text().split()) for sheet in PdfReader(BytesIO(paper)).pages)
        for said in (heads, tables):
            places = [text.find(one) for one in said]
            assert -1 not in places and places == sorted(places), list(zip(said, places, strict=True))


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_a_customers_places_are_under_the_thumb(screen: Any, acme: Any, script: bool) -> None:
    page = signed_in(screen(None, viewport=PHONE, java_script_enabled=script))
    bar = page.get_by_role("navigation", name="Places")
    for name in ("Charges", "Summary", "Numbers", "Home"):
        bar.get_by_role("link", name=name).click()
        expect(bar.locator("[aria-current=page]")).to_have_text(name)
    box = bar.bounding_box()
    assert round(box["y"] + box["height"]) == PHONE["height"] and 56 <= box["height"] <= 58
    for one in bar.locator("a, button").all():
        assert one.bounding_box()["height"] >= 44
    bar.get_by_role("button", name="More").click()
    menu = page.locator("#menu")
    assert menu.bounding_box()["y"] + menu.bounding_box()["height"] <= box["y"] + 1
    menu.get_by_role("link", name="People").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("People")


def test_the_bar_is_not_there_where_it_is_wide_or_for_staff(screen: Any, acme: Any) -> None:
    expect(signed_in(screen(None, viewport=WIDE)).locator(".tabs")).to_be_hidden()
    staff = screen(viewport=PHONE)
    staff.goto(f"/customers/{acme.id}/as-customer")
    assert staff.locator(".tabs").count() == 0
    staff.get_by_role("button", name="Search").click()
    expect(staff.get_by_role("combobox", name="Search everything")).to_be_visible()


@SIZES
def test_home_is_short_and_begins_with_what_is_to_pay(screen: Any, acme: Any, size: Any) -> None:
    page = signed_in(screen(None, viewport=size))
    assert end_of(page, ".to-pay__sum") <= 260
    height = page.evaluate("document.documentElement.scrollHeight")
    assert height <= (1_200 if size is WIDE else 1_900), height


def test_rows_on_a_phone_are_two_lines_and_the_reason_and_nothing_is_wider_than_it(
    screen: Any, acme: Any
) -> None:
    page = signed_in(screen(None, viewport=PHONE))
    for path in ("/my/charges", f"/my/summary?{NOVEMBER}", "/my"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        for row in page.locator(".rows.letter tbody tr").all():
            assert row.bounding_box() is None or row.bounding_box()["height"] <= 120, row.inner_text()


def test_what_comes_is_a_line_a_month_that_opens_to_its_charges(screen: Any, acme: Any) -> None:
    page = signed_in(screen(None, viewport=WIDE))
    page.goto("/my/charges")
    months = page.locator(".month")
    expect(months.first).to_contain_text("December 2026")
    months.first.locator("summary").first.click()
    expect(months.first.get_by_role("row").nth(1)).to_be_visible()
