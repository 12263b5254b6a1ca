"""Tables as files: what they say is what stands in them, nothing is carried out, and none is ever whole in memory."""

import csv
import io
import tracemalloc
from datetime import UTC, date, datetime
from decimal import Decimal
from tempfile import TemporaryFile
from zipfile import ZipFile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook
from sqlalchemy import func, select

from portal import long_answers
from portal.extensions import db
from portal.models import Contact, Customer
from portal.services.customers import customers
from portal.services.exports import customers as exports
from portal.services.exports.files import CELL_LETTERS, as_csv, as_xlsx, fitting
from portal.services.exports.table import Column, Kind, Table
from tests.conftest import SQLITE
from tests.trade import TODAY, a_customer

KINDS = {
    "Words": Kind.TEXT,
    "Count": Kind.NUMBER,
    "Amount": Kind.MONEY,
    "Day": Kind.DAY,
    "At": Kind.MOMENT,
}
ZURICH = ZoneInfo("Europe/Zurich")
DANGEROUS = [
    "=1+1",
    "@SUM(A1)",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "\t=1",
    "\uff1d1",
    "<r><t>=1</t></r>",
    "_x003D_1",
]


@pytest.fixture
def _inside(session):
    """Inside the application: chunks are read in transactions."""


def table(rows, currency="GBP", at_once=2):
    columns = [Column(name, lambda row, name=name: row.get(name), kind) for name, kind in KINDS.items()]
    chunks = (rows[start : start + at_once] for start in range(0, len(rows), at_once))
    return Table("rows", columns, chunks, lambda row: currency)


def of_csv(table, zone=ZURICH):
    return list(csv.reader(io.StringIO("".join(as_csv(table, zone)).removeprefix("\ufeff"), newline="")))


def of_xlsx(table, zone=ZURICH, **more):
    file = io.BytesIO()
    count = as_xlsx(table, file, zone, **more)
    book = CalamineWorkbook.from_filelike(io.BytesIO(file.getvalue()))
    return file, count, {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


ROW = {
    "Words": "Müller, Söhne",
    "Count": 1234,
    "Amount": Decimal("-1234.5"),
    "Day": date(2026, 11, 22),
    "At": datetime(2026, 7, 1, 22, 30, 5, tzinfo=UTC),
}
pytestmark = [pytest.mark.usefixtures("_inside"), pytest.mark.only_on(SQLITE)]


def test_both_files_say_the_same_numbers_as_numbers_and_days_as_days():
    assert of_csv(table([ROW, {}])) == [
        list(KINDS),
        ["Müller, Söhne", "1234", "-1234.50", "2026-11-22", "2026-07-02 00:30:05"],
        [""] * 5,
    ]
    _, count, sheets = of_xlsx(table([ROW, {}]))
    assert count == 2
    assert sheets["rows"][:2] == [
        list(KINDS),
        ["Müller, Söhne", 1234.0, -1234.5, date(2026, 11, 22), datetime(2026, 7, 2, 0, 30, 5)],  # noqa: DTZ001 - Excel knows no zones
    ]


@pytest.mark.parametrize(
    ("currency", "amount", "written"),
    [
        ("GBP", "5", "5.00"), ("JPY", "5", "5"), ("KWD", "5", "5.000"), ("GBP", "0.0085", "0.0085"),
        ("GBP", "-0.000001", "-0.000001"), ("JPY", "1234567890123", "1234567890123"),
    ],
)  # fmt: skip
def test_money_has_the_decimals_of_its_currency_and_is_never_rounded(currency, amount, written):
    rows = [{"Amount": Decimal(amount)}]
    assert of_csv(table(rows, currency))[1][2] == written
    assert Decimal(str(of_xlsx(table(rows, currency))[2]["rows"][1][2])) == Decimal(amount)


def test_a_number_that_excel_cannot_hold_exactly_is_its_text():
    exact = "1234567890123456.123456"
    assert of_csv(table([{"Amount": Decimal(exact)}]))[1][2] == exact
    assert of_xlsx(table([{"Amount": Decimal(exact)}]))[2]["rows"][1][2] == exact


def test_the_time_of_a_moment_that_is_only_a_day_is_left_out():
    assert of_csv(table([{"At": date(2026, 11, 22)}]))[1][4] == "2026-11-22"
    assert of_xlsx(table([{"At": date(2026, 11, 22)}]))[2]["rows"][1][4] == date(2026, 11, 22)


def test_no_text_is_a_formula_or_markup():
    file, _, sheets = of_xlsx(table([{"Words": words} for words in DANGEROUS]))
    assert [row[0].strip() for row in sheets["rows"][1:]] == [words.strip() for words in DANGEROUS]
    sheet = ZipFile(file).read("xl/worksheets/sheet1.xml")
    assert b"<f" not in sheet and sheet.count(b'inlineStr"') == len(DANGEROUS) + len(KINDS)
    for row, words in zip(
        of_csv(table([{"Words": words} for words in DANGEROUS]))[1:], DANGEROUS, strict=True
    ):
        assert row[0] == words or row[0].replace("'", "") == words.replace("'", "")
        assert not row[0].startswith(("=", "@", "\uff1d"))


@given(st.lists(st.text(max_size=40), min_size=1, max_size=4))
def test_whatever_stands_in_a_text_both_files_can_be_read(texts):
    rows = [{"Words": words, "Count": 7} for words in texts]
    found = of_xlsx(table(rows))[2]["rows"]
    assert [row[1] for row in found[1:]] == [7.0] * len(texts)
    assert len(of_csv(table(rows))) == len(texts) + 1


def test_control_characters_are_left_out():
    rows = [{"Words": "a\x00b\x1bc\ud800d\uffff\ne"}]
    assert of_xlsx(table(rows))[2]["rows"][1][0] == "abcd\ne" == of_csv(table(rows))[1][0]


@pytest.mark.parametrize("letter", ["a", "ü", "\U0001f600"])
def test_a_text_that_no_cell_can_hold_says_that_it_was_cut(letter):
    whole = letter * 40_000
    cell = of_xlsx(table([{"Words": whole}]))[2]["rows"][1][0]
    assert cell.endswith("[cut: the whole text has 40,000 letters; the CSV file holds all of it]")
    assert CELL_LETTERS - 1 <= len(cell.encode("utf-16-le")) // 2 <= CELL_LETTERS
    assert of_csv(table([{"Words": whole}]))[1][0] == whole
    assert fitting("a" * CELL_LETTERS) == "a" * CELL_LETTERS


def test_what_a_sheet_cannot_hold_goes_on_on_the_next_one_which_is_said():
    rows = [{"Words": f"row {number}"} for number in range(1, 12)]
    _, count, sheets = of_xlsx(table(rows, at_once=4), sheet_rows=6)
    assert count == 11 and list(sheets) == ["rows", "rows 2", "rows 3"]
    assert all(sheet[0][0] == "Words" and len(sheet) <= 6 for sheet in sheets.values())
    found = [row[0] for sheet in sheets.values() for row in sheet[1:]]
    assert (
        found[4] == "More rows are on the sheet rows 2." and found[9] == "More rows are on the sheet rows 3."
    )
    assert [row for row in found if row.startswith("row ")] == [row["Words"] for row in rows]


def test_nothing_is_read_from_the_database_while_a_chunk_is_handed_on():
    def chunks():
        for number in range(3):
            db.session.execute(db.text("select 1"))
            yield [number]

    for _ in as_csv(Table("rows", [Column("Number", lambda row: row, Kind.NUMBER)], chunks()), ZURICH):
        assert not db.session().in_transaction()


def peak(write, rows):
    """The most memory that writing so many rows took, in bytes."""
    chunks = ([ROW | {"Words": f"row {start + at}"} for at in range(500)] for start in range(0, rows, 500))
    columns = [Column(name, lambda row, name=name: row[name], kind) for name, kind in KINDS.items()]
    tracemalloc.start()
    write(Table("rows", columns, chunks, lambda row: "GBP"))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def to_csv(table):
    for _ in as_csv(table, ZURICH):
        pass


def to_xlsx(table):
    with TemporaryFile() as file:
        as_xlsx(table, file, ZURICH)


@pytest.mark.parametrize("write", [to_csv, to_xlsx])
def test_ten_times_as_many_rows_take_no_more_memory(write):
    peak(write, 1_000)  # what is loaded once
    few, many = peak(write, 2_000), peak(write, 20_000)
    assert many < few * 1.3


def test_a_long_answer_says_with_each_part_that_it_goes_on(monkeypatch):
    said = []
    monkeypatch.setattr(long_answers, "_listeners", [lambda: said.append(1)])
    assert list(long_answers.each("abc")) == ["a", "b", "c"] and len(said) == 3


def test_a_file_of_customers_has_columns_for_as_many_contacts_as_anybody_has_now(session):
    acme, globex = a_customer("Acme"), a_customer("Globex")

    def most():
        session.flush()
        head = exports.customers(select(Customer), customers.SORTS["name"], TODAY).head
        return sum(heading.endswith("Role") for heading in head)

    assert most() == 0
    acme.contacts = [Contact(name="Ann"), Contact(name="Bob")]
    assert most() == 2
    globex.contacts = [Contact(name=name) for name in ("Cy", "Di", "Eve")]
    assert most() == most() == 3
    del globex.contacts[1:]
    assert most() == 2
    acme.contacts[1].name = "Flo"
    acme.contacts.append(Contact(name="Gil"))
    assert most() == 3
    latest = session.scalar(select(func.max(Contact.id)))
    acme.contacts.append(Contact(id=latest + 1_000, name="Hal"))
    assert most() == 4
    # Added before, and saved after it.
    globex.contacts += [Contact(id=latest + number, name="Ivy") for number in range(500, 504)]
    assert most() == 5
    acme.contacts, globex.contacts = [], []
    assert most() == 0
