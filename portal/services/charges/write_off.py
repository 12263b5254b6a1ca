"""Writing off what will never be paid, and giving more time to pay (billing-rules 13)."""

from datetime import date, datetime
from decimal import Decimal

from portal.domain.due import Kind
from portal.domain.errors import Invalid, RuleBroken, WayOut
from portal.domain.money import from_micros, minor_unit, round_half_up, to_micros
from portal.domain.schedule import LAST_DAY
from portal.domain.wording import long_day, whole
from portal.extensions import db
from portal.models import AllocationSource, Charge, Customer, DueDay
from portal.services import locking
from portal.services.charges.by_hand import REASON_LONGEST
from portal.services.credit import Act, Item, check_not_archived, items_of, lock_open, put, refresh, refreshed


def write_off(charge: Charge, reason: str, *, today: date, by: str, now: datetime) -> Charge:
    """Write off what is left of a charge: amount and tax in its own proportion."""
    item = _open(charge)
    _check_reason(reason, "why it is written off: the reason is kept, and the customer sees it")
    taxed, total = to_micros(charge.tax), to_micros(charge.total)
    tax = from_micros(round_half_up(to_micros(item.left) * taxed, total, minor_unit(charge.currency)))
    made = Charge(
        customer_id=charge.customer_id,
        # Of no assignment: it charges none of its periods.
        package_id=charge.package_id,
        kind=Kind.WRITE_OFF,
        charge_on=today,
        period_from=today,
        quantity=1,
        unit_price=tax - item.left,
        unit_cost=Decimal(0),
        currency=charge.currency,
        amount=tax - item.left,
        cost=Decimal(0),
        tax_rate=charge.tax_rate,
        tax=-tax,
        label=charge.label,
        did_number=charge.did_number,
        writes_off_id=charge.id,
        opening_number=charge.opening_number,
        reason=reason.strip(),
        posted_by=by,
        posted_at=now,
    )
    db.session.add(made)
    db.session.flush()
    refreshed([put(charge, item.left, AllocationSource.WRITE_OFF, Act(today, by, now), by_charge=made)])
    return made


def move_due_day(charge: Charge, due_on: date, reason: str, *, today: date, by: str, now: datetime) -> DueDay:
    """Give more time to pay a charge. The first due day is kept."""
    item = _open(charge)
    if not item.due_on < due_on <= LAST_DAY:
        raise Invalid(
            "due_on", f"Choose a day after {long_day(item.due_on)}: a due day can only be moved later."
        )
    _check_reason(reason, "why it is moved: the reason is kept")
    made = DueDay(
        charge=charge, customer_id=charge.customer_id, due_on=due_on, reason=reason.strip(), made_on=today, made_by=by,
        made_at=now,
    )  # fmt: skip
    db.session.add(made)
    refresh([charge.id])
    return made


def _open(charge: Charge) -> Item:
    """The charge as an item of which something is left, it and its customer locked."""
    (customer,) = locking.lock(Customer, [charge.customer_id])
    lock_open(customer.id, [charge.id])
    return check_open(charge)


def check_open(charge: Charge) -> Item:
    """The charge as an item. RuleBroken where nothing is left of it, or its customer is archived."""
    check_not_archived(charge.customer)
    item = items_of([charge]).get(charge.id)
    if item is None or item.left <= 0:
        raise RuleBroken(
            "Nothing is left to pay of this charge.",
            WayOut("Show the charge", "charges.show", {"charge_id": charge.id}),
        )
    return item


def _check_reason(reason: str, what: str) -> None:
    if not reason.strip():
        raise Invalid("reason", f"Enter {what}.")
    if len(reason) > REASON_LONGEST:
        raise Invalid("reason", f"Too long: {whole(REASON_LONGEST)} characters at most.")
