"""Files of calls as switches, carriers and spreadsheets write them: what becomes of them, by page and by command.

The customer is Northwind Telecom, in GBP, with the DID +44 20 7946 0100; the portal is in London. Some layouts are
described once, on the page, before: what is not said there is as the page proposes it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select

from portal import cli
from portal.extensions import db
from portal.models import Call, CallImport, Company, Customer, CustomerTaxRate
from portal.services.calls import importing, rejects
from portal.services.customers import customers
from tests.calling import bad_rows
from tests.pages import error_at, page, words
from tests.trade import NOW, TODAY, a_customer, a_did

FOLDER = Path(__file__).parent / "data" / "calls"
LONDON = ZoneInfo("Europe/London")
# What is chosen on the page: a column by its name, or by its number where it has none; anything else as it is sent.
Described = dict[str, str | int]
TakeIn = Callable[..., CallImport]
COLUMNS = (
    "call_id", "customer", "did", "destination", "started_at", "clock", "seconds", "amount", "cost", "currency", "run",
)  # fmt: skip


@pytest.fixture
def by_page(app, client, session, monkeypatch):
    """Sends a file, describes it where that is said, looks at it and lets it go on."""
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())

    def by_page(name: str, content: bytes, described: Described | None) -> None:
        described_at(client, name, content, described)
        import_ = last()
        if not import_.layout:
            return
        look = page(client.get(f"/calls/{import_.id}"))
        assert "First rows" in words(look.main) and not taken_of(import_)
        assert client.post(f"/calls/{import_.id}/resumption").status_code == 303
        soup = page(client.get(f"/calls/{import_.id}"))
        for _, sentence in bad_rows(last()):
            assert sentence in words(soup.main) or "See the rows" in words(soup.main)

    return by_page


def described_at(client, name: str, content: bytes, described: Described | None) -> None:
    """A file sent, and its layout described on the page it leads to."""
    more = {"by_hand": "y"} if described else {}
    answer = client.post(
        "/calls", data={"file": (BytesIO(content), name), **more}, content_type="multipart/form-data"
    )
    assert answer.status_code == 303, error_at(page(answer, 422), "file")
    if described is not None:
        assert answer.location.endswith("/columns"), "it did not wait for its layout"
        answer = client.post(answer.location, data=chosen(last(), described))
        assert answer.status_code == 303, words(page(answer, 422).select_one(".note--bad"))


def chosen(import_: CallImport, described: Described) -> dict[str, str | int]:
    """What is sent for columns that are named."""
    head = rejects.head_of_import(import_)
    return {
        name: head.index(value)
        if name in COLUMNS and isinstance(value, str) and value not in ("", "none")
        else value
        for name, value in described.items()
    }


@pytest.fixture
def by_command(app, client, monkeypatch, tmp_path):
    """Describes a file on the page where that is said, and takes it in by the command."""
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())
    monkeypatch.setattr("portal.create_app", lambda: app)

    def by_command(name: str, content: bytes, described: Described | None) -> None:
        if described is not None:
            described_at(client, name, content, described)
        path, bad = tmp_path / name, tmp_path / "bad.csv"
        path.write_bytes(content)
        db.session.commit()
        answer = CliRunner().invoke(cli.main, ["import", "calls", str(path), "--bad-rows", str(bad)])
        import_ = last()
        expected = 3 if import_.bad_count else 0 if import_.layout else 1
        assert answer.exit_code == expected, answer.output
        if import_.bad_count:
            assert len(bad.read_text().splitlines()) == import_.bad_count + 1

    return by_command


@pytest.fixture(params=["page", "command"])
def take_in(request, session) -> TakeIn:
    """Takes a file of the folder in, by page or by command, described on the page before where that is said."""
    way = request.getfixturevalue(f"by_{request.param}")

    def take_in(name: str, described: Described | None = None, **changed: str) -> CallImport:
        way(f"{name}.csv", content_of(name, **changed), described)
        return last()

    return take_in


def content_of(name: str, **changed: str) -> bytes:
    """A file of the folder, with some of its text changed."""
    content = next(FOLDER.glob(f"{name}-*")).read_bytes()
    for old, new in changed.items():
        assert old.encode() in content
        content = content.replace(old.encode(), new.encode())
    return content


def last() -> CallImport:
    """The import that was begun last, as it is stored."""
    db.session.rollback()
    return db.session.scalars(select(CallImport).order_by(CallImport.id.desc()).limit(1)).one()


@pytest.fixture
def northwind(session) -> Customer:
    return a_northwind("GBP")


def a_northwind(currency: str, number: str = "+442079460100") -> Customer:
    db.session.get_one(Company, 1).time_zone = "Europe/London"
    customer = a_customer("Northwind Telecom", currency)
    a_did(customer, number)
    db.session.commit()
    return customer


def coded(customer: Customer, *codes: str) -> None:
    customers.change_customer(customer, customers.fields_of(customer, account_codes=codes))
    db.session.commit()


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
    db.session.commit()


def reasons(import_: CallImport) -> list[str]:
    return [sentence for _, sentence in bad_rows(import_)]


def taken() -> list[tuple[str, str, int, str]]:
    """Every call of Northwind: when it started in London, where to, how long and for how much."""
    query = select(Call).order_by(Call.started_at, Call.id)
    found = list(db.session.scalars(query))
    assert {call.customer.name for call in found} <= {"Northwind Telecom"}
    return [
        (
            f"{call.started_at.astimezone(LONDON):%Y-%m-%d %H:%M:%S}", call.destination, call.seconds,
            f"{call.amount.normalize():f}",
        )
        for call in found
    ]  # fmt: skip


def taken_of(import_: CallImport) -> int:
    return db.session.scalar(select(func.count(Call.id)).where(Call.import_id == import_.id)) or 0


def nobody(text: str) -> str:
    return f"There is no customer {text}: it is neither an account code nor a name."


def in_currency(currency: str, customer: Customer) -> str:
    return f"The call is in {currency}; Northwind Telecom (#{customer.id}) is charged in {customer.currency}."


# -- what each file comes to


@dataclass(frozen=True)
class Case:
    """A file: how it is described, and what it comes to. `bad` has the lines, and words of the reasons."""

    name: str
    taken: list[tuple[str, str, int, str]]
    described: Described | None = None
    bad: dict[int, str] = field(default_factory=dict)
    unanswered: int = 0
    passed: int = 0
    currency: str = "GBP"
    number: str = "+442079460100"
    codes: tuple[str, ...] = ()
    changed: dict[str, str] = field(default_factory=dict)


SHORTENED = "A spreadsheet has shortened the call id to 1.79517E+09:"
NO_DID = "The row does not say whose call it is"
IN_USD = "The call is in USD; Northwind Telecom"
CASES = [
    Case("07", [("2026-11-20 20:24:13", "4930123456", 38, "0.0213")], bad={3: nobody("12")}, codes=("7",)),
    Case("07", [], bad={2: nobody("7"), 3: nobody("12")}),
    Case(
        "09",
        [("2026-11-20 10:00:05", "447700900123", 90, "0.0213"), ("2026-11-20 10:04:05", "447700900124", 10, "0.003")],
        passed=1,
    ),
    Case("11", [("2026-11-20 09:21:03", "447700900123", 73, "0.0183")], passed=1, codes=("Ext.102",)),
    Case("11", [], bad={2: nobody("Ext.102")}, passed=1),
    Case("12a", [], bad={2: IN_USD}, unanswered=1),
    Case("12a", [("2026-11-20 18:00:05", "447700900123", 90, "0.0085")], unanswered=1, currency="USD"),
    Case("12b", [], bad={2: IN_USD}),
    Case("12b", [("2026-11-20 18:00:05", "447700900123", 90, "0.0085")], currency="USD"),
    Case("13", [], {"amount": "Cost", "cost": "", "seconds": "Billable Time"}, bad={2: IN_USD}),
    Case(
        "13", [("2026-11-20 10:00:05", "447700900123", 90, "0.012")],
        {"amount": "Cost", "cost": "", "seconds": "Call Duration"}, currency="USD",
    ),
    Case(
        "14",
        [("2026-11-20 10:03:05", "13125550119", 198, "0.03795"), ("2026-11-20 21:12:46", "13125550119", 60, "0.0115")],
        currency="USD", number="+12125550109",
    ),
    Case(
        "14",
        [("2026-11-20 10:03:05", "13125550119", 198, "0.03795"), ("2026-11-20 21:12:46", "13125550119", 60, "0.0115")],
        currency="USD", codes=("1234567",),
    ),
    Case("14", [], bad={2: NO_DID, 3: NO_DID}),
    Case("15", [], bad={2: IN_USD}),
    Case("15", [("2026-11-20 10:00:05", "442079460100", 50, "0.003")], currency="USD"),
    Case(
        "17",
        [("2026-11-20 09:00:05", "491712345678", 90, "0.0213"), ("2026-11-20 22:59:05", "43123456", 10, "0.003")],
        {"customer": "Rufnummer", "did": "", "call_id": "none", "zone": "Europe/Berlin"},
        passed=1, currency="EUR", codes=("+49 30 1234567",),
    ),
    Case(
        "18",
        [("2026-11-03 10:00:05", "447700900123", 90, "0.0213"), ("2026-11-20 10:00:00", "447700900124", 60, "0.0142")],
        {},
    ),
    Case(
        "19",
        [("2026-11-03 23:59:00", "447700900123", 90, "0.0213"), ("2026-11-20 09:05:00", "447700900124", 60, "0.0142")],
        {},
    ),
    Case("20", [("2026-11-20 10:00:05", "447700900123", 90, "0.0213")]),
    Case(
        "24",
        [("2026-09-01 00:30:00", "447700900123", 90, "1"), ("2026-11-20 10:00:05", "447700900124", 60, "0.0142")],
    ),
    Case("26", [("2026-11-20 10:00:05", "447700900123", 90, "0.0213")]),
    Case(
        "27",
        [("2026-11-20 10:00:05", "447700900123", 90, "0.0213"), ("2026-11-20 10:02:05", "447700900124", 60, "0.0142")],
        passed=2,
    ),
    Case(
        "28",
        [
            ("2026-11-20 10:00:05", "447700900123", 90, "0.0213"),
            ("2026-11-20 10:02:05", "447700900124", 60, "0.0142"),
            ("2026-11-20 10:03:05", "447700900125", 60, "1234.5"),
        ],
        bad={5: "The call is in dollars ($0.0142); Northwind Telecom"},
    ),
    Case(
        "29",
        [
            ("2026-11-20 10:00:05", "447700900123", 90, "0.0213"),
            ("2026-11-20 10:02:05", "447700900124", 90, "0.0142"),
            ("2026-11-20 10:03:05", "447700900125", 90, "0.0142"),
            ("2026-11-20 10:04:05", "447700900126", 90, "0.0142"),
            ("2026-11-20 10:05:05", "447700900127", 91, "0.0142"),
        ],
        {}, bad={7: "Seconds are 1.5: not mm:ss"},
    ),
    Case("29b", [("2026-11-20 10:00:05", "447700900123", 90, "0.0213")]),
    Case(
        "30",
        [("2026-11-20 10:00:05", "447700900123", 90, "0.0213"), ("2026-11-20 10:02:05", "447700900124", 60, "0.0142")],
    ),
    Case("31", [], bad={2: SHORTENED, 3: SHORTENED}),
    Case("32b", [], bad={2: nobody("7")}),
    Case("33", [("2026-11-20 10:00:05", "447700900123", 90, "0.0213")], unanswered=4),
    Case(
        "35",
        [("2026-11-20 10:02:05", "447700900123", 90, "0.0213"), ("2026-11-20 10:03:05", "447700900123", 90, "0.0213")],
        {"country": "GB"},
        bad={2: nobody("Northwind Telecom Ltd"), 3: nobody("NORTHWIND"), 6: NO_DID},
    ),
    Case("40", [], bad={2: IN_USD, 3: IN_USD}),
    Case(
        "40",
        [("2026-11-20 10:00:05", "447700900123", 90, "0.0213"), ("2026-11-20 10:10:05", "442079460100", 90, "0.03")],
        changed={"USD": "GBP"},
    ),
]  # fmt: skip


def test_every_file_of_the_folder_is_told_of():
    told = {case.name for case in CASES} | {"01", "02", "04", "05a", "05b"}
    assert {path.name.split("-")[0] for path in FOLDER.iterdir()} == told


@pytest.mark.parametrize(
    "case", CASES, ids=[f"{case.name}, {case.currency}{', coded' if case.codes else ''}" for case in CASES]
)
@pytest.mark.slow
def test_a_file_comes_to_what_it_says(session, take_in, case):
    northwind = a_northwind(case.currency, case.number)
    if case.codes:
        coded(northwind, *case.codes)
    if case.name in ("07", "32b"):
        number_seven()
    import_ = take_in(case.name, case.described, **case.changed)
    assert taken() == case.taken
    found = dict(bad_rows(import_))
    assert found.keys() == case.bad.keys(), found
    assert all(found[line].startswith(begin) for line, begin in case.bad.items()), found
    assert (import_.unanswered_count, import_.passed_count) == (case.unanswered, case.passed)


# -- refused


@pytest.mark.parametrize(("name", "what"), [("05a", "This is JSON."), ("05b", "This is XML.")])
def test_what_is_no_table_is_named_for_what_it_is(northwind, app, client, monkeypatch, name, what):
    path = next(FOLDER.glob(f"{name}-*"))
    sent = {"file": (BytesIO(path.read_bytes()), path.name)}
    assert what in error_at(
        page(client.post("/calls", data=sent, content_type="multipart/form-data"), 422), "file"
    )
    monkeypatch.setattr("portal.create_app", lambda: app)
    said = CliRunner().invoke(cli.main, ["import", "calls", str(path)])
    assert said.exit_code == 1 and what in said.output
    assert not db.session.scalar(select(func.count(CallImport.id)))


UNRATED = "No column says what a call is charged."


@pytest.mark.parametrize("name", ["01", "02", "04"])
def test_calls_that_nobody_rated_are_refused_by_naming_what_is_missing(northwind, take_in, client, name):
    import_ = take_in(name)
    assert importing.needs_layout(import_) and UNRATED in import_.sentence
    url = f"/calls/{import_.id}/columns"
    soup = page(client.get(url))
    assert UNRATED in words(soup.main)
    assert (
        soup.select_one("select[name=started_at] option[selected]")
        .text.split(": ")[1]
        .startswith("2026-11-20")
    )
    assert UNRATED in error_at(page(client.post(url, data={}), 422), "amount")
    assert not taken()


def test_columns_are_named_without_a_heading_and_remembered_by_their_number(northwind, take_in):
    """The file of an Asterisk, with what each call was charged behind it: answered ones only."""
    lines = content_of("01").decode().splitlines()
    rated = f'{lines[0]},"0.0213"\n{lines[1]},"0"\n'.encode()
    described = {
        "customer": "Column 1", "did": "Column 2", "destination": "Column 3", "started_at": "Column 10",
        "seconds": "Column 14", "call_id": "Column 17", "amount": "Column 19", "heading": 0,
    }  # fmt: skip
    way = take_in.__closure__[0].cell_contents
    way("rated.csv", rated, described)
    assert taken() == [("2026-11-20 10:00:05", "4930123456", 90, "0.0213")]
    assert last().unanswered_count == 1 and not last().bad_count
    way(
        "next.csv",
        rated.replace(b"2026-11-20", b"2026-11-21").replace(b"1795082405.1", b"1795168805.1"),
        None,
    )
    assert [when for when, *_ in taken()] == ["2026-11-20 10:00:05", "2026-11-21 10:00:05"]


# -- whose


def test_ids_of_another_system_bill_nobody_and_never_against_the_did(northwind, take_in):
    southwind = a_customer("Southwind")
    coded(southwind, "7")
    assert reasons(take_in("32b")) == [
        f"The row names Southwind (#{southwind.id}), but its source 442079460100 was a DID of "
        f"Northwind Telecom (#{northwind.id}) on 20 Nov 2026."
    ]
    assert not taken()


def test_calls_of_an_archived_customer_are_bad_whether_named_or_by_their_did(northwind, take_in):
    coded(northwind, "NORTHWIND")
    northwind.archived_on = TODAY
    db.session.commit()
    archived = f"Northwind Telecom (#{northwind.id}) is archived. Restore the customer first."
    found = dict(bad_rows(take_in("35")))
    assert found[3] == archived and found[5] == f"+44 20 7946 0100 is a DID of {archived}"
    assert not taken()


def test_a_call_of_a_year_ahead_is_bad(northwind, take_in):
    import_ = take_in("40", **{"USD": "GBP", "2026-11-20 10:00": "2027-11-20 10:00"})
    assert reasons(import_) == ["Start time 2027-11-20 10:00:05 is more than a day in the future."]
    assert [destination for _, destination, *_ in taken()] == ["442079460100"]


# -- asked once


def test_telnyx_asks_two_questions_once(northwind, take_in, client):
    import_ = take_in("13")
    text = words(page(client.get(f"/calls/{import_.id}/columns")).main)
    assert (
        "Is Cost what the customer pays?" in text and "Is the length Call Duration or Billable Time?" in text
    )
    assert import_.sentence.count("?") == 2


def test_who_is_unknown_is_remembered_from_the_page(northwind, by_page, client):
    """Before anything is taken, or after: what the file says becomes an account code of the customer."""
    content = content_of("35")
    client.post("/calls", data={"file": (BytesIO(content), "35.csv")}, content_type="multipart/form-data")
    url = f"/calls/{last().id}"
    text = words(page(client.get(url)).main)
    assert "Remember that Northwind Telecom Ltd means a customer" in text and nobody("NORTHWIND") in text
    wrong = client.post(
        f"{url}/account-codes", data={"code": "Northwind Telecom Ltd", "customer": "Nobody at all"}
    )
    assert "There is no customer called Nobody at all." in words(page(wrong, 422).main)
    told = client.post(
        f"{url}/account-codes", data={"code": "Northwind Telecom Ltd", "customer": f"#{northwind.id}"}
    )
    assert told.status_code == 303
    assert nobody("Northwind Telecom Ltd") not in words(page(client.get(url)).main)
    client.post(f"{url}/resumption")
    assert len(taken()) == 2
    client.post(f"{url}/account-codes", data={"code": "NORTHWIND", "customer": "Northwind Telecom"})
    by_page("35.csv", content, None)
    assert len(taken()) == 3
