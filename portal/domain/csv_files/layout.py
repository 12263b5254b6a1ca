"""A layout: how the files of one system say what they hold, described once and remembered (billing-rules 17)."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, ClassVar, Self


class DayOrder(StrEnum):
    """Which comes first in 03/11/2026. Years that come first are always read, so are months by name."""

    NONE = ""
    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Described:
    """The place of each column that says something, from 0, and what is so of any file.

    Without `has_names` the file has no line that names the columns.
    """

    # How what was kept as a text is read.
    READS: ClassVar[dict[str, Callable[[str], Any]]] = {"day_order": DayOrder}

    columns: dict[str, int] = field(default_factory=dict)
    has_names: bool = True
    day_order: DayOrder = DayOrder.NONE

    def __getitem__(self, name: str) -> int | None:
        return self.columns.get(name)

    def with_columns(self, **columns: int | None) -> Self:
        """The same with other places; None takes a column away."""
        places = {name: place for name, place in (self.columns | columns).items() if place is not None}
        return replace(self, columns=places)

    def moved(self, by: int) -> Self:
        """The same for a file with so many more columns in front, or fewer."""
        return replace(self, columns={name: place + by for name, place in self.columns.items()})

    def to_json(self) -> str:
        """As it is kept."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self | None:
        """As it was kept; None where nothing was."""
        return cls.from_dict(json.loads(text)) if text else None

    @classmethod
    def from_dict(cls, kept: dict[str, Any]) -> Self:
        """As `asdict` gave it."""
        return cls(**kept | {name: read(kept[name]) for name, read in cls.READS.items() if name in kept})
