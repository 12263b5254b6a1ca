"""Account codes: any number of them, no two customers' alike, and found before a name and a number."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from threading import Event, Thread, Timer

import pytest
from flask import Flask
from sqlalchemy import select

from portal.domain.errors import Invalid
from portal.extensions import db
from portal.models import AccountCode, AuditEntry, Customer
from portal.services.customers import account_codes, customers
from tests.trade import NOW, TODAY, a_customer

pytestmark = pytest.mark.usefixtures("session")


def with_codes(name: str, *codes: str) -> Customer:
    """A customer with account codes, stored."""
    customer = a_customer(name)
    give(customer, *codes)
    return customer


def give(customer: Customer, *codes: str) -> None:
    customers.change_customer(customer, customers.fields_of(customer, account_codes=codes))
    db.session.flush()


def stored() -> list[tuple[str, str]]:
    """Every code and whose it is."""
    query = select(AccountCode.code, Customer.name).join(Customer).order_by(AccountCode.key)
    return [(code, name) for code, name in db.session.execute(query)]


@pytest.mark.parametrize(
    ("typed", "codes"),
    [
        ("102", ("102",)),
        ("102, Ext.103\r\n\r\n acc  7 ,,", ("102", "Ext.103", "acc 7")),
        ("abc\nABC, abc", ("abc",)),
        (" , \n", ()),
    ],
)
def test_codes_are_typed_one_a_line_or_with_commas_and_each_counts_once(typed, codes):
    assert account_codes.split(typed) == codes


def test_a_customer_has_any_number_of_codes_and_those_that_are_left_out_go():
    customer = with_codes("Northwind Telecom", *(f"code {n}" for n in range(600)))
    assert len(stored()) == 600
    give(customer, "Code 7", "new")
    assert stored() == [("Code 7", "Northwind Telecom"), ("new", "Northwind Telecom")]
    customers.change_customer(customer, customers.fields_of(customer, name="Northwind"))
    assert len(stored()) == 2, "who says nothing of codes leaves them as they are"
    give(customer)
    assert not stored()


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("NW-1", r"nw-1 is an account code of Northwind Telecom \(#\d+\)\."),
        ("NORTHWIND  telecom", r"is the name of customer #\d+\."),
        ("old", r"is the name of customer #\d+, archived\."),
        ("#7", "begins with #"),
        ("#x", "begins with #"),
        ("x" * 81, "80 characters at most"),
        ("4.47701E+11", "A spreadsheet has shortened 4.47701E"),
        ("a\x00b", "contains control characters"),
    ],
)
def test_a_code_that_could_mean_somebody_else_or_nothing_is_refused_at_its_field(code, sentence):
    with_codes("Northwind Telecom", "nw-1")
    a_customer("Old").archived_on = TODAY
    acme = a_customer("Acme")
    with pytest.raises(Invalid, match=sentence) as refusal:
        give(acme, "fine", *account_codes.split(code))
    assert refusal.value.field == "account_codes"
    with pytest.raises(Invalid, match=sentence) as refusal:
        customers.create_customer(
            customers.CustomerFields("Globex", "GBP", account_codes=account_codes.split(code)),
            acme.tax_rates[0].rate, token="new", today=TODAY, now=acme.created_at,
        )  # fmt: skip
    assert refusal.value.field == "account_codes"


def test_a_customer_may_be_known_by_their_own_name_and_by_very_many_codes_but_not_more():
    give(a_customer("Acme"), "acme", *(f"{n}" for n in range(1_999)))
    with pytest.raises(Invalid, match="2,000 codes at most"):
        give(a_customer("Globex"), *(f"g{n}" for n in range(2_001)))


def test_no_customer_is_called_as_somebody_is_coded_nor_like_a_number():
    northwind = with_codes("Northwind Telecom", "NW")
    for name, sentence in (
        ("nw", r"nw is an account code of Northwind Telecom"),
        ("#7", "is a customer number"),
    ):
        with pytest.raises(Invalid, match=sentence) as refusal:
            a_customer(name)
        assert refusal.value.field == "name"
    other = a_customer("Acme")
    with pytest.raises(Invalid, match="is an account code of"):
        customers.change_customer(other, customers.fields_of(other, name="NW"))
    customers.change_customer(northwind, customers.fields_of(northwind, name="nw"))
    assert northwind.name == "nw"


def test_a_customer_is_meant_by_code_then_name_then_number_and_never_by_a_bare_number():
    first, second = a_customer("Acme"), with_codes("Globex", "ext 102")
    assert customers.named(" EXT  102") is second
    with pytest.raises(Invalid) as refusal:
        customers.named(str(first.id))
    assert refusal.value.sentence == (
        f"There is no customer called {first.id}. Did you mean #{first.id} (Acme)?"
    )
    assert customers.named(f"#{first.id}") is first
    give(second, str(first.id))
    assert customers.named(str(first.id)) is second
    with pytest.raises(Invalid, match=r"called 99999\.$"):
        customers.named("99999")


def test_a_customer_is_found_among_very_many_whose_names_begin_likewise():
    """No bound on how many names are looked through may hide the one that is meant."""
    rows = [
        {"token": f"t{n}", "name": f"Acme {n}", "name_key": f"acme {n}", "search_key": f"acme {n}"}
        for n in range(1_100)
    ]
    acme = a_customer("Acme")
    common = {"currency": "GBP", "created_on": TODAY, "created_at": acme.created_at, "version": 1}
    db.session.execute(
        Customer.__table__.insert(),
        [common | row | {"company_details": "", "email": ""} for row in rows],
    )
    acme.email = "z@acme.example"
    customers.change_customer(acme, customers.fields_of(acme))
    assert customers.named("acme") is acme


def test_the_list_finds_customers_by_their_codes():
    with_codes("Northwind Telecom", "LV-10042"), with_codes("Acme", "LV-2")
    found = db.session.scalars(customers.find_customers("lv-1004"))
    assert [customer.name for customer in found] == ["Northwind Telecom"]
    found = db.session.scalars(customers.find_customers("north lv-"))
    assert [customer.name for customer in found] == ["Northwind Telecom"]


def test_whoever_has_the_customer_open_is_told_that_the_codes_have_changed():
    customer = with_codes("Acme", "one")
    before = customer.version
    give(customer, "two")
    assert customer.version > before
    now = customer.version
    give(customer, "two")
    assert customer.version == now


def test_the_audit_log_tells_codes_added_removed_and_spelt_again():
    customer = with_codes("Acme", "one")
    give(customer, "one", "two")
    give(customer, "One")
    query = select(AuditEntry).where(AuditEntry.noun == "customer").order_by(AuditEntry.id)
    told = [json.loads(entry.after) for entry in db.session.scalars(query)]
    assert [after["account_codes"] for after in told if "account_codes" in after] == [
        ["one"],
        ["one", "two"],
        [],
        ["One"],
    ]


def initech(*codes: str) -> Customer:
    """A new customer with account codes."""
    fields = customers.CustomerFields("Initech", "GBP", account_codes=codes)
    return customers.create_customer(fields, Decimal(0), token="i", today=TODAY, now=NOW)


@contextmanager
def meanwhile(app: Flask, act: Callable[[], object]) -> Iterator[None]:
    """In here somebody else has done something, and commits it a little later."""
    db.session.commit()
    done, go_on = Event(), Event()

    def go() -> None:
        with app.app_context():
            act()
            done.set()
            go_on.wait(10)
            db.session.commit()

    thread = Thread(target=go)
    thread.start()
    assert done.wait(10)
    Timer(0.3, go_on.set).start()
    yield
    thread.join()
    db.session.rollback()


@pytest.mark.parametrize("second", ["the same code", "the code as a name", "the code of a new customer"])
def test_of_two_who_give_the_same_at_once_the_second_is_refused_in_a_sentence(app, session, second):
    acme, globex = a_customer("Acme").id, a_customer("Globex").id
    acts = {
        "the same code": lambda: give(session.get_one(Customer, globex), "nw"),
        "the code as a name": lambda: a_customer("nw"),
        "the code of a new customer": lambda: initech("nw"),
    }
    with (
        meanwhile(app, lambda: give(db.session.get_one(Customer, acme), "NW")),
        pytest.raises(Invalid, match=r"(?i)nw is an account code of Acme \(#\d+\)\."),
    ):
        acts[second]()


def test_a_name_given_while_the_same_code_is_refused_to_the_second(app, session):
    acme = a_customer("Acme")
    with meanwhile(app, lambda: a_customer("NW")), pytest.raises(Invalid, match="nw is the name of customer"):
        give(acme, "nw")


@pytest.mark.parametrize("is_new", [False, True], ids=("changed", "new"))
def test_what_the_database_alone_has_kept_apart_is_refused_in_a_sentence_too(app, session, is_new):
    """Somebody puts a code in beside the service, which therefore finds it free until it is stored."""
    acme, globex = a_customer("Acme").id, a_customer("Globex").id

    def beside() -> None:
        db.session.add(AccountCode(customer_id=acme, code="NW", key="nw"))
        db.session.flush()

    with meanwhile(app, beside), pytest.raises(Invalid, match=r"NW is an account code of Acme"):
        initech("nw") if is_new else give(session.get_one(Customer, globex), "nw")
