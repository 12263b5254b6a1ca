"""A layout: how the files of one system say what a call is (billing-rules 17)."""

import json
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

# What a column can say, as people call it.
WORDS = {
    "call_id": "Call id",
    "customer": "Customer",
    "did": "DID or source",
    "destination": "Destination",
    "started_at": "Start time",
    "clock": "Time of day",
    "seconds": "Seconds",
    "amount": "Charge",
    "cost": "Cost",
    "currency": "Currency",
    "run": "RunID",
}


class DayOrder(StrEnum):
    """Which comes first in 03/11/2026. Years that come first are always read, so are months by name."""

    NONE = ""
    DAY = "day"
    MONTH = "month"


class Length(StrEnum):
    """What a duration counts. Hours, minutes and seconds (0:01:30) and units (90 sec) are always read."""

    SECONDS = "seconds"
    MILLISECONDS = "milliseconds"
    MINUTES = "minutes"
    CLOCK = "mm:ss"


class Codes(StrEnum):
    """Whose the account codes of a file are.

    Those of our customers have to be known. Where one of the carrier's is not, the DIDs say whose a call is.
    """

    CUSTOMERS = "customers"
    CARRIER = "carrier"


@dataclass(frozen=True, slots=True)
class Layout:
    """The place of each column that says something, from 0, and how what stands in them is meant.

    `zone` is that of times without one; empty: the portal's. `decimal` is the sign before decimals; empty: a point,
    and in files without commas between cells a comma too. `currency` counts where no column says it; empty: the
    customer's. `country` (ISO 3166) is that of numbers as they are dialled within it. `run` is the RunID whose rows
    are calls. Without `has_names` the file has no line that names the columns.
    """

    columns: dict[str, int] = field(default_factory=dict)
    has_names: bool = True
    zone: str = ""
    day_order: DayOrder = DayOrder.NONE
    decimal: str = ""
    below_zero: bool = False
    currency: str = ""
    length: Length = Length.SECONDS
    country: str = ""
    codes: Codes = Codes.CUSTOMERS
    run: str = ""

    def __getitem__(self, name: str) -> int | None:
        return self.columns.get(name)

    def with_columns(self, **columns: int | None) -> "Layout":
        """The same with other places; None takes a column away."""
        places = {name: place for name, place in (self.columns | columns).items() if place is not None}
        return replace(self, columns=places)

    def moved(self, by: int) -> "Layout":
        """The same for a file with so many more columns in front, or fewer."""
        return replace(self, columns={name: place + by for name, place in self.columns.items()})

    def to_json(self) -> str:
        """As it is kept."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "Layout | None":
        """As it was kept; None where nothing was."""
        return cls.from_dict(json.loads(text)) if text else None

    @classmethod
    def from_dict(cls, kept: dict[str, Any]) -> "Layout":
        """As `asdict` gave it."""
        words: dict[str, Any] = {"day_order": DayOrder, "length": Length, "codes": Codes}
        return cls(**kept | {name: read(kept[name]) for name, read in words.items() if name in kept})
