"""The message that confirms a payment, where somebody wanted one."""

from datetime import datetime

from portal.models import Payment
from portal.models.company import company
from portal.services.mail import outbox as mail
from portal.services.mail.letters import drawn


def confirm(payment: Payment, now: datetime) -> None:
    """Tell the customer that a payment arrived; once, and only where it was wanted and there is an address."""
    if not payment.confirm_by_email or not payment.customer.email:
        return
    provider = company()
    mail.queue(
        f"payment {payment.id}",
        payment.customer.email,
        "We have received your payment",
        drawn("payments/confirmation.txt", payment=payment, provider=provider),
        now=now,
    )
