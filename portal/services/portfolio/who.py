"""Who is a customer of the portfolio, with which DIDs and assignments: told one after the other, the same each time.

The provider has worked for three years by `since` and charges with the portal from that day on: what began before
is charged from its first charge date on or after it, so that nobody is due sooner and nobody is charged twice.
Customers, DIDs and assignments are numbered from 1.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import accumulate, islice
from random import Random
from typing import NamedTuple

from portal.domain.commitment import earliest_last_day, locked_until
from portal.domain.party import Party
from portal.domain.schedule import Frequency, on_or_after, rhythm
from portal.domain.terms import PackageType
from portal.services.customers.customers import CustomerFields
from portal.services.demo.people import STREETS, registration_number, vat_ids
from portal.services.portfolio.catalogue import Sold, on_a_did

SEED = 1891  # the year of the first dial
YEARS = 3
VAT_IDS = 100  # of a country: several customers have the same
# One customer has a twentieth of all assignments, ten a hundredth each, a hundred a thousandth each: three quarters are
# left to all the others, who have a few each.
LARGE = ((1, 20), (10, 100), (100, 1000))
SMALL = (1, 1, 1, 2, 2, 3, 4, 5, 8, 12)
LARGE_FROM = 100  # assignments
# Where they are, how many of a hundred, their currency, tax rates, towns.
PLACES = (
    ("GB", 45, "GBP", ("20", "0"), ("Bristol", "Leeds", "Aberdeen", "Swansea", "Norwich", "Lisburn")),
    ("DE", 8, "EUR", ("19", "0"), ("Köln", "Münster", "Dresden", "Görlitz")),
    ("FR", 6, "EUR", ("20", "10"), ("Besançon", "Nîmes", "Lyon", "Orléans")),
    ("ES", 4, "EUR", ("21", "10"), ("Málaga", "Gijón", "Madrid")),
    ("NL", 4, "EUR", ("21", "0"), ("Utrecht", "Delft", "Breda")),
    ("IE", 3, "EUR", ("23", "13.5"), ("Cork", "Sligo", "Galway")),
    ("US", 20, "USD", ("0", "7.25"), ("Duluth", "Tucson", "Albany", "Fresno", "Baton Rouge")),
    ("JP", 6, "JPY", ("10", "8"), ("Sendai", "Kōbe", "Ōsaka")),
    ("KW", 4, "KWD", ("0", "5"), ("Kuwait City", "Hawalli")),
)
# Where the numbers of a country begin, and how many digits follow: in turn, each to its end.
BLOCKS = {
    "GB": (("+44203", 7), ("+441614", 6), ("+441212", 6)),
    "DE": (("+49302", 7), ("+49892", 7)),
    "FR": (("+3314", 7), ("+3347", 7)),
    "ES": (("+34911", 6), ("+34931", 6)),
    "NL": (("+31207", 6), ("+31107", 6)),
    "IE": (("+35315", 6), ("+35314", 6)),
    "US": (("+12125", 6), ("+13125", 6), ("+14155", 6)),
    "JP": (("+8134", 7), ("+8135", 7)),
    "KW": (("+96522", 6), ("+96523", 6)),
}
NAMES = (
    "Harbour", "Müller", "Northgate", "Zoë", "Ashgrove", "Peñalver", "Lindqvist", "Sakura", "Brightwater", "Łukasz",
    "Castleford", "Aoife", "Redwood", "Al-Salem", "Delacroix", "Van Dijk", "Östberg", "Kestrel", "桜", "Çelik",
    "O’Hara", "Granite", "Silverbirch", "Björnsson",
)  # fmt: skip
TRADES = (
    "Logistics", "Bakery", "Dental", "Hotels", "Legal", "Motors", "Clinic", "Schools", "Foods", "Travel", "Printing",
    "Insurance", "Security", "Garden Centre", "Couriers", "Studios", "Contact Centre", "Recruitment", "Telecom",
    "Housing", "Pharmacy", "Engineering", "Records", "Farms",
)  # fmt: skip
PAYMENT_DAYS = (None,) * 8 + (7, 30, 60)


class Person(NamedTuple):
    """A customer. One that is archived has nothing."""

    number: int
    fields: CustomerFields
    tax_rate: Decimal
    later_rate: tuple[date, Decimal] | None
    created_on: date
    archived_on: date | None


class Number(NamedTuple):
    """A DID: taken in on a day for a customer (None: in stock), and returned to stock on another."""

    number: int
    e164: str
    country: str
    customer: int | None
    taken_in_on: date
    returned_on: date | None = None


class Given(NamedTuple):
    """An assignment of a package to a customer or to a DID of theirs. What is later is effective from a day on."""

    number: int
    sold: Sold
    customer: int
    did: int | None
    made_on: date
    start_date: date
    end_date: date | None
    charge_from: date | None
    minutes: int | None
    minimum_days: int
    quantity: int
    later_quantity: tuple[date, int] | None
    retail: Decimal | None
    later_retail: tuple[date, Decimal | None] | None
    auto_decrement_credit: bool

    @property
    def locked_until(self) -> date | None:
        """The day on which the lock falls away."""
        return locked_until(self.start_date, self.minimum_days)

    @property
    def begins(self) -> date:
        """The first day on which anything of it can fall due."""
        return self.charge_from or self.start_date


def tell(assignments: int, since: date, sold: Sequence[Sold]) -> Iterator[Person | Number | Given]:
    """So many assignments, each after its customer and its DID."""
    return _Telling(since, sold).tell(assignments)


def sizes(assignments: int, random: Random) -> list[int]:
    """How many assignments each customer has, all of them together `assignments`; 0 is a customer without."""
    found = [size for count, part in LARGE if (size := assignments // part) for _ in range(count)]
    left = assignments - sum(found)
    while left > 0:
        found.append(min(SMALL[len(found) % len(SMALL)], left))
        left -= found[-1]
    found += [0] * (len(found) // 25 + 1)
    random.shuffle(found)
    return found


class _Telling:
    """What was told so far, as far as the rest depends on it."""

    def __init__(self, since: date, sold: Sequence[Sold]) -> None:
        self.since, self.random = since, Random(SEED)
        self.on_did, self.on_none = (self._shares(on_a_did(sold, on)) for on in (True, False))
        self.places = list(accumulate(place[1] for place in PLACES))
        self.vat_ids = {place[0]: [*islice(vat_ids(place[0]), VAT_IDS)] or [""] for place in PLACES}
        self.dids = self.assignments = 0
        self.used = dict.fromkeys(BLOCKS, 0)

    @staticmethod
    def _shares(sold: Sequence[Sold]) -> tuple[Sequence[Sold], list[int]]:
        return sold, list(accumulate(one.share for one in sold))

    def tell(self, assignments: int) -> Iterator[Person | Number | Given]:
        for number, size in enumerate(sizes(assignments, self.random), 1):
            place = self.random.choices(PLACES, cum_weights=self.places)[0]
            person = self._person(number, size, place)
            yield person
            if not person.archived_on:
                yield from self._all_of(person, size, place[0])

    def _person(
        self, number: int, size: int, place: tuple[str, int, str, tuple[str, str], tuple[str, ...]]
    ) -> Person:
        random = self.random
        country, _, currency, rates, towns = place
        created_on = self.since - timedelta(days=random.randint(1, YEARS * 365))
        town = random.choice(towns)
        street = random.choice(STREETS[country]).format(n=random.randint(1, 98))
        party = Party(street=street, city=town, country=country)
        if random.random() < 0.7:
            vat_id = random.choice(self.vat_ids[country])
            registered = registration_number(country, random.randint(10_000_000, 99_999_999), vat_id)
            party = replace(party, vat_id=vat_id, registration_number=registered)
        codes = tuple(f"LV-{number}-{n}" for n in range(random.choice((0, 0, 0, 0, 0, 0, 1, 1, 1, 2))))
        fields = CustomerFields(
            name=f"{random.choice(NAMES)} {random.choice(TRADES)} {town}",
            currency=currency,
            email=f"accounts@customer-{number}.example" if random.random() < 0.9 else "",
            party=party,
            debit_limit=Decimal(random.choice((0, 0, 0, 100, 500, 5000))),
            account_codes=codes,
            payment_days=random.choice(PAYMENT_DAYS),
        )
        rate, other = map(Decimal, rates if random.random() < 0.9 else reversed(rates))
        later = (
            (created_on + timedelta(days=random.randint(30, 900)), other) if random.random() < 0.08 else None
        )
        archived_on = self._day(created_on, self.since) if not size and number % 2 else None
        return Person(number, fields, rate, later, created_on, archived_on)

    def _all_of(self, person: Person, size: int, country: str) -> Iterator[Number | Given]:
        """A customer's DIDs and assignments; a large one has mostly DIDs."""
        random, did = self.random, None
        prepaid = size <= max(SMALL) and random.random() < 0.13
        for _ in range(size):
            on_did = random.random() < (0.9 if size >= LARGE_FROM else 0.55)
            if on_did and (did is None or random.random() < 0.85):
                did = self._number(country, person)
                yield did
            yield self._given(person, did.number if on_did and did else None, prepaid)
        later = person.created_on + timedelta(days=1)
        if (
            later < self.since and random.random() < 0.25
        ):  # one that they gave back, and one that waits in stock
            yield self._number(country, person)._replace(returned_on=self._day(later, self.since))
            yield self._number(country, person)._replace(customer=None)

    def _number(self, country: str, person: Person) -> Number:
        self.dids += 1
        place = self.used[country]
        self.used[country] += 1
        for begins, digits in BLOCKS[country]:
            if place < 10**digits:
                return Number(
                    self.dids,
                    f"{begins}{str(place).zfill(digits)}",
                    country,
                    person.number,
                    person.created_on,
                )
            place -= 10**digits
        raise ValueError(f"no numbers are left in {country}")

    def _given(self, person: Person, did: int | None, prepaid: bool) -> Given:
        random, since = self.random, self.since
        of, weights = self.on_none if did is None else self.on_did
        sold = random.choices(of, cum_weights=weights)[0]
        item, recurs = sold.item, sold.item.frequency != Frequency.NONE
        if recurs and random.random() < 0.97:
            start = self._day(person.created_on, since)
        else:
            start = since + timedelta(days=random.randint(0, 60))
        charge_from = None
        if start < since:
            charge_from = on_or_after(rhythm(sold.definition.schedule, start), since)
        own_lock = did and not item.minimum_days and random.random() < 0.05
        minimum_days = 90 if own_lock else item.minimum_days
        begins = charge_from or start
        end = None
        if random.random() < 0.07:
            earliest = max(begins, earliest_last_day(locked_until(start, minimum_days), start))
            end = earliest + timedelta(days=random.randint(0, 300))
        quantity = random.randint(1, item.units_most)
        later_quantity = later_retail = retail = None
        if recurs and end is None and random.random() < 0.05:
            later_quantity = self._later(start), quantity + random.randint(1, 5)
        if random.random() < 0.03:
            prices = sold.definition.price_in(person.fields.currency)
            assert prices
            retail = round(prices.retail * Decimal("0.9"), 4)
            if recurs and end is None and random.random() < 0.3:
                later_retail = self._later(start), random.choice((None, round(retail * Decimal("0.9"), 4)))
        self.assignments += 1
        return Given(
            number=self.assignments,
            sold=sold,
            customer=person.number,
            did=did,
            made_on=min(start, since - timedelta(days=1)),
            start_date=start,
            end_date=end,
            charge_from=charge_from,
            minutes=random.choice((100, 250, 500))
            if sold.definition.type == PackageType.FREE_MINUTES
            else None,
            minimum_days=minimum_days,
            quantity=quantity,
            later_quantity=later_quantity,
            retail=retail,
            later_retail=later_retail,
            auto_decrement_credit=prepaid,
        )

    def _day(self, first: date, until: date) -> date:
        """A day from `first` on, before `until`."""
        return first + timedelta(days=self.random.randrange((until - first).days))

    def _later(self, start: date) -> date:
        """A day, some while after a start date."""
        return max(start, self.since - timedelta(days=365)) + timedelta(days=self.random.randint(30, 500))
