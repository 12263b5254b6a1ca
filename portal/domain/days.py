"""Days as people give them: inside the calendar that the portal knows."""

from datetime import date

from portal.domain.errors import Invalid
from portal.domain.schedule import FIRST_DAY, LAST_DAY


def check_day(name: str, day: date | None) -> None:
    """Days lie between 2000 and 2199. Invalid names the field."""
    if day and not FIRST_DAY <= day <= LAST_DAY:
        raise Invalid(name, f"Dates must be between {FIRST_DAY.year} and {LAST_DAY.year}.")
