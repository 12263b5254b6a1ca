"""Bank accounts: an IBAN and a BIC, told from what was mistyped."""

import re

from stdnum import iban as ibans
from stdnum.exceptions import InvalidChecksum, ValidationError

from portal.domain.errors import Invalid

# ISO 13616: a country, two check digits, then what the country has; the shortest has 15 letters in all (Norway).
IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
# ISO 9362: four letters of the bank, its country, two of the place, and three of the branch or none.
BIC = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?")

NO_IBAN = "That is no IBAN. Enter one such as GB82 WEST 1234 5698 7654 32."


def compact(text: str) -> str:
    """As it is kept: in capitals, without the spaces between its groups."""
    return "".join(text.split()).upper()


def masked(iban: str) -> str:
    """Enough of an IBAN to know it again: GB82 … 5432."""
    return f"{iban[:4]} … {iban[-4:]}" if iban else ""


def shown(account: str) -> str:
    """Enough of any account to know it again: an IBAN as `masked` has it, a shorter one as it is."""
    return masked(account) if len(account) > 12 else account


def check_iban(text: str) -> str:
    """An IBAN as it is kept; empty is none. Invalid where its form or its check digits are wrong."""
    given = compact(text)
    if given and not IBAN.fullmatch(given):
        raise Invalid("iban", NO_IBAN)
    try:
        return ibans.validate(given) if given else ""
    except InvalidChecksum:
        raise Invalid(
            "iban", "The check digits of this IBAN are wrong. Compare it with what the bank says."
        ) from None
    except ValidationError:
        raise Invalid("iban", NO_IBAN) from None


def check_bic(text: str) -> str:
    """A BIC as it is kept; empty is none. Invalid where it is none."""
    bic = compact(text)
    if bic and not BIC.fullmatch(bic):
        raise Invalid(
            "bic", "That is no BIC: it has 8 or 11 letters and digits, such as DEUTDEFF or DEUTDEFF500."
        )
    return bic
