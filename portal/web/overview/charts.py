"""Lines and bars as an SVG of the page draws them: where each runs or how long it is, in a box that is stretched.

A box is 100 wide and 100 high. Words stand over it by per cent, so that they are never stretched, and a table has the
same amounts. Colours are classes (static/css).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from portal.domain.schedule import ONE_DAY

WHOLE, ZERO = Decimal(100), Decimal(0)
FINE = Decimal("0.01")
# So far apart, in per cent of the height, stand the words at the ends of two lines.
APART = Decimal(27)
# The upper of them stays below the edge of the box.
EDGE = Decimal(9)
# The box is a little higher than the largest amount: words stand above a line.
HEAD = Decimal("1.15")
# Days that are written below the lines; those too near to the month's last are not.
TICKS = (1, 8, 15, 22)


@dataclass(frozen=True, slots=True)
class Line:
    """What comes together day by day: its path, where it ends, how high words about it stand, what it comes to."""

    path: str
    x: Decimal
    y: Decimal
    word_y: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Day:
    """What this month comes to by the end of a day, which is still to come or not, and what last month had come to."""

    number: int
    amount: Decimal | None
    is_to_come: bool
    before: Decimal | None


@dataclass(frozen=True, slots=True)
class Lines:
    """This month so far and to come beside the month before; `ticks` are days and how far right they stand.

    `to_come` is None where it is not known, `before` where nothing was charged in the month before.
    """

    so_far: Line
    to_come: Line | None
    before: Line | None
    days: Sequence[Day]
    ticks: Sequence[tuple[int, Decimal]]


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar that lies, from its left end; a loss leads left from zero."""

    is_loss: bool
    x: Decimal
    width: Decimal


def months(
    charged: Mapping[date, Decimal], to_come: Mapping[date, Decimal] | None, today: date, last: date
) -> Lines | None:
    """What the charges of this month, that ends on `last`, and of the one before come to; None where there are none.

    A day stands above the same day of the other month. What is posted already and bears a later day is told on its day.
    """
    first = today.replace(day=1)
    before_first = (first - ONE_DAY).replace(day=1)
    before = _adds_up(charged, before_first, first - ONE_DAY)
    so_far = _adds_up(charged, first, today)
    ahead = []
    if to_come is not None:
        later = {day: amount for day, amount in charged.items() if day > today}
        rest = {day: later.get(day, ZERO) + to_come.get(day, ZERO) for day in {*later, *to_come}}
        ahead = _adds_up(rest, today, last, so_far[-1])
    values = [ZERO, *before, *so_far, *ahead]
    if not any(values):
        return None
    span = max(len(before), last.day) - 1
    scale = max(values) * HEAD or -min(values), min(values)
    on = len(so_far) - 1
    ends = _line(ahead, on, span, scale, so_far[-1]) if ahead else None
    was = _line(before, 0, span, scale) if any(before) else None
    if ends and was:
        ends, was = _apart(ends, was)
    days = [
        Day(
            place + 1,
            so_far[place] if place < on or (place == on and not ahead) else _at(ahead, place - on),
            place > on,
            _at(before, place),
        )
        for place in range(span + 1)
    ]
    ticks = [(day, _share(day - 1, span)) for day in (*TICKS, span + 1)]
    return Lines(_line(so_far, 0, span, scale), ends, was, days, ticks)


def _at(amounts: Sequence[Decimal], place: int) -> Decimal | None:
    return amounts[place] if place < len(amounts) else None


def _adds_up(
    amounts: Mapping[date, Decimal], first: date, last: date, total: Decimal = ZERO
) -> list[Decimal]:
    """What the amounts of the days come to, by the end of each of them."""
    found = []
    for place in range((last - first).days + 1):
        total += amounts.get(first + place * ONE_DAY, ZERO)
        found.append(total)
    return found


def _line(
    amounts: Sequence[Decimal], begins: int, span: int, scale: tuple[Decimal, Decimal], starts: Decimal = ZERO
) -> Line:
    """Steps, one at the beginning of each day, up from what there was when it began."""
    highest, lowest = scale

    def height(amount: Decimal) -> Decimal:
        return _share(highest - amount, highest - lowest)

    path = f"M{_share(begins, span)} {height(starts)}"
    for place, amount in enumerate(amounts, begins):
        path += f"H{_share(place, span)}V{height(amount)}"
    y = height(amounts[-1])
    return Line(path, _share(begins + len(amounts) - 1, span), y, y, amounts[-1])


def _apart(one: Line, other: Line) -> tuple[Line, Line]:
    """Two lines that end beside each other, and their words apart: of the upper line above, within the box."""
    upper, lower = sorted((one, other), key=lambda line: line.y)
    if (too_close := APART - (lower.y - upper.y)) <= 0:
        return one, other
    top = min(max(upper.y - too_close / 2, EDGE), WHOLE - APART)
    moved = {
        id(upper): replace(upper, word_y=_fine(top)),
        id(lower): replace(lower, word_y=_fine(top + APART)),
    }
    return moved[id(one)], moved[id(other)]


def lying(values: Sequence[Decimal]) -> list[Bar]:
    """A bar for each value, in a box of its own, all on one scale; a loss leads left from zero."""
    highest, lowest = max([ZERO, *values]), min([ZERO, *values])
    return [
        Bar(
            value < 0,
            _share(min(value, ZERO) - lowest, highest - lowest),
            _share(abs(value), highest - lowest),
        )
        for value in values
    ]


def roots(values: Sequence[Decimal]) -> list[Decimal]:
    """How long each is beside the largest, by its square root: what is small is seen beside what is large."""
    highest = max([ZERO, *values])
    return [_fine((max(value, ZERO) / highest).sqrt() * WHOLE) if highest else ZERO for value in values]


def _share(value: Decimal | int, of: Decimal | int) -> Decimal:
    return _fine(Decimal(value) / of * WHOLE) if of else ZERO


def _fine(value: Decimal) -> Decimal:
    return value.quantize(FINE)
