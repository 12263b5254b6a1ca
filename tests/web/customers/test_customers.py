"""Customers: the list, the row that opens in it, making and changing one, their page, the archive."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from portal.domain.terms import Proration
from portal.models import Charge, Customer
from portal.services import credit
from portal.services.charges.by_hand import ManualCharge, charge_manually
from portal.services.customers import customers
from tests.pages import error_at, page, part, words
from tests.trade import BEN, NOW, TODAY, a_customer, a_did, a_package, assigned, run

HTMX = {"HX-Request": "true"}
TYPED = {
    "name": "Globex",
    "currency": "USD",
    "tax_rate": "7.25",
    "email": "pay@globex.example",
    "token": "form",
}


@pytest.fixture(autouse=True)
def _on_a_sunday(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


def names(soup: Any) -> list[str]:
    return [words(link) for link in soup.select("tbody th.lead a")]


def only(session: Any) -> Customer:
    return session.scalars(select(Customer)).one()


# -- the list


def test_the_list_shows_who_there_is_and_how_many(session: Any, client: FlaskClient) -> None:
    a_did(a_customer("Northwind Telecom"))
    a_customer("Acme", "EUR", "19")
    soup = page(client.get("/customers"))
    assert names(soup) == ["Acme", "Northwind Telecom"]
    assert words(soup.select_one(".pager")).startswith("2 customers ")


def test_an_empty_list_offers_the_first_step(client: FlaskClient) -> None:
    soup = page(client.get("/customers"))
    assert "No customers yet" in words(soup.select_one(".empty"))
    assert soup.select_one('.empty a[href="/customers/new"]')


def test_searching_by_enter_and_as_one_types_answers_the_same_rows(session: Any, client: FlaskClient) -> None:
    a_customer("Northwind Telecom"), a_customer("Acme")
    whole = page(client.get("/customers?q=NORTH"))
    typed = part(client.get("/customers?q=NORTH", headers=HTMX))
    assert names(whole) == names(typed) == ["Northwind Telecom"]
    assert whole.select_one('input[type=search][value="NORTH"]')


def test_the_list_is_searched_and_sorted_without_marks_on_every_page_of_it(
    session: Any, client: FlaskClient
) -> None:
    for name in ("Zulu Ltd", "Österreich Netz", "Oxford Lines", "Ángel Comunicaciones", "O’Brien & Sons"):
        a_customer(name)
    in_order = ["Ángel Comunicaciones", "O’Brien & Sons", "Österreich Netz", "Oxford Lines", "Zulu Ltd"]
    assert names(page(client.get("/customers"))) == in_order
    assert names(page(client.get("/customers?sort=-name"))) == in_order[::-1]
    assert names(page(client.get("/customers?q=osterreich"))) == ["Österreich Netz"]
    assert names(page(client.get("/customers?q=O%27Brien"))) == ["O’Brien & Sons"]


def test_a_search_without_hits_says_so_and_leads_back(session: Any, client: FlaskClient) -> None:
    a_customer()
    soup = page(client.get("/customers?q=nobody"))
    assert "No customer matches." in words(soup.select_one(".empty"))


def test_filters_are_links_that_keep_what_was_searched_for(session: Any, client: FlaskClient) -> None:
    a_customer("Acme"), a_customer("Acme Europe", "EUR")
    soup = page(client.get("/customers?q=acme"))
    euro = next(a for a in soup.select(".filters a") if words(a) == "EUR")
    assert names(page(client.get(euro["href"]))) == ["Acme Europe"]


def test_as_many_as_are_active_are_counted_whoever_else_there_is(session: Any, client: FlaskClient) -> None:
    for number in range(60):
        a_customer(f"Customer {number:02}").archived_on = TODAY if number < 7 else None
    session.commit()
    assert "53 customers" in words(page(client.get("/customers")).select_one("main"))
    assert "60 customers" in words(page(client.get("/customers?state=all")).select_one("main"))


def test_archived_customers_have_a_list_of_their_own(session: Any, client: FlaskClient) -> None:
    a_customer("Acme"), a_customer("Gone")
    session.scalars(select(Customer).where(Customer.name == "Gone")).one().archived_on = TODAY
    assert names(page(client.get("/customers"))) == ["Acme"]
    assert names(page(client.get("/customers?state=archived"))) == ["Gone"]
    assert names(page(client.get("/customers?state=all"))) == ["Acme", "Gone"]


@pytest.mark.slow
def test_every_sorting_pages_through_everybody_once(session: Any, client: FlaskClient) -> None:
    for number in range(60):
        a_customer(f"Customer {number:02}", "EUR" if number % 2 else "GBP")
    for sort in ("name", "-name", "currency", "-currency", "since", "-since"):
        soup, seen = page(client.get(f"/customers?sort={sort}")), []
        seen += names(soup)
        soup = page(client.get(soup.select_one("a[rel=next]")["href"]))
        seen += names(soup)
        assert (len(seen), len(set(seen))) == (60, 60), sort
        back = page(client.get(soup.select_one("a[rel=prev]")["href"]))
        assert names(back) == seen[:50], sort


@pytest.mark.parametrize(
    "arguments",
    ["sort=nonsense", "state=%00x"[:5], "after=99999999999999999999", "after=x", "before=-1", "currency=XYZ"],
)
def test_an_address_that_says_nothing_known_shows_the_list(
    session: Any, client: FlaskClient, arguments: str
) -> None:
    a_customer("Acme")
    assert names(page(client.get(f"/customers?{arguments}"))) == ["Acme"]


def test_a_viewer_sees_the_list_and_no_buttons(session: Any, as_viewer: FlaskClient) -> None:
    a_customer("Acme")
    soup = page(as_viewer.get("/customers"))
    assert names(soup) == ["Acme"]
    assert not soup.select(".row-actions a, .bulk, .select, main .button--primary")
    assert as_viewer.post("/customers", data=TYPED).status_code == 403


def test_the_list_and_the_suggestions_find_a_customer_by_an_account_code(
    session: Any, client: FlaskClient
) -> None:
    northwind = a_customer("Northwind Telecom")
    a_customer("Acme")
    customers.change_customer(northwind, customers.fields_of(northwind, account_codes=("LV-10042", "nw")))
    session.commit()
    assert names(page(client.get("/customers?q=lv-100"))) == ["Northwind Telecom"]
    (option,) = part(client.get("/customers/suggestions?customer=LV-1", headers=HTMX)).select("option")
    assert option["value"] == "Northwind Telecom" and "LV-10042" in words(option)


# -- account codes


def test_account_codes_are_typed_on_the_form_and_shown_on_the_page(session: Any, client: FlaskClient) -> None:
    answer = client.post("/customers", data=TYPED | {"account_codes": "LV-10042, ext 102\r\nnw"})
    soup = page(client.get(f"{answer.location}/details"))
    assert "Account Codes ext 102 , LV-10042 , nw Currency" in words(soup.select_one("dl.details"))
    soup = page(client.get(f"{answer.location}/edit"))
    assert soup.select_one("textarea[name=account_codes]").text.split("\n")[-3:] == [
        "ext 102",
        "LV-10042",
        "nw",
    ]


def test_a_code_that_is_somebody_elses_is_refused_at_its_field_and_what_was_typed_stays(
    session: Any, client: FlaskClient
) -> None:
    client.post("/customers", data=TYPED | {"account_codes": "nw"})
    globex = only(session)
    soup = page(
        client.post("/customers", data=TYPED | {"token": "2", "name": "Acme", "account_codes": "1\nNW"}), 422
    )
    assert error_at(soup, "account_codes").startswith(f"nw is an account code of Globex (#{globex.id}). ")
    assert soup.select_one("textarea[name=account_codes]").text.strip().split() == ["1", "NW"]
    acme = a_customer("Acme")
    session.commit()
    typed = {"version": acme.version, "name": "Acme", "currency": "GBP", "account_codes": "globex"}
    soup = page(client.post(f"/customers/{acme.id}", data=typed), 422)
    assert error_at(soup, "account_codes").startswith(f"globex is the name of customer #{globex.id}. ")
    soup = page(client.post("/customers", data=TYPED | {"token": "3", "name": "nw"}), 422)
    assert "nw is an account code of Globex" in error_at(soup, "name")


def test_a_row_that_is_saved_leaves_the_account_codes_alone_and_a_stale_form_shows_them(
    session: Any, client: FlaskClient
) -> None:
    client.post("/customers", data=TYPED | {"account_codes": "nw"})
    globex = only(session)
    row = {"version": globex.version, "name": "Globex Ltd", "email": "", "tax_rate": "7.25"}
    assert client.post(f"/customers/{globex.id}/row", data=row).status_code == 303
    session.expire_all()
    assert [row.code for row in globex.account_codes] == ["nw"]
    typed = {"version": globex.version - 1, "name": "Globex Ltd", "currency": "USD", "account_codes": "mine"}
    soup = page(client.post(f"/customers/{globex.id}", data=typed), 409)
    assert "Account Codes: nw" in words(soup.select_one(".note--bad"))


# -- making one


def test_a_customer_is_made_once_however_often_the_form_is_sent(session: Any, client: FlaskClient) -> None:
    first, second = client.post("/customers", data=TYPED), client.post("/customers", data=TYPED)
    made = only(session)
    assert first.status_code == second.status_code == 303
    assert first.location == second.location == f"/customers/{made.id}"
    assert (made.name, made.currency, str(made.tax_rate_on(TODAY)), made.created_on) == (
        "Globex",
        "USD",
        "7.25",
        TODAY,
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 121),
        ("currency", "XYZ"),
        ("currency", ""),
        ("email", "nobody"),
        ("email", "a" * 300),
        ("tax_rate", "20%"),
        ("tax_rate", "NaN"),
        ("tax_rate", "101"),
        ("tax_rate", "-1"),
        ("tax_rate", "1e2"),
        ("company_details", "x" * 251),
        ("street", "x" * 1001),
        ("vat_id", "GB 999 9999 37"),
        ("iban", "GB33 BUKB 2020 1555 5555 56"),
        ("country", "XX"),
        ("contacts-0-phone", "12"),
    ],
)
def test_what_cannot_be_is_said_at_its_field_and_nothing_typed_is_lost(
    session: Any, client: FlaskClient, field: str, value: str
) -> None:
    soup = page(client.post("/customers", data=TYPED | {field: value}), 422)
    assert error_at(soup, field)
    assert soup.select_one('input[name="name"]')["value"] == (value if field == "name" else "Globex")
    assert session.scalar(select(func.count(Customer.id))) == 0


def test_everything_that_is_wrong_is_reported_at_once(client: FlaskClient) -> None:
    wrong = {"name": "", "email": "nobody", "tax_rate": "101"}
    soup = page(client.post("/customers", data=TYPED | wrong), 422)
    assert all(error_at(soup, field) for field in wrong)


def test_a_name_is_text_and_nothing_else(session: Any, client: FlaskClient) -> None:
    client.post("/customers", data=TYPED | {"name": '<b>"Ünï & Söhne"</b> 汉字'})
    assert names(page(client.get("/customers"))) == ['<b>"Ünï & Söhne"</b> 汉字']


def test_a_country_is_asked_for_what_its_parties_have(session: Any, client: FlaskClient) -> None:
    """Without script too: the button shows the form anew, with all that was typed, and nothing is stored."""
    typed = TYPED | {"show": "1", "country": "AE", "street": "1 Marina", "contacts-0-name": "Nora"}
    soup = page(client.post("/customers", data=typed))
    asked = {field["name"] for field in soup.select("#party input")}
    assert asked == {"street", "street_2", "state", "registration_number"}
    assert words(soup.select_one("label[for=state]")) == "Emirate"
    assert soup.select_one("[name=street]")["value"] == "1 Marina"
    assert soup.select_one("[name=contacts-0-name]")["value"] == "Nora"
    # What was typed before is not hidden.
    soup = page(client.post("/customers", data=typed | {"city": "Dubai", "vat_id": "x"}))
    assert {"city", "vat_id"} <= {field["name"] for field in soup.select("#party input")}
    assert session.scalar(select(func.count(Customer.id))) == 0


def test_contacts_are_added_one_by_one_and_removed_by_emptying_them(
    session: Any, client: FlaskClient
) -> None:
    customer = a_customer("Acme")
    path, form = f"/customers/{customer.id}", change(customer, country="GB")
    soup = page(client.post(path, data=form | {"add_contact": "1"}))
    assert [field["name"] for field in soup.select("#contacts [name$=-name]")] == ["contacts-0-name"]
    nora = {"contacts-0-name": "Nora", "contacts-0-phone": "020 7946 0000", "contacts-0-role": "Accounts"}
    soup = page(client.post(path, data=form | nora | {"add_contact": "1"}))
    assert soup.select_one("[name=contacts-0-phone]")["value"] == "020 7946 0000"
    assert client.post(path, data=form | nora | {"contacts-1-name": "Imran"}).status_code == 303
    assert [(one.name, one.phone) for one in customer.contacts] == [("Nora", "+442079460000"), ("Imran", "")]
    shown = words(page(client.get(f"{path}/details")).select_one("main"))
    assert "Contact Nora, Accounts +44 20 7946 0000" in shown
    form |= {"version": customer.version, "contacts-0-name": " ", "contacts-1-name": "Imran"}
    assert client.post(path, data=form).status_code == 303
    assert [one.name for one in customer.contacts] == ["Imran"]
    # A form without such fields leaves them as they are.
    assert client.post(path, data=change(customer)).status_code == 303
    assert [one.name for one in customer.contacts] == ["Imran"]


def test_a_contact_without_a_name_is_refused_where_something_else_is_known(
    session: Any, client: FlaskClient
) -> None:
    customer = a_customer("Acme")
    wrong = {"contacts-3-email": "nobody", "contacts-3-phone": "12"}
    soup = page(client.post(f"/customers/{customer.id}", data=change(customer) | wrong), 422)
    assert all(error_at(soup, f"contacts-3-{field}") for field in ("name", "email", "phone"))
    assert "3 fields need" in words(soup.select_one(".note--bad"))


def test_more_contacts_than_there_may_be_are_refused_and_none_is_lost(
    session: Any, client: FlaskClient
) -> None:
    customer = a_customer("Acme")
    many = {f"contacts-{number}-name": f"N {number}" for number in range(51)}
    soup = page(client.post(f"/customers/{customer.id}", data=change(customer) | many), 422)
    assert "50 contacts at most; these are 51" in error_at(soup, "contacts-0-name")
    assert len(soup.select("#contacts [name$=-name]")) == 51


def test_the_second_of_two_people_is_told_what_of_the_party_is_stored(
    session: Any, client: FlaskClient
) -> None:
    customer = a_customer("Acme")
    first = change(
        customer, country="GB", city="Leeds", phone="020 7946 0000", iban="GB33 BUKB 2020 1555 5555 55"
    )
    contact = {"contacts-0-name": "Nora"}
    assert client.post(f"/customers/{customer.id}", data=first | contact).status_code == 303
    mine = first | {"city": "York", "contacts-0-name": "Imran"}
    told = words(page(client.post(f"/customers/{customer.id}", data=mine), 409).select_one(".note--bad"))
    assert "City: Leeds Contacts: Nora" in told
    assert "Phone" not in told and "IBAN" not in told


def test_whoever_looks_sees_an_iban_only_so_far_as_to_know_it_again(
    session: Any, client: FlaskClient
) -> None:
    customer = a_customer("Acme")
    customer.iban = "GB33BUKB20201555555555"
    shown = page(client.get(f"/customers/{customer.id}/details")).text
    assert "GB33 … 5555" in shown and "BUKB" not in shown
    typed = page(client.get(f"/customers/{customer.id}/edit")).select_one("[name=iban]")["value"]
    assert typed == "GB33 BUKB 2020 1555 5555 55"


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"tax_rate": "0", "tax_category": "standard"}, "tax_category"),
        ({"tax_rate": "20", "tax_category": "exempt", "tax_reason": "Education"}, "tax_rate"),
        ({"tax_rate": "0", "tax_category": "exempt", "tax_reason": " "}, "tax_reason"),
        ({"tax_rate": "0", "tax_category": "nothing"}, "tax_category"),
    ],
)
def test_a_tax_that_does_not_go_together_is_refused_at_its_field(
    session: Any, client: FlaskClient, typed: dict[str, str], field: str
) -> None:
    assert error_at(page(client.post("/customers", data=TYPED | typed), 422), field)
    customer = a_customer("Acme")
    data = typed | {"version": customer.version}
    assert error_at(page(client.post(f"/customers/{customer.id}/tax-rates", data=data), 422), field)


def test_a_tax_category_is_kept_with_its_reason_and_stands_on_the_charge(
    session: Any, client: FlaskClient
) -> None:
    why = {"currency": "GBP", "tax_rate": "0", "tax_category": "reverse_charge", "tax_reason": "Article 196"}
    client.post("/customers", data=TYPED | why)
    customer = session.scalars(select(Customer)).one()
    assert (customer.last_tax.category, customer.last_tax.reason) == ("reverse_charge", "Article 196")
    assigned(a_package("Trunk", "20", setup_retail="25"), customer, TODAY)
    run()
    charge = session.scalars(select(Charge)).one()
    main = words(page(client.get(f"/charges/{charge.id}")).select_one("main"))
    assert "Tax Category Reverse charge Article 196" in main


def test_a_row_takes_no_tax_away_without_saying_why(session: Any, client: FlaskClient) -> None:
    customer = a_customer("Acme")
    data = {"name": "Acme", "tax_rate": "0", "version": customer.version}
    row = part(client.post(f"/customers/{customer.id}/row", data=data, headers=HTMX), 422)
    assert "a tax category says why" in error_at(row, "tax_rate")


# -- changing one


def change(customer: Customer, **typed: Any) -> dict[str, Any]:
    return {"name": customer.name, "currency": customer.currency, "version": customer.version} | typed


def test_a_customer_is_changed(session: Any, client: FlaskClient) -> None:
    customer = a_customer("Acme")
    soup = page(client.get(f"/customers/{customer.id}/edit"))
    assert soup.select_one('input[name="name"]')["value"] == "Acme"
    answer = client.post(f"/customers/{customer.id}", data=change(customer, name="Acme Ltd", currency="EUR"))
    assert answer.status_code == 303
    assert (customer.name, customer.currency, customer.search_key) == ("Acme Ltd", "EUR", "acme ltd")


def test_a_currency_in_use_is_shown_and_cannot_be_changed(session: Any, client: FlaskClient) -> None:
    customer = a_customer("Acme")
    assigned(a_package(), customer)
    soup = page(client.get(f"/customers/{customer.id}/edit"))
    assert soup.select_one("#currency[readonly]")["value"] == "GBP"
    data = change(customer, currency="EUR")
    soup = page(client.post(f"/customers/{customer.id}", data=data), 422)
    assert "Create another customer for EUR" in words(soup.select_one("[role=alert]"))
    assert customer.currency == "GBP"


def test_the_second_of_two_editors_is_told_and_loses_nothing(session: Any, client: FlaskClient) -> None:
    customer = a_customer("Acme")
    stale = change(customer, name="Mine")
    client.post(f"/customers/{customer.id}", data=change(customer, name="Theirs"))
    soup = page(client.post(f"/customers/{customer.id}", data=stale), 409)
    assert "Somebody else has saved this" in words(soup.select_one("[role=alert]"))
    assert "Name: Theirs" in words(soup.select_one(".note"))
    assert soup.select_one('input[name="name"]')["value"] == "Mine"
    again = stale | {"version": soup.select_one('input[name="version"]')["value"]}
    assert client.post(f"/customers/{customer.id}", data=again).status_code == 303
    assert customer.name == "Mine"


@pytest.mark.parametrize("version", ["", "x", "-1", "99999999999999999999"])
def test_a_version_that_is_none_is_no_key(session: Any, client: FlaskClient, version: str) -> None:
    customer = a_customer("Acme")
    answer = client.post(f"/customers/{customer.id}", data=change(customer, name="New", version=version))
    assert answer.status_code in (409, 422)
    assert customer.name == "Acme"


@pytest.mark.parametrize("path", ["", "/edit", "/row", "/row/edit"])
def test_nobody_is_not_found(client: FlaskClient, path: str) -> None:
    page(client.get(f"/customers/999{path}"), 404)


def test_payment_days_of_their_own_are_kept_and_empty_means_as_in_the_settings(
    session: Any, client: FlaskClient
) -> None:
    client.post("/customers", data={**TYPED, "payment_days": "30"})
    customer = only(session)
    assert customer.payment_days == 30
    shown = page(client.get(f"/customers/{customer.id}/edit"))
    assert shown.select_one("[name=payment_days]")["value"] == "30"
    client.post(f"/customers/{customer.id}/row", data={"version": 1, "name": "Globex", "tax_rate": "7.25"})
    session.expire_all()
    assert only(session).payment_days == 30
    client.post(f"/customers/{customer.id}", data={**TYPED, "payment_days": "", "version": customer.version})
    session.expire_all()
    assert only(session).payment_days is None
    details = words(page(client.get(f"/customers/{customer.id}/details")).select_one("dl.details"))
    assert "Payment Days 14, as in the settings" in details
    assert "Payment Reference RF" in details


@pytest.mark.parametrize("days", ["367", "-1", "1.5"])
def test_payment_days_that_cannot_be_are_refused_at_their_field(
    session: Any, client: FlaskClient, days: str
) -> None:
    assert error_at(
        page(client.post("/customers", data={**TYPED, "payment_days": days}), 422), "payment_days"
    )


# -- the row


def test_a_row_opens_saves_and_closes(session: Any, client: FlaskClient) -> None:
    customer = a_customer("Acme")
    row = part(client.get(f"/customers/{customer.id}/row/edit", headers=HTMX))
    assert row.select_one("tr.editing form[hx-post]")["action"] == f"/customers/{customer.id}/row"
    data = {"name": "Acme Ltd", "email": "pay@acme.example", "tax_rate": "20", "version": customer.version}
    row = part(client.post(f"/customers/{customer.id}/row", data=data, headers=HTMX))
    assert words(row.select_one("th a")) == "Acme Ltd"
    assert "Saved Acme Ltd." in words(row)
    assert not row.select(".editing")


def test_without_script_the_row_opens_in_the_list(session: Any, client: FlaskClient) -> None:
    customer, other = a_customer("Acme"), a_customer("Globex")
    answer = client.get(f"/customers/{customer.id}/row/edit?sort=-name")
    soup = page(client.get(answer.location))
    assert [row["id"] for row in soup.select("tr.editing")] == [f"customer-{customer.id}"]
    assert names(soup) == ["Globex"]
    form = soup.select_one("tr.editing form")
    data = {"name": "Acme Ltd", "tax_rate": "20", "version": customer.version}
    answer = client.post(form["action"], data=data)
    assert answer.location == "/customers?sort=-name"
    assert names(page(client.get(answer.location))) == ["Globex", "Acme Ltd"]
    assert other.name == "Globex"


def test_a_rate_typed_in_the_row_is_effective_from_tomorrow_once_something_was_posted(
    session: Any, client: FlaskClient
) -> None:
    customer = a_customer("Acme")
    assigned(a_package(match=(22,)), customer)
    run()
    assert "from tomorrow" in words(part(client.get(f"/customers/{customer.id}/row/edit", headers=HTMX)))
    data = {"name": "Acme", "tax_rate": "19", "version": customer.version}
    part(client.post(f"/customers/{customer.id}/row", data=data, headers=HTMX))
    assert [(str(r.rate), r.effective_from) for r in customer.tax_rates][-1] == ("19", date(2026, 11, 23))


def test_a_wrong_field_keeps_the_row_open(session: Any, client: FlaskClient) -> None:
    customer = a_customer("Acme")
    data = {"name": "", "email": "nobody", "tax_rate": "x", "version": customer.version}
    row = part(client.post(f"/customers/{customer.id}/row", data=data, headers=HTMX), 422)
    assert [error_at(row, name) != "" for name in ("name", "email", "tax_rate")] == [True] * 3
    page(client.post(f"/customers/{customer.id}/row", data=data), 422)
    assert customer.name == "Acme"


def test_the_second_of_two_rows_is_told(session: Any, client: FlaskClient) -> None:
    customer = a_customer("Acme")
    stale = {"name": "Mine", "tax_rate": "20", "version": customer.version}
    client.post(f"/customers/{customer.id}/row", data=stale | {"name": "Theirs"})
    row = part(client.post(f"/customers/{customer.id}/row", data=stale, headers=HTMX), 409)
    assert "Stored now: Name “Theirs”" in words(row)
    assert row.select_one('input[name="name"]')["value"] == "Mine"


# -- one customer's page


def test_the_page_says_what_recurs_what_comes_and_what_is_enabled(session: Any, client: FlaskClient) -> None:
    customer = a_customer("Acme")
    number = a_did(customer)
    assigned(a_package(retail="24.50", cost="10"), customer, quantity=2)
    assigned(a_package("UK DID", retail="1.20", cost="0.20"), customer, did=number)
    soup = page(client.get(f"/customers/{customer.id}"))
    facts = words(soup.select_one(".facts"))
    assert "50.20 GBP margin 30.00 (60%)" in facts
    assert "Next charge 50.20 GBP 1 Dec 2026, in 9 days" in facts
    dids = page(client.get(f"/customers/{customer.id}/dids")).select_one('section[aria-labelledby="dids"]')
    assert "+44 20 7946 0123 UK DID 1.20 1.00" in words(dids)
    soup = page(client.get(f"/customers/{customer.id}/next-charges"))
    assert "50.20 GBP" in words(soup.select_one(".facts")), "the same facts"
    coming = soup.select('section[aria-labelledby="next-charges"] tbody tr')
    assert words(coming[0]).startswith("1 Dec 2026 SIP Trunk 10 × 2")
    assert "24.50 × 2" in words(coming[0].select_one("details"))


def test_the_page_shows_what_was_posted_with_cost_and_why(session: Any, client: FlaskClient) -> None:
    customer = a_customer("Acme")
    assigned(a_package(match=(22,)), customer)
    run()
    soup = page(client.get(f"/customers/{customer.id}/charges"))
    posted = soup.select_one('section[aria-label="Charges"] tbody tr')
    assert [
        words(posted.select_one(f'[data-label="{name}"]')) for name in ("Amount", "Tax", "Cost", "Margin")
    ] == [
        "24.50",
        "4.90",
        "10.00",
        "14.50",
    ]
    assert posted.select_one("details")


def test_what_is_overdue_comes_first_and_says_so(session: Any, client: FlaskClient) -> None:
    customer = a_customer("Acme")
    assigned(a_package(), customer, date(2026, 9, 1))
    soup = page(client.get(f"/customers/{customer.id}/next-charges"))
    first = soup.select_one('section[aria-labelledby="next-charges"] tbody tr')
    assert words(first).startswith("1 Sep 2026 due now")
    assert "Next charge 24.50 GBP 1 Sep 2026, due now" in words(soup.select_one(".facts"))


def test_what_is_held_is_named(session: Any, client: FlaskClient) -> None:
    customer = a_customer("Acme")
    assigned(a_package(), customer, date(2020, 1, 1))
    soup = page(client.get(f"/customers/{customer.id}"))
    assert "SIP Trunk 10 is held: 83 charges since 1 Jan 2020" in words(soup.select_one("main .note"))


def test_the_figures_are_refreshed_when_something_was_assigned(session: Any, client: FlaskClient) -> None:
    customer = a_customer("Acme")
    assigned(a_package(), customer)
    soup = part(client.get(f"/customers/{customer.id}/figures", headers=HTMX))
    assert "24.50 GBP" in words(soup.select_one(".facts"))
    assert [region["hx-target"] for region in soup.select("hx-partial")] == ["#enabled"]
    assert client.get(f"/customers/{customer.id}/figures").location == f"/customers/{customer.id}"


def test_an_empty_customer_says_what_belongs_there(session: Any, client: FlaskClient) -> None:
    home = f"/customers/{a_customer().id}"
    for section, said in {
        "": "Nothing is assigned yet.",
        "/next-charges": "Nothing falls due.",
        "/charges": "Nothing has been charged yet.",
        "/credit": "Nothing is to be paid.",
        "/dids": "No DIDs.",
        "/people": "Nobody can sign in yet.",
    }.items():
        assert said in words(page(client.get(home + section)).select_one(".empty")), section
    assert "No notes." in words(page(client.get(f"{home}/notes")).main)


def test_more_charges_than_are_shown_are_hinted_at(session: Any, client: FlaskClient) -> None:
    customer, package = a_customer("Acme"), a_package("UK DID")
    for number in range(60):
        assigned(package, customer, did=a_did(customer, f"+4420794601{number:02}"))
    soup = page(client.get(f"/customers/{customer.id}/next-charges"))
    assert len(soup.select('section[aria-labelledby="next-charges"] tbody tr')) == 25
    assert "more follow" in words(soup.select_one('section[aria-labelledby="next-charges"] tfoot'))
    soup = page(client.get(f"/customers/{customer.id}/dids"))
    assert len(soup.select('section[aria-labelledby="dids"] tbody tr')) == 25
    assert words(soup.select_one(".pager")).startswith("60 DIDs") and soup.select_one(".pager [rel=next]")


# -- tax rates


def test_a_tax_rate_from_a_day_on_is_in_the_history_and_can_be_removed(
    session: Any, client: FlaskClient
) -> None:
    customer = a_customer("Acme")
    data = {"tax_rate": "19", "tax_rate_from": "2027-01-01", "version": customer.version}
    client.post(f"/customers/{customer.id}/tax-rates", data=data)
    history = page(client.get(f"/customers/{customer.id}/details")).select_one("#tax")
    assert [words(row) for row in history.select("tbody tr")] == [
        "1 Jan 2027 planned 19% Standard Remove the rate from 1 Jan 2027",
        "the beginning 20% Standard",
    ]
    client.post(history.select_one("tbody form")["action"], data={"effective_from": "2027-01-01"})
    assert [str(rate.rate) for rate in customer.tax_rates] == ["20"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tax_rate", ""),
        ("tax_rate", "x"),
        ("tax_rate", "100.5"),
        ("tax_rate_from", "2026-11-22"),
        ("tax_rate_from", "2026-13-01"),
        ("tax_rate_from", "2200-01-01"),
        ("tax_rate_from", "tomorrow"),
    ],
)
def test_a_tax_rate_that_cannot_be_is_said_at_its_field(
    session: Any, client: FlaskClient, field: str, value: str
) -> None:
    customer = a_customer("Acme")
    assigned(a_package(match=(22,)), customer)
    run()
    data = {"tax_rate": "19", "tax_rate_from": "2027-01-01", "version": customer.version} | {field: value}
    soup = page(client.post(f"/customers/{customer.id}/tax-rates", data=data), 422)
    said = error_at(soup, field)
    assert "a percentage, such as 20" in said if value == "x" else said
    assert len(customer.tax_rates) == 1


def test_a_rate_of_somebody_who_has_seen_an_older_one_is_asked_again(
    session: Any, client: FlaskClient
) -> None:
    customer = a_customer("Acme")
    stale = {"tax_rate": "19", "version": customer.version}
    client.post(f"/customers/{customer.id}/tax-rates", data=stale)
    soup = page(client.post(f"/customers/{customer.id}/tax-rates", data=stale | {"tax_rate": "18"}), 409)
    assert "Somebody else has saved this customer" in words(soup.select_one("#tax"))
    assert str(customer.tax_rate_on(TODAY)) == "19"


def test_a_rate_that_is_in_force_cannot_be_removed(session: Any, client: FlaskClient) -> None:
    customer = a_customer("Acme")
    for day in ("2000-01-01", "never", ""):
        page(client.post(f"/customers/{customer.id}/tax-rates/drop", data={"effective_from": day}), 422)
    assert len(customer.tax_rates) == 1


# -- the archive


def test_a_customer_with_nothing_open_is_archived_and_restored(session: Any, client: FlaskClient) -> None:
    customer = a_customer("Acme")
    client.post(f"/customers/{customer.id}/archive")
    assert customer.archived_on == TODAY
    assert "archived 22 Nov 2026" in words(page(client.get(f"/customers/{customer.id}")).select_one(".head"))
    client.post(f"/customers/{customer.id}/restore")
    assert customer.archived_on is None


def test_a_customer_with_an_assignment_is_not_archived_and_the_page_says_why(
    session: Any, client: FlaskClient
) -> None:
    customer = a_customer("Acme")
    assigned(a_package(minimum_days=30), customer, TODAY - timedelta(1))
    soup = page(client.post(f"/customers/{customer.id}/archive"), 409)
    said = words(soup.select_one("[role=alert]"))
    assert "Not archived." in said
    assert "SIP Trunk 10 (locked until 21 December 2026)" in said
    assert "1 charge, 24.50 GBP in all before tax" in said
    assert customer.archived_on is None


def test_what_ending_all_comes_to_is_shown_and_they_end_from_there(session: Any, client: FlaskClient) -> None:
    customer = a_customer("Acme")
    package = a_package(proration=Proration.DAILY, match=(22,))
    made = [assigned(package, customer, TODAY - timedelta(31)) for _ in range(2)]
    run(TODAY)
    session.commit()
    soup = page(client.post(f"/customers/{customer.id}/archive"), 409)
    assert "Credited" in words(soup.select_one("main table thead"))
    assert words(soup.select_one("main table tfoot")) == "In all, GBP 0.00 −47.36"
    form = soup.select_one("form:has([name=came_from])")
    assert words(form) == "End 2 assignments on 22 Nov 2026"
    sent = {field["name"]: field["value"] for field in form.select("input")}
    said = words(page(client.post(form["action"], data=sent, follow_redirects=True)))
    assert "Acme can be archived from 23 Nov 2026 on, once what falls due until then is posted." in said
    assert {one.end_date for one in made} == {TODAY}


def test_each_ends_as_early_as_it_can_and_the_sums_are_those_of_the_refusal(
    session: Any, client: FlaskClient
) -> None:
    customer = a_customer("Acme")
    free = assigned(a_package(proration=Proration.DAILY), customer, date(2026, 11, 1))
    locked = assigned(a_package("Seat", "30", minimum_days=60), customer, date(2026, 11, 1))
    over = assigned(a_package("Fax", "5"), customer, date(2026, 11, 1), end_date=date(2027, 2, 10))
    run(TODAY)
    session.commit()
    soup = page(client.post(f"/customers/{customer.id}/archive"), 409)
    assert "Until then 5 charges" in words(soup.select_one("[role=alert]")), "three of the fax among them"
    form = soup.select_one("form:has([name=each])")
    assert words(form) == "End 2 assignments, each as early as it can"
    rows = [words(row) for row in soup.select("main section:has(#ending-title) tbody tr")]
    assert "22 Nov 2026 nothing −6.53 GBP" in rows[0] and "30 Dec 2026 30.00 GBP nothing" in rows[1]
    client.post(form["action"], data={field["name"]: field["value"] for field in form.select("input")})
    assert [one.end_date for one in (free, locked, over)] == [TODAY, date(2026, 12, 30), date(2027, 2, 10)]


def test_paying_the_last_from_the_balance_archives_where_that_was_wanted(
    session: Any, client: FlaskClient
) -> None:
    customer = a_customer("Acme", tax_rate="0")
    for amount in (30, 5):  # what is in the balance before a charge is posted does not pay it by itself
        credit.adjust(
            customer, Decimal(amount), TODAY, "Moved", token=str(amount), today=TODAY, by=BEN, now=NOW
        )  # fmt: skip
    asked = ManualCharge(customer, TODAY, Decimal(30), Decimal(0), "Visit")
    charge_manually(asked, token="c", today=TODAY, by=BEN, now=NOW)
    session.commit()
    soup = page(client.post(f"/customers/{customer.id}/archive"), 409)
    form = soup.select_one("form[action$='/credit/pay']")
    sent = {field["name"]: field["value"] for field in form.select("input")}
    client.post(form["action"], data=sent)
    assert customer.archived_on is None, "5.00 is left in the balance"
    back = page(client.get(f"/payments-back/new?customer_id={customer.id}&archive=1"))
    assert back.select_one("[name=then_archive][checked]")
    typed = {"token": "b", "amount": "5", "paid_on": TODAY.isoformat(), "method": "cash", "then_archive": "y"}
    said = words(
        page(client.post(f"/payments-back?customer_id={customer.id}", data=typed, follow_redirects=True))
    )
    assert "Archived Acme." in said and customer.archived_on == TODAY
    assert not page(client.get(f"/payments-back/new?customer_id={a_customer('Globex').id}")).select(
        "[name=then_archive]"
    )


# -- suggestions


def test_a_field_suggests_customers_by_any_part_of_the_name(session: Any, client: FlaskClient) -> None:
    twin, other = a_customer("Acme"), a_customer("Acme", "EUR")
    a_customer("Globex")
    soup = part(client.get("/customers/suggestions?customer=glo", headers=HTMX))
    assert [option["value"] for option in soup.select("option")] == ["Globex"]
    soup = part(client.get("/customers/suggestions?customer=acm", headers=HTMX))
    assert [option["value"] for option in soup.select("option")] == [f"#{twin.id}", f"#{other.id}"]


def test_customers_whose_names_are_one_name_are_suggested_by_number(
    session: Any, client: FlaskClient
) -> None:
    for name in ("O’Brien", "O'BRIEN", "Öbrien"):
        a_customer(name)
    soup = part(client.get("/customers/suggestions?customer=brien", headers=HTMX))
    values = [option["value"] for option in soup.select("option")]
    assert len(values) == 3 and values[2] == "Öbrien" and all(value.startswith("#") for value in values[:2])
