"""Credit: what moves a customer's balance, and what is to be paid (billing-rules 9 and 13).

The balance is the sum of its entries; nothing else says what it is. An entry is dated the day it is made, so
that a statement once printed does not change, and names the day it is for.
"""

from portal.services.credit.allocation import (
    allocate,
    due_first,
    paid_by,
    pay_from_balance,
    release,
    release_allocation,
    seen_of,
)
from portal.services.credit.archived import check_not_archived
from portal.services.credit.balance import (
    Act,
    BelowLimit,
    available_to,
    balance_of,
    balances,
    below_limit,
    entries_of,
)
from portal.services.credit.discounts import set_off, set_off_all, set_off_by_hand, who_can_set_off
from portal.services.credit.items import (
    Item,
    first_due_day,
    items_of,
    open_items,
    open_new,
    payment_days,
    refresh,
    to_pay_items,
    touched_by,
)
from portal.services.credit.moved import micros_moved
from portal.services.credit.open_sums import open_sums
from portal.services.credit.owing import ToPay, to_pay
from portal.services.credit.paying_back import cancel_payment_back, lock_payment_back, pay_back
from portal.services.credit.payment_rules import (
    allocated_of,
    check_amount,
    left_of,
    lock_payment,
    paid_back_of,
    split_off,
    with_something_left,
)
from portal.services.credit.payments import (
    adjust,
    cancel_payment,
    complete_payment,
    record_many,
    record_payment,
)
from portal.services.credit.putting import lock_open, lock_open_of, put, refreshed
from portal.services.credit.splitting import split
from portal.services.credit.taking_off import open_again, take_off, take_off_discounts
from portal.services.credit.undoing import keep_due_days, put_on_again, take_back_undone

__all__ = [
    "Act",
    "BelowLimit",
    "Item",
    "ToPay",
    "adjust",
    "allocate",
    "allocated_of",
    "available_to",
    "balance_of",
    "balances",
    "below_limit",
    "cancel_payment",
    "cancel_payment_back",
    "check_amount",
    "check_not_archived",
    "complete_payment",
    "due_first",
    "entries_of",
    "first_due_day",
    "items_of",
    "keep_due_days",
    "left_of",
    "lock_open",
    "lock_open_of",
    "lock_payment",
    "lock_payment_back",
    "micros_moved",
    "open_again",
    "open_items",
    "open_new",
    "open_sums",
    "paid_back_of",
    "paid_by",
    "pay_back",
    "pay_from_balance",
    "payment_days",
    "put",
    "put_on_again",
    "record_many",
    "record_payment",
    "refresh",
    "refreshed",
    "release",
    "release_allocation",
    "seen_of",
    "set_off",
    "set_off_all",
    "set_off_by_hand",
    "split",
    "split_off",
    "take_back_undone",
    "take_off",
    "take_off_discounts",
    "to_pay",
    "to_pay_items",
    "touched_by",
    "who_can_set_off",
    "with_something_left",
]
