"""What stands in the cells of a call record: amounts, lengths and numbers, as many systems write them.

Every reader gives the value or raises Bad with a sentence. Values that stand in very many rows are read once.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from math import ceil

import phonenumbers
from phonenumbers import NumberParseException, PhoneMetadata

from portal.domain.call_files.layout import Layout, Length
from portal.domain.csv_files.cells import (
    CELL_MAX,
    SHORTENED,
    Bad,
    Memo,
    as_written,
    bare,
    is_nothing,
    short,
    shortened,
)
from portal.domain.csv_files.numbers import in_two_ways, number_of
from portal.domain.currencies import CURRENCIES
from portal.domain.money import AMOUNT_BELOW, MICROS
from portal.domain.phone_numbers import WITHIN
from portal.domain.wording import whole

SECONDS_MAX = 31_622_400  # a year and a day
NUMBER_MAX = 40
FORMULA = ("=", "@")
NUMBER = re.compile(r"([+-]?)(\d{0,18})(?:[.](\d{0,30}))?(?:[eE]([+-]?\d{1,2}))?", re.ASCII)
# An amount with what people put around it: -£1,234.50, 0.0142 GBP, 12,5- .
AMOUNT = re.compile(
    r"([+\-\u2212]?)\s*([£€$¥]|[a-z]{3})?\s*([+\-\u2212]?)\s*(\d[\d.,'\u2019 \u00a0\u202f]*|[.,]\d+)"
    r"\s*([£€$¥]|[a-z]{3})?\s*(-?)",
    re.IGNORECASE,
)
THOUSANDS = re.compile(r"['\u2019 \u00a0\u202f](?=\d{3}(?:\D|$))")
CLOCK = re.compile(r"(\d{1,4}):([0-5]\d):([0-5]\d(?:[.,]\d{1,9})?)", re.ASCII)
SHORT_CLOCK = re.compile(r"(\d{1,6}):([0-5]\d(?:[.,]\d{1,9})?)", re.ASCII)
# As Go and people write durations: 1h2m3.5s, 90s, 250ms, 90 sec, 1 min 30 sec.
UNITS = re.compile(
    r"(?:(\d+(?:\.\d+)?)\s*h(?:(?:ou)?rs?)?)?\s*(?:(\d+(?:\.\d+)?)\s*m(?:in(?:ute)?s?)?(?![a-z]))?"
    r"\s*(?:(\d+(?:\.\d+)?)\s*(s(?:ec(?:ond)?s?)?|ms|µs|us|ns))?",
    re.IGNORECASE,
)
IN_SECOND = {"ms": 10**3, "µs": 10**6, "us": 10**6, "ns": 10**9}
# Signs that mean one currency; a dollar may be one of many.
CURRENCY_SIGNS = {"£": "GBP", "€": "EUR"}
MANY = {"$": "dollars", "¥": "yen or yuan"}
# What a number may be wrapped in: "Nora" <442079460100>, sip:442079460100@pbx.example, tel:+442079460100.
IN_ANGLES = re.compile(r"[^<>]*<([^<>]*)>\s*")
ADDRESS = re.compile(r"(?:sips?|tel):([^@;?]*)(?:[@;?].*)?", re.IGNORECASE)
# A number of North America, as it is dialled there.
NORTH_AMERICAN = re.compile(r"1?([2-9]\d\d[2-9]\d{6})", re.ASCII)
NORTH_AMERICA = 1

# -- money


def read_currency(text: str) -> str:
    """A currency by its code or its sign; empty where nothing is written."""
    plain = text.strip()
    code = CURRENCY_SIGNS.get(plain, plain.upper())
    if code and code not in CURRENCIES:
        raise Bad(f"Currency is {short(text)}: enter three letters, such as USD.")
    return code


class Amounts(Memo[int | None]):
    """Reads amounts into micros, rounded to a millionth; None where there is none.

    `said` has, by its text, the currency of an amount that names one: a code, or the sign of one of many.
    """

    def __init__(self, what: str, layout: Layout, delimiter: str) -> None:
        super().__init__(self._amount)
        self.what, self.layout = what, layout
        self.is_comma = layout.decimal == "," or (not layout.decimal and delimiter != ",")
        self.said: dict[str, str] = {}

    def _amount(self, text: str) -> int | None:
        plain = as_written(text.strip())
        found = NUMBER.fullmatch(plain)
        # Three digits behind a point may be thousands where a comma is the decimal sign.
        if found and (found[2] or found[3]) and not (self.layout.decimal == "," and "." in plain):
            number = Decimal(plain)
        elif is_nothing(plain):
            return None
        else:
            number = self._written(text, plain)
        if self.layout.below_zero:
            number = -number
        if number < 0:
            than = "above" if self.layout.below_zero else "below"
            raise Bad(f"{self.what} is {than} zero: {short(text)}.", f"{self.what} is {than} zero.")
        if number >= AMOUNT_BELOW:
            raise Bad(f"{self.what} is {whole(AMOUNT_BELOW)} or more.")
        return int(number * MICROS + Decimal("0.5"))

    def _written(self, text: str, plain: str) -> Decimal:
        found = AMOUNT.fullmatch(plain) if len(plain) <= CELL_MAX else None
        if not found:
            raise self._unreadable(text)
        before, first, between, digits, last, behind = found.groups()
        signs = [sign for sign in (before, between, behind) if sign]
        if (first and last) or len(signs) > 1:
            raise self._unreadable(text)
        if currency := first or last:
            if currency not in MANY and CURRENCY_SIGNS.get(currency, currency.upper()) not in CURRENCIES:
                raise self._unreadable(text)
            if len(self.said) >= self.MOST:
                self.clear()
                self.said.clear()
            self.said[text] = currency if currency in MANY else read_currency(currency)
        number = self._plain(text, THOUSANDS.sub("", digits.strip()))
        return -number if signs and signs[0] != "+" else number

    def _plain(self, text: str, digits: str) -> Decimal:
        decimal = self.layout.decimal
        if not decimal and digits.count(",") == 1 and "." not in digits and not self.is_comma:
            raise in_two_ways(self.what, text)
        number = number_of(digits, decimal)
        if number is None:
            raise self._unreadable(text)
        return number

    def _unreadable(self, text: str) -> Bad:
        return Bad(
            f"{self.what} is {short(text) or 'empty'}: enter a number such as 0.0125.",
            f"{self.what} is not a number." if text.strip() else "",
        )


# -- lengths


def seconds_reader(layout: Layout, delimiter: str) -> Callable[[str], int | None]:
    """Reads a length into whole seconds; a part of a second counts as one. None where there is none."""

    def read(text: str) -> int | None:
        plain = as_written(text.strip())
        if is_nothing(plain):
            return None
        if plain.startswith("-"):
            raise Bad(f"Seconds are below zero: {short(text)}.", "Seconds are below zero.")
        if layout.decimal == "," or delimiter != ",":
            plain = plain.replace(",", ".")
        length = _length(plain, layout.length)
        if length is None:
            raise Bad(_no_length(text, layout.length), "Seconds cannot be read.")
        if length > SECONDS_MAX:
            raise Bad(f"Seconds are {short(text)}: more than a year.", "Seconds are more than a year.")
        return ceil(length)

    return read


def _length(plain: str, counts: Length) -> Decimal | None:
    if found := CLOCK.fullmatch(plain):
        return int(found[1]) * 3600 + int(found[2]) * 60 + Decimal(found[3].replace(",", "."))
    if (found := NUMBER.fullmatch(plain)) and (found[2] or found[3]):
        match counts:
            case Length.CLOCK:
                return None
            case Length.MINUTES:
                return Decimal(plain) * 60
            case Length.MILLISECONDS:
                return Decimal(plain) / 1000
        return Decimal(plain)
    if counts == Length.CLOCK and (found := SHORT_CLOCK.fullmatch(plain)):
        return int(found[1]) * 60 + Decimal(found[2].replace(",", "."))
    if len(plain) <= CELL_MAX and (found := UNITS.fullmatch(plain)):
        hours, minutes, rest = (Decimal(part or 0) for part in found.group(1, 2, 3))
        return hours * 3600 + minutes * 60 + rest / IN_SECOND.get((found[4] or "").lower(), 1)
    return None


def _no_length(text: str, counts: Length) -> str:
    if counts == Length.CLOCK:
        return f"Seconds are {short(text)}: not mm:ss, as the layout says. Enter them as in 1:30."
    return f"Seconds are {short(text)}: enter a whole number, or a time such as 00:01:30."


# -- numbers


def number_reader(country: str) -> Callable[[str, str], str]:
    """Reads a number, the second text saying what it is, without leading + or 00; also names that are no numbers.

    With a country, what is dialled within it gets its country code.
    """
    if not country:
        return _number
    national = Memo(_within(country))

    def read(text: str, what: str) -> str:
        if not text.strip():
            return ""
        number = _number(text, what)
        written = _unwrapped(as_written(text.strip()))
        is_national = number.isdigit() and number.isascii() and not written.startswith(("+", "00"))
        return national[number] if is_national else number

    return read


def _number(text: str, what: str) -> str:
    if text.isdigit() and text.isascii() and text[:2] != "00" and len(text) <= NUMBER_MAX:
        return text
    plain = _unwrapped(as_written(text.strip()))
    if "+" in plain[1:] and SHORTENED.fullmatch(plain):
        raise shortened(what, plain)
    if plain.startswith(("+", "00")):
        plain = WITHIN.sub("", plain)
    number = bare(plain)
    if len(number) > NUMBER_MAX or not number.isprintable():
        raise Bad(
            f"{short(text)} is not a number: it has more than {NUMBER_MAX} characters or unreadable ones.",
            f"The {what} is not a number.",
        )
    if number[:1] in FORMULA and number:
        raise Bad(f"{short(text)} is a formula.", f"The {what} is a formula.")
    return number


def _unwrapped(text: str) -> str:
    """The number within what is around it."""
    if found := IN_ANGLES.fullmatch(text):
        text = found[1].strip()
    if found := ADDRESS.fullmatch(text):
        text = found[1].strip()
    return text


def _within(country: str) -> Callable[[str], str]:
    """Reads digits as they are dialled within a country; what is none of its numbers stays as it is."""
    code = phonenumbers.country_code_for_region(country)
    metadata = PhoneMetadata.metadata_for_region(country)
    trunk = metadata.national_prefix if metadata else None

    def read(digits: str) -> str:
        if code == NORTH_AMERICA:
            found = NORTH_AMERICAN.fullmatch(digits)
            return f"1{found[1]}" if found else digits
        if trunk and not digits.startswith(trunk):
            return digits
        try:
            parsed = phonenumbers.parse(digits, country)
        except NumberParseException:
            return digits
        if not phonenumbers.is_possible_number(parsed) or parsed.country_code != code:
            return digits
        return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)[1:]

    return read
