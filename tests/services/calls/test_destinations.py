"""Destination: which numbers a pattern means, and which patterns cannot be held."""

import re

import pytest

from portal.domain.errors import Invalid
from portal.services.calls.destination_words import in_words
from portal.services.calls.destinations import compiled, dead_parts, matches, open_parts


@pytest.mark.parametrize(
    ("pattern", "number", "expected"),
    [
        ("", "anything", True),
        ("^44|^91|^1", "+44 20 7946 0123", True),
        ("^44|^91|^1", "0091 22 1234", True),
        ("^44", "33144", False),
        ("44", "33144", True),
        ("^44", "44", True),
    ],
)
def test_a_pattern_is_searched_for_in_the_number_without_plus_or_00(pattern, number, expected):
    assert matches(pattern, number) is expected


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("^44(?=20)", "(?= at character 4"),
        (r"(4)\1", r"\1 at character 4"),
        ("^44|(91|1", "( at character 5"),
        ("^44|91)", ") at character 7"),
        ("*44", "* at character 1"),
        ("4{1001}", "{1001} at character 2"),
        ("[9-0]", "9-0 at character 2"),
        ("44\\", "\\ at character 3"),
        ("4" * 501, "500 characters at most"),
    ],
)
def test_what_cannot_be_held_is_refused_with_its_place(pattern, says):
    with pytest.raises(Invalid) as refused:
        compiled(pattern)
    assert refused.value.field == "destination"
    assert says in refused.value.sentence


def test_alternatives_that_match_anywhere_are_found():
    assert open_parts("^44|91|(^1|7)|\\|x") == ["91", "\\|x"]
    assert open_parts("") == []


def test_matching_takes_linear_time():
    """An engine that goes back and tries again would still be at it when the sun has gone out."""
    assert not matches("(a+)+$", "a" * 20_000 + "b")


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        (r"^\+44", [(r"^\+44", "^44")]),
        ("^0044", [("^0044", "^44")]),
        (r"^44|^\+33", [(r"^\+33", "^33")]),
        (r"^(\+44|33)", [(r"^(\+44|33)", "^(44|33)")]),
        ("^[+]44", [("^[+]44", "^44")]),
        (r"\A0044", [(r"\A0044", r"\A44")]),
        (r"\+44", [(r"\+44", "44")]),
        ("^44|^1|00", []),  # 00 may stand in the middle of a number
        ("", []),
    ],
)
def test_a_pattern_that_wants_a_plus_or_00_can_match_no_number(pattern, found):
    assert dead_parts(pattern) == found
    for part, _ in found:
        if "|" not in part:
            assert not any(matches(part, number) for number in ("+44207", "0044207", "44207"))


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("", "calls to every number"),
        ("^44", "calls to the United Kingdom"),
        ("^44.*", "calls to the United Kingdom"),
        ("^44|^91|^1", "calls to the United Kingdom, India and North America"),
        ("^(44|31)", "calls to the United Kingdom and the Netherlands"),
        ("(^44|^49)", "calls to the United Kingdom and Germany"),
        ("^4420", "calls to numbers that begin with +44 20"),
        ("^44(20|161)|^33", "calls to France and to numbers that begin with +44 20 or +44 161"),
        ("^447[4-6]", "calls to numbers that begin with +44 74, +44 75 or +44 76"),
        ("^44|^4420", "calls to the United Kingdom"),
        ("^1212", "calls to numbers that begin with +1 212"),
        ("^800|^33", "calls to France and to numbers that begin with +800"),
        ("^3", "calls to numbers that begin with +3"),
        ("44", "calls to certain numbers; ask us which"),
        ("^44[^7]", "calls to certain numbers; ask us which"),
        ("^44|20$", "calls to certain numbers; ask us which"),
        ("^", "calls to certain numbers; ask us which"),
        ("^44?", "calls to certain numbers; ask us which"),
        ("^[0-9][0-9]", "calls to certain numbers; ask us which"),
    ],
)
def test_a_pattern_is_told_to_customers_in_words(pattern, words):
    assert in_words(pattern) == words


def test_what_the_words_promise_is_what_the_pattern_means():
    for pattern in ("^44|^91|^1", "^(44|31)", "^44(20|161)|^33", "^447[4-6]", "^44|^4420", "^999"):
        begins = re.findall(r"\+([\d ]+)", in_words(pattern))
        assert all(matches(pattern, f"{begin.replace(' ', '')}5550100") for begin in begins), pattern
