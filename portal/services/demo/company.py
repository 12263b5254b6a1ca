"""Who Lumen Voice is."""

from decimal import Decimal

NAME = "Lumen Voice"
ADDRESS = "Lumen Voice Ltd\n4 Lantern Court\nBristol BS1 6QF\nUnited Kingdom"
EMAIL = "accounts@lumen.example"
TAX_ID = "GB 000 0000 00"
TIME_ZONE = "Europe/London"
CURRENCY = "GBP"
TAX_RATE = Decimal(20)
FOOTER = (
    "Lumen Voice Ltd, registered in England, company no. 00000000. "
    "Payable within 14 days to Lumen Voice Ltd, sort code 00-00-00, account 00000000. "
    "Questions: accounts@lumen.example or +44 117 496 0100."
)
