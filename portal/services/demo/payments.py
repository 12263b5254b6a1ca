"""What the demo's customers paid, month by month: most in time, some late, a few not at all."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_CEILING, Decimal
from random import Random

from sqlalchemy import select

from portal.extensions import db
from portal.models import Customer, Payment, PaymentMethod, PaymentState
from portal.services import audit, credit
from portal.services.charges.by_hand import reverse
from portal.services.charges.write_off import write_off
from portal.services.demo.acts import CLERK

# Payments of every so many customers are told: enough to see each kind at work, quick to load.
PAYS_ONE_IN = 5
# The others pay for their calls alone, but for these.
NEVER = ("Bluebell Taxis", "Lakeshore Freight Lines")
LIMITS = (Decimal(0), Decimal(0), Decimal(250), Decimal(500))
METHODS = {"Card": PaymentMethod.CARD, "Direct debit": PaymentMethod.DIRECT_DEBIT}
WAYS = ("Bank transfer", "Card", "Direct debit", "Bank transfer # sender differs from the account's name")


def pay(begin: date, today: date) -> None:
    """Let customers pay what is to be paid, and top up what calls have taken. Deterministic."""
    random = Random(20261)
    customers = db.session.scalars(select(Customer).order_by(Customer.id)).all()
    for number, customer in enumerate(customers):
        customer.debit_limit = random.choice(LIMITS)
        if number % PAYS_ONE_IN:
            if customer.name not in NEVER:
                _top_up(customer, today, random)
            continue
        habit = random.choice(("early", "early", "early", "late", "never"))
        if habit != "never":
            _months(customer, begin, today if habit == "early" else today - timedelta(days=45), random)
    _the_odd_ones(customers[0], today)
    never = [
        customer for customer in customers if credit.to_pay_items(customer.id, today - timedelta(days=10))
    ]
    if never:
        _write_off(never[-1], today)


def _months(customer: Customer, begin: date, until: date, random: Random) -> None:
    """A payment on one day of each month for all that is open by then."""
    day = begin.replace(day=1) + timedelta(days=random.randint(33, 50))
    while day <= until:
        due = sum((item.left for item in credit.to_pay_items(customer.id, day)), Decimal(0))
        short = max(-credit.balance_of(customer.id), Decimal(0))
        top_up = (short / 50).to_integral_value(ROUND_CEILING) * 50
        if due + top_up:
            _paid(customer, day, due + top_up, random.choice(WAYS))
        day += timedelta(days=random.randint(28, 33))


def _top_up(customer: Customer, today: date, random: Random) -> None:
    """Round sums in the last three months that make good what calls have taken, and a little more."""
    short = -credit.balance_of(customer.id)
    if short > 0:
        each = (short / 150).to_integral_value(ROUND_CEILING) * 50 + 50
        for months in (3, 2, 1):
            day = today - timedelta(days=30 * months - random.randint(2, 26))
            _paid(customer, day, each, random.choice(WAYS))


def _paid(
    customer: Customer, day: date, amount: Decimal, way: str, state: PaymentState = PaymentState.COMPLETED
) -> Payment:
    payment = Payment(
        token=f"demo-{customer.id}-{day.isoformat()}-{way[:20]}",
        customer=customer,
        state=state,
        paid_on=day,
        amount=amount,
        fee=Decimal(0),
        method=METHODS.get(way.split(",")[0].split(" #")[0], PaymentMethod.BANK_TRANSFER),
        bank_reference=f"FT{day.isoformat()}-{customer.id}-{int(amount)}",
        description=way,
        created_by=CLERK,
        created_at=_at(day),
    )
    with audit.acting(audit.Actor(CLERK, "billing", at=_at(day))):
        return credit.record_payment(payment, day, now=_at(day))


def _the_odd_ones(customer: Customer, today: date) -> None:
    """A payment on its way, one that was cancelled, and a balance moved by hand."""
    _paid(customer, today - timedelta(days=1), Decimal(120), "Bank transfer, announced", PaymentState.PENDING)
    bounced = _paid(customer, today - timedelta(days=20), Decimal(75), "Direct debit, returned")
    now = _at(today - timedelta(days=15))
    with audit.acting(audit.Actor(CLERK, "billing", at=now)):
        if credit.allocated_of(bounced):
            credit.release(bounced, now.date(), by=CLERK, now=now)
        credit.cancel_payment(bounced, now.date(), by=CLERK, now=now)
        credit.adjust(
            customer, Decimal(10), now.date(), "Goodwill for an outage", token="demo-goodwill", today=now.date(),
            by=CLERK, now=now,
        )  # fmt: skip


def _write_off(customer: Customer, today: date) -> None:
    """A customer that went out of business: one old charge is written off, another was not due in the first place."""
    day = today - timedelta(days=10)
    now = _at(day)
    first, *others = (item.charge for item in credit.to_pay_items(customer.id, day))
    with audit.acting(audit.Actor(CLERK, "billing", at=now)):
        write_off(first, "Out of business, nothing to be had", today=day, by=CLERK, now=now)
        if others:
            write_off(others[-1], "Out of business, nothing to be had", today=day, by=CLERK, now=now)
            reverse(others[-1], "The line had been ended in time", today=day, by=CLERK, now=now)


def _at(day: date) -> datetime:
    return datetime.combine(day, time(11), UTC)
