"""Balances as they stand, who is below their limit, and the entries that a balance is the sum of."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, Select, func, select

from portal.domain.schedule import ONE_DAY
from portal.extensions import db
from portal.models import BalanceEntry, Customer, EntrySource
from portal.services.chunks import in_chunks
from portal.services.credit.moved import kept_among, moved, moved_of_kept

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Act:
    """When something is done, and by whom: `today` is the provider's day, `now` the instant."""

    today: date
    by: str
    now: datetime


def enter(
    customer_id: int,
    source: EntrySource,
    amount: Decimal,
    for_day: date,
    act: Act,
    reason: str = "",
    **of: int | None,
) -> None:
    """Move a balance: an entry dated today, for a day. `of` names what it comes from: charge_id, payment_id ..."""
    db.session.add(
        BalanceEntry(
            customer_id=customer_id,
            source=source,
            made_on=act.today,
            for_day=for_day,
            amount=amount,
            reason=reason,
            made_by=act.by,
            made_at=act.now,
            **of,
        )
    )


def balances(
    customer_ids: Collection[int] | None = None,
    *,
    currency: str = "",
    through: date | None = None,
    below_zero: bool = False,
) -> dict[int, Decimal]:
    """The balance of each customer who has entries: of all, of some, of a currency; now, or at the end of a day."""
    amount = func.sum(BalanceEntry.amount)
    query = select(BalanceEntry.customer_id, amount).group_by(BalanceEntry.customer_id)
    if currency:
        query = query.join(Customer, Customer.id == BalanceEntry.customer_id).where(
            Customer.currency == currency
        )
    if through:
        query = query.where(BalanceEntry.made_on <= through)
    if below_zero:
        query = query.having(amount < 0)
    if customer_ids is None:
        return {row[0]: row[1] for row in db.session.execute(query)}
    before, found = through + ONE_DAY if through else None, dict[int, Decimal]()
    for some in in_chunks(sorted(customer_ids)):
        kept = kept_among(some)
        rows = db.session.execute(query.where(BalanceEntry.customer_id.in_(sorted(set(some) - kept))))
        stands = moved_of_kept(kept, before) | {row[0]: row[1] for row in rows}
        found |= {id: balance for id, balance in stands.items() if balance < 0 or not below_zero}
    return found


def balance_of(customer_id: int, before: date | None = None) -> Decimal:
    """A customer's balance; with a day, as it stood when that day began."""
    return moved(customer_id, before=before)


def moved_since(customer_id: int, day: date) -> Decimal:
    """What a balance has moved by on a day and after it."""
    return moved(customer_id, since=day)


def available_to(customer: Customer) -> Decimal:
    """Balance and debit limit: what the customer is good for."""
    return balance_of(customer.id) + customer.debit_limit


@dataclass(frozen=True, slots=True)
class BelowLimit:
    """A customer who is not good for what they owe: available is under zero."""

    customer: Customer
    balance: Decimal

    @property
    def available(self) -> Decimal:
        """Balance and debit limit."""
        return self.balance + self.customer.debit_limit


def below_limit(*among: ColumnElement[bool], most: int | None = None) -> list[BelowLimit]:
    """Customers whose available is under zero, by name: all of them, or those `among` some."""
    entries = (
        select(BalanceEntry.customer_id.label("customer_id"), func.sum(BalanceEntry.amount).label("balance"))
        .group_by(BalanceEntry.customer_id)
        .subquery()
    )
    balance = func.coalesce(entries.c.balance, 0)
    query = (
        select(Customer, entries.c.balance)
        .outerjoin(entries, entries.c.customer_id == Customer.id)
        .where(Customer.archived_on.is_(None), balance + Customer.debit_limit < 0, *among)
        .order_by(Customer.search_key, Customer.id)
        .limit(most)
    )
    return [BelowLimit(row[0], row[1] or ZERO) for row in db.session.execute(query)]


def entries_of(customer_id: int, begins: date, through: date) -> Select[BalanceEntry]:
    """The entries made from `begins` to `through`, in the order in which they were made."""
    return (
        select(BalanceEntry)
        .where(BalanceEntry.customer_id == customer_id)
        .where(BalanceEntry.made_on >= begins, BalanceEntry.made_on <= through)
        .order_by(BalanceEntry.made_on, BalanceEntry.id)
    )
