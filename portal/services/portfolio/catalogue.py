"""What the portfolio's provider sells: each thing in three sizes, in five currencies, some of it at changed terms.

Few packages beside the rest, so they go through the services that the pages ask.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from portal.domain.schedule import Frequency
from portal.domain.terms import PackageType, Proration
from portal.extensions import db
from portal.models import Package
from portal.services.deletion import archive_package
from portal.services.packages import changes
from portal.services.packages.catalogue import create_package
from portal.services.packages.connexcs import connexcs_choices, seed_connexcs_packages
from portal.services.packages.definition import Definition, PriceSet, definition_of

BY_DAYS, WHOLE = Proration.DAILY, Proration.NONE
DAILY, WEEKLY, MONTHLY = Frequency.DAILY, Frequency.WEEKLY, Frequency.MONTHLY
QUARTERLY, YEARLY, ONCE = Frequency.QUARTERLY, Frequency.YEARLY, Frequency.NONE

# What a pound is in each currency, and the decimals of its prices.
CURRENCIES = {"GBP": ("1", 4), "EUR": ("1.16", 4), "USD": ("1.27", 4), "JPY": ("190", 2), "KWD": ("0.39", 5)}
# Name, how much dearer, and how many of ten have it.
SIZES = (("", "1", 6), (" Plus", "1.6", 3), (" Premium", "2.4", 1))


@dataclass(frozen=True, slots=True)
class Item:
    """A thing that is sold. `share`: how often it is taken, of those on a DID or of those on none.

    Prices are those of the smallest size in pounds: cost, retail, setup cost, setup retail.
    """

    name: str
    share: int
    frequency: Frequency
    prices: str
    match: tuple[int, ...] = ()
    proration: Proration = WHOLE
    on_did: bool = False
    minimum_days: int = 0
    minimum_spend: bool = False
    destination: str | None = None
    connexcs: str = ""
    units_most: int = 1

    def definition(self, size: int, connexcs_package_id: int | None) -> Definition:
        """One of its sizes, as the form would say it."""
        name, factor, _ = SIZES[size]
        return Definition(
            name=f"{self.name}{name}",
            description=f"{self.name}, as it is sold since the company began.",
            prices=tuple(self._in(currency, Decimal(factor)) for currency in CURRENCIES),
            frequency=self.frequency,
            frequency_match=self.match,
            connexcs_package_id=connexcs_package_id,
            minimum_days=self.minimum_days,
            type=PackageType.STANDARD if self.destination is None else PackageType.FREE_MINUTES,
            destination=self.destination or "",
            minimum_spend=self.minimum_spend,
            proration=None if self.frequency == ONCE else self.proration,
        )

    def _in(self, currency: str, factor: Decimal) -> PriceSet:
        rate, decimals = CURRENCIES[currency]
        four = (round(Decimal(price) * Decimal(rate) * factor, decimals) for price in self.prices.split())
        return PriceSet(currency, *four)


ITEMS = (
    Item("Local Number", 260, MONTHLY, "0.32 1.20 0 0.50", on_did=True),
    Item("Toll-Free Number", 90, MONTHLY, "0.90 2.50 0 0", match=(1,), proration=BY_DAYS, on_did=True),
    Item("Mobile Number", 30, MONTHLY, "0.60 1.75 0 0", match=(15, 31), on_did=True),
    Item("National Number", 60, QUARTERLY, "1.10 3.30 0 0", on_did=True),
    Item("Golden Number", 30, YEARLY, "18 60 5 12", proration=BY_DAYS, on_did=True, minimum_days=365),
    Item("Fax to E-mail", 40, MONTHLY, "1.40 4 0 0", match=(28,), proration=BY_DAYS, on_did=True, minimum_days=30),
    Item("Number Recording", 50, MONTHLY, "0.80 2.20 0 0", match=(10, 20, 30), on_did=True, connexcs="Call Recording"),
    Item("Emergency Address", 20, DAILY, "0.011 0.035 0 0", on_did=True),
    Item("Number Commitment", 25, MONTHLY, "0 12 0 0", match=(1,), minimum_spend=True, on_did=True),
    Item("Number Porting", 10, ONCE, "8 15 0 0", on_did=True),
    Item("Hosted Seat", 180, MONTHLY, "3.10 7.50 0 5", match=(1,), proration=BY_DAYS, units_most=50,
         connexcs="ConnexCS Converse"),
    Item("SIP Trunk", 70, MONTHLY, "9.80 24.50 5 25", match=(15, 31), minimum_days=60, units_most=6),
    Item("Voicemail", 20, WEEKLY, "0.10 0.35 0 0", units_most=20),
    Item("Spam Filter", 25, WEEKLY, "0.90 2.10 0 0", match=(1, 4), proration=BY_DAYS, connexcs="Spam Scout"),
    Item("Router Rental", 30, QUARTERLY, "15.60 42 18 35", proration=BY_DAYS, minimum_days=365, units_most=3),
    Item("Support", 25, YEARLY, "120 360 0 0", proration=BY_DAYS),
    Item("Commitment", 20, MONTHLY, "0 150 0 0", proration=BY_DAYS, minimum_spend=True),
    Item("UK Minutes", 30, MONTHLY, "2.40 6 0 0", match=(1,), proration=BY_DAYS, destination="^44", units_most=4),
    Item("World Minutes", 15, WEEKLY, "1.70 4 0 0", match=(1,), destination="^1|^33|^49|^44"),
    Item("Desk Phone", 20, ONCE, "62 89 6.50 9.90", units_most=25),
)  # fmt: skip

OFF_SALE = ("Voicemail Premium", "Fax to E-mail Premium")
OTHER_DAYS = {"Spam Filter Plus": (2, 5), "Mobile Number Premium": (1, 16)}


@dataclass(frozen=True, slots=True)
class Sold:
    """A package that is in the database, and the thing that it is a size of."""

    id: int
    item: Item
    share: int
    definition: Definition


def put_on_sale(since: date) -> list[Sold]:
    """Make the packages: put on sale three years before `since`; a third dearer since, two charged on other days."""
    begun = since - timedelta(days=3 * 365)
    seed_connexcs_packages()
    services = {name: id for id, name in connexcs_choices()}
    sold = []
    for number, (item, size) in enumerate((item, size) for item in ITEMS for size in range(len(SIZES))):
        definition = item.definition(size, services.get(item.connexcs))
        package = create_package(definition, token=f"portfolio-{number}", now=at(begun))
        _change(package, number, since)
        sold.append(Sold(package.id, item, item.share * SIZES[size][2], definition_of(package, since)))
    return sold


def take_off_sale(sold: Sequence[Sold], since: date) -> None:
    """Archive what is no longer sold: who has it keeps it."""
    for one in sold:
        if one.definition.name in OFF_SALE:
            archive_package(db.session.get_one(Package, one.id), since - timedelta(days=100))
    db.session.flush()


def _change(package: Package, number: int, since: date) -> None:
    """What became of its terms: dearer last year, dearer soon, charged on other days soon."""
    for turn, day in ((0, since - timedelta(days=200)), (1, since + timedelta(days=40))):
        if number % 3 == turn:
            definition = definition_of(package, day)
            dearer = (
                replace(price, retail=round(price.retail * Decimal("1.08"), 4)) for price in definition.prices
            )
            _make_change(package, replace(definition, prices=tuple(dearer)), day)
    if package.name in OTHER_DAYS:
        day = since + timedelta(days=20)
        _make_change(
            package, replace(definition_of(package, day), frequency_match=OTHER_DAYS[package.name]), day
        )


def _make_change(package: Package, definition: Definition, effective_from: date) -> None:
    today = effective_from - timedelta(days=30)
    changes.make_change(changes.plan_change(package, definition, effective_from, today))


def at(day: date) -> datetime:
    """The time of a day at which the portfolio's people work."""
    return datetime.combine(day, time(9, 30), UTC)


def on_a_did(sold: Sequence[Sold], on_did: bool) -> list[Sold]:
    """Those that are assigned to a DID, or those that are not."""
    return [one for one in sold if one.item.on_did == on_did]
