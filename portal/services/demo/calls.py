"""Calls of those who promised a minimum spend, in files as a switch writes them: weekly, one late, one with slips."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from sqlalchemy import exists, select

from portal.domain.money import MICROS, from_micros
from portal.domain.wording import digits
from portal.extensions import db
from portal.models import CallImport, ImportState
from portal.services.calls import importing
from portal.services.demo.acts import Stage
from portal.services.demo.company import TIME_ZONE
from portal.services.demo.people import Person
from portal.services.demo.story import Story

HEAD = ("call_id", "customer", "did", "destination", "start_time", "seconds", "charge")
# Destinations are numbers of fiction too; a price per minute for each, in millionths.
DESTINATIONS = (
    ("442079460999", 11_500), ("441134960999", 9_800), ("12125550199", 14_000), ("33199009999", 19_500),
    ("493023125999", 17_200), ("61255509999", 31_000),
)  # fmt: skip
# How the calls of a month compare with what was promised: now above, now below.
MOODS = (55, 80, 95, 110, 135)  # per cent
PROMISED = {"GBP": 150, "EUR": 175, "USD": 190}


BY = "cron"
Line = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ImportCalls:
    """A file of calls comes in."""

    name: str
    lines: tuple[Line, ...]

    def __call__(self, stage: Stage) -> None:
        done = exists().where(CallImport.file_name == self.name, CallImport.state == ImportState.DONE)
        if db.session.scalar(select(done)):
            return
        with TemporaryDirectory() as folder:
            path = Path(folder) / self.name
            with path.open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows((HEAD, *self.lines))
            with path.open("rb") as file:
                import_ = importing.accept(file, self.name, replaces=False, by=BY, now=stage.now)
            importing.carry_out(import_.id, stage.day, lambda: stage.now, ZoneInfo(TIME_ZONE))


def bring_calls(story: Story) -> None:
    """Let the calls come in: on Mondays, on the first of each month, and on the last evening."""
    callers = [person for person in story.people if person.trait in ("spender", "first")]
    calls = sorted(
        (day, line) for person in callers for day, line in calls_of(person, story.dids[person.key], story)
    )
    second_switch = sorted({day for day, _ in calls if day >= story.into(3, 12)})[:2]
    held_back = [line for day, line in calls if day in second_switch]
    begins = story.begin
    for day in (story.begin + timedelta(days=n) for n in range(1, (story.last - story.begin).days + 1)):
        if day.isoweekday() == 1 or day.day == 1 or day == story.last:
            until = day + timedelta(days=1) if day == story.last else day
            lines = tuple(line for on, line in calls if begins <= on < until and line not in held_back)
            if lines:
                story.on(day, ImportCalls(f"calls-{day.isoformat()}.csv", lines))
            begins = until
    story.on(story.into(4, 9), ImportCalls("calls-second-switch.csv", tuple(held_back)))
    _slip(story, callers[0])


def _slip(story: Story, person: Person) -> None:
    """A file that somebody edited by hand: some of its rows cannot be taken."""
    day = story.into(5, 5)
    good = ("hand-1", person.name, "", "442079460999", f"{day} 09:12:40", "184", "0.0353")
    story.on(
        story.into(5, 6),
        ImportCalls(
            "calls-by-hand.csv",
            (
                good,
                ("hand-2", f"{person.name} Ltd", "", "442079460999", f"{day} 09:20:00", "95", "0.0182"),
                ("hand-3", person.name, "", "33199009999", f"{day:%d.%m.%Y} 09:31", "310", "0.1008"),
                ("hand-4", person.name, "", "12125550199", f"{day} 10:02:11", "-12", "0.0028"),
                ("hand-1", person.name, "", "442079460999", f"{day} 09:12:40", "184", "0.0553"),
            ),
        ),
    )


def calls_of(person: Person, numbers: list[str], story: Story) -> Iterator[tuple[date, Line]]:
    """A customer's calls on every working day, as lines of a file."""
    random = Random(person.key)
    day, mood, count = story.begin, 100, 0
    while day <= story.last:
        if day.day == 1:
            mood = random.choice(MOODS)
        per_day = PROMISED[person.currency] * MICROS * mood // 100 // 22
        spent = 0
        while day.isoweekday() <= 5 and spent < per_day and count < 100_000:
            destination, rate = random.choice(DESTINATIONS)
            seconds = random.randint(120, 5400)
            amount = -(-seconds * rate // 60) // 100 * 100
            begun = datetime.combine(day, time(8), UTC) + timedelta(seconds=random.randint(0, 33_000))
            spent, count = spent + amount, count + 1
            did = numbers[min(int(random.expovariate(0.6)), len(numbers) - 1)]
            charge = digits(from_micros(amount))
            cells = (did, destination, begun.replace(tzinfo=None).isoformat(" "), str(seconds), charge)
            yield day, (f"{person.key}-{count}", person.name, *cells)
        day += timedelta(days=1)
