"""What is owed and by whom most, for the overview; portal.services.credit.owed has everybody."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from portal.services.credit.owed import OwedInAll, Owes, in_all, owed
from portal.services.overview.remembering import Reading


@dataclass(frozen=True, slots=True)
class Owing:
    """What is owed in a currency in all, since when, and by whom most that is overdue."""

    total: Decimal
    overdue: Decimal
    count: int
    overdue_count: int
    oldest: date | None
    most: Owes | None


def owing(reading: Reading, currency: str) -> Owing:
    """What is owed today; remembered until something is posted, paid or changed."""
    return reading.answer(("owing", currency), reading.newest, lambda: _owing(reading, currency))


def _owing(reading: Reading, currency: str) -> Owing:
    found = owed(currency, reading.today, now_is=reading.today, sort="-overdue")
    late = sum(1 for row in found.rows if row.overdue)
    oldest = min((row.oldest for row in found.rows if row.oldest), default=None)
    return Owing(
        found.sum("total"),
        found.sum("overdue"),
        len(found.rows),
        late,
        oldest,
        found.rows[0] if found.rows else None,
    )


def owed_in_all(reading: Reading, currency: str, day: date, sort: str) -> OwedInAll:
    """What everybody owes at the end of a day, and in which order."""
    today = reading.today
    question = ("owed", currency, day, sort)
    return reading.answer(question, reading.newest, lambda: in_all(currency, day, now_is=today, sort=sort))
