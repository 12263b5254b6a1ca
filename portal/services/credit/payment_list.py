"""The list of all payments: found by amount, reference, customer, state and day."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import ColumnElement, Select, and_, or_, select

from portal.domain.money import AMOUNT_BELOW, parse_decimal
from portal.domain.names import search_words
from portal.extensions import db
from portal.models import AccountCode, Customer, Payment, PaymentState
from portal.services.credit.payment_rules import LEFT
from portal.services.listing import Sort

MILLIONTH = Decimal("0.000001")
SORTS = {
    sign + name: Sort(columns, descending=bool(sign))
    for sign in ("-", "")
    for name, columns in (
        ("date", (Payment.paid_on, Payment.id)),
        ("amount", (Payment.amount, Payment.id)),
    )
}


@dataclass(frozen=True, slots=True)
class Sought:
    """What payments are looked for: words, an amount or a reference, and what they have in common."""

    text: str = ""
    customer_id: int | None = None
    state: str = ""
    currency: str = ""
    begins: date | None = None
    through: date | None = None


def find_payments(sought: Sought) -> Select[Payment]:
    """The payments whose customer, amount or reference is what was typed, and that are as was chosen."""
    query = select(Payment).join(Payment.customer)
    if sought.text.strip():
        query = query.where(or_(*_meant(sought.text.strip())))
    if sought.customer_id is not None:
        query = query.where(Payment.customer_id == sought.customer_id)
    if sought.state:
        query = query.where(Payment.state == PaymentState(sought.state))
    if sought.currency:
        query = query.where(Customer.currency == sought.currency)
    if sought.begins:
        query = query.where(Payment.paid_on >= sought.begins)
    return query.where(Payment.paid_on <= sought.through) if sought.through else query


def _meant(text: str) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [Payment.bank_reference.icontains(text, autoescape=True)]
    if words := search_words(text):
        found.append(and_(*(_of_customer(word) for word in words)))
    if letters := re.sub(r"[^0-9a-z]", "", text.casefold()):
        # The key is the method, a space, and the reference's own letters.
        found.append(Payment.reference_key.like(f"% %{letters}%"))
    try:
        amount = parse_decimal(text)
    except ValueError:
        return found
    if abs(amount) < AMOUNT_BELOW and amount == amount.quantize(MILLIONTH):
        found.append(Payment.amount == amount)
    return found


def _of_customer(word: str) -> ColumnElement[bool]:
    coded = select(AccountCode.customer_id).where(AccountCode.search_key.contains(word, autoescape=True))
    return or_(Customer.search_key.contains(word, autoescape=True), Customer.id.in_(coded))


def lefts(payments: Collection[Payment]) -> dict[int, Decimal]:
    """What is left of each completed payment."""
    ids = [payment.id for payment in payments if payment.state == PaymentState.COMPLETED]
    query = select(Payment.id, LEFT).where(Payment.id.in_(ids))
    return {id: Decimal(left) for id, left in db.session.execute(query)}
