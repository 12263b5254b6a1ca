"""Numbers in a file of DIDs: one, or a range in one cell (+442079460000-99) or in two.

NotANumber, with the reason, for what is neither.
"""

import re
from contextlib import suppress

from portal.domain.csv_files.cells import SHORTENED, as_written, is_nothing, shortened
from portal.domain.did_files.layout import DidLayout
from portal.domain.phone_numbers import NotANumber, block, in_ascii, international, read_number

# What a spreadsheet makes of a number that it takes for one: 442079460182.0.
WITH_DECIMALS = re.compile(r"(\d{5,15})\.0+", re.ASCII)
# Between the ends of a range: " - ", " to ", "..", or a hyphen before a whole number; else the last hyphen.
BETWEEN_ENDS = re.compile(r"\s+(?:-|to)\s+|\s*\.{2,}\s*|\s*-\s*(?=\+|00)", re.IGNORECASE)
DIGITS = tuple("123456789")
END = re.compile(r"\+?[\d\s().\-]*\d", re.ASCII)


def read_numbers(text: str, last: str, country: str, layout: DidLayout, most: int) -> list[str]:
    """The numbers, in E.164, that a line means: `most` at most. `last` is the cell of the last one, if it has one."""
    text = _plain(text)
    if not is_nothing(last):
        first = _read(text, country, layout)
        return block(first, _last_of(first, _plain(last), country, layout), most)
    ends = _ends(text)
    if ends is None:
        return [_read(text, country, layout)]
    try:
        one = _read(text, country, layout)
    except NotANumber:
        one = ""
    if one and not layout.ranges:
        return [one]
    try:
        return _range(ends, country, layout, most)
    except NotANumber:
        if one:
            return [one]
        raise


def is_either(text: str, country: str, layout: DidLayout) -> bool:
    """Whether a cell can be read as one number and as a range of others."""
    with suppress(NotANumber):
        text = _plain(text)
        ends = _ends(text)
        if ends is None:
            return False
        _read(text, country, layout)
        first = _read(ends[0], country, layout)
        _last_of(first, ends[1], country, layout)
        return True
    return False


def needs_code(text: str, country: str) -> bool:
    """Whether a cell is a number only where its first digits are taken for the country code."""
    try:
        text = _plain(text)
    except NotANumber:
        return False
    if not text[:1].isdigit() or text.startswith("0"):
        return False
    ways = [text, *(_ends(text) or ())[:1]]
    return not any(_is_number(way, country) for way in ways) and any(_is_number("+" + way) for way in ways)


def _is_number(text: str, country: str = "") -> bool:
    with suppress(NotANumber):
        return bool(read_number(text, country))
    return False


def _plain(text: str) -> str:
    """A cell without what files put around a number. NotANumber where a spreadsheet has shortened it."""
    text = as_written(in_ascii(text).strip()).lstrip("'")
    if found := WITH_DECIMALS.fullmatch(text):
        return found[1]
    if SHORTENED.fullmatch(text):
        raise NotANumber(str(shortened("number", text)))
    return "" if is_nothing(text) else text


def _read(text: str, country: str, layout: DidLayout) -> str:
    return read_number("+" + text if layout.has_code and text[:1] in DIGITS else text, country)


def _ends(text: str) -> tuple[str, str] | None:
    """The two ends of what may be a range; None where it cannot be one."""
    parts = BETWEEN_ENDS.split(text)
    front, _, end = text.rpartition("-") if len(parts) == 1 else (parts[0], "", parts[1])
    if len(parts) > 2 or not front or not END.fullmatch(end.strip()):
        return None
    return front.strip(), end.strip()


def _range(ends: tuple[str, str], country: str, layout: DidLayout, most: int) -> list[str]:
    first = _read(ends[0], country, layout)
    return block(first, _last_of(first, ends[1], country, layout), most)


def _last_of(first: str, end: str, country: str, layout: DidLayout) -> str:
    """The last number of a range: written in full, or its last digits alone."""
    digits = re.sub(r"\D", "", end, flags=re.ASCII)
    with suppress(NotANumber):
        if end.startswith(("+", "00")) or len(digits) >= len(first) - 4:
            return _read(end, country, layout)
    if not digits or end.startswith("+") or len(digits) >= len(first) - 1:
        raise NotANumber(f"The range from {international(first)} does not say its last number: {end[:40]}.")
    return read_number(first[: -len(digits)] + digits)
