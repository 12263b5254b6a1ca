"""What was charged, what it cost and what is left of it, by package, customer or DID, over a span of days.

It is added up from the charges when it is asked for, and remembered until something is posted: only what one page shows
is named.
"""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, func, select, type_coerce

from portal.domain.money import from_micros
from portal.extensions import db
from portal.models import Assignment, Charge, Customer, Did, Package
from portal.services.chunks import in_chunks
from portal.services.overview.due import month_end
from portal.services.overview.recurring import rate
from portal.services.overview.remembering import Reading

# More days are not added up at once: a large portal has millions of charges in them.
DAYS_MOST = 366
# As many are shown on the overview; half as many of the worst losses.
SHOWN = 7
PACKAGE, CUSTOMER, DID = BY = ("package", "customer", "did")
FIGURES = ("margin", "amount", "cost")
SORTS = (*(sign + name for name in FIGURES for sign in ("-", "")), "name", "-name")
# What stands for charges that have none: those made by hand; those of packages that are not on a DID.
NOBODY = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for: charges of a currency that bear a day from `begins` to `through`, both included."""

    by: str
    currency: str
    begins: date
    through: date
    sort: str = "-margin"


class Left(NamedTuple):
    """Charges added up, before tax: what was charged, what it cost, and how many they are."""

    amount: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    charges: int = 0

    @property
    def margin(self) -> Decimal:
        """Amount less cost."""
        return self.amount - self.cost

    @property
    def margin_rate(self) -> Decimal | None:
        """The margin in whole per cent of the amount; None where nothing was charged."""
        return rate(self.margin, self.amount)


class Row(NamedTuple):
    """What stands in a line: whose it is (None: nobody's), and what the charges come to."""

    of: Package | Customer | Did | None
    left: Left


@dataclass(frozen=True, slots=True)
class Margins:
    """Whose charges there are, in order, and what those of each come to, in micros; and all of them."""

    ids: "array[int]"
    amounts: "array[int]"
    costs: "array[int]"
    counts: "array[int]"
    total: Left
    left_out: int = 0

    @property
    def count(self) -> int:
        """How many they are, with those left out."""
        return len(self.ids) + self.left_out

    def ends(self, first: int, last: int) -> "Margins":
        """The first of them and the last; those between are left out."""
        until = max(self.count - last, first)
        columns = (self.ids, self.amounts, self.costs, self.counts)
        ids, amounts, costs, counts = (column[:first] + column[until:] for column in columns)
        return Margins(ids, amounts, costs, counts, self.total, self.count - len(ids))

    def rows(self, by: str, first: int, until: int) -> list[Row]:
        """Some of them with their names."""
        ids = self.ids[first:until]
        model = _model(by)
        query = select(model).where(model.id.in_(ids))
        found = {row.id: row for row in db.session.scalars(query)}
        return [
            Row(found.get(id), Left(from_micros(amount), from_micros(cost), count))
            for id, amount, cost, count in zip(
                ids, self.amounts[first:until], self.costs[first:until], self.counts[first:until], strict=True
            )
        ]

    def every(self, by: str, size: int) -> Iterator[Sequence[Row]]:
        """All of them, some at a time."""
        first = 0
        for some in in_chunks(self.ids, size):
            yield self.rows(by, first, first + len(some))
            first += len(some)


def margins(reading: Reading, asked: Asked) -> Margins:
    """Remembered until something is posted."""
    return reading.answer(("margins", asked), reading.newest, lambda: add_up(asked))


def of_customers(reading: Reading, currency: str, since: date) -> Margins:
    """By customer what of this month and the last is compared on the overview: as many as are shown there."""
    asked = Asked(CUSTOMER, currency, since, month_end(reading.today))
    return reading.answer(
        ("ends of margins", asked), reading.newest, lambda: add_up(asked).ends(SHOWN, SHOWN // 2)
    )


def add_up(asked: Asked) -> Margins:
    """The same from the charges themselves."""
    key = {
        PACKAGE: Charge.package_id,
        CUSTOMER: Charge.customer_id,
        DID: Assignment.did_id,
    }[asked.by]
    figures = (func.sum(type_coerce(column, BigInteger)) for column in (Charge.amount, Charge.cost))
    query: Any = select(key, *figures, func.count()).select_from(Charge)
    if asked.by == DID:
        query = query.outerjoin(Assignment, Assignment.id == Charge.assignment_id)
    query = query.where(
        Charge.charge_on.between(asked.begins, asked.through),
        Charge.currency == asked.currency,
        Charge.opening_number.is_(None),
    )
    found = [
        (id or NOBODY, int(amount), int(cost), count)
        for id, amount, cost, count in db.session.execute(query.group_by(key))
    ]
    _put_in_order(found, asked)
    ids, amounts, costs, counts = (array("q", [row[place] for row in found]) for place in range(4))
    total = Left(from_micros(sum(amounts)), from_micros(sum(costs)), sum(counts))
    return Margins(ids, amounts, costs, counts, total)


def _put_in_order(found: list[tuple[int, int, int, int]], asked: Asked) -> None:
    name, downwards = asked.sort.lstrip("-"), asked.sort.startswith("-")
    if name == "name":
        model = _model(asked.by)
        names = model.number if asked.by == DID else model.search_key
        query = select(model.id).order_by(names, model.id)
        places = {id: place for place, id in enumerate(db.session.scalars(query))}
        last = -1 if downwards else len(places)
        found.sort(key=lambda row: places.get(row[0], last), reverse=downwards)
        return
    keys = {
        "margin": lambda row: row[1] - row[2],
        "amount": lambda row: row[1],
        "cost": lambda row: row[2],
    }
    found.sort()
    found.sort(key=keys[name], reverse=downwards)


def _model(by: str) -> Any:
    return {PACKAGE: Package, CUSTOMER: Customer, DID: Did}[by]
