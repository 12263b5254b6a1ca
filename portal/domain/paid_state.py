"""What became of a charge: one word for it, wherever it is shown (billing-rules 13)."""

from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple


class PaidState(StrEnum):
    """Of a charge without Auto Decrement Credit; those with it are *from the balance*."""

    OPEN = "open"
    PART_PAID = "part_paid"
    PAID = "paid"
    SET_OFF = "set_off"
    WRITTEN_OFF = "written_off"
    REVERSED = "reversed"
    UNDONE = "undone"
    CREDITED = "credited"
    FROM_BALANCE = "from_balance"
    # Of a discount.
    TO_USE = "to_use"
    USED = "used"

    @property
    def words(self) -> str:
        """As pages and paper say it."""
        return WORDS[self]


WORDS = {
    PaidState.OPEN: "open",
    PaidState.PART_PAID: "part paid",
    PaidState.PAID: "paid",
    PaidState.SET_OFF: "set off",
    PaidState.WRITTEN_OFF: "written off",
    PaidState.REVERSED: "reversed",
    PaidState.UNDONE: "undone",
    PaidState.CREDITED: "credited in full",
    PaidState.FROM_BALANCE: "from the balance",
    PaidState.TO_USE: "credit to use",
    PaidState.USED: "credit used",
}


class CameOff(NamedTuple):
    """What came off a charge, each above zero: money, discounts, credits and its reversal, write-offs."""

    paid: Decimal = Decimal(0)
    set_off: Decimal = Decimal(0)
    credited: Decimal = Decimal(0)
    written_off: Decimal = Decimal(0)


def paid_state(left: Decimal, came_off: CameOff) -> PaidState:
    """The state of a charge above zero that is to be paid and was not taken back, of which `left` is left.

    Some of it written off counts before some of it paid, and that before some of it set off.
    """
    if left > 0:
        return PaidState.PART_PAID if came_off.paid or came_off.set_off else PaidState.OPEN
    if came_off.written_off:
        return PaidState.WRITTEN_OFF
    if came_off.paid:
        return PaidState.PAID
    return PaidState.SET_OFF if came_off.set_off else PaidState.CREDITED


def discount_state(left: Decimal) -> PaidState:
    """The state of a discount that was not taken back, of which `left` (below zero) is left to use."""
    return PaidState.TO_USE if left < 0 else PaidState.USED
