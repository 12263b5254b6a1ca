"""Customers: once for one form, a currency that stays, tax rates that hold from a day on."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import chain
from threading import Event, Thread, Timer
from typing import Any
from unittest.mock import Mock

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from portal.domain.due import Kind
from portal.domain.errors import Invalid
from portal.domain.party import Party
from portal.domain.schedule import FIRST_DAY
from portal.domain.tax import Tax, TaxCategory
from portal.extensions import db
from portal.models import Charge, Contact, Customer
from portal.services import listing
from portal.services.customers import account_codes, customers
from portal.services.customers.contacts import ContactFields, contacts_of
from portal.services.customers.customers import CustomerFields
from tests.trade import a_package, assigned, run

pytestmark = pytest.mark.usefixtures("session")

TODAY, TOMORROW = date(2026, 11, 22), date(2026, 11, 23)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def make(name: str = "Northwind Telecom", *, rate: str = "20", token: str = "", **fields: Any) -> Customer:
    """A customer, stored."""
    given = CustomerFields(name, **{"currency": "GBP", **fields})
    return customers.create_customer(
        given, Decimal(rate), token=(token or name.strip() or "form")[:64], today=TODAY, now=NOW
    )


def charge(session: Any, customer: Customer) -> None:
    """Something posted for a customer."""
    nothing = dict.fromkeys(("unit_price", "unit_cost", "amount", "cost", "tax_rate", "tax"), Decimal(1))
    session.add(
        Charge(
            customer_id=customer.id, kind=Kind.MANUAL, charge_on=TODAY, period_from=TODAY, currency="GBP",
            label="Visit", posted_at=NOW, **nothing,
        )
    )  # fmt: skip
    session.flush()


def rates(customer: Customer) -> list[tuple[date, str]]:
    return [(row.effective_from, f"{row.rate.normalize():f}") for row in customer.tax_rates]


def test_a_form_sent_twice_makes_one_customer(session: Any) -> None:
    first, second = make(token="form"), make(token="form")
    assert first is second
    assert session.scalar(select(func.count(Customer.id))) == 1


def test_what_is_typed_is_tidied() -> None:
    party = Party(street=" 1  High Street\n", country="GB", vat_id="gb 999 9999-73", phone="(020) 7946 0000")
    customer = make("  Northwind   Telecom ", email=" Billing@Northwind.Example ", party=party)
    assert (customer.name, customer.email) == ("Northwind Telecom", "Billing@Northwind.Example")
    assert (customer.street, customer.vat_id, customer.phone) == (
        "1 High Street",
        "GB999999973",
        "+442079460000",
    )


def test_contacts_are_those_that_were_given_last_and_stay_where_none_were_given() -> None:
    customer = make(contacts=(ContactFields("Nora  Ashworth", "Accounts", "n@a.example", "+442079460000"),))
    change = customers.fields_of(customer, party=Party(city="Leeds"))
    version = customer.version
    customers.change_customer(customer, change)
    assert [one.name for one in contacts_of(customer)] == ["Nora Ashworth"]
    given = (ContactFields("Imran"), ContactFields("Zoë", phone="+442079460001"))
    customers.change_customer(customer, replace(change, contacts=given))
    db.session.commit()
    assert contacts_of(customer) == given and customer.version > version
    customers.change_customer(customer, replace(change, contacts=()))
    db.session.commit()
    assert not db.session.scalar(select(func.count(Contact.id)))


def test_another_contact_alone_makes_another_version() -> None:
    customer = make()
    db.session.commit()
    version = customer.version
    customers.change_customer(customer, customers.fields_of(customer, contacts=(ContactFields("Nora"),)))
    db.session.commit()
    assert customer.version > version


@pytest.mark.parametrize(
    "text", ["leeds", "ls1", "gb9999", "Northwind Telecommunications", "north leeds", "01234567"]
)
def test_the_list_finds_customers_by_town_legal_name_and_numbers(text: str) -> None:
    party = Party("Northwind Telecommunications Ltd", "1 Mill Lane", "", "Leeds", "LS1 4QP", "", "GB")
    make(party=replace(party, vat_id="GB999999973", registration_number="01234567"))
    make("Acme", party=Party(city="York"))
    found = db.session.scalars(customers.find_customers(text))
    assert [customer.name for customer in found] == ["Northwind Telecom"]


# -- the tax and its category


def test_the_rate_alone_says_standard_or_zero() -> None:
    assert make().taxes == ((FIRST_DAY, Tax(Decimal(20), TaxCategory.STANDARD)),)
    assert make("Acme", rate="0").last_tax == Tax(Decimal(0), TaxCategory.ZERO)


def test_a_category_holds_from_a_day_on_with_its_rate_and_reason() -> None:
    customer = make()
    why = TaxCategory.REVERSE_CHARGE, " Reverse  charge "
    assert customers.change_tax_rate(customer, Decimal(0), date(2027, 1, 1), TODAY, *why)
    assert customer.tax_on(date(2026, 12, 31)).category == TaxCategory.STANDARD
    assert customer.tax_on(date(2027, 1, 1)) == Tax(Decimal(0), why[0], "Reverse charge")
    assert not customers.change_tax_rate(customer, Decimal(0), date(2027, 1, 1), TODAY, *why)


def test_another_category_at_the_same_rate_is_a_change() -> None:
    customer = make(rate="0")
    exempt = TaxCategory.EXEMPT, "Education"
    assert customers.change_tax_rate(customer, Decimal(0), date(2027, 1, 1), TODAY, *exempt)
    assert [row.category for row in customer.tax_rates] == [TaxCategory.ZERO, TaxCategory.EXEMPT]


@pytest.mark.parametrize(
    ("rate", "category", "reason", "field"),
    [
        ("0", TaxCategory.STANDARD, "", "tax_category"),
        ("20", TaxCategory.EXEMPT, "Education", "tax_rate"),
        ("20", TaxCategory.ZERO, "", "tax_rate"),
        ("0", TaxCategory.OUTSIDE_SCOPE, " ", "tax_reason"),
        ("0", TaxCategory.EXPORT, "x" * 251, "tax_reason"),
    ],
)
def test_a_tax_that_does_not_go_together_is_refused_at_its_field(rate, category, reason, field) -> None:
    with pytest.raises(Invalid) as refusal:
        customers.change_tax_rate(make(), Decimal(rate), None, TODAY, category, reason)
    assert refusal.value.field == field


@pytest.mark.parametrize(("rate", "category"), [(20, "exempt"), (0, "standard")])
def test_the_database_refuses_a_rate_that_is_none_of_its_category(rate, category) -> None:
    customer = make()
    customer.tax_rates[0].rate, customer.tax_rates[0].category = Decimal(rate), TaxCategory(category)
    with pytest.raises(IntegrityError):
        db.session.flush()


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("name", {"name": " "}),
        ("name", {"name": "x" * 121}),
        ("company_details", {"company_details": "x" * 251}),
        ("street", {"party": Party(street="x" * 1001)}),
        ("country", {"party": Party(country="XX")}),
        ("vat_id", {"party": Party(country="DE", vat_id="DE999999996")}),
        ("registration_number", {"party": Party(country="FR", registration_number="999999999")}),
        ("phone", {"party": Party(phone="020 7946 0000")}),
        ("iban", {"iban": "GB33BUKB20201555555556"}),
        ("contacts", {"contacts": (ContactFields("Nora"), ContactFields("", email="a@b.example"))}),
        ("contacts", {"contacts": (ContactFields("Nora"),) * 51}),
        ("email", {"email": "nobody"}),
        ("currency", {"currency": "XYZ"}),
        ("currency", {"currency": ""}),
        ("tax_rate", {"rate": "100.1"}),
        ("tax_rate", {"rate": "-1"}),
        ("tax_rate", {"rate": "NaN"}),
        ("tax_rate", {"rate": "0.0000001"}),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(field: str, fields: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refusal:
        make(**{"name": "Northwind", **fields})
    assert refusal.value.field == field


def test_a_currency_may_change_until_something_stands_in_it(session: Any) -> None:
    customer = make()
    customers.change_customer(customer, CustomerFields("Northwind", "EUR"))
    assert customer.currency == "EUR"
    charge(session, customer)
    with pytest.raises(Invalid, match="Create another customer for USD") as refusal:
        customers.change_customer(customer, CustomerFields("Northwind", "USD"))
    assert refusal.value.field == "currency"


def test_before_anything_is_posted_a_tax_rate_has_always_held() -> None:
    customer = make()
    assert customers.change_tax_rate(customer, Decimal("19"), None, TODAY)
    assert rates(customer) == [(FIRST_DAY, "19")]
    assert customer.tax_rate_on(date(2020, 1, 1)) == 19


def test_once_something_is_posted_a_tax_rate_is_effective_from_tomorrow(session: Any) -> None:
    customer = make()
    charge(session, customer)
    assert customers.change_tax_rate(customer, Decimal("19"), None, TODAY)
    assert rates(customer) == [(FIRST_DAY, "20"), (TOMORROW, "19")]
    assert (customer.tax_rate_on(TODAY), customer.tax_rate_on(TOMORROW)) == (20, 19)


def test_a_rate_waits_for_the_run_that_is_at_work_on_the_customer(app: Flask, session: Any) -> None:
    customer = make()
    assigned(a_package(match=()), customer, TODAY)
    session.commit()
    posted, go_on = Event(), Event()

    def go() -> None:
        with app.app_context():
            run()
            posted.set()
            go_on.wait(10)
            db.session.commit()

    thread = Thread(target=go)
    thread.start()
    assert posted.wait(10)
    Timer(0.3, go_on.set).start()
    assert customers.change_tax_rate(customer, Decimal("19"), None, TODAY)
    thread.join()
    assert rates(customer) == [(FIRST_DAY, "20"), (TOMORROW, "19")], "the charge bears the rate that held"


def test_once_something_is_posted_no_rate_changes_the_past(session: Any) -> None:
    customer = make()
    charge(session, customer)
    with pytest.raises(Invalid, match="Choose tomorrow or a later day") as refusal:
        customers.change_tax_rate(customer, Decimal("19"), TODAY, TODAY)
    assert refusal.value.field == "tax_rate_from"


def test_a_rate_of_a_later_day_waits_for_it_and_can_be_removed() -> None:
    customer = make()
    customers.change_tax_rate(customer, Decimal("19"), date(2027, 1, 1), TODAY)
    assert rates(customer) == [(FIRST_DAY, "20"), (date(2027, 1, 1), "19")]
    customers.drop_tax_rate(customer, date(2027, 1, 1), TODAY)
    assert rates(customer) == [(FIRST_DAY, "20")]
    with pytest.raises(Invalid, match="already in force"):
        customers.drop_tax_rate(customer, FIRST_DAY, TODAY)


def test_saying_the_same_rate_again_changes_nothing() -> None:
    customer = make()
    assert not customers.change_tax_rate(customer, Decimal("20.00"), date(2027, 1, 1), TODAY)
    assert rates(customer) == [(FIRST_DAY, "20")]


def test_a_day_out_of_bounds_is_refused() -> None:
    with pytest.raises(Invalid, match="between 2000 and 2199"):
        customers.change_tax_rate(make(), Decimal("19"), date(2200, 1, 1), TODAY)


def test_a_changed_rate_tells_whoever_has_the_customer_open(session: Any) -> None:
    customer = make()
    before = customer.version
    customers.change_tax_rate(customer, Decimal("19"), None, TODAY)
    session.flush()
    assert customer.version == before + 1


@pytest.mark.parametrize("text", ["NORTH", "tele wind", "billing@north", "house 7", "straße"])
def test_search_finds_name_e_mail_and_details_whatever_the_case(text: str, session: Any) -> None:
    make("Northwind Telecom", email="billing@northwind.example", company_details="House 7, Große STRASSE")
    make("Globex")
    found = session.scalars(customers.find_customers(text)).all()
    assert [customer.name for customer in found] == ["Northwind Telecom"]


@pytest.mark.parametrize("text", ["%", "_", "\\", "northwind%"])
def test_search_takes_no_letter_for_a_pattern(text: str, session: Any) -> None:
    make("Northwind")
    assert session.scalars(customers.find_customers(text)).all() == []


def test_the_archive_is_a_list_of_its_own(session: Any) -> None:
    make("Northwind").archived_on = TODAY
    make("Globex")
    names = {
        state: [customer.name for customer in session.scalars(customers.find_customers(state=state))]
        for state in customers.STATES
    }
    assert names == {"active": ["Globex"], "archived": ["Northwind"], "all": ["Northwind", "Globex"]}


@pytest.mark.parametrize("sort", list(customers.SORTS))
def test_pages_contain_every_customer_once_there_and_back(sort: str) -> None:
    for number in range(23):
        make(f"Customer {number % 5}", token=str(number), currency="EUR" if number % 3 else "GBP")
    query, forth, back = customers.find_customers(), [], []
    page = listing.page(query, customers.SORTS[sort], size=5)
    assert page.total == 23
    assert page.before is None
    while True:
        forth.append([row.id for row in page.rows])
        if page.after is None:
            break
        page = listing.page(query, customers.SORTS[sort], after=page.after, size=5)
    while True:
        back.append([row.id for row in page.rows])
        if page.before is None:
            break
        page = listing.page(query, customers.SORTS[sort], before=page.before, size=5)
    there, here_again = list(chain(*forth)), list(chain(*back))
    assert sorted(there) == sorted(here_again)
    assert len(set(there)) == 23
    assert back[-1] == forth[0]
    assert [len(rows) for rows in forth] == [5, 5, 5, 5, 3]


def test_a_place_that_has_gone_leads_to_the_first_page() -> None:
    make()
    page = listing.page(customers.find_customers(), customers.SORTS["name"], after=999)
    assert [row.name for row in page.rows] == ["Northwind Telecom"]


def test_a_customer_is_meant_by_name_or_number() -> None:
    customer = make()
    make("Northwind Telecom Ltd")
    assert customers.named("  northwind  TELECOM ") is customer
    assert customers.named(f"#{customer.id}") is customer


def test_of_two_of_one_name_the_one_that_is_not_archived_is_meant() -> None:
    make(token="one").archived_on = TODAY
    second = make(token="two")
    assert customers.named("Northwind Telecom") is second


def test_namesakes_are_told_apart_by_their_numbers() -> None:
    first, second = make(token="one"), make(token="two", currency="EUR")
    with pytest.raises(Invalid, match=f"#{first.id} \\(GBP\\) or #{second.id} \\(EUR\\)"):
        customers.named("Northwind Telecom")


@pytest.mark.parametrize("text", ["Nobody", "#999", "", "#99999999999999999999", "North"])
def test_who_is_not_there_is_named(text: str) -> None:
    make()
    with pytest.raises(Invalid, match="There is no customer"):
        customers.named(text)


def test_whoever_typed_a_part_of_a_name_is_asked_whether_it_is_meant() -> None:
    make()
    with pytest.raises(Invalid, match=r"called north\. Did you mean Northwind Telecom\?"):
        customers.named("north")
    make("Northgate Motors", token="two")
    with pytest.raises(Invalid, match=r"Did you mean Northgate Motors or Northwind Telecom\?"):
        customers.named("north")
    for number in range(3):
        make(f"North {number}", token=f"more {number}")
    with pytest.raises(Invalid, match=r"There is no customer called north\.$"):
        customers.named("north")


@pytest.mark.parametrize("text", ["bob a", "a otto", "anna a", "hanna a n", "dana zz", "zoe a"])
def test_a_short_word_beside_a_long_one_finds_the_same_customers_where_most_hold_it(
    session: Any, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    made = {name: make(name) for name in ("Ann", "Anton", "Dana", "Hanna", "Old Anna", "Otto", "Bob", "Zoe")}
    made["Otto"].contacts = [Contact(name="Ian")]
    made["Bob"].account_codes = account_codes.rows_of(["AN-1"])
    session.flush()
    plain = set(session.scalars(customers.find_customers(text)))
    assert bool(plain) == (text not in ("dana zz", "zoe a"))
    monkeypatch.setattr(customers, "LOOKED_AT", 10)
    looks = Mock(side_effect=customers._whose_parts_hold)
    monkeypatch.setattr(customers, "_whose_parts_hold", looks)
    assert set(session.scalars(customers.find_customers(text))) == plain
    assert "a" not in {call.args[1] for call in looks.call_args_list}


@pytest.mark.parametrize("text", ["an", "a", "an o", "zz", "g", ""])
@pytest.mark.parametrize("counted", [1, 3, 10_000])
def test_of_words_too_short_for_an_index_the_same_customers_are_found_however_many_hold_them(
    session: Any, monkeypatch: pytest.MonkeyPatch, text: str, counted: int
) -> None:
    names = ["Ann", "Anton", "Dana", "Hanna", "Old Anna", "Otto", "Bob"]
    made = {name: make(name, currency="USD" if name == "Dana" else "GBP") for name in names}
    made["Otto"].contacts = [Contact(name="Ian")]
    made["Bob"].account_codes = account_codes.rows_of(["AN-1"])
    made["Hanna"].archived_on = TODAY
    session.flush()
    for module in (customers, listing):
        monkeypatch.setattr(module, "COUNTED", counted)
    each: list[tuple[str, ...]] = [(text,), (text, "all"), (text, "active", "GBP"), (text, "archived")]
    for asked in each:
        plain = set(session.scalars(customers.find_customers(*asked)))
        query, total = customers.found_and_counted(*asked)
        assert set(session.scalars(query)) == plain
        assert total in (None, min(len(plain), counted + 1))
        monkeypatch.setattr(customers, "LOOKED_AT", 10)
        query, total = customers.found_and_counted(*asked)
        assert set(session.scalars(query)) == plain
        assert total in (None, min(len(plain), counted + 1))
        if asked == ("an",) and counted < 4:
            assert total == counted + 1
