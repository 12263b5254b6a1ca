"""Who Lumen Voice is."""

from decimal import Decimal

from portal.models.company import company

NAME = "Lumen Voice"
ADDRESS = "Lumen Voice Ltd\n4 Lantern Court\nBristol BS1 6QF\nUnited Kingdom"
EMAIL = "accounts@lumen.example"
TAX_ID = "GB 000 0000 00"
TIME_ZONE = "Europe/London"
CURRENCY = "GBP"
TAX_RATE = Decimal(20)
FOOTER = (
    "Lumen Voice Ltd, registered in England, company no. 00000000. "
    "Questions: accounts@lumen.example or +44 117 496 0100."
)
# An account that banks use in their examples; it belongs to nobody.
ACCOUNT_NAME, IBAN, BIC = "Lumen Voice Ltd", "GB82WEST12345698765432", "WESTGB22"
BANK_DETAILS = "Within the UK: sort code 12-34-56, account 98765432"


def introduce() -> None:
    """Put all of that into the settings."""
    provider = company()
    provider.name, provider.address, provider.email = NAME, ADDRESS, EMAIL
    provider.tax_id, provider.summary_footer = TAX_ID, FOOTER
    provider.time_zone, provider.default_currency = TIME_ZONE, CURRENCY
    provider.default_tax_rate = TAX_RATE
    provider.account_name, provider.iban, provider.bic = ACCOUNT_NAME, IBAN, BIC
    provider.bank_details = BANK_DETAILS
