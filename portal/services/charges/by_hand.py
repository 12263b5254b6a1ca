"""Charges that a person makes: a manual charge, and reversing one."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import joinedload

from portal.domain.due import Kind
from portal.domain.errors import Invalid, RuleBroken, WayOut
from portal.domain.money import AMOUNT_BELOW, from_micros, minor_digits, minor_unit, tax_on, to_micros
from portal.domain.names import search_key, written
from portal.domain.schedule import FIRST_DAY
from portal.domain.wording import decimals, long_day, money_in, whole
from portal.extensions import db
from portal.models import Assignment, Charge, Company, Customer
from portal.models.company import ONLY
from portal.services import locking
from portal.services.billing.planning import Totals, totals
from portal.services.billing.positions import lock_positions
from portal.services.billing.posting import enter_charges
from portal.services.credit import (
    Act,
    first_due_day,
    lock_open,
    open_again,
    payment_days,
    refresh,
    set_off,
    take_off,
    touched_by,
)
from portal.services.once import Receipt, Sent, once

DESCRIPTION_LONGEST, REASON_LONGEST = 120, 1_000
ASSIGNMENTS_LISTED = 500


@dataclass(frozen=True, slots=True)
class ManualCharge:
    """A charge as a person asks for it. An amount below zero is a discount."""

    customer: Customer
    charge_on: date
    amount: Decimal
    cost: Decimal
    description: str
    auto_decrement_credit: bool = False
    assignment: Assignment | None = None


def charge_manually(asked: ManualCharge, *, token: str, today: date, by: str, now: datetime) -> Charge:
    """Post a manual charge, once for a token. Invalid names the field that cannot be."""

    def make() -> Charge:
        locked = _locked(asked)
        _check(locked, today)
        lock_open(locked.customer.id)
        return _manual(locked, token, today, by, now)

    def tell(made: Charge) -> Receipt:
        amount = money_in(made.amount, made.currency)
        way = WayOut("See the charge", "charges.show", {"charge_id": made.id})
        return f"{amount} was charged to {asked.customer.name} for {made.label}", way

    query = select(Charge).where(Charge.token == token)
    charge, is_new = once(Sent("manual charge", token, asked), query, make, tell)
    if is_new and charge.auto_decrement_credit:
        enter_charges(Charge.id == charge.id, today, now)
    elif is_new:
        refresh([charge.id])
        set_off(charge.customer_id, Act(today, by, now))
    return charge


def _locked(asked: ManualCharge) -> ManualCharge:
    """The same once its customer is locked: two on one day and assignment are numbered one after the other."""
    locking.lock(Company, [ONLY], shared=True)  # its day is one in the provider's time zone
    locking.lock(Customer, [asked.customer.id])
    if not asked.assignment:
        return asked
    found = locking.read_anew(Assignment, [asked.assignment.id])
    if not found:
        raise Invalid("assignment", "That assignment has been removed. Choose another, or none.")
    return replace(asked, assignment=found[0])


def _manual(asked: ManualCharge, token: str, today: date, by: str, now: datetime) -> Charge:
    customer, assignment = asked.customer, asked.assignment
    if not customer.tax_rates:
        raise Invalid("customer", f"{customer.name} has no tax rate. Set one first.")
    rate = customer.tax_rate_on(asked.charge_on)
    tax = from_micros(tax_on(to_micros(asked.amount), to_micros(rate), minor_unit(customer.currency)))
    due_on = None
    if not asked.auto_decrement_credit and asked.amount + tax > 0:
        due_on = first_due_day(asked.charge_on, today, payment_days([customer.id])[customer.id])
    return Charge(
        token=token,
        customer_id=customer.id,
        assignment_id=assignment.id if assignment else None,
        package_id=assignment.package_id if assignment else None,
        kind=Kind.MANUAL,
        charge_on=asked.charge_on,
        period_from=asked.charge_on,
        number=_next_number(Kind.MANUAL, assignment.id if assignment else None, asked.charge_on),
        quantity=1,
        unit_price=asked.amount,
        unit_cost=asked.cost,
        currency=customer.currency,
        amount=asked.amount,
        cost=asked.cost,
        tax_rate=rate,
        tax=tax,
        due_on=due_on,
        label=written(asked.description),
        search_key=search_key(asked.description),
        did_number=assignment.did.number if assignment and assignment.did else "",
        auto_decrement_credit=asked.auto_decrement_credit,
        posted_by=by,
        posted_at=now,
    )


def assignments_to_charge(customer: Customer, also: int | None = None) -> list[Assignment]:
    """The customer's assignments that a form offers for a manual charge: the newest, and the one that is asked for."""
    query = (
        select(Assignment)
        .where(Assignment.customer_id == customer.id)
        .options(joinedload(Assignment.package), joinedload(Assignment.did))
        .order_by(Assignment.id.desc())
    )
    found = list(db.session.scalars(query.limit(ASSIGNMENTS_LISTED)))
    if also is not None and also not in {assignment.id for assignment in found}:
        found += db.session.scalars(query.where(Assignment.id == also))
    return found


def _check(asked: ManualCharge, today: date) -> None:
    currency = asked.customer.currency
    if asked.customer.archived_on:
        raise Invalid("customer", f"{asked.customer.name} is archived. Restore the customer first.")
    if asked.assignment and asked.assignment.customer_id != asked.customer.id:
        raise Invalid("assignment", "That assignment belongs to another customer.")
    if not FIRST_DAY <= asked.charge_on <= today:
        raise Invalid(
            "charge_on",
            f"Choose a day from {FIRST_DAY.year} to today, {long_day(today)}: a charge cannot be dated in the future.",
        )
    description = written(asked.description)
    if not description:
        raise Invalid("description", "Enter what it is for: the customer sees it.")
    if len(description) > DESCRIPTION_LONGEST:
        raise Invalid("description", f"Too long: {DESCRIPTION_LONGEST} characters at most.")
    for name, value in (("amount", asked.amount), ("cost", asked.cost)):
        if abs(value) >= AMOUNT_BELOW:
            raise Invalid(name, f"A charge must be below {whole(AMOUNT_BELOW)}.")
        if value != round(value, minor_digits(currency)):
            raise Invalid(name, f"An amount in {currency} can have {decimals(currency)} at most.")
    if not asked.amount and not asked.cost:
        raise Invalid("amount", "A charge of zero is not posted.")


def _next_number(kind: Kind, assignment_id: int | None, period_from: date) -> int:
    if assignment_id is None:
        return 0
    highest = db.session.scalar(
        select(func.max(Charge.number)).where(
            Charge.assignment_id == assignment_id, Charge.kind == kind, Charge.period_from == period_from
        )
    )
    return 0 if highest is None else highest + 1


def family(charge: Charge) -> list[Charge]:
    """A charge with its credits and differences, or a write-off with what lapsed of it, in the order of posting."""
    lapsed = and_(Charge.writes_off_id == charge.id, Charge.kind.in_((Kind.WRITE_OFF_LAPSED, Kind.UNDO)))
    query = select(Charge).where(or_(Charge.id == charge.id, Charge.corrects_id == charge.id, lapsed))
    return list(db.session.scalars(query.order_by(Charge.id)))


def reversal_of(charge: Charge) -> Charge | None:
    """The charge that reversed or undid this one, or the one it corrects."""
    return db.session.scalar(select(Charge).where(Charge.reverses_id == (charge.corrects_id or charge.id)))


def what_stands(charge: Charge) -> Totals:
    """What a charge comes to with its credits, its differences and its reversal."""
    lines = family(charge)
    if reversal := reversal_of(charge):
        lines.append(reversal)
    return totals(lines)[charge.currency]


def why_not_reverse(charge: Charge) -> RuleBroken | None:
    """Why a charge may not be reversed, with the way out."""
    if charge.kind == Kind.REVERSAL:
        return RuleBroken(
            "A reversal cannot be reversed. Add a manual charge instead.",
            WayOut("Add manual charge", "charges.new", _named(charge)),
        )
    if charge.kind == Kind.WRITE_OFF_LAPSED:
        return RuleBroken(
            "It is reversed with its write-off.",
            WayOut("Show the write-off", "charges.show", {"charge_id": charge.writes_off_id}),
        )
    if charge.kind == Kind.UNDO:
        return RuleBroken(
            "It undoes another charge, and cannot be reversed. Add a manual charge instead.",
            WayOut("Add manual charge", "charges.new", _named(charge)),
        )
    if done := reversal_of(charge):
        if done.kind == Kind.UNDO:
            return RuleBroken(
                f"It was undone with its run: {done.reason}",
                WayOut("Show what undid it", "charges.show", {"charge_id": done.id}),
            )
        return RuleBroken(
            f"It was already reversed, on {long_day(done.charge_on)}.",
            WayOut("Show the reversal", "charges.show", {"charge_id": done.id}),
        )
    customer = db.session.get_one(Customer, charge.customer_id)
    if customer.archived_on:
        return RuleBroken(
            f"{customer.name} is archived, so the charge cannot be reversed. Restore the customer first.",
            WayOut(f"Go to {customer.name}", "customers.show", {"customer_id": customer.id}),
        )
    if charge.corrects_id:
        return RuleBroken(
            "A correction is reversed with the charge that it corrects.",
            WayOut("Go to that charge", "charges.show", {"charge_id": charge.corrects_id}),
        )
    if not any(_stands(family(charge))):
        return RuleBroken(
            "Nothing is left to reverse: it has been credited in full.",
            WayOut("Add manual charge", "charges.new", _named(charge)),
        )
    return None


def _named(charge: Charge) -> dict[str, int]:
    """What a new manual charge takes over from a charge."""
    found = {"customer_id": charge.customer_id}
    return found | ({"assignment_id": charge.assignment_id} if charge.assignment_id else {})


def _stands(lines: list[Charge]) -> tuple[Decimal, Decimal, Decimal]:
    """Amount, cost and tax of a charge with its credits and differences."""
    amounts = (sum((getattr(line, name) for line in lines), Decimal(0)) for name in ("amount", "cost", "tax"))
    amount, cost, tax = amounts
    return amount, cost, tax


def reverse(charge: Charge, reason: str, *, today: date, by: str, now: datetime) -> Charge:
    """Reverse a charge in full, with its credits and differences, as a mirror of what stands."""
    locking.lock(Customer, [charge.customer_id])
    if charge.assignment_id:
        # A run that would correct it comes wholly before or wholly after.
        lock_positions([charge.assignment_id])
    lock_open(charge.customer_id, touched_by([charge.id], [])[0])
    if refusal := why_not_reverse(charge):
        raise refusal
    if not reason.strip():
        raise Invalid("reason", "Enter why it is reversed: the reason is kept.")
    if len(reason) > REASON_LONGEST:
        raise Invalid("reason", f"Too long: {whole(REASON_LONGEST)} characters at most.")
    amount, cost, tax = _stands(family(charge))
    reversal = Charge(
        customer_id=charge.customer_id,
        assignment_id=charge.assignment_id,
        package_id=charge.package_id,
        kind=Kind.REVERSAL,
        charge_on=today,
        period_from=charge.period_from,
        period_until=charge.period_until,
        number=_next_number(Kind.REVERSAL, charge.assignment_id, charge.period_from),
        quantity=charge.quantity,
        unit_price=charge.unit_price,
        unit_cost=charge.unit_cost,
        days=charge.days,
        whole_days=charge.whole_days,
        spend=charge.spend,
        currency=charge.currency,
        amount=-amount,
        cost=-cost,
        tax_rate=charge.tax_rate,
        tax=-tax,
        label=charge.label,
        did_number=charge.did_number,
        auto_decrement_credit=charge.auto_decrement_credit,
        reverses_id=charge.id,
        writes_off_id=charge.id if charge.kind == Kind.WRITE_OFF else None,
        opening_number=charge.opening_number,
        reason=reason.strip(),
        posted_by=by,
        posted_at=now,
    )
    db.session.add(reversal)
    db.session.flush()
    if reversal.auto_decrement_credit:
        enter_charges(Charge.id == reversal.id, today, now)
    else:
        if charge.kind == Kind.WRITE_OFF:
            open_again(charge, Act(today, by, now))
        else:
            take_off([charge.id], today, by=by, now=now)
        set_off(charge.customer_id, Act(today, by, now))
    return reversal
