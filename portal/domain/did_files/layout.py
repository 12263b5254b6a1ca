"""A layout of files of DIDs: which column says what, and how numbers are written (billing-rules 17)."""

from collections.abc import Sequence
from dataclasses import dataclass

from portal.domain.csv_files.heading import plain_name
from portal.domain.csv_files.layout import Described

# What a column can say, as people call it.
WORDS = {
    "number": "Number",
    "last": "Last number",
    "country": "Country",
    "customer": "Customer",
    "package": "Package",
    "start_date": "Start Date",
    "quantity": "Quantity",
}
# The names of each column, in files of this portal and of others. Compared without spaces, hyphens and underscores.
NAMES = {
    "number": (
        "number", "did", "didnumber", "ddi", "ddinumber", "phone", "phonenumber", "telephone", "telephonenumber",
        "e164", "msisdn", "tn", "rufnummer", "firstnumber", "first", "fromnumber", "rangestart", "blockstart",
        "startnumber", "from", "start",
    ),
    "last": ("last", "lastnumber", "to", "tonumber", "rangeend", "blockend", "endnumber", "end", "until"),
    "country": ("country", "countrycode", "region"),
    "customer": ("customer", "customername", "account", "accountcode", "accountname", "client", "clientname", "kunde"),
    "package": ("package", "packagename", "product", "plan"),
    "start_date": ("startdate", "start", "from", "since", "activationdate"),
    "quantity": ("quantity", "qty"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class DidLayout(Described):
    """The columns of a file of DIDs, and how its numbers are written.

    `has_code`: a number without + or 0 in front begins with its country code. `ranges`: what can be read either way,
    4930123456-60, is a range and not one number.
    """

    has_code: bool = False
    ranges: bool = False


def recognise(head: Sequence[str]) -> dict[str, list[int]]:
    """The columns that each name may be, the best known first."""
    plain = [plain_name(cell) for cell in head]
    found = {}
    for column, names in NAMES.items():
        places = [place for name in names for place, one in enumerate(plain) if one == name]
        if places:
            found[column] = places
    return found


def names_dids(row: Sequence[str]) -> bool:
    """Whether a line names the columns that a file of DIDs has."""
    return "number" in recognise(row)
