"""Days as people and systems write them: 2026-11-03, 3 Nov 2026, 03/11/2026."""

import re
from datetime import date

from portal.domain.csv_files.cells import CELL_MAX
from portal.domain.csv_files.layout import DayOrder

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# Any date and time but those that datetime reads by itself: 03/11/2026 9:05 PM, Fri, 20 Nov 2026 18:00:05 +0000.
STAMP = re.compile(
    r"""(?:[a-z]{3,9}\.?,?\s+)?
    (?: (?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})
      | (?P<one>\d{1,2})[-/.](?P<other>\d{1,2})[-/.](?P<year_last>\d{4}|\d\d)
      | (?P<day_first>\d{1,2})[\s-](?P<named>[a-z]{3,9})\.?[\s,-]+(?P<year_after>\d{4}|\d\d)
      | (?P<name_first>[a-z]{3,9})\.?\s+(?P<day_second>\d{1,2}),?\s+(?P<year_behind>\d{4}) )
    (?: [\sT,]+(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<part>\d{1,9}))?)?
        (?:\s*(?P<half>[ap])\.?m\.?)? )?
    (?: \s*(?P<zone>Z|UTC|GMT|[+-]\d\d:?\d\d)(?:\s*\(?(?:UTC|GMT)\)?)? )?""",
    re.ASCII | re.IGNORECASE | re.VERBOSE,
)


class EitherOrder(ValueError):
    """Of two numbers the day or the month may be first, and nothing says which."""


def day_of(found: re.Match[str], order: DayOrder) -> tuple[int, int, int]:
    """Year, month and day of what STAMP has found. ValueError for a month that has no such name, and EitherOrder."""
    if found["year"]:
        return int(found["year"]), int(found["month"]), int(found["day"])
    name = found["named"] or found["name_first"]
    if name:
        year, day = found["year_after"] or found["year_behind"], found["day_first"] or found["day_second"]
        return _year(year), MONTHS.index(name[:3].lower()) + 1, int(day)
    one, other, year = int(found["one"]), int(found["other"]), _year(found["year_last"])
    match order:
        case DayOrder.DAY:
            return year, other, one
        case DayOrder.MONTH:
            return year, one, other
    raise EitherOrder


def read_day(text: str, order: DayOrder = DayOrder.NONE) -> date:
    """The day that is written; a time of day behind it is left out. ValueError for what is none, and EitherOrder."""
    found = STAMP.fullmatch(text.strip()) if len(text) <= CELL_MAX else None
    if not found:
        raise ValueError
    return date(*day_of(found, order))


def _year(text: str) -> int:
    return int(text) + (2000 if len(text) == 2 else 0)
