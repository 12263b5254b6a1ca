"""The story of half a year: its cast, and a calendar of what happens on which day."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from portal.services.demo.acts import Act, Assign
from portal.services.demo.people import Person


@dataclass(slots=True)
class Story:
    """The cast and the calendar. `months` are the firsts of the months told, this month's last."""

    today: date
    random: Random
    months: list[date]
    people: list[Person] = field(default_factory=list)
    dids: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    stock: list[str] = field(default_factory=list)
    joined: dict[str, date] = field(default_factory=dict)
    acts: dict[date, list[Act]] = field(default_factory=lambda: defaultdict(list))
    # Done on the last evening, between two simulations.
    last_evening: list[Act] = field(default_factory=list)

    @property
    def begin(self) -> date:
        """The first day told."""
        return self.months[0]

    @property
    def last(self) -> date:
        """The last day told: yesterday, so that something is due today."""
        return self.today - timedelta(days=1)

    def back(self, days: int) -> date:
        """So many days before today."""
        return self.today - timedelta(days=days)

    def into(self, month: int, days: int) -> date:
        """So many days after the first of a month; months count from 0."""
        return self.months[month] + timedelta(days=days)

    def on(self, day: date, act: Act) -> None:
        """Let something happen on a day."""
        self.acts[day].append(act)

    def days(self) -> Iterator[tuple[date, list[Act]]]:
        """Every day, with what happens on it."""
        day = self.begin
        while day <= self.last:
            yield day, self.acts.get(day, [])
            day += timedelta(days=1)

    def has_joined(self, person: Person) -> bool:
        """Whether they came with the old books: before the first day told."""
        return self.joined[person.key] < self.begin


def assign(
    story: Story, person: Person, package: str, *, day: date | None = None, suffix: str = "", **more: object
) -> str:
    """Let a customer have a package from `day` on (from when they joined, if not given); its key.

    What began before the first day told came over from the old books: charging begins with that day.
    """
    start = day or story.joined[person.key]
    moved = start < story.begin
    key = f"{person.key}/{package}{suffix}"
    act = Assign(
        key=key,
        package=package,
        customer=person.key,
        start_date=start,
        charge_from=story.begin if moved else None,
        auto_decrement_credit=person.trait == "prepaid",
        **more,  # type: ignore[arg-type]
    )
    story.on(story.begin if moved else start, act)
    return key
