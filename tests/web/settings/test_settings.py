"""Settings: staff read them, an owner changes them, nobody overwrites what somebody else just saved."""

from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO

import pytest
from sqlalchemy import select

from portal.domain.due import Kind
from portal.extensions import db
from portal.models import AuditEntry, Charge, Company, Customer
from portal.services.company.logo import checked_logo
from tests.pages import error_at, page, words
from tests.services.company.test_logo import png

TYPED = {
    "version": "1",
    "name": "Lumen Voice",
    "legal_name": "Lumen Voice Ltd",
    "street": "4 Lantern Court",
    "city": "Bristol",
    "country": "GB",
    "email": "accounts@lumen.example",
    "vat_id": "GB 999 9999 73",
    "registration_number": "00000000",
    "phone": "0117 496 0100",
    "time_zone": "Europe/London",
    "default_currency": "GBP",
    "default_tax_rate": "20",
    "usage_wait_days": "3",
    "summary_footer": "Thank you.",
    "notification_days": "7",
    "late_call_days": "90",
    "audit_comment": "off",
    "payment_days": "30",
    "account_name": "Lumen Voice Ltd",
    "iban": "GB82WEST12345698765432",
    "bic": "WESTGB22",
    "bank_details": "Sort code 12-34-56",
}


@pytest.fixture
def provider(session):
    company = session.get_one(Company, 1)
    TYPED["version"] = str(company.version)
    return company


def typed(**fields):
    return {**TYPED, **fields}


def post_a_charge(session):
    now = datetime(2026, 11, 1, tzinfo=UTC)
    customer = Customer(token="c", name="C", currency="GBP", created_on=now.date(), created_at=now)
    session.add(customer)
    session.flush()
    nothing = dict.fromkeys(("unit_price", "unit_cost", "amount", "cost", "tax_rate", "tax"), Decimal(1))
    day = date(2026, 11, 1)
    session.add(
        Charge(
            customer_id=customer.id, kind=Kind.MANUAL, charge_on=day, period_from=day, currency="GBP", label="Visit",
            posted_at=now, **nothing,
        )
    )  # fmt: skip


def test_the_form_has_every_setting_under_its_label(client, provider):
    form = page(client.get("/settings")).select_one("form.form")
    labels = [words(label) for label in form.select("label")]
    assert labels == [
        "Company Name", "Legal Name", "Country", "Street", "Street, second line", "City", "State", "Postcode", "VAT ID",
        "Registration Number", "E-mail", "Phone", "Summary Footer", "Time Zone", "Default Currency",
        "Default Tax Rate",
        "Usage Wait Days", "Package Charge Notification Days", "Late Call Days", "Audit Comment", "Payment Days",
        "Account Name", "IBAN", "BIC", "Bank Details",
    ]  # fmt: skip
    assert form.select_one("[name=time_zone] [selected]")["value"] == "UTC"


def test_saving_keeps_everything(client, provider, session):
    answer = client.post("/settings", data=typed())
    assert answer.status_code == 303
    session.expire_all()
    stored = {name: str(getattr(provider, name)) for name in TYPED if name != "version"}
    tidied = {"vat_id": "GB999999973", "phone": "+441174960100"}
    assert stored == {name: value for name, value in TYPED.items() if name != "version"} | tidied
    assert "Saved." in page(client.get(answer.location)).text


def test_an_iban_is_typed_with_spaces_kept_without_and_shown_in_groups_of_four(client, provider, session):
    client.post("/settings", data=typed(iban=" gb82 west 1234 5698 7654 32 ", bic="west gb22"))
    session.expire_all()
    assert (provider.iban, provider.bic) == (TYPED["iban"], TYPED["bic"])
    shown = page(client.get("/settings")).select_one("[name=iban]")["value"]
    assert shown == "GB82 WEST 1234 5698 7654 32"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("name", " ", "Enter the company's name"),
        ("name", "x" * 121, "120 characters"),
        ("street", "x" * 1001, "1000 characters"),
        ("vat_id", "GB 999 9999 37", "check digit is wrong"),
        ("phone", "12", "not a phone number"),
        ("country", "XX", "Choose a Country"),
        ("email", "nobody", "not an e-mail address"),
        ("time_zone", "Mars/Olympus", "Choose a Time Zone"),
        ("default_currency", "XXX", "Choose a Default Currency"),
        ("usage_wait_days", "31", "0 to 30"),
        ("usage_wait_days", "-1", "0 to 30"),
        ("usage_wait_days", "soon", "Enter Usage Wait Days as a whole number"),
        ("usage_wait_days", "", "how many days"),
        ("payment_days", "367", "0 to 366"),
        ("account_name", "x" * 71, "70 characters"),
        ("account_name", " ", "beside the IBAN"),
        ("iban", "GB82 WEST", "no IBAN"),
        ("iban", "GB82 WEST 1234 5698 7654 23", "check digits"),
        ("bic", "WEST", "no BIC"),
        ("bank_details", "x" * 501, "500 characters"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field_and_kept_as_typed(
    client, provider, session, name, value, says
):
    refused = page(client.post("/settings", data=typed(**{name: value})), 422)
    assert says in error_at(refused, name)
    assert refused.select_one("[name=registration_number]")["value"] == "00000000"
    session.expire_all()
    assert (provider.vat_id, provider.version) == ("", int(TYPED["version"]))


def test_the_time_zone_is_fixed_once_a_charge_is_posted(client, provider, session):
    post_a_charge(session)
    shown = page(client.get("/settings"))
    assert [option["value"] for option in shown.select("[name=time_zone] option")] == ["UTC"]
    assert "Fixed" in words(shown.select_one("#time_zone-help"))
    refused = page(client.post("/settings", data=typed()), 422)
    assert error_at(refused, "time_zone")
    assert client.post("/settings", data=typed(time_zone="UTC")).status_code == 303


def test_the_second_of_two_owners_is_told_and_loses_nothing_typed(client, provider, session):
    client.post("/settings", data=typed())
    stale = page(client.post("/settings", data=typed(city="Bath", usage_wait_days="4")), 409)
    alert = words(stale.select_one(".note--bad"))
    assert "Somebody else has saved" in alert
    assert "City: Bristol" in alert and "VAT ID" not in alert and "Phone" not in alert
    assert "Usage Wait Days: 3" in alert
    assert "E-mail" not in alert
    assert stale.select_one("[name=city]")["value"] == "Bath"
    again = stale.select_one("form.form [name=version]")["value"]
    assert client.post("/settings", data=typed(city="Bath", version=again)).status_code == 303
    session.expire_all()
    assert provider.city == "Bath"
    assert (provider.vat_id, provider.phone) == ("GB999999973", "+441174960100")


def test_whoever_is_no_owner_reads_and_cannot_save(as_billing, as_viewer, provider, session):
    for browser in (as_billing, as_viewer):
        shown = page(browser.get("/settings"))
        assert not shown.select("main form")
        assert "Only an owner" in shown.text
        assert browser.post("/settings", data=typed()).status_code == 403
    db.session.expire_all()
    assert provider.email == ""


def send_logo(browser, data, name="logo.png"):
    return browser.post(
        "/settings/logo", data={"file": (BytesIO(data), name)}, content_type="multipart/form-data"
    )


def test_a_logo_is_drawn_again_shown_and_removed_again(client, as_viewer, provider, session):
    assert "no logo on charge summaries yet" in client.get("/settings").text
    assert as_viewer.get("/settings/logo.png").status_code == 404
    answer = send_logo(client, png() + b"<?php echo 1; ?>")
    assert answer.status_code == 303 and "on every charge summary" in client.get(answer.location).text
    for browser in (client, as_viewer):
        address = page(browser.get("/settings")).select_one("img.logo")["src"]
        picture = browser.get(address)
        assert picture.mimetype == "image/png" and picture.data == checked_logo(png())
    assert client.post("/settings/logo/remove").status_code == 303
    assert client.get("/settings/logo.png").status_code == 404
    session.expire_all()
    assert provider.logo is None
    query = select(AuditEntry).where(AuditEntry.noun == "settings").order_by(AuditEntry.id)
    told = [(entry.before, entry.after) for entry in session.scalars(query)][-2:]
    assert ["logo" in before and "logo" in after for before, after in told] == [True, True]
    assert "picture " in told[0][1] and "nothing" not in told[1][0]


@pytest.mark.parametrize(
    ("data", "says"), [(b"", "Choose a picture first"), (b"<svg></svg>", "picture cannot be read")]
)
def test_what_is_no_picture_is_refused_at_its_field_and_the_logo_stays(client, provider, session, data, says):
    send_logo(client, png())
    answer = send_logo(client, data, "logo.svg")
    assert answer.status_code == 422 and says in error_at(page(answer, 422), "file")
    session.expire_all()
    assert provider.logo == checked_logo(png())


def test_a_reader_sees_every_setting(as_viewer, provider):
    labels = [words(label) for label in page(as_viewer.get("/settings")).select("dt")]
    assert {
        "Package Charge Notification Days",
        "Late Call Days",
        "Audit Comment",
        "Logo",
        "IBAN",
        "Bank Details",
    } <= set(labels)
    assert not page(as_viewer.get("/settings")).select("main form, main button:not([popovertarget])")


def test_a_new_customers_form_begins_with_the_default_tax_rate(client, provider):
    assert client.post("/settings", data=typed(default_tax_rate="19.6")).status_code == 303
    assert page(client.get("/customers/new")).select_one("[name=tax_rate]")["value"] == "19.60"


@pytest.mark.parametrize("rate", ["101", "-1", "0.0000001", "NaN"])
def test_a_default_tax_rate_that_cannot_be_is_refused_at_its_field(client, provider, rate):
    assert error_at(
        page(client.post("/settings", data=typed(default_tax_rate=rate)), 422), "default_tax_rate"
    )
