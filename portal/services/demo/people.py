"""Who buys at Lumen Voice: sixty customers, all invented, at addresses of the reserved domain .example."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from random import Random

from portal.domain import addresses
from portal.domain.errors import Invalid
from portal.domain.names import search_key
from portal.domain.party import Party, check_vat_id
from portal.domain.tax import TaxCategory
from portal.services.customers.contacts import ContactFields
from portal.services.demo.company import PARTY

# name | town and postcode | country | currency | tax rate | seats | trait. Traits: see story.
CUSTOMERS = """
Northwind Telecom | Leeds LS1 4QP | GB | GBP | 20 | 12 | first
Fernhill Dental Practice | Bristol BS6 5TL | GB | GBP | 20 | 6 |
Marlow & Pike Solicitors | London EC4A 2BJ | GB | GBP | 20 | 22 | recording
Harbour Light Hotels | Falmouth TR11 3LP | GB | GBP | 20 | 48 | spender
Tidewater Logistics | Hull HU3 4AA | GB | GBP | 20 | 35 | spender
Greenacre Lettings | Nottingham NG1 7DB | GB | GBP | 20 | 5 |
Copperfield Accountants | Norwich NR2 1RE | GB | GBP | 20 | 9 | recording
Bramble Lane Nursery | York YO24 1BF | GB | GBP | 20 | 3 | prepaid
St Aldric's Hospice | Lincoln LN2 4WA | GB | GBP | 20 | 14 | charity
Kestrel Couriers | Coventry CV1 2FL | GB | GBP | 20 | 18 | spender
Oakhurst Veterinary Group | Exeter EX1 1GD | GB | GBP | 20 | 16 |
Pennine Plastics | Huddersfield HD1 6NA | GB | GBP | 20 | 11 | isdn
Rosewood Care Homes | Worthing BN11 3PX | GB | GBP | 20 | 26 | emergency
Silver Birch Travel | Edinburgh EH3 7TF | GB | GBP | 20 | 8 | dialler
Whitby Fish Market | Whitby YO22 4DD | GB | GBP | 20 | 2 | prepaid
Lockwood Estate Agents | Sheffield S1 2GU | GB | GBP | 20 | 13 | dialler
Orchard Street Clinic | Manchester M3 4EN | GB | GBP | 20 | 10 | recording
Ashdown Insurance Brokers | Tunbridge Wells TN1 1UX | GB | GBP | 20 | 24 | dialler
Bluebell Taxis | Leicester LE1 5WW | GB | GBP | 20 | 7 | spender
Thistle & Thorn Brewery | Glasgow G1 3NQ | GB | GBP | 20 | 4 |
Millbrook Academy Trust | Birmingham B3 2EW | GB | GBP | 20 | 60 | emergency
Quayside Print Works | Newcastle upon Tyne NE1 3DX | GB | GBP | 20 | 6 | isdn
Redbrick Contact Centres | Liverpool L3 9PP | GB | GBP | 20 | 110 | dialler
Summit Scaffolding | Cardiff CF10 2HH | GB | GBP | 20 | 5 | insolvent
Wren & Daughters Builders | Oxford OX1 4BG | GB | GBP | 20 | 3 | prepaid
Yarrow Recruitment | Reading RG1 3EU | GB | GBP | 20 | 15 | new
Lindenhof Apotheke | 60313 Frankfurt am Main | DE | EUR | 19 | 4 |
Brückner Maschinenbau | 22767 Hamburg | DE | EUR | 19 | 38 | spender
Hafenkontor Reederei | 20457 Hamburg | DE | EUR | 19 | 21 |
Sonnenberg Immobilien | 80331 München | DE | EUR | 19 | 7 | new
Krause & Voß Steuerberatung | 10719 Berlin | DE | EUR | 19 | 12 | recording
Maison Clairval | 69002 Lyon | FR | EUR | 20 | 3 | prepaid
Atelier Dumontel | 75011 Paris | FR | EUR | 20 | 5 |
Cabinet Verlaine Avocats | 33000 Bordeaux | FR | EUR | 20 | 14 | recording
Hôtel du Vieux Lavoir | 67000 Strasbourg | FR | EUR | 20 | 30 | spender
Ballymoreen Farm Supplies | Cork T12 X8PN | IE | EUR | 23 | 9 | router
Kilbrannan Kayaks | Galway H91 E2K8 | IE | EUR | 23 | 2 | new
Van der Velde Bloemen | 1432 JK Aalsmeer | NL | EUR | 21 | 8 |
Polderzicht Verzekeringen | 3511 LX Utrecht | NL | EUR | 21 | 19 | speech
Bodegas Monteluna | 26001 Logroño | ES | EUR | 21 | 6 |
Clínica Santa Rufina | 41004 Sevilla | ES | EUR | 21 | 17 | recording
Alpenblick Kurhaus | 6020 Innsbruck | AT | EUR | 0 | 10 | router
Cedar Falls Pediatrics | Cedar Falls, IA 50613 | US | USD | 7 | 9 | recording
Blue Mesa Realty | Santa Fe, NM 87501 | US | USD | 8.1875 | 12 |
Lakeshore Freight Lines | Duluth, MN 55802 | US | USD | 8.875 | 28 | spender
Tumbleweed Diners | Amarillo, TX 79101 | US | USD | 8.25 | 6 | prepaid
Juniper Ridge Ranch Supply | Bend, OR 97701 | US | USD | 0 | 5 |
Harlow & Finch Attorneys | Boston, MA 02108 | US | USD | 6.25 | 20 | recording
Prairie Wind Co-operative | Lincoln, NE 68508 | US | USD | 7.25 | 15 | emergency
Gull Point Marina | Annapolis, MD 21401 | US | USD | 6 | 4 | new
Sawtooth Outfitters | Boise, ID 83702 | US | USD | 6 | 7 |
Bayberry Dental Group | Tampa, FL 33602 | US | USD | 7.5 | 13 | spender
Magnolia Home Health | Jackson, MS 39201 | US | USD | 7 | 25 | world
Ironwood Fabrication | Tucson, AZ 85701 | US | USD | 8.7 | 11 |
Sakurame Trading | Yokohama 231-0023 | JP | JPY | 10 | 9 | fax
Tsukimi Ryokan | Kanazawa 920-0831 | JP | JPY | 10 | 12 |
Minamori Language School | Fukuoka 810-0001 | JP | JPY | 10 | 6 | new
Sahil Gardens Hotel | Salmiya 22001 | KW | KWD | 0 | 20 | emergency
Noor Coast Trading | Kuwait City 13001 | KW | KWD | 0 | 5 | prepaid
Seeblick Treuhand | 8001 Zürich | CH | CHF | 8.1 | 8 |
"""

# What the two switches call those whose call records come from both; the others go by their names.
ACCOUNT_CODES = {
    "Northwind Telecom": ("LV-10042", "northwind"),
    "Harbour Light Hotels": ("LV-10118", "harbourlight-fal"),
    "Tidewater Logistics": ("LV-10131", "tidewater"),
    "Kestrel Couriers": ("LV-10207",),
    "Redbrick Contact Centres": ("LV-10344", "redbrick-lpl", "redbrick-overflow"),
    "Brückner Maschinenbau": ("LV-20015", "brueckner"),
    "Lakeshore Freight Lines": ("LV-30026",),
}

# Who has agreed on other days to pay than the company's fourteen.
PAYMENT_DAYS = {"Millbrook Academy Trust": 30, "Brückner Maschinenbau": 30, "Bramble Lane Nursery": 7}

STREETS = {
    "GB": (
        "{n} Castle Wharf",
        "{n} Mill Lane",
        "{n} Station Road",
        "{n} Chapel Street",
        "Unit {n}, Foundry Yard",
    ),
    "IE": ("{n} Quay Street", "Unit {n}, Mill Park"),
    "US": ("{n} Main Street", "{n}00 Cottonwood Avenue", "{n} Depot Road, Suite 4"),
    "DE": ("Lindenallee {n}", "Am Speicher {n}", "Gartenweg {n}"),
    "AT": ("Kirchgasse {n}",),
    "CH": ("Seeweg {n}",),
    "FR": ("{n} rue des Tilleuls", "{n} quai du Moulin", "{n} place du Marché"),
    "NL": ("Molenkade {n}", "Lindelaan {n}"),
    "ES": ("Calle del Molino {n}", "Plaza de la Fuente {n}"),
    "JP": ("{n}-4 Hanamachi",),
    "KW": ("Block {n}, Coast Street",),
}
# Who is charged no tax, and why.
NO_TAX = {
    "Alpenblick Kurhaus": (
        TaxCategory.REVERSE_CHARGE,
        "Article 196 of Directive 2006/112/EC",
    ),
    "Juniper Ridge Ranch Supply": (TaxCategory.OUTSIDE_SCOPE, "Oregon has no sales tax"),
    "Sahil Gardens Hotel": (TaxCategory.EXPORT, "Supplied outside the United Kingdom"),
    "Noor Coast Trading": (TaxCategory.EXPORT, "Supplied outside the United Kingdom"),
}

# By what names the law knows some of them.
LEGAL_NAMES = {
    "Northwind Telecom": "Northwind Telecommunications Ltd",
    "Harbour Light Hotels": "HLH Falmouth Holdings Ltd",
    "Brückner Maschinenbau": "Brückner Maschinenbau GmbH & Co. KG",
    "Maison Clairval": "Clairval SARL",
    "Van der Velde Bloemen": "Van der Velde Bloemen B.V.",
    "Lakeshore Freight Lines": "Lakeshore Freight Lines, Inc.",
}

# Whom Lumen Voice knows there. The numbers are of those that are kept free for stories.
CONTACTS = {
    "Northwind Telecom": (
        ContactFields("Nora Ashworth", "Office manager", "nora@northwind-telecom.example", "+441134960112"),
        ContactFields("Imran Sheikh", "IT", "imran@northwind-telecom.example"),
    ),
    "Redbrick Contact Centres": (
        ContactFields(
            "Gemma Tooley", "Accounts payable", "gemma@redbrick-contact-centres.example", "+441514960188"
        ),
    ),
    "Brückner Maschinenbau": (
        ContactFields(
            "Jörg Petersen", "Buchhaltung", "j.petersen@brueckner-maschinenbau.example", "+494066969123"
        ),
    ),
    "Lakeshore Freight Lines": (ContactFields("Dana Whitfield", "Controller", "", "+12185550142"),),
}

# The accounts by which the registry of IBANs explains them: they belong to nobody.
IBANS = {
    "Northwind Telecom": "GB33BUKB20201555555555",
    "Brückner Maschinenbau": "DE75512108001245126199",
    "Maison Clairval": "FR7630006000011234567890189",
    "Van der Velde Bloemen": "NL02ABNA0123456789",
}

# Phones of those numbers that a country keeps free for stories, with how many digits are left to choose.
PHONES = {
    "GB": "+4420794600{n:02d}",
    "US": "+120255501{n:02d}",
    "DE": "+4930231250{n:02d}",
    "FR": "+331990000{n:02d}",
}

# How a country writes its VAT IDs, for the numbers at the end of all that there can be: nobody has those.
VAT_IDS = {
    "GB": "{n:09d}", "DE": "{n:09d}", "NL": "{n:09d}B01", "ES": "B{n:08d}", "AT": "U{n:08d}", "CH": "CHE{n:09d}",
    "JP": "{n:013d}", "IE": "{n:07d}{letter}", "FR": "{key:02d}{n:09d}",
}  # fmt: skip
LAST = {"ES": 10**8, "AT": 10**8, "JP": 10**13, "IE": 10**7}
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVW"


@dataclass(frozen=True, slots=True)
class Person:
    """A customer of the demo, before anything is stored."""

    key: str
    name: str
    country: str
    currency: str
    tax_rate: Decimal
    seats: int
    trait: str
    email: str
    party: Party


def everybody(random: Random) -> list[Person]:
    """All sixty, in the order of the list."""
    numbers = {country: filter(PARTY.vat_id.__ne__, vat_ids(country)) for country in STREETS}
    return [_person(line, random, numbers) for line in CUSTOMERS.strip().splitlines()]


def vat_ids(country: str) -> Iterator[str]:
    """VAT IDs of a country whose check digits are right and that nobody has; none where it has none."""
    form = VAT_IDS.get(country, "")
    for n in count(LAST.get(country, 10**9) - 1, -1) if form else ():
        for letter in LETTERS if "letter" in form else "-":
            number = form.format(n=n, key=(12 + 3 * (n % 97)) % 97, letter=letter)
            try:
                yield check_vat_id(number, country)
            except Invalid:
                continue


def _person(line: str, random: Random, numbers: Mapping[str, Iterator[str]]) -> Person:
    name, town, country, currency, tax_rate, seats, trait = (part.strip() for part in line.split("|"))
    key = "-".join(_word(word) for word in name.split() if _word(word))
    street = random.choice(STREETS[country]).format(n=random.randint(1, 98))
    return Person(
        key=key,
        name=name,
        country=country,
        currency=currency,
        tax_rate=Decimal(tax_rate),
        seats=int(seats),
        trait=trait,
        party=_party(name, f"{street}\n{town}", country, next(numbers[country], ""), random),
        email=f"{random.choice(('accounts', 'office', 'billing'))}@{key}.example",
    )


def _party(name: str, address: str, country: str, vat_id: str, random: Random) -> Party:
    number = random.randint(10_000_000, 99_999_999)
    return Party(
        legal_name=LEGAL_NAMES.get(name, ""),
        **addresses.split(address, country)._asdict(),
        vat_id=vat_id,
        registration_number=registration_number(country, number, vat_id),
        phone=PHONES[country].format(n=number % 100) if country in PHONES else "",
    )


def _word(word: str) -> str:
    return "".join(letter for letter in search_key(word) if "a" <= letter <= "z")


def registration_number(country: str, number: int, vat_id: str) -> str:
    """A registration as that country writes it; the numbers belong to nobody."""
    forms = {
        "GB": f"0{number % 10_000_000:07d}",
        "DE": f"HRB {number % 100_000}",
        "FR": vat_id[4:],
        "IE": f"{number % 1_000_000}",
        "NL": f"{number}",
        "CH": vat_id.removesuffix("MWST"),
    }
    return forms.get(country, "")
