"""A customer's calls: a list of any length, and what they come to by day and by destination."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import phonenumbers
from sqlalchemy import BigInteger, Select, func, or_, select, type_coerce
from sqlalchemy.orm import raiseload

from portal.domain.call_files.cells import bare
from portal.domain.money import from_micros
from portal.domain.names import search_key
from portal.domain.phone_numbers import country_name, parts_to_find
from portal.extensions import db
from portal.models import Call
from portal.services.listing import Page, Sort, page

# In the order of their time; those of a day whose time is not known come last.
WHEN = func.coalesce(Call.started_at, datetime(2000, 1, 1, tzinfo=UTC))
NEWEST = Sort((Call.day, WHEN, Call.id), descending=True)
PREFIX = 3


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


def call_page(query: Select[Call], total: int, after: int | None, before: int | None) -> Page[Call]:
    """A page of them, the newest first."""
    return page(query.options(raiseload("*")), NEWEST, after, before, total=total)


def totals_of(query: Select[Call]) -> Totals:
    """What they come to."""
    found = Totals()
    days: dict[date, Sum] = defaultdict(Sum)
    for day, *row in db.session.execute(_sums(query, Call.day)):
        days[day].add(row)
        found.whole.add(row)
    found.days = sorted(days.items(), reverse=True)
    countries: dict[str, Sum] = defaultdict(Sum)
    for prefix, *row in db.session.execute(_sums(query, func.substr(Call.destination, 1, PREFIX))):
        countries[country_called(prefix)].add(row)
    found.countries = sorted(countries.items(), key=lambda item: (-item[1].amount, search_key(item[0])))
    return found


def _sums(query: Select[Call], by: Any) -> Select[Any]:
    figures = (
        func.count(Call.id),
        func.sum(Call.seconds),
        func.sum(Call.covered_seconds),
        func.sum(type_coerce(Call.amount, BigInteger)),
        func.sum(type_coerce(Call.covered_amount, BigInteger)),
    )
    return query.with_only_columns(by, *figures).group_by(by).order_by(None)


def country_called(digits: str) -> str:
    """The country, or countries, that numbers beginning so are in, with its code."""
    for length in range(1, min(PREFIX, len(digits)) + 1):
        code = digits[:length]
        regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(code)) if code.isdecimal() else None
        if regions:
            name = "North America" if code == "1" else country_name(regions[0])
            return f"{name} (+{code})"
    return "Other" if digits else "Unknown"
