"""Payments, and payments back, by bank reference and by amount."""

from typing import Any

from sqlalchemy import Select, select, text
from sqlalchemy.orm import joinedload

from portal.domain.bank_reference import reference_letters
from portal.domain.searching import Rank, Typed
from portal.domain.wording import day, money_in
from portal.extensions import db
from portal.models import Customer, Payment, PaymentBack, PaymentMethod, PaymentState
from portal.services.parts import begins
from portal.services.search.hits import SHOWN, Hit, Hits, Kind, best
from portal.services.search.words import ids_of

# Said as the index says it, which is not taken otherwise.
HAS_REFERENCE = "{}.reference_key <> ''"


def find_payments(typed: Typed) -> Hits:
    """The payments whose bank reference begins with what was typed, or whose amount it is; the latest first."""
    ways = [_with_amount(Payment, typed)] if typed.amount is not None else []
    if typed.reference:
        ways += [_with_reference(Payment, f"{method} {typed.reference}") for method in PaymentMethod]
    payments, more = _load(Payment, ways)
    ranked = sorted(
        ((_rank(payment, typed), -payment.id, payment) for payment in payments), key=lambda row: row[:2]
    )
    rows = [
        Hit(
            Kind.PAYMENT,
            payment.id,
            f"Payment of {day(payment.paid_on)}",
            rank,
            _why(payment, typed),
            (
                payment.customer.name,
                money_in(payment.amount, payment.customer.currency),
                *([payment.state.value] if payment.state != PaymentState.COMPLETED else []),
            ),
        )
        for rank, _, payment in ranked[: SHOWN + 1]
    ]
    return best(Kind.PAYMENT, rows, more)


def find_payments_back(typed: Typed) -> Hits:
    """The payments back of this amount, or with this bank reference: those that came back, and what was paid out."""
    ways = [_with_amount(PaymentBack, typed)] if typed.amount is not None else []
    if typed.reference:
        ways.append(_with_reference(PaymentBack, typed.reference))
    found, more = _load(PaymentBack, ways)
    ranked = sorted(((_rank(back, typed), -back.id, back) for back in found), key=lambda row: row[:2])
    rows = [
        Hit(
            Kind.PAYMENT_BACK,
            back.id,
            f"Paid back on {day(back.paid_on)}",
            rank,
            _why(back, typed),
            (
                back.customer.name,
                money_in(back.amount, back.customer.currency),
                *(["cancelled"] if back.cancelled_on else []),
            ),
        )
        for rank, _, back in ranked[: SHOWN + 1]
    ]
    return best(Kind.PAYMENT_BACK, rows, more)


def _with_amount(model: Any, typed: Typed) -> Select[int]:
    query = select(model.id).where(model.amount == typed.amount).order_by(model.id.desc())
    if not typed.currency:
        return query
    return query.join(Customer, Customer.id == model.customer_id).where(Customer.currency == typed.currency)


def _with_reference(model: Any, key: str) -> Select[int]:
    has_one = text(HAS_REFERENCE.format(model.__tablename__))
    return select(model.id).where(has_one, begins(model.reference_key, key))


def _load(model: Any, ways: list[Select[int]]) -> tuple[list[Any], bool]:
    if not ways:
        return [], False
    ids, more = ids_of(ways)
    if not ids:
        return [], False
    query = select(model).where(model.id.in_(sorted(ids))).options(joinedload(model.customer))
    return list(db.session.scalars(query)), more


def _why(payment: Payment | PaymentBack, typed: Typed) -> str:
    return "by amount" if payment.amount == typed.amount else f"by bank reference {payment.bank_reference}"


def _rank(payment: Payment | PaymentBack, typed: Typed) -> Rank:
    is_whole = reference_letters(payment.bank_reference) == typed.reference
    return Rank.EXACT if is_whole or payment.amount == typed.amount else Rank.BEGINS
