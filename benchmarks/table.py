"""A table on the terminal, names left and figures right; those of one measuring are kept until it ends."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

Row = tuple[str, ...]


class Table(NamedTuple):
    """What was measured together."""

    title: str
    heads: Row
    rows: list[Row]


shown: list[Table] = []


def show(title: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table under its title."""
    made = Table(title, tuple(heads), [tuple(map(str, row)) for row in rows])
    shown.append(made)
    print(f"\n{title}\n")
    for line in lines(made):
        print(f"  {line}", flush=True)


def lines(table: Table) -> list[str]:
    """A table's lines, in columns."""
    widths = [
        max(len(row[column]) for row in (table.heads, *table.rows)) for column in range(len(table.heads))
    ]
    return [
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in (table.heads, tuple("-" * width for width in widths), *table.rows)
    ]


def per_second(count: int, seconds: float) -> str:
    """A speed."""
    return f"{count / max(seconds, 1e-9):,.0f}"


def duration(seconds: float) -> str:
    """A time, in the unit that suits it."""
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"
