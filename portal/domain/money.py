"""Exact amounts, rounded once (billing-rules 2).

An amount is an integer of *micros*, millionths of the currency unit, wherever the engine works; a Decimal
where a person or a file meets it.
"""

import re
from decimal import Decimal, InvalidOperation
from functools import cache

MICROS = 1_000_000
PRICE_MAX = 999_999_999
AMOUNT_BELOW = 1_000_000_000
QUANTITY_MAX = 100_000
PRICE_DECIMALS = 6

# ISO 4217, table A.1: the currencies whose minor unit is not two digits.
MINOR_DIGITS = {
    **dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
    **dict.fromkeys("CLF UYW".split(), 4),
}

PLAIN_NUMBER = re.compile(r"[+-]?(\d{1,15}(\.\d{0,15})?|\.\d{1,15})", re.ASCII)


def minor_digits(currency: str) -> int:
    """How many decimals an amount in `currency` has: 2 for USD, 0 for JPY, 3 for KWD (ISO 4217)."""
    return MINOR_DIGITS.get(currency, 2)


@cache
def minor_unit(currency: str) -> int:
    """The smallest amount of `currency`, in micros: 10,000 for USD."""
    return int(10 ** (6 - minor_digits(currency)))


def round_half_up(numerator: int, denominator: int, unit: int) -> int:
    """`numerator / denominator` as the nearest multiple of `unit`; a tie goes away from zero.

    The one place where money is rounded. `denominator` and `unit` are positive.
    """
    divisor = denominator * unit
    if numerator < 0:
        return -((-2 * numerator + divisor) // (2 * divisor)) * unit
    return (2 * numerator + divisor) // (2 * divisor) * unit


def tax_on(amount: int, rate: int, unit: int) -> int:
    """The tax on `amount` micros at `rate` (millionths of a per cent), rounded to `unit`."""
    return round_half_up(amount * rate, 100 * MICROS, unit)


def to_micros(amount: Decimal) -> int:
    """Micros of a decimal with at most six decimals. ValueError for one with more."""
    scaled = amount * MICROS
    whole = int(scaled)
    if whole != scaled:
        raise ValueError(f"{amount} has more than {PRICE_DECIMALS} decimals")
    return whole


def fits(amount: Decimal, currency: str) -> bool:
    """Whether `amount` has no more decimals than its currency."""
    return amount * MICROS % minor_unit(currency) == 0


def from_micros(micros: int) -> Decimal:
    """The decimal that micros stand for, without trailing zeros (25, 0.5)."""
    value = (Decimal(micros) / MICROS).normalize()
    exponent = value.as_tuple().exponent
    return value.quantize(Decimal(1)) if isinstance(exponent, int) and exponent > 0 else value


def parse_decimal(text: str) -> Decimal:
    """A number as people and files write it: plain digits, one point, no exponent. ValueError else."""
    text = text.strip()
    if not PLAIN_NUMBER.fullmatch(text):
        raise ValueError("not a number")
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise ValueError("not a number") from error
