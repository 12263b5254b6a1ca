"""Phone numbers as people write them."""

import re

import pytest

from portal.domain.phone_numbers import (
    NotANumber,
    block,
    country_name,
    country_of,
    parts_to_find,
    read_number,
)


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("+44 20 7946 0123", ""),
        ("+44 (0)20 7946 0123", ""),
        ("0044 20 7946 0123", ""),
        ("00442079460123", "US"),
        ("020 7946 0123", "GB"),
        ("(020) 7946-0123", "GB"),
        ("44 20 7946 0123", "GB"),
        ("'+442079460123", ""),
        ("tel:+44-20-7946-0123", ""),
        ("+44\u00a020\u00a07946\u00a00123", ""),
        ("+44\u202f20\u20097946\u20070123", ""),
        ("020/7946/0123", "GB"),
        ("020.7946.0123", "GB"),
        ("020·7946·0123", "GB"),
        ("020‑7946–0123", "GB"),
        ("\u202a+44 20 7946 0123\u202c", ""),
        ("＋４４ ２０ ７９４６ ０１２３", ""),
    ],
)
def test_a_number_is_one_however_it_is_written(text: str, country: str) -> None:
    assert read_number(text, country) == "+442079460123"


@pytest.mark.parametrize(
    ("text", "country", "reason"),
    [
        ("", "GB", "The number is missing."),
        ("020 7946 0123", "", "does not begin with + or 00"),
        ("+44 20", "", "is not a phone number (country code +44)"),
        ("0201 234 567", "IE", "is not a phone number (Ireland)"),
        ("+999 123", "", "a country code that does not exist"),
        ("+1234567890123456789", "", "is too long"),
        ("1-800-FLOWERS", "US", "is not a phone number"),
        ("+44 20 7946 0123 x22", "", "is not a phone number"),
        ("=1+1", "GB", "is not a phone number"),
        ("٠٢٠٧٩٤٦٠١٢٣", "GB", "is not a phone number"),
        ("+44" * 40, "", "is not a phone number"),
        ("12", "GB", "is"),
    ],
)
def test_what_is_no_number_is_told_why(text: str, country: str, reason: str) -> None:
    with pytest.raises(NotANumber, match=re.escape(reason)) as refusal:
        read_number(text, country)
    assert len(str(refusal.value)) < 160


def test_a_number_knows_its_country() -> None:
    assert country_of("+442079460123") == "GB"
    assert country_name(country_of("+80012345678")) == "International"


def test_a_block_runs_from_the_first_to_the_last_number() -> None:
    assert block("+442079460998", "+442079461001", 10) == [
        "+442079460998",
        "+442079460999",
        "+442079461000",
        "+442079461001",
    ]


@pytest.mark.parametrize(
    ("first", "last", "reason"),
    [
        ("+442079460002", "+442079460001", "is before the first"),
        ("+442079460001", "+442079460012", "10 numbers at most; this one would have 12"),
        ("+442079460001", "+4930901820", "do not have the same length"),
    ],
)
def test_what_is_no_block_is_told_why(first: str, last: str, reason: str) -> None:
    with pytest.raises(NotANumber, match=reason):
        block(first, last, 10)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("+44 20", ["+4420"]),
        ("0044 20", ["004420", "+4420"]),
        ("020 7946", ["207946"]),
        ("0123", ["0123", "123"]),
        ("7946-01", ["794601"]),
        ("Northwind", []),
        ("Studio 54", []),
    ],
)
def test_searching_looks_for_the_digits(text: str, parts: list[str]) -> None:
    assert parts_to_find(text) == parts


@pytest.mark.parametrize(
    "typed",
    [
        "+44 (0)20 7946 0101", "+44(0)2079460101", "+44 ( 0 ) 20 7946 0101", "+44 [0] 20 7946 0101",
        "+44 020 7946 0101", "0044 20 7946 0101", "0044 (0)20 7946 0101", "00442079460101", "44 20 7946 0101",
        "44 (0)20 7946 0101", "020 7946 0101", "(020) 7946 0101", "(0)20 7946 0101", "020.7946.0101",
        "020/7946/0101", "020-7946-0101", "020‑7946–0101", "020·7946·0101", "020\u00a07946\u00a00101",
        "+44\u202f20\u20097946\u20070101", "\u202a+442079460101\u202c", "＋４４２０７９４６０１０１",
        "tel:+442079460101", "TEL: +44 20 7946 0101", "'+442079460101", "20 7946 0101", "7946 0101", "0207",
        "020 79", "+44 (0)20", "0044 (0)20",
    ],
)  # fmt: skip
def test_a_number_is_found_in_every_way_that_people_write_it(typed: str) -> None:
    held = "+442079460101"
    assert any(held.startswith(part) if part[0] == "+" else part in held for part in parts_to_find(typed))


@pytest.mark.parametrize(
    ("typed", "country", "number"),
    [
        ("8 (495) 123-45-67", "RU", "+74951234567"),
        ("011 44 20 7946 0101", "US", "+442079460101"),
        ("06 69 812345", "IT", "+390669812345"),
        ("1 (212) 555-2368", "US", "+12125552368"),
    ],
)
def test_a_whole_number_is_found_as_it_is_dialled_in_a_country_of_ours(
    typed: str, country: str, number: str
) -> None:
    assert number in parts_to_find(typed, ["GB", country])


@pytest.mark.parametrize("typed", ["", " ", "+", "()", "Studio 54", "tel:", "%", "\u200b"])
def test_what_has_no_digits_or_has_letters_is_no_number_to_find(typed: str) -> None:
    assert parts_to_find(typed, ["GB"]) == []
