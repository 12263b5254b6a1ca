"""A party: who stands on a summary and on an invoice, as the law and the post know them.

VAT IDs and registration numbers are checked by python-stdnum, by the rules of the party's country where it has some,
and kept as those write them: without spaces and dots, in Europe with the country in front.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from stdnum import get_cc_module
from stdnum.eu.vat import MEMBER_STATES
from stdnum.exceptions import InvalidChecksum, ValidationError
from stdnum.util import clean, get_module_name

from portal.domain.addresses import Address, countries, name_of
from portal.domain.errors import Invalid
from portal.domain.names import written
from portal.domain.phone_numbers import NotANumber, read_number
from portal.domain.wording import listed

# How long each may be. An address that was one text of a thousand letters stays whole, in its first line.
LONGEST = {
    "legal_name": 250, "street": 1_000, "street_2": 250, "city": 120, "postcode": 20, "state": 120, "vat_id": 40,
    "registration_number": 80,
}  # fmt: skip
# What a number of a country is to begin with in Europe, where that is not the country's code.
PREFIXES = {"GR": "EL"}
# What must stand behind a number, where somebody typed the number alone.
ENDINGS = {"CH": "MWST", "NO": "MVA"}
# What a country calls its VAT ID, where stdnum misspells it.
VAT_ID_NAMES = {"DE": "USt-IdNr. (Umsatzsteuer-Identifikationsnummer, German VAT number)"}
# By which rules of stdnum the registration number of a country is told: any of these will do.
REGISTERED = {
    "AU": ("acn", "abn"), "BE": ("vat",), "CH": ("uid",), "DK": ("cvr",), "EE": ("registrikood",),
    "FI": ("ytunnus",), "FR": ("siren", "siret"), "IL": ("hp",), "JP": ("cn",), "NO": ("orgnr",), "PL": ("regon",),
    "SE": ("orgnr",), "SG": ("uen",), "SI": ("maticna",),
}  # fmt: skip
NUMBER = re.compile(r"(CHE)?[\d\s.\-/]+", re.ASCII)
EUROPEAN = re.compile(r"[A-Z]{2}[0-9A-Z+*]{2,13}", re.ASCII)
DIGITS_LEAST = 7


@dataclass(frozen=True, slots=True)
class Party:
    """Who they are by law and where, as typed or as kept. `phone` is in E.164 once it is kept."""

    legal_name: str = ""
    street: str = ""
    street_2: str = ""
    city: str = ""
    postcode: str = ""
    state: str = ""
    country: str = ""
    vat_id: str = ""
    registration_number: str = ""
    phone: str = ""

    @property
    def address(self) -> Address:
        """Where they are."""
        return Address(self.street, self.street_2, self.city, self.postcode, self.state, self.country)


# Of whom nothing is known.
NOBODY = Party()


def checked(party: Party) -> Party:
    """The party as it is kept. Invalid names the field that cannot be."""
    texts = {name: written(getattr(party, name)) for name in LONGEST}
    for name, most in LONGEST.items():
        if len(texts[name]) > most:
            raise Invalid(name, f"Too long: {most} characters at most.")
    if party.country and party.country not in countries():
        raise Invalid("country", "Choose a Country from the list.")
    kept = replace(party, **texts)
    return replace(
        kept,
        vat_id=check_vat_id(kept.vat_id, kept.country),
        registration_number=check_registration_number(kept.registration_number, kept.country),
        phone=check_phone(kept.phone, kept.country),
    )


def has_vat_id(country: str) -> bool:
    """Whether parties of a country have a VAT ID; where no country is chosen, they may."""
    return not country or get_cc_module(country.lower(), "vat") is not None


def vat_id_name(country: str) -> str:
    """What a VAT ID is in a country: "ABN (Australian Business Number)"; empty where that has no name of its own."""
    rule: Any = get_cc_module(country.lower(), "vat") if country else None
    name = VAT_ID_NAMES.get(country) or (get_module_name(rule) if rule else "")
    return "" if name.startswith("VAT") else name


def registration_name(country: str) -> str:
    """What the registration number of a country is; empty where that is not known."""
    rules: list[Any] = [get_cc_module(country.lower(), name) for name in REGISTERED.get(country, ())]
    return listed([get_module_name(rule) for rule in rules], "or") if rules else ""


def check_vat_id(text: str, country: str) -> str:
    """A VAT ID as it is kept; empty is none. Invalid where it is mistyped.

    A number of another European country is taken as well: a company may be registered for VAT in several.
    """
    number = clean(text, " -./").upper()
    if not number:
        return ""
    first: Invalid | None = None
    for of in dict.fromkeys((country, _country_of_prefix(number))):
        rule = _vat_rule(of)
        if rule is None:
            continue
        try:
            return rule(number)
        except ValidationError as error:
            first = first or _refused("vat_id", error, of)
    if first:
        raise first
    return written(text)


def _vat_rule(country: str) -> Callable[[str], str] | None:
    """How a VAT ID of a country is read: the number as it is kept, or ValidationError."""
    rule = get_cc_module(country.lower(), "vat") if country else None
    if rule is None:
        return None
    prefix = PREFIXES.get(country, country) if _is_european(country) or country in ("GB", "NO") else ""

    def read(number: str) -> str:
        given = "XI" if country == "GB" and number.startswith("XI") else prefix
        bare, ending = number.removeprefix(given), ENDINGS.get(country, "")
        try:
            kept: str = rule.validate(bare)
        except ValidationError:
            if not ending or bare.endswith(ending):
                raise
            kept = rule.validate(bare + ending)
        return kept if kept.startswith(given) else given + kept

    return read


def _is_european(country: str) -> bool:
    return country.lower() in MEMBER_STATES


def _country_of_prefix(number: str) -> str:
    """The European country whose code a number begins with; empty where it does not look like a VAT ID of one."""
    if not EUROPEAN.fullmatch(number) or sum(map(str.isdigit, number)) < DIGITS_LEAST:
        return ""
    code = {"EL": "GR", "XI": "GB"}.get(number[:2], number[:2])
    return code if _is_european(code) or code == "GB" else ""


def check_registration_number(text: str, country: str) -> str:
    """A registration number as it is kept; empty is none. Invalid where it is mistyped.

    Told by its country's rule where it is a number alone; with words beside it (RCS Paris ...) as it was written.
    """
    rules: list[Any] = [get_cc_module(country.lower(), name) for name in REGISTERED.get(country, ())]
    if not rules or not NUMBER.fullmatch(text.upper()):
        return text
    refused: list[ValidationError] = []
    for rule in rules:
        try:
            kept: str = rule.validate(text)
            return kept
        except ValidationError as error:
            refused.append(error)
    raise _refused("registration_number", max(refused, key=_is_digit), country)


def _is_digit(error: ValidationError) -> bool:
    return isinstance(error, InvalidChecksum)


def _refused(field: str, error: ValidationError, country: str) -> Invalid:
    """What is wrong with a number, in a sentence."""
    is_vat = field == "vat_id"
    what = "VAT ID" if is_vat else "registration number"
    name = vat_id_name(country) if is_vat else registration_name(country)
    short = name.partition(" (")[0]
    whose = f"{name_of(country)}: {short}" if short else name_of(country)
    if _is_digit(error):
        return Invalid(
            field, f"This {what} is mistyped: its check digit is wrong. Compare it with the original."
        )
    return Invalid(field, f"That is no {what} ({whose}). Compare it with the original.")


def check_phone(text: str, country: str, field: str = "phone") -> str:
    """A phone number in E.164; empty is none. Invalid where it is none."""
    if not text:
        return ""
    try:
        return read_number(text, country)
    except NotANumber as error:
        raise Invalid(field, str(error)) from None
