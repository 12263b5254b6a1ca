"""Numbers as people and systems write them: 1234.50, 1.234,50, 1 234,50, 12 %, £ 9.99, (3.00)."""

import re
from decimal import Decimal

from portal.domain.csv_files.cells import CELL_MAX, Bad, as_written, short
from portal.domain.csv_files.proof import FIGURE

# What sets thousands apart besides points and commas.
SPACES = re.compile("(?<=\\d)[ \u00a0\u202f'\u2019](?=\\d{3})")
# Before the decimal sign: 1234, 1 234 567; and as in India, 12 34 567.
GROUPS = re.compile(r"\d*|\d{1,3}(?: \d{2,3})* \d{3}", re.ASCII)
DECIMALS = re.compile(r"\d*", re.ASCII)
IN_BRACKETS = re.compile(r"\((.*)\)")


def read_decimal(what: str, text: str, decimal: str = "") -> Decimal:
    """The number that is written; `decimal` is the sign before its decimals, empty where nothing has said which.

    Bad for what is none, and for what can be read in two ways.
    """
    plain = SPACES.sub("", as_written(text.strip()))
    below = IN_BRACKETS.fullmatch(plain)
    found = FIGURE.fullmatch(below[1].strip() if below else plain) if len(plain) <= CELL_MAX else None
    if not found:
        raise unreadable(what, text)
    before, between, digits, behind = found.groups()
    signs = [sign for sign in (before, between, behind) if sign]
    if len(signs) + bool(below) > 1:
        raise unreadable(what, text)
    if not decimal and re.fullmatch(r"\d*,\d{3}", digits):
        raise in_two_ways(what, text)
    number = number_of(digits, decimal)
    if number is None:
        raise unreadable(what, text)
    return -number if below or (signs and signs[0] != "+") else number


def number_of(digits: str, decimal: str = "") -> Decimal | None:
    """Digits with points and commas as a number; None where they are none.

    `decimal` is the sign before its decimals; where it is empty, the one that its own signs prove. The other sign, and
    no other, sets thousands apart: 1,200.00 is no 1.20, where the comma stands before decimals.
    """
    sign = decimal or _before_decimals(digits)
    front, _, rest = digits.partition(sign)
    thousands = front.split("," if sign == "." else ".")
    if not GROUPS.fullmatch(" ".join(thousands)) or not DECIMALS.fullmatch(rest):
        return None
    return Decimal(f"{''.join(thousands) or 0}.{rest or 0}")


def _before_decimals(digits: str) -> str:
    """Of both signs the last one; never one that stands there twice."""
    if "." in digits and "," in digits:
        return max(".,", key=digits.rfind)
    sign, other = (",", ".") if "," in digits else (".", ",")
    return other if digits.count(sign) > 1 else sign


def in_two_ways(what: str, text: str) -> Bad:
    """Why a number cannot be read that has one comma, and nothing that says what it is."""
    return Bad(
        f"{what} is {short(text)}: a comma can be a decimal point or set thousands apart. Say which in the layout of "
        "the file.",
        f"{what} has a comma, which can be a decimal point or set thousands apart.",
    )


def unreadable(what: str, text: str) -> Bad:
    """Why a text is no number."""
    return Bad(
        f"{what} is {short(text) or 'empty'}: enter a number such as 1234.50.", f"{what} is not a number."
    )
