"""Which column of a file says what: by the names that other systems give them, or mapped by hand once."""

import json
import re
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from portal.domain.currencies import CURRENCIES
from portal.domain.errors import Invalid
from portal.domain.names import name_key
from portal.domain.wording import listed
from portal.extensions import db
from portal.models import CallMapping

COLUMNS_MAX = 200
# What is longer is no name with a currency behind it.
NAME_MAX = 100

# What is wanted, as people call it, and the names it goes by, the best first: in files of this portal, of ConnexCS,
# of A2Billing, of Asterisk and FreeSWITCH, of CGRateS. Compared without spaces, hyphens and underscores.
WORDS = {
    "call_id": "Call id",
    "customer": "Customer",
    "did": "DID or source",
    "destination": "Destination",
    "started_at": "Start time",
    "seconds": "Seconds",
    "amount": "Charge",
    "cost": "Cost",
    "currency": "Currency",
}
MILLISECONDS = ("billmsec", "billms", "durationmsec", "durationms", "milliseconds", "msec")
NAMES = {
    "call_id": ("callid", "callidentifier", "cdrid", "cgrid", "uniqueid", "uuid", "originid", "sessionid"),
    "customer": (
        "customer", "customername", "companyname", "customerid", "account", "accountcode", "accountname", "client",
        "clientname", "username", "cardid", "card",
    ),
    "did": (
        "did", "didnumber", "ddi", "source", "src", "cli", "callerid", "calleridnumber", "callingnumber",
        "callingstation", "caller", "from", "sourcenumber", "subject",
    ),
    "destination": (
        "destination", "destinationnumber", "dst", "dialednumber", "destnumber", "callednumber", "calledstation",
        "called", "callee", "dnis", "to", "number",
    ),
    "started_at": (
        "startedat", "starttime", "start", "startstamp", "setuptime", "callstart", "calldate", "datetime", "dt",
        "answertime", "answerstamp", "answer", "timestamp", "time", "date",
    ),
    "seconds": (
        "seconds", "billsec", "billseconds", "billedseconds", "chargedseconds", "sessiontime", "duration",
        "durationseconds", "usage", "length", *MILLISECONDS,
    ),
    "amount": (
        "charge", "customercharge", "clientcharge", "amount", "sessionbill", "retail", "price", "sell", "charged",
        "customercost", "callcharge", "totalcharge",
    ),
    "cost": ("cost", "providercharge", "providercost", "buycost", "carriercost", "buy", "suppliercost"),
    "currency": (
        "currency", "currencycode", "ccy", "priceunit", "chargecurrency", "pricecurrency", "amountcurrency",
        "billingcurrency", "curr",
    ),
}  # fmt: skip
NEEDED = ("call_id", "started_at", "amount")
NO_SECONDS = "No column is Seconds, which free minutes are counted in. Choose one, if there is one."
# What a file of bad rows has before the columns of the file they come from.
OF_BAD_ROWS = ("line", "reason")
COST_ALONE = (
    " Is Cost what the customer pays? Then choose it as Charge. If it is what you pay, the file does not "
    "say what the customer is charged."
)
# A currency behind a name: Price (USD), Debit[GBP], price_usd, Charge £. What is a word of English is none.
UNIT = re.compile(
    r"(.+?)[\s_-]*(?:[(\[]\s*([a-z]{3}|[£€$¥])\s*[)\]]|[\s_-]([a-z]{3})|([£€$¥]))\s*", re.IGNORECASE
)
WORDS_OF_ENGLISH = ("ALL", "TOP", "TRY")
HIDDEN = "{} seems to say what currency charges are in: choose it. If it means something else, rename it in the file."
WHOSE = "Choose the column of the customer or of the DID: every call must belong to somebody."


@dataclass(frozen=True, slots=True)
class Mapping:
    """The place of each column that means something; a name that is not there has none."""

    places: dict[str, int]

    def __getitem__(self, name: str) -> int | None:
        return self.places.get(name)

    def to_json(self) -> str:
        """As it is kept."""
        return json.dumps(self.places)

    @classmethod
    def from_json(cls, text: str) -> "Mapping | None":
        """As it was kept; None where nothing was."""
        return cls(json.loads(text)) if text else None


def recognise(head: list[str]) -> Mapping:
    """The columns whose names are known. What is missing is missing in it."""
    plain = [plain_name(without_currency(cell)[0]) for cell in head]
    places = {}
    for column, names in NAMES.items():
        found = next((plain.index(name) for name in names if name in plain), None)
        if found is not None:
            places[column] = found
    return Mapping(places)


def missing(mapping: Mapping) -> str:
    """What a mapping lacks, as a sentence; empty where it lacks nothing."""
    lacks = [WORDS[name] for name in NEEDED if mapping[name] is None]
    if lacks:
        of_cost = mapping["amount"] is None and mapping["cost"] is not None
        return f"No column is {listed(lacks, 'or')}.{COST_ALONE if of_cost else ''}"
    return "" if mapping["customer"] is not None or mapping["did"] is not None else WHOSE


def plain_name(cell: str) -> str:
    """A column's name as names are compared."""
    return re.sub(r"[\s_\-./#]+", "", name_key(cell.strip().strip("'\"")))


def without_currency(cell: str) -> tuple[str, str]:
    """A column's name without the currency that it ends in, and that currency as it is written; empty where none is."""
    found = UNIT.fullmatch(cell.strip().strip("'\"")) if len(cell) <= NAME_MAX else None
    if not found:
        return cell, ""
    currency = found[2] or found[3] or found[4]
    known = len(currency) == 1 or currency.upper() in CURRENCIES
    if not known or (found[3] and currency.upper() in WORDS_OF_ENGLISH):
        return cell, ""
    return found[1], currency


def currency_of(head: list[str], mapping: Mapping, name: str) -> str:
    """What the charge ("amount") or the cost is in, as its column's name says; empty where it does not."""
    place = mapping[name]
    return without_currency(head[place])[1] if place is not None else ""


def looks_like_values(head: list[str]) -> bool:
    """Whether a first line holds values instead of names: figures, times, or nothing in them."""
    filled = [cell.strip() for cell in head if cell.strip()]
    figures = [cell for cell in filled if re.fullmatch(r"[+\-]?[\d.,:/\-\sTZ+]+", cell)]
    return not filled or bool(figures)


def of_bad_rows(head: list[str]) -> bool:
    """Whether a file is one of bad rows, mended and sent again."""
    return tuple(plain_name(cell) for cell in head[: len(OF_BAD_ROWS)]) == OF_BAD_ROWS


def in_milliseconds(head: list[str], mapping: Mapping) -> bool:
    """Whether the column of the seconds holds thousandths of them, by its name."""
    place = mapping["seconds"]
    return place is not None and plain_name(head[place]) in MILLISECONDS


# -- remembered


def digest_of(head: list[str]) -> str:
    """What a mapping is remembered by: the same for a file and for that of its bad rows."""
    names = head[len(OF_BAD_ROWS) :] if of_bad_rows(head) else head
    return sha256("\x1f".join(plain_name(cell) for cell in names).encode()).hexdigest()


def _moved(mapping: Mapping, head: list[str], by: int) -> Mapping:
    """A mapping of a file of bad rows, made one of the file they come from, or the other way round."""
    by = by * len(OF_BAD_ROWS) if of_bad_rows(head) else 0
    return Mapping({name: place + by for name, place in mapping.places.items()})


def remembered(head: list[str]) -> Mapping | None:
    """How somebody mapped these columns before."""
    text = db.session.scalar(select(CallMapping.mapping).where(CallMapping.header_digest == digest_of(head)))
    mapping = Mapping.from_json(text or "")
    return mapping and _moved(mapping, head, 1)


def mapping_of(head: list[str]) -> tuple[Mapping, str]:
    """Which column is what: as somebody mapped them before, or by their names; and what somebody has to say first."""
    if known := remembered(head):
        place = hidden_currency(head, known)
        return known if place is None else Mapping(known.places | {"currency": place}), ""
    mapping = recognise(head)
    return mapping, missing(mapping) or ("" if mapping["seconds"] is not None else NO_SECONDS)


def hidden_currency(head: list[str], mapping: Mapping) -> int | None:
    """The column of the currency, by its name, that a mapping says nothing of: it would take each amount as it is."""
    place = recognise(head)["currency"]
    return place if mapping["currency"] is None and place not in mapping.places.values() else None


def remember(head: list[str], mapping: Mapping) -> None:
    """Keep how somebody mapped these columns. Invalid where it lacks something or one column means two things."""
    for name in NEEDED:
        if mapping[name] is None:
            raise Invalid(name, f"Choose the column for: {WORDS[name].lower()}.")
    if lacks := missing(mapping):
        raise Invalid("customer", lacks)
    if (hidden := hidden_currency(head, mapping)) is not None:
        raise Invalid("currency", HIDDEN.format(head[hidden].strip()))
    places = list(mapping.places.values())
    for name, place in mapping.places.items():
        if places.count(place) > 1:
            raise Invalid(name, f"{head[place].strip() or 'That column'} is chosen twice.")
        if of_bad_rows(head) and place < len(OF_BAD_ROWS):
            raise Invalid(name, f"{head[place].strip()} says what was wrong with the row.")
    found = db.session.scalar(select(CallMapping).where(CallMapping.header_digest == digest_of(head)))
    if found is None:
        found = CallMapping(header_digest=digest_of(head), mapping="")
        try:
            with db.session.begin_nested():
                db.session.add(found)
        except IntegrityError:  # somebody maps another file of these columns
            query = select(CallMapping).where(CallMapping.header_digest == found.header_digest)
            found = db.session.scalars(query).one()
    found.mapping = _moved(mapping, head, -1).to_json()
    db.session.flush()
