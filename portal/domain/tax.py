"""Tax on a customer's charges: a rate in per cent (billing-rules 2), and the category that invoices name (18)."""

from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from portal.domain.errors import Invalid
from portal.domain.names import written
from portal.domain.wording import percent

RATE_MAX = Decimal(100)
REASON_MAX = 250


class TaxCategory(StrEnum):
    """Why a customer is charged tax, or none. Only the standard category has a rate above 0."""

    STANDARD = "standard"
    ZERO = "zero"
    EXEMPT = "exempt"
    REVERSE_CHARGE = "reverse_charge"
    EXPORT = "export"
    INTRA_COMMUNITY = "intra_community"
    OUTSIDE_SCOPE = "outside_scope"

    @property
    def words(self) -> str:
        """As pages call it."""
        return WORDS[self]


WORDS = {
    TaxCategory.STANDARD: "Standard",
    TaxCategory.ZERO: "Zero rate",
    TaxCategory.EXEMPT: "Exempt",
    TaxCategory.REVERSE_CHARGE: "Reverse charge",
    TaxCategory.EXPORT: "Export",
    TaxCategory.INTRA_COMMUNITY: "Intra-Community",
    TaxCategory.OUTSIDE_SCOPE: "Outside scope",
}
# Without tax an invoice says why, except at the rate of zero, which is a rate of the law's.
WITHOUT_REASON = (TaxCategory.STANDARD, TaxCategory.ZERO)


class Tax(NamedTuple):
    """What tax there is on a customer's charges: the rate in per cent, its category, and without tax the reason."""

    rate: Decimal
    category: TaxCategory
    reason: str = ""

    @property
    def words(self) -> str:
        """In a line: "20%", "0%, reverse charge"."""
        if self.category == TaxCategory.STANDARD:
            return percent(self.rate)
        return f"{percent(self.rate)}, {self.category.words[0].lower()}{self.category.words[1:]}"


def check_rate(rate: Decimal, field: str = "tax_rate") -> Decimal:
    """The rate, in per cent; Invalid, at the field, where it is none."""
    if not rate.is_finite() or not 0 <= rate <= RATE_MAX or rate != round(rate, 6):
        raise Invalid(field, "A tax rate must be between 0% and 100%, with six decimals at most.")
    return rate


def check_tax(rate: Decimal, category: TaxCategory | None = None, reason: str = "") -> Tax:
    """The tax as it is kept; Invalid, at its field, where it cannot be.

    Without a category, what the rate alone says: standard, or zero. A reason is kept where there is one to give.
    """
    check_rate(rate)
    if category is None:
        category = TaxCategory.STANDARD if rate else TaxCategory.ZERO
    if category == TaxCategory.STANDARD and not rate:
        raise Invalid("tax_category", "At 0% there is no tax: choose the category that says why.")
    if category != TaxCategory.STANDARD and rate:
        raise Invalid("tax_rate", f"{category.words} is without tax: enter 0, or choose Standard.")
    if category in WITHOUT_REASON:
        return Tax(rate, category)
    reason = written(reason)
    if not reason:
        raise Invalid("tax_reason", "Enter why there is no tax: invoices have to say it.")
    if len(reason) > REASON_MAX:
        raise Invalid("tax_reason", f"Too long: {REASON_MAX} characters at most.")
    return Tax(rate, category, reason)
