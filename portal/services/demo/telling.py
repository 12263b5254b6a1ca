"""Telling the story: which package was assigned to whom, and what changed on which day.

Everything comes from one Random with a fixed seed and from today, so the same day tells the same story.
"""

from datetime import date, timedelta
from random import Random

from portal.services.demo import catalogue as sold
from portal.services.demo.acts import Archive
from portal.services.demo.assignments import assign_all
from portal.services.demo.calls import bring_calls
from portal.services.demo.numbers import ALL, STOCK, kind_for, numbers_of, shares
from portal.services.demo.people import everybody
from portal.services.demo.story import Story
from portal.services.demo.turns import take_turns

SEED = 1876  # the year of the telephone
MONTHS_BACK = 6
ISDN_OFF_SALE = 20  # days after the second month began


def tell(today: date) -> Story:
    """The story as it is told on a day."""
    random = Random(SEED)
    story = Story(today, random, _months(today))
    story.people = everybody(random)
    _give_numbers(story)
    for person in story.people:
        fresh = person.trait == "new"
        days = random.randint(25, 140) if fresh else -random.randint(60, 1100)
        story.joined[person.key] = story.begin + timedelta(days=days)
    for person in story.people:
        assign_all(story, person)
    story.on(story.into(1, ISDN_OFF_SALE), Archive(sold.ISDN))
    take_turns(story)
    bring_calls(story)
    return story


def _months(today: date) -> list[date]:
    number = today.year * 12 + today.month - 1
    return [date(n // 12, n % 12 + 1, 1) for n in range(number - MONTHS_BACK, number + 1)]


def _give_numbers(story: Story) -> None:
    """Share the numbers out."""
    sources = {kind: numbers_of(kind) for kind in (*STOCK, "US free")}
    customers = ALL - sum(STOCK.values())
    for person, count in zip(
        story.people, shares([min(p.seats, 34) for p in story.people], customers), strict=True
    ):
        for _ in range(count):
            kind = kind_for(person.currency, person.country, story.random)
            story.dids[person.key].append(next(sources[kind]))
    story.stock = [next(sources[kind]) for kind, count in STOCK.items() for _ in range(count)]
