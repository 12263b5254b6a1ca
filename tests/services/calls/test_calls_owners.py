"""Whose a call is: a file never bills somebody whom it does not name, and never in another currency than theirs."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from portal.domain.call_files import names
from portal.domain.call_files.layout import Layout
from portal.domain.errors import Invalid
from portal.extensions import db
from portal.models import Call, FileKind
from portal.services.calls import importing, layouts
from portal.services.csv import layouts as file_layouts
from portal.services.customers import customers
from tests.calling import HEAD, a_file, a_line, accepted, bad_rows, taken_in
from tests.trade import NOW, TODAY, a_customer, a_did, a_package, assigned

WHEN = "2026-11-03 10:00:00"
ARCHIVED = "is archived. Restore the customer first."
SHORTENED = "the remaining digits are lost. Export the file again and do not open it in a spreadsheet."


def charged() -> dict[str, int]:
    """Whose each call is, by call id."""
    return {call.call_id: call.customer_id for call in db.session.scalars(select(Call))}


def refusal(tmp_path, *cells: str, head: str = HEAD) -> str:
    """Why a row is bad; empty for one that was taken in."""
    found = bad_rows(taken_in(a_file(tmp_path, [",".join(cells)], head)))
    return found[0][1] if found else ""


def coded(name: str, *codes: str, currency: str = "GBP"):
    customer = a_customer(name, currency)
    customers.change_customer(customer, customers.fields_of(customer, account_codes=codes))
    db.session.flush()
    return customer


# -- by account code, name, number


def test_a_customer_is_found_by_account_code_then_name_then_number_and_never_by_a_bare_number_or_a_token(
    session, tmp_path
):
    acme, globex = a_customer("Acme"), a_customer("Globex")
    other = coded("Initech", str(acme.id), "Ext.102", "new")
    lines = [
        a_line("code", WHEN, 60, "1", customer="EXT.102"),
        a_line("number of another system", WHEN, 60, "1", customer=str(acme.id)),
        a_line("our number", WHEN, 60, "1", customer=f"#{acme.id}"),
        a_line("name", WHEN, 60, "1", customer="globex"),
        a_line("bare", WHEN, 60, "1", customer=str(globex.id)),
        a_line("token", WHEN, 60, "1", customer=acme.token),
        a_line("nobody", WHEN, 60, "1", customer="#99999"),
    ]
    import_ = taken_in(a_file(tmp_path, lines))
    assert charged() == {
        "code": other.id, "number of another system": other.id, "our number": acme.id, "name": globex.id,
    }  # fmt: skip
    nobody = "it is neither an account code nor a name."
    assert [sentence for _, sentence in bad_rows(import_)] == [
        f"There is no customer {globex.id}: {nobody}",
        f"There is no customer {acme.token}: {nobody}",
        "There is no customer #99999.",
    ]


def test_two_customers_of_one_name_are_told_apart_by_code_or_number(session, tmp_path):
    a_customer("Acme")
    second = coded("Acme", "acme-2")
    assert "Several customers are called Acme" in refusal(tmp_path, "a", "Acme", "", "44", WHEN, "1", "1", "")
    assert not refusal(tmp_path, "b", "acme-2", "", "44", WHEN, "1", "1", "")
    assert charged() == {"b": second.id}


# -- a name against a DID


@pytest.fixture
def two(session):
    """Two customers, each with a DID."""
    acme, globex = coded("Acme", "7"), a_customer("Globex")
    a_did(acme, "+442079460100")
    a_did(globex, "+442079460200")
    return acme, globex


def test_a_row_that_names_one_customer_and_comes_from_the_did_of_another_is_bad_and_names_both(two, tmp_path):
    acme, globex = two
    assert refusal(tmp_path, "a", "7", "442079460200", "33199009999", WHEN, "60", "1", "") == (
        f"The row names Acme (#{acme.id}), but its source 442079460200 was a DID of "
        f"Globex (#{globex.id}) on 3 Nov 2026."
    )
    assert not charged()


def test_a_call_from_the_did_of_another_to_their_own_is_of_whom_the_row_names(two, tmp_path):
    acme, globex = two
    line = a_line("a", WHEN, 60, "1", customer="Acme", did="442079460200", destination="442079460100")
    both = line.replace("Acme", "Globex")
    assert not bad_rows(taken_in(a_file(tmp_path, [line, both])))
    query = select(Call).order_by(Call.customer_id)
    assert [call.customer_id for call in db.session.scalars(query)] == [acme.id, globex.id]


def test_whose_the_source_was_is_asked_for_the_day_of_the_call(two, tmp_path):
    acme, globex = two
    did = a_did(acme, "+442079460300")
    assigned(a_package("DID"), acme, date(2026, 9, 1), did=did, end_date=date(2026, 10, 20))
    did.customer = globex
    db.session.flush()
    lines = [
        a_line("before", "2026-10-20 10:00:00", 60, "1", customer="Acme", did=did.number),
        a_line("not yet", "2026-10-20 10:00:00", 60, "1", customer="Globex", did=did.number),
        a_line("after", "2026-11-03 10:00:00", 60, "1", customer="Globex", did=did.number),
        a_line("no more", "2026-11-03 10:00:00", 60, "1", customer="Acme", did=did.number),
    ]
    import_ = taken_in(a_file(tmp_path, lines))
    assert charged() == {"before": acme.id, "after": globex.id}
    assert [line for line, _ in bad_rows(import_)] == [3, 5]


def test_where_nobody_is_named_the_source_says_whose_it_is_else_the_destination(two, tmp_path):
    acme, globex = two
    lines = [
        a_line("out", WHEN, 60, "1", customer="", did="442079460100", destination="442079460200"),
        a_line("in", WHEN, 60, "1", customer="", did="4930123456", destination="+44 20 7946 0200"),
        a_line("in hidden", WHEN, 60, "1", customer="", destination="442079460200"),
        a_line("nobody's", WHEN, 60, "1", customer="", did="4930123456", destination="33199009999"),
        a_line("nothing", WHEN, 60, "1", customer="", destination=""),
    ]
    import_ = taken_in(a_file(tmp_path, lines))
    assert charged() == {"out": acme.id, "in": globex.id, "in hidden": globex.id}
    assert [sentence for _, sentence in bad_rows(import_)] == [
        "The row does not say whose call it is: 4930123456 and 33199009999 are not DIDs of a customer.",
        "The row does not say whose call it is.",
    ]


# -- the archive


@pytest.mark.parametrize("named", ["Acme", "7", "#"])
def test_a_row_that_names_an_archived_customer_is_bad(two, tmp_path, named):
    acme, _ = two
    acme.archived_on = TODAY
    db.session.flush()
    said = f"#{acme.id}" if named == "#" else named
    assert refusal(tmp_path, "a", said, "", "44", WHEN, "1", "1", "") == f"Acme (#{acme.id}) {ARCHIVED}"


@pytest.mark.parametrize(("did", "destination"), [("442079460100", "33"), ("33", "442079460100")])
def test_a_call_of_the_did_of_an_archived_customer_is_bad(two, tmp_path, did, destination):
    acme, _ = two
    acme.archived_on = TODAY
    db.session.flush()
    assert refusal(tmp_path, "a", "", did, destination, WHEN, "1", "1", "") == (
        f"442079460100 is a DID of Acme (#{acme.id}) {ARCHIVED}"
    )


# -- currencies


@pytest.mark.parametrize("name", ["currency", "Currency Code", "Price Unit", "CCY", "price_unit"])
def test_a_call_in_another_currency_than_its_customers_is_bad(session, tmp_path, name):
    acme = a_customer("Acme")
    head = f"call id,customer,start time,seconds,charge,{name}"
    lines = [
        *(f"{said},Acme,{WHEN},60,1,{said}" for said in ("GBP", " gbp ", "£", "USD", "euro", "$")),
        f"nothing said,Acme,{WHEN},60,1,",
        f"nothing charged,Acme,{WHEN},60,0,",
    ]
    import_ = taken_in(a_file(tmp_path, lines, head))
    assert set(charged()) == {"GBP", "gbp", "£", "nothing charged"}
    assert [sentence for _, sentence in bad_rows(import_)] == [
        f"The call is in USD; Acme (#{acme.id}) is charged in GBP.",
        "Currency is euro: enter three letters, such as USD.",
        "Currency is $: enter three letters, such as USD.",
        "The currency is missing. Enter GBP if the call is in GBP.",
    ]


@pytest.mark.parametrize(
    ("name", "currency"),
    [
        ("Price (USD)", "USD"), ("Charge [usd]", "usd"), ("charge_usd", "usd"), ("Price EUR", "EUR"),
        ("Amount(€)", "€"), ("Charge £", "£"), ("Price ($)", "$"),
        ("Charge", ""), ("Charge all", ""), ("Price per min", ""), ("GBP", ""), ("Charge (net)", ""),
        ("x" * 200 + " USD", ""),
    ],
)  # fmt: skip
def test_a_columns_name_may_say_the_currency(name, currency):
    assert names.without_currency(name)[1] == currency


def test_a_charge_whose_name_says_another_currency_is_known_as_a_charge_and_its_rows_are_bad(
    session, tmp_path
):
    acme, dollars = a_customer("Acme"), a_customer("Dollars", "USD")
    head = "call id,customer,start time,seconds,Price (USD)"
    lines = [f"a,Acme,{WHEN},60,1", f"b,Dollars,{WHEN},60,1"]
    assert bad_rows(taken_in(a_file(tmp_path, lines, head))) == [
        (2, f"The call is in USD; Acme (#{acme.id}) is charged in GBP.")
    ]
    assert charged() == {"b": dollars.id}
    of_row = [f"c,Acme,{WHEN},60,1,GBP", f"d,Acme,{WHEN},60,1,"]
    assert [line for line, _ in bad_rows(taken_in(a_file(tmp_path, of_row, head + ",currency")))] == [3]


def test_a_currency_column_of_any_name_is_mapped_by_hand(session, tmp_path):
    acme = a_customer("Acme")
    path = a_file(tmp_path, [f"a,Acme,{WHEN},60,1,USD"], "call id,customer,start time,seconds,charge,in what")
    import_ = accepted(path, by_hand=True)
    places = {"call_id": 0, "customer": 1, "started_at": 2, "seconds": 3, "amount": 4, "currency": 5}
    importing.describe(import_, Layout(places), NOW)
    session.commit()
    assert bad_rows(taken_in(path)) == [(2, f"The call is in USD; Acme (#{acme.id}) is charged in GBP.")]


def test_a_cost_whose_name_says_another_currency_is_not_taken_for_one_in_the_customers(session, tmp_path):
    acme, dollars = a_customer("Acme"), a_customer("Dollars", "USD")
    lines = [
        *(f"{who} {cost},{who},{WHEN},60,1,{cost}" for who in ("Acme", "Dollars") for cost in ("5", "0", "")),
    ]
    import_ = taken_in(a_file(tmp_path, lines, "call id,customer,start time,seconds,charge,Cost (USD)"))
    assert bad_rows(import_) == [(2, f"Its cost is in USD; Acme (#{acme.id}) is charged in GBP.")]
    assert [charged()[f"Dollars {cost}".strip()] for cost in ("5", "0", "")] == [dollars.id] * 3
    assert session.scalars(select(Call.cost).where(Call.call_id == "Dollars 5")).one() == 5


def test_a_remembered_layout_without_a_currency_does_not_hide_the_column_of_the_currency(session, tmp_path):
    acme = a_customer("Acme")
    head = "call id,customer,start time,seconds,charge,currency"
    cells = head.split(",")
    places = {name: found[0] for name, found in names.recognise(cells).items() if name != "clock"}
    del places["currency"]
    path = a_file(tmp_path, [f"a,Acme,{WHEN},60,1,USD", f"b,Acme,{WHEN},60,1,GBP"], head)
    import_ = accepted(path, by_hand=True)
    with pytest.raises(Invalid, match="currency seems to say what currency charges are in") as refused:
        importing.describe(import_, Layout(places), NOW)
    assert refused.value.field == "currency"
    # as one was kept before that was refused
    file_layouts.remember(FileKind.CALLS, cells, Layout(places))
    session.commit()
    assert bad_rows(taken_in(path)) == [(2, f"The call is in USD; Acme (#{acme.id}) is charged in GBP.")]
    # a column of that name that means something else is mapped as that
    assert layouts.hidden_currency(cells, Layout(places | {"destination": 5})) is None


# -- what a call is charged


@pytest.mark.parametrize("name", ["Cost", "buycost", "Provider Charge", "Cost (GBP)"])
def test_cost_alone_is_never_taken_for_the_charge_without_asking(session, tmp_path, name):
    acme = a_customer("Acme")
    path = a_file(tmp_path, [f"a,Acme,{WHEN},60,1"], f"call id,customer,start time,seconds,{name}")
    import_ = accepted(path)
    assert importing.needs_layout(import_) and "Is Cost what the customer pays?" in import_.sentence
    places = {"call_id": 0, "customer": 1, "started_at": 2, "seconds": 3, "amount": 4}
    importing.describe(import_, Layout(places), NOW)
    session.commit()
    assert not bad_rows(taken_in(path))
    assert charged() == {"a": acme.id} and db.session.scalars(select(Call.amount)).one() == Decimal(1)


# -- what a spreadsheet has shortened


@pytest.mark.parametrize(
    ("place", "what"), [(0, "call id"), (1, "account code"), (2, "source"), (3, "destination")]
)
@pytest.mark.parametrize("written", ["4.47701E+11", "1,69e+15", "'+4E+11", "+4.4E+011"])
def test_a_number_that_a_spreadsheet_has_shortened_is_bad_wherever_it_stands(
    two, tmp_path, place, what, written
):
    cells = ["a", "Acme", "442079460100", "33199009999", WHEN, "60", "1", ""]
    cells[place] = written
    said = refusal(tmp_path, *cells, head=HEAD) if "," not in written else ""
    if "," in written:
        head = HEAD.replace(",", ";")
        ((_, said),) = bad_rows(taken_in(a_file(tmp_path, [";".join(cells)], head)))
    assert said == f"A spreadsheet has shortened the {what} to {written.removeprefix(chr(39))}: {SHORTENED}"
    assert not charged()


def test_ids_that_only_look_alike_are_taken(session, tmp_path):
    a_customer("Acme")
    ids = ["4E11", "1.69e15", "7e+x", "12+E+1", "e+11", "5e-10"]
    lines = [a_line(id, WHEN, 60, "1", customer="Acme") for id in ids]
    assert not bad_rows(taken_in(a_file(tmp_path, lines)))
    assert set(charged()) == set(ids)


# -- days to come


@pytest.mark.parametrize(("ahead", "is_bad"), [(0, False), (1, False), (2, True), (365, True)])
def test_a_call_more_than_a_day_ahead_is_bad(session, tmp_path, ahead, is_bad):
    a_customer("Acme")
    when = f"{TODAY + timedelta(days=ahead)} 23:59:59"
    said = refusal(tmp_path, "a", "Acme", "", "44", when, "60", "1", "")
    assert said == (f"Start time {when} is more than a day in the future." if is_bad else "")


def test_a_day_ahead_is_one_of_the_portals_zone(session, tmp_path):
    a_customer("Acme")
    lines = [
        a_line("a", "2026-11-24T04:59:59Z", 60, "1", customer="Acme"),
        a_line("b", "2026-11-24T05:00:00Z", 60, "1", customer="Acme"),
    ]
    assert [line for line, _ in bad_rows(taken_in(a_file(tmp_path, lines), zone="America/New_York"))] == [3]
