"""Files of assignments: what their columns say.

Headings are those of our own exports, and of packages of ConnexCS customers, Stripe subscriptions and WHMCS services.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from portal.domain.csv_files.cells import Bad, short
from portal.domain.move_files.columns import (
    Column,
    Columns,
    Ways,
    currency,
    day,
    day_column,
    lines,
    number,
    number_column,
    whole_number,
    yes_or_no,
)
from portal.domain.names import search_key
from portal.domain.phone_numbers import read_number
from portal.domain.wording import listed

# What is said of each of the four prices, in files and pages alike.
OWN = {
    "cost": "Own Cost",
    "retail": "Own Retail",
    "setup_cost": "Own Setup Cost",
    "setup_retail": "Own Setup Retail",
}
# How systems say that something has ended.
OVER = ("canceled", "cancelled", "terminated", "ended", "expired", "inactive", "incomplete expired", "fraud")
# How an export says that there never was anything.
NEVER = ("withdrawn",)
Planned = tuple[tuple[date, Any], ...]


def did(what: str, cell: str, ways: Ways) -> str:
    """A number with its country code, with + or without."""
    try:
        return read_number(cell if cell.startswith(("+", "00")) else f"+{cell}")
    except ValueError as error:
        raise Bad(f"{what}: {error}") from None


def _planned(read: Callable[[str, str, Ways], Any]) -> Callable[[str, str, Ways], Planned]:
    """Reads what holds from later days on: a line for each, `2027-01-01; ...`."""

    def each(what: str, cell: str, ways: Ways) -> Planned:
        found: dict[date, Any] = {}
        for line in lines(what, cell, ways).split("\n"):
            begins, _, rest = line.partition(";")
            found[day(what, begins.strip(), ways)] = read(what, rest.strip(), ways)
        return tuple(sorted(found.items()))

    return each


PRICE = re.compile(r"(setup retail|setup cost|retail|cost)\s+(.+)", re.IGNORECASE)
PRICES = listed(["Cost", "Retail", "Setup Cost", "Setup Retail"], "or")


def own_prices(what: str, cell: str, ways: Ways) -> Mapping[str, Decimal]:
    """Which prices are an assignment's own: `Retail 20; Cost 8`. Nothing: none of them any longer."""
    found = {}
    for part in filter(None, (part.strip() for part in cell.split(";"))):
        price = PRICE.fullmatch(part)
        if not price:
            raise Bad(f"{what} says {short(part)}: enter {PRICES} and the price, as in Retail 20.")
        found[search_key(price[1]).replace(" ", "_")] = number(what, price[2], ways)
    return found


COLUMNS: Columns = (
    Column("reference", "Reference", "What the other system knows the assignment by.", sample="SUB-1001",
           names=("subscriptionid", "serviceid", "assignmentid", "contractnumber", "orderid", "id", "ref")),
    Column("customer", "Customer", "By name, account code or number, such as #7.", sample="Acme Ltd",
           names=("customername", "clientname", "client", "companyname", "company", "customerdescription",
                  "accountname", "kunde")),
    Column("account_code", "Account Code", "Of the customer. Without one, the name says who it is.", sample="ACME-1",
           names=("accountcode", "customerid", "clientid", "userid", "accountnumber", "customercode", "account",
                  "kundennummer")),
    Column("package", "Package", "By its name here.", is_needed=True, sample="SIP Trunk",
           names=("packagename", "product", "productname", "productservice", "plan", "planname", "item", "service",
                  "paket")),
    Column("did", "DID", "With + and the country code, where the package is on one.", did,
           names=("didnumber", "ddi", "number", "phonenumber", "rufnummer")),
    Column("quantity", "Quantity", "Without one, 1.", whole_number, sample="2",
           names=("qty", "units", "seats", "count", "anzahl")),
    day_column("start_date", "Start Date", "On which it began there.", sample="2025-03-15",
               names=("start", "started", "startedon", "startutc", "startdateutc", "signupdate", "regdate",
                      "registrationdate", "datecreated", "createdutc", "created", "activationdate", "begin")),
    day_column("end_date", "End Date", "The last day, where one is agreed.",
               names=("end", "ends", "enddateutc", "terminationdate", "lastday")),
    day_column("charge_from", "Charge From", "The first day that the other system has not charged.", is_asked=True,
               sample="2026-12-01",
               names=("nextduedate", "nextinvoicedate", "nextbillingdate", "nextbilldate", "nextrenewaldate",
                      "renewaldate", "currentperiodendutc", "currentperiodend")),
    day_column("charged_until", "Charged Until", "Of our own exports: setup was charged once this is said."),
    Column("minutes", "Minutes", "Free minutes in each period, of a package that has them.", whole_number,
           names=("freeminutes",)),
    Column("minimum_days", "Minimum Days", "Where they are not the package's.", whole_number,
           names=("minimumterm", "mindays")),
    day_column("locked_until", "Locked Until", "The day on which the minimum days are over.",
               names=("lockeduntil", "minimumtermuntil", "contractend")),
    Column("auto_decrement_credit", "Auto Decrement Credit", "Whether it is taken from the balance: yes or no.",
           yes_or_no, names=("autodecrement", "prepaid")),
    day_column("anchor", "Anchor", "The day that charge dates are counted from, where that is not the start date.",
               names=("billingcycleanchor", "billinganchor")),
    Column("currency", "Currency", "Checked: the customer's is charged.", currency, names=("currencycode",)),
    *(
        number_column(f"own_{name}", label, "A price of its own, where it is not the package's.")
        for name, label in OWN.items()
    ),
    Column("planned_quantities", "Planned Quantity", "From later days on, a line for each: 2027-01-01; 5.",
           _planned(whole_number)),
    Column("planned_own", "Planned Own Prices", "From later days on, a line for each: 2027-01-01; Retail 20; Cost 8.",
           _planned(own_prices)),
    number_column("monthly", "Monthly Amount", "What the other system charged for it in a month, before tax.",
                  sample="19.98",
                  names=("monthly", "monthlyprice", "monthlyfee", "monthlycharge", "mrc", "mrr", "permonth")),
    number_column("not_posted", "Not Posted Yet", "Credits of our own exports: counted and named, not carried."),
    Column("state", "State", "Whether it has ended there.", names=("status", "domainstatus", "servicestatus")),
)  # fmt: skip


def why_left_out(says: Mapping[str, Any]) -> str:
    """Why a line makes no assignment, by its state; empty where it may."""
    state = says.get("state", "")
    if search_key(state) in NEVER:
        return "It was withdrawn there: there is nothing to bring in. Leave it out."
    if search_key(state) in OVER and "end_date" not in says:
        return f"Its state is {short(state)} and it has no end date. Leave it out, or enter its last day."
    return ""
