"""What Lumen Voice sells: some twenty packages as a provider of telephony has them."""

from dataclasses import dataclass
from decimal import Decimal

from portal.domain.schedule import Frequency
from portal.domain.terms import PackageType, Proration
from portal.services.packages.definition import Definition, PriceSet

NONE, BY_DAYS = Proration.NONE, Proration.DAILY
MONTHLY, WEEKLY = Frequency.MONTHLY, Frequency.WEEKLY


@dataclass(frozen=True, slots=True)
class Item:
    """A package of the catalogue. Prices: a line for each currency, cost, retail, setup cost, setup retail."""

    name: str
    description: str
    frequency: Frequency
    prices: str
    match: tuple[int, ...] = ()
    proration: Proration | None = NONE
    minimum_days: int = 0
    connexcs: str = ""
    minimum_spend: bool = False
    destination: str | None = None

    @property
    def is_free_minutes(self) -> bool:
        """Whether it gives call minutes."""
        return self.destination is not None

    def definition(self, connexcs_package_id: int | None) -> Definition:
        """The package as its form would say it."""
        return Definition(
            name=self.name,
            description=self.description,
            prices=tuple(_prices(line) for line in self.prices.split(",")),
            frequency=self.frequency,
            frequency_match=self.match,
            connexcs_package_id=connexcs_package_id,
            minimum_days=self.minimum_days,
            type=PackageType.FREE_MINUTES if self.is_free_minutes else PackageType.STANDARD,
            destination=self.destination or "",
            minimum_spend=self.minimum_spend,
            proration=None if self.frequency == Frequency.NONE else self.proration,
        )


def _prices(line: str) -> PriceSet:
    currency, *four = line.split()
    return PriceSet(currency, *map(Decimal, four))


SEAT = "Hosted PBX Seat"
TRUNK = "SIP Trunk 10"
UK_DID, TOLL_FREE, US_DID, EU_DID = "UK Geographic DID", "US Toll-Free DID", "US Local DID", "European DID"
RECORDING, TRANSCRIPTION, TPS = "Call Recording", "Call Transcription", "UK TPS Lookup"
COMMITMENT, DID_COMMITMENT = "Commitment 150", "Number Commitment"
FAX, PHONE, ROUTER, SUPPORT = "Fax to E-mail", "Desk Phone", "Router Rental", "Support Gold"
PORTING, EMERGENCY, ISDN, SPAM, SPEECH = (
    "Number Porting", "Emergency Services", "ISDN Gateway", "Spam Scout", "Text to Speech",
)  # fmt: skip
UK_MINUTES, WORLD_MINUTES, STORAGE = "500 UK Minutes", "World Minutes Weekly", "Recording Storage"

CATALOGUE = (
    Item(
        SEAT,
        "A seat on the hosted phone system: extension, voicemail, app for desk and mobile.",
        MONTHLY,
        "GBP 3.10 7.50 0 5, EUR 3.60 8.90 0 6, USD 3.90 9.50 0 6, JPY 580 1400 0 900, KWD 1.15 2.9 0 1.5, "
        "CHF 3.40 9.20 0 6",
        match=(1,),
        proration=BY_DAYS,
        connexcs="ConnexCS Converse",
    ),
    Item(
        TRUNK,
        "A SIP trunk with ten channels, on two carriers. Charged in halves of the month.",
        MONTHLY,
        "GBP 9.80 24.50 5 25, EUR 11.20 28.00 6 29, USD 12.10 29.50 6 30, JPY 1750 4200 900 4500",
        match=(15, 31),
        minimum_days=60,
    ),
    Item(UK_DID, "A number in a British area code.", MONTHLY, "GBP 0.32 1.20, EUR 0.38 1.45, USD 0.40 1.60"),
    Item(
        US_DID,
        "A number in a North American area code.",
        MONTHLY,
        "USD 0.35 1.25, GBP 0.30 1.15, JPY 55 200, KWD 0.11 0.45",
    ),
    Item(
        TOLL_FREE,
        "A North American number that callers reach free of charge.",
        MONTHLY,
        "USD 0.85 2.75 1 5, GBP 0.70 2.40 1 4, JPY 130 420 150 750",
    ),
    Item(EU_DID, "A number in Germany, France or Sweden.", MONTHLY, "EUR 0.55 1.90 0 2, CHF 0.60 2.10 0 2"),
    Item(
        RECORDING,
        "Every call recorded and kept for ninety days.",
        MONTHLY,
        "GBP 1.15 3.00, EUR 1.30 3.50, USD 1.40 3.75, JPY 210 550",
        match=(1,),
        proration=BY_DAYS,
        connexcs="Call Recording",
    ),
    Item(
        TRANSCRIPTION,
        "Recorded calls as text, searchable.",
        MONTHLY,
        "GBP 2.20 4.50, EUR 2.50 5.20, USD 2.60 5.50",
        match=(1,),
        proration=BY_DAYS,
        connexcs="Call Transcription",
    ),
    Item(
        TPS,
        "Outgoing numbers are checked against the Telephone Preference Service.",
        WEEKLY,
        "GBP 1.90 4.75",
        match=(1,),
        connexcs="UK TPS Lookup",
    ),
    Item(
        COMMITMENT,
        "Calls for at least this much each month; what is missing is charged.",
        MONTHLY,
        "GBP 0 150, EUR 0 175, USD 0 190",
        match=(1,),
        proration=BY_DAYS,
        minimum_spend=True,
    ),
    Item(
        DID_COMMITMENT,
        "Calls over one number for at least this much each month.",
        MONTHLY,
        "GBP 0.5 25, USD 0.6 30",
        minimum_spend=True,
    ),
    Item(
        FAX,
        "Faxes to a number arrive by e-mail, as PDF.",
        MONTHLY,
        "GBP 0.90 3.00, EUR 1.05 3.40, USD 1.10 3.60, JPY 160 480",
        match=(1,),
        proration=BY_DAYS,
    ),
    Item(
        PHONE,
        "A desk phone with colour display, set up and sent out.",
        Frequency.NONE,
        "GBP 62 89 6.5 9.9, EUR 71 99 8 12, USD 74 109 9 14, KWD 21.5 32.25 3 4.75",
    ),
    Item(
        ROUTER,
        "A router with mobile fallback, replaced when it breaks.",
        Frequency.QUARTERLY,
        "GBP 15.60 42.00 18 35, EUR 17.90 48.00 20 39",
        proration=BY_DAYS,
        minimum_days=365,
    ),
    Item(
        SUPPORT,
        "A person who answers within fifteen minutes, day and night.",
        Frequency.YEARLY,
        "GBP 120 360, EUR 140 410, USD 150 440, CHF 150 460",
        proration=BY_DAYS,
    ),
    Item(
        PORTING,
        "Bringing a number along from another provider.",
        Frequency.NONE,
        "GBP 8 15, EUR 9 18, USD 6 12",
    ),
    Item(
        EMERGENCY,
        "The address that the emergency services see, kept for each line.",
        Frequency.DAILY,
        "GBP 0.011 0.035, USD 0.02 0.055, KWD 0.004 0.0125",
    ),
    Item(
        UK_MINUTES,
        "Five hundred minutes to British landlines and mobiles.",
        MONTHLY,
        "GBP 2.40 6.00, EUR 2.90 7.20",
        match=(1,),
        proration=BY_DAYS,
        destination="^44",
    ),
    Item(
        WORLD_MINUTES,
        "Minutes to North America, France, Germany and Britain, fresh every Monday.",
        WEEKLY,
        "USD 1.90 4.50, GBP 1.70 4.00",
        match=(1,),
        destination="^1|^33|^49|^44",
    ),
    Item(
        SPAM,
        "Callers are rated before the phone rings.",
        MONTHLY,
        "GBP 4.00 9.00, USD 5.00 11.00",
        match=(10, 20, 30),
        connexcs="Spam Scout",
    ),
    # The mistake: the cost was typed where the retail belongs.
    Item(
        SPEECH,
        "Menus and announcements read out from text.",
        MONTHLY,
        "GBP 6.50 4.25, EUR 4.90 9.80",
        match=(1,),
        proration=BY_DAYS,
        connexcs="Text to Speech",
    ),
    Item(
        STORAGE,
        "Recordings kept for seven years, per ten gigabytes.",
        Frequency.QUARTERLY,
        "GBP 3.75 9.00, USD 4.50 11.50",
        connexcs="Storage",
    ),
    Item(
        ISDN,
        "A gateway for telephone systems that still speak ISDN. Superseded by SIP Trunk 10.",
        MONTHLY,
        "GBP 11.00 29.00, EUR 13.00 33.00",
        match=(1,),
        minimum_days=90,
    ),
)
