"""A tax rate: per cent of an amount (billing-rules 2)."""

from decimal import Decimal

from portal.domain.errors import Invalid

RATE_MAX = Decimal(100)


def check_rate(rate: Decimal, field: str = "tax_rate") -> Decimal:
    """The rate, in per cent; Invalid, at the field, where it is none."""
    if not rate.is_finite() or not 0 <= rate <= RATE_MAX or rate != round(rate, 6):
        raise Invalid(field, "A tax rate must be between 0 and 100 %, with six decimals at most.")
    return rate
