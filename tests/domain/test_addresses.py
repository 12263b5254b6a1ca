"""Addresses: an old text is split without losing a word, and each country's is written as its post wants it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.addresses import Address, countries, country_called, name_of, parts_of, split, state_label
from portal.domain.names import written

SPLIT = [
    ("4 Mill Lane\nLeeds LS1 4QP\nUnited Kingdom", Address("4 Mill Lane", "", "Leeds", "LS1 4QP", "", "GB")),
    ("4 Mill Lane\nYard\nLeeds\nLS1 4QP\nUK", Address("4 Mill Lane", "Yard", "Leeds", "LS1 4QP", "", "GB")),
    ("Am Weg 3\n60313 Frankfurt a. M.\nDeutschland", Address("Am Weg 3", "", "Frankfurt a. M.", "60313", "", "DE")),
    ("1 Main Street\nCedar Falls, IA 50613\nUSA", Address("1 Main Street", "", "Cedar Falls", "50613", "IA", "US")),
    ("1 Main St, Duluth, MN 55802, USA", Address("1 Main St", "", "Duluth", "55802", "MN", "US")),
    ("Molenkade 1\n1432 JK Aalsmeer\nNL", Address("Molenkade 1", "", "Aalsmeer", "1432 JK", "", "NL")),
    ("Seeweg 3\nCH-8001 Zürich\nSwitzerland", Address("Seeweg 3", "", "Zürich", "CH-8001", "", "CH")),
    ("1 rue X\n75011 Paris CEDEX 11\nFrance", Address("1 rue X", "", "Paris CEDEX 11", "75011", "", "FR")),
    ("1 Quay\nCork T12 X8PN\nIreland", Address("1 Quay", "", "Cork", "T12 X8PN", "", "IE")),
    ("Tower 2, Marina\nDubai\nUnited Arab Emirates", Address("Tower 2, Marina", "", "", "", "Dubai", "AE")),
    # What cannot be split stays in the first line, and where there are two of them each keeps its own.
    ("1 Quay West", Address("1 Quay West")),
    ("1 Quay West, Leeds", Address("1 Quay West, Leeds")),
    ("1 Quay West\nLeeds", Address("1 Quay West", "Leeds")),
    ("a\n\n  b \nc\nd", Address("a, b, c, d")),
    ("1 Quay\nno postcode here\nUnited Kingdom", Address("1 Quay", "no postcode here", country="GB")),
    ("France", Address("France")),
    ("", Address()),
]  # fmt: skip


@pytest.mark.parametrize(("text", "address"), SPLIT)
def test_one_text_is_split_into_its_parts(text, address):
    assert split(text) == address


@pytest.mark.parametrize("text", [text for text, _ in SPLIT])
def test_what_was_split_is_written_again_and_split_the_same(text):
    once = split(text)
    assert split("\n".join(once.lines)) == once


WORDS = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8)
PLACES = st.sampled_from([*countries().values(), *countries(), "UK", "LS1 4QP", "60313", "IA 50613", "Dubai"])


@given(
    st.lists(st.lists(WORDS | PLACES, min_size=1, max_size=4).map(" ".join), max_size=7),
    st.sampled_from(["", *countries()]),
)
def test_no_word_is_ever_lost(lines, country):
    address = split("\n".join(lines), country)
    kept = " ".join([*address[:-1], address.country, name_of(address.country)])
    last = lines[-1] if len(lines) > 1 and country_called(lines[-1]) else ""
    for word in written(" ".join(lines)).split():
        assert word.strip(",") in kept or word in last.split()


@given(
    *(st.text("abAB1 ,-", max_size=9).map(str.strip) for _ in range(5)), st.sampled_from(["", *countries()])
)
def test_whatever_an_address_has_stands_in_its_lines(street, street_2, city, postcode, state, country):
    written = "\n".join(Address(street, street_2, city, postcode, state, country).lines)
    assert all(part in written for part in (street, street_2, city, postcode, state, name_of(country)))


@pytest.mark.parametrize(
    ("address", "lines"),
    [
        (Address("1 Lane", "Y", "Leeds", "LS1 4QP", "", "GB"), ["1 Lane", "Y", "Leeds", "LS1 4QP", "United Kingdom"]),
        (Address("Weg 1", "", "Bonn", "53111", "", "DE"), ["Weg 1", "53111 Bonn", "Germany"]),
        (Address("1 Main St", "", "Bend", "97701", "OR", "US"), ["1 Main St", "Bend, OR 97701", "United States"]),
        (Address("1 Main St", "", "Bend", "97701", "", "US"), ["1 Main St", "Bend 97701", "United States"]),
        (Address("1 Main St", "", "", "", "OR", "US"), ["1 Main St", "OR", "United States"]),
        (Address("Seeweg 3", "", "Zürich", "8001", "", "CH"), ["Seeweg 3", "CH-8001 Zürich", "Switzerland"]),
        (Address("Seeweg 3", "", "Zürich", "CH-8001", "", "CH"), ["Seeweg 3", "CH-8001 Zürich", "Switzerland"]),
        # What the country's post has no place for stands below the rest.
        (Address("9-4 Hana", "", "Yokohama", "231-0023", "", "JP"), ["9-4 Hana", "231-0023", "Yokohama", "Japan"]),
        (Address("1 Quay", "", "Leeds", "LS1", "Yorks"), ["1 Quay", "Leeds", "Yorks", "LS1"]),
        (Address(), []),
    ],
)  # fmt: skip
def test_an_address_is_written_as_its_country_writes_it(address, lines):
    assert address.lines == lines


def test_a_country_asks_only_for_what_its_addresses_have():
    assert parts_of("DE") == {"city", "postcode"}
    assert parts_of("US") == parts_of("") == {"city", "postcode", "state"}
    assert parts_of("AE") == {"state"}
    assert (state_label("US"), state_label("CA"), state_label("JP"), state_label("")) == (
        "State", "Province", "Prefecture", "State",
    )  # fmt: skip


def test_the_countries_are_those_of_iso_3166():
    assert len(countries()) == 249
    assert {"GB", "US", "XK", "EU"} & set(countries()) == {"GB", "US"}
