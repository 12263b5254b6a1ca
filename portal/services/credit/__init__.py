"""Credit: what moves a customer's balance, and what is to be paid (billing-rules 9 and 13).

The balance is the sum of its entries; nothing else says what it is. An entry is dated the day it is made, so
that a statement once printed does not change, and names the day it is for.
"""

from portal.services.credit.allocation import allocate, release, release_allocation, return_overpaid
from portal.services.credit.archived import check_not_archived
from portal.services.credit.balance import (
    BelowLimit,
    available_to,
    balance_of,
    balances,
    below_among,
    below_limit,
    entries_of,
)
from portal.services.credit.owing import ToBePaid, owed_by, to_be_paid
from portal.services.credit.payments import (
    adjust,
    allocated_of,
    cancel_payment,
    check_amount,
    complete_payment,
    lock_payment,
    record_payment,
)

__all__ = [
    "BelowLimit",
    "ToBePaid",
    "adjust",
    "allocate",
    "allocated_of",
    "available_to",
    "balance_of",
    "balances",
    "below_among",
    "below_limit",
    "cancel_payment",
    "check_amount",
    "check_not_archived",
    "complete_payment",
    "entries_of",
    "lock_payment",
    "owed_by",
    "record_payment",
    "release",
    "release_allocation",
    "return_overpaid",
    "to_be_paid",
]
