"""Posted charges as a list: searched, filtered and paged, as quick with ten million as with ten.

A page is put together from *branches*, each read straight off an index: what follows the last row on its own
day, and what follows on other days (SQLite uses only `day` of `(day, id) < (?, ?)`); with a search that means a
few customers, packages or DIDs, each of these by itself. What is counted is bounded, and says so.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from heapq import nlargest
from itertools import product
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    and_,
    func,
    literal_column,
    or_,
    select,
    true,
    type_coerce,
    union,
)
from sqlalchemy.orm import joinedload

from portal.domain.due import Kind
from portal.domain.money import from_micros
from portal.domain.names import search_words
from portal.domain.paid_state import PaidState
from portal.domain.phone_numbers import parts_to_find
from portal.domain.schedule import LAST_DAY
from portal.extensions import db
from portal.models import (
    Assignment,
    Charge,
    Customer,
    Did,
    OpenItem,
    Package,
)
from portal.services.among import among, is_found_among, is_one_of
from portal.services.billing.planning import Totals, totals
from portal.services.credit.states import OVERDUE, TO_PAY, is_in_state, may_be, newest
from portal.services.listing import AT_FIRST, COUNTED, PAGE_SIZE, count_rows, ids_in_any, told_ids
from portal.services.parts import holds, holds_number

# A search that means more customers, packages and DIDs than this reads the charges in order instead.
FEW = 20
# The first so many words may be the one name, and the rest the other: each cut is tried.
WORDS = 6
# As many digits, or + and digits, may be a part of a DID's number.
SHORTEST_NUMBER = 3

Condition = ColumnElement[bool]
# What a charge is for, as a word.
KINDS = {
    Kind.RECURRING: "Recurring",
    Kind.MINIMUM_SPEND: "Minimum spend",
    Kind.SETUP: "Setup",
    Kind.ONE_OFF: "One-off",
    Kind.CREDIT: "Credit",
    Kind.DIFFERENCE: "Difference",
    Kind.MANUAL: "Manual",
    Kind.OPENING_ITEM: "Opening item",
    Kind.REVERSAL: "Reversal",
    Kind.UNDO: "Undo",
    Kind.WRITE_OFF: "Write-off",
    Kind.WRITE_OFF_LAPSED: "Write-off lapsed",
}
SORTS = {
    "date": (Charge.charge_on, Charge.id),
    "posted": (Charge.id,),
    "amount": (Charge.amount, Charge.id),
}
DEFAULT_SORT = "-date"
AT_ONCE = 2_000
# The states that a rest has by itself, whatever its charge.
LATE_OR_NOT = {TO_PAY, OVERDUE}
# So many of the charges that may be in a state are looked at for the newest of them.
NEWEST = 1_000
# The states in which something is left of a charge.
WITH_SOME_LEFT = {TO_PAY, OVERDUE, PaidState.OPEN, PaidState.PART_PAID, PaidState.TO_USE}


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody looks for: words, and what the charges have in common."""

    text: str = ""
    customer_id: int | None = None
    kind: Kind | None = None
    currency: str = ""
    begins: date | None = None
    through: date | None = None
    paid: str = ""
    today: date = LAST_DAY


@dataclass(slots=True)
class Counted:
    """How many charges there are and their sums; `more` where they were too many to count.

    `left` is what is left of them to pay, or to use, for each currency: only where a state is asked for that has some.
    """

    count: int = 0
    more: bool = False
    totals: dict[str, Totals] = field(default_factory=dict)
    left: dict[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChargePage:
    """A page of charges; `after` and `before` lead on, where there are more. `sort` is what it is sorted by."""

    rows: Sequence[Charge]
    counted: Counted
    sort: str
    after: int | None = None
    before: int | None = None


def charge_page(
    asked: Asked,
    sort: str = DEFAULT_SORT,
    after: int | None = None,
    before: int | None = None,
    size: int = PAGE_SIZE,
) -> ChargePage:
    """The charges after (or before) a charge. By amount only what is few enough to be counted is sorted."""
    drivers = _drivers(asked)
    counted = _count(asked, drivers)
    if sort.lstrip("-") not in SORTS or (counted.more and "amount" in sort):
        sort = DEFAULT_SORT
    columns, descending = SORTS[sort.lstrip("-")], sort.startswith("-")
    place = _place(columns, before or after)
    backwards = bool(before) and place is not None
    ids = _newest(asked, drivers, columns, size + 1) if descending and place is None else []
    ids = ids or _ids(drivers, _rest(asked), columns, descending != backwards, place, size + 1)
    more, ids = len(ids) > size, ids[:size]
    if backwards:
        ids.reverse()
    if not ids:
        return ChargePage([], counted, sort)
    rows = _load(ids)
    if counted.more and place is None and not more:
        counted = Counted(len(rows), totals=totals(rows))  # all there is stands on this page
    follows = True if backwards else more
    precedes = more if backwards else place is not None
    return ChargePage(rows, counted, sort, ids[-1] if follows else None, ids[0] if precedes else None)


def every_charge(asked: Asked, sort: str = DEFAULT_SORT, size: int = AT_ONCE) -> Iterator[list[Charge]]:
    """All the charges, however many, in the order of the pages, some at a time."""
    drivers = _drivers(asked)
    if "amount" in sort and _count(asked, drivers).more:
        sort = DEFAULT_SORT
    columns, downwards = SORTS[sort.lstrip("-")], sort.startswith("-")
    place: tuple[Any, ...] | None = None
    wanted = min(AT_FIRST, size)
    while ids := _ids(drivers, _rest(asked), columns, downwards, place, wanted):
        yield _load(ids)
        if len(ids) < wanted:
            return
        place, wanted = _place(columns, ids[-1]), size


# -- what is looked for


class Drivers(NamedTuple):
    """The conditions that an index reads by, one for each branch of a page.

    Where there are many, what they mean is found first, as far as the bound: `known` is how many, and what is counted
    are those `found`, with these `ids`. `all_fit`: whatever else is asked, these are known to be so.
    """

    in_order: list[Condition]
    found: list[Condition]
    known: int | None = None
    ids: Sequence[int] = ()
    all_fit: bool = False


def _drivers(asked: Asked) -> Drivers:
    common = _in_order(asked)
    if asked.customer_id is not None:
        common.append(Charge.customer_id == asked.customer_id)
    if asked.kind and asked.kind != Kind.RECURRING:
        # Said again in words, so that the index of rare kinds is known to hold them all.
        common += [
            Charge.kind == asked.kind,
            literal_column("charge.kind").op("<>")(literal_column("'recurring'")),
        ]
    few = _few(asked)
    common += few or []
    meant, are_few = _meant(asked.text) if search_words(asked.text) else ([true()], True)
    each = [and_(condition, *common) for condition in meant]
    if are_few:
        # All that may be overdue, or to pay, is: nothing else is asked of them.
        all_fit = (
            few is None and asked == Asked(paid=asked.paid, today=asked.today) and asked.paid in LATE_OR_NOT
        )
        return Drivers(each, each, COUNTED + 1 if all_fit else None, all_fit=all_fit)
    ids = ids_in_any(select(Charge), each)
    found = [among(Charge.id, ids, is_found_among)]
    # All charges are read in order only where many of them are meant.
    if len(ids) > COUNTED:
        return Drivers([or_(*each)], found, len(ids))
    return Drivers([among(Charge.id, ids)], found, len(ids), ids)


def _few(asked: Asked) -> list[Condition] | None:
    """Where few charges can be in the state that is asked for, these: no others are read. None where they are many."""
    may = may_be(asked.paid, asked.today)
    if may is None:
        return []
    ids = told_ids(may.limit(COUNTED + 1))
    if len(ids) > COUNTED:
        return None
    theirs = among(Charge.id, ids)
    # What corrects a charge is reversed with it.
    return [theirs | among(Charge.corrects_id, ids) if asked.paid == PaidState.REVERSED else theirs]


def _in_order(asked: Asked) -> list[Condition]:
    found: list[Condition] = []
    if asked.begins:
        found.append(Charge.charge_on >= asked.begins)
    if asked.through:
        found.append(Charge.charge_on <= asked.through)
    return found


def _rest(asked: Asked) -> list[Condition]:
    """What is looked at row by row."""
    found: list[Condition] = []
    if asked.kind == Kind.RECURRING:
        found.append(Charge.kind == asked.kind)
    if asked.currency:
        found.append(Charge.currency == asked.currency)
    if asked.paid:
        found.append(is_in_state(asked.paid, asked.today))
    return found


def _meant(text: str) -> tuple[list[Condition], bool]:
    """What the words of a search can mean: customers, packages, DIDs, a customer's package, a line made by hand; and
    whether they are few.
    """
    words = search_words(text)
    customers, packages = _with_words(Customer, words), _with_words(Package, words)
    found = [told_ids(customers.limit(COUNTED + 1)), db.session.scalars(packages.limit(FEW + 1)).all()]
    parts = _numbers_in(text)
    numbers = ids_in_any(select(Did), parts) if parts else []
    # Very many are found once more, as they are asked for.
    whose, theirs = (
        among(Charge.customer_id, found[0], is_one_of),
        among(Assignment.did_id, numbers, is_found_among),
    )
    if len(found[0]) > COUNTED:
        whose = Charge.customer_id.in_(customers)
    if len(numbers) > COUNTED:
        theirs = Assignment.did_id.in_(select(Did.id).where(or_(*parts)))
    on_these = Charge.assignment_id.in_(select(Assignment.id).where(theirs))
    by_hand = and_(*(Charge.search_key.contains(word, autoescape=True) for word in words))
    by_hand = and_(
        by_hand,
        Charge.kind.in_((Kind.MANUAL, Kind.OPENING_ITEM)),
        literal_column("charge.kind").op("<>")(literal_column("'recurring'")),
    )
    if len(found[0]) + len(found[1]) + len(numbers) > FEW:
        either = [whose, Charge.package_id.in_(packages), by_hand]
        return [*either, on_these] if numbers else either, False
    few = [Charge.customer_id == id for id in found[0]] + [Charge.package_id == id for id in found[1]]
    if numbers:
        few.append(on_these)
    if not any(found):
        few += _pairs(words)
    return [*few, by_hand], True


def _numbers_in(text: str) -> list[Condition]:
    """Whether a DID's number holds what stands in a text without letters; none where that is hardly a number."""
    typed = " ".join(word for word in text.split() if not any(letter.isalpha() for letter in word))
    return [holds_number(part) for part in parts_to_find(typed) if len(part) >= SHORTEST_NUMBER]


def _pairs(words: list[str]) -> Iterator[Condition]:
    """Some of the words mean a customer, the others a package."""
    for cut in range(1, min(len(words), WORDS)):
        for ours, others in ((words[:cut], words[cut:]), (words[cut:], words[:cut])):
            whose, which = _with_words(Customer, ours), _with_words(Package, others)
            customers = db.session.scalars(whose.limit(FEW + 1)).all()
            packages = db.session.scalars(which.limit(FEW + 1)).all() if customers else []
            if len(customers) * len(packages) > FEW:
                yield and_(Charge.customer_id.in_(whose), Charge.package_id.in_(which))
                return
            if packages:
                # The sum keeps a database from reading all charges of the package, where the customer's are few.
                yield from (
                    and_(Charge.customer_id == customer, Charge.package_id + 0 == package)
                    for customer, package in product(customers, packages)
                )
                return


def _with_words(model: type[Customer] | type[Package], words: list[str]) -> Select[int]:
    if model is Customer:
        return select(Customer.id).where(holds(Customer, *words))
    return select(model.id).where(*(model.search_key.contains(word, autoescape=True) for word in words))


# -- a page


def _place(columns: tuple[Any, ...], id: int | None) -> tuple[Any, ...] | None:
    if id is None:
        return None
    found = db.session.execute(select(*columns).where(Charge.id == id)).one_or_none()
    return tuple(found) if found else None


def _branches(
    columns: tuple[Any, ...], place: tuple[Any, ...] | None, downwards: bool
) -> Iterator[Condition]:
    """Where to read on: beside the place in the last column, then beyond it in the ones before."""
    if place is None:
        yield true()
        return
    for last in reversed(range(len(columns))):
        same = [column == value for column, value in zip(columns[:last], place, strict=False)]
        column, value = columns[last], place[last]
        yield and_(*same, column < value if downwards else column > value)


def _ids(
    drivers: Drivers,
    rest: list[Condition],
    columns: tuple[Any, ...],
    downwards: bool,
    place: tuple[Any, ...] | None,
    limit: int,
) -> list[int]:
    """The ids of the next charges, in order."""
    parts = []
    for driver, branch in product(drivers.in_order, list(_branches(columns, place, downwards))):
        order = [column.desc() if downwards else column.asc() for column in columns]
        part = select(*columns).where(driver, branch, *rest).order_by(*order).limit(limit).subquery()
        parts.append(select(*part.c))
    # Charges that two of the drivers find are found once.
    together = union(*parts).subquery()
    order = [column.desc() if downwards else column.asc() for column in together.c]
    return list(db.session.scalars(select(together.c.id).order_by(*order).limit(limit)))


def _newest(asked: Asked, drivers: Drivers, columns: tuple[Any, ...], limit: int) -> list[int]:
    """The newest charges of those that were found, or in a state that the very newest are hardly ever in: all of these
    were read first.

    What is not among the highest ids has an id below them, so its day has such an id: what is of that day or of a later
    one comes before it. None where these are too few to fill a page, and where the list is in another order.
    """
    which = newest(asked.paid, asked.today)
    if Charge.amount in columns:
        return []
    if len(drivers.ids) > NEWEST:
        known = nlargest(NEWEST, drivers.ids)
    elif which is None or asked.customer_id or asked.kind or asked.through or asked.text.strip():
        return []
    else:
        known = told_ids(which.limit(NEWEST))
    if not known:
        return []
    query = select(Charge.id).where(among(Charge.id, known), *_in_order(asked), *_rest(asked))
    if Charge.charge_on in columns:
        query = query.where(Charge.charge_on >= _last_day_of(min(known)))
    found = list(db.session.scalars(query.order_by(*(column.desc() for column in columns)).limit(limit)))
    return found if len(found) == limit else []


def _last_day_of(id: int) -> date | None:
    """The last day that has a charge with this id or a lower one: leaping from each day to the one before it."""
    days = select(func.max(Charge.charge_on).label("day")).cte("days", recursive=True)
    here = select(Charge.id).where(Charge.charge_on == days.c.day, Charge.id <= id)
    before = select(func.max(Charge.charge_on)).where(Charge.charge_on < days.c.day).scalar_subquery()
    days = days.union_all(select(before).where(~here.exists(), days.c.day.is_not(None)))
    day: date | None = db.session.scalar(select(func.min(days.c.day)))
    return day


def _load(ids: list[int]) -> list[Charge]:
    query = select(Charge).where(Charge.id.in_(ids)).options(joinedload(Charge.customer))
    found = {charge.id: charge for charge in db.session.scalars(query)}
    return [found[id] for id in ids]


# -- how many


def _count(asked: Asked, drivers: Drivers) -> Counted:
    """Count and add up what there is, as far as the bound; what is read beyond it is not.

    Where an index alone says that there is more than that, no charge is read.
    """
    which, rest = or_(*drivers.found), _rest(asked)
    known = count_rows(select(Charge.id).where(which)) if drivers.known is None else drivers.known
    if known > COUNTED:
        # Of as many as are read, those that fit: "at least". Nothing is added up.
        some = select(and_(true(), *rest).label("fits")).where(which).limit(COUNTED + 1).subquery()
        fit = COUNTED if drivers.all_fit or not rest else count_rows(select(some).where(some.c.fits))
        return Counted(min(fit, COUNTED), more=True)
    is_outside = Charge.opening_number.is_not(None).label("is_outside")
    columns = (Charge.currency, Charge.amount, Charge.cost, Charge.tax, is_outside)
    read = select(*columns, and_(true(), *rest).label("fits")).where(which).subquery()
    sums = (func.sum(read.c.amount), func.sum(read.c.cost), func.sum(read.c.tax), func.count())
    alike = (read.c.fits, read.c.currency, read.c.is_outside)
    rows = db.session.execute(select(*alike, *sums).group_by(*alike).order_by(read.c.currency)).all()
    counted = Counted()
    for is_meant, currency, outside, amount, cost, tax, count in rows:
        if is_meant:
            counted.count += count
            one = counted.totals.setdefault(currency, Totals())
            one.amount, one.cost, one.tax = one.amount + amount, one.cost + cost, one.tax + tax
            one.count, one.outside = one.count + count, one.outside + (amount if outside else 0)
    if asked.paid in WITH_SOME_LEFT:
        counted.left = _left(asked, which)
    return counted


def _left(asked: Asked, which: Condition) -> dict[str, Decimal]:
    amount = func.sum(type_coerce(OpenItem.amount, BigInteger))
    query = select(Charge.currency, amount).join(OpenItem, OpenItem.charge_id == Charge.id)
    found = db.session.execute(query.where(which, *_rest(asked)).group_by(Charge.currency))
    return {currency: abs(from_micros(int(sum))) for currency, sum in found}
