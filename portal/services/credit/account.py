"""How what a customer is to pay comes about over a span of days, and by when it is to be paid (billing-rules 13)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from portal.domain.by_when import When, by_when
from portal.domain.schedule import ONE_DAY
from portal.models import MONEY, AllocationSource, Customer
from portal.services.credit.balance import balance_of
from portal.services.credit.came_off import by_source
from portal.services.credit.charged import CHARGED, GIVEN, Alike, posted_since, total
from portal.services.credit.charged import charged as charged_in
from portal.services.credit.open_sums import open_sums
from portal.services.credit.owing import ToPay, beyond_limit

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Due:
    """What a customer is to pay as of the end of a day, and until when.

    `by_day` is what is left of charges by due day, the first before; `beyond_limit` is the part of the balance below
    zero that is beyond the debit limit.
    """

    day: date
    to_pay: ToPay
    by_day: dict[date, Decimal]
    beyond_limit: Decimal

    @property
    def overdue(self) -> Decimal:
        """What should have been paid by now."""
        return sum((left for on, left in self.by_day.items() if on < self.day), self.beyond_limit)

    def by_when(self, currency: str) -> list[When]:
        """The same in words that customers read."""
        return by_when(self.by_day, self.to_pay.below_zero, self.beyond_limit, self.day, currency)


@dataclass(frozen=True, slots=True)
class Account:
    """Of charges that are to be paid, as of the last day of a span:
    brought forward + charged - credited - written off - paid = left of charges - credit to use.

    `posted_since` is the part of what was brought forward that was posted after the span had begun. `then` is what was
    to pay on the last day, `now` what is to pay today.
    """

    begins: date
    through: date
    brought_forward: Decimal
    posted_since: Decimal
    charged: Decimal
    credited: Decimal
    written_off: Decimal
    paid: Decimal
    then: Due
    now: Due

    @property
    def left_of_charges(self) -> Decimal:
        """What was left to pay of charges on the last day."""
        return self.then.to_pay.charges

    @property
    def credit_to_use(self) -> Decimal:
        """What credit there was to use on the last day."""
        return self.then.to_pay.credit_to_use

    @property
    def has_moved(self) -> bool:
        """Whether there is another number today than on the last day."""
        return self.now.to_pay.total != self.then.to_pay.total

    @property
    def is_nothing(self) -> bool:
        """Whether there is nothing to account for."""
        return not any(
            (self.brought_forward, self.charged, self.credited, self.written_off, self.paid,
             self.then.to_pay.below_zero, self.credit_to_use)
        )  # fmt: skip


def due(customer: Customer, today: date, day: date | None = None, balance: Decimal | None = None) -> Due:
    """What is to pay and until when, today or as of a day gone by; the debit limit is the one there is now.

    `balance` is that of the day, where it is known.
    """
    then = day if day and day < today else None
    by_day, credit = open_sums(customer.id, then)
    charges = sum(by_day.values(), ZERO)
    if balance is None:
        balance = balance_of(customer.id, then + ONE_DAY if then else None)
    to_pay = ToPay(charges, balance, credit)
    return Due(then or today, to_pay, by_day, beyond_limit(to_pay.balance, customer.debit_limit))


def account(
    customer: Customer,
    begins: date,
    through: date,
    today: date,
    rows: Sequence[Alike] | None = None,
    balance: Decimal | None = None,
    balance_then: Decimal | None = None,
) -> Account:
    """How what was to pay on the last day of a span, both days included, comes about.

    What was brought forward is what the others leave of it: to know it of itself, all that was ever charged would be
    gone through. `rows` is what was charged, and the balances are those of today and of the last day, where known.
    """
    if rows is None:
        rows = charged_in(customer.id, begins, through)
    charged = total(rows, *CHARGED)
    off = by_source(customer.id, begins, through)
    # Discounts, less those taken back, above zero; what was undone is in neither, nor what undoes it.
    credited = off.get(AllocationSource.CREDIT, ZERO) - total(rows, *GIVEN)
    written_off = off.get(AllocationSource.WRITE_OFF, ZERO)
    paid = sum((off.get(source, ZERO) for source in MONEY), ZERO)
    now = due(customer, today, balance=balance)
    then = due(customer, today, through, balance_then) if through < today else now
    left = then.to_pay.charges - then.to_pay.credit_to_use
    return Account(
        begins=begins,
        through=through,
        brought_forward=left + paid + written_off + credited - charged,
        posted_since=posted_since(customer.id, begins),
        charged=charged,
        credited=credited,
        written_off=written_off,
        paid=paid,
        then=then,
        now=now,
    )
