"""Payments: taking one in, completing or cancelling it, and what it pays."""

from decimal import Decimal
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_security import current_user
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from sqlalchemy.orm.exc import StaleDataError

from portal.clock import now, today
from portal.domain.errors import Invalid
from portal.domain.wording import money, money_in, plural
from portal.extensions import db
from portal.models import Allocation, Customer, Payment, PaymentMethod, PaymentState, ReturnedPayment
from portal.services import credit
from portal.services.bank.lists import bookings_of
from portal.web.credit.choosing import Choices, charges_to_pay, offering
from portal.web.credit.forms import METHODS, ActForm, AllocationForm, CancelForm, PaymentForm, SplitForm
from portal.web.http.bounds import row_id
from portal.web.shared.fields import put_error

bp = Blueprint("payments", __name__, url_prefix="/payments")


@bp.app_template_filter("method")
def method_in_words(method: PaymentMethod) -> str:
    """How money came, as a word."""
    return METHODS[method]


def _by() -> str:
    return str(current_user.email)


@bp.get("/new")
def new() -> Any:
    customer = _customer(request.args.get("customer_id", ""))
    choices = charges_to_pay(customer)
    form = offering(PaymentForm, choices)(formdata=None, paid_on=today())
    return _form(form, customer, choices)


@bp.post("")
def create() -> Any:
    customer = _customer(request.args.get("customer_id", ""))
    choices = charges_to_pay(customer)
    form = offering(PaymentForm, choices)()
    if not form.validate_on_submit():
        return _form(form, customer, choices, 422)
    payment = Payment(
        token=form.token.data,
        customer=customer,
        state=PaymentState(form.state.data),
        paid_on=form.paid_on.data,
        amount=form.amount.data,
        fee=form.fee.data or Decimal(0),
        method=PaymentMethod(form.method.data),
        bank_reference=" ".join((form.bank_reference.data or "").split()),
        again_reason=" ".join((form.again_reason.data or "").split()),
        description=" ".join((form.description.data or "").split()),
        confirm_by_email=bool(form.confirm_by_email.data),
        created_by=_by(),
        created_at=now(),
    )
    try:
        made = credit.record_payment(payment, today(), now=now(), chosen=form.wanted)
    except Invalid as error:
        db.session.rollback()
        put_error(form, error)
        customer = _customer(request.args.get("customer_id", ""))
        return _form(form, customer, charges_to_pay(customer), 422)
    db.session.commit()
    flash(f"Recorded a payment from {customer.name}.")
    return redirect(url_for("payments.show", payment_id=made.id), code=303)


def _customer(text: str) -> Customer:
    try:
        return db.get_or_404(Customer, row_id(text))
    except ValueError:
        abort(404)


def _form(form: PaymentForm, customer: Customer, choices: Choices, status: int = 200) -> Any:
    to_pay = credit.to_pay(customer.id)
    return render_template(
        "payments/new.html", form=form, customer=customer, choices=choices, to_pay=to_pay, today=today()
    ), status


@bp.get("/<int:payment_id>")
def show(payment_id: int) -> Any:
    return _page(db.get_or_404(Payment, payment_id))


def _page(payment: Payment, status: int = 200, form: AllocationForm | None = None) -> Any:
    """A payment, what it pays, and what it may pay yet."""
    left, choices = credit.left_of(payment), _choices(payment)
    if form is None:
        form = offering(AllocationForm, choices)(
            formdata=None, chosen=choices.ticked, seen=credit.seen_of(payment)
        )
    allocations = (
        select(Allocation)
        .where(Allocation.payment_id == payment.id)
        .options(joinedload(Allocation.charge))
        .order_by(Allocation.id)
    )
    return render_template(
        "payments/show.html",
        payment=payment,
        customer=payment.customer,
        left=left if payment.state == PaymentState.COMPLETED else Decimal(0),
        allocations=db.session.scalars(allocations).all(),
        bank_lines=bookings_of(payment),
        form=form if payment.state == PaymentState.COMPLETED and choices.rows else None,
        choices=choices,
        parts=db.session.scalars(
            select(Payment)
            .where(Payment.split_from_id == payment.id)
            .options(joinedload(Payment.customer))
            .order_by(Payment.id)
        ).all(),
        returned=db.session.scalars(
            select(ReturnedPayment)
            .where(ReturnedPayment.payment_id == payment.id)
            .options(joinedload(ReturnedPayment.payment_back))
            .order_by(ReturnedPayment.id)
        ).all(),
        today=today(),
    ), status


def _choices(payment: Payment) -> Choices:
    return charges_to_pay(payment.customer, credit.left_of(payment), credit.paid_by(payment))


@bp.post("/<int:payment_id>/complete")
def complete(payment_id: int) -> Any:
    payment = _acted_upon(payment_id)
    credit.complete_payment(payment, today(), by=_by(), now=now())
    return _done(payment, "The payment is completed and has been added to the balance.")


@bp.post("/<int:payment_id>/cancel")
def cancel(payment_id: int) -> Any:
    form = CancelForm()
    payment = _acted_upon(payment_id, form)
    credit.cancel_payment(
        payment, today(), by=_by(), now=now(), although_paid_back=bool(form.although_paid_back.data)
    )
    return _done(payment, "The payment is cancelled.")


@bp.post("/<int:payment_id>/release")
def release(payment_id: int) -> Any:
    payment = _acted_upon(payment_id)
    credit.release(payment, today(), by=_by(), now=now())
    return _done(payment, "The payment has been released: the amount is in the balance again.")


@bp.post("/<int:payment_id>/allocations")
def allocate(payment_id: int) -> Any:
    """Let a payment pay what is ticked, of the charges that the form shows: all of it in one act."""
    payment = db.get_or_404(Payment, payment_id)
    credit.lock_payment(payment)
    form = offering(AllocationForm, _choices(payment))()
    if not form.validate_on_submit():
        return _page(payment, 422, form)
    wanted = dict.fromkeys(form.sent, Decimal(0)) | form.wanted
    try:
        credit.allocate(payment, wanted, seen=form.seen.data or "", today=today(), by=_by(), now=now())
    except Invalid as error:
        db.session.rollback()
        put_error(form, error)
        return _page(db.get_or_404(Payment, payment_id), 422, form)
    return _done(payment, f"The payment now pays {plural(len(form.wanted), 'charge')}.")


@bp.get("/<int:payment_id>/split")
def ask_split(payment_id: int) -> Any:
    """Who gets which part of it."""
    payment = db.get_or_404(Payment, payment_id)
    # What calls and the like have taken of it can be moved, too, but is not what somebody means at first.
    most = min(credit.left_of(payment), credit.balance_of(payment.customer_id))
    form = SplitForm(formdata=None, amount=most if most > 0 else None, description=payment.description)
    return _ask_split(payment, form)


@bp.post("/<int:payment_id>/split")
def split(payment_id: int) -> Any:
    payment, form = db.get_or_404(Payment, payment_id), SplitForm()
    if not form.validate_on_submit() or form.customer.customer is None:
        return _ask_split(payment, form, 422)
    customer = form.customer.customer
    try:
        part = credit.split(
            payment,
            customer,
            form.amount.data,
            description=" ".join((form.description.data or "").split()),
            token=form.token.data,
            today=today(),
            by=_by(),
            now=now(),
        )
    except Invalid as error:
        db.session.rollback()
        put_error(form, error)
        return _ask_split(db.get_or_404(Payment, payment_id), form, 422)
    words = f"{money_in(part.amount, customer.currency)} of it is now a payment from {customer.name}."
    return _done(payment, words)


def _ask_split(payment: Payment, form: SplitForm, status: int = 200) -> Any:
    return render_template(
        "payments/split.html",
        payment=payment,
        customer=payment.customer,
        form=form,
        left=credit.left_of(payment),
        balance=credit.balance_of(payment.customer_id),
    ), status


@bp.post("/allocations/<int:allocation_id>/release")
def release_allocation(allocation_id: int) -> Any:
    allocation = db.get_or_404(Allocation, allocation_id)
    if not ActForm().validate_on_submit():
        abort(400)
    credit.release_allocation(allocation, today(), by=_by(), now=now())
    words = f"{money(allocation.amount, allocation.charge.currency)} of {allocation.charge.label} is no longer paid."
    db.session.commit()
    flash(words)
    if allocation.payment_id:
        return redirect(url_for("payments.show", payment_id=allocation.payment_id), code=303)
    return redirect(url_for("charges.show", charge_id=allocation.charge_id), code=303)


def _acted_upon(payment_id: int, form: ActForm | None = None) -> Payment:
    payment = db.get_or_404(Payment, payment_id)
    credit.lock_payment(payment)
    form = form or ActForm()
    if not form.validate_on_submit():
        abort(400)
    if form.version.data != payment.version:
        raise StaleDataError
    return payment


def _done(payment: Payment, words: str) -> Any:
    db.session.commit()
    flash(words)
    return redirect(url_for("payments.show", payment_id=payment.id), code=303)
