"""What each customer has: seats, trunks, numbers, and what their trade asks for."""

from datetime import timedelta
from decimal import Decimal

from portal.services.demo import catalogue as sold
from portal.services.demo.people import Person
from portal.services.demo.story import Story, assign
from portal.services.packages.definition import NO_OWN, OwnPriceSet

# What a seat costs a charity, in their currency.
CHARITY_SEAT = OwnPriceSet(retail=Decimal("5.90"))


def assign_all(story: Story, person: Person) -> None:
    """Assign to a customer all that they take when they join."""
    _assign_first(story, person)
    _assign_dids(story, person)
    _assign_by_trait(story, person)


def _assign_first(story: Story, person: Person) -> None:
    """What everybody has: seats; a larger one trunks and support; a newcomer phones."""
    random, currency = story.random, person.currency
    own = CHARITY_SEAT if person.trait == "charity" else NO_OWN
    assign(story, person, sold.SEAT, quantity=person.seats, own=own)
    if person.seats >= 15 and currency in ("GBP", "EUR", "USD", "JPY"):
        assign(story, person, sold.TRUNK, quantity=1 + person.seats // 40)
    if person.seats >= 20 and currency in ("GBP", "EUR", "USD", "CHF"):
        assign(story, person, sold.SUPPORT)
    if person.trait == "new" and currency in ("GBP", "EUR", "USD"):
        assign(story, person, sold.PHONE, quantity=person.seats)
        assign(story, person, sold.PORTING, quantity=len(story.dids[person.key]))
    if currency == "GBP" and random.random() < 0.5:
        assign(story, person, sold.UK_MINUTES, minutes=500, quantity=1 + person.seats // 30)
    if 5 <= person.seats <= 14 and currency in ("GBP", "EUR") and random.random() < 0.35:
        assign(story, person, sold.ROUTER)


def _assign_dids(story: Story, person: Person) -> None:
    """A package on each number; some numbers came later."""
    for number in story.dids[person.key]:
        start = story.joined[person.key] + timedelta(days=story.random.randint(0, 45))
        if story.random.random() < 0.12:
            start = story.begin + timedelta(days=story.random.randint(3, 170))
        start = min(max(start, story.joined[person.key]), story.last)
        lock = 90 if start >= story.begin and story.random.random() < 0.5 else None
        assign(
            story,
            person,
            package_for(number, person.currency),
            day=start,
            suffix=number,
            did=number,
            minimum_days=lock,
        )


def package_for(number: str, currency: str) -> str:
    """The package that a number is sold as."""
    if number.startswith("+44"):
        return sold.UK_DID
    if number.startswith(("+1800", "+1888")):
        return sold.TOLL_FREE
    return sold.US_DID if number.startswith("+1") else sold.EU_DID


def _assign_by_trait(story: Story, person: Person) -> None:
    """What sort of customer they are."""
    dids = story.dids[person.key]
    match person.trait:
        case "recording":
            assign(story, person, sold.RECORDING, quantity=person.seats)
            if person.seats >= 12:
                assign(story, person, sold.TRANSCRIPTION, quantity=person.seats // 2)
            if person.currency != "EUR":
                assign(story, person, sold.STORAGE, quantity=2)
        case "spender" | "first":
            assign(story, person, sold.COMMITMENT)
            if person.currency in ("GBP", "USD"):
                assign(story, person, sold.DID_COMMITMENT, did=dids[0])
        case "dialler":
            assign(story, person, sold.TPS)
            assign(story, person, sold.SPAM)
        case "emergency":
            assign(story, person, sold.EMERGENCY, quantity=person.seats)
        case "isdn":
            assign(story, person, sold.ISDN)
        case "router":
            assign(story, person, sold.ROUTER, suffix="/2")
        case "speech" | "charity":
            assign(story, person, sold.SPEECH, quantity=person.seats // 2)
        case "world":
            assign(story, person, sold.WORLD_MINUTES, minutes=600)
        case "fax":
            assign(story, person, sold.FAX, did=dids[-1])
