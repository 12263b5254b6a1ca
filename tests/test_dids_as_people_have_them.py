"""Files of DIDs as carriers and spreadsheets write them: what becomes of them, by page and by command.

The customer is Northwind Telecom, in GBP, with the DID +44 20 7946 0100, to which UK Geographic DID is assigned. Some
columns are described once, on the page, before: what is not said there is as the page proposes it.
"""

import gzip
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select

from portal import cli
from portal.extensions import db
from portal.models import Assignment, Customer, Did, FileLayout
from tests.pages import page, words
from tests.trade import TODAY, a_customer, a_did, a_package, assigned

FOLDER = Path(__file__).parent / "data" / "dids"
NORTHWIND, PACKAGE, HAS_IT = "Northwind Telecom", "UK Geographic DID", "+442079460100"
# What is chosen on the page: a column by its name, or by its number where it has none; anything else as it is sent.
Described = dict[str, str | int]
COLUMNS = ("number", "last", "country", "customer", "package", "start_date", "quantity")
Found = tuple[str | None, str | None, str | None, int | None]
STOCK: Found = (None, None, None, None)
MINE: Found = (NORTHWIND, None, None, None)


@pytest.fixture
def northwind(session) -> Customer:
    customer, package = a_customer(NORTHWIND, "GBP"), a_package(PACKAGE, "1.20")
    did = a_did(customer, HAS_IT)
    assigned(package, customer, did=did, start_date=date(2026, 11, 1))
    db.session.commit()
    return customer


@dataclass(frozen=True)
class Outcome:
    """What a file came to: the bad lines with their reasons, and how many DIDs were there already."""

    bad: dict[int, str]
    there: int


TakeIn = Callable[..., Outcome]


def described(client, name: str, content: bytes, choices: Described | None, **form: Any) -> Any:
    """The report on a file, its columns described on the page that it leads to, where that is said."""
    soup = checked(client, content, name, **form)
    if choices is None:
        assert not soup.select_one("form#layout"), words(soup.main)
        return soup
    assert soup.select_one("form#layout"), "it did not ask what its columns mean"
    return page(client.post("/dids/new/layout", data=filled(soup, choices)))


def checked(client, content: bytes, name: str = "dids.csv", **form: Any) -> Any:
    """The page that a file leads to: the report on it, or what is asked of its columns."""
    data = {"by": "file", "token": "form", "country": "", "start_date": "2026-11-22", **form}
    sent = data | {"file": (BytesIO(content), name)}
    return page(client.post("/dids/new/check", data=sent, content_type="multipart/form-data"))


def filled(soup: Any, choices: Described) -> dict[str, str]:
    """The form of the columns, as it is proposed, but for what is chosen."""
    form = soup.select_one("form#layout")
    data = {one["name"]: one.get("value", "") for one in form.select("input[name]")}
    for select_ in form.select("select"):
        marked = select_.select_one("option[selected]") or select_.option
        data[select_["name"]] = marked["value"]
    for name, value in choices.items():
        if name in COLUMNS and isinstance(value, str) and value:
            options = form.select(f"select[name=column-{name}] option")
            value = next(one["value"] for one in options if one.text.split(":")[0] == value)
        data[f"column-{name}"] = str(value)
    return data


def confirm(client, soup: Any, **ticks: str) -> Any:
    """Press the button of a report: send what it carries."""
    form = soup.select_one('form[action="/dids"]')
    data = {
        one["name"]: one.get("value", "")
        for one in form.select("input[name]")
        if one.get("type") != "checkbox"
    }
    return client.post("/dids", data=data | ticks, content_type="multipart/form-data")


def bad_lines(soup: Any) -> dict[int, str]:
    rows = soup.select('section[aria-labelledby="bad-lines"] tbody tr')
    return {int(words(row.td)): words(row.select_one("[data-label=Reason]")) for row in rows}


def fact(soup: Any, name: str) -> int:
    return next(int(words(one.dd)) for one in soup.select(".facts > div") if words(one.dt) == name)


@pytest.fixture
def by_page(app, client, session, monkeypatch) -> TakeIn:
    """Sends a file, describes its columns where that is said, looks at what would come of it and confirms it."""
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())

    def by_page(name: str, content: bytes, choices: Described | None) -> Outcome:
        before = set(stored())
        soup = described(client, name, content, choices)
        assert set(stored()) == before, "something was stored before anybody had looked"
        if fact(soup, "To add"):
            assert confirm(client, soup).status_code in (200, 303)
        return Outcome(bad_lines(soup), fact(soup, "Already there"))

    return by_page


@pytest.fixture
def by_command(app, client, session, monkeypatch, tmp_path) -> TakeIn:
    """Describes the columns of a file on the page where that is said, and adds its DIDs by the command."""
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())
    monkeypatch.setattr("portal.create_app", lambda: app)

    def by_command(name: str, content: bytes, choices: Described | None) -> Outcome:
        if choices is not None:
            described(client, name, content, choices)
        path, before = tmp_path / name, set(stored())
        path.write_bytes(content)

        def run(*more):
            return CliRunner().invoke(cli.main, ["import", "dids", str(path), *more])

        looked = run("--check")
        db.session.rollback()
        assert "Nothing was stored." in looked.output and set(stored()) == before, looked.output
        answer = run()
        db.session.rollback()
        lines = answer.output.splitlines()
        bad = {
            int(line.split(":")[0].removeprefix("Line ")): line.split(": ", 1)[1]
            for line in lines
            if line.startswith("Line ")
        }
        assert answer.exit_code == looked.exit_code == (3 if bad else 0), answer.output
        return Outcome(bad, int(lines[-1].split(" already there")[0].split(" ")[-1]))

    return by_command


@pytest.fixture(params=["page", "command"])
def take_in(request, northwind) -> TakeIn:
    """Takes a file in, by page or by command."""
    way: TakeIn = request.getfixturevalue(f"by_{request.param}")
    return way


def stored() -> dict[str, Found]:
    """Every DID but Northwind's first: its customer, and what is assigned to it since when, and how many."""
    db.session.rollback()
    found = {}
    for did in db.session.scalars(select(Did).where(Did.number != HAS_IT).order_by(Did.number)):
        mine = db.session.scalars(select(Assignment).where(Assignment.did_id == did.id)).one_or_none()
        assigned_ = (
            (mine.package.name, f"{mine.start_date}", mine.quantity_on(mine.start_date))
            if mine
            else (None,) * 3
        )
        found[did.number] = (did.customer.name if did.customer else None, *assigned_)
    db.session.rollback()
    return found


# -- what each file comes to


@dataclass(frozen=True)
class Case:
    """A file: how its columns are described, and what it comes to. `bad` has the lines, and how the reasons begin."""

    name: str
    content: bytes
    stored: dict[str, Found]
    described: Described | None = None
    bad: dict[int, str] = field(default_factory=dict)
    there: int = 0


def of_folder(name: str) -> bytes:
    return (FOLDER / f"{name}.csv").read_bytes()


def utf16(text: str) -> bytes:
    return text.encode("utf-16")


def windows(text: str) -> bytes:
    return text.encode("cp1252")


WITH_PACKAGE: Found = (NORTHWIND, PACKAGE, "2026-12-01", 1)
CASES = [
    Case("flowroute", of_folder("flowroute"), {"+12125550193": STOCK}, {"number": "value"}),
    Case(
        "ranges-and-excel", of_folder("ranges-and-excel"),
        {f"+44207946018{n}": MINE for n in range(10)}, {},
        {3: "A spreadsheet has shortened the number to 4.42079E+11", 4: "Same number as in line 2.",
         5: "Same number as in line 2."},
    ),
    Case(
        "tn-and-day-order", of_folder("tn-and-day-order"), {"+442079460178": WITH_PACKAGE},
        {"day_order": "day"}, there=1,
    ),
    # Of our own: other names, order, separators and encodings.
    Case(
        "a carrier's list by tabs in UTF-16, first and last in two columns",
        utf16("Kunde\tFrom\tTo\r\nNorthwind Telecom\t+44 20 7946 0110\t0112\r\n\t+442079460120\t\r\n"),
        {**{f"+4420794601{n}": MINE for n in (10, 11, 12)}, "+442079460120": STOCK},
    ),
    Case(
        "a title, then names, semicolons and Windows-1252",
        windows("Rufnummern März;;\r\n\r\nKunde;Rufnummer;Notiz\r\nNorthwind Telecom;+44 20 7946 0130;für Köln\r\n"),
        {"+442079460130": MINE},
    ),
    Case(
        "no names at all, the number second",
        b"1|442079460140|Northwind Telecom\n2|442079460141|Northwind Telecom\n",
        {"+442079460140": MINE, "+442079460141": MINE},
        {"number": "Column 2", "customer": "Column 3"},
    ),
    Case(
        "month first, gzip, a column set aside",
        gzip.compress(
            b"Region,Phone Number,Account,Plan,Since,Qty\n"
            b"north,+442079460150,Northwind Telecom,UK Geographic DID,12/20/2026,2\n"
            b"north,+442079460151,Northwind Telecom,UK Geographic DID,12/01/2026,1\n"
        ),
        {"+442079460150": (NORTHWIND, PACKAGE, "2026-12-20", 2), "+442079460151": WITH_PACKAGE},
        {"country": ""},
    ),
    Case(
        "two columns that could be the number",
        b"DDI,Customer,Number\n+442079460160,Northwind Telecom,77\n",
        {"+442079460160": MINE},
        {"number": "DDI"},
    ),
    Case(
        "what can be a range or one number, said to be ranges",
        b"msisdn\n+49 30 123456-58\n+442079460170 - +442079460172\n+442079460174..+442079460175\n",
        {**{f"+493012345{n}": STOCK for n in (6, 7, 8)}, **{f"+44207946017{n}": STOCK for n in (0, 1, 2, 4, 5)}},
        {"ranges": "range"},
    ),
    Case(
        "a range of which another line has some",
        b"number\n+442079460185\n+442079460184-189\n+442079460199-190\n",
        {f"+44207946018{n}": STOCK for n in (4, 5, 6, 7, 8, 9)},
        bad={3: "1 number of this range is in line 2 too.", 4: "The last number is before the first"},
    ),
    Case(
        "nothing to be seen in some cells", b"number,customer,quantity\n+442079460186,NULL,-\n",
        {"+442079460186": STOCK},
    ),
    Case(
        "one column, without plus", b"442079460187\n12125550193\n",
        {"+442079460187": STOCK, "+12125550193": STOCK}, {},
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
@pytest.mark.slow
def test_a_file_comes_to_what_it_says(take_in, case):
    outcome = take_in("dids.csv", case.content, case.described)
    if case.name.startswith("what can be"):
        assert set(stored()) >= {n for n in case.stored if n.startswith("+44")}
    else:
        assert stored() == case.stored
    assert outcome.bad.keys() == case.bad.keys(), outcome.bad
    assert all(outcome.bad[line].startswith(begin) for line, begin in case.bad.items()), outcome.bad
    assert outcome.there == case.there


def test_every_file_of_the_folder_is_told_of():
    assert {path.stem for path in FOLDER.iterdir()} <= {case.name for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
@pytest.mark.slow
def test_the_same_file_sent_again_is_not_asked_about_and_changes_nothing(take_in, case):
    take_in("dids.csv", case.content, case.described)
    before, assignments = stored(), db.session.scalar(select(func.count(Assignment.id)))
    outcome = take_in("again.csv", case.content, None)
    assert stored() == before and db.session.scalar(select(func.count(Assignment.id))) == assignments
    assert outcome.there == len(before) + case.there


# -- packages for DIDs that are there already


def on_first(count: int) -> bool:
    """Whether so many packages are assigned to Northwind's first DID."""
    db.session.rollback()
    query = select(func.count(Assignment.id)).join(Did).where(Did.number == HAS_IT)
    found = db.session.scalar(query)
    db.session.rollback()
    return found == count


TWICE = b"number,package,start date\n+442079460100,UK Geographic DID,2026-12-01\n"


def test_a_package_that_a_did_has_goes_to_it_again_only_after_a_second_yes_on_the_page(northwind, client):
    soup = described(client, "dids.csv", TWICE, None)
    assert fact(soup, "To add") == 0 and not soup.select("form[action='/dids'] .button--primary")
    assert "has UK Geographic DID already" in words(soup.main)
    assert confirm(client, soup, assign_there="y").status_code == 303
    assert on_first(1), "that was the yes to those that have it not"
    asked = page(confirm(client, soup, assign_twice="y"), 409)
    assert on_first(1) and "UK Geographic DID" in words(
        asked.select_one("section[aria-labelledby=consequences]")
    )
    assert asked.select_one("input[name=assign_twice][checked]")
    assert confirm(client, asked, assign_twice="y").status_code == 303
    assert on_first(2)
    assert confirm(client, asked, assign_twice="y").status_code == 303
    assert on_first(2), "a second click assigned it a third time"


def test_a_package_that_a_did_has_goes_to_it_again_only_after_a_second_yes_to_the_command(
    northwind, app, monkeypatch, tmp_path
):
    monkeypatch.setattr("portal.create_app", lambda: app)
    path = tmp_path / "dids.csv"
    path.write_bytes(TWICE)

    def run(*more):
        return CliRunner().invoke(cli.main, ["import", "dids", str(path), *more])

    said = run()
    assert said.exit_code == 0 and "1 have the package already (--assign-twice)" in said.output, said.output
    run("--assign-there")
    assert on_first(1)
    assert "1 of them got a package" in run("--assign-twice").output
    assert on_first(2)


def test_a_package_goes_to_a_did_that_is_there_only_where_somebody_says_so(northwind, client):
    a_did(northwind, "+442079460101")
    a_did(a_customer("Globex"), "+442079460102")
    a_did(None, "+442079460103")
    db.session.commit()
    content = b"did,customer,plan\n+442079460101,,Extra\n+442079460102,Northwind Telecom,Extra\n+442079460103,,Extra\n"
    a_package("Extra", "3")
    db.session.commit()
    soup = described(client, "dids.csv", content, None)
    text = words(soup.main)
    assert fact(soup, "Already there") == 3 and not bad_lines(soup)
    assert "It is with Globex, not with Northwind Telecom" in text and "It is in stock" in text
    looked = page(confirm(client, soup, assign_there="y"), 409)
    assert "Assign to 1 DID" in words(looked.select_one("form[action='/dids']"))
    assert confirm(client, looked, assign_there="y").status_code == 303
    assert stored() == {
        "+442079460101": (NORTHWIND, "Extra", "2026-11-22", 1),
        "+442079460102": ("Globex", None, None, None),
        "+442079460103": STOCK,
    }


# -- the page of the columns


def test_the_first_lines_are_shown_as_they_would_be_read(northwind, client):
    soup = checked(client, of_folder("flowroute"))
    assert "No column is called Number" in words(soup.main) and "in front, as in 12125550193" in words(
        soup.main
    )
    first = "section[aria-labelledby=first-rows]"
    assert "+1 212-555-0193" in words(soup.select_one(first))
    shown = page(client.post("/dids/new/columns", data=filled(soup, {"has_code": ""})))
    assert "12125550193 does not begin with + or 00" in words(shown.select_one(first))
    assert not db.session.scalar(select(func.count(FileLayout.id)))


def test_what_cannot_be_is_said_at_its_column_and_nothing_is_remembered(northwind, client):
    soup = checked(client, of_folder("flowroute"))
    for choices, name, sentence in (
        ({"column-number": ""}, "number", "No column is called Number"),
        ({"column-customer": "0"}, "number", "value is chosen twice."),
        ({"column-number": "99"}, "number", "from the list."),
        ({"column-day_order": "odd"}, "day_order", "from the list."),
    ):
        answer = page(client.post("/dids/new/layout", data=filled(soup, {}) | choices), 422)
        said = {one["id"]: words(one) for one in answer.select(".field__error")}
        assert sentence in " ".join(said.values()) and f"column-{name}-error" in said, said
    assert not db.session.scalar(select(func.count(FileLayout.id)))


def test_another_line_that_names_the_columns_proposes_anew(northwind, client):
    content = b"Numbers,of 2026,x\nA,B,C\n+442079460123,1,2\n"
    soup = checked(client, content)
    shown = page(client.post("/dids/new/columns", data=filled(soup, {"heading": "2"})))
    assert [one.text for one in shown.select("select[name=column-number] option")] == [
        "No column", "A: +442079460123", "B: 1", "C: 2",
    ]  # fmt: skip
    report = page(client.post("/dids/new/layout", data=filled(shown, {})))
    assert fact(report, "To add") == 1 and not bad_lines(report)
    again = described(client, "again.csv", content.replace(b"123", b"124"), None)
    assert fact(again, "To add") == 1


def test_remembered_columns_can_be_changed_from_the_report(northwind, client):
    soup = described(client, "f.csv", of_folder("flowroute"), {"number": "value", "has_code": "code"})
    form = soup.select_one('form[action="/dids"]')
    data = {one["name"]: one.get("value", "") for one in form.select("input[name]")}
    asked = page(client.post("/dids/new/columns", data=data))
    changed = page(client.post("/dids/new/layout", data=filled(asked, {"number": "alias"})))
    assert "main is not a phone number" in words(changed.main)


def test_a_first_line_that_names_nothing_is_remembered_as_that(northwind, client, app, monkeypatch, tmp_path):
    content = b"Northwind Telecom,(+44) 20 7946 0171 x\nNorthwind Telecom,+442079460172\n"
    soup = checked(client, content)
    assert soup.select_one("form#layout option[value='1'][selected]"), "the first line looks like names"
    shown = page(client.post("/dids/new/columns", data=filled(soup, {"heading": "0"})))
    report = page(
        client.post("/dids/new/layout", data=filled(shown, {"number": "Column 2", "customer": "Column 1"}))
    )
    assert fact(report, "To add") == 1 and list(bad_lines(report)) == [1]
    assert page(confirm(client, report)).h1.text == "Added 1 DID"
    assert stored() == {"+442079460172": MINE}


def test_what_was_described_is_used_though_the_first_line_is_bad(northwind, client):
    content = b"4.42079E+11|Northwind Telecom\n442079460173|Northwind Telecom\n"
    soup = checked(client, content)
    report = page(
        client.post("/dids/new/layout", data=filled(soup, {"number": "Column 1", "customer": "Column 2"}))
    )
    assert fact(report, "To add") == 1 and list(bad_lines(report)) == [1]
    again = described(client, "again.csv", content, None)
    assert fact(again, "To add") == 1


def test_a_column_without_any_number_is_said_to_be_none(northwind, client):
    soup = checked(client, b"442079460173|Northwind Telecom\n")
    answer = client.post("/dids/new/layout", data=filled(soup, {"number": "Column 2"}))
    assert "No line has a number here that can be read." in words(
        page(answer, 422).select_one("#column-number-error")
    )
