"""What falls due, as values: a charge, what stands posted for its period, where an assignment stands."""

from collections.abc import Callable
from datetime import date
from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What a charge is for."""

    SETUP = "setup"
    ONE_OFF = "one_off"
    MINIMUM_SPEND = "minimum_spend"
    CREDIT = "credit"
    DIFFERENCE = "difference"
    RECURRING = "recurring"
    MANUAL = "manual"
    # What was still to be paid in another system when the customer was moved in (billing-rules 13).
    OPENING_ITEM = "opening_item"
    REVERSAL = "reversal"
    WRITE_OFF = "write_off"
    WRITE_OFF_LAPSED = "write_off_lapsed"
    # The mirror of a charge whose run was undone (billing-rules 16).
    UNDO = "undo"


# Lines of one day stand by assignment, then in this order (billing-rules 4); corrections by their period.
ORDER = {kind: place for place, kind in enumerate(Kind)} | {Kind.DIFFERENCE: list(Kind).index(Kind.CREDIT)}


class DueCharge(NamedTuple):
    """A charge that falls due: amounts in micros, `tax_rate` in millionths of a per cent.

    `found_on` is the day a punctual run posts it (a minimum spend waits for its calls); `charge_on` the date
    it bears. `days / whole_days` is the fraction charged. `spend` is set for minimum spend only.
    """

    kind: Kind
    charge_on: date
    found_on: date
    period_from: date
    period_until: date | None
    number: int
    quantity: int
    unit_price: int
    unit_cost: int
    days: int
    whole_days: int
    spend: int | None
    tax_rate: int
    amount: int
    cost: int
    tax: int

    @property
    def is_nothing(self) -> bool:
        """Whether it comes to nothing and is not posted, though its period counts as charged."""
        return not (self.amount or self.cost or self.tax)


class Posted(NamedTuple):
    """What stands posted for one charge: the sums of it and of its corrections, in micros.

    Of the latest of them are `tax_rate` (None where nothing was posted) and `spend`, what a minimum spend was last
    measured with, up to the day `until`.
    """

    amount: int = 0
    cost: int = 0
    tax: int = 0
    corrections: int = 0
    tax_rate: int | None = None
    reversed: bool = False
    until: date | None = None
    spend: int | None = None

    def plus(self, due: DueCharge) -> "Posted":
        """What stands once `due` is posted too."""
        return self._replace(
            amount=self.amount + due.amount,
            cost=self.cost + due.cost,
            tax=self.tax + due.tax,
            corrections=max(self.corrections, due.number),
            tax_rate=due.tax_rate,
            until=due.period_until,
            spend=due.spend,
        )


NOTHING = Posted()


class Position(NamedTuple):
    """Where an assignment stands.

    `charged_until` is the day up to which it is dealt with (None: not begun), for a minimum spend the first
    day of the period that runs; `worked_through` the last day whose changes of the end date a run has seen.
    """

    charged_until: date | None = None
    worked_through: date | None = None


class Due(NamedTuple):
    """The outcome: charges in the order they stand in, the new position, the next day anything can be due."""

    charges: tuple[DueCharge, ...]
    position: Position
    next_charge_on: date | None


class Late(NamedTuple):
    """Calls that came in on the day `on` for days from `since` on, when their period may have been settled.

    They reopen periods that ended no more than `within` days before they came in.
    """

    since: date
    on: date
    within: int


Spend = Callable[[date, date], int]


def no_spend(begins: date, until: date) -> int:
    """Spend where there are no calls."""
    return 0
