"""How money, days, numbers and lists are written."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from portal.domain import wording
from portal.domain.phone_numbers import international
from portal.domain.schedule import Frequency, Schedule


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
    assert wording.money(Decimal(amount), currency) == shown
    assert wording.money_in(Decimal(amount), currency) == f"{shown} {currency}"


@pytest.mark.parametrize(
    ("price", "currency", "shown"),
    [("0.008512", "USD", "0.008512"), ("25", "USD", "25.00"), ("25", "JPY", "25"), ("0.5", "JPY", "0.5")],
)
def test_a_price_is_never_rounded(price, currency, shown):
    assert wording.price(Decimal(price), currency) == shown


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [("0.91", "GBP", "0.9100"), ("1.24", "JPY", "1.2400"), ("0.008512", "USD", "0.008512")],
)
def test_what_calls_were_rated_at_lines_up(amount, currency, shown):
    assert wording.rated(Decimal(amount), currency) == shown


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
    assert wording.span(date.fromisoformat(start), last) == shown


def test_numbers_and_counts():
    assert wording.day(date(2026, 11, 30)) == "30 Nov 2026"
    assert international("+442079460000") == "+44 20 7946 0000"
    assert international("none") == "none"
    assert wording.percent(Decimal("8.100000")) == "8.1%"
    assert wording.plural(1, "charge") == "1 charge"
    assert wording.plural(1412, "charge") == "1,412 charges"
    assert wording.plural(2, "currency", "currencies") == "2 currencies"


def test_a_page_has_short_days_and_a_sentence_long_ones():
    on = date(2027, 1, 21)
    assert wording.short_day(on) == "21 Jan"
    assert wording.long_day(on) == "21 January 2027"
    assert wording.weekday(on) == "Thu 21 Jan 2027"
    assert wording.month(on) == "Jan 2027"
    assert wording.day(None) == ""


def test_an_instant_is_written_as_the_clocks_of_its_zone_show_it():
    zone = ZoneInfo("Asia/Tokyo")
    assert wording.instant(datetime(2026, 11, 30, 15, 5, tzinfo=UTC), zone) == "1 Dec 2026, 00:05"
    assert wording.instant(None, zone) == ""


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (1, "1st"),
        (2, "2nd"),
        (3, "3rd"),
        (4, "4th"),
        (11, "11th"),
        (13, "13th"),
        (22, "22nd"),
        (111, "111th"),
    ],
)
def test_ordinals(number, said):
    assert wording.ordinal(number) == said


def test_lists_are_said_as_a_sentence_says_them():
    assert wording.listed(["A"]) == "A"
    assert wording.listed(["A", "B"]) == "A and B"
    assert wording.listed(["A", "B", "C"], "or") == "A, B or C"
    assert wording.listed_of(["A", "B", "C"], 3) == "A, B, C"
    assert wording.listed_of(["A", "B", "C"], 1_003) == "A, B, C and 1,000 more"


def test_a_file_has_no_separators():
    assert wording.plain(Decimal("-1234.5"), "USD") == "-1234.50"
    assert wording.plain(Decimal("1234.5"), "JPY") == "1235"
    assert wording.digits(Decimal("1200.500000")) == "1200.5"
    assert wording.digits(Decimal(1200)) == "1200"


def test_who_waits_as_long_as_they_are_told_has_waited_long_enough():
    assert wording.how_long(timedelta(seconds=1)) == "1 minute"
    assert wording.how_long(timedelta(minutes=14, seconds=1)) == "15 minutes"
    assert wording.how_long(timedelta(minutes=90)) == "90 minutes"
    assert wording.how_long(timedelta(minutes=91)) == "2 hours"


def test_a_duration_is_about_as_long_as_it_took():
    assert wording.duration(timedelta(0)) == "1 second"
    assert wording.duration(timedelta(seconds=89)) == "89 seconds"
    assert wording.duration(timedelta(minutes=3)) == "3 minutes"
    assert wording.duration(timedelta(hours=2)) == "2 hours"


def test_calls_and_minutes_have_their_seconds():
    assert wording.call_length(245) == "4:05"
    assert wording.call_length(3_723) == "1:02:03"
    assert wording.call_length(3_600_000) == "1,000:00:00"
    assert wording.minutes(30_000) == "500"
    assert wording.minutes(750) == "12:30"


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        (Schedule(Frequency.NONE, ()), "once"),
        (Schedule(Frequency.DAILY, ()), "daily"),
        (Schedule(Frequency.WEEKLY, (1, 4)), "weekly, Mon and Thu"),
        (Schedule(Frequency.MONTHLY, (31,)), "monthly, 31st"),
        (Schedule(Frequency.MONTHLY, (1, 11, 22)), "monthly, 1st, 11th and 22nd"),
        (Schedule(Frequency.MONTHLY, tuple(range(1, 29))), "monthly, 28 days"),
    ],
)
def test_a_schedule_is_said_in_few_words(schedule, said):
    assert wording.charged(schedule) == said


def test_a_day_or_a_span_beside_another_day_says_a_year_only_where_it_is_not_the_same():
    assert wording.day_in(date(2026, 11, 30), 2026) == "30 Nov"
    assert wording.day_in(date(2027, 1, 14), 2026) == "14 Jan 2027"
    assert wording.span_beside(date(2026, 11, 1), date(2026, 12, 1), 2026) == "1–30 Nov"
    assert wording.span_beside(date(2026, 12, 15), date(2027, 1, 15), 2026) == "15 Dec – 14 Jan 2027"
    assert wording.span_beside(date(2025, 12, 15), date(2026, 1, 15), 2026) == "15 Dec 2025 – 14 Jan"
    assert wording.span_beside(date(2026, 11, 30), None, 2026) == "from 30 Nov"


def test_prices_of_a_column_line_up_at_their_points():
    shown = [wording.lined_up(Decimal(price), "GBP") for price in ("150", "0.035", "0.0085")]
    assert [text.index(".") - len(text) for text in shown] == [-5, -5, -5]
    assert [text.rstrip() for text in shown] == ["150.00", "0.035", "0.0085"]
