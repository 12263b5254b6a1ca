"""Payments back: money paid out of a balance, and taking that back."""

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_security import current_user
from sqlalchemy.orm.exc import StaleDataError

from portal.clock import now, today
from portal.domain.errors import Invalid
from portal.domain.wording import money_in
from portal.extensions import db
from portal.models import Customer, PaymentBack, PaymentMethod
from portal.services import credit, deletion
from portal.web.credit.choosing import offering, payments_to_return
from portal.web.credit.forms import ActForm, PayBackForm
from portal.web.http.bounds import row_id
from portal.web.shared.fields import put_error

bp = Blueprint("payments_back", __name__, url_prefix="/payments-back")


@bp.get("/new")
def new() -> Any:
    customer = _customer()
    holds = credit.balance_of(customer.id)
    form = offering(PayBackForm, payments_to_return(customer))(
        formdata=None, paid_on=today(), amount=holds if holds > 0 else None,
        then_archive="archive" in request.args,
    )  # fmt: skip
    return _form(form, customer)


@bp.post("")
def create() -> Any:
    customer = _customer()
    form = offering(PayBackForm, payments_to_return(customer))()
    if not form.validate_on_submit():
        return _form(form, customer, 422)
    back = PaymentBack(
        token=form.token.data,
        customer=customer,
        paid_on=form.paid_on.data,
        amount=form.amount.data,
        method=PaymentMethod(form.method.data),
        bank_reference=" ".join((form.bank_reference.data or "").split()),
        created_by=str(current_user.email),
        created_at=now(),
    )
    try:
        made = credit.pay_back(back, today(), now=now(), chosen=form.wanted)
    except Invalid as error:
        db.session.rollback()
        put_error(form, error)
        return _form(form, _customer(), 422)
    archived = deletion.archive_if_possible(made.customer, today()) if form.then_archive.data else False
    db.session.commit()
    flash(f"Paid back {money_in(made.amount, made.customer.currency)} to {made.customer.name}.")
    if archived:
        flash(f"Archived {made.customer.name}.")
    return redirect(url_for("payments_back.show", payment_back_id=made.id), code=303)


def _customer() -> Customer:
    try:
        return db.get_or_404(Customer, row_id(request.args.get("customer_id", "")))
    except ValueError:
        abort(404)


def _form(form: PayBackForm, customer: Customer, status: int = 200) -> Any:
    return render_template(
        "payments_back/new.html",
        form=form,
        customer=customer,
        choices=payments_to_return(customer),
        balance=credit.balance_of(customer.id),
    ), status


@bp.get("/<int:payment_back_id>")
def show(payment_back_id: int) -> Any:
    back = db.get_or_404(PaymentBack, payment_back_id)
    return render_template("payments_back/show.html", back=back, customer=back.customer)


@bp.post("/<int:payment_back_id>/cancel")
def cancel(payment_back_id: int) -> Any:
    back, form = db.get_or_404(PaymentBack, payment_back_id), ActForm()
    credit.lock_payment_back(back)
    if not form.validate_on_submit():
        abort(400)
    if form.version.data != back.version:
        raise StaleDataError
    credit.cancel_payment_back(back, today(), by=str(current_user.email), now=now())
    db.session.commit()
    flash("The payment back is cancelled: the amount is in the balance again.")
    return redirect(url_for("payments_back.show", payment_back_id=back.id), code=303)
