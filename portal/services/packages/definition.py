"""What a package is, as somebody defines it: the values of its form, and the rules they keep."""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from portal.domain.commitment import MINIMUM_DAYS_MAX
from portal.domain.currencies import CURRENCIES
from portal.domain.errors import Invalid
from portal.domain.money import PRICE_DECIMALS, PRICE_MAX, minor_unit, round_half_up, to_micros
from portal.domain.names import NAME_TOO_LONG, is_key_too_long, name_key, written
from portal.domain.schedule import MATCH_MAX, Frequency, Schedule, make_schedule
from portal.domain.terms import PackageType, Prices, Proration
from portal.models import Package
from portal.services.calls import destinations

ZERO = Decimal(0)
NAME_LONGEST = 120
DESCRIPTION_LONGEST = 2000
CURRENCIES_MOST = 20
PRICE_LABELS = {
    "cost": "Cost",
    "retail": "Retail",
    "setup_cost": "Setup Cost",
    "setup_retail": "Setup Retail",
}


@dataclass(frozen=True, slots=True)
class PriceSet:
    """The four prices in one currency."""

    currency: str
    cost: Decimal = ZERO
    retail: Decimal = ZERO
    setup_cost: Decimal = ZERO
    setup_retail: Decimal = ZERO

    def in_micros(self) -> Prices:
        """The prices as the engine takes them."""
        return Prices(*(to_micros(getattr(self, name)) for name in PRICE_LABELS))


@dataclass(frozen=True, slots=True)
class Definition:
    """Everything that a package is. `proration` is None while nobody has chosen."""

    name: str
    prices: tuple[PriceSet, ...]
    frequency: Frequency = Frequency.NONE
    frequency_match: tuple[int, ...] = ()
    connexcs_package_id: int | None = None
    description: str = ""
    minimum_days: int = 0
    type: PackageType = PackageType.STANDARD
    destination: str = ""
    minimum_spend: bool = False
    proration: Proration | None = None

    @property
    def recurs(self) -> bool:
        """Whether there is a frequency at all."""
        return self.frequency != Frequency.NONE

    @property
    def schedule(self) -> Schedule:
        """Frequency and match days as the engine takes them. Invalid for days that cannot be."""
        return make_schedule(self.frequency, self.frequency_match)

    def price_in(self, currency: str) -> PriceSet | None:
        """The prices in a currency; None where the package is not sold in it."""
        return next((prices for prices in self.prices if prices.currency == currency), None)


def tidied(definition: Definition) -> Definition:
    """The same without what does not apply: match days of a daily package, Destination of a standard one."""
    match = definition.frequency_match if definition.frequency in MATCH_MAX else ()
    return replace(
        definition,
        name=written(definition.name),
        description=definition.description.strip(),
        frequency_match=tuple(sorted(set(match))),
        destination=definition.destination.strip() if definition.type == PackageType.FREE_MINUTES else "",
        proration=definition.proration if definition.recurs else Proration.NONE,
    )


def definition_of(package: Package, day: date) -> Definition:
    """What is stored of a package, with the terms that hold on `day`."""
    schedule = package.schedule_on(day)
    held = [package.price_on(currency, day) for currency in package.currencies]
    return Definition(
        name=package.name,
        prices=tuple(
            PriceSet(p.currency, p.cost, p.retail, p.setup_cost, p.setup_retail)
            for p in held
            if p is not None
        ),
        frequency=schedule.frequency,
        frequency_match=schedule.frequency_match,
        connexcs_package_id=package.connexcs_package_id,
        description=package.description,
        minimum_days=package.minimum_days,
        type=package.type,
        destination=package.destination,
        minimum_spend=package.minimum_spend,
        proration=package.proration if package.recurs else None,
    )


def problems(definition: Definition) -> list[Invalid]:
    """Every rule that a definition breaks, each at its field; a price's field is called `prices-0-retail`."""
    found = [
        *_text_problems(definition),
        *_schedule_problems(definition),
        *_kind_problems(definition),
    ]
    for index, prices in enumerate(definition.prices):
        found.extend(_price_problems(prices, f"prices-{index}-"))
    return found + _currency_problems(definition)


def check(definition: Definition) -> None:
    """Raise the first rule that a definition breaks."""
    for problem in problems(definition):
        raise problem


def _text_problems(definition: Definition) -> list[Invalid]:
    found = []
    if not name_key(definition.name):
        found.append(Invalid("name", "Give the package a name."))
    elif len(definition.name) > NAME_LONGEST:
        found.append(Invalid("name", f"A name can have {NAME_LONGEST} characters at most."))
    elif is_key_too_long(definition.name):
        found.append(Invalid("name", NAME_TOO_LONG))
    if len(definition.description) > DESCRIPTION_LONGEST:
        found.append(
            Invalid("description", f"A description can have {DESCRIPTION_LONGEST:,} characters at most.")
        )
    if not 0 <= definition.minimum_days <= MINIMUM_DAYS_MAX:
        found.append(Invalid("minimum_days", f"Minimum Days must be 0 to {MINIMUM_DAYS_MAX:,}."))
    return found


def _schedule_problems(definition: Definition) -> list[Invalid]:
    found = []
    try:
        make_schedule(definition.frequency, definition.frequency_match)
    except Invalid as problem:
        found.append(problem)
    if definition.recurs and definition.proration is None:
        found.append(Invalid("proration", "Choose how partial periods are charged: by days, or not at all."))
    return found


def _kind_problems(definition: Definition) -> list[Invalid]:
    found = []
    free_minutes = definition.type == PackageType.FREE_MINUTES
    if definition.minimum_spend and free_minutes:
        sentence = "A free minutes package cannot have a Minimum Spend: untick this, or choose Standard."
        found.append(Invalid("minimum_spend", sentence))
    elif definition.minimum_spend and not definition.recurs:
        sentence = "A minimum spend is measured over a billing period: choose a Frequency, or untick this."
        found.append(Invalid("minimum_spend", sentence))
    if free_minutes:
        try:
            destinations.compiled(definition.destination)
        except Invalid as problem:
            found.append(problem)
    return found


def _price_problems(prices: PriceSet, prefix: str) -> list[Invalid]:
    found = []
    for name, label in PRICE_LABELS.items():
        price: Decimal = getattr(prices, name)
        if not 0 <= price <= PRICE_MAX:
            found.append(Invalid(prefix + name, f"{label} must be 0 to {PRICE_MAX:,}."))
        elif price != round(price, PRICE_DECIMALS):
            found.append(Invalid(prefix + name, f"{label} can have {PRICE_DECIMALS} decimals at most."))
    return found


def _currency_problems(definition: Definition) -> list[Invalid]:
    found, seen = [], set()
    if not definition.prices:
        found.append(Invalid("prices", "A package must be sold in at least one currency."))
    if len(definition.prices) > CURRENCIES_MOST:
        found.append(Invalid("prices", f"A package can be sold in {CURRENCIES_MOST} currencies at most."))
    for index, prices in enumerate(definition.prices):
        name = f"prices-{index}-currency"
        if prices.currency not in CURRENCIES:
            found.append(Invalid(name, "Choose a currency."))
        elif prices.currency in seen:
            found.append(
                Invalid(name, f"{prices.currency} appears twice: enter one set of prices for each currency.")
            )
        seen.add(prices.currency)
    return found


def rounds_to_nothing(price: Decimal, currency: str) -> bool:
    """Whether a price that is more than nothing comes to nothing for one unit, in its currency."""
    return price > 0 and round_half_up(to_micros(price), 1, minor_unit(currency)) == 0
