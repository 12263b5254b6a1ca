"""What columns are called: by the names that people and systems give them, with units, and by known exports."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from portal.domain.call_files.layout import Codes, Length
from portal.domain.csv_files.heading import plain_name
from portal.domain.currencies import CURRENCIES

# What is longer is no name with a unit behind it.
NAME_MAX = 100

MILLISECONDS = ("billmsec", "billms", "durationmsec", "durationms", "milliseconds", "msec", "msduration")
# The names of each column, the best first. Compared without units, spaces, hyphens and underscores.
NAMES = {
    "call_id": (
        "callid", "callidentifier", "cdrid", "cgrid", "uniqueid", "uuid", "calluuid", "xmlcdruuid", "originid",
        "callsid", "sessionid", "pkid",
    ),
    "customer": (
        "customer", "customername", "companyname", "customerid", "account", "accountcode", "accountname", "client",
        "clientname", "username", "cardid", "card", "kunde",
    ),
    "did": (
        "did", "didnumber", "ddi", "source", "src", "cli", "callerid", "calleridnumber", "callingnumber",
        "callingstation", "caller", "callernumber", "from", "sourcenumber", "originatingnumber", "callsource",
        "callingpartynumber", "subject", "rufnummer",
    ),
    "destination": (
        "destination", "destinationnumber", "dst", "dialednumber", "diallednumber", "destnumber", "callednumber",
        "calledstation", "called", "callee", "dnis", "to", "terminatingnumber", "calldestination", "destinationdid",
        "finalcalledpartynumber", "number", "zielrufnummer",
    ),
    "started_at": (
        "startedat", "starttime", "start", "startstamp", "starttimestamp", "setuptime", "callstart", "calldate",
        "datetime", "datetimestart", "callstartdatetime", "timestart", "dt", "answertime", "answerstamp", "answer",
        "timestamp", "datetimeorigination", "date", "datum", "time",
    ),
    "clock": ("time", "timeofday", "starttime", "calltime", "uhrzeit"),
    "seconds": (
        "seconds", "billsec", "billseconds", "billedseconds", "chargedseconds", "sessiontime", "duration",
        "durationseconds", "usage", "length", "talktime", "minutes", "dauer", *MILLISECONDS,
    ),
    "amount": (
        "charge", "customercharge", "clientcharge", "amount", "sessionbill", "retail", "price", "sell", "sellprice",
        "charged", "debit", "billcost", "customercost", "callcharge", "totalcharge", "betrag", "betragin",
        "betragnetto", "nettobetrag",
    ),
    "cost": (
        "cost", "providercharge", "providercost", "buycost", "buyprice", "carriercost", "buy", "suppliercost",
    ),
    "currency": (
        "currency", "currencycode", "ccy", "priceunit", "chargecurrency", "pricecurrency", "amountcurrency",
        "billingcurrency", "curr", "waehrung", "währung",
    ),
    "run": ("runid",),
}  # fmt: skip
# A currency behind a name: Price (USD), Debit[GBP], price_usd, Charge £. What is a word of English is none.
CURRENCY = re.compile(
    r"(.+?)[\s_-]*(?:[(\[]\s*([a-z]{3}|[£€$¥])\s*[)\]]|[\s_-]([a-z]{3})|([£€$¥]))\s*", re.IGNORECASE
)
WORDS_OF_ENGLISH = ("ALL", "TOP", "TRY")
# Any other unit behind a name: Duration (min), Start Time [UTC].
UNIT = re.compile(r"(.+?)\s*[(\[]\s*([a-z]{1,7})\.?\s*[)\]]\s*", re.IGNORECASE)
LENGTHS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), Length.SECONDS),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), Length.MINUTES),
    **dict.fromkeys(("ms", "msec"), Length.MILLISECONDS),
}
ZONES = ("utc", "gmt")


def without_currency(cell: str) -> tuple[str, str]:
    """A column's name without the currency that it ends in, and that currency as it is written; empty where none is."""
    found = CURRENCY.fullmatch(cell.strip().strip("'\"")) if len(cell) <= NAME_MAX else None
    if not found:
        return cell, ""
    currency = found[2] or found[3] or found[4]
    known = len(currency) == 1 or currency.upper() in CURRENCIES
    if not known or (found[3] and currency.upper() in WORDS_OF_ENGLISH):
        return cell, ""
    return found[1], currency


def unit_of(cell: str) -> str:
    """The unit that a column's name ends in, in small letters: sec, min, utc; empty where none is known."""
    found = UNIT.fullmatch(cell.strip().strip("'\"")) if len(cell) <= NAME_MAX else None
    unit = found[2].lower() if found else ""
    return unit if unit in LENGTHS or unit in ZONES else ""


def without_unit(cell: str) -> str:
    """A column's name without the unit that it ends in."""
    if unit_of(cell) and (found := UNIT.fullmatch(cell.strip().strip("'\""))):
        return found[1]
    return without_currency(cell)[0]


def plain_names(head: Sequence[str]) -> list[str]:
    """The names of a file's columns as they are looked for: without units."""
    return [plain_name(without_unit(cell)) for cell in head]


def recognise(head: Sequence[str]) -> dict[str, list[int]]:
    """The columns that each name may be, the best known first."""
    plain = plain_names(head)
    found = {}
    for column, names in NAMES.items():
        places = [plain.index(name) for name in names if name in plain]
        if places:
            found[column] = places
    return found


# -- known exports


@dataclass(frozen=True, slots=True)
class Export:
    """The files that a system exports: known by columns that it alone has together.

    `columns` are by name what each says; empty for what none of them says, although one is called so. `says` is what
    else is so of the layout; `asks` what somebody has to say where no column does, by column; which RunID, in any case.
    """

    name: str
    known_by: tuple[str, ...]
    columns: dict[str, str]
    says: dict[str, Any] = field(default_factory=dict)
    asks: dict[str, str] = field(default_factory=dict)

    def is_of(self, plain: Sequence[str]) -> bool:
        """Whether a file with these columns is one of them."""
        return set(self.known_by) <= set(plain)

    def places(self, plain: Sequence[str]) -> dict[str, int | None]:
        """Where its columns are; None for one that no column says."""
        return {
            column: plain.index(name) if name else None
            for column, name in self.columns.items()
            if not name or name in plain
        }


UNCHARGED = "No column says what a call is charged."
UNRATED = {
    "amount": f"{UNCHARGED} These are calls that nobody has rated: export them from the system that rates them."
}
CARRIERS_COST = "Is Cost what the customer pays? Then choose it as Charge."
WHICH_LENGTH = "Is the length Call Duration or Billable Time? Choose it as Seconds."
WHICH_RUN = "Each call stands in the file once for every RunID. Which one has what the customer pays?"

EXPORTS = (
    Export(
        "Twilio", ("callsid", "priceunit"),
        {"call_id": "callsid", "did": "from", "destination": "to", "started_at": "starttime", "seconds": "duration",
         "amount": "price", "currency": "priceunit"},
        {"below_zero": True},
    ),
    Export(
        "Twilio", ("sid", "accountsid", "priceunit"),
        {"call_id": "sid", "did": "from", "destination": "to", "started_at": "starttime", "seconds": "duration",
         "amount": "price", "currency": "priceunit"},
        {"below_zero": True},
    ),
    Export(
        "Telnyx", ("calluuid", "callduration", "billabletime"),
        {"call_id": "calluuid", "did": "originatingnumber", "destination": "terminatingnumber",
         "started_at": "starttimestamp", "cost": "cost", "currency": "currency"},
        asks={"amount": CARRIERS_COST, "seconds": WHICH_LENGTH},
    ),
    Export(
        "Bandwidth", ("callstartdatetime", "callsource", "calldestination", "amount"),
        {"call_id": "callid", "customer": "accountnumber", "did": "callsource", "destination": "calldestination",
         "started_at": "callstartdatetime", "seconds": "duration", "amount": "amount"},
        {"zone": "UTC", "codes": Codes.CARRIER},
    ),
    Export(
        "DIDWW", ("datetimestart", "destinationdid", "meteredchannels"),
        {"call_id": "", "did": "source", "destination": "destinationdid", "started_at": "datetimestart",
         "seconds": "duration", "amount": "meteredchannels"},
    ),
    Export(
        "DIDWW", ("datetimestart", "destinationdid", "sourcenumber"),
        {"call_id": "", "did": "sourcenumber", "destination": "destinationdid", "started_at": "datetimestart",
         "seconds": "duration", "amount": "meteredchannels"},
    ),
    Export(
        "ConnexCS", ("dt", "callid", "customercharge"),
        {"call_id": "callid", "started_at": "dt", "destination": "destnumber", "did": "cli", "seconds": "duration",
         "amount": "customercharge", "cost": "providercharge"},
        {"zone": "UTC"},
    ),
    # It grew out of A2Billing; in it `src` is the account of a telephone.
    Export(
        "MagnusBilling", ("calledstation", "sessionbill", "callerid", "iduserusername"),
        {"call_id": "uniqueid", "customer": "iduserusername", "did": "callerid", "destination": "calledstation",
         "started_at": "starttime", "seconds": "sessiontime", "amount": "sessionbill", "cost": "buycost"},
    ),
    Export(
        "A2Billing", ("sessiontime", "calledstation", "sessionbill"),
        {"call_id": "uniqueid", "did": "src", "destination": "calledstation", "started_at": "starttime",
         "seconds": "sessiontime", "amount": "sessionbill", "cost": "buycost"},
    ),
    Export(
        "ASTPP", ("callerid", "callednumber", "debit", "disposition"),
        {"call_id": "", "customer": "account", "did": "callerid", "destination": "callednumber", "started_at": "date",
         "seconds": "duration", "amount": "debit", "cost": "cost"},
        {"length": Length.CLOCK},
    ),
    Export(
        "3CX", ("historyid", "timestart", "billcost"),
        {"call_id": "historyid", "customer": "fromno", "did": "", "destination": "dialno", "started_at": "timestart",
         "seconds": "duration", "amount": "billcost"},
    ),
    Export("CGRateS", ("cgrid", "runid"), {"call_id": "cgrid", "run": "runid"}, asks={"run": WHICH_RUN}),
    Export(
        "IvozProvider", ("callid", "starttime", "caller", "callee", "price"),
        {"call_id": "callid", "did": "caller", "destination": "callee", "started_at": "starttime",
         "seconds": "duration", "amount": "price", "cost": "cost"},
    ),
    Export(
        "FusionPBX", ("xmlcdruuid", "billsec"),
        {"call_id": "xmlcdruuid", "customer": "accountcode", "did": "calleridnumber",
         "destination": "destinationnumber", "seconds": "billsec"},
        asks=UNRATED,
    ),
    Export(
        "Asterisk", ("accountcode", "dcontext", "billsec", "disposition"),
        {"call_id": "uniqueid", "customer": "accountcode", "did": "src", "destination": "dst", "started_at": "start",
         "seconds": "billsec"},
        asks=UNRATED,
    ),
    Export(
        "OpenSIPS", ("fromtag", "totag", "callid", "setuptime"),
        {"call_id": "callid", "started_at": "time", "seconds": "duration"},
        asks=UNRATED,
    ),
    Export(
        "CUCM", ("callingpartynumber", "finalcalledpartynumber", "datetimeorigination"),
        {"call_id": "pkid", "did": "callingpartynumber", "destination": "finalcalledpartynumber",
         "started_at": "datetimeorigination", "seconds": "duration"},
        asks=UNRATED,
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class NamelessExport:
    """The files of a system that names no columns: known by how many there are, and what stands in some of them."""

    name: str
    width: int
    looks: dict[int, str]
    columns: dict[str, int]
    asks: dict[str, str] = field(default_factory=lambda: UNRATED)

    def is_of(self, row: Sequence[str]) -> bool:
        """Whether a record is one of them."""
        return len(row) == self.width and all(
            re.fullmatch(look, row[place].strip(), re.ASCII) for place, look in self.looks.items()
        )


STAMP = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
NAMELESS = (
    NamelessExport(
        "Asterisk", 18, {9: STAMP, 12: r"\d+", 13: r"\d+", 14: r"[A-Z ]+", 16: r"[\d.]+"},
        {"customer": 0, "did": 1, "destination": 2, "started_at": 9, "seconds": 13, "call_id": 16},
    ),
    NamelessExport(
        "FreeSWITCH", 15, {4: STAMP, 7: r"\d+", 8: r"\d+", 9: r"[A-Z_]+", 10: r"[0-9a-f-]{36}"},
        {"customer": 12, "did": 1, "destination": 2, "started_at": 4, "seconds": 8, "call_id": 10},
    ),
)  # fmt: skip


def export_of(head: Sequence[str]) -> Export | None:
    """The known export that has these columns."""
    plain = plain_names(head)
    return next((export for export in EXPORTS if export.is_of(plain)), None)


def nameless_export_of(row: Sequence[str]) -> NamelessExport | None:
    """The known export that has such records."""
    return next((export for export in NAMELESS if export.is_of(row)), None)
