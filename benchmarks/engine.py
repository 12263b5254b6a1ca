"""The domain alone: how many charges a second are worked out from terms and a position."""

from datetime import date, timedelta
from time import perf_counter

from benchmarks.table import duration, per_second, show
from portal.domain.charges import charges_due
from portal.domain.due import Position
from portal.domain.schedule import Frequency, Schedule
from portal.domain.terms import Prices, Proration, Terms, always

START = date(2026, 1, 1)


def terms(frequency: Frequency, match: tuple[int, ...] = (), **more: object) -> Terms:
    """Terms of an assignment with these charge dates."""
    given = {"prices": always(Prices(3_000_000, 7_500_000)), "quantities": always(2), **more}
    return Terms(start_date=START, schedules=always(Schedule(frequency, match)), **given)  # type: ignore[arg-type]


def measure(assignments: int) -> None:
    """Work out a year of as many assignments, and a single charge of each."""
    year, month = START + timedelta(days=364), START + timedelta(days=30)
    rows = []
    for words, given, through, days in (
        ("one month of a monthly package", terms(Frequency.MONTHLY, (1,)), month, 1),
        ("a year, on the 15th and the 31st", terms(Frequency.MONTHLY, (15, 31)), year, 1),
        ("a year of days", terms(Frequency.DAILY), year, 20),
        ("a year by days", terms(Frequency.MONTHLY, (1,), proration=Proration.DAILY), year, 1),
    ):
        times, charges, begun = max(assignments // days, 1), 0, perf_counter()
        for _ in range(times):
            charges += len(charges_due(given, Position(), through).charges)
        took = perf_counter() - begun
        rows.append((words, f"{times:,}", f"{charges:,}", duration(took), per_second(charges, took)))
    show("The engine alone", ("what", "assignments", "charges", "time", "charges/s"), rows)
