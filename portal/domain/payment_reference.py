"""The reference that a customer pays with: an ISO 11649 creditor reference of their number (billing-rules 13)."""

from portal.domain.check_digits import check_digits


def payment_reference(customer_id: int) -> str:
    """The same every time, and nobody else's: RF, two check digits, and the customer's number."""
    return f"RF{check_digits('RF', str(customer_id))}{customer_id}"
