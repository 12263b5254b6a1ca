"""Files of packages: what their columns say. A line is a package in one currency; lines of one name are one package."""

import re

from portal.domain.csv_files.cells import Bad, short
from portal.domain.move_files.columns import (
    Column,
    Columns,
    Holds,
    Ways,
    currency,
    day_column,
    free_text,
    number_column,
    one_of,
    whole_number,
    yes_or_no,
)
from portal.domain.names import search_key
from portal.domain.schedule import Frequency
from portal.domain.terms import PackageType, Proration
from portal.domain.wording import SHORT_WEEKDAYS, WEEKDAYS

BETWEEN = re.compile(r"[\s,;/&+]+|\band\b", re.IGNORECASE)
ORDINAL = re.compile(r"(\d{1,2})(?:st|nd|rd|th|\.)?", re.IGNORECASE)
# Weekdays by their names in English, whole or three letters, as match days are kept.
DAYS = {
    search_key(name): number for names in (WEEKDAYS, SHORT_WEEKDAYS) for number, name in enumerate(names, 1)
}
# What of a package is so from a day on, besides its prices; all else is so at once.
DATED = ("frequency", "frequency_match")
PRICES = ("cost", "retail", "setup_cost", "setup_retail")


def match_days(what: str, cell: str, ways: Ways) -> tuple[int, ...]:
    """Days of the month (1, 15) or of the week (Mon, Thu), as match days are kept."""
    found = []
    for word in filter(None, BETWEEN.split(cell)):
        ordinal = ORDINAL.fullmatch(word)
        number = int(ordinal[1]) if ordinal else DAYS.get(search_key(word))
        if number is None:
            raise Bad(f"{what} is {short(cell)}: enter days such as 1, 15, or Mon, Thu.")
        found.append(number)
    return tuple(sorted(set(found)))


FREQUENCY = one_of(
    {
        Frequency.NONE: ("None (charged once)", "once", "one off", "one time", "onetime"),
        Frequency.DAILY: ("Daily", "day"),
        Frequency.WEEKLY: ("Weekly", "week"),
        Frequency.MONTHLY: ("Monthly", "month", "recurring"),
        Frequency.QUARTERLY: ("Quarterly", "quarter"),
        Frequency.YEARLY: ("Yearly", "year", "annually", "annual"),
    }
)
TYPE = one_of({PackageType.STANDARD: ("Standard",), PackageType.FREE_MINUTES: ("Free minutes",)})
PRORATION = one_of(
    {Proration.DAILY: ("By days", "days", "yes"), Proration.NONE: ("Not charged", "no", "not at all")}
)

COLUMNS: Columns = (
    Column("name", "Name", "What the package is called. Lines of one name are one package.", is_needed=True,
           sample="SIP trunk", names=("packagename", "package", "productname", "product", "plan", "planname")),
    Column("currency", "Currency", "Of the prices in this line. Without one, that of the settings.", currency,
           is_asked=True, sample="GBP", names=("currencycode",)),
    number_column("cost", "Cost", "What the provider pays.", sample="4.00", names=("unitcost", "costprice")),
    number_column("retail", "Retail", "What customers pay.", sample="9.99",
                  names=("price", "amount", "unitprice", "recurringamount", "monthlyprice", "recurring")),
    number_column("setup_cost", "Setup Cost", "What the provider pays, once."),
    number_column("setup_retail", "Setup Retail", "What customers pay, once.", sample="25.00",
                  names=("setup", "setupfee", "setupprice")),
    Column("frequency", "Frequency", "None, daily, weekly, monthly, quarterly or yearly.", FREQUENCY, is_asked=True,
           sample="Monthly", names=("interval", "billingcycle", "cycle", "paytype", "period")),
    Column("frequency_match", "Frequency Match", "Days of the month, or of the week: 1, 15 or Mon, Thu.", match_days,
           sample="1", names=("matchdays", "billingday", "days")),
    Column("proration", "Partial Periods", "By days, or not charged.", PRORATION, is_asked=True, sample="By days",
           names=("proration", "prorate", "prorata")),
    Column("connexcs_package", "ConnexCS Package", "The platform service behind it, by name."),
    Column("description", "Description", "For staff.", free_text, names=("notes", "comment")),
    Column("minimum_days", "Minimum Days", "In which an assignment may not be ended.", whole_number, sample="30",
           holds=Holds.NUMBER, names=("minimumterm", "commitment")),
    Column("type", "Type", "Standard, or free minutes.", TYPE, sample="Standard"),
    Column("destination", "Destination", "Of free minutes: a pattern, such as ^44|^91.", free_text),
    Column("minimum_spend", "Minimum Spend", "Yes: retail is the least to be spent on calls in a period.", yes_or_no,
           sample="no"),
    day_column("effective_from", "Effective from", "Where the line holds from a day to come: that day.",
               names=("validfrom", "fromdate")),
    day_column("archived", "Archived", "The day since which it is off sale."),
)  # fmt: skip
