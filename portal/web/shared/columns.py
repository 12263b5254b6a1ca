"""The columns of a file, and the lines that may name them, as somebody chooses them."""

from collections.abc import Iterable, Sequence

from wtforms.fields.choices import SelectChoice

SHOWN = 40


def column_choices(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[SelectChoice]:
    """The columns of a file, each named by its head and what stands in it."""
    choices = []
    for place, name in enumerate(head):
        shown = next((row[place].strip() for row in rows if len(row) > place and row[place].strip()), "")
        words = (name.strip() or f"Column {place + 1}")[:60]
        choices.append(SelectChoice(place, f"{words}: {shown[:SHOWN]}" if shown else words))
    return choices


def heading_choices(lines: Iterable[tuple[int, str]]) -> list[SelectChoice]:
    """The lines that may name the columns, counted from 1; 0: none does."""
    return [
        SelectChoice(0, "No line: columns are numbered"),
        *(SelectChoice(number, f"Line {number}: {line[: SHOWN * 2]}") for number, line in lines),
    ]
