"""What a QR code says so that a bank's app fills in a transfer in euro: EPC069-12, version 002, SCT."""

from decimal import Decimal

from portal.domain.wording import plain

AMOUNT_MOST = Decimal("999999999.99")


def epc_text(name: str, iban: str, bic: str, amount: Decimal, reference: str) -> str:
    """The text of the code. Empty where none can be: without an account, or of an amount that no transfer has.

    `reference` is an ISO 11649 creditor reference. What would follow it (words, a note) is left out.
    """
    if not (iban and name and 0 < amount <= AMOUNT_MOST):
        return ""
    purpose = ""
    return "\n".join(
        ("BCD", "002", "1", "SCT", bic, name, iban, f"EUR{plain(amount, 'EUR')}", purpose, reference)
    )
