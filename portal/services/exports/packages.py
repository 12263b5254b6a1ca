"""Packages as a table: a line for each currency, and one more for each later day from which something else applies."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Select
from sqlalchemy.orm import joinedload

from portal.domain.schedule import Frequency
from portal.domain.wording import SHORT_WEEKDAYS
from portal.models import Package, PackagePrice, PackageSchedule
from portal.services.exports.table import Column, Kind, Table, rows_of, yes
from portal.services.listing import Sort
from portal.services.packages.definition import FREQUENCIES, PRICE_LABELS, PRORATIONS, TYPES
from portal.services.packages.figures import assigned_to


@dataclass(frozen=True, slots=True)
class Row:
    """A package in one of its currencies, as it is from a day on; without a day, as it is today."""

    package: Package
    currency: str
    effective_from: date | None
    price: PackagePrice | None
    schedule: PackageSchedule
    assigned: int


COLUMNS = (
    Column("Name", lambda row: row.package.name),
    Column("Type", lambda row: TYPES[row.package.type]),
    Column("Destination", lambda row: row.package.destination),
    Column("Minimum Spend", lambda row: yes(row.package.minimum_spend)),
    Column("Minimum Days", lambda row: row.package.minimum_days, Kind.NUMBER),
    Column("ConnexCS Package", lambda row: row.package.connexcs_package and row.package.connexcs_package.name),
    Column("Description", lambda row: row.package.description),
    Column("Partial Periods", lambda row: PRORATIONS[row.package.proration] if row.package.recurs else None),
    Column("Effective from", lambda row: row.effective_from, Kind.DAY),
    Column("Frequency", lambda row: FREQUENCIES[row.schedule.frequency]),
    Column("Frequency Match", lambda row: match_of(row.schedule)),
    Column("Currency", lambda row: row.currency),
    *(
        Column(label, lambda row, name=name: getattr(row.price, name, None), Kind.MONEY)  # type: ignore[misc]
        for name, label in PRICE_LABELS.items()
    ),
    Column("Assigned", lambda row: row.assigned, Kind.NUMBER),
    Column("Archived", lambda row: row.package.archived_on, Kind.DAY),
)  # fmt: skip


def match_of(schedule: PackageSchedule) -> str:
    """The days on which a schedule charges, as a form takes them: 15, 31, or Mon, Thu."""
    if schedule.frequency == Frequency.WEEKLY:
        return ", ".join(SHORT_WEEKDAYS[day - 1] for day in schedule.frequency_match)
    return ", ".join(map(str, schedule.frequency_match))


def packages(query: Select[Package], sort: Sort, today: date) -> Table:
    """The packages that a list finds."""
    query = query.options(joinedload(Package.connexcs_package))
    return Table(
        "packages", COLUMNS, rows_of(query, sort, lambda some: _rows(some, today)), lambda row: row.currency
    )


def _rows(some: Sequence[Package], today: date) -> list[Row]:
    assigned = assigned_to([package.id for package in some], today)
    return [row for package in some for row in _lines(package, today, assigned[package.id])]


def _lines(package: Package, today: date, assigned: int) -> list[Row]:
    later = {
        *(one.effective_from for one in package.schedules if one.effective_from > today),
        *(one.effective_from for one in package.prices if one.effective_from > today),
    }
    return [
        Row(
            package,
            currency,
            day if day > today else None,
            package.price_on(currency, day),
            package.schedule_on(day),
            assigned,
        )
        for currency in package.currencies or [""]
        for day in (today, *sorted(later))
    ]
