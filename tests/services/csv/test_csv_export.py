"""Files that people open in a spreadsheet: they say what they say, and carry out nothing."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.services.csv.export import cell, line, lines

DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


@pytest.mark.parametrize(
    "number", ["-12.50", "+442079460000", "+44 20 7946 0000", "0", "1e3", "-1E-7", "1234"]
)
def test_a_number_stays_a_number(number):
    assert cell(number) == number


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-2+3", "'-2+3"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        (" =1+1", "' =1+1"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("Acme; =1+1", '"Acme;\' =1+1"'),
        ('x","=1+1', '"x"",\'""=1+1"'),
        ("a\n=1+1", '"a\n\'=1+1"'),
        ("\t=1", "\"'\t'=1\""),
        ("plain", "plain"),
        ("a=b", "a=b"),
        ("Müller, Söhne", '"Müller, Söhne"'),
        (None, ""),
        (7, "7"),
    ],
)
def test_a_cell_is_harmless(text, harmless):
    assert cell(text) == harmless


@given(st.lists(st.text(alphabet=st.sampled_from("=+-@\t\r\n;,\"' aß1\uff1d\ufeff")), min_size=1, max_size=5))
def test_whatever_is_written_is_read_as_it_was_and_begins_no_formula(values):
    values = ["1", *values]
    text = line(values)
    (read,) = csv.reader(io.StringIO(text, newline=""))
    assert len(read) == len(values)
    for before, after in zip(values, read, strict=True):
        assert [c for c in after if c != "'"] == [c for c in before if c != "'"]
    for separator in ",;\t":  # whichever of them a program splits at, with quotes or without
        for dialect in ({"quotechar": '"'}, {"quoting": csv.QUOTE_NONE}):
            for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator, **dialect):
                for found in row:
                    bare = found.lstrip(' \u00a0\ufeff"')
                    assert not bare.startswith(DANGEROUS[:4] + DANGEROUS[7:]) or is_number(bare), (
                        text,
                        found,
                    )


def is_number(text):
    return text.strip('"').replace("+", "").replace("-", "").replace(" ", "").isdigit()


def test_a_file_has_its_head_and_the_mark_by_which_excel_knows_utf_8():
    assert "".join(lines(("name", "amount"), [("Acme", "-1"), ("=x", "2")])) == (
        "\ufeffname,amount\r\nAcme,-1\r\n'=x,2\r\n"
    )
