"""A line of a bank statement: what is proposed for it, and what it is booked as."""

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_security import current_user
from sqlalchemy import select
from sqlalchemy.orm.exc import StaleDataError

from portal.clock import now, today
from portal.domain.errors import Invalid, RuleBroken
from portal.domain.wording import money_in
from portal.extensions import db
from portal.models import BankLine, LineState, Payment
from portal.services.bank import booking, lists, putting
from portal.services.bank.booking import Part, Who
from portal.services.bank.proposals import Act, Proposal, propose
from portal.web.bank.forms import (
    AcceptForm,
    AsideForm,
    LineActForm,
    LineForm,
    PaidBackForm,
    PaymentIdsForm,
)
from portal.web.credit.choosing import Choices, charges_to_pay, offering
from portal.web.http.locks import lock_or_404
from portal.web.shared.fields import name_for_field, put_error

bp = Blueprint("bank_lines", __name__, url_prefix="/bank-lines")


def _who() -> Who:
    return Who(str(current_user.email), today(), now())


@bp.get("/<int:line_id>")
def show(line_id: int) -> Any:
    """A line; with a customer in the address, what they have to pay."""
    return _page(db.get_or_404(BankLine, line_id))


def _page(
    line: BankLine,
    status: int = 200,
    form: LineForm | None = None,
    aside: AsideForm | None = None,
    back: PaidBackForm | None = None,
) -> Any:
    proposal = propose([line]).get(line.id)
    choices = None
    if line.state == LineState.OPEN and line.amount > 0 and form is None:
        form, choices = _offered(line, proposal)
    elif form is not None and form.customer.customer:
        choices = charges_to_pay(form.customer.customer, line.amount)
    return render_template(
        "bank_lines/show.html",
        line=line,
        statements=lists.statements_of(line),
        proposal=proposal,
        form=form,
        choices=choices,
        aside=aside or AsideForm(formdata=None, version=line.version),
        paid_back=back or PaidBackForm(formdata=None, version=line.version),
        is_return=booking.is_return(line),
        today=today(),
    ), status


def _offered(line: BankLine, proposal: Proposal | None) -> tuple[LineForm, Choices | None]:
    """The form, with the charges of the customer who is named in the address, or else proposed."""
    named = LineForm(formdata=request.args, meta={"csrf": False}) if "customer" in request.args else None
    if named is not None:
        named.validate()
        customer = named.customer.customer
    else:
        customer = proposal.customer if proposal and proposal.act == Act.PAY else None
    if customer is None or customer.currency != line.currency:
        form = LineForm(formdata=None, version=line.version, amount=line.amount)
        if named is not None:
            form.customer.data, form.customer.errors = named.customer.data, named.customer.errors
            if customer:
                words = f"{customer.name} pays in {customer.currency}; this line is in {line.currency}."
                form.customer.errors = [words]
        return form, None
    choices = charges_to_pay(customer, line.amount)
    chosen = proposal.chosen if proposal and proposal.customer == customer else {}
    ticked = [row.id for row in choices.rows if row.id in chosen]
    form = offering(LineForm, choices)(
        formdata=None,
        version=line.version,
        customer=name_for_field(customer),
        amount=line.amount,
        chosen=ticked,
    )
    for id in ticked:
        form[f"amount_{id}"].data = chosen[id]
    form.customer.customer = customer
    return form, choices


# -- acts


@bp.post("/<int:line_id>/acceptance")
def accept(line_id: int) -> Any:
    """Book a line just as it was proposed."""
    line, form = lock_or_404(BankLine, line_id), AcceptForm()
    if not form.validate_on_submit():
        abort(400)
    try:
        booking.accept(line, form.seal.data or "", _who())
    except Invalid as refusal:
        db.session.rollback()
        return _refused(line_id, refusal)
    return _done(line, _said(line), form)


def _refused(line_id: int, refusal: Invalid) -> Any:
    """The page of a line, with what stood against its proposal at its field."""
    line = db.get_or_404(BankLine, line_id)
    proposal = propose([line]).get(line.id)
    if line.amount <= 0:
        back = PaidBackForm(formdata=None, version=line.version)
        back.customer.data = name_for_field(proposal.customer if proposal else None)
        back.customer.errors = [refusal.sentence]
        return _page(line, 422, back=back)
    form, _ = _offered(line, proposal)
    put_error(form, refusal)
    return _page(line, 422, form=form)


@bp.post("/<int:line_id>/payments")
def book(line_id: int) -> Any:
    """Book a line as payments: of one customer, or of several."""
    line = lock_or_404(BankLine, line_id)
    first = LineForm()
    first.validate()
    customer = first.customer.customer
    form = offering(LineForm, charges_to_pay(customer, line.amount))() if customer else first
    if not form.validate_on_submit():
        return _page(line, 422, form)
    _check_version(line, form)
    assert form.customer.customer
    parts = [Part(form.customer.customer, form.amount.data, form.wanted)]
    parts += [Part(whose.customer, share.data) for whose, share in form.shares if whose.customer]
    try:
        booking.book(line, parts, _who(), " ".join((form.again_reason.data or "").split()))
    except Invalid as refusal:
        db.session.rollback()
        put_error(form, refusal)
        return _page(db.get_or_404(BankLine, line_id), 422, form)
    return _done(line, _said(line))


@bp.post("/<int:line_id>/recorded")
def tie(line_id: int) -> Any:
    """A line is a payment that was recorded before."""
    line, payments = _with_payments(line_id)
    if len(payments) != 1:
        raise RuleBroken("Choose one payment of those listed.", booking.to_line(line))
    booking.tie(line, payments[0], _who())
    return _done(line, _said(line))


@bp.post("/<int:line_id>/returned")
def came_back(line_id: int) -> Any:
    """A line says that payments came back."""
    line, payments = _with_payments(line_id)
    booking.came_back(line, payments, _who())
    return _done(line, _said(line))


def _with_payments(line_id: int) -> tuple[BankLine, list[Payment]]:
    line, form = lock_or_404(BankLine, line_id), PaymentIdsForm()
    form.validate()
    _check_version(line, form)
    query = select(Payment).where(Payment.id.in_(form.payments.data or [])).order_by(Payment.id)
    return line, list(db.session.scalars(query))


@bp.post("/<int:line_id>/paid-back")
def pay_back(line_id: int) -> Any:
    """A line is money paid back to a customer."""
    line, form = lock_or_404(BankLine, line_id), PaidBackForm()
    if not form.validate_on_submit() or form.customer.customer is None:
        return _page(line, 422, back=form)
    _check_version(line, form)
    try:
        booking.pay_back(line, form.customer.customer, _who())
    except Invalid as refusal:
        db.session.rollback()
        form.customer.errors = [refusal.sentence]
        return _page(db.get_or_404(BankLine, line_id), 422, back=form)
    return _done(line, _said(line))


@bp.post("/<int:line_id>/setting-aside")
def set_aside(line_id: int) -> Any:
    """Set a line aside, with a word that says why."""
    line, form = lock_or_404(BankLine, line_id), AsideForm()
    if not form.validate_on_submit():
        return _page(line, 422, aside=form)
    _check_version(line, form)
    putting.set_aside(line, form.note.data or "", _who())
    return _done(line, "The line is set aside.")


@bp.post("/<int:line_id>/put-back")
def put_back(line_id: int) -> Any:
    """Make a line open again; what was booked from it is cancelled."""
    line, form = lock_or_404(BankLine, line_id), LineActForm()
    if not form.validate_on_submit():
        abort(400)
    _check_version(line, form)
    was_booked = line.state == LineState.BOOKED
    putting.put_back(line, _who())
    return _done(
        line, f"The line is open again.{' What was booked from it is cancelled.' if was_booked else ''}"
    )


def _check_version(line: BankLine, form: Any) -> None:
    if form.version.data != line.version:
        raise StaleDataError


def _said(line: BankLine) -> str:
    """What became of a line, in a sentence."""
    if line.state == LineState.SET_ASIDE:
        return "The line is set aside."
    whose = {found.customer.name: None for one in line.bookings if (found := one.payment or one.payment_back)}
    return f"Booked {money_in(line.amount, line.currency)}: {', '.join(whose)}."


def _done(line: BankLine, words: str, accepted: AcceptForm | None = None) -> Any:
    """Back to the line; from a list to the list."""
    line_id = line.id
    db.session.commit()
    flash(words)
    if accepted and accepted.statement.data:
        return redirect(
            url_for(
                "bank_statements.show",
                statement_id=accepted.statement.data,
                state=accepted.state.data or None,
            ),
            code=303,
        )
    return redirect(url_for(".show", line_id=line_id), code=303)
