"""Names of every kind: found by anybody's keyboard, sorted as people expect, told apart by their marks."""

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from portal.domain.errors import Invalid
from portal.extensions import db
from portal.models import Did
from portal.services import listing
from portal.services.assignments.lists import of_customer
from portal.services.audit.lists import find_entries
from portal.services.charges.by_hand import ManualCharge, charge_manually
from portal.services.charges.lists import Asked, charge_page
from portal.services.customers import customers
from portal.services.customers.account_codes import codes_of, meant_codes, split
from portal.services.customers.customers import SORTS, find_customers, named
from portal.services.dids import dids
from portal.services.dids.intake import Wanted, check
from portal.services.dids.lines import read_lines
from portal.services.packages import catalogue, connexcs
from portal.services.packages.services_enabled import services_enabled
from portal.services.people import people
from tests.calling import a_file, a_line, bad_rows, taken_in
from tests.trade import BEN, NOW, TODAY, a_customer, a_did, a_package, assigned

pytestmark = pytest.mark.usefixtures("session")

DECOMPOSED = "Zoe\u0308 Voice"
NAMES = (
    "Zulu Ltd", "Zoë Telecom", "Ángel Comunicaciones", "Österreich Netz", "Čeští Volající", "Łódź Telekom",
    "İstanbul Ses", "O’Brien & Sons", DECOMPOSED, "Đường Dây Nói", "Acme Beta", "Acme", "Ørsted Voice", "Oxford Lines",
)  # fmt: skip
IN_ORDER = [
    "Acme", "Acme Beta", "Ángel Comunicaciones", "Čeští Volající", "Đường Dây Nói", "İstanbul Ses", "Łódź Telekom",
    "O’Brien & Sons", "Ørsted Voice", "Österreich Netz", "Oxford Lines", "Zoë Telecom", "Zoë Voice", "Zulu Ltd",
]  # fmt: skip


def found(query: Any) -> list[str]:
    return [row.name for row in db.session.scalars(query)]


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("angel", "Ángel Comunicaciones"),
        ("ÁNGEL", "Ángel Comunicaciones"),
        ("osterreich", "Österreich Netz"),
        ("cesti", "Čeští Volající"),
        ("volajici", "Čeští Volající"),
        ("lodz", "Łódź Telekom"),
        ("istanbul", "İstanbul Ses"),
        ("ISTANBUL", "İstanbul Ses"),
        ("ıstanbul", "İstanbul Ses"),
        ("O'Brien", "O’Brien & Sons"),
        ("o`brien", "O’Brien & Sons"),
        ("orsted", "Ørsted Voice"),
        ("duong day", "Đường Dây Nói"),
        ("zoe voice", "Zoë Voice"),
        ("Zoë voice", "Zoë Voice"),
        ("Zoe\u0308 voice", "Zoë Voice"),
    ],
)
def test_customers_packages_and_services_are_found_by_letters_without_their_marks(
    typed: str, name: str
) -> None:
    for each in NAMES:
        a_customer(each), a_package(each), connexcs.add_connexcs_package(each)
    assert found(find_customers(typed)) == [name]
    assert found(catalogue.find_packages(TODAY, typed)) == [name]
    assert found(connexcs.find_connexcs_packages(typed)) == [name]


def test_a_decomposed_word_finds_a_composed_name_and_the_other_way_round() -> None:
    a_customer("Café Nord"), a_customer("Cafe\u0301 Sud")
    for typed in ("café", "cafe\u0301", "cafe", "CAFÉ"):
        assert sorted(found(find_customers(typed))) == ["Café Nord", "Café Sud"]


def test_lists_are_sorted_by_letters_without_their_marks_whichever_database_keeps_them() -> None:
    for each in NAMES:
        a_customer(each), a_package(each), connexcs.add_connexcs_package(each)
    pages = (
        listing.page(find_customers(), SORTS["name"]),
        listing.page(catalogue.find_packages(TODAY), catalogue.SORTS["name"]),
        listing.page(connexcs.find_connexcs_packages(), connexcs.BY_NAME),
    )
    assert [[row.name for row in page.rows] for page in pages] == [IN_ORDER] * 3
    backwards = listing.page(find_customers(), SORTS["-name"], size=5)
    onwards = listing.page(find_customers(), SORTS["-name"], after=backwards.after, size=20)
    assert [row.name for row in [*backwards.rows, *onwards.rows]] == IN_ORDER[::-1]
    assert [name for _, name in connexcs.connexcs_choices()] == IN_ORDER


def test_an_address_behind_a_name_changes_nothing_of_its_place() -> None:
    for name, email in (("Acme", "zed@acme.example"), ("Acme Beta", "a@acme.example")):
        customers.change_customer(c := a_customer(name), customers.fields_of(c, email=email))
    page = listing.page(find_customers("acme.example"), SORTS["name"])
    assert [row.name for row in page.rows] == ["Acme", "Acme Beta"]


def test_the_key_is_compared_letter_by_letter_whatever_the_language_of_the_database() -> None:
    if db.engine.dialect.name != "postgresql":
        return  # SQLite compares bytes
    query = text(
        "select distinct collation_name from information_schema.columns"
        " where column_name in ('name_key', 'search_key', 'details_key') or (table_name, column_name) ="
        " ('account_code', 'key')"
    )
    assert list(db.session.scalars(query)) == ["C"]


def test_names_are_stored_composed() -> None:
    customer, package = a_customer(DECOMPOSED), a_package(DECOMPOSED)
    service = connexcs.add_connexcs_package(DECOMPOSED)
    customers.change_customer(customer, customers.fields_of(customer, account_codes=("zoe\u0308-1",)))
    names = [customer.name, package.name, service.name, *codes_of(customer), people.checked_name(DECOMPOSED)]
    assert names == ["Zoë Voice"] * 3 + ["zoë-1", "Zoë Voice"]


def test_a_customer_is_found_by_all_that_is_known_of_them_however_long_it_is() -> None:
    details = "x " * 110 + "Registered in Łódź"
    customer = a_customer("N" * 60 + " " + "Ж" * 59)
    fields = customers.fields_of(
        customer, email=f"{'e' * 60}@{'d' * 60}.{'d' * 60}.example", company_details=details
    )
    customers.change_customer(customer, fields)
    for typed in ("lodz", "registered ж", "d.example", "nnnn"):
        assert found(find_customers(typed)) == [customer.name]


@pytest.mark.parametrize("name", ["\u200b", "\u00ad\u2060", "\ufdfa" * 120])
def test_a_name_that_cannot_be_seen_or_sorted_is_refused_at_its_field(name: str) -> None:
    for make in (a_customer, a_package, connexcs.add_connexcs_package):
        with pytest.raises(Invalid) as refusal:
            make(name)
        assert refusal.value.field == "name"


# -- told apart


def test_names_with_other_marks_and_scripts_are_two_in_commands_and_forms() -> None:
    for name in ("Müller", "Muller", "李", "里"):
        customer = a_customer(name)
        assert named(name) is customer
    assert named("MU\u0308LLER").name == "Müller"


def test_a_customer_is_named_with_whichever_apostrophe_and_hyphen_the_keyboard_has() -> None:
    customer = a_customer("O’Brien & Saint‐Gobain")
    for typed in ("O'Brien & Saint-Gobain", "o`brien  &\u00a0saint–gobain"):
        assert named(typed) is customer


def test_who_was_meant_is_asked_where_only_the_marks_differ() -> None:
    a_customer("Ángel Comunicaciones")
    with pytest.raises(Invalid, match=r"Did you mean Ángel Comunicaciones\?"):
        named("angel comunicaciones")


def test_two_services_read_alike_are_two_and_are_enabled_each_by_itself() -> None:
    customer = a_customer()
    for name in ("李", "里"):
        package = a_package(f"Package {name}")
        package.connexcs_package = connexcs.add_connexcs_package(name)
        for start in (1, 10):
            assigned(package, customer, TODAY.replace(day=start))
    [account] = services_enabled(None, TODAY)
    assert [service.name for service in account.services] == ["李", "里"]
    with pytest.raises(Invalid, match="already exists"):
        connexcs.add_connexcs_package("ﬁ") and connexcs.add_connexcs_package("FI")


def test_packages_that_differ_in_a_mark_are_no_namesakes_and_a_file_names_each(session: Any) -> None:
    a_customer("Acme"), a_package("Café"), a_package("Cafe")
    assert catalogue.namesake("CAFE\u0301", None).name == "Café"
    lines = "number,customer,package,start date\n"
    lines += "+442079460101,ACME,Cafe\u0301,2026-12-01\n020 7946 0102,acme,cafe,2026-12-01"
    report = check(read_lines(lines, "text"), Wanted(country="GB"))
    assert [row.wanted.package.name for row in report.rows] == ["Café", "Cafe"]


@pytest.mark.parametrize("written", ["cote d'ivoire", "Côte d’Ivoire", "COTE D'IVOIRE", "CI"])
def test_a_country_is_named_without_its_marks(written: str) -> None:
    report = check(read_lines(f"number;country\n+2252123456789;{written}", "text"), Wanted())
    assert report.rows[0].wanted.country == "CI"


def test_codes_that_differ_in_a_mark_are_two_and_are_found_without_it() -> None:
    one, other = a_customer("One"), a_customer("Other")
    customers.change_customer(
        one, customers.fields_of(one, account_codes=split("Zürich-1, Aarau, Äsch, Mu\u0308"))
    )
    customers.change_customer(other, customers.fields_of(other, account_codes=("Zurich-1",)))
    db.session.expire_all()
    assert codes_of(one) == ("Aarau", "Äsch", "Mü", "Zürich-1")
    assert sorted(found(find_customers("zurich–1"))) == ["One", "Other"]
    assert meant_codes([one], "asch") == {one.id: "Äsch"}
    assert (named("ZU\u0308RICH‐1"), named("zurich-1")) == (one, other)
    with pytest.raises(Invalid, match="is an account code of One"):
        customers.change_customer(other, customers.fields_of(other, account_codes=("zürich‑1",)))


def test_a_file_of_calls_names_customers_as_commands_do(tmp_path: Any) -> None:
    for name in ("Müller", "Muller", "O’Brien"):
        a_customer(name)
    rows = [
        a_line(f"call {n}", "2026-11-03 10:00:00", 60, "1", customer=name)
        for n, name in enumerate(("Mu\u0308ller", "MULLER", "o'brien", "Müllér"))
    ]
    bad = bad_rows(taken_in(a_file(tmp_path, rows)))
    assert len(bad) == 1 and "Müllér" in bad[0][1]


# -- the other lists


def test_people_are_listed_by_name_without_marks() -> None:
    for number, name in enumerate(("zoe", "Élodie", "Emma", "ben", "Łukasz")):
        people.create(f"p{number}@lumen.example", name, "ledger-lantern-42", "viewer")
    names = [user.name for user in people.staff() if user.email.startswith("p")]
    assert names == ["ben", "Élodie", "Emma", "Łukasz", "zoe"]


def test_charges_are_found_by_customer_package_did_and_what_was_typed_by_hand() -> None:
    customer = a_customer("Łódź Telekom")
    did = a_did(customer, "+442079460101")
    asked = ManualCharge(customer, TODAY, Decimal(5), Decimal(0), "Établissement – Zoe\u0308")
    charge = charge_manually(asked, token="by hand", today=TODAY, by=BEN, now=NOW)
    assert charge.label == "Établissement – Zoë"
    for typed in ("lodz", "ETABLISSEMENT", "établissement - zoë", "zoe"):
        assert [row.id for row in charge_page(Asked(typed)).rows] == [charge.id], typed
    other = a_package("Sprachpaket Süd")
    visit = ManualCharge(
        customer, TODAY, Decimal(5), Decimal(0), "Visit", assignment=assigned(other, customer, did=did)
    )
    on_did = charge_manually(visit, token="on the DID", today=TODAY, by=BEN, now=NOW)
    for typed in ("+44 (0)20 7946 0101", "020 7946 0101", "sud", "0044 20 7946"):
        assert [row.id for row in charge_page(Asked(typed)).rows] == [on_did.id], typed


def test_the_audit_log_is_searched_by_letters_and_by_numbers_as_people_write_them() -> None:
    a_did(a_customer("Łódź Telekom"), "+442079460101")
    db.session.flush()
    labels = {entry.label for entry in db.session.scalars(find_entries("lodz telekom"))}
    assert "Łódź Telekom" in labels
    for typed in ("+44 (0)20 7946 0101", "020 7946 0101", "0044 20 7946 0101"):
        assert [entry.label for entry in db.session.scalars(find_entries(typed))] == ["+442079460101"]


# -- DIDs


@pytest.mark.parametrize(
    "typed",
    [
        "+44 (0)20 7946 0101", "020 7946 0101", "0044 20 7946 0101", "0044 (0)20 7946 0101", "020.7946.0101",
        "020/7946/0101", "020\u00a07946\u00a00101", "44 20 7946 0101", "011 44 20 7946 0101", "(020) 7946-0101",
    ],
)  # fmt: skip
def test_a_did_is_found_in_every_way_people_write_it(session: Any, typed: str) -> None:
    customer = a_customer("Łódź Telekom")
    did = a_did(customer, "+442079460101")
    a_did(customer, "+442079460102")
    session.add(Did(number="+12125552368", country="US", customer=customer, created_at=NOW))
    held = assigned(a_package(), customer, did=did)
    session.flush()
    assert [row.number for row in session.scalars(dids.find_dids(TODAY, typed))] == ["+442079460101"]
    if not typed.startswith("011"):  # an assignment is looked for among few, as it may be dialled at home
        assert list(session.scalars(of_customer(customer, typed))) == [held]


def test_dids_are_found_by_their_customers_name_without_marks(session: Any) -> None:
    a_did(a_customer("Łódź Telekom"))
    assert len(session.scalars(dids.find_dids(TODAY, "lodz")).all()) == 1
