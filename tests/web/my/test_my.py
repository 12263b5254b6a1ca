"""The customer's own pages: theirs and nobody else's, without what is the provider's own."""

import re
from datetime import date, timedelta
from decimal import Decimal

import pytest

from portal.domain.schedule import Frequency
from portal.models import Call, Company, Payment, PaymentState
from portal.models.user import CUSTOMER_OWNER, CUSTOMER_USER
from portal.services import credit
from portal.services.company.logo import checked_logo
from portal.services.people import people
from tests.pages import page, words
from tests.services.company.test_logo import png
from tests.trade import BEN, NOW, TODAY, a_customer, a_did, a_package, assigned, run
from tests.world import PASSWORD

PAGES = ("/my", "/my/charges", "/my/summary", "/my/dids", "/my/people")


@pytest.fixture(autouse=True)
def its_today(app, monkeypatch):
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


@pytest.fixture
def acme(session):
    customer = a_customer("Acme", tax_rate="20")
    trunk = a_package("SIP Trunk 10", "24.50", cost="11.11", setup_retail="25", minimum_days=60)
    assigned(trunk, customer, date(2026, 11, 1), quantity=2)
    assigned(a_package("UK DID", "1.35", cost="0.77"), customer, date(2026, 11, 1), did=a_did(customer))
    assigned(a_package("Commitment", "50", minimum_spend=True), customer, date(2026, 11, 1))
    run(TODAY)
    session.add(
        Call(
            customer_id=customer.id, call_id="1", day=TODAY, seconds=60, amount=Decimal(20), came_in_on=TODAY
        )
    )
    payment = Payment(
        token="p", customer=customer, state=PaymentState.COMPLETED, paid_on=TODAY, amount=Decimal(30),
        fee=Decimal(1), description="Bank transfer # slow payer", created_by=BEN, created_at=NOW,
    )  # fmt: skip
    credit.record_payment(payment, TODAY, now=NOW)
    session.commit()
    return customer


@pytest.fixture
def globex(session):
    customer = a_customer("Globex")
    assigned(
        a_package("Globex line", "99"), customer, date(2026, 11, 1), did=a_did(customer, "+442079460999")
    )
    run(TODAY)
    session.commit()
    return customer


def browser_of(app, session, customer, role=CUSTOMER_OWNER):
    email = f"ann@{customer.name.lower()}.example"
    people.create(email, "Ann", PASSWORD, role, customer.id)
    session.commit()
    browser = app.test_client()
    browser.post("/login", data={"email": email, "password": PASSWORD})
    return browser


@pytest.fixture
def as_acme(app, session, acme):
    return browser_of(app, session, acme)


def test_home_says_what_they_have_and_what_comes_next(as_acme):
    text = words(page(as_acme.get("/my")))
    for said in (
        "SIP Trunk 10 × 2",
        "monthly on the 1st",
        "24.50",
        "Setup 25.00 GBP each.",
        "minimum term until 30 Dec 2026",
        "1 Dec 49.00",
        "+44 20 7946 0123",
        "20.00 of 50.00 GBP spent",
        "30.00 is charged on 1 Dec",
    ):
        assert said in text, said  # fmt: skip


def test_what_is_held_is_said_to_be_charged_on_no_day(app, session, acme):
    daily = a_package("Recording", "2", frequency=Frequency.DAILY, match=())
    assigned(daily, acme, TODAY - timedelta(50))
    run(TODAY)
    home = page(browser_of(app, session, acme).get("/my"))
    (row,) = (row for row in home.select(".packs tbody tr") if "Recording" in words(row))
    assert words(row.select("td")[-1]) == "not known today"


def test_home_says_what_is_to_pay_first_then_what_comes_then_where_calls_stand_then_packages(as_acme):
    soup = page(as_acme.get("/my"))
    assert [words(h2) for h2 in soup.select("main h2")] == [
        "To pay",
        "December 2026: at most 80.35 GBP",  # two trunks, a number, and what is missing of the commitment
        "Calls against the minimum",
        "Packages",
    ]
    assert [words(th) for th in soup.select("#packages")[0].find_parent("section").select("thead th")] == [
        "Package",
        "Price each, GBP",
        "Next charge",
    ]


def test_home_says_in_one_line_what_changed_since_last_month_and_unfolds_why(as_acme, acme, session):
    assert "than" not in words(page(as_acme.get("/my"))).split("How to pay")[1].split("December")[0]
    assigned(a_package("Old line", "10"), acme, date(2026, 10, 1))
    run(TODAY)
    session.commit()
    soup = page(as_acme.get("/my"))
    assert "Charged 1–22 Nov 2026, with tax and calls: 132.42 GBP , 120.42 more than 1–22 Oct 2026." in words(
        soup
    )
    assert soup.select_one("details #changed")


def test_home_compares_the_last_month_as_long_as_nothing_of_this_one_is_posted(
    as_acme, acme, session, app, monkeypatch
):
    assigned(a_package("Old line", "10"), acme, date(2026, 10, 1))
    run(date(2026, 11, 30))
    session.commit()
    monkeypatch.setitem(app.config, "TODAY", "2026-12-01")
    told = words(page(as_acme.get("/my")))
    assert "Charged 1–30 Nov 2026, with tax and calls: 132.42 GBP , 120.42 more than 1–31 Oct 2026." in told
    assert "1 Dec 2026, with tax and calls" not in told


def test_packages_of_one_kind_are_one_row_that_unfolds_to_each(as_acme, acme, session):
    line = a_package("Line", "1.35", match=())
    for number, start in enumerate((date(2026, 11, 2), date(2026, 11, 9), date(2026, 11, 9))):
        assigned(line, acme, start, did=a_did(acme, f"+44207946020{number}"))
    run(TODAY)
    session.commit()
    soup = page(as_acme.get("/my"))
    (row,) = (row for row in soup.select(".packs tbody tr") if words(row).startswith("Line × 3"))
    assert "monthly, 3 numbers" in words(row) and words(row).endswith("1.35 2 Dec 1.35")
    lines = [words(one) for one in row.select("li")]
    assert len(lines) == 3
    assert "+44 20 7946 0202 monthly on the 9th, since 9 Nov 2026, next 9 Dec 1.35 ." in lines


def test_what_is_not_there_leads_home_within_the_frame(as_acme):
    soup = page(as_acme.get("/my/nowhere"), 404)
    assert soup.select_one("nav[aria-label=Main]") and not soup.select("main form")
    assert [words(link) for link in soup.select("main .actions a")] == ["Home", "Charges", "Summary"]


def test_charges_and_what_paid_them_stand_in_one_ledger_that_ends_with_what_is_to_pay(as_acme, session, acme):
    soup = page(as_acme.get("/my/charges"))
    ledger = soup.select_one("#ledger").find_parent("section")
    to_pay = credit.to_pay(acme.id).total
    assert to_pay > 0 and f"{to_pay:,.2f}" in words(ledger.select_one("tfoot .total"))
    assert (
        "Payment of 22 Nov 2026: SIP Trunk 10" in words(ledger)
        and "30.00" in words(ledger)
        and not ledger.select("a")
    )


def test_charges_posted_and_coming_each_say_why(as_acme):
    soup = page(as_acme.get("/my/charges"))
    assert len(soup.select("details")) > 4
    assert "if nothing more is spent" in words(soup)
    assert "To is before From" in words(page(as_acme.get("/my/charges?from=2026-11-02&to=2026-11-01"), 422))


def test_the_summary_adds_up_and_is_downloaded_under_a_name_without_an_id(as_acme, acme):
    text = words(page(as_acme.get("/my/summary?from=2026-11-01&to=2026-11-30")))
    assert "Before tax 125.35" not in text and "Total, GBP" in text and "not a tax invoice" in text
    answer = as_acme.get("/my/summary.pdf?from=2026-11-01&to=2026-11-30")
    assert answer.data.startswith(b"%PDF")
    assert "charge-summary_2026-11-01_2026-11-30.pdf" in answer.headers["Content-Disposition"]


@pytest.mark.parametrize("path", PAGES)
def test_no_page_says_cost_margin_private_notes_or_who_else_there_is(as_acme, globex, path):
    soup = page(as_acme.get(path))
    text = words(soup)
    for never in ("11.11", "22.22", "0.77", "margin", "Margin", "slow payer", "Globex", "billing@lumen"):
        assert never not in text, never
    assert not re.search(r"\bcost\b", text, re.IGNORECASE)
    for element in soup.select("[href], [id], [action], [hx-get]"):
        for name in ("href", "id", "action", "hx-get"):
            where = element.get(name) or ""
            assert not re.search(r"(?<![\w-])\d{1,6}(?![\w-])", where.split("/static/")[0].split("?")[0]), (
                where
            )


def test_numbers_are_searched_and_paged_by_themselves(as_acme, session, acme):
    for number in range(150):
        a_did(acme, f"+4420794{61000 + number}")
    session.commit()
    soup = page(as_acme.get("/my/dids"))
    assert len(soup.select("tbody tr")) == 100
    following = soup.select_one("nav.pager a")["href"]
    assert len(page(as_acme.get(following)).select("tbody tr")) == 51
    for typed in ("7946 0123", "%2B44 (0)20 7946 0123", "0044 20 7946 0123", "020/7946/0123"):
        assert len(page(as_acme.get(f"/my/dids?q={typed}")).select("tbody tr")) == 1, typed
    assert not page(as_acme.get("/my/dids?q=acme")).select("tbody tr")


def test_customers_cannot_see_the_providers_pages_or_each_other(as_acme, acme, globex):
    for path in ("/packages", f"/customers/{acme.id}", f"/customers/{globex.id}", "/charges", "/runs", "/settings",
                 f"/customers/{acme.id}/as-customer", f"/customers/{globex.id}/summary.pdf", "/calls"):  # fmt: skip
        assert as_acme.get(path).status_code == 404, path
    assert as_acme.get("/").headers["Location"].endswith("/my")


def test_a_user_who_is_no_owner_invites_nobody(app, session, acme):
    browser = browser_of(app, session, acme, CUSTOMER_USER)
    assert not page(browser.get("/my/people")).select("a[href*=new], form[action*=people]")
    assert browser.get("/my/people/new").status_code == 403


def test_staff_have_no_pages_of_their_own_but_see_the_customers_as_they_do(client, as_viewer, acme):
    assert client.get("/my").status_code == 404
    for browser in (client, as_viewer):
        for place in ("", "/charges", "/summary", "/dids"):
            soup = page(browser.get(f"/customers/{acme.id}/as-customer{place}"))
            assert "As Acme sees it" in words(soup)
            assert "11.11" not in words(soup)
            assert not soup.select("main form[method=post]")
    assert client.get("/customers/999/as-customer").status_code == 404


def test_the_summary_has_the_providers_logo_wherever_it_is_read(app, session, client, acme):
    acmes = browser_of(app, session, acme)
    read = [(acmes, "/my/summary"), (client, f"/customers/{acme.id}/summary")]
    read.append((client, f"/customers/{acme.id}/as-customer/summary"))
    assert not any(page(browser.get(path)).select("img.logo") for browser, path in read)
    session.get_one(Company, 1).logo = checked_logo(png())
    session.commit()
    for browser, path in read:
        (picture,) = page(browser.get(path)).select(".parties img.logo")
        assert picture["alt"] == "Logo of Lumen Voice"
        assert browser.get(picture["src"]).data == checked_logo(png())
