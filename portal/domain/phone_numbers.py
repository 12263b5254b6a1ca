"""Phone numbers as people write them, and as E.164 keeps them."""

import re
from collections.abc import Iterable
from contextlib import suppress
from functools import cache, lru_cache

import phonenumbers
from babel import Locale
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat

from portal.domain.names import SIGNS, search_key
from portal.domain.wording import whole

# What may stand between digits. Letters, extensions and several numbers in one place are refused.
WRITTEN = re.compile(r"'?\s*(?:tel:)?\s*\+?[\d\s().\-/]+", re.ASCII | re.IGNORECASE)
LONGEST_WRITTEN = 60
# Shorter than this, a number with a 0 in front may as well be the middle of one.
SHORTEST_NATIONAL = 6
# The 0 that is dialled only within the country: +44 (0)20.
WITHIN = re.compile(r"[(\[]\s*0\s*[)\]]")
# Full-width signs and digits, and what is set for dots and slashes.
ASCII_SIGNS = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | str.maketrans("·•‧・∕⁄", "....//")
# The same numbers stand on a page many times, and on other pages again.
REMEMBERED = 4_096


class NotANumber(ValueError):
    """Why a text is no phone number, as a sentence."""


@cache
def countries() -> dict[str, str]:
    """Every country that has a number plan: its code (ISO 3166) and English name, by name."""
    names = Locale("en").territories
    found = {code: names.get(code, code) for code in phonenumbers.SUPPORTED_REGIONS}
    return dict(sorted(found.items(), key=lambda item: search_key(item[1])))


def country_name(code: str) -> str:
    """The country's name; numbers that belong to none are international."""
    return (
        "International"
        if code == phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY
        else countries().get(code, code)
    )


def read_number(text: str, country: str = "") -> str:
    """A number in E.164, from one written with + or 00, or as it is dialled within `country`.

    NotANumber, with the reason, where the country's number plan does not know it.
    """
    written = _written(text)
    if written.startswith("00"):
        written = "+" + written[2:].lstrip()
    if not written.startswith("+") and not country:
        raise NotANumber(
            f"{_short(text)} does not begin with + or 00. Enter the country code, or choose a country."
        )
    try:
        parsed = phonenumbers.parse(written, country or None)
    except NumberParseException as error:
        raise NotANumber(_why(text, error.error_type)) from None
    if not phonenumbers.is_valid_number(parsed):
        raise NotANumber(
            f"{_short(text)} is not a phone number ({_where(parsed, country)}): check its digits."
        )
    return phonenumbers.format_number(parsed, PhoneNumberFormat.E164)


def country_of(number: str) -> str:
    """The code of the country an E.164 number belongs to; empty where the plan does not say."""
    return phonenumbers.region_code_for_number(phonenumbers.parse(number)) or ""


@lru_cache(REMEMBERED)
def international(number: str) -> str:
    """An E.164 number as people read it: +44 20 7946 0000; what is none, as it stands."""
    try:
        parsed = phonenumbers.parse(number)
    except NumberParseException:
        return number
    return phonenumbers.format_number(parsed, PhoneNumberFormat.INTERNATIONAL)


def called_number(destination: str) -> str:
    """The number that was called, digits only as calls have it, as people read it; what is no number, as it stands."""
    if destination.isdigit() and len(destination) > SHORTEST_NATIONAL:
        return international("+" + destination)
    return destination or "unknown"


def block(first: str, last: str, most: int) -> list[str]:
    """The numbers from `first` to `last`, both in E.164. NotANumber where that is no block."""
    if len(first) != len(last):
        raise NotANumber(f"{international(first)} and {international(last)} do not have the same length.")
    begin, end = int(first), int(last)
    if end < begin:
        raise NotANumber(f"The last number is before the first, {international(first)}.")
    if end - begin >= most:
        raise NotANumber(
            f"A block has {whole(most)} numbers at most; this one would have {whole(end - begin + 1)}."
        )
    return [f"+{number}" for number in range(begin, end + 1)]


def parts_to_find(text: str, countries: Iterable[str] = ()) -> list[str]:
    """What to look for among E.164 numbers when somebody types `text`; a leading + means from the start.

    A whole number is found also as it is dialled within, or from, one of `countries`. Nothing where there are
    letters: that is a name.
    """
    typed = _bare(in_ascii(text))
    if any(letter.isalpha() for letter in typed) or not re.search(r"\d", typed, re.ASCII):
        return []
    found = dict.fromkeys(part for way in (typed, WITHIN.sub("", typed)) for part in _parts(way))
    for country in ("", *countries):
        with suppress(NotANumber):
            found[read_number(typed, country)] = None
    return list(found)


def _parts(typed: str) -> list[str]:
    """What the digits that were typed can be a part of."""
    digits = re.sub(r"\D", "", typed, flags=re.ASCII)
    if typed.startswith("+"):
        return ["+" + digits] if digits else []
    if digits.startswith("00") and len(digits) > 2:
        return [digits, "+" + digits[2:]]
    if digits.startswith("0") and len(digits) >= SHORTEST_NATIONAL:
        return [digits[1:]]  # as it is dialled within the country
    if digits.startswith("0") and len(digits) > 2:
        return [digits, digits[1:]]
    return [digits] if digits else []


def in_ascii(text: str) -> str:
    """The text with spaces, hyphens, dots and slashes of one kind, and without what cannot be seen."""
    text = text.translate(SIGNS).translate(ASCII_SIGNS)
    return "".join(" " if letter.isspace() else letter for letter in text)


def _bare(text: str) -> str:
    """A number without what files put around it."""
    return re.sub(r"\Atel:", "", text.strip().lstrip("'").strip(), flags=re.IGNORECASE).strip()


def _written(text: str) -> str:
    """The text without what files put around a number. NotANumber for what no number looks like."""
    text = in_ascii(text).strip()
    if not text:
        raise NotANumber("The number is missing.")
    if len(text) > LONGEST_WRITTEN or not WRITTEN.fullmatch(text):
        raise NotANumber(f"{_short(text)} is not a phone number. Enter digits, such as +44 20 7946 0123.")
    return _bare(text)


def _why(text: str, kind: int) -> str:
    reasons = {
        NumberParseException.INVALID_COUNTRY_CODE: "begins with a country code that does not exist",
        NumberParseException.TOO_LONG: "is too long: a phone number has 15 digits at most",
        NumberParseException.TOO_SHORT_AFTER_IDD: "is too short",
        NumberParseException.TOO_SHORT_NSN: "is too short",
    }
    return f"{_short(text)} {reasons.get(kind, 'is not a phone number')}."


def _where(parsed: PhoneNumber, country: str) -> str:
    code = parsed.country_code or 0
    sharing = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(code, ())
    if country in sharing or len(sharing) == 1:
        return country_name(country if country in sharing else sharing[0])
    return f"country code +{code}"


def _short(text: str) -> str:
    """As much of what was written as a sentence can bear."""
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_WRITTEN else text[: LONGEST_WRITTEN - 1] + "…"
