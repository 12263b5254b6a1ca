"""A span of days that a person chooses: a month, a year, or From and To, both included."""

from dataclasses import dataclass
from datetime import date

from dateutil.relativedelta import relativedelta
from flask import request

from portal.clock import today
from portal.domain.schedule import FIRST_DAY, LAST_DAY, ONE_DAY
from portal.domain.wording import day, month_name, span

BOUNDS = f"Days must be between {FIRST_DAY.year} and {LAST_DAY.year}."


@dataclass(frozen=True, slots=True)
class Choice:
    """A span that one click asks for; `is_unasked` for the one of an address that names none."""

    words: str
    begins: date | None
    through: date | None
    is_unasked: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """What From and To say. What cannot be read stays as it was typed, with a sentence."""

    begins: date | None
    through: date | None
    typed_from: str
    typed_to: str
    choices: tuple[Choice, ...] = ()
    problem: str = ""

    @property
    def chosen(self) -> Choice | None:
        """The choice that this is; None for other days."""
        if self.problem:
            return None
        days = (self.begins, self.through)
        return next((one for one in self.choices if (one.begins, one.through) == days), None)

    @property
    def words(self) -> str:
        """Which days it names: 1–30 Nov 2026, from 1 Nov 2026. Nothing where it names none."""
        if self.begins and self.through:
            return span(self.begins, self.through + ONE_DAY)
        if self.begins:
            return f"from {day(self.begins)}"
        return f"until {day(self.through)}" if self.through else ""


def span_of(begins: date | None, through: date | None, unasked: str = "", *, ahead: bool = False) -> Span:
    """The span that the address names; the given days where it names none, which `unasked` calls by a name.

    `ahead`: the months to choose from are those that come.
    """
    choices = _choices(begins, through, unasked, ahead)
    typed = [request.args.get(name, "").strip()[:40] for name in ("from", "to")]
    try:
        first = date.fromisoformat(typed[0]) if typed[0] else begins
        last = date.fromisoformat(typed[1]) if typed[1] else through
    except ValueError:
        problem = "Enter From and To as dates, such as 2026-11-30."
        return Span(begins, through, typed[0], typed[1], choices, problem)
    shown_from = typed[0] or (begins.isoformat() if begins else "")
    shown_to = typed[1] or (through.isoformat() if through else "")
    if any(end and not FIRST_DAY <= end <= LAST_DAY for end in (first, last)):
        return Span(begins, through, shown_from, shown_to, choices, BOUNDS)
    if first and last and last < first:
        return Span(begins, through, shown_from, shown_to, choices, "To is before From.")
    return Span(first, last, shown_from, shown_to, choices)


def _choices(begins: date | None, through: date | None, unasked: str, ahead: bool) -> tuple[Choice, ...]:
    """Three months and a year: this month and those beside it, and the year of the last month that is over."""
    this = today().replace(day=1)
    months = (this + relativedelta(months=number if ahead else -number) for number in range(3))
    found = [Choice(month_name(first), *_month(first)) for first in months]
    if not ahead:
        year = (this - ONE_DAY).year
        found.append(Choice(str(year), date(year, 1, 1), date(year, 12, 31)))
    if unasked:
        found.insert(0, Choice(unasked, begins, through, is_unasked=True))
    return tuple(found)


def _month(first: date) -> tuple[date, date]:
    return first, first + relativedelta(months=1, days=-1)
