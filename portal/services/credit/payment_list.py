"""The lists of all payments, and of all payments back: found by amount, reference, customer, state and day."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, CompoundSelect, Select, intersect, or_, select, union

from portal.domain.money import AMOUNT_BELOW, parse_decimal
from portal.domain.names import search_words
from portal.extensions import db
from portal.models import AccountCode, Customer, Payment, PaymentBack, PaymentState
from portal.services.among import among, is_found_among
from portal.services.credit.payment_rules import LEFT
from portal.services.listing import COUNTED, Sort, count, ids_in_any, told_ids
from portal.services.parts import LETTERS, by_index, holds

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
    # The customers that the words mean (`customers_named`), where they are looked up already.
    named: Sequence[int] | None = None


def find_payments(sought: Sought) -> Select[Payment]:
    """The payments whose customer, amount or reference is what was typed, and that are as was chosen."""
    return payments_and_count(sought)[0]


def payments_and_count(sought: Sought) -> tuple[Select[Payment], int | None]:
    """The same, and how many they are, as `listing.count` says it: where that is known once they are found."""
    query = select(Payment)
    if sought.state:
        query = query.where(Payment.state == PaymentState(sought.state))
    ways = _by_text(Payment, sought)
    if letters := _letters(sought.text):
        # The key is the method, a space, and the reference's own letters.
        ways.append(_by_reference(letters, Payment.reference_key.like(f"% %{letters}%")))
    return _found(query, Payment, sought, ways)


def find_payments_back(sought: Sought) -> Select[PaymentBack]:
    """The payments back whose customer, amount or reference is what was typed, and that are as was chosen."""
    return payments_back_and_count(sought)[0]


def payments_back_and_count(sought: Sought) -> tuple[Select[PaymentBack], int | None]:
    """The same, and how many they are, where that is known."""
    query = select(PaymentBack)
    if sought.state:
        is_cancelled = sought.state == PaymentState.CANCELLED
        query = query.where(
            PaymentBack.cancelled_on.is_not(None) if is_cancelled else PaymentBack.cancelled_on.is_(None)
        )
    ways = _by_text(PaymentBack, sought)
    if letters := _letters(sought.text):
        ways.append(Way(PaymentBack.reference_key.contains(letters)))
    return _found(query, PaymentBack, sought, ways)


class Way(NamedTuple):
    """What a search means: as it is asked of each row, and as an index finds it, where one does."""

    of_each: ColumnElement[bool]
    indexed: ColumnElement[bool] | None = None


def _found(
    query: Select[Any], model: type[Payment] | type[PaymentBack], sought: Sought, ways: Sequence[Way]
) -> tuple[Select[Any], int | None]:
    """What a query finds of payments, or of payments back, narrowed by what is asked of either.

    What a text means is found first, each meaning by its own index; where that is much, all are read in order until a
    page is full.
    """
    if sought.customer_id is not None:
        query = query.where(model.customer_id == sought.customer_id)
    if sought.begins:
        query = query.where(model.paid_on >= sought.begins)
    if sought.through:
        query = query.where(model.paid_on <= sought.through)
    total = None
    if sought.currency:
        if not ways:
            # Begun with whichever are fewer: the payments, or the customers who have the currency.
            of_whom = query.join(Customer, Customer.id == model.customer_id)
            total = count(of_whom.where(Customer.currency == sought.currency))
        query = query.where(_in_currency(model, sought.currency))
    if not ways:
        return query, total
    if len(sought.text.strip()) < LETTERS:
        return query.where(or_(*(way.of_each for way in ways))), None
    ids = ids_in_any(query, (way.of_each if way.indexed is None else way.indexed for way in ways))
    if len(ids) <= COUNTED:
        return query.where(among(model.id, ids)), len(ids)
    return query.where(or_(*(way.of_each for way in ways))), len(ids)


def _in_currency(model: type[Payment] | type[PaymentBack], currency: str) -> ColumnElement[bool]:
    """Whether the money is in a currency; where few customers have it, theirs are found off an index."""
    theirs = select(Customer.id).where(Customer.currency == currency)
    if db.session.execute(theirs.offset(LOOKED_UP).limit(1)).first():
        return theirs.where(Customer.id == model.customer_id).exists()
    return model.customer_id.in_(theirs)


def _letters(text: str) -> str:
    """What a reference is told apart by, however it is spaced."""
    return re.sub(r"[^0-9a-z]", "", text.casefold())


def _by_text(model: type[Payment] | type[PaymentBack], sought: Sought) -> list[Way]:
    """What a text can mean besides the letters of a reference."""
    text = sought.text.strip()
    if not text:
        return []
    written = model.bank_reference.icontains(text, autoescape=True)
    found = [_by_reference(text.lower(), written) if model is Payment else Way(written)]
    if words := search_words(text):
        named = customers_named(text) if sought.named is None else sought.named
        few, indexed = among(model.customer_id, named), among(model.customer_id, named, is_found_among)
        found.append(
            Way(few, indexed) if len(named) <= LOOKED_UP else Way(model.customer_id.in_(_named(words)))
        )
    try:
        amount = parse_decimal(text)
    except ValueError:
        return found
    if abs(amount) < AMOUNT_BELOW and amount == amount.quantize(MILLIONTH):
        found.append(Way(model.amount == amount))
    return found


def _by_reference(part: str, of_each: ColumnElement[bool]) -> Way:
    """Payments whose reference holds a part. Of letters that are no ASCII databases know different small ones."""
    return Way(of_each, by_index(Payment, of_each, part) if part.isascii() else None)


def customers_named(text: str) -> list[int]:
    """The customers whose name or account codes hold every word of a text: LOOKED_UP + 1 where more do."""
    words = search_words(text)
    return told_ids(_named(words).limit(LOOKED_UP + 1)) if words else []


def _named(words: list[str]) -> Select[int] | CompoundSelect[int]:
    each = [_holding(word) for word in words]
    return intersect(*(select(one.subquery().c[0]) for one in each)) if each[1:] else each[0]


def _holding(word: str) -> Select[int] | CompoundSelect[int]:
    """The customers whose name holds a word, or one of whose account codes does."""
    named = select(Customer.id).where(
        by_index(Customer, Customer.search_key.contains(word, autoescape=True), word)
    )
    codes = select(AccountCode.customer_id).where(holds(AccountCode, word))
    # An index has either, but not the one or the other: PostgreSQL would read all customers.
    return union(named, codes)


def lefts(payments: Collection[Payment]) -> dict[int, Decimal]:
    """What is left of each completed payment."""
    ids = [payment.id for payment in payments if payment.state == PaymentState.COMPLETED]
    query = select(Payment.id, LEFT).where(Payment.id.in_(ids))
    return {id: Decimal(left) for id, left in db.session.execute(query)}
