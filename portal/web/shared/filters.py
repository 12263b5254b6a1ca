"""The words of `portal/domain/wording.py`, given to every template."""

from datetime import date, datetime

from flask import Flask

from portal.clock import zone
from portal.domain import wording
from portal.domain.check_digits import in_fours
from portal.domain.payment_reference import payment_reference
from portal.domain.phone_numbers import international
from portal.domain.schedule import ONE_DAY

WORDS = (
    wording.money, wording.money_in, wording.difference, wording.plain, wording.price, wording.rated, wording.percent,
    wording.whole,
    wording.plural, wording.day, wording.short_day, wording.weekday, wording.month, wording.month_name, wording.span,
    wording.duration, wording.call_length, wording.minutes,
)  # fmt: skip


def instant(value: datetime | None) -> str:
    """An instant in the portal's time zone: 30 Nov 2026, 14:05."""
    return wording.instant(value, zone())


def to(begins: date, through: date) -> str:
    """A span by its first and its last day: 1–30 Nov 2026."""
    return wording.span(begins, through + ONE_DAY)


def register(app: Flask) -> None:
    """Give them to every template."""
    for words in (*WORDS, instant, to, in_fours, payment_reference):
        app.add_template_filter(words)
    app.add_template_filter(international, "phone")
