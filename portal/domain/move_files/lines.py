"""A line of a file to move in with, read: what each of its columns says, or why it cannot be read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from portal.domain.csv_files.cells import Bad, is_nothing
from portal.domain.errors import Invalid
from portal.domain.move_files.columns import Columns
from portal.domain.move_files.layout import MoveLayout

TOO_WIDE = "This line has more cells than the line that names the columns."
NOTHING: Mapping[str, Any] = MappingProxyType({})
TORN = "The quotation marks in this line do not match."


@dataclass(frozen=True, slots=True)
class Line:
    """A line: where it stood, its cells, what they say by the names of the columns, and why it cannot be read.

    An empty cell says nothing, and stands in `says` no more than a column that is not there. `of_all` is what somebody
    has said of all lines that do not say it themselves: it holds for what is new.
    """

    place: int
    cells: tuple[str, ...]
    says: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    of_all: Mapping[str, Any] = field(default_factory=dict)

    @property
    def wants(self) -> Mapping[str, Any]:
        """What something new is to be: what the line says, and what is said of all lines."""
        return {**self.of_all, **self.says}


def read_line(
    place: int,
    cells: Sequence[str],
    width: int,
    columns: Columns,
    layout: MoveLayout,
    of_all: Mapping[str, Any] = NOTHING,
) -> Line:
    """A line as a layout reads it; `of_all` as `read_of_all` reads it."""
    says: dict[str, Any] = {}
    reasons = [TOO_WIDE] if any(cell.strip() for cell in cells[width:]) else []
    for column in columns:
        at = layout[column.name]
        if at is None or at >= len(cells) or is_nothing(cells[at]):
            continue
        try:
            says[column.name] = column.value(cells[at], layout)
        except Bad as error:
            reasons.append(str(error))
    return Line(place, tuple(cells), says, " ".join(reasons), of_all)


def read_of_all(columns: Columns, texts: Mapping[str, str]) -> dict[str, Any]:
    """What somebody has said of all lines that do not say it. Invalid, at the name of the column, says why not."""
    found = {}
    for column in columns:
        text = texts.get(column.name, "")
        if is_nothing(text):
            continue
        try:
            found[column.name] = column.value(text, MoveLayout())
        except Bad as error:
            raise Invalid(column.name, str(error)) from None
    return found
