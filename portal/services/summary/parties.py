"""Parties as pages and papers show them."""

from collections.abc import Callable

from portal.models import Company, Customer


def party_lines(party: Customer | Company, apart: Callable[[str], str] = str) -> list[str]:
    """What stands below the name of who charges or is charged. `apart` sets off what stands beside a word of ours."""
    legal_name = party.legal_name if party.legal_name != party.name else ""
    beside = (("VAT ID", party.vat_id), ("Registration number", party.registration_number))
    return [
        *filter(None, (legal_name, getattr(party, "company_details", ""))),
        *party.address.lines,
        *(f"{word} {apart(number)}" for word, number in beside if number),
        *filter(None, (party.email,)),
    ]
