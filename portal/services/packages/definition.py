"""What a package is, as somebody defines it: the values of its form, and the rules they keep.

A field of a package is told once, at its line of `Definition`. From there the form, the details, the refusals, the
audit log and the scenarios take its name, its label, its words and what may become of it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, fields, replace
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, get_type_hints

from portal.domain.commitment import MINIMUM_DAYS_MAX
from portal.domain.currencies import CURRENCIES
from portal.domain.errors import Invalid
from portal.domain.money import PRICE_DECIMALS, PRICE_MAX, minor_unit, round_half_up, to_micros
from portal.domain.names import NAME_TOO_LONG, is_key_too_long, name_key, written
from portal.domain.schedule import MATCH_MAX, Frequency, Schedule, make_schedule
from portal.domain.terms import OwnPrices, PackageType, Prices, Proration
from portal.domain.wording import price_in, whole
from portal.models import AssignmentPrice, Package
from portal.services.calls import destinations
from portal.services.packages.connexcs import connexcs_choices

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
FREQUENCIES = {
    Frequency.NONE: "None (charged once)",
    Frequency.DAILY: "Daily",
    Frequency.WEEKLY: "Weekly",
    Frequency.MONTHLY: "Monthly",
    Frequency.QUARTERLY: "Quarterly",
    Frequency.YEARLY: "Yearly",
}
TYPES = {PackageType.STANDARD: "Standard", PackageType.FREE_MINUTES: "Free minutes"}
PRORATIONS = {Proration.DAILY: "By days", Proration.NONE: "Not charged"}


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
class OwnPriceSet:
    """Which of the four prices are an assignment's own, in its customer's currency; None is the package's."""

    cost: Decimal | None = None
    retail: Decimal | None = None
    setup_cost: Decimal | None = None
    setup_retail: Decimal | None = None

    @property
    def given(self) -> dict[str, Decimal]:
        """Those that are its own."""
        return {name: price for name in PRICE_LABELS if (price := getattr(self, name)) is not None}

    def in_micros(self) -> OwnPrices:
        """The prices as the engine takes them."""
        return OwnPrices(**{name: to_micros(price) for name, price in self.given.items()})

    def over(self, prices: PriceSet) -> PriceSet:
        """A package's prices with these in their place."""
        mine = {name: self.given.get(name, getattr(prices, name)) for name in PRICE_LABELS}
        return PriceSet(prices.currency, **mine)


NO_OWN = OwnPriceSet()


def own_set(row: AssignmentPrice | None) -> OwnPriceSet:
    """A stored row of own prices."""
    return OwnPriceSet(*(getattr(row, name) for name in PRICE_LABELS)) if row else NO_OWN


@dataclass(frozen=True, slots=True)
class PackageField:
    """What there is to say of a field of a package, wherever it is said.

    A dated field holds from a day on, and so stands in the package's schedules. Of the others, which hold at once,
    nobody may change a fixed one once the package was assigned (billing-rules 6).
    """

    label: str
    words: Callable[[Any], str] = lambda value: str(value or "none")
    is_fixed: bool = False
    is_dated: bool = False
    # Of a text: how many characters it has at most.
    longest: int = 0
    # Whether a package that is so defined has the field at all.
    applies: Callable[["Definition"], bool] = lambda _: True
    # What it is called in forms and files, where that is not the name of the column.
    input: str = ""
    name: str = ""


def _days(count: int) -> str:
    return f"{whole(count)} day{'' if count == 1 else 's'}" if count else "none"


def _connexcs_package(id: int | None) -> str:
    return dict(connexcs_choices()).get(id or 0, "none")


@dataclass(frozen=True, slots=True)
class Definition:
    """Everything that a package is. `proration` is None while nobody has chosen."""

    name: Annotated[str, PackageField("Name", longest=NAME_LONGEST)]
    prices: tuple[PriceSet, ...]
    frequency: Annotated[Frequency, PackageField("Frequency", lambda it: FREQUENCIES[it], is_dated=True)] = (
        Frequency.NONE
    )
    frequency_match: Annotated[
        tuple[int, ...],
        PackageField(
            "Frequency Match",
            lambda days: ", ".join(map(str, days)) or "none",
            is_dated=True,
            applies=lambda definition: definition.frequency in MATCH_MAX,
        ),
    ] = ()
    connexcs_package_id: Annotated[
        int | None,
        PackageField("ConnexCS Package", _connexcs_package, is_fixed=True, input="connexcs_package"),
    ] = None
    description: Annotated[str, PackageField("Description", longest=DESCRIPTION_LONGEST)] = ""
    minimum_days: Annotated[int, PackageField("Minimum Days", _days)] = 0
    type: Annotated[PackageType, PackageField("Type", lambda it: TYPES[it], is_fixed=True)] = (
        PackageType.STANDARD
    )
    destination: Annotated[
        str,
        PackageField(
            "Destination",
            lambda pattern: pattern or "every number",
            longest=destinations.LONGEST,
            applies=lambda definition: definition.type == PackageType.FREE_MINUTES,
        ),
    ] = ""
    minimum_spend: Annotated[
        bool,
        PackageField(
            "Minimum Spend",
            lambda it: "yes, retail is the minimum to be spent on calls in a period" if it else "no",
            is_fixed=True,
        ),
    ] = False
    proration: Annotated[
        Proration | None,
        PackageField(
            "Partial Periods",
            lambda it: PRORATIONS[it] if it else "none",
            is_fixed=True,
            applies=lambda definition: definition.recurs,
        ),
    ] = None

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


def _told(name: str, hint: Any) -> PackageField | None:
    """What the line of a definition says of its field; None for the prices, which are told by PRICE_LABELS."""
    found = next((it for it in getattr(hint, "__metadata__", ()) if isinstance(it, PackageField)), None)
    return replace(found, name=name, input=found.input or name) if found else None


FIELDS = {
    name: field
    for name, hint in get_type_hints(Definition, include_extras=True).items()
    if (field := _told(name, hint))
}
DATED = tuple(name for name, field in FIELDS.items() if field.is_dated)
FIXED = tuple(name for name, field in FIELDS.items() if field.is_fixed)
# What may always be changed, and holds at once.
DESCRIBED = tuple(name for name in FIELDS if name not in DATED + FIXED)
# What a field is where nothing is said of it.
DEFAULTS: dict[str, Any] = {
    field.name: "" if field.default is MISSING else field.default
    for field in fields(Definition)
    if field.name in FIELDS
}


def labelled(definition: Definition, names: Iterable[str]) -> list[tuple[str, str]]:
    """Label and words of each of these fields that the package has."""
    return [
        (field.label, field.words(getattr(definition, name)))
        for name in names
        if (field := FIELDS[name]).applies(definition)
    ]


def tidied(definition: Definition) -> Definition:
    """The same without what does not apply: match days of a daily package, Destination of a standard one."""
    match = definition.frequency_match if definition.frequency in MATCH_MAX else ()
    texts: dict[str, Any] = {
        name: getattr(definition, name).strip() for name, field in FIELDS.items() if field.longest
    }
    return replace(
        replace(definition, **texts),
        name=written(definition.name),
        frequency_match=tuple(sorted(set(match))),
        destination=definition.destination.strip() if definition.type == PackageType.FREE_MINUTES else "",
        proration=definition.proration if definition.recurs else Proration.NONE,
    )


def definition_of(package: Package, day: date) -> Definition:
    """What is stored of a package, with the terms that hold on `day`."""
    schedule = package.schedule_on(day)
    held = [package.price_on(currency, day) for currency in package.currencies]
    stored: dict[str, Any] = {
        name: getattr(schedule if name in DATED else package, name) for name in FIELDS if name != "proration"
    }
    return Definition(
        prices=tuple(
            PriceSet(p.currency, **{name: getattr(p, name) for name in PRICE_LABELS})
            for p in held
            if p is not None
        ),
        proration=package.proration if package.recurs else None,
        **stored,
    )


def problems(definition: Definition) -> list[Invalid]:
    """Every rule that a definition breaks, each at its field; a price's field is called `prices-0-retail`."""
    found = [
        *_text_problems(definition),
        *_schedule_problems(definition),
        *_kind_problems(definition),
    ]
    for index, prices in enumerate(definition.prices):
        four = {name: getattr(prices, name) for name in PRICE_LABELS}
        found.extend(price_problems(four, f"prices-{index}-"))
    return found + _currency_problems(definition)


def check(definition: Definition) -> None:
    """Raise the first rule that a definition breaks."""
    for problem in problems(definition):
        raise problem


def _text_problems(definition: Definition) -> list[Invalid]:
    found = []
    if not name_key(definition.name):
        found.append(Invalid("name", "Give the package a name."))
    elif is_key_too_long(definition.name):
        found.append(Invalid("name", NAME_TOO_LONG))
    for name, field in FIELDS.items():
        if field.longest and len(getattr(definition, name)) > field.longest:
            found.append(
                Invalid(field.input, f"{field.label} can have {whole(field.longest)} characters at most.")
            )
    if not 0 <= definition.minimum_days <= MINIMUM_DAYS_MAX:
        found.append(Invalid("minimum_days", f"Minimum Days must be 0 to {whole(MINIMUM_DAYS_MAX)}."))
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


def price_problems(prices: Mapping[str, Decimal | None], prefix: str = "") -> list[Invalid]:
    """What is wrong with prices, by their names; None is no price."""
    found = []
    for name, price in prices.items():
        label = PRICE_LABELS[name]
        if price is None:
            continue
        if not 0 <= price <= PRICE_MAX:
            found.append(Invalid(prefix + name, f"{label} must be 0 to {whole(PRICE_MAX)}."))
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


def that_round_to_nothing(prices: Mapping[str, Decimal], currency: str) -> list[str]:
    """Of prices by their names: those that round to nothing in a currency, each in a sentence."""
    return [
        f"{PRICE_LABELS[name]} {price_in(price, currency)} rounds to zero: one unit is charged 0 {currency}."
        for name, price in prices.items()
        if rounds_to_nothing(price, currency)
    ]
