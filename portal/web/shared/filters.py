"""The words of `portal/domain/wording.py` and of lists, given to every template."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import TypeVar

from flask import Flask

from portal.clock import zone
from portal.domain import wording
from portal.domain.bank_account import masked
from portal.domain.check_digits import in_fours
from portal.domain.payment_reference import payment_reference
from portal.domain.phone_numbers import called_number, international
from portal.domain.schedule import ONE_DAY
from portal.models.company import company
from portal.services.listing import counted
from portal.services.summary.parties import party_lines
from portal.web.shared.cells import cell_attributes, cell_classes, second_line
from portal.web.shared.fields import shown_in

Sum = TypeVar("Sum")

WORDS = (
    wording.money, wording.money_in, wording.difference, wording.plain, wording.price, wording.rated, wording.percent,
    wording.lined_up, wording.price_in, wording.whole,
    wording.plural, wording.day, wording.short_day, wording.day_in, wording.weekday, wording.weekday_name,
    wording.month, wording.long_month,
    wording.numbered_month,
    wording.month_name, wording.span, wording.span_beside,
    wording.duration, wording.call_length, wording.minutes, wording.listed,
)  # fmt: skip


def instant(value: datetime | None) -> str:
    """An instant in the portal's time zone: 30 Nov 2026, 14:05."""
    return wording.instant(value, zone())


def usual_first(sums: Mapping[str, Sum]) -> list[tuple[str, Sum]]:
    """Sums by currency, that of the company first: it is what is looked for."""
    usual = company().default_currency
    return sorted(sums.items(), key=lambda one: (one[0] != usual, one[0]))


def to(begins: date, through: date) -> str:
    """A span by its first and its last day: 1–30 Nov 2026."""
    return wording.span(begins, through + ONE_DAY)


def register(app: Flask) -> None:
    """Give them to every template."""
    for words in (
        *WORDS,
        counted,
        instant,
        to,
        usual_first,
        in_fours,
        payment_reference,
        masked,
        party_lines,
    ):
        app.add_template_filter(words)
    app.add_template_filter(shown_in)
    app.add_template_global(cell_attributes)
    app.add_template_global(cell_classes)
    app.add_template_global(second_line)
    app.add_template_filter(international, "phone")
    app.add_template_filter(called_number)
