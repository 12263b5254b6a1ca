"""What people paste and upload: read if it can be, refused with a sentence if it cannot."""

import gzip

import pytest

from portal.domain.errors import Invalid
from portal.services.dids.lines import LINE_MAX, TEXT_MAX, Undescribed, block_lines, decoded, read_lines

pytestmark = pytest.mark.usefixtures("session")


def test_pasted_lines_are_numbers_with_their_places() -> None:
    found = read_lines("+44 20 7946 0123\n\n  020 7946 0124  \r\n", "text")
    assert [(line.place, line.says["number"]) for line in found.lines] == [
        (1, "+44 20 7946 0123"),
        (3, "020 7946 0124"),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_columns_are_known_by_their_names(delimiter: str) -> None:
    text = delimiter.join(["DID", "Customer Name", "Notes", "start-date", "QTY", "Product"])
    text += "\n" + delimiter.join(["+442079460123", "Acme", "ring first", "2026-12-01", "2", "UK DID"])
    found = read_lines(text, "file")
    assert found.lines[0].place == 2
    assert found.lines[0].says == {
        "number": "+442079460123",
        "customer": "Acme",
        "start_date": "2026-12-01",
        "quantity": "2",
        "package": "UK DID",
    }
    assert found.ignored == ("Notes",)


def test_the_line_in_which_excel_says_what_stands_between_the_cells_is_no_number() -> None:
    lines = read_lines("\ufeffsep=;\r\nDID;Package\r\n+44 20 7946 0123;SIP, 10 lines\r\n", "file").lines
    assert [(line.place, line.says) for line in lines] == [
        (3, {"number": "+44 20 7946 0123", "package": "SIP, 10 lines"})
    ]


def test_a_quoted_cell_may_hold_the_delimiter() -> None:
    found = read_lines('number,customer\n+442079460123,"Acme, Inc."\n', "file")
    assert found.lines[0].says["customer"] == "Acme, Inc."


@pytest.mark.parametrize(
    "content",
    [
        "number;customer\n+442079460123;Café Zürich\n".encode(),
        "number;customer\n+442079460123;Café Zürich\n".encode("utf-8-sig"),
        "number;customer\n+442079460123;Café Zürich\n".encode("cp1252"),
        "number;customer\n+442079460123;Café Zürich\n".encode("utf-16"),
    ],
    ids=["utf-8", "utf-8 with its mark", "windows", "utf-16"],
)
def test_a_file_is_read_in_the_encoding_it_has(content: bytes) -> None:
    assert read_lines(decoded(content), "file").lines[0].says["customer"] == "Café Zürich"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file is empty"),
        (b" \n\n\t\n", "It contains no lines"),
        (b"\xef\xbb\xbf", "It contains no lines"),
        (b"PK\x03\x04\x14\x00", "This is a ZIP archive"),
        (b"number\n+4420\x00", "control characters"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "control characters"),
        (bytes(range(256)) * 10, "control characters"),
        (b"\xff\xfe\x00", "some of it is no text"),
        (b"x" * (TEXT_MAX + 1), "more than 800 KB"),
        (b"number\n" + b"1" * (LINE_MAX + 1), "Line 2 is longer than"),
        (b"number\n" + b"1" * 200_000, "A line is longer than 64 KB"),
        (gzip.compress(b"1\n" * 500_000), "more than 800 KB"),
        (gzip.compress(bytes(64 << 20), 1), "control characters"),
        (gzip.compress(b"1\n" * (24 << 20), 1), "unpacks to more than 100 times its size"),
        (gzip.compress(b"number\n+442079460123\n")[:-9], "incomplete or damaged"),
        (b'[{"number": "+442079460123"}]', "This is JSON"),
        (b"<?xml version='1.0'?><dids/>", "This is XML"),
        (b"1\n" * 1_000_000, "more than 800 KB"),
        (b"1" * 10_000_000, "more than 800 KB"),
        (b"number,customer\n", "no lines below the first one"),
        (b'number,customer\n+442079460123,"Acme\n+442079460124,B\n', "quotation marks do not match"),
        (b"number\n" + b"1\n" * 10_001, "10,001 lines; 10,000 at most"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_a_file_that_cannot_be_read_gets_a_sentence(content: bytes, sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence) as refusal:
        read_lines(decoded(content), "file")
    assert refusal.value.field == "file"


def test_a_block_is_a_line_for_each_number() -> None:
    found = block_lines("020 7946 0998", "+44 20 7946 1001", "GB")
    assert [line.says["number"] for line in found.lines][-1] == "+442079461001"
    assert len(found.lines) == 4


@pytest.mark.parametrize(
    ("first", "last", "field"),
    [
        ("", "020 7946 0002", "first"),
        ("020 7946 0001", "x", "last"),
        ("020 7946 0002", "020 7946 0001", "last"),
    ],
)
def test_a_block_that_cannot_be_is_refused_at_its_field(first: str, last: str, field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        block_lines(first, last, "GB")
    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("text", "asked", "proposed"),
    [
        ("name,value\nAcme,+442079460123\n", {"number": "No column is called Number"}, {"number": 1}),
        ("number,did\n1,2\n", {"number": "can be the number: number and did"}, {"number": 0}),
        ("did,start\n+442079460123,03/11/2026\n", {"day_order": "as in 03/11/2026"}, {"number": 0, "start_date": 1}),
        ("from,to\n+442079460123,+442079460129\n", {}, {"number": 0, "last": 1}),
        ("number,from,until\n+442079460123,2026-12-01,2027-01-01\n", {}, {"number": 0, "start_date": 1}),
        ("did\n442079460123\n", {"has_code": "as in 442079460123"}, {"number": 0}),
        ("442079460123\n12125550193\n", {"has_code": "as in 442079460123"}, {"number": 0}),
        ("+49 30 123456-78\n", {"ranges": "+49 30 123456-78 can be one number"}, {"number": 0}),
    ],
)  # fmt: skip
def test_what_the_names_and_the_lines_leave_open_is_asked_and_proposed(text, asked, proposed) -> None:
    try:
        layout, asks = read_lines(text, "file").layout, {}
    except Undescribed as undescribed:
        layout, asks = undescribed.table.layout, undescribed.table.asks
    assert layout.columns == proposed
    assert asks.keys() == asked.keys(), asks
    assert all(part in asks[name] for name, part in asked.items()), asks
