"""Files of calls as switches, carriers and spreadsheets write them: what becomes of them, by page and by command.

The customer is Northwind Telecom, in GBP, with the DID +44 20 7946 0100. Some layouts are described by hand first.
"""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select

from portal import cli
from portal.extensions import db
from portal.models import Call, CallImport, Customer, CustomerTaxRate
from portal.services.calls import columns
from portal.services.customers import customers
from tests.calling import bad_rows
from tests.pages import error_at, page, words
from tests.trade import NOW, TODAY, a_customer, a_did

FOLDER = Path(__file__).parent / "data" / "calls"
Described = dict[str, str]
TakeIn = Callable[..., CallImport]

A2BILLING = {
    "call_id": "uniqueid", "customer": "card_id", "did": "src", "destination": "calledstation",
    "started_at": "starttime", "seconds": "sessiontime", "amount": "sessionbill", "cost": "buycost",
}  # fmt: skip
TWILIO = {
    "call_id": "Call Sid", "did": "From", "destination": "To", "started_at": "Start Time", "seconds": "Duration",
    "amount": "Price", "currency": "Price Unit",
}  # fmt: skip
TELNYX = {
    "call_id": "Call Uuid", "did": "Originating Number", "destination": "Terminating Number",
    "started_at": "Start Timestamp", "seconds": "Billable Time", "amount": "Cost", "currency": "Currency",
}  # fmt: skip
DIDWW = {
    "call_id": "Date/Time Connect (UTC)", "did": "Source", "destination": "Destination DID",
    "started_at": "Date/Time Start (UTC)", "seconds": "Duration (sec)", "amount": "Metered Channels (USD)",
}  # fmt: skip


@pytest.fixture(params=["page", "command"])
def take_in(request, app, client, session, monkeypatch, tmp_path) -> TakeIn:
    """Takes a file of the folder in, by page or by command, its columns chosen by hand where that is said."""
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())
    monkeypatch.setattr("portal.create_app", lambda: app)

    def by_page(path: Path, described: Described) -> None:
        more = {"by_hand": "y"} if described else {}
        sent = {"file": (BytesIO(path.read_bytes()), path.name), **more}
        answer = client.post("/calls", data=sent, content_type="multipart/form-data")
        if described:
            assert answer.location.endswith("/columns")
            answer = client.post(
                answer.location, data=dict.fromkeys(columns.WORDS, "") | _places(path, described)
            )
        soup = page(client.get(answer.location))
        for _, sentence in bad_rows(_last()):
            assert sentence in words(soup.main)

    def by_command(path: Path, described: Described) -> None:
        if described:
            columns.remember(_head(path), columns.Mapping(_places(path, described)))
        db.session.commit()
        bad = tmp_path / "bad.csv"
        answer = CliRunner().invoke(cli.main, ["import", "calls", str(path), "--bad-rows", str(bad)])
        import_ = _last()
        assert answer.exit_code == (3 if import_.bad_count else 0), answer.output
        if import_.bad_count:
            assert len(bad.read_text().splitlines()) == import_.bad_count + 1

    def take_in(name: str, described: Described | None = None, **changed: str) -> CallImport:
        text = next(FOLDER.glob(f"{name}-*.csv")).read_text()
        for old, new in changed.items():
            text = text.replace(old, new)
        path = tmp_path / f"{name}.csv"
        path.write_text(text)
        session.commit()
        {"page": by_page, "command": by_command}[request.param](path, described or {})
        return _last()

    return take_in


def _last() -> CallImport:
    db.session.rollback()
    return db.session.scalars(select(CallImport).order_by(CallImport.id.desc()).limit(1)).one()


def _head(path: Path) -> list[str]:
    from portal.services.calls.files import head_of

    return head_of(path)[0]


def _places(path: Path, described: Described) -> dict[str, int]:
    head = _head(path)
    return {name: head.index(column) for name, column in described.items()}


@pytest.fixture
def northwind(session) -> Customer:
    return _northwind("GBP")


def _northwind(currency: str) -> Customer:
    customer = a_customer("Northwind Telecom", currency)
    a_did(customer, "+442079460100")
    return customer


def coded(customer: Customer, *codes: str) -> None:
    customers.change_customer(customer, customers.fields_of(customer, account_codes=codes))
    db.session.flush()


def number_seven() -> None:
    """Somebody is our customer #7; PostgreSQL goes on counting where the test before stopped, below 7 or above."""
    for number in range(7):
        a_customer(f"Customer {number}")
    if db.session.get(Customer, 7) is None:
        rates = [CustomerTaxRate(rate=0)]
        db.session.add(
            Customer(
                id=7, token="seven", name="Customer Seven", currency="GBP",
                created_on=TODAY, created_at=NOW, tax_rates=rates,
            )
        )  # fmt: skip
        db.session.flush()


def reasons(import_: CallImport) -> list[str]:
    return [sentence for _, sentence in bad_rows(import_)]


def taken() -> dict[str, tuple[str, str, int, str]]:
    """Every call: whose, where to, how long and for how much."""
    query = select(Call).order_by(Call.call_id)
    return {
        call.call_id: (call.customer.name, call.destination, call.seconds, f"{call.amount.normalize():f}")
        for call in db.session.scalars(query)
    }


def nobody(text: str) -> str:
    return f"There is no customer {text}: it is neither an account code nor a name."


def test_the_ids_of_an_a2billing_are_nobodys_until_they_are_account_codes(northwind, take_in):
    number_seven()
    assert reasons(take_in("07", A2BILLING)) == [nobody("7"), nobody("12")]
    assert not taken()
    coded(northwind, "7")
    assert reasons(take_in("07", A2BILLING)) == [nobody("12")]
    assert taken() == {"1795070653.43": ("Northwind Telecom", "4930123456", 38, "0.0213")}


def test_ids_of_another_system_bill_nobody_and_never_against_the_did(northwind, take_in):
    number_seven()
    assert reasons(take_in("32b")) == [nobody("7")]
    southwind = a_customer("Southwind")
    coded(southwind, "7")
    assert reasons(take_in("32b")) == [
        f"The row names Southwind (#{southwind.id}), but its source 442079460100 was a DID of "
        f"Northwind Telecom (#{northwind.id}) on 2026-11-20."
    ]
    assert not taken()


def test_calls_of_a_carrier_in_dollars_are_not_charged_as_pounds(northwind, take_in):
    in_usd = f"The call is in USD; Northwind Telecom (#{northwind.id}) is charged in GBP."
    assert reasons(take_in("12a", TWILIO))[0] == in_usd
    assert reasons(take_in("13", TELNYX)) == [in_usd]
    assert reasons(take_in("15", DIDWW)) == [in_usd]
    assert not taken()


def test_calls_of_a_carrier_in_dollars_are_taken_for_a_customer_in_dollars(session, take_in):
    _northwind("USD")
    assert not reasons(take_in("13", TELNYX)) and not reasons(take_in("15", DIDWW))
    assert taken() == {
        "2026-11-20 10:00:09": ("Northwind Telecom", "442079460100", 50, "0.003"),
        "428c31b6-7af4-4bcb-b7f5-5013ef9657c1": ("Northwind Telecom", "447700900123", 120, "0.012"),
    }


def test_numbers_that_a_spreadsheet_has_shortened_are_bad(northwind, take_in):
    found = reasons(take_in("31"))
    assert len(found) == 2 and not taken()
    assert all(
        sentence.startswith("A spreadsheet has shortened the call id to 1.79517E+09:") for sentence in found
    )


def test_who_is_unknown_is_named_and_a_did_says_whose_a_call_is(northwind, take_in):
    import_ = take_in("35")
    assert taken() == {"k4": ("Northwind Telecom", "447700900123", 90, "0.0213")}
    found = dict(bad_rows(import_))
    assert (found[2], found[3]) == (nobody("Northwind Telecom Ltd"), nobody("NORTHWIND"))
    assert found[6] == (
        "The row does not say whose call it is: 442079460999 and 447700900123 are not DIDs of a customer."
    )
    coded(northwind, "northwind", "Northwind Telecom Ltd")
    assert 2 not in dict(bad_rows(take_in("35"))) and {"k1", "k2"} <= set(taken())


def test_inbound_calls_find_their_owner_by_the_destination(northwind, take_in):
    in_usd = f"The call is in USD; Northwind Telecom (#{northwind.id}) is charged in GBP."
    assert reasons(take_in("40")) == [in_usd, in_usd]
    assert not reasons(take_in("40", USD="GBP"))
    assert taken() == {
        "i1": ("Northwind Telecom", "447700900123", 90, "0.0213"),
        "i2": ("Northwind Telecom", "442079460100", 90, "0.03"),
    }


def test_calls_of_an_archived_customer_are_bad_whether_named_or_by_their_did(northwind, take_in):
    northwind.archived_on = TODAY
    archived = f"Northwind Telecom (#{northwind.id}) is archived. Restore the customer first."
    coded(northwind, "NORTHWIND")
    found = dict(bad_rows(take_in("35")))
    assert found[3] == archived and found[5] == f"+44 20 7946 0100 is a DID of {archived}"
    assert not taken()


def test_a_call_of_a_year_ahead_is_bad(northwind, take_in):
    import_ = take_in("40", **{"USD": "GBP", "2026-11-20 10:00": "2027-11-20 10:00"})
    assert reasons(import_) == ["Start time 2027-11-20 10:00:05 is more than a day in the future."]
    assert set(taken()) == {"i2"}


def test_a_file_whose_only_price_is_called_cost_asks_what_it_is(
    northwind, app, client, session, monkeypatch, tmp_path
):
    """By page it asks at once; by command it says where to answer, and takes nothing."""
    path = next(FOLDER.glob("13-*.csv"))
    text = path.read_text().replace("Call Uuid", "Call ID").replace("Start Timestamp", "Start Time")
    text = (
        text.replace("Originating Number", "From")
        .replace("Terminating Number", "To")
        .replace("Billable Time", "Billsec")
    )
    session.commit()
    answer = client.post(
        "/calls", data={"file": (BytesIO(text.encode()), "13.csv")}, content_type="multipart/form-data"
    )
    soup = page(client.get(answer.location))
    assert "Is Cost what the customer pays? Then choose it as Charge." in words(soup.main)
    assert soup.select_one("select[name=cost] option[selected]").text.startswith("Cost")
    assert not soup.select_one("select[name=amount] option[selected]")["value"]
    assert "Choose the column" in error_at(
        page(client.post(answer.location, data={"call_id": 7}), 422), "amount"
    )
    monkeypatch.setattr("portal.create_app", lambda: app)
    (tmp_path / "13.csv").write_text(text)
    said = CliRunner().invoke(cli.main, ["import", "calls", str(tmp_path / "13.csv")])
    assert said.exit_code == 1 and "Is Cost what the customer pays?" in said.output
    assert not session.scalar(select(func.count(Call.id)))
