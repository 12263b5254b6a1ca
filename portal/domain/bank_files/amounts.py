"""Amounts as banks write them: 1.234,50, -1,234.50, (24.50), 24,50-, 24.50 CR."""

import re
from decimal import Decimal

from portal.domain.csv_files.cells import CELL_MAX, Bad, as_written, short
from portal.domain.csv_files.numbers import number_of

AMOUNT = re.compile(
    r"([+\-\u2212(]?)\s*(?:[£€$¥]|[a-z]{3})?\s*([+\-\u2212]?)\s*(\d[\d.,'’ \u00a0\u202f]*|[.,]\d+)\s*"
    r"(?:[£€$¥]|eur|gbp|usd|chf)?\s*(-|\)|cr|dr|c|d|h|s)?",
    re.IGNORECASE,
)
BETWEEN = re.compile(r"['’ \u00a0\u202f]")
# One sign with three digits behind it: decimals, or thousands set apart.
ONE_OF_THREE = re.compile(r"[1-9]\d*[.,]\d{3}", re.ASCII)
OUT = frozenset({"-", ")", "dr", "d", "s"})


def read_amount(text: str, decimal: str = "") -> Decimal:
    """An amount, below zero where its sign says so. `decimal` is the decimal sign of its column, empty: its own says.

    Bad, with the reason, for what is none, or can be read in two ways.
    """
    plain = as_written(text.strip())
    found = AMOUNT.fullmatch(plain) if len(plain) <= CELL_MAX else None
    if not found:
        raise Bad(f"{short(text)} is not an amount.", "An amount is none.")
    number = BETWEEN.sub("", found[3])
    if not decimal and ONE_OF_THREE.fullmatch(number):
        raise Bad(f"{short(text)} can be read in two ways. Say which sign stands before decimals.")
    amount = number_of(number, decimal)
    if amount is None:
        raise Bad(f"{short(text)} is not an amount.", "An amount is none.")
    is_out = (
        found[1] in ("-", "\u2212", "(") or found[2] in ("-", "\u2212") or (found[4] or "").lower() in OUT
    )
    return -amount if is_out else amount
