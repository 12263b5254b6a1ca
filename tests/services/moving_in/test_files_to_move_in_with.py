"""Files to move in with: any that has rows is read; any that has none gets a sentence, and nothing is kept of it."""

import io
import struct
import zipfile
import zlib
from typing import Any

import pytest
import xlsxwriter
from sqlalchemy import func, select

from portal.domain.csv_files.layout import DayOrder
from portal.domain.errors import Invalid
from portal.domain.move_files.layout import MoveLayout
from portal.extensions import db
from portal.models import Customer, FileKind, MoveImport, MoveLine
from portal.services.moving_in import accepting
from portal.services.moving_in.planning import plan
from tests.services.moving_in.moving import counts, moved, sent
from tests.trade import TODAY

KIND = FileKind.CUSTOMERS
ROWS = [["Name", "Account Codes", "Currency"], ["Åcme", 447700900123, "GBP"], ["Bolt", "B-1", "EUR"]]


def workbook(sheets: dict[str, list[list[Any]]]) -> bytes:
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file)
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        for place, row in enumerate(rows):
            sheet.write_row(place, 0, row)
    book.close()
    return file.getvalue()


def names() -> list[str]:
    return list(db.session.scalars(select(Customer.name).order_by(Customer.search_key)))


def refused(content: bytes, **more: Any) -> Invalid:
    with pytest.raises(Invalid) as refusal:
        sent(KIND, content, **more)
    db.session.rollback()
    assert db.session.scalar(select(func.count()).select_from(MoveImport)) == 0
    assert db.session.scalar(select(func.count()).select_from(MoveLine)) == 0
    return refusal.value


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1"])
@pytest.mark.parametrize("between", [",", ";", "\t", "|"])
def test_a_text_is_read_in_any_encoding_and_with_any_sign_between_cells(
    session: Any, encoding: str, between: str
) -> None:
    text = "".join(between.join(map(str, row)) + "\r\n" for row in ROWS)
    moved(KIND, text.encode(encoding))
    assert names() == ["Åcme", "Bolt"]


def test_the_first_sheet_of_a_workbook_is_read_or_the_one_that_is_named(session: Any) -> None:
    content = workbook({"Notes": [["Moved", "by"], ["us", "all"]], "Kunden": [[], *ROWS]})
    assert accepting.needs_layout(sent(KIND, content))
    import_ = moved(KIND, content, sheet="kunden")
    assert (counts(import_), names()) == ((2, 0, 0, 0, 0), ["Åcme", "Bolt"])


def test_lines_of_a_workbook_are_named_by_their_rows(session: Any) -> None:
    content = workbook({"One": [[], ["Name", "Currency"], ["Acme", "GBP"], [], ["Bolt", "POUNDS"]]})
    assert [line.place for line, _ in plan(sent(KIND, content), TODAY).bad_lines()] == [5]


def test_a_sheet_that_is_not_there_gets_a_sentence_with_those_that_are(session: Any) -> None:
    refusal = refused(workbook({"One": ROWS, "Two": ROWS}), sheet="Three")
    assert (refusal.field, refusal.sentence) == (
        "sheet",
        "The workbook has no sheet Three. Enter One or Two.",
    )


def test_an_empty_sheet_gets_a_sentence(session: Any) -> None:
    assert refused(workbook({"One": []})).sentence == "The sheet One is empty. Choose another one."


def test_a_sheet_is_none_of_a_text(session: Any) -> None:
    assert refused(b"Name,Currency\nAcme,GBP\n", sheet="One").field == "sheet"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "The file is empty."),
        (b"\n\n\n", "empty"),
        (b"Name,Currency\n", "There are no lines below the names of the columns."),
        (b"just some words\nand more of them\n", "The first lines have one column only."),
        (b"<html><body>Sign in</body></html>", "This is a web page (HTML)."),
        (b"%PDF-1.7", "This is a PDF."),
        (b"\xd0\xcf\x11\xe0 old", "This is an Excel workbook."),
        (b"Name,Currency\n" + b"x" * 10_000_000 + b"\n", "A line is longer than 64 KB."),
        (b"Name,Currency\n" + b"x" * 20_000 + b",GBP\n", "Line 2 has a cell of more than 10,000 characters."),
        (b"Name,Currency\n\x00\x01\x02,GBP\n", "The file contains control characters."),
        (b"PK\x03\x04 and then nothing of an archive", "This is a ZIP archive."),
        (b"Name,Currency\n" + b"a,b\n" * 100_001, "There are 100,001 lines; 100,000 at most"),
    ],
)
def test_a_file_that_has_no_rows_gets_a_sentence(session: Any, content: bytes, said: str) -> None:
    assert said in refused(content).sentence


def archive(*parts: tuple[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as found:
        for name, content in parts:
            found.writestr(name, content)
    return file.getvalue()


def test_a_workbook_that_unpacks_to_too_much_is_not_read(session: Any) -> None:
    bomb = archive(("xl/workbook.xml", b"<a/>"), ("xl/worksheets/sheet1.xml", bytes(201 * 1024**2)))
    assert len(bomb) < 300_000
    assert "unpacks to more than 200 MB" in refused(bomb).sentence


def test_a_workbook_that_says_it_is_small_is_not_believed(session: Any) -> None:
    bomb = bytearray(archive(("xl/workbook.xml", b"<a/>"), ("xl/sharedStrings.xml", bytes(201 * 1024**2))))
    size = struct.pack("<I", 201 * 1024**2)
    while (at := bomb.find(size)) >= 0:
        bomb[at : at + 4] = struct.pack("<I", 1_000)
    assert "unpacks to more than 200 MB" in refused(bytes(bomb)).sentence


def test_a_workbook_with_one_cell_at_the_far_end_is_not_read(session: Any) -> None:
    content = workbook({"One": ROWS})
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        parts = [(name, book.read(name)) for name in book.namelist()]
    far = [
        (name, text.replace(b'r="C3"', b'r="XFD1048576"') if "sheet1" in name else text)
        for name, text in parts
    ]
    assert "reaches over more than 4,000,000 cells" in refused(archive(*far)).sentence


def test_a_workbook_that_is_torn_off_gets_a_sentence(session: Any) -> None:
    content = workbook({"One": ROWS})
    broken = content[:200] + zlib.compress(b"nothing") + content[220:]
    assert "damaged" in refused(broken).sentence


def test_figures_and_days_of_a_workbook_are_read_as_they_are_meant(session: Any) -> None:
    rows = [["Name", "Debit Limit", "Account Codes"], ["Acme", 1234.5, 12345678901234567890]]
    ((_, why),) = [*plan(sent(KIND, workbook({"One": rows})), TODAY).bad_lines()]
    assert "A spreadsheet has shortened" in why


def test_what_is_not_known_is_asked_for_and_remembered(session: Any) -> None:
    text = "Firmenname,Kennung\nAcme,A-1\n"
    import_ = sent(KIND, text)
    assert accepting.needs_layout(import_)
    with pytest.raises(Invalid, match="Choose a column for Name"):
        accepting.describe(import_, MoveLayout({"account_codes": 1}))
    accepting.describe(import_, MoveLayout({"name": 0, "account_codes": 1}))
    session.commit()
    assert counts(moved(KIND, text.replace("Acme", "Bolt").replace("A-1", "B-1"))) == (1, 0, 0, 0, 0)


def test_days_and_decimals_are_proved_by_whole_columns_or_asked_for(session: Any) -> None:
    of_packages = FileKind.PACKAGES
    head = "Name;Retail;Effective from\n"
    proved = sent(of_packages, head + "A;1,5;31/12/2026\nB;2.000,25;01/02/2027\n")
    layout = accepting.layout_of(proved)
    assert (layout.day_order, layout.decimal, proved.sentence) == (DayOrder.DAY, ",", "")
    assert "Is the day first, or the month?" in sent(of_packages, head + "A;1,5;01/02/2027\n").sentence
    assert "Which sign stands before decimals?" in sent(of_packages, head + "A;1,500;2027-01-01\n").sentence
