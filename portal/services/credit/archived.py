"""The account of an archived customer stands still: nothing is entered into it (billing-rules 7)."""

from portal.domain.errors import RuleBroken, WayOut
from portal.models import Customer


def check_not_archived(customer: Customer) -> None:
    """RuleBroken, with the way out, where a customer is archived."""
    if customer.archived_on:
        raise RuleBroken(
            f"{customer.name} is archived, so the balance cannot change. Restore the customer first.",
            WayOut(
                f"Restore {customer.name}",
                "customers.restore",
                {"customer_id": customer.id},
                {"version": customer.version},
            ),
        )
