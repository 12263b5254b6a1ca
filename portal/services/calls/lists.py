"""Calls to look at: all of them, or a customer's, and what these come to by day and by destination."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

import phonenumbers
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    and_,
    false,
    func,
    literal_column,
    or_,
    select,
    type_coerce,
    union,
)
from sqlalchemy.orm import raiseload, selectinload

from portal.domain.csv_files.cells import bare
from portal.domain.money import from_micros
from portal.domain.names import search_key
from portal.domain.phone_numbers import country_name, parts_to_find
from portal.extensions import db
from portal.models import Call, Did
from portal.models.call import when
from portal.services.chunks import in_chunks
from portal.services.listing import COUNTED, PAGE_SIZE, Page, Sort, count, page

# In the order of their time; those of a day whose time is not known come last.
WHEN = when(Call.started_at)
NEWEST = Sort((Call.day, WHEN, Call.id), descending=True)
# The same order, of few calls that are found first: an expression, so that no index of days is gone through for it.
SORTED = Sort((func.coalesce(Call.day, Call.came_in_on), WHEN, Call.id), descending=True)
WITH_CUSTOMER = (selectinload(Call.customer), raiseload("*"))
PREFIX = 3
# Behind every number that begins with the same digits.
LAST = "9" * 40


@dataclass(slots=True)
class Sum:
    """What some calls come to. `spend` is what is left of the amount after free minutes."""

    calls: int = 0
    seconds: int = 0
    covered_seconds: int = 0
    amount: Decimal = Decimal(0)
    spend: Decimal = Decimal(0)

    def add(self, row: Sequence[Any]) -> None:
        """Take in a row of counts and micros."""
        calls, seconds, covered_seconds, amount, covered = (int(value or 0) for value in row)
        self.calls += calls
        self.seconds += seconds
        self.covered_seconds += covered_seconds
        self.amount += from_micros(amount)
        self.spend += from_micros(amount - covered)


@dataclass(slots=True)
class Totals:
    """The calls of a span of days: in all, by day (the newest first), by country called (the dearest first)."""

    whole: Sum = field(default_factory=Sum)
    days: list[tuple[date, Sum]] = field(default_factory=list)
    countries: list[tuple[str, Sum]] = field(default_factory=list)


def find_calls(customer_id: int, text: str, begins: date | None, through: date | None) -> Select[Call]:
    """The calls of a customer in a span of days whose destination begins with, or whose call id is, what is typed."""
    query = select(Call).where(Call.customer_id == customer_id)
    if begins:
        query = query.where(Call.day >= begins)
    if through:
        query = query.where(Call.day <= through)
    if text:
        number = bare(text).replace("\\", "").replace("%", "").replace("_", "\\_")
        meant = {part[1:] for part in parts_to_find(text) if part.startswith("+")} | (
            {number} if number else set()
        )
        called = [Call.destination.like(f"{part}%", escape="\\") for part in sorted(meant)]
        query = query.where(or_(Call.call_id == text, *called))
    return query


@dataclass(frozen=True, slots=True)
class Asked:
    """Which calls are looked for: from or to a number, of a customer, in a span of days."""

    number: str = ""
    customer_id: int | None = None
    begins: date | None = None
    through: date | None = None
    # Those that DIDs belong to: a number may be written as it is dialled within one of them.
    countries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """The calls that are looked for: the query, how it is sorted, how many (COUNTED + 1: more than that)."""

    query: Select[Call]
    sort: Sort
    total: int


def find(asked: Asked) -> Found:
    """The calls of all customers, or of one, to numbers that begin with the one asked for, or from or to that DID.

    Few are found by their number and then sorted; very many by going through the days, which comes upon them soon.
    """
    of = _narrowed(select(Call), asked)
    if not asked.number:
        return Found(of, NEWEST, count(of))
    ways = _ways(asked, Call.destination, Call.did_id, Call.other_did_id, Call.day.in_(_days(asked)))
    if not ways:
        return Found(of.where(false()), NEWEST, 0)
    each = [_narrowed(select(Call.id), asked).where(way).limit(COUNTED + 1).subquery() for way in ways]
    ids = union(*(select(one.c.id) for one in each)).subquery()
    total = min(db.session.scalar(select(func.count()).select_from(ids)) or 0, COUNTED + 1)
    if total <= COUNTED:
        return Found(select(Call).where(Call.id.in_(select(ids.c.id))), SORTED, total)
    did, other = (
        func.coalesce(column, literal_column("NULL")) for column in (Call.did_id, Call.other_did_id)
    )
    any_way = or_(*_ways(asked, func.coalesce(Call.destination, ""), did, other))
    return Found(of.where(any_way), NEWEST, total)


def found_page(asked: Asked, after: int | None, before: int | None) -> Page[Call]:
    """A page of them, the newest first. Above COUNTED they are not counted to the end."""
    found = find(asked)
    return page(found.query.options(*WITH_CUSTOMER), found.sort, after, before, total=found.total)


def _narrowed(query: Select[Any], asked: Asked) -> Select[Any]:
    """The calls of the customer and the days that are asked for."""
    if asked.customer_id is not None:
        query = query.where(Call.customer_id == asked.customer_id)
    if asked.begins:
        query = query.where(Call.day >= asked.begins)
    return query.where(Call.day <= asked.through) if asked.through else query


def _days(asked: Asked) -> Select[date]:
    """The days on which there are calls, leaping from each to the next: on each a number is found by the index."""
    first = _narrowed(select(func.min(Call.day).label("day")), asked).cte("days", recursive=True)
    # With a second lower bound SQLite would read on from that one, through all the days before.
    rest = _narrowed(select(func.min(Call.day)), replace(asked, begins=None))
    following = rest.where(Call.day > first.c.day).scalar_subquery()
    days = first.union_all(select(following).where(first.c.day.is_not(None)))
    return select(days.c.day)


def _ways(
    asked: Asked,
    destination: Any,
    did_id: Any,
    other_did_id: Any,
    on_days: ColumnElement[bool] | None = None,
) -> list[ColumnElement[bool]]:
    """How a call can have the number: as where it went, as a DID of its own, or, of a customer, as its id.

    `on_days`: where it went on these days.
    """
    parts = {part for part in parts_to_find(asked.number, asked.countries) if part.startswith("+")}
    plain = bare(asked.number)
    begins = sorted({part[1:] for part in parts} | ({plain} if plain else set()))
    went = [destination.between(begin, begin + LAST) for begin in begins]
    ways = went if on_days is None else [and_(one, on_days) for one in went]
    dids = list(db.session.scalars(select(Did.id).where(Did.number.in_(parts)))) if parts else []
    if dids:
        ways += [did_id.in_(dids), other_did_id.in_(dids)]
    if asked.customer_id is not None:
        ways.append(Call.call_id == asked.number)
    return ways


def numbers_of_dids(calls: Sequence[Call]) -> dict[int, str]:
    """The numbers of the DIDs that calls name."""
    ids = {id for call in calls for id in (call.did_id, call.other_did_id) if id is not None}
    found: dict[int, str] = {}
    for some in in_chunks(sorted(ids)):
        found.update(
            {row[0]: row[1] for row in db.session.execute(select(Did.id, Did.number).where(Did.id.in_(some)))}
        )
    return found


def call_page(
    query: Select[Call], total: int, after: int | None, before: int | None, size: int = PAGE_SIZE
) -> Page[Call]:
    """A page of them, the newest first."""
    return page(query.options(raiseload("*")), NEWEST, after, before, size, total=total)


def totals_of(query: Select[Call]) -> Totals:
    """What they come to."""
    found = Totals()
    days: dict[date, Sum] = defaultdict(Sum)
    countries: dict[str, Sum] = defaultdict(Sum)
    for day, prefix, *row in db.session.execute(
        _sums(query, Call.day, func.substr(Call.destination, 1, PREFIX))
    ):
        days[day].add(row)
        countries[country_called(prefix)].add(row)
        found.whole.add(row)
    found.days = sorted(days.items(), reverse=True)
    found.countries = sorted(countries.items(), key=lambda item: (-item[1].amount, search_key(item[0])))
    return found


def _sums(query: Select[Call], *by: Any) -> Select[Any]:
    """By day and what numbers begin with, in one: each call is read once."""
    figures = (
        func.count(Call.id),
        func.sum(Call.seconds),
        func.sum(Call.covered_seconds),
        func.sum(type_coerce(Call.amount, BigInteger)),
        func.sum(type_coerce(Call.covered_amount, BigInteger)),
    )
    return query.with_only_columns(*by, *figures).group_by(*by).order_by(None)


@lru_cache(maxsize=1_000)
def country_called(digits: str) -> str:
    """The country, or countries, that numbers beginning so are in, with its code."""
    for length in range(1, min(PREFIX, len(digits)) + 1):
        code = digits[:length]
        regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(code)) if code.isdecimal() else None
        if regions:
            name = "North America" if code == "1" else country_name(regions[0])
            return f"{name} (+{code})"
    return "Other" if digits else "Unknown"
