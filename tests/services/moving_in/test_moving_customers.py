"""Customers moved in from files: each once, known by account code, else by name; what is bad is named."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from portal.domain.tax import TaxCategory
from portal.extensions import db
from portal.models import Customer, FileKind, ImportState, MoveImport, MoveMade
from portal.models.company import company
from portal.services.customers import customers
from portal.services.customers.account_codes import codes_of
from portal.services.customers.contacts import ContactFields, contacts_of
from portal.services.moving_in.planning import plan
from tests.services.moving_in.moving import counts, moved, sent, taken_back
from tests.trade import TODAY, a_customer, a_did, a_package, assigned, run

KIND = FileKind.CUSTOMERS
THREE = (
    "Name,Account Codes,Currency,E-mail\n"
    "Acme,A-1,GBP,a@acme.example\nBolt,B-1,EUR,\nCrisp,,USD,c@crisp.example\n"
)


def names() -> list[str]:
    return list(db.session.scalars(select(Customer.name).order_by(Customer.search_key, Customer.id)))


def reasons(text: str) -> list[tuple[int, str]]:
    return [(line.place, reason) for line, reason in plan(sent(KIND, text), TODAY).bad_lines()]


def differences(import_: MoveImport) -> list[tuple[str, str, str]]:
    return [tuple(differs) for one in plan(import_, TODAY).changed for differs in one.differences]  # type: ignore[misc]


def with_code(session: Any, customer: Customer, code: str) -> Customer:
    customers.change_customer(customer, customers.fields_of(customer, account_codes=(code,)))
    session.commit()
    return customer


# -- made


def test_each_line_makes_a_customer(session: Any) -> None:
    import_ = moved(KIND, THREE)
    assert (import_.state, counts(import_)) == (ImportState.DONE, (3, 0, 0, 0, 0))
    acme = customers.named("A-1")
    assert (acme.name, acme.currency, acme.email) == ("Acme", "GBP", "a@acme.example")


def test_every_field_of_the_form_can_be_said(session: Any) -> None:
    head = (
        "Name;Legal Name;Account Codes;Currency;E-mail;Phone;Street;Street, second line;City;Postcode;State;Country;"
        "VAT ID;Registration Number;IBAN;Company Details;Debit Limit;Payment Days;Tax Rate;Tax Category;Tax Reason;"
        "Contact 1 Name;Contact 1 Role;Contact 1 E-mail;Contact 1 Phone;Contact 2 Name\n"
    )
    line = (
        'Acme;Acme GmbH;"A-1, A-2";EUR;bills@acme.example;030 123456;Unter den Linden 1;Hof;Berlin;10117;;Germany;'
        "DE136695976;HRB 1;DE89 3704 0044 0532 0130 00;Attn. Ann;1.250,50;Net 30;0;Reverse charge;Art. 196;"
        "Ann;Accounts;ann@acme.example;+49 30 123457;Bob\n"
    )
    moved(KIND, head + line)
    acme = customers.named("A-2")
    assert (acme.legal_name, acme.phone, acme.street, acme.street_2, acme.city, acme.postcode, acme.country) == (
        "Acme GmbH", "+4930123456", "Unter den Linden 1", "Hof", "Berlin", "10117", "DE",
    )  # fmt: skip
    assert (acme.vat_id, acme.iban, acme.company_details) == (
        "DE136695976",
        "DE89370400440532013000",
        "Attn. Ann",
    )
    assert (acme.debit_limit, acme.payment_days, codes_of(acme)) == (Decimal("1250.50"), 30, ("A-1", "A-2"))
    assert acme.last_tax == (0, TaxCategory.REVERSE_CHARGE, "Art. 196")
    assert contacts_of(acme) == (
        ContactFields("Ann", "Accounts", "ann@acme.example", "+4930123457"), ContactFields("Bob"),
    )  # fmt: skip


def test_what_a_line_does_not_say_is_as_in_the_settings(session: Any) -> None:
    company().default_currency, company().default_tax_rate = "CHF", Decimal("8.1")
    moved(KIND, "Name,E-mail\nAcme,\n")
    acme = customers.named("Acme")
    assert (acme.currency, acme.last_tax.rate, acme.payment_days) == ("CHF", Decimal("8.1"), None)


def test_an_address_in_one_text_is_split_and_parts_of_their_own_count_first(session: Any) -> None:
    moved(KIND, 'Name,Address,City\nAcme,"1 High Street\nLondon\nN1 1AA\nUnited Kingdom",Leeds\n')
    acme = customers.named("Acme")
    assert (acme.street, acme.city, acme.country) == ("1 High Street", "Leeds", "GB")


@pytest.mark.parametrize(
    ("head", "line", "name"),
    [
        ("ID,First Name,Last Name,Company Name,Email,Address 1,City,Postcode,Country,Phone Number,Currency,Status",
         "17,Ann,Clerk,Acme Ltd,a@acme.example,1 High Street,London,N1 1AA,GB,+442079460123,GBP,Active", "Acme Ltd"),
        ("ID,First Name,Last Name,Company Name,Email", "17,Ann,Clerk,,a@acme.example", "Ann Clerk"),
        ("id,Description,Email,Name,Created (UTC),Currency,Tax Percent", "17,x,a@acme.example,Acme,2026-01-02,gbp,20",
         "Acme"),
        ("*ContactName,AccountNumber,EmailAddress,FirstName,LastName,POAddressLine1,POCity,POPostalCode,POCountry",
         "Acme,17,a@acme.example,Ann,Clerk,1 High Street,London,N1 1AA,United Kingdom", "Acme"),
        ("Customer,Company,Main Email,Main Phone,Bill to 1,Account No.,Terms",
         "Acme,Acme Ltd,a@acme.example,+442079460123,1 High Street,17,Net 30", "Acme"),
        ("Customer ID,Customer Name,Currency,Debit Limit", "17,Acme,GBP,100", "Acme"),
    ],
    ids=["whmcs", "whmcs person", "stripe", "xero", "quickbooks", "connexcs"],
)  # fmt: skip
def test_headings_of_other_systems_are_known(session: Any, head: str, line: str, name: str) -> None:
    assert counts(moved(KIND, f"{head}\n{line}\n")) == (1, 0, 0, 0, 0)
    assert customers.named("17").name == name


# -- who it is


def test_the_same_file_again_changes_nothing(session: Any) -> None:
    moved(KIND, THREE)
    assert counts(moved(KIND, THREE)) == (0, 0, 3, 0, 0)
    assert names() == ["Acme", "Bolt", "Crisp"]


def test_a_customer_is_known_by_code_before_by_name(session: Any) -> None:
    with_code(session, a_customer("Acme"), "A-1")
    a_customer("Bolt")
    session.commit()
    assert differences(sent(KIND, "Name,Account Codes\nBolt,A-1\n")) == [("Name", "Acme", "Bolt")]


def test_by_name_a_customer_without_codes_gets_the_code(session: Any) -> None:
    a_customer("Acme")
    session.commit()
    assert differences(sent(KIND, "Name,Account Codes\nacme,A-1\n"))[-1] == ("Account Codes", "none", "A-1")
    moved(KIND, "Name,Account Codes\nAcme,A-1\n", takes_changes=True)
    assert len(names()) == 1


def test_a_namesake_with_another_code_is_a_new_customer(session: Any) -> None:
    with_code(session, a_customer("Acme"), "A-1")
    moved(KIND, "Name,Account Codes\nAcme,A-2\n")
    assert names() == ["Acme", "Acme"]


def test_of_namesakes_the_one_in_the_currency_is_meant_and_of_two_alike_none(session: Any) -> None:
    a_customer("Acme", currency="GBP")
    euro = a_customer("Acme", currency="EUR")
    session.commit()
    (same,) = plan(sent(KIND, "Name,Currency\nAcme,EUR\n"), TODAY).same
    assert same.thing_id == euro.id
    ((_, why),) = reasons("Name,E-mail\nAcme,a@acme.example\n")
    assert why.startswith("2 customers are called Acme:")


def test_lines_that_are_each_other_are_bad_with_the_place_of_the_first(session: Any) -> None:
    text = "Name,Account Codes\nAcme,A-1\nBolt,a-1\nCrisp,\ncrisp,\nDune,Acme\n"
    assert reasons(text) == [
        (3, "Account code a-1 is in line 2 too."),
        (5, "The same name is in line 4. Give each an account code."),
        (6, "Account code Acme is the name in line 2."),
    ]


def test_codes_and_contacts_are_added_and_none_is_taken_away(session: Any) -> None:
    moved(KIND, "Name,Account Codes,Contact 1 Name\nAcme,A-1,Ann\n")
    moved(KIND, 'Name,Account Codes,Contact 1 Name\nAcme,"A-1, A-2",Bob\n', takes_changes=True)
    acme = customers.named("A-2")
    assert (codes_of(acme), [one.name for one in contacts_of(acme)]) == (("A-1", "A-2"), ["Ann", "Bob"])


# -- changed


def test_an_empty_cell_says_nothing(session: Any) -> None:
    moved(KIND, THREE)
    assert counts(moved(KIND, THREE.replace("a@acme.example", ""))) == (0, 0, 3, 0, 0)
    assert customers.named("Acme").email == "a@acme.example"


def test_a_change_is_shown_and_taken_only_if_asked(session: Any) -> None:
    moved(KIND, THREE)
    other = THREE.replace("a@acme.example", "b@acme.example")
    assert differences(sent(KIND, other)) == [("E-mail", "a@acme.example", "b@acme.example")]
    assert counts(moved(KIND, other)) == (0, 0, 2, 1, 0)
    assert counts(moved(KIND, other, takes_changes=True)) == (0, 1, 2, 0, 0)
    assert customers.named("Acme").email == "b@acme.example"


def test_a_tax_rate_of_a_customer_with_charges_changes_from_tomorrow(session: Any) -> None:
    acme = a_customer("Acme")
    assigned(a_package(), acme)
    run()
    session.commit()
    moved(KIND, "Name,Tax Rate\nAcme,19\n", takes_changes=True)
    session.expire_all()
    assert (acme.tax_rate_on(TODAY), acme.last_tax.rate) == (20, 19)


def test_a_currency_that_is_fixed_is_a_bad_line(session: Any) -> None:
    assigned(a_package(), a_customer("Acme"))
    session.commit()
    ((_, why),) = reasons("Name,Currency\nAcme,EUR\n")
    assert why == "Acme has amounts in GBP: the currency cannot become EUR."


# -- bad lines


@pytest.mark.parametrize(
    ("column", "cell", "said"),
    [
        ("VAT ID", "DE123456789", "VAT ID is mistyped"),
        ("IBAN", "DE00370400440532013000", "IBAN"),
        ("E-mail", "nobody", "nobody is not an e-mail address."),
        ("Phone", "12", "Phone"),
        ("Country", "Atlantis", "Country is Atlantis: enter a code such as GB, or the name in English."),
        ("Tax Rate", "101", "A tax rate must be between 0% and 100%"),
        ("Tax Category", "Exempt", "Enter why there is no tax"),
        ("Payment Days", "soon", "Payment Days is soon: enter a number of days, such as 30."),
        ("Debit Limit", "1.234,567", "A debit limit in USD"),
        ("Account Codes", "#12", "#12 begins with #"),
        ("Account Codes", "4.47701E+11", "A spreadsheet has shortened 4.47701E+11"),
        ("Name", "=HYPERLINK(1)", "Name is a formula: =HYPERLINK(1). Enter its result."),
        ("Name", "#7", "#7 is a customer number, not a name."),
        ("Name", "x" * 121, "Too long: 120 characters at most."),
    ],
)
def test_what_the_form_refuses_is_a_bad_line(session: Any, column: str, cell: str, said: str) -> None:
    head = column if column == "Name" else f"Name;{column}"
    ((place, why),) = reasons(f'{head};Company Details\n{"" if column == "Name" else "Acme;"}"{cell}";\n')
    assert place == 2
    assert said in why
    assert names() == []


def test_a_line_with_more_cells_or_torn_quotation_marks_is_bad_and_the_others_are_good(session: Any) -> None:
    import_ = moved(KIND, 'Name,Currency\nAcme,GBP,more\nBo"lt,"EU\nCrisp,USD\n')
    assert counts(import_) == (1, 0, 0, 0, 2)
    assert names() == ["Crisp"]


def test_a_code_that_is_a_stored_name_and_a_name_that_is_a_stored_code_are_bad(session: Any) -> None:
    with_code(session, a_customer("Acme"), "A-1")
    assert reasons("Name,Account Codes\nBolt,acme\nA-1,B-1\n") == [
        (2, f"Account Codes: acme is the name of customer #{customers.named('A-1').id}."),
        (3, f"Name: A-1 is an account code of Acme (#{customers.named('A-1').id})."),
    ]


# -- taken back


def test_an_import_taken_back_leaves_nothing_and_can_be_sent_again(session: Any) -> None:
    import_ = taken_back(moved(KIND, THREE))
    assert (import_.state, names()) == (ImportState.UNDONE, [])
    assert counts(moved(KIND, THREE)) == (3, 0, 0, 0, 0)


def test_customers_who_have_something_since_are_left_named_and_taken_back_later(session: Any) -> None:
    import_ = moved(KIND, THREE)
    did = a_did(customers.named("Acme"))
    session.commit()
    taken_back(import_)
    (left,) = session.scalars(select(MoveMade).where(MoveMade.left != ""))
    assert (left.label, left.left, names()) == ("Acme", "There are DIDs.", ["Acme"])
    session.delete(did)
    session.commit()
    taken_back(session.get_one(MoveImport, import_.id))
    assert names() == []


def test_a_change_taken_back_is_as_it_was_unless_somebody_changed_it_since(session: Any) -> None:
    text = "Name,Account Codes,E-mail,Contact 1 Name,Tax Rate\nAcme,A-1,{},{},{}\n"
    moved(KIND, text.format("a@acme.example", "Ann", 20))
    changed = moved(KIND, text.format("b@acme.example", "Bob", 19), takes_changes=True)
    taken_back(changed)
    acme = customers.named("A-1")
    assert (acme.email, [one.name for one in contacts_of(acme)], acme.last_tax.rate) == (
        "a@acme.example",
        ["Ann"],
        20,
    )
    changed = moved(KIND, text.format("b@acme.example", "Ann", 20), takes_changes=True)
    customers.change_customer(acme, customers.fields_of(acme, email="c@acme.example"))
    session.commit()
    taken_back(changed)
    (left,) = session.scalars(select(MoveMade).where(MoveMade.left != ""))
    assert (left.left, customers.named("A-1").email) == ("Changed since: E-mail.", "c@acme.example")


# -- what exports have besides


def test_taxes_of_days_to_come_are_planned_and_those_archived_are_archived(session: Any) -> None:
    text = (
        "Name,Tax Rate,Planned Tax,Archived\n"
        'Acme,20,"2027-01-01; 19; Standard\n2027-07-01; 0; Exempt; Education",\nBolt,20,,2026-01-31\n'
    )
    moved(KIND, text)
    acme, bolt = customers.named("Acme"), customers.named("Bolt")
    assert [(day.isoformat(), *tax) for day, tax in acme.taxes[1:]] == [
        ("2027-01-01", 19, TaxCategory.STANDARD, ""),
        ("2027-07-01", 0, TaxCategory.EXEMPT, "Education"),
    ]
    assert (bolt.archived_on, acme.archived_on) == (date(2026, 1, 31), None)
    assert counts(moved(KIND, text)) == (0, 0, 2, 0, 0)
    taken_back(moved(KIND, text.replace("; 19;", "; 21;").replace("Acme,20", "Acme,18"), takes_changes=True))
    assert [tax.rate for _, tax in customers.named("Acme").taxes] == [20, 19, 0]


def test_a_file_says_who_gets_the_summary_of_each_month_and_that_is_taken_back_too(session: Any) -> None:
    made = moved(KIND, "Name,Account Codes,Monthly Summary\nAcme,A-1,yes\nBolt,B-1,no\nCrisp,C-1,\n")
    since = {code: customers.named(code).monthly_summary_since for code in ("A-1", "B-1", "C-1")}
    assert since == {"A-1": TODAY, "B-1": None, "C-1": None}
    changed = moved(KIND, "Name,Account Codes,Monthly Summary\nAcme,A-1,\nBolt,B-1,yes\n", takes_changes=True)
    assert counts(changed)[1] == 1, "an empty cell says nothing"
    assert customers.named("B-1").monthly_summary_since == TODAY
    taken_back(changed)
    assert customers.named("B-1").monthly_summary_since is None
    assert customers.named("A-1").monthly_summary_since == TODAY
    assert reasons("Name,Monthly Summary\nDusk,perhaps\n") == [
        (2, "Monthly Summary is perhaps: enter yes or no.")
    ]
    taken_back(made)
    assert names() == []


def test_a_tax_rate_changed_from_tomorrow_on_is_taken_back(session: Any) -> None:
    acme = a_customer("Acme")
    assigned(a_package(), acme)
    run()
    session.commit()
    import_ = moved(KIND, "Name,Tax Rate\nAcme,19\n", takes_changes=True)
    assert counts(moved(KIND, "Name,Tax Rate\nAcme,19\n")) == (0, 0, 1, 0, 0)
    taken_back(import_)
    session.expire_all()
    assert [tax.rate for _, tax in acme.taxes] == [20]
