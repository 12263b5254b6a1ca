"""Who owes what: one number, everywhere (billing-rules 13)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from portal.domain.schedule import ONE_DAY
from portal.services.credit.balance import balance_of, balances
from portal.services.credit.items import left_to_pay
from portal.services.credit.open_sums import open_sums

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class ToPay:
    """What a customer is to pay: what is left of their charges, and what the balance is below zero.

    `credit_to_use` and money in the balance stand beside it; they are not deducted.
    """

    charges: Decimal
    balance: Decimal
    credit_to_use: Decimal

    @property
    def below_zero(self) -> Decimal:
        """What the balance is below zero."""
        return max(-self.balance, ZERO)

    @property
    def in_balance(self) -> Decimal:
        """What money the balance holds."""
        return max(self.balance, ZERO)

    @property
    def total(self) -> Decimal:
        """To pay."""
        return self.charges + self.below_zero


def to_pay(customer_id: int, day: date | None = None) -> ToPay:
    """What a customer is to pay, now or as of the end of a day gone by."""
    by_day, credit = open_sums(customer_id, day)
    return ToPay(sum(by_day.values(), ZERO), balance_of(customer_id, day + ONE_DAY if day else None), credit)


def sums_to_pay(customer_ids: Collection[int]) -> dict[int, Decimal]:
    """What each of these customers is to pay now, in two statements: zero for who has nothing to pay."""
    left, stands = left_to_pay(customer_ids), balances(customer_ids)
    return {id: left.get(id, ZERO) + max(-stands.get(id, ZERO), ZERO) for id in customer_ids}


def beyond_limit(balance: Decimal, debit_limit: Decimal) -> Decimal:
    """The part of a balance below zero that is beyond the debit limit: at most what the balance is below zero."""
    return max(min(-balance, -balance - debit_limit), ZERO)
