"""A table on the terminal: names left, figures right."""

from collections.abc import Iterable, Sequence


def show(title: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table under its title."""
    lines = [tuple(map(str, row)) for row in rows]
    widths = [max(len(line[column]) for line in (tuple(heads), *lines)) for column in range(len(heads))]
    print(f"\n{title}\n")
    for line in (tuple(heads), tuple("-" * width for width in widths), *lines):
        cells = [
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        print("  " + "  ".join(cells), flush=True)


def per_second(count: int, seconds: float) -> str:
    """A speed."""
    return f"{count / max(seconds, 1e-9):,.0f}"


def duration(seconds: float) -> str:
    """A time, in the unit that suits it."""
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"
