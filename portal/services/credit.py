"""Credit: what moves a customer's balance, and what is to be paid (billing-rules 9).

The balance is the sum of its entries; nothing else says what it is. An entry is dated the day it is made, so
that a statement once printed does not change, and names the day it is for.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar

from sqlalchemy import BigInteger, ColumnElement, Select, func, insert, select, type_coerce
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased

from portal.domain.errors import Invalid, RuleBroken, WayOut
from portal.domain.money import AMOUNT_BELOW, fits, minor_digits, minor_unit, round_half_up, tax_on
from portal.domain.schedule import FIRST_DAY
from portal.domain.terms import in_force
from portal.extensions import db
from portal.models import (
    Allocation,
    BalanceEntry,
    Call,
    Charge,
    Customer,
    EntrySource,
    Payment,
    PaymentState,
)
from portal.services.payment_mail import confirm
from portal.services.raw_tables import ENTRY
from portal.services.terms import tax_rates_of

ZERO = Decimal(0)
Row = TypeVar("Row", Payment, BalanceEntry)


# -- what stands


def balances(customer_ids: Collection[int]) -> dict[int, Decimal]:
    """The balance of each customer."""
    query = (
        select(BalanceEntry.customer_id, func.sum(BalanceEntry.amount))
        .where(BalanceEntry.customer_id.in_(customer_ids))
        .group_by(BalanceEntry.customer_id)
    )
    found = {row[0]: row[1] for row in db.session.execute(query)}
    return {id: found.get(id, ZERO) for id in customer_ids}


def balance_of(customer_id: int, before: date | None = None) -> Decimal:
    """A customer's balance; with a day, as it stood when that day began."""
    query = select(func.coalesce(func.sum(BalanceEntry.amount), 0)).where(
        BalanceEntry.customer_id == customer_id
    )
    if before:
        query = query.where(BalanceEntry.made_on < before)
    return Decimal(db.session.scalar(query) or 0)


def available_to(customer: Customer) -> Decimal:
    """Balance and debit limit: what the customer is good for."""
    return balance_of(customer.id) + customer.debit_limit


@dataclass(frozen=True, slots=True)
class BelowLimit:
    """A customer who is not good for what they owe: available is under zero."""

    customer: Customer
    balance: Decimal

    @property
    def available(self) -> Decimal:
        """Balance and debit limit."""
        return self.balance + self.customer.debit_limit


def below_limit(*among: ColumnElement[bool], most: int | None = None) -> list[BelowLimit]:
    """Customers whose available is under zero, by name: all of them, or those `among` some."""
    entries = (
        select(BalanceEntry.customer_id.label("customer_id"), func.sum(BalanceEntry.amount).label("balance"))
        .group_by(BalanceEntry.customer_id)
        .subquery()
    )
    balance = func.coalesce(entries.c.balance, 0)
    query = (
        select(Customer, entries.c.balance)
        .outerjoin(entries, entries.c.customer_id == Customer.id)
        .where(Customer.archived_on.is_(None), balance + Customer.debit_limit < 0, *among)
        .order_by(Customer.search_key, Customer.id)
        .limit(most)
    )
    return [BelowLimit(row[0], row[1] or ZERO) for row in db.session.execute(query)]


def below_among(customers: Collection[Customer]) -> dict[int, Decimal]:
    """What is available to those of these customers who are below their limit."""
    stands = balances([customer.id for customer in customers])
    available = {customer.id: stands[customer.id] + customer.debit_limit for customer in customers}
    return {id: amount for id, amount in available.items() if amount < 0}


# -- what is to be paid


@dataclass(frozen=True, slots=True)
class ToBePaid:
    """A charge that is to be paid: what it and its corrections come to with tax, and what was paid of it."""

    charge: Charge
    total: Decimal
    paid: Decimal

    @property
    def open(self) -> Decimal:
        """What is left to pay."""
        return self.total - self.paid


def to_be_paid(customer_id: int, charge_ids: Collection[int] | None = None) -> list[ToBePaid]:
    """The charges of a customer on which anything is open, the oldest first; or the ones asked for."""
    line = aliased(Charge)
    root = func.coalesce(line.corrects_id, line.reverses_id, line.id)
    wanted = [line.customer_id == customer_id, line.auto_decrement_credit.is_(False)]
    if charge_ids is not None:
        wanted.append(root.in_(charge_ids))
    totals = (
        select(root.label("id"), func.sum(line.amount).label("amount"), func.sum(line.tax).label("tax"))
        .where(*wanted)
        .group_by(root)
        .subquery()
    )
    paid = (
        select(Allocation.charge_id, func.sum(Allocation.amount).label("paid"))
        .join(Payment, Payment.id == Allocation.payment_id)
        .where(Allocation.lifted_on.is_(None), Payment.customer_id == customer_id)
        .group_by(Allocation.charge_id)
        .subquery()
    )
    query = (
        select(Charge, totals.c.amount, totals.c.tax, paid.c.paid)
        .join(totals, totals.c.id == Charge.id)
        .outerjoin(paid, paid.c.charge_id == Charge.id)
        .order_by(Charge.charge_on, Charge.id)
    )
    if charge_ids is None:
        query = query.where(totals.c.amount + totals.c.tax != func.coalesce(paid.c.paid, 0))
    return [
        ToBePaid(charge, amount + tax, paid or ZERO)
        for charge, amount, tax, paid in db.session.execute(query)
    ]


def owed_by(customer_id: int) -> Decimal:
    """What a customer is to pay in all: charges without auto decrement, less what was paid of them."""
    charged = select(func.coalesce(func.sum(Charge.amount), 0), func.coalesce(func.sum(Charge.tax), 0)).where(
        Charge.customer_id == customer_id, Charge.auto_decrement_credit.is_(False)
    )
    amount, tax = db.session.execute(charged).one()
    paid = (
        select(func.coalesce(func.sum(Allocation.amount), 0))
        .join(Charge, Charge.id == Allocation.charge_id)
        .where(Charge.customer_id == customer_id, Allocation.lifted_on.is_(None))
    )
    return Decimal(amount) + Decimal(tax) - Decimal(db.session.scalar(paid) or 0)


# -- payments and adjustments


def _once(thing: Row, query: Select[Row]) -> Row:
    """Store a row that has a token; the one that is there where another click was quicker."""
    try:
        with db.session.begin_nested():
            db.session.add(thing)
    except IntegrityError:
        return db.session.scalars(query).one()
    return thing


def check_amount(name: str, amount: Decimal, currency: str, *, positive: bool) -> None:
    """Whether an amount can be entered. Invalid names the field."""
    if positive and amount <= 0:
        raise Invalid(name, "An amount is above zero.")
    if not amount and not positive and name == "amount":
        raise Invalid(name, "An adjustment of nothing changes nothing.")
    if abs(amount) >= AMOUNT_BELOW:
        raise Invalid(name, f"An amount is below {AMOUNT_BELOW:,}.")
    if not fits(amount, currency):
        raise Invalid(name, f"An amount in {currency} has at most {minor_digits(currency)} decimals.")


def record_payment(payment: Payment, today: date, *, now: datetime) -> Payment:
    """Take in a payment; a completed one goes into the balance. Its token makes it once."""
    query = select(Payment).where(Payment.token == payment.token)
    if made := db.session.scalars(query).first():
        return made
    currency = payment.customer.currency
    check_amount("amount", payment.amount, currency, positive=True)
    if payment.fee < 0:
        raise Invalid("fee", "A fee is not below zero.")
    check_amount("fee", payment.fee, currency, positive=False)
    if not FIRST_DAY <= payment.paid_on <= today:
        raise Invalid("paid_on", f"A payment is dated today, {today.isoformat()}, or before.")
    if (made := _once(payment, query)) is not payment:
        return made
    if payment.state == PaymentState.COMPLETED:
        _enter_payment(payment, payment.amount, today, "", payment.created_by, now)
        confirm(payment, now)
    return payment


def complete_payment(payment: Payment, today: date, *, by: str, now: datetime) -> None:
    """A pending payment has arrived: it goes into the balance."""
    _hold(payment)
    if payment.state != PaymentState.PENDING:
        raise RuleBroken(f"The payment is {payment.state} already.")
    payment.state = PaymentState.COMPLETED
    _enter_payment(payment, payment.amount, today, "", by, now)
    confirm(payment, now)


def cancel_payment(payment: Payment, today: date, *, by: str, now: datetime) -> None:
    """A payment did not arrive, or went back. One that is allocated is released first."""
    _hold(payment)
    if payment.state == PaymentState.CANCELLED:
        raise RuleBroken("The payment is cancelled already.")
    if allocated_of(payment):
        raise RuleBroken(
            "The payment is allocated to charges. Release it first, then cancel it.",
            WayOut(
                "Release the payment",
                "payments.release",
                {"payment_id": payment.id},
                {"version": payment.version},
            ),
        )
    if payment.state == PaymentState.COMPLETED:
        _enter_payment(payment, -payment.amount, today, "The payment was cancelled.", by, now)
    payment.state = PaymentState.CANCELLED


def _hold(payment: Payment) -> None:
    db.session.refresh(payment, with_for_update=True)


def _enter_payment(
    payment: Payment, amount: Decimal, today: date, reason: str, by: str, now: datetime
) -> None:
    db.session.add(
        BalanceEntry(
            customer_id=payment.customer_id,
            source=EntrySource.PAYMENT,
            payment_id=payment.id,
            made_on=today,
            for_day=payment.paid_on,
            amount=amount,
            reason=reason,
            made_by=by,
            made_at=now,
        )
    )
    db.session.flush()


def adjust(
    customer: Customer,
    amount: Decimal,
    for_day: date,
    reason: str,
    *,
    token: str,
    today: date,
    by: str,
    now: datetime,
) -> BalanceEntry:
    """Move a balance by hand, with a reason. Its token makes it once."""
    query = select(BalanceEntry).where(BalanceEntry.token == token)
    if made := db.session.scalars(query).first():
        return made
    check_amount("amount", amount, customer.currency, positive=False)
    if not reason.strip():
        raise Invalid("reason", "Say why: the reason is kept, and the customer reads it.")
    if not FIRST_DAY <= for_day <= today:
        raise Invalid("for_day", f"The day is today, {today.isoformat()}, or before.")
    entry = BalanceEntry(
        token=token,
        customer_id=customer.id,
        source=EntrySource.ADJUSTMENT,
        made_on=today,
        for_day=for_day,
        amount=amount,
        reason=reason.strip(),
        made_by=by,
        made_at=now,
    )
    return _once(entry, query)


# -- allocation


def allocated_of(payment: Payment) -> Decimal:
    """How much of a payment is allocated to charges."""
    query = select(func.coalesce(func.sum(Allocation.amount), 0)).where(
        Allocation.payment_id == payment.id, Allocation.lifted_on.is_(None)
    )
    return Decimal(db.session.scalar(query) or 0)


def allocate(
    payment: Payment, charge: Charge, amount: Decimal, *, token: str, today: date, by: str, now: datetime
) -> Allocation:
    """Pay a charge out of a payment: that amount leaves the balance."""
    if made := db.session.scalars(select(Allocation).where(Allocation.token == token)).first():
        return made
    _hold(payment)
    db.session.refresh(charge, with_for_update=True)
    if payment.state != PaymentState.COMPLETED:
        raise RuleBroken(f"The payment is {payment.state}: only a completed one is allocated.")
    if charge.customer_id != payment.customer_id or charge.auto_decrement_credit:
        raise RuleBroken("The charge is not one that this customer is to pay.")
    check_amount("amount", amount, charge.currency, positive=True)
    found = to_be_paid(charge.customer_id, [charge.corrects_id or charge.reverses_id or charge.id])
    if amount > found[0].open:
        raise Invalid("amount", f"Only {max(found[0].open, ZERO):f} of the charge is left to pay.")
    left = payment.amount - allocated_of(payment)
    if amount > left:
        raise Invalid("amount", f"Only {left:f} of the payment is left to allocate.")
    allocation = Allocation(
        token=token, payment=payment, charge=found[0].charge, amount=amount, made_on=today
    )
    db.session.add(allocation)
    db.session.flush()
    _enter_allocation(allocation, -amount, EntrySource.ALLOCATION, today, by, now)
    return allocation


def lift(allocation: Allocation, today: date, *, by: str, now: datetime, reason: str = "") -> None:
    """Take a payment off a charge again: the amount returns to the balance."""
    db.session.refresh(allocation, with_for_update=True)
    if allocation.lifted_on:
        return
    allocation.lifted_on = today
    _enter_allocation(allocation, allocation.amount, EntrySource.RELEASE, today, by, now, reason)


def release(payment: Payment, today: date, *, by: str, now: datetime) -> None:
    """Lift all allocations of a payment."""
    query = select(Allocation).where(Allocation.payment_id == payment.id, Allocation.lifted_on.is_(None))
    for allocation in db.session.scalars(query.order_by(Allocation.id)).all():
        lift(allocation, today, by=by, now=now)


def _enter_allocation(
    allocation: Allocation,
    amount: Decimal,
    source: EntrySource,
    today: date,
    by: str,
    now: datetime,
    reason: str = "",
) -> None:
    db.session.add(
        BalanceEntry(
            customer_id=allocation.payment.customer_id,
            source=source,
            charge_id=allocation.charge_id,
            payment_id=allocation.payment_id,
            made_on=today,
            for_day=allocation.charge.charge_on,
            amount=amount,
            reason=reason,
            made_by=by,
            made_at=now,
        )
    )
    db.session.flush()


def return_overpaid(charge_ids: Iterable[int], today: date, *, by: str, now: datetime) -> None:
    """After credits and reversals of charges that are to be paid: what was paid too much of them goes back.

    The newest allocations are lifted first; one that is only partly too much is made anew for the rest.
    """
    query = (
        select(Allocation)
        .where(Allocation.charge_id.in_(list(charge_ids)), Allocation.lifted_on.is_(None))
        .order_by(Allocation.id.desc())
        .with_for_update()
    )
    of_charge = defaultdict(list)
    for allocation in db.session.scalars(query):
        of_charge[allocation.charge_id].append(allocation)
    for charge_id, allocations in of_charge.items():
        stands = to_be_paid(allocations[0].payment.customer_id, [charge_id])[0]
        over = -stands.open
        for allocation in allocations:
            if over <= 0:
                break
            lift(
                allocation,
                today,
                by=by,
                now=now,
                reason="What was paid of it returns: the charge was reduced.",
            )
            rest = allocation.amount - over
            if rest > 0:
                made = Allocation(
                    token=f"{allocation.token[:40]}-{allocation.id}-rest",
                    payment=allocation.payment,
                    charge=allocation.charge,
                    amount=rest,
                    made_on=today,
                )
                db.session.add(made)
                db.session.flush()
                _enter_allocation(made, -rest, EntrySource.ALLOCATION, today, by, now)
            over -= min(over, allocation.amount)


# -- calls


def enter_calls(customer_ids: Collection[int], since: date, today: date, now: datetime) -> None:
    """One entry a customer and day for what calls cost after free minutes; what came late adds the difference."""
    if not customer_ids:
        return
    query = select(Customer.id, Customer.currency).where(Customer.id.in_(customer_ids))
    currencies = {row[0]: row[1] for row in db.session.execute(query)}
    rates = tax_rates_of(customer_ids)
    entered = _entered(customer_ids, since)
    rows: list[dict[str, Any]] = []
    for customer_id, day, spend in db.session.execute(_spent(customer_ids, since)):
        unit = minor_unit(currencies[customer_id])
        amount = round_half_up(int(spend), 1, unit)
        tax = tax_on(amount, in_force(rates[customer_id], day), unit)
        had, had_tax = entered.pop((customer_id, day), (0, 0))
        rows.append(
            _calls_entry(customer_id, day, -(amount + tax) - had, -tax - had_tax, bool(had), today, now)
        )
    for (customer_id, day), (had, had_tax) in entered.items():
        rows.append(_calls_entry(customer_id, day, -had, -had_tax, True, today, now))
    rows = [row for row in rows if row["amount"] or row["tax"]]
    if rows:
        db.session.execute(insert(ENTRY), rows)


def _spent(customer_ids: Collection[int], since: date) -> Select[int, date, int]:
    spend = func.sum(type_coerce(Call.amount, BigInteger) - type_coerce(Call.covered_amount, BigInteger))
    return (
        select(Call.customer_id, Call.day, spend)
        .where(Call.customer_id.in_(customer_ids), Call.day >= since)
        .group_by(Call.customer_id, Call.day)
        .order_by(Call.customer_id, Call.day)
    )


def _entered(customer_ids: Collection[int], since: date) -> dict[tuple[int, date], tuple[int, int]]:
    query = (
        select(
            BalanceEntry.customer_id,
            BalanceEntry.for_day,
            func.sum(type_coerce(BalanceEntry.amount, BigInteger)),
            func.sum(type_coerce(BalanceEntry.tax, BigInteger)),
        )
        .where(BalanceEntry.customer_id.in_(customer_ids), BalanceEntry.source == EntrySource.CALLS)
        .where(BalanceEntry.for_day >= since)
        .group_by(BalanceEntry.customer_id, BalanceEntry.for_day)
    )
    return {(id, day): (int(amount), int(tax)) for id, day, amount, tax in db.session.execute(query)}


def _calls_entry(
    customer_id: int, day: date, amount: int, tax: int, again: bool, today: date, now: datetime
) -> dict[str, Any]:
    return {
        "token": None,
        "customer_id": customer_id,
        "source": EntrySource.CALLS.value,
        "charge_id": None,
        "payment_id": None,
        "made_on": today,
        "for_day": day,
        "amount": amount,
        "tax": tax,
        "reason": "The calls of that day were worked out again." if again else "",
        "made_by": "",
        "made_at": now,
    }


# -- the statement


def entries_of(customer_id: int, begins: date, through: date) -> Select[BalanceEntry]:
    """The entries made from `begins` to `through`, in the order in which they were made."""
    return (
        select(BalanceEntry)
        .where(BalanceEntry.customer_id == customer_id)
        .where(BalanceEntry.made_on >= begins, BalanceEntry.made_on <= through)
        .order_by(BalanceEntry.made_on, BalanceEntry.id)
    )
