"""The lists of all payments, and of all payments back: found by amount, reference, customer, state and day."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, or_, select, union

from portal.domain.money import AMOUNT_BELOW, parse_decimal
from portal.domain.names import search_words
from portal.extensions import db
from portal.models import AccountCode, Customer, Payment, PaymentBack, PaymentState
from portal.services.among import among
from portal.services.credit.payment_rules import LEFT
from portal.services.listing import Sort
from portal.services.parts import LETTERS, holds

MILLIONTH = Decimal("0.000001")
# A search that means more customers than this looks them up as it goes.
LOOKED_UP = 10_000


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
    query = select(Payment)
    if sought.state:
        query = query.where(Payment.state == PaymentState(sought.state))
    # The key is the method, a space, and the reference's own letters.
    letters = _letters(sought.text)
    return _found(query, Payment, sought, Payment.reference_key.like(f"% %{letters}%") if letters else None)


def find_payments_back(sought: Sought) -> Select[PaymentBack]:
    """The payments back whose customer, amount or reference is what was typed, and that are as was chosen."""
    query = select(PaymentBack)
    if sought.state:
        is_cancelled = sought.state == PaymentState.CANCELLED
        query = query.where(
            PaymentBack.cancelled_on.is_not(None) if is_cancelled else PaymentBack.cancelled_on.is_(None)
        )
    letters = _letters(sought.text)
    return _found(
        query, PaymentBack, sought, PaymentBack.reference_key.contains(letters) if letters else None
    )


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
        query = query.where(
            model.customer_id.in_(select(Customer.id).where(Customer.currency == sought.currency))
        )
    if sought.begins:
        query = query.where(model.paid_on >= sought.begins)
    return query.where(model.paid_on <= sought.through) if sought.through else query


def _letters(text: str) -> str:
    """What a reference is told apart by, however it is spaced."""
    return re.sub(r"[^0-9a-z]", "", text.casefold())


def _meant(model: type[Payment] | type[PaymentBack], text: str) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [model.bank_reference.icontains(text, autoescape=True)]
    if words := search_words(text):
        found.append(_of_customers(model, words))
    try:
        amount = parse_decimal(text)
    except ValueError:
        return found
    if abs(amount) < AMOUNT_BELOW and amount == amount.quantize(MILLIONTH):
        found.append(model.amount == amount)
    return found


def _of_customers(model: type[Payment] | type[PaymentBack], words: list[str]) -> ColumnElement[bool]:
    """Whether a payment is of a customer whose name or account codes hold every word. Few are looked up first."""
    query = select(Customer.id).where(*(_holds(word) for word in words))
    few = list(db.session.scalars(query.limit(LOOKED_UP + 1)))
    return among(model.customer_id, few) if len(few) <= LOOKED_UP else model.customer_id.in_(query)


def _holds(word: str) -> ColumnElement[bool]:
    """Whether a customer's name holds a word, or one of the account codes does."""
    named = Customer.search_key.contains(word, autoescape=True) & holds(Customer, word)
    codes = select(AccountCode.customer_id).where(holds(AccountCode, word))
    if len(word) < LETTERS:
        return named | Customer.id.in_(codes)
    # An index has either, but not the one or the other: PostgreSQL would read all customers.
    return Customer.id.in_(union(select(Customer.id).where(named), codes))


def lefts(payments: Collection[Payment]) -> dict[int, Decimal]:
    """What is left of each completed payment."""
    ids = [payment.id for payment in payments if payment.state == PaymentState.COMPLETED]
    query = select(Payment.id, LEFT).where(Payment.id.in_(ids))
    return {id: Decimal(left) for id, left in db.session.execute(query)}
