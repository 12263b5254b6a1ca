"""The words of `portal/domain/wording.py`, given to every template."""

from datetime import datetime

from flask import Flask

from portal.clock import zone
from portal.domain import wording
from portal.domain.phone_numbers import international

WORDS = (
    wording.money, wording.money_in, wording.plain, wording.price, wording.rated, wording.percent, wording.whole,
    wording.plural, wording.day, wording.short_day, wording.weekday, wording.month, wording.month_name, wording.span,
    wording.duration, wording.call_length, wording.minutes,
)  # fmt: skip


def instant(value: datetime | None) -> str:
    """An instant in the portal's time zone: 30 Nov 2026, 14:05."""
    return wording.instant(value, zone())


def register(app: Flask) -> None:
    """Give them to every template."""
    for words in (*WORDS, instant):
        app.add_template_filter(words)
    app.add_template_filter(international, "phone")
