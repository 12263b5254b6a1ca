"""A span of days that a person types: From and To, both included."""

from dataclasses import dataclass
from datetime import date

from flask import request

from portal.domain.schedule import FIRST_DAY, LAST_DAY, ONE_DAY
from portal.domain.wording import day, span

BOUNDS = f"Days must be between {FIRST_DAY.year} and {LAST_DAY.year}."


@dataclass(frozen=True, slots=True)
class Span:
    """What From and To say. What cannot be read stays as it was typed, with a sentence."""

    begins: date | None
    through: date | None
    typed_from: str
    typed_to: str
    problem: str = ""

    @property
    def words(self) -> str:
        """Which days it names: 1–30 Nov 2026, from 1 Nov 2026. Nothing where it names none."""
        if self.begins and self.through:
            return span(self.begins, self.through + ONE_DAY)
        return (
            f"from {day(self.begins)}"
            if self.begins
            else f"until {day(self.through)}"
            if self.through
            else ""
        )


def span_of(begins: date | None, through: date | None) -> Span:
    """The span that the address names; the given days where it names none."""
    typed = [request.args.get(name, "").strip()[:40] for name in ("from", "to")]
    try:
        first = date.fromisoformat(typed[0]) if typed[0] else begins
        last = date.fromisoformat(typed[1]) if typed[1] else through
    except ValueError:
        problem = "Enter From and To as dates, such as 2026-11-30."
        return Span(begins, through, typed[0], typed[1], problem)
    shown_from = typed[0] or (begins.isoformat() if begins else "")
    shown_to = typed[1] or (through.isoformat() if through else "")
    if any(end and not FIRST_DAY <= end <= LAST_DAY for end in (first, last)):
        return Span(begins, through, shown_from, shown_to, BOUNDS)
    if first and last and last < first:
        return Span(begins, through, shown_from, shown_to, "To is before From.")
    return Span(first, last, shown_from, shown_to)
