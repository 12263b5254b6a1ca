"""A customer's credit: balance, statement, what is to be paid, payments, adjustments."""

from datetime import date
from decimal import Decimal
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_security import current_user
from sqlalchemy import select

from portal.clock import now, today
from portal.domain.errors import Invalid
from portal.domain.wording import money_in
from portal.extensions import db
from portal.models import Customer, Payment
from portal.services import credit, deletion, listing
from portal.services.credit.ledger import charge_ledger
from portal.services.credit.statement import statement
from portal.services.exports import statement as exports
from portal.services.summary.layout import by_week
from portal.web.credit import bp
from portal.web.credit.forms import AdjustmentForm
from portal.web.customers.desk import framed
from portal.web.http.errors import problem
from portal.web.shared.exports import FORM, send
from portal.web.shared.fields import put_error
from portal.web.shared.lists import list_state
from portal.web.shared.spans import Span, span_of

MONTHS_SHOWN = 1
OPEN_SHOWN = PAYMENTS_SHOWN = 50
ENTRIES_SHOWN = 1_000
# The lists of a customer's credit, one at a time: what is to pay, payments, charges and what paid them, the balance.
PARTS = ("", "payments", "ledger", "balance")


def months_back(day: date, months: int) -> date:
    """The first day of the month so many months ago."""
    number = day.year * 12 + day.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


@bp.get("")
def show(customer_id: int) -> Any:
    customer = db.get_or_404(Customer, customer_id)
    part = list_state(("newest",), part=PARTS)["part"]
    frame = framed(customer, "credit")
    known = frame["frame"].glance
    by_day, to_use = credit.open_sums(customer.id)
    span = span_of(months_back(today(), MONTHS_SHOWN), today(), "A month to today")
    to_pay = credit.ToPay(sum(by_day.values(), Decimal(0)), known.balance, to_use)
    return render_template(
        "credit/show.html",
        **frame,
        part=part,
        balance=known.balance,
        available=known.available,
        to_pay=to_pay,
        span=span,
        **_listed(customer, part, span, to_pay),
    ), (422 if span.problem and part in ("ledger", "balance") else 200)


def _listed(customer: Customer, part: str, span: Span, to_pay: credit.ToPay) -> dict[str, Any]:
    """What one of the PARTS lists."""
    assert span.begins and span.through
    if part == "payments":
        state = list_state(("newest",))
        newest = listing.Sort((Payment.id,), descending=True)
        theirs = select(Payment).where(Payment.customer_id == customer.id)
        return {"payments": listing.page(theirs, newest, state.after, state.before, PAYMENTS_SHOWN)}
    if part == "ledger":
        # What is to pay is not known of a day to come.
        through = max(min(span.through, today()), span.begins)
        ends_with = to_pay if through >= today() else None
        return {"ledger": charge_ledger(customer.id, span.begins, through, ENTRIES_SHOWN, ends_with)}
    if part == "balance":
        found = statement(customer.id, span.begins, span.through, ENTRIES_SHOWN)
        return {"statement": found, "entries": by_week(found.lines)}
    items = credit.open_items(customer.id, most=OPEN_SHOWN + 1)
    return {"open_items": items[:OPEN_SHOWN], "more_open": len(items) > OPEN_SHOWN}


@bp.get(f"/statement.{FORM}")
def download(customer_id: int, form: str) -> Any:
    """The statement of the balance, every entry of the days asked for, as a file."""
    customer = db.get_or_404(Customer, customer_id)
    span = span_of(months_back(today(), MONTHS_SHOWN), today(), "A month to today")
    if span.problem:
        return problem(422, span.problem)
    assert span.begins and span.through
    return send(exports.statement(customer, span.begins, span.through), form)


@bp.post("/pay")
def pay_from_balance(customer_id: int) -> Any:
    """Pay what is due first with what the balance holds."""
    customer = db.get_or_404(Customer, customer_id)
    paid = credit.pay_from_balance(customer, today=today(), by=str(current_user.email), now=now())
    to_archive = request.form.get("to") == "archive"
    archived = deletion.archive_if_possible(customer, today()) if to_archive else False
    db.session.commit()
    flash(f"Paid {money_in(paid, customer.currency)} from the balance.")
    if archived:
        flash(f"Archived {customer.name}.")
    return redirect(url_for("credit.show", customer_id=customer_id), code=303)


@bp.get("/adjustments/new")
def new_adjustment(customer_id: int) -> Any:
    customer = db.get_or_404(Customer, customer_id)
    return _form(AdjustmentForm(formdata=None, for_day=today()), customer)


@bp.post("/adjustments")
def adjust(customer_id: int) -> Any:
    customer = db.get_or_404(Customer, customer_id)
    form = AdjustmentForm()
    if not form.validate_on_submit():
        return _form(form, customer, 422)
    assert form.for_day.data is not None
    try:
        credit.adjust(
            customer, form.amount.data, form.for_day.data, form.reason.data or "",
            token=form.token.data, today=today(), by=str(current_user.email), now=now(),
        )  # fmt: skip
    except Invalid as error:
        db.session.rollback()
        put_error(form, error)
        return _form(form, customer, 422)
    db.session.commit()
    flash(f"Adjusted the balance of {customer.name}.")
    return redirect(url_for("credit.show", customer_id=customer_id, part="balance"), code=303)


def _form(form: AdjustmentForm, customer: Customer, status: int = 200) -> Any:
    return render_template(
        "credit/adjustment.html", form=form, customer=customer, balance=credit.balance_of(customer.id)
    ), status
