"""What a package brings in a month, and when it is charged next: remembered, because very many may have it."""

from datetime import date
from typing import NamedTuple

from portal.extensions import db
from portal.models import Package
from portal.services.overview.remembering import Reading
from portal.services.packages.figures import Monthly, monthly, next_charge_days


class Figures(NamedTuple):
    """What it comes to in a month, for each currency; the next days on which it is charged, and how many on each."""

    monthly: list[Monthly]
    next_days: list[tuple[date, int]]


def figures_of(reading: Reading, package: Package, most: int) -> Figures:
    """The figures of a package, with so many days at most."""
    id, today = package.id, reading.today

    def find() -> Figures:
        found = db.session.get_one(Package, id)
        return Figures(monthly(found, today), next_charge_days(found, most))

    return reading.answer(("package", id, most), reading.newest, find)
