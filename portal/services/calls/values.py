"""What stands in the cells of a call record: amounts, lengths and times, as many systems write them.

Every reader gives the value or raises Bad with a sentence. Values that stand in very many rows are read once.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import ceil
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

from portal.domain.currencies import CURRENCIES
from portal.domain.money import AMOUNT_BELOW, MICROS
from portal.domain.schedule import FIRST_DAY, LAST_DAY
from portal.domain.wording import whole

SECONDS_MAX = 31_622_400  # a year and a day
SHOWN = 40
SIGNS = ("=", "+", "-", "@")
NUMBER = re.compile(r"([+-]?)(\d{0,18})(?:[.](\d{0,30}))?(?:[eE]([+-]?\d{1,2}))?", re.ASCII)
CLOCK = re.compile(r"(\d{1,4}):([0-5]\d):([0-5]\d)", re.ASCII)
# As Go writes durations: 1h2m3.5s, 90s, 250ms.
GO = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)(s|ms|µs|us|ns))?")
GO_SECOND = {None: 1, "s": 1, "ms": 10**3, "µs": 10**6, "us": 10**6, "ns": 10**9}
# Since 1970, in seconds, thousandths or millionths of them.
EPOCH = re.compile(r"\d{10}(\d{3}(?:\d{3})?)?(?:\.\d+)?", re.ASCII)
SLASHED = re.compile(r"(\d{4})/(\d\d)/(\d\d)(?=[ T]|$)", re.ASCII)
UTC_WORDS = re.compile(r"(?: [+]0000)? (?:UTC|GMT)$")
FULL = re.compile(r"\d{4}[-/]\d\d[-/]\d\d[ T]\d\d:\d\d", re.ASCII)
# Signs that mean one currency; a dollar may be one of many.
CURRENCY_SIGNS = {"£": "GBP", "€": "EUR"}
SECOND_OF_MINUTE = {f":{n:02}": f":{n:02}" for n in range(60)}

Value = TypeVar("Value")


class Bad(Exception):
    """Why a row cannot be taken, as a sentence."""


class Memo(dict[str, Value], Generic[Value]):
    """Texts and what they mean; forgets all when there are too many of them."""

    MOST = 50_000

    def __init__(self, read: Callable[[str], Value]) -> None:
        super().__init__()
        self.read = read

    def __missing__(self, text: str) -> Value:
        if len(self) >= self.MOST:
            self.clear()
        value = self[text] = self.read(text)
        return value


def short(text: str) -> str:
    """As much of what was written as a sentence can bear."""
    text = " ".join(text.split())
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def as_written(text: str) -> str:
    """A cell without the apostrophe that our files of bad rows set before what a spreadsheet would work out."""
    return text[1:] if text[:1] == "'" and text[1:2] in SIGNS else text


def shortened(what: str, text: str) -> str:
    """Why a number of which only the beginning is left cannot be taken."""
    return (
        f"A spreadsheet has shortened the {what} to {short(text)}: the remaining digits are lost. Export "
        "the file again and do not open it in a spreadsheet."
    )


def read_currency(text: str) -> str:
    """A currency by its code or its sign; empty where nothing is written."""
    plain = text.strip()
    code = CURRENCY_SIGNS.get(plain, plain.upper())
    if code and code not in CURRENCIES:
        raise Bad(f"Currency is {short(text)}: enter three letters, such as USD.")
    return code


def amount_reader(what: str, comma: bool) -> Callable[[str], int]:
    """Reads an amount into micros, rounded to a millionth. With `comma`, a comma may be the decimal point."""

    def read(text: str) -> int:
        plain = as_written(text.strip())
        if comma and "." not in plain:
            plain = plain.replace(",", ".")
        found = NUMBER.fullmatch(plain)
        if not found or not (found[2] or found[3]):
            raise Bad(f"{what} is {short(text) or 'empty'}: enter a number such as 0.0125.")
        number = Decimal(plain)
        if number < 0:
            raise Bad(f"{what} is below zero: {short(text)}.")
        if number >= AMOUNT_BELOW:
            raise Bad(f"{what} is {whole(AMOUNT_BELOW)} or more.")
        return int(number * MICROS + Decimal("0.5"))

    return read


def seconds_reader(in_one: int) -> Callable[[str], int]:
    """Reads a length into whole seconds; a part of a second counts as one. A plain number holds `in_one` a second."""

    def read(text: str) -> int:
        length = _length(text, in_one)
        if length > SECONDS_MAX:
            raise Bad(f"Seconds are {short(text)}: more than a year.")
        return ceil(length)

    return read


def _length(text: str, in_one: int) -> Decimal:
    plain = as_written(text.strip())
    if plain.startswith("-"):
        raise Bad(f"Seconds are below zero: {short(text)}.")
    if found := CLOCK.fullmatch(plain):
        hours, minutes, rest = map(int, found.groups())
        return Decimal(hours * 3600 + minutes * 60 + rest)
    if (found := NUMBER.fullmatch(plain)) and (found[2] or found[3]):
        return Decimal(plain) / in_one
    if plain and (found := GO.fullmatch(plain)):
        hours, minutes = int(found[1] or 0), int(found[2] or 0)
        return hours * 3600 + minutes * 60 + Decimal(found[3] or 0) / GO_SECOND[found[4]]
    raise Bad(f"Seconds are {short(text) or 'empty'}: enter a whole number, or a time such as 00:01:30.")


class Times:
    """Reads when a call started: its instant in UTC, and its civil day in the portal's zone."""

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone
        # A minute, with what stands behind the second, leads to one minute in UTC and one day.
        self.minutes: Memo[tuple[str, str]] = Memo(self._minute)

    def read(self, text: str) -> tuple[str, str]:
        """The instant as it is stored (UTC, without its zone) and the day."""
        second = SECOND_OF_MINUTE.get(text[16:19])
        if second is None or (len(text) > 19 and text[19:] not in ("Z", "+00:00")):
            return self._any(text)
        minute, day = self.minutes[text[:16] + text[19:]]
        return minute + second + ".000000", day

    def _minute(self, text: str) -> tuple[str, str]:
        if not FULL.match(text):
            raise Bad(_when(text))
        instant, day = self._any(text[:16] + ":00" + text[16:])
        return instant[:16], day

    def _any(self, text: str) -> tuple[str, str]:
        started = self._started(text.strip())
        # A time without a zone is the portal's; of an hour that occurs twice, the first.
        local = started.astimezone(self.zone) if started.tzinfo else started.replace(tzinfo=self.zone)
        day = local.date()
        if not FIRST_DAY <= day <= LAST_DAY:
            raise Bad(f"Start time {short(text)} is not between {FIRST_DAY.year} and {LAST_DAY.year}.")
        instant = local.astimezone(UTC)
        return instant.replace(tzinfo=None).isoformat(" ", "microseconds"), day.isoformat()

    def _started(self, text: str) -> datetime:
        if found := EPOCH.fullmatch(text):
            whole = Decimal(text) / 10 ** len(found[1] or "")
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(whole * MICROS))
        try:
            started = datetime.fromisoformat(UTC_WORDS.sub("+00:00", SLASHED.sub(r"\1-\2-\3", text)))
            # At the ends of the calendar other zones have no such time.
            return started if 1900 < started.year < 2300 else started.replace(tzinfo=UTC)
        except ValueError:
            raise Bad(_when(text)) from None


def _when(text: str) -> str:
    return f"Start time is {short(text) or 'empty'}: enter it as in 2026-01-31 09:30:00, with or without a time zone."
