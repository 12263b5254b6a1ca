"""A line is booked: as payments of one or several customers, as a payment that came back, as money paid back.

Two who book the same line at the same moment book it once: the line is locked first, then the customers, then what is
open of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from portal.domain.bank_files.statement import Kind, tidy
from portal.domain.errors import Invalid, RuleBroken, WayOut
from portal.domain.wording import long_day, money, money_in, plural
from portal.extensions import db
from portal.models import (
    BankBooking,
    BankLine,
    BookedAs,
    Customer,
    LineState,
    Payment,
    PaymentBack,
    PaymentState,
)
from portal.services import credit, locking
from portal.services.bank.proposals import Act, Proposal, propose

ZERO = Decimal(0)
PARTS_MAX = 10
DESCRIPTION_MAX = 250
CHANGED = "What is proposed for this line has changed since the page was opened. Look at it again."


@dataclass(frozen=True, slots=True)
class Part:
    """Who gets how much of a line, and which charges it pays; without any, what is due first."""

    customer: Customer
    amount: Decimal
    chosen: Mapping[int, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Who:
    """Who does it, and when: `today` is the provider's day."""

    by: str
    today: date
    now: datetime


def lock_line(line_id: int) -> BankLine | None:
    """Lock a line and read it anew; None where there is none."""
    return locking.lock_one(BankLine, line_id)


def to_line(line: BankLine) -> WayOut:
    """The way to a line."""
    return WayOut("See the line", "bank_lines.show", {"line_id": line.id})


def check_open(line: BankLine) -> None:
    """RuleBroken where something has become of a line already."""
    if line.state != LineState.OPEN:
        state = "booked" if line.state == LineState.BOOKED else "set aside"
        who = f" by {line.decided_by}" if line.decided_by else ""
        raise RuleBroken(f"This line was {state} already{who}. Nothing was booked twice.", to_line(line))


def accept(line: BankLine, seal: str, who: Who) -> BankLine:
    """Book a line as it was proposed. RuleBroken where something else would be proposed now."""
    check_open(line)
    proposal = propose([line])[line.id]
    if proposal.seal != seal:
        raise RuleBroken(CHANGED, to_line(line))
    carry_out(proposal, who)
    return line


def carry_out(proposal: Proposal, who: Who) -> None:
    """Do with an open line, which is locked, what is proposed."""
    line, customer = proposal.line, proposal.customer
    match proposal.act:
        case Act.PAY:
            assert customer
            book(line, [Part(customer, line.amount, proposal.chosen)], who)
        case Act.RECORDED if proposal.backs:
            tie_back(line, proposal.backs[0], who)
        case Act.RECORDED:
            tie(line, proposal.payments[0], who)
        case Act.CANCEL:
            came_back(line, [proposal.payments[0]], who)
        case Act.PAY_BACK:
            assert customer
            pay_back(line, customer, who)
        case Act.SET_ASIDE:
            decide(line, LineState.SET_ASIDE, who, proposal.why)
        case Act.NOTHING:
            raise RuleBroken("Nothing is proposed for this line. Choose a customer.", to_line(line))


def book(line: BankLine, parts: Sequence[Part], who: Who, again_reason: str = "") -> None:
    """Book a line, which is locked, as a payment for each part; together they are the line.

    Invalid names the field: customer_2, share_2 of the second part, amount_7 of charge 7.
    """
    check_open(line)
    if line.amount <= 0:
        raise RuleBroken("Only money that came in is booked as a payment.", to_line(line))
    locking.lock(Customer, [part.customer.id for part in parts])
    _check_parts(line, parts)  # of customers who stay as they are: one without payments may change currency
    credit.lock_open_of([part.customer.id for part in parts], (id for part in parts for id in part.chosen))
    for number, part in enumerate(parts):
        payment = credit.record_payment(
            _payment(line, part, number, len(parts), who, again_reason),
            who.today,
            now=who.now,
            chosen=part.chosen,
        )
        line.bookings.append(BankBooking(booked_as=BookedAs.PAYMENT, payment=payment))
    decide(line, LineState.BOOKED, who)


def _check_parts(line: BankLine, parts: Sequence[Part]) -> None:
    ids = [part.customer.id for part in parts]
    for number, part in enumerate(parts, 1):
        which = f"_{number}" if number > 1 else ""
        customer = part.customer
        if customer.currency != line.currency:
            raise Invalid(
                f"customer{which}",
                f"{customer.name} pays in {customer.currency}; this line is in {line.currency}.",
            )
        if ids.index(customer.id) < number - 1:
            raise Invalid(f"customer{which}", f"{customer.name} is named twice. Put the two parts together.")
        credit.check_amount(f"share{which}" if which else "amount", part.amount, line.currency, positive=True)
    total = sum((part.amount for part in parts), ZERO)
    if total != line.amount:
        less = line.amount - total
        raise Invalid(
            "amount",
            f"The line is {money(line.amount, line.currency)}, the parts come to {money(total, line.currency)}: "
            f"{money(abs(less), line.currency)} too {'little' if less > 0 else 'much'}.",
        )


def _payment(line: BankLine, part: Part, number: int, count: int, who: Who, again_reason: str) -> Payment:
    """The payment of a part. The parts of one line share its reference, as those of a payment that was split do."""
    if number and not again_reason:
        again_reason = (
            f"One of {plural(count, 'part')} of a line of the bank statement, {long_day(line.booked_on)}."
        )
    return Payment(
        token=f"bank line {line.id} {line.version} {number}",
        customer=part.customer,
        state=PaymentState.COMPLETED,
        paid_on=line.booked_on,
        amount=part.amount,
        fee=line.fee if not number else ZERO,
        method=line.method,
        bank_reference=line.bank_reference,
        again_reason=again_reason,
        description=tidy(line.text.replace("#", " "), DESCRIPTION_MAX),
        created_by=who.by,
        created_at=who.now,
    )


def tie(line: BankLine, payment: Payment, who: Who) -> None:
    """A line is a payment that was recorded before; one that was pending is completed by it."""
    check_open(line)
    credit.lock_payment(payment)
    if payment.customer.currency != line.currency or payment.amount != line.amount:
        raise RuleBroken("This payment is of another amount or currency than the line.", to_line(line))
    if payment.state == PaymentState.CANCELLED or is_tied(payment):
        raise RuleBroken("This payment was cancelled, or another line is booked as it.", to_line(line))
    if payment.state == PaymentState.PENDING:
        credit.complete_payment(payment, who.today, by=who.by, now=who.now)
    line.bookings.append(BankBooking(booked_as=BookedAs.RECORDED, payment=payment))
    decide(line, LineState.BOOKED, who)


def is_tied(payment: Payment) -> bool:
    """Whether a line is booked as a payment."""
    found = db.select(BankBooking.id).where(BankBooking.payment_id == payment.id).limit(1)
    return db.session.scalar(found) is not None


def came_back(line: BankLine, payments: Sequence[Payment], who: Who) -> None:
    """A line says that payments came back: they are released and cancelled. One cancelled already is only named.

    RuleBroken where they come to more than the line, or a part of one was paid back.
    """
    check_open(line)
    if line.amount >= 0 or not payments:
        raise RuleBroken("Choose the payment that came back.", to_line(line))
    locking.lock(Customer, [payment.customer_id for payment in payments])
    locking.read_anew(Payment, [payment.id for payment in payments])
    total = sum((payment.amount for payment in payments), ZERO)
    if any(payment.customer.currency != line.currency for payment in payments) or total > -line.amount:
        raise RuleBroken(
            f"What came back is {money_in(-line.amount, line.currency)}, less than was paid. "
            "Set this line aside, and pay the amount back on the page of the customer.",
            to_line(line),
        )
    credit.lock_open_of([], {id for payment in payments for id in credit.paid_by(payment)})
    stand = [payment for payment in payments if payment.state != PaymentState.CANCELLED]
    if split := next((payment for payment in stand if credit.split_off(payment)), None):
        raise RuleBroken(
            "A part of this payment was split off for another customer, so all of it cannot be cancelled by this line. "
            "Cancel the payment and the part by hand, and set this line aside.",
            WayOut("See the payment", "payments.show", {"payment_id": split.id}),
        )
    for payment in payments:
        if payment.state != PaymentState.CANCELLED:
            if credit.allocated_of(payment):
                credit.release(payment, who.today, by=who.by, now=who.now)
            credit.cancel_payment(payment, who.today, by=who.by, now=who.now)
        line.bookings.append(BankBooking(booked_as=BookedAs.RETURNED, payment=payment))
    decide(line, LineState.BOOKED, who)


def pay_back(line: BankLine, customer: Customer, who: Who) -> None:
    """A line is money paid back to a customer, out of their balance."""
    check_open(line)
    if customer.currency != line.currency:
        raise Invalid(
            "customer", f"{customer.name} pays in {customer.currency}; this line is in {line.currency}."
        )
    back = PaymentBack(
        token=f"bank line {line.id} {line.version}",
        customer=customer,
        paid_on=line.booked_on,
        amount=-line.amount,
        method=line.method,
        bank_reference=line.bank_reference,
        created_by=who.by,
        created_at=who.now,
    )
    made = credit.pay_back(back, who.today, now=who.now)
    line.bookings.append(BankBooking(booked_as=BookedAs.PAID_BACK, payment_back=made))
    decide(line, LineState.BOOKED, who)


def tie_back(line: BankLine, back: PaymentBack, who: Who) -> None:
    """A line is money that was paid back, and recorded, before."""
    check_open(line)
    credit.lock_payment_back(back)
    found = db.select(BankBooking.id).where(BankBooking.payment_back_id == back.id).limit(1)
    if back.cancelled_on or back.amount != -line.amount or db.session.scalar(found) is not None:
        raise RuleBroken("This was cancelled, or another line is booked as it.", to_line(line))
    line.bookings.append(BankBooking(booked_as=BookedAs.RECORDED, payment_back=back))
    decide(line, LineState.BOOKED, who)


def decide(line: BankLine, state: LineState, who: Who, note: str = "") -> None:
    """What becomes of a line that is locked."""
    line.state, line.note = state, note
    line.decided_by, line.decided_at = who.by, who.now
    db.session.flush()


def is_return(line: BankLine) -> bool:
    """Whether a line says that a payment came back."""
    return line.kind == Kind.RETURN and line.amount < 0
