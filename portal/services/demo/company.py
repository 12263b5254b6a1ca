"""Who Lumen Voice is."""

from decimal import Decimal

from portal.domain.party import Party
from portal.models.company import company

NAME = "Lumen Voice"
PARTY = Party(
    legal_name="Lumen Voice Ltd",
    street="4 Lantern Court",
    city="Bristol",
    postcode="BS1 6QF",
    country="GB",
    # The number by which HMRC explains theirs, and one that no company has.
    vat_id="GB999999973",
    registration_number="00000000",
    phone="+441174960100",
)
EMAIL = "accounts@lumen.example"
TIME_ZONE = "Europe/London"
CURRENCY = "GBP"
TAX_RATE = Decimal(20)
FOOTER = "Registered in England. Questions: accounts@lumen.example or +44 117 496 0100."
# An account that banks use in their examples; it belongs to nobody.
ACCOUNT_NAME, IBAN, BIC = "Lumen Voice Ltd", "GB82WEST12345698765432", "WESTGB22"
BANK_DETAILS = "Within the UK: sort code 12-34-56, account 98765432"


def introduce() -> None:
    """Put all of that into the settings."""
    provider = company()
    provider.name, provider.party, provider.email = NAME, PARTY, EMAIL
    provider.summary_footer = FOOTER
    provider.time_zone, provider.default_currency = TIME_ZONE, CURRENCY
    provider.default_tax_rate = TAX_RATE
    provider.account_name, provider.iban, provider.bic = ACCOUNT_NAME, IBAN, BIC
    provider.bank_details = BANK_DETAILS
