"""Destination as a sentence: which calls free minutes are for, in words that need no pattern."""

import re
from itertools import product

import phonenumbers

from portal.domain.phone_numbers import country_name
from portal.domain.wording import listed
from portal.services.calls.destinations import alternatives

# More beginnings than these are not listed: nobody reads them.
NAMED = 24
NORTH_AMERICA = "1"
# What comes after a beginning and says nothing more of the number.
ANYTHING = re.compile(r"(?:\.|\\d|\[0-9\])?[*+]|\$$")
DIGIT = re.compile(r"\d")
DIGITS = re.compile(r"\[([0-9](?:-?[0-9])*)\]")
THE = ("Netherlands", "Philippines", "Bahamas", "Maldives", "Gambia", "Comoros", "Seychelles")


def in_words(pattern: str) -> str:
    """What follows "for": calls to the United Kingdom and India; calls to numbers that begin with +44 20.

    A pattern that is no list of beginnings is not told in part: it is calls to certain numbers.
    """
    if not pattern:
        return "calls to every number"
    begins = [begin for part in alternatives(pattern) for begin in _beginnings(part) or [""]]
    if not all(begins) or len(set(begins)) > NAMED:
        return "calls to certain numbers; ask us which"
    countries, others = [], []
    for begin in _widest(begins):
        code = _code(begin)
        if begin == code and (country := _country(code)):
            countries.append(country)
        else:
            others.append(f"+{code} {begin[len(code) :]}".rstrip() if code else f"+{begin}")
    beginning = f"numbers that begin with {listed(others, 'or')}" if others else ""
    if len(countries) == 1 and others:
        return f"calls to {countries[0]} and to {beginning}"
    return f"calls to {listed([*countries, *filter(None, [beginning])])}"


def _beginnings(part: str) -> list[str]:
    """The digits that an alternative lets numbers begin with, written out; nothing where it says something else."""
    if not part.startswith("^"):
        inner = re.fullmatch(r"\((?:\?:)?(.*)\)", part)
        return (
            [begin for one in alternatives(inner[1]) for begin in _beginnings(one) or [""]] if inner else []
        )
    rest, choices = part[1:], []
    while rest:
        if ANYTHING.fullmatch(rest):
            break
        if digit := DIGIT.match(rest):
            choices.append([digit[0]])
            rest = rest[1:]
        elif digits := DIGITS.match(rest):
            choices.append(_of_class(digits[1]))
            rest = rest[digits.end() :]
        elif group := re.match(r"\((?:\?:)?([\d|]+)\)", rest):
            choices.append(group[1].split("|"))
            rest = rest[group.end() :]
        else:
            return []
        if len(list(product(*choices))) > NAMED:
            return []
    return ["".join(digits) for digits in product(*choices)]


def _of_class(inside: str) -> list[str]:
    """The digits of a class: 4-79 is 4, 5, 6, 7, 9."""
    return [digit for digit in "0123456789" if re.fullmatch(f"[{inside}]", digit)]


def _widest(begins: list[str]) -> list[str]:
    """Each once, in their order, without those that another one has in it."""
    once = list(dict.fromkeys(begins))
    return [one for one in once if not any(one != other and one.startswith(other) for other in once)]


def _code(begin: str) -> str:
    """The country code that a number beginning so has; empty while that is open."""
    return next(
        (
            begin[:length]
            for length in (1, 2, 3)
            if int(begin[:length]) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE
        ),
        "",
    )


def _country(code: str) -> str:
    """The country, or countries, of a code; empty for one that belongs to none."""
    region = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[int(code)][0]
    if code == NORTH_AMERICA:
        return "North America"
    if region == phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY:
        return ""
    name = country_name(region)
    the = name.startswith("United ") or name.endswith((" Islands", " Republic")) or name in THE
    return f"the {name}" if the else name
