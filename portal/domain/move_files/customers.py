"""Files of customers: what their columns say.

Headings are those of our own exports, and of clients of WHMCS, customers of ConnexCS and Stripe, and contacts of
QuickBooks and Xero.
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

from portal.domain import addresses
from portal.domain.csv_files.cells import Bad, short
from portal.domain.move_files.columns import (
    Column,
    Columns,
    Ways,
    country,
    currency,
    day,
    day_column,
    free_text,
    lines,
    number,
    number_column,
    one_of,
    yes_or_no,
)
from portal.domain.names import search_key
from portal.domain.tax import Tax, TaxCategory

# "Net 30", "30 days", "30"; and what is paid at once.
DAYS_TO_PAY = re.compile(r"(?:net\s*)?(\d{1,3})(?:\.0+)?(?:\s*days?)?", re.IGNORECASE)
AT_ONCE = ("due on receipt", "on receipt", "immediately", "cod", "prepaid")
CONTACTS = 50
ADDRESS = ("street", "street_2", "city", "postcode", "state", "country")
PARTY = ("legal_name", *ADDRESS, "vat_id", "registration_number", "phone")


class ContactSaid(NamedTuple):
    """Somebody at a customer, as a line says."""

    name: str = ""
    role: str = ""
    email: str = ""
    phone: str = ""


def payment_days(what: str, cell: str, ways: Ways) -> int:
    """Days to pay in, however a system of accounts calls them."""
    if search_key(cell) in AT_ONCE:
        return 0
    found = DAYS_TO_PAY.fullmatch(cell.strip())
    if not found:
        raise Bad(f"{what} is {short(cell)}: enter a number of days, such as 30.")
    return int(found[1])


TAX = one_of(
    {
        TaxCategory.STANDARD: ("Standard", "taxable"),
        TaxCategory.ZERO: ("Zero rate", "zero rated", "zero"),
        TaxCategory.EXEMPT: ("Exempt", "tax exempt"),
        TaxCategory.REVERSE_CHARGE: ("Reverse charge", "reverse"),
        TaxCategory.EXPORT: ("Export",),
        TaxCategory.INTRA_COMMUNITY: ("Intra-Community", "intra community", "intra eu"),
        TaxCategory.OUTSIDE_SCOPE: ("Outside scope", "out of scope"),
    }
)


def planned_tax(what: str, cell: str, ways: Ways) -> tuple[tuple[date, Tax], ...]:
    """Taxes from later days on, a line each, as our exports have them: 2027-01-01; 19; Standard; the reason."""
    found = []
    for text in filter(None, map(str.strip, cell.splitlines())):
        parts = dict(enumerate(map(str.strip, text.split(";", 3))))
        begins, rate, category, reason = (parts.get(place, "") for place in range(4))
        tax = Tax(
            number(what, rate, ways), TAX(what, category, ways) if category else TaxCategory.STANDARD, reason
        )
        found.append((day(what, begins, ways), tax))
    return tuple(sorted(found))


COLUMNS: Columns = (
    Column(
        "name", "Name", "What the customer is called here.", is_needed=True, sample="Acme Ltd",
        names=("customername", "contactname", "displayname", "customer", "client", "clientname", "fullname",
               "accountname", "kunde"),
    ),
    Column(
        "legal_name", "Legal Name", "As registered. Without a name, the name too.", is_needed=True,
        sample="Acme Telecom Limited", names=("companyname", "company", "organisation", "organization", "firma"),
    ),
    Column("first_name", "First Name", "Of a person: their contact; without a name, the customer.",
           names=("firstname", "givenname", "vorname")),
    Column("last_name", "Last Name", "Of a person, as the first name.", is_needed=True,
           names=("lastname", "surname", "familyname", "nachname")),
    Column(
        "account_codes", "Account Codes", "By which the customer is known: several with commas between them.", lines,
        sample="ACME-1",
        names=("accountcode", "accountnumber", "accountno", "account", "customerid", "clientid", "customercode",
               "customernumber", "id", "kundennummer"),
    ),
    Column("currency", "Currency", "Three letters. Without one, that of the settings.", currency, is_asked=True,
           sample="GBP", names=("currencycode", "defaultcurrency")),
    Column("email", "E-mail", "Where bills go.", sample="bills@acme.example",
           names=("email", "emailaddress", "mainemail", "billingemail", "customeremail")),
    Column("phone", "Phone", "With + and the country code, or as dialled in their country.", sample="+44 20 7946 0123",
           names=("phonenumber", "telephone", "mainphone", "billingphone", "tel")),
    Column("address", "Address", "In one text: it is split into the parts below.", lines,
           names=("billingaddress", "fulladdress", "postaladdress", "billto")),
    Column("street", "Street", "The first line.", sample="1 High Street",
           names=("address1", "addressline1", "street1", "streetaddress", "poaddressline1", "billto1",
                  "cardaddressline1", "billingaddressline1", "strasse")),
    Column("street_2", "Street, second line", "What stands below it.",
           names=("address2", "addressline2", "street2", "poaddressline2", "cardaddressline2", "billingaddressline2")),
    Column("city", "City", "", sample="London",
           names=("town", "pocity", "cardaddresscity", "billingaddresscity", "ort")),
    Column("postcode", "Postcode", "", sample="N1 1AA",
           names=("zip", "zipcode", "postalcode", "popostalcode", "cardaddresszip", "billingaddresspostalcode", "plz")),
    Column("state", "State", "Or province, where addresses have one.",
           names=("region", "poregion", "county", "province", "cardaddressstate", "billingaddressstate")),
    Column("country", "Country", "Its code, or its name in English.", country, is_asked=True, sample="GB",
           names=("countrycode", "pocountry", "cardaddresscountry", "billingaddresscountry", "land")),
    Column("vat_id", "VAT ID", "Checked by the rules of the country.", sample="GB 980 7806 84",
           names=("vatnumber", "vatno", "vat", "taxid", "taxnumber", "businessvatid", "customertaxid", "ustidnr")),
    Column("registration_number", "Registration Number", "Of the company.", sample="01234567",
           names=("companynumber", "companyregistration", "regnumber", "registrationno")),
    Column("iban", "IBAN", "Their bank account.", names=("bankaccountnumber", "bankaccount")),
    Column("company_details", "Company Details", "What else stands below their name on a summary.",
           free_text),
    number_column("debit_limit", "Debit Limit", "How far the balance may go below zero.",
                  names=("creditlimit",), sample="0"),
    Column("payment_days", "Payment Days", "Days to pay in: 30, or Net 30. Without any, as in the settings.",
           payment_days, names=("terms", "paymentterms", "creditdays"), sample="14"),
    number_column("tax_rate", "Tax Rate", "In per cent. Without one, that of the settings.", is_asked=True,
                  sample="20", names=("taxpercent", "tax", "vatrate", "taxrate1")),
    Column("tax_category", "Tax Category", "Why there is no tax, at a rate of 0.", TAX, is_asked=True,
           names=("taxexempt",)),
    Column("tax_reason", "Tax Reason", "As invoices say it, where there is no tax.", is_asked=True,
           names=("reason", "exemptionreason")),
    Column("planned_tax", "Planned Tax", "From later days on, a line each: 2027-01-01; 19; Standard.", planned_tax),
    Column("monthly_summary", "Monthly Summary", "Whether the summary of each month is sent to them: yes or no.",
           yes_or_no),
    day_column("archived", "Archived", "The day since which a customer is out of use."),
    *(
        Column(f"contact_{place}_{part}", f"Contact {place} {label}",
               "Whom to write to and call." if part == "name" else "",
               names=(f"contact{part}", *names) if place == 1 else (), is_further=place > 1)
        for place in range(1, CONTACTS + 1)
        for part, label, names in (
            ("name", "Name", ("primarycontact", "contact", "contactperson")), ("role", "Role", ("jobtitle",)),
            ("email", "E-mail", ()), ("phone", "Phone", ()),
        )
    ),
)  # fmt: skip


def name_of(says: Mapping[str, Any]) -> str:
    """What a line calls the customer: by name, else as registered, else a person."""
    return says.get("name") or says.get("legal_name") or person_of(says)


def person_of(says: Mapping[str, Any]) -> str:
    """Who is named by first and last name."""
    return " ".join(filter(None, (says.get("first_name"), says.get("last_name"))))


def party_of(says: Mapping[str, Any]) -> dict[str, str]:
    """The fields of the party that a line says; an address in one text is split, and parts of their own count first."""
    found: dict[str, str] = {}
    if text := says.get("address"):
        parts = addresses.split(text, says.get("country", ""))
        found = {name: part for name, part in parts._asdict().items() if part}
    return found | {name: says[name] for name in PARTY if name in says}


def contacts_of(says: Mapping[str, Any]) -> tuple[ContactSaid, ...]:
    """The people that a line names; a person beside a company is the first of them where no other is named."""
    found = []
    last = max((int(name.split("_")[1]) for name in says if name.startswith("contact_")), default=0)
    for place in range(1, last + 1):
        said = ContactSaid(*(says.get(f"contact_{place}_{part}", "") for part in ContactSaid._fields))
        if any(said):
            found.append(said)
    person = person_of(says)
    if not found and person and person != name_of(says):
        return (ContactSaid(person),)
    return tuple(found)
