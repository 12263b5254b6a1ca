"""How a schedule is said: monthly, 15th and 31st."""

from portal.domain.schedule import Frequency, Schedule

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
NAMED = 5
SUFFIXES = {1: "st", 2: "nd", 3: "rd"}


def charged(schedule: Schedule) -> str:
    """When a package with this schedule is charged, in few words."""
    if schedule.frequency == Frequency.NONE:
        return "once"
    if not schedule.match:
        return schedule.frequency.value
    if len(schedule.match) > NAMED:
        return f"{schedule.frequency.value}, {len(schedule.match)} days"
    weekly = schedule.frequency == Frequency.WEEKLY
    days = [WEEKDAYS[day - 1][:3] if weekly else ordinal(day) for day in schedule.match]
    listed = days[0] if len(days) == 1 else f"{', '.join(days[:-1])} and {days[-1]}"
    return f"{schedule.frequency.value}, {listed}"


def ordinal(day: int) -> str:
    """A day of the month as it is said: 1st, 22nd, 13th."""
    return f"{day}{'th' if 10 < day < 20 else SUFFIXES.get(day % 10, 'th')}"
