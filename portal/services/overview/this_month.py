"""What this month comes to, beside the month before: what came in, what was charged, and what is expected."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from portal.domain.money import from_micros
from portal.domain.schedule import ONE_DAY
from portal.extensions import db
from portal.models import Customer, Payment, PaymentBack, PaymentState
from portal.services.charges.sums import Charged
from portal.services.overview.due import Due
from portal.services.overview.remembering import Reading

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class CameIn:
    """Payments of a span of days in one currency, and what of the money was paid back in it."""

    payments: int = 0
    amount: Decimal = ZERO
    paid_back: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class ThisMonth:
    """One currency's month: what came in; charges dated in it, before tax.

    `to_come` is None where there are too many assignments to work it out; `at_most` of it calls may still lessen.
    `last_month` is what was charged dated in the whole of the month before.
    """

    begins: date
    came_in: CameIn
    charged: Decimal
    to_come: Decimal | None
    at_most: Decimal
    last_month: Decimal = ZERO
    to_come_by_day: Mapping[date, Decimal] = field(default_factory=dict)

    @property
    def expected(self) -> Decimal | None:
        """What the month is expected to come to: charged and still to come."""
        return None if self.to_come is None else self.charged + self.to_come


def this_month(reading: Reading, currency: str, charged: Charged, due: Due) -> ThisMonth:
    """This month in a currency, of what was charged and what falls due."""
    begins = reading.today.replace(day=1)
    found = reading.answer(("came in", begins), reading.newest, lambda: came_in(begins, reading.today))
    to_come = due.of_month.get(currency, {}) if due.has_month else {}
    return ThisMonth(
        begins,
        found.get(currency, CameIn()),
        _charged_in(begins, currency, charged),
        from_micros(sum(day.amount for day in to_come.values())) if due.has_month else None,
        from_micros(sum(day.at_most for day in to_come.values())),
        _charged_in((begins - ONE_DAY).replace(day=1), currency, charged),
        {day: from_micros(sums.amount) for day, sums in to_come.items()},
    )


def _charged_in(begins: date, currency: str, charged: Charged) -> Decimal:
    months = (sums for (month, of, _, _), sums in charged.sums.items() if (month, of) == (begins, currency))
    return sum((one.amount for one in months), ZERO)


def came_in(begins: date, through: date) -> dict[str, CameIn]:
    """The payments completed that bear a day of a span, both days included, for each currency.

    A part that was split off counts for the customer whom it went to, and for nobody else.
    """
    part = aliased(Payment)
    split_off = func.coalesce(
        select(func.sum(part.amount)).where(part.split_from_id == Payment.id).scalar_subquery(), ZERO
    )
    query = (
        select(Customer.currency, func.count(), func.sum(Payment.amount), func.sum(split_off))
        .join(Customer, Customer.id == Payment.customer_id)
        .where(Payment.paid_on.between(begins, through), Payment.state == PaymentState.COMPLETED)
        .group_by(Customer.currency)
    )
    back = (
        select(Customer.currency, func.sum(PaymentBack.amount))
        .join(Customer, Customer.id == PaymentBack.customer_id)
        .where(PaymentBack.paid_on.between(begins, through), PaymentBack.cancelled_on.is_(None))
        .group_by(Customer.currency)
    )
    returned = {row[0]: row[1] for row in db.session.execute(back)}
    found = {
        currency: CameIn(count, amount - split, returned.pop(currency, ZERO))
        for currency, count, amount, split in db.session.execute(query)
    }
    return found | {currency: CameIn(paid_back=amount) for currency, amount in returned.items()}
