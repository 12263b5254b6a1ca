"""Who owes: every customer with something to pay, how old it is, and what is beyond their limit (billing-rules 13)."""

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import chain
from typing import Any

from sqlalchemy import BigInteger, func, select, type_coerce

from portal.domain.money import from_micros, to_micros
from portal.domain.schedule import ONE_DAY
from portal.extensions import db
from portal.models import Charge, Customer, OpenItem
from portal.services.chunks import in_chunks
from portal.services.credit.balance import balances
from portal.services.credit.items import left_on, posted_since
from portal.services.credit.owing import beyond_limit
from portal.services.listing import values_of

# Not yet due, then overdue for so many days at most; the last has no end.
AGES = ("Not yet due", "1\N{EN DASH}30 days", "31\N{EN DASH}60 days", "61\N{EN DASH}90 days", "Over 90 days")
UP_TO = (0, 30, 60, 90)
SORTS = ("total", "oldest", "overdue", "name")


def age(due_on: date, day: date) -> int:
    """Which of the AGES something has on a day that fell due on another."""
    late = (day - due_on).days
    return sum(late > most for most in UP_TO)


@dataclass(slots=True)
class Owes:
    """What one customer owes. `ages` are in the order of AGES; `below_limit` is part of `below_zero`."""

    customer_id: int
    name: str
    search_key: str
    balance: Decimal
    debit_limit: Decimal
    ages: list[Decimal] = field(default_factory=lambda: [Decimal(0)] * len(AGES))
    oldest: date | None = None

    @property
    def charges(self) -> Decimal:
        """What is left of charges."""
        return sum(self.ages, Decimal(0))

    @property
    def below_zero(self) -> Decimal:
        """What the balance is below zero."""
        return max(-self.balance, Decimal(0))

    @property
    def below_limit(self) -> Decimal:
        """What is beyond the debit limit: it counts as overdue, without an age."""
        return beyond_limit(self.balance, self.debit_limit)

    @property
    def total(self) -> Decimal:
        """To pay."""
        return self.charges + self.below_zero

    @property
    def overdue(self) -> Decimal:
        """What should have been paid by now."""
        return self.charges - self.ages[0] + self.below_limit

    @property
    def could_pay(self) -> bool:
        """Whether they owe while their balance holds money."""
        return self.charges > 0 and self.balance > 0


@dataclass(frozen=True, slots=True)
class Owed:
    """Everybody who owes in one currency as of a day. `posted_since` is what was posted after it and dated before."""

    currency: str
    day: date
    rows: Sequence[Owes]
    posted_since: Decimal = Decimal(0)

    def sum(self, name: str) -> Decimal:
        """The sum of one of the figures, over everybody."""
        return sum((getattr(row, name) for row in self.rows), Decimal(0))

    @property
    def ages(self) -> list[Decimal]:
        """The sums by age."""
        return [sum((row.ages[place] for row in self.rows), Decimal(0)) for place in range(len(AGES))]


@dataclass(frozen=True, slots=True)
class OwedInAll:
    """The same added up: who owes, in order, and the sums. Of a day gone by also what each owed, in the same order
    (`_packed`): all that came off since would be looked through to find it again.
    """

    currency: str
    day: date
    ids: "array[int]"
    sums: Mapping[str, Decimal]
    ages: Sequence[Decimal]
    posted_since: Decimal
    figures: "array[int] | None" = None

    def rows(self, first: int, until: int, now_is: date) -> list[Owes]:
        """What those from a place to before another owe: now, or as it was added up."""
        ids = list(self.ids[first:until])
        if self.figures is None:
            found = owed(self.currency, self.day, now_is=now_is, ids=ids).rows
        else:
            starts = {id: place * PACKED for place, id in enumerate(ids, first)}
            found = [
                _unpacked(about, self.figures[starts[about[0]] : starts[about[0]] + PACKED])
                for about in _about(ids, self.currency)
            ]
        by_id = {row.customer_id: row for row in found}
        return [by_id[id] for id in ids if id in by_id]


def in_all(currency: str, day: date, *, now_is: date, sort: str = "-total") -> OwedInAll:
    """What everybody owes, added up."""
    found = owed(currency, day, now_is=now_is, sort=sort)
    return OwedInAll(
        currency,
        day,
        array("q", [row.customer_id for row in found.rows]),
        {name: found.sum(name) for name in ("total", "overdue", "below_limit", "below_zero")},
        found.ages,
        found.posted_since,
        array("q", chain.from_iterable(map(_packed, found.rows))) if day < now_is else None,
    )


# How many numbers are kept of each.
PACKED = len(AGES) + 2


def _packed(row: Owes) -> Iterable[int]:
    return (*map(to_micros, row.ages), to_micros(row.balance), row.oldest.toordinal() if row.oldest else 0)


def _unpacked(about: Sequence[Any], numbers: Sequence[int]) -> Owes:
    id, name, key, limit = about
    *ages, balance, oldest = numbers
    owes = Owes(id, name, key, from_micros(balance), limit, [from_micros(age) for age in ages])
    owes.oldest = date.fromordinal(oldest) if oldest else None
    return owes


def _about(ids: Sequence[int], currency: str) -> Iterator[Sequence[Any]]:
    about = select(Customer.id, Customer.name, Customer.search_key, Customer.debit_limit)
    for some in in_chunks(ids):
        yield from db.session.execute(about.where(Customer.id.in_(some), Customer.currency == currency))


def currencies_owed() -> list[str]:
    """The currencies of the customers."""
    return values_of(Customer.currency)


def owed(
    currency: str, day: date, *, now_is: date, sort: str = "-total", ids: Sequence[int] | None = None
) -> Owed:
    """Who owes in a currency at the end of a day, the largest first (or as `sort` says). `now_is` is today.

    With `ids`, only what these customers owe. Of all of them now, a balance that holds money is not told.
    """
    then = day if day < now_is else None
    is_all = ids is None
    stands = balances(ids, currency=currency if is_all else "", through=then, below_zero=is_all and not then)
    below = {id for id, balance in stands.items() if balance < 0}
    open_: dict[int, list[tuple[date, Decimal]]] = defaultdict(list)
    for customer_id, due_on, left in _open(currency, then, ids):
        open_[customer_id].append((due_on, from_micros(int(left))))
    rows = []
    for id, name, key, limit in _about(sorted({*below, *open_}), currency):
        owes = Owes(id, name, key, stands.get(id, Decimal(0)), limit)
        for due_on, left in open_[owes.customer_id]:
            owes.ages[age(due_on, day)] += left
            owes.oldest = min(owes.oldest or due_on, due_on)
        rows.append(owes)
    is_whole = then and is_all
    since = posted_since(day + ONE_DAY, Charge.currency == currency) if is_whole else Decimal(0)
    return Owed(currency, day, _sorted(rows, sort), since)


def _open(currency: str, day: date | None, ids: Sequence[int] | None) -> Iterable[Any]:
    """What is left of charges: customer, due day, sum in micros."""
    if day is None:
        left: Any = func.sum(type_coerce(OpenItem.amount, BigInteger))
        query = select(OpenItem.customer_id, OpenItem.due_on, left).where(OpenItem.amount > 0)
        if ids is None:
            query = query.join(Customer, Customer.id == OpenItem.customer_id)
            query = query.where(Customer.currency == currency)
        else:
            query = query.where(OpenItem.customer_id.in_(ids))
        return db.session.execute(query.group_by(OpenItem.customer_id, OpenItem.due_on))
    charges = left_on(day).where(Charge.currency == currency)
    items = (charges if ids is None else charges.where(Charge.customer_id.in_(ids))).subquery()
    left = func.sum(type_coerce(items.c.left, BigInteger))
    grouped = select(items.c.customer_id, items.c.due_on, left).where(items.c.left > 0)
    return db.session.execute(grouped.group_by(items.c.customer_id, items.c.due_on))


def _sorted(rows: list[Owes], sort: str) -> list[Owes]:
    name = sort.lstrip("-")
    keys = {
        "total": lambda row: row.total,
        "oldest": lambda row: row.oldest or date.max,
        "overdue": lambda row: row.overdue,
        "name": lambda row: row.search_key,
    }
    rows.sort(key=lambda row: (row.search_key, row.customer_id))
    rows.sort(key=keys.get(name, keys["total"]), reverse=sort.startswith("-"))
    return rows
