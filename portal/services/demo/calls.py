"""Calls of those who promised a minimum spend, so that there is something to measure."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from random import Random
from typing import Any

from portal.domain.money import MICROS, from_micros
from portal.services.demo.people import Person
from portal.services.demo.story import Story

# Destinations are numbers of fiction too; a price per minute for each, in millionths.
DESTINATIONS = (
    ("442079460999", 11_500), ("441134960999", 9_800), ("12125550199", 14_000), ("33199009999", 19_500),
    ("493023125999", 17_200), ("61255509999", 31_000),
)  # fmt: skip
# How the calls of a month compare with what was promised: now above, now below.
MOODS = (55, 80, 95, 110, 135)  # per cent
PROMISED = {"GBP": 150, "EUR": 175, "USD": 190}


def calls_of(person: Person, numbers: list[str], story: Story) -> Iterator[dict[str, Any]]:
    """A customer's calls on every working day; `did` an index into their numbers."""
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
            yield {
                "call_id": f"{person.key}-{count}",
                "did": min(int(random.expovariate(0.6)), len(numbers) - 1),
                "started_at": begun,
                "day": day,
                "destination": destination,
                "seconds": seconds,
                "amount": from_micros(amount),
                "came_in_on": day + timedelta(days=1),
            }
        day += timedelta(days=1)
