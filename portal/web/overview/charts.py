"""Bars as an SVG of the page draws them: where each stands and how long it is, in a box that is stretched to its place.

A box is 100 high, or for a bar that lies 100 wide; a group of bars is GROUP wide. Words and amounts stand around it
in HTML, so that they are never stretched, and a table has the same amounts. Colours are classes (static/css).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

GROUP, BETWEEN = 12, 2
WHOLE, ZERO = Decimal(100), Decimal(0)
FINE = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle of a box, from its upper left corner; `series` says which of a group it is, from 0."""

    series: int
    x: Decimal
    y: Decimal
    width: Decimal
    height: Decimal


@dataclass(frozen=True, slots=True)
class Chart:
    """Upright bars: the width of their box, the height of zero in it, and the amounts at its top and its bottom."""

    bars: list[Bar]
    width: int
    zero: Decimal
    highest: Decimal
    lowest: Decimal


def beside(groups: Sequence[Sequence[Decimal]]) -> Chart:
    """Bars side by side, the values of each group; what is negative hangs below zero."""
    values = [value for group in groups for value in group]
    highest, lowest = max([ZERO, *values]), min([ZERO, *values])
    bars = []
    for place, group in enumerate(groups):
        width = Decimal(GROUP - BETWEEN) / max(len(group), 1)
        for series, value in enumerate(group):
            x = Decimal(place * GROUP) + Decimal(BETWEEN) / 2 + width * series
            top = _share(highest - max(value, ZERO), highest - lowest)
            bars.append(Bar(series, _fine(x), top, _fine(width), _share(abs(value), highest - lowest)))
    return Chart(bars, GROUP * len(groups), _share(highest, highest - lowest), highest, lowest)


def lying(values: Sequence[Decimal]) -> list[Bar]:
    """A bar that lies for each value, in a box of its own, all on one scale; a loss (series 1) leads left from zero."""
    highest, lowest = max([ZERO, *values]), min([ZERO, *values])
    return [
        Bar(
            int(value < 0),
            _share(min(value, ZERO) - lowest, highest - lowest),
            ZERO,
            _share(abs(value), highest - lowest),
            WHOLE,
        )
        for value in values
    ]


def _share(value: Decimal, of: Decimal) -> Decimal:
    return _fine(value / of * WHOLE) if of else ZERO


def _fine(value: Decimal) -> Decimal:
    return value.quantize(FINE)
