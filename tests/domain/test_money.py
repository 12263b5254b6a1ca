"""Exact amounts, rounded once, half up."""

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.minimum_spend import shortfall
from portal.domain.money import (
    AMOUNT_BELOW,
    MICROS,
    from_micros,
    minor_digits,
    minor_unit,
    parse_decimal,
    round_half_up,
    tax_on,
    to_micros,
)
from portal.domain.proration import share
from portal.domain.wording import plain

units = st.sampled_from([1_000_000, 10_000, 1_000, 100])
amounts = st.integers(-AMOUNT_BELOW * MICROS, AMOUNT_BELOW * MICROS)
prices = st.integers(0, AMOUNT_BELOW * MICROS)
quantities = st.integers(1, 100_000)
rates = st.integers(0, 100 * MICROS)


def as_text(amount):
    return Decimal(amount).scaleb(-6)


@pytest.mark.parametrize(
    ("amount", "currency", "rounded"),
    [
        pytest.param("0.125", "USD", "0.13", id="a tie goes up, where half to even would not"),
        pytest.param("0.135", "USD", "0.14", id="a tie goes up, where half to even would too"),
        pytest.param("-0.125", "USD", "-0.13", id="a negative tie goes away from zero"),
        pytest.param("0.124999", "USD", "0.12", id="just below a tie"),
        pytest.param("0.004999", "USD", "0", id="less than half a cent is nothing"),
        pytest.param("-0.004999", "USD", "0", id="nor is it less than nothing"),
        pytest.param("0.5", "JPY", "1", id="yen have no decimals"),
        pytest.param("0.0005", "KWD", "0.001", id="dinars have three"),
        pytest.param("0.00005", "CLF", "0.0001", id="unidades de fomento have four"),
        pytest.param("999999999.995", "USD", "1000000000", id="the largest line"),
    ],
)
def test_an_amount_is_rounded_half_up_to_its_currency(amount, currency, rounded):
    micros = round_half_up(to_micros(Decimal(amount)), 1, minor_unit(currency))
    assert from_micros(micros) == Decimal(rounded)


@given(amounts, st.integers(1, 366), units)
def test_rounding_is_what_decimal_calls_half_up(numerator, denominator, unit):
    step = Fraction(numerator, denominator * unit)
    whole, left = divmod(abs(step), 1)
    expected = (whole + (left >= Fraction(1, 2))) * unit * (1 if step >= 0 else -1)
    assert round_half_up(numerator, denominator, unit) == expected
    if denominator == 1:
        digits = Decimal(unit).scaleb(-6).normalize()
        assert as_text(round_half_up(numerator, 1, unit)) == as_text(numerator).quantize(
            digits, ROUND_HALF_UP
        )


@given(amounts, st.integers(1, 366), units)
def test_rounding_is_off_by_half_a_unit_at_most_and_done_once(numerator, denominator, unit):
    rounded = round_half_up(numerator, denominator, unit)
    assert rounded % unit == 0
    assert abs(Fraction(numerator, denominator) - rounded) <= Fraction(unit, 2)
    assert round_half_up(rounded, 1, unit) == rounded
    assert round_half_up(-numerator, denominator, unit) == -rounded


@given(prices, quantities, st.integers(0, 366), st.integers(1, 366), units)
def test_a_share_is_the_exact_fraction_rounded_once(price, quantity, days, whole_days, unit):
    days = min(days, whole_days)
    exact = Fraction(price * quantity * days, whole_days)
    assert abs(share(price, quantity, days, whole_days, unit) - exact) <= Fraction(unit, 2)
    assert share(price, quantity, 0, whole_days, unit) == 0
    assert share(price, quantity, whole_days, whole_days, unit) == share(price, quantity, 1, 1, unit)


@given(prices, st.integers(1, 366), st.integers(0, 365), units)
def test_more_days_never_cost_less(price, whole_days, days, unit):
    days = min(days, whole_days - 1)
    assert share(price, 1, days, whole_days, unit) <= share(price, 1, days + 1, whole_days, unit)


@given(prices, quantities, st.integers(1, 31), st.just(31), prices, units)
def test_a_shortfall_is_never_below_zero_nor_above_the_minimum(price, quantity, days, whole, spend, unit):
    missing = shortfall(price, quantity, days, whole, spend, unit)
    assert 0 <= missing <= share(price, quantity, days, whole, unit)
    assert missing == 0 or missing - unit < Fraction(price * quantity * days, whole) - spend + unit


@pytest.mark.parametrize(
    ("minimum", "spend", "missing"),
    [
        pytest.param("50", "25", "25", id="the half is spent"),
        pytest.param("50", "50", "0", id="just spent"),
        pytest.param("50", "49.999999", "0", id="a millionth is missing"),
        pytest.param("50", "49.99", "0.01", id="a cent is missing"),
        pytest.param("50", "80", "0", id="too much is not given back"),
        pytest.param("0", "0", "0", id="no minimum"),
    ],
)
def test_a_shortfall_is_what_is_missing(minimum, spend, missing):
    found = shortfall(to_micros(Decimal(minimum)), 1, 1, 1, to_micros(Decimal(spend)), 10_000)
    assert from_micros(found) == Decimal(missing)


@given(amounts, rates, units)
def test_tax_is_in_per_cent_and_rounded_to_the_unit(amount, rate, unit):
    tax = tax_on(amount, rate, unit)
    assert tax % unit == 0
    assert abs(Fraction(amount * rate, 100 * MICROS) - tax) <= Fraction(unit, 2)
    assert tax_on(-amount, rate, unit) == -tax


@given(amounts)
def test_micros_and_decimals_are_two_ways_to_write_one_amount(micros):
    assert to_micros(from_micros(micros)) == micros
    assert "E" not in str(from_micros(micros)) or micros == 0


def test_a_seventh_decimal_is_not_cut_off():
    with pytest.raises(ValueError, match="more than 6 decimals"):
        to_micros(Decimal("0.0000001"))


@pytest.mark.parametrize("text", ["12", "12.5", " 12.50 ", "+1", "-0.5", ".5", "5.", "007"])
def test_a_number_is_read_as_people_write_it(text):
    assert parse_decimal(text) == Decimal(text.strip())


@pytest.mark.parametrize(
    "text",
    ["", ".", "1e3", "1,000", "1_000", "NaN", "Infinity", "0x10", "--1", "1 000", "١٢", "9" * 16, "12.5.1"],
)
def test_what_is_no_plain_number_is_refused(text):
    with pytest.raises(ValueError, match="not a number"):
        parse_decimal(text)


@pytest.mark.parametrize(
    ("currency", "digits", "written"),
    [
        ("USD", 2, "1234.50"),
        ("JPY", 0, "1235"),
        ("KWD", 3, "1234.500"),
        ("CLF", 4, "1234.5000"),
        ("XOF", 0, "1235"),
    ],
)
def test_an_amount_is_written_with_its_currencys_own_decimals(currency, digits, written):
    assert minor_digits(currency) == digits
    assert plain(Decimal("1234.5"), currency) == written
