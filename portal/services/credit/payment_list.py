"""The lists of all payments, and of all payments back: found by amount, reference, customer, state and day."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from portal.domain.money import AMOUNT_BELOW, parse_decimal
from portal.domain.names import search_words
from portal.extensions import db
from portal.models import AccountCode, Customer, Payment, PaymentBack, PaymentState
from portal.services.credit.payment_rules import LEFT
from portal.services.listing import Sort

MILLIONTH = Decimal("0.000001")


def _sorts(model: type[Payment] | type[PaymentBack]) -> dict[str, Sort]:
    return {
        sign + name: Sort((column, model.id), descending=bool(sign))
        for sign in ("-", "")
        for name, column in (("date", model.paid_on), ("amount", model.amount))
    }


SORTS = _sorts(Payment)
SORTS_BACK = _sorts(PaymentBack)
# What a payment back can be: money that is gone, or that came back.
BACK_STATES = (PaymentState.COMPLETED, PaymentState.CANCELLED)


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
    if sought.state:
        query = query.where(Payment.state == PaymentState(sought.state))
    # The key is the method, a space, and the reference's own letters.
    letters = _letters(sought.text)
    return _found(query, Payment, sought, Payment.reference_key.like(f"% %{letters}%") if letters else None)


def find_payments_back(sought: Sought) -> Select[PaymentBack]:
    """The payments back whose customer, amount or reference is what was typed, and that are as was chosen."""
    query = select(PaymentBack).join(PaymentBack.customer)
    if sought.state:
        is_cancelled = sought.state == PaymentState.CANCELLED
        query = query.where(
            PaymentBack.cancelled_on.is_not(None) if is_cancelled else PaymentBack.cancelled_on.is_(None)
        )
    together: Any = func.lower(PaymentBack.bank_reference)
    for sign in " -./":
        together = func.replace(together, sign, "")
    letters = _letters(sought.text)
    return _found(query, PaymentBack, sought, together.like(f"%{letters}%") if letters else None)


def _found(
    query: Select[Any],
    model: type[Payment] | type[PaymentBack],
    sought: Sought,
    by_letters: ColumnElement[bool] | None,
) -> Select[Any]:
    """What a query finds of payments, or of payments back, narrowed by what is asked of either."""
    if text := sought.text.strip():
        meant = [*_meant(model, text), *([] if by_letters is None else [by_letters])]
        query = query.where(or_(*meant))
    if sought.customer_id is not None:
        query = query.where(model.customer_id == sought.customer_id)
    if sought.currency:
        query = query.where(Customer.currency == sought.currency)
    if sought.begins:
        query = query.where(model.paid_on >= sought.begins)
    return query.where(model.paid_on <= sought.through) if sought.through else query


def _letters(text: str) -> str:
    """What a reference is told apart by, however it is spaced."""
    return re.sub(r"[^0-9a-z]", "", text.casefold())


def _meant(model: type[Payment] | type[PaymentBack], text: str) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [model.bank_reference.icontains(text, autoescape=True)]
    if words := search_words(text):
        found.append(and_(*(_of_customer(word) for word in words)))
    try:
        amount = parse_decimal(text)
    except ValueError:
        return found
    if abs(amount) < AMOUNT_BELOW and amount == amount.quantize(MILLIONTH):
        found.append(model.amount == amount)
    return found


def _of_customer(word: str) -> ColumnElement[bool]:
    coded = select(AccountCode.customer_id).where(AccountCode.search_key.contains(word, autoescape=True))
    return or_(Customer.search_key.contains(word, autoescape=True), Customer.id.in_(coded))


def lefts(payments: Collection[Payment]) -> dict[int, Decimal]:
    """What is left of each completed payment."""
    ids = [payment.id for payment in payments if payment.state == PaymentState.COMPLETED]
    query = select(Payment.id, LEFT).where(Payment.id.in_(ids))
    return {id: Decimal(left) for id, left in db.session.execute(query)}
