"""A layout: how the files of one system say what a call is (billing-rules 17)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from portal.domain.csv_files.layout import DayOrder, Described

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
class Layout(Described):
    """The columns of a file of calls, and how what stands in them is meant.

    `zone` is that of times without one; empty: the portal's. `decimal` is the sign before decimals; empty: a point,
    and in files without commas between cells a comma too. `currency` counts where no column says it; empty: the
    customer's. `country` (ISO 3166) is that of numbers as they are dialled within it. `run` is the RunID whose rows
    are calls.
    """

    READS: ClassVar = {"day_order": DayOrder, "length": Length, "codes": Codes}

    zone: str = ""
    decimal: str = ""
    below_zero: bool = False
    currency: str = ""
    length: Length = Length.SECONDS
    country: str = ""
    codes: Codes = Codes.CUSTOMERS
    run: str = ""
