"""How money, days and numbers are written."""

from datetime import date
from decimal import Decimal

import pytest

from portal.web.shared import filters


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        ("-1234.5", "USD", "−1,234.50"),
        ("0", "USD", "0.00"),
        ("0.005", "USD", "0.01"),
        ("-0.004", "USD", "0.00"),
        ("1234567", "JPY", "1,234,567"),
        ("1.2345", "KWD", "1.235"),
    ],
)
def test_an_amount_has_its_currencys_decimals_and_a_real_minus_sign(amount, currency, shown):
    assert filters.money(Decimal(amount), currency) == shown
    assert filters.money_in(Decimal(amount), currency) == f"{shown} {currency}"


@pytest.mark.parametrize(
    ("price", "currency", "shown"),
    [("0.008512", "USD", "0.008512"), ("25", "USD", "25.00"), ("25", "JPY", "25"), ("0.5", "JPY", "0.5")],
)
def test_a_price_is_never_rounded(price, currency, shown):
    assert filters.price(Decimal(price), currency) == shown


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [("0.91", "GBP", "0.9100"), ("1.24", "JPY", "1.2400"), ("0.008512", "USD", "0.008512")],
)
def test_what_calls_were_rated_at_lines_up(amount, currency, shown):
    assert filters.rated(Decimal(amount), currency) == shown


@pytest.mark.parametrize(
    ("start", "until", "shown"),
    [
        ("2026-11-01", "2026-12-01", "1–30 Nov 2026"),
        ("2026-11-30", "2026-12-01", "30 Nov 2026"),
        ("2026-11-15", "2026-12-15", "15 Nov – 14 Dec 2026"),
        ("2026-12-15", "2027-01-15", "15 Dec 2026 – 14 Jan 2027"),
        ("2026-12-15", None, "from 15 Dec 2026"),
    ],
)
def test_a_span_names_its_first_and_last_day(start, until, shown):
    last = date.fromisoformat(until) if until else None
    assert filters.span(date.fromisoformat(start), last) == shown


def test_numbers_and_counts():
    assert filters.day(date(2026, 11, 30)) == "30 Nov 2026"
    assert filters.phone("+442079460000") == "+44 20 7946 0000"
    assert filters.phone("none") == "none"
    assert filters.percent(Decimal("8.100000")) == "8.1%"
    assert filters.plural(1, "charge") == "1 charge"
    assert filters.plural(1412, "charge") == "1,412 charges"
    assert filters.plural(2, "currency", "currencies") == "2 currencies"
