"""How days, spans and amounts read inside a sentence.

A year is named only where a sentence would be read wrongly without it: it stands beside a date that has one.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from portal.domain.money import minor_digits
from portal.domain.schedule import ONE_DAY

MINUS = "−"
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
MONTH_NAMES = "January February March April May June July August September October November December".split()
WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()


def day(value: date, *, year: bool = False) -> str:
    """A day: 30 Nov, or 30 Nov 2026."""
    return f"{value.day} {MONTHS[value.month - 1]}" + (f" {value.year}" if year else "")


def span(begins: date, until: date) -> str:
    """The days of the half-open span: 30 Nov to 14 Dec; 1 to 31 May; 15 Dec 2026 to 14 Jan 2027."""
    last = until - ONE_DAY
    if last <= begins:
        return day(begins)
    if (begins.year, begins.month) == (last.year, last.month):
        return f"{begins.day} to {day(last)}"
    years = begins.year != last.year
    return f"{day(begins, year=years)} to {day(last, year=years)}"


def how_long(wait: timedelta) -> str:
    """How long to wait, in the unit that fits, never too short: 15 minutes, 6 hours."""
    minutes = max(1, -(-int(wait.total_seconds()) // 60))
    count, unit = (-(-minutes // 60), "hour") if minutes > 90 else (minutes, "minute")
    return f"{count} {unit}{'' if count == 1 else 's'}"


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 11th, 31st."""
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


def listed(words: Sequence[str]) -> str:
    """Words as a sentence lists them: Monday, Wednesday and Friday."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def money(amount: Decimal, currency: str) -> str:
    """An amount in its currency's own decimals: −1,234.50."""
    unit = Decimal(1).scaleb(-minor_digits(currency))
    rounded = amount.quantize(unit, rounding=ROUND_HALF_UP)
    return (MINUS if rounded < 0 else "") + f"{abs(rounded):,f}"


def decimals(currency: str) -> str:
    """How many decimals an amount in a currency may have: `2 decimals`, and for JPY `no decimals`."""
    return f"{minor_digits(currency)} decimals" if minor_digits(currency) else "no decimals"


def price(value: Decimal, currency: str) -> str:
    """A price per unit, never rounded: 0.0085, and 25.00 where the currency's decimals do."""
    text = f"{value.normalize():f}"
    digits = max(len(text.partition(".")[2]), minor_digits(currency))
    return f"{value:,.{digits}f}"
