"""What a package has charged, charges and will charge: its sets of prices and its schedules, with their days."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import joinedload, selectinload

from portal.domain.schedule import FIRST_DAY
from portal.models import Assignment, Package
from portal.services.listing import Sort
from portal.services.packages.figures import in_force

PAST, NOW, PLANNED = "past", "now", "planned"
IN_FORCE, ALL = "in_force", "all"
HOLDERS = Sort((Assignment.id,))


@dataclass(frozen=True, slots=True)
class Era:
    """A row with the days in which it holds; `until` is the first day of the next one."""

    row: Any
    begins: date | None
    until: date | None
    state: str


def eras(rows: Iterable[Any], today: date) -> Iterator[Era]:
    """Rows of one history, oldest first, with the days in which each holds."""
    ordered = sorted(rows, key=lambda row: row.effective_from)
    if not ordered:
        return
    untils: list[date | None] = [*(row.effective_from for row in ordered[1:]), None]
    for row, until in zip(ordered, untils, strict=True):
        if row.effective_from > today and row is not ordered[0]:
            state = PLANNED
        else:
            state = PAST if until and until <= today else NOW
        yield Era(row, None if row.effective_from == FIRST_DAY else row.effective_from, until, state)


def price_list(package: Package, today: date) -> list[Era]:
    """Every set of prices, by currency, then by day."""
    found: list[Era] = []
    for currency in package.currencies:
        found.extend(eras([row for row in package.prices if row.currency == currency], today))
    return found


def schedules(package: Package, today: date) -> list[Era]:
    """Every schedule, by day."""
    return list(eras(package.schedules, today))


def assignments_of(package: Package, today: date, state: str = IN_FORCE) -> Select[Assignment]:
    """Who has the package: its assignments, with all that a row says of them."""
    query = (
        select(Assignment)
        .where(Assignment.package_id == package.id)
        .options(
            joinedload(Assignment.customer),
            joinedload(Assignment.did),
            joinedload(Assignment.position),
            selectinload(Assignment.quantities),
            selectinload(Assignment.own_prices),
        )
    )
    return query.where(in_force(today)) if state == IN_FORCE else query
