"""Lines set aside, and put back: what was booked from a line is then cancelled."""

from portal.domain.errors import Invalid, RuleBroken, WayOut
from portal.extensions import db
from portal.models import BankBooking, BankLine, BookedAs, Customer, LineState, Payment, PaymentState
from portal.services import credit, locking
from portal.services.bank.booking import Who, check_open, decide, to_line

NOTE_MAX = 250
WHY = "Enter a word that says why: it is kept."


def set_aside(line: BankLine, note: str, who: Who) -> None:
    """Set a line aside, which is locked: it is nothing that a customer paid. Invalid without a word."""
    check_open(line)
    if not note.strip():
        raise Invalid("note", WHY)
    decide(line, LineState.SET_ASIDE, who, " ".join(note.split())[:NOTE_MAX])


def put_back(line: BankLine, who: Who) -> None:
    """Make a line, which is locked, open again. Its payments are released and cancelled, what was tied is let go.

    RuleBroken where that cannot be: it says that a payment came back, or a payment of it came back or was split since.
    """
    if line.state == LineState.OPEN:
        return
    payments = [booking.payment for booking in line.bookings if booking.payment]
    backs = [booking.payment_back for booking in line.bookings if booking.payment_back]
    locking.lock(Customer, [*(one.customer_id for one in payments), *(one.customer_id for one in backs)])
    locking.read_anew(Payment, [payment.id for payment in payments])
    for booking in line.bookings:
        _check(line, booking)
    made = [one.payment for one in line.bookings if one.payment and one.booked_as == BookedAs.PAYMENT]
    credit.lock_open_of([], {id for payment in made for id in credit.paid_by(payment)})
    for payment in made:
        if payment.state != PaymentState.CANCELLED:
            if credit.allocated_of(payment):
                credit.release(payment, who.today, by=who.by, now=who.now)
            credit.cancel_payment(payment, who.today, by=who.by, now=who.now)
    for booking in line.bookings:
        back = booking.payment_back
        if booking.booked_as == BookedAs.PAID_BACK and back and not back.cancelled_on:
            credit.cancel_payment_back(back, who.today, by=who.by, now=who.now)
    line.bookings.clear()
    decide(line, LineState.OPEN, who)


def _check(line: BankLine, booking: BankBooking) -> None:
    payment = booking.payment
    if booking.booked_as == BookedAs.RETURNED and payment:
        raise RuleBroken(
            "A payment that came back cannot be made good by this. If it did not come back, record it again.",
            WayOut("Add the payment", "payments.new", {"customer_id": payment.customer_id}),
        )
    if payment and (other := _came_back_by(payment)):
        raise RuleBroken("Its payment came back by another line, so this line stays booked.", to_line(other))
    if payment and booking.booked_as == BookedAs.PAYMENT and credit.split_off(payment):
        raise RuleBroken(
            "A part of its payment was split off for another customer. Cancel the payment and the part by hand.",
            WayOut("See the payment", "payments.show", {"payment_id": payment.id}),
        )


def _came_back_by(payment: Payment) -> BankLine | None:
    query = (
        db.select(BankLine)
        .join(BankBooking, BankBooking.line_id == BankLine.id)
        .where(BankBooking.payment_id == payment.id, BankBooking.booked_as == BookedAs.RETURNED)
        .limit(1)
    )
    return db.session.scalars(query).first()
