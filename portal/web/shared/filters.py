"""How templates write money, days and numbers. Nothing is shown by any other hand."""

from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any

import phonenumbers
from babel.dates import format_date
from babel.numbers import format_decimal
from flask import Flask

from portal.domain.money import minor_digits

LOCALE = "en"
MINUS = "−"
# The same prices, days and numbers stand on a page many times, and on every other page again.
REMEMBERED = 4_096


@lru_cache(REMEMBERED)
def _number(value: Decimal, least: int, most: int) -> str:
    decimals = "0" * least + "#" * (most - least)
    text = format_decimal(abs(value), f"#,##0.{decimals}" if most else "#,##0", locale=LOCALE)
    return (MINUS if value < 0 else "") + text


def money(amount: Decimal, currency: str) -> str:
    """An amount in its currency's own decimals, with a real minus sign: −1,234.50."""
    digits = minor_digits(currency)
    rounded = amount.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)
    return _number(rounded, digits, digits)


def money_in(amount: Decimal, currency: str) -> str:
    """An amount that stands alone, with its currency: −1,234.50 USD."""
    return f"{money(amount, currency)} {currency}"


def price(value: Decimal, currency: str) -> str:
    """A price per unit, never rounded: 0.0085, and 25.00 where the currency's decimals do."""
    return _number(value, minor_digits(currency), 6)


def rated(value: Decimal, currency: str) -> str:
    """What a call was rated at: as a price, but with four decimals at least, so that they line up."""
    return _number(value, max(minor_digits(currency), 4), 6)


@lru_cache(REMEMBERED)
def day(value: date | None) -> str:
    """A day: 30 Nov 2026."""
    return format_date(value, "d MMM y", locale=LOCALE) if value else ""


def weekday(value: date) -> str:
    """A day with its weekday: Mon 30 Nov 2026."""
    return format_date(value, "EEE d MMM y", locale=LOCALE)


def span(value: date, until: date | None) -> str:
    """The days from `value` to the one before `until`, both included: 1–30 Nov 2026."""
    if until is None:
        return f"from {day(value)}"
    last = until - timedelta(days=1)
    if last <= value:
        return day(value)
    if (value.year, value.month) == (last.year, last.month):
        return f"{value.day}–{day(last)}"
    if value.year == last.year:
        return f"{format_date(value, 'd MMM', locale=LOCALE)} – {day(last)}"
    return f"{day(value)} – {day(last)}"


def instant(value: datetime | None) -> str:
    """An instant in the portal's time zone: 30 Nov 2026, 14:05."""
    from portal.clock import zone

    if value is None:
        return ""
    there = value.astimezone(zone())
    return f"{day(there.date())}, {there:%H:%M}"


@lru_cache(REMEMBERED)
def phone(number: str) -> str:
    """A number in international format: +44 20 7946 0000; as it stands if it is none."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def percent(value: Decimal) -> str:
    """A rate given in per cent: 8.1%."""
    return _number(value, 0, 6) + "%"


def whole(value: int) -> str:
    """A count with separators: 1,234."""
    return format_decimal(value, locale=LOCALE)


def duration(value: timedelta) -> str:
    """About how long: 40 seconds, 3 minutes, 2 hours."""
    seconds = max(1, round(value.total_seconds()))
    if seconds < 90:
        return plural(seconds, "second")
    return plural(round(seconds / 60), "minute") if seconds < 5400 else plural(round(seconds / 3600), "hour")


def plural(count: int, one: str, many: str | None = None) -> str:
    """A count and its noun: 1 charge, 412 charges, 2 currencies."""
    return f"{whole(count)} {one if count == 1 else many or one + 's'}"


def register(app: Flask) -> None:
    """Give them to every template."""
    filters: tuple[Any, ...] = (
        money, money_in, price, rated, day, weekday, span, instant, phone, percent, whole, plural, duration,
    )  # fmt: skip
    for function in filters:
        app.add_template_filter(function)
