"""What changed in the half year: growth, prices, departures, mistakes and their correction."""

from datetime import timedelta
from decimal import Decimal

from portal.domain.due import Kind
from portal.domain.schedule import Frequency
from portal.services.demo import catalogue as sold
from portal.services.demo.acts import (
    AgreeOnRetail,
    Assign,
    ChangeEnd,
    ChangePackage,
    ChangeQuantity,
    ChangeTaxRate,
    ChargeManually,
    Release,
    Reverse,
)
from portal.services.demo.people import Person
from portal.services.demo.story import Story, assign
from portal.services.packages.definition import PriceSet


def take_turns(story: Story) -> None:
    """Put every turn into the calendar."""
    cast = {person.key: person for person in story.people}
    for turn in (_grow, _change_terms, _end, _correct, _come):
        turn(story, cast)


def _grow(story: Story, cast: dict[str, Person]) -> None:
    """Seats are added, now and then taken away; phones are bought."""
    settled = [person for person in story.people if story.has_joined(person)]
    for person in story.random.sample(settled, 12):
        day = story.into(story.random.randint(1, 4), story.random.randint(0, 24))
        more = max(1, person.seats // story.random.choice((5, 8, -9)))
        effective_from = day + timedelta(days=story.random.randint(1, 12))
        story.on(day, ChangeQuantity(f"{person.key}/{sold.SEAT}", person.seats + more, effective_from))
    buyers = [person for person in settled if person.currency in ("GBP", "EUR", "USD")]
    for person in story.random.sample(buyers, 9):
        day = story.into(story.random.randint(0, 4), story.random.randint(2, 26))
        assign(story, person, sold.PHONE, day=day, quantity=story.random.randint(1, 4))


def _change_terms(story: Story, cast: dict[str, Person]) -> None:
    """A price that rose, one that will, one agreed on with one customer, a schedule, a tax rate."""
    dearer = PriceSet("GBP", Decimal("0.36"), Decimal("1.35"))
    story.on(story.into(3, 9), ChangePackage(sold.UK_DID, story.months[4], dearer))
    story.on(
        story.into(2, 3),
        ChangePackage(sold.TPS, story.into(2, 12), schedule=(Frequency.WEEKLY, (1, 4))),
    )
    seats = PriceSet("GBP", Decimal("3.25"), Decimal("7.95"), Decimal(0), Decimal(5))
    later = (story.today.replace(day=1) + timedelta(days=70)).replace(day=1)
    story.on(story.back(5), ChangePackage(sold.SEAT, later, seats))
    agreed = AgreeOnRetail(f"redbrick-contact-centres/{sold.SEAT}", Decimal("6.90"), story.months[4])
    story.on(story.into(3, 20), agreed)
    story.on(story.into(2, 18), ChangeTaxRate("st-aldrics-hospice", Decimal(0), story.months[3]))


def _end(story: Story, cast: dict[str, Person]) -> None:
    """Who left, who will, who was let go early, who changed their mind."""
    first = cast["northwind-telecom"]
    fax = assign(story, first, sold.FAX, suffix="/first", did=story.dids[first.key][1])
    story.on(story.into(4, 12), ChangeEnd(fax, story.into(4, 16)))
    isdn = f"pennine-plastics/{sold.ISDN}"
    story.on(story.into(2, 8), ChangeEnd(isdn, story.into(2, 13)))
    assign(story, cast["pennine-plastics"], sold.TRUNK, day=story.into(2, 14))

    minded = f"krause-voss-steuerberatung/{sold.TRANSCRIPTION}"
    story.on(
        story.back(9),
        ChangeEnd(f"cabinet-verlaine-avocats/{sold.TRANSCRIPTION}", story.today + timedelta(days=20)),
    )
    story.on(story.into(2, 24), ChangeEnd(minded, story.into(3, 9)))
    story.on(story.into(3, 4), ChangeEnd(minded, None))

    router = assign(story, cast["summit-scaffolding"], sold.ROUTER, day=story.into(1, 4), suffix="/site")
    reason = "In administration since this week; the administrator returned the router."
    story.on(story.into(4, 9), ChangeEnd(router, story.into(4, 9), override_reason=reason))

    number = story.dids["orchard-street-clinic"][-1]
    line = f"orchard-street-clinic/{sold.UK_DID}{number}"
    story.on(story.into(3, 2), ChangeEnd(line, story.into(3, 6)))
    story.on(story.into(4, 20), Release(number))
    for key, days in (
        ("juniper-ridge-ranch-supply", 12),
        ("whitby-fish-market", 23),
        ("atelier-dumontel", 8),
    ):
        leaving = story.today + timedelta(days=days)
        story.on(story.back(6), ChangeEnd(f"{key}/{sold.SEAT}", leaving))


def _correct(story: Story, cast: dict[str, Person]) -> None:
    """Charges by hand, and one that was a mistake."""
    for key, day, amount, cost, description in (
        ("harbour-light-hotels", story.into(2, 13), "180", "95", "Engineer on site, half a day"),
        ("fernhill-dental-practice", story.into(4, 6), "-25", "0", "Goodwill for the outage in the morning"),
        ("kestrel-couriers", story.into(5, 3), "45", "31", "Replacement handset, dropped"),
        ("lakeshore-freight-lines", story.into(5, 11), "60", "20", "Number research for the new depot"),
    ):
        story.on(day, ChargeManually(key, key, Decimal(amount), Decimal(cost), description))
    twice = assign(
        story, cast["copperfield-accountants"], sold.PHONE, day=story.into(3, 15), suffix="/twice", quantity=2
    )
    story.on(
        story.into(3, 21), Reverse(twice, Kind.ONE_OFF, "Ordered twice by mistake; both phones came back.")
    )


def _come(story: Story, cast: dict[str, Person]) -> None:
    """The last days: a lock that holds, what starts today and later, what waits for a choice."""
    first = cast["northwind-telecom"]
    assign(story, first, sold.TRUNK, day=story.back(1))
    emergency = "redbrick-contact-centres"
    story.on(
        story.back(3),
        Assign(f"{emergency}/{sold.EMERGENCY}", sold.EMERGENCY, emergency, story.back(75), quantity=110),
    )
    ahead = timedelta(days=11)
    for key, package, start, quantity in (
        ("yarrow-recruitment", sold.RECORDING, story.today, 15),
        ("hafenkontor-reederei", sold.TRANSCRIPTION, story.today, 6),
        ("wren-daughters-builders", sold.SUPPORT, story.today + ahead, 1),
        ("oakhurst-veterinary-group", sold.RECORDING, story.today + ahead, 16),
    ):
        story.on(story.back(2), Assign(f"{key}/{package}/new", package, key, start, quantity))
    story.last_evening.append(
        Assign("sawtooth-outfitters/new", sold.PHONE, "sawtooth-outfitters", story.today, quantity=2)
    )
