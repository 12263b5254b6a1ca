"""Correcting a customer's tax rate back to a day: asked, previewed, posted."""

from typing import Any

from flask import abort, flash, render_template, request, url_for
from flask_security import current_user

from portal.clock import now, today
from portal.domain.errors import Invalid
from portal.domain.wording import day
from portal.extensions import db
from portal.models import Customer
from portal.services.corrections.tax_rates import RateChanged, TaxPlan, already_right, plan_rate, post_rate
from portal.web.corrections import bp
from portal.web.corrections.forms import RateForm, planned
from portal.web.http.access import changes_nothing
from portal.web.http.bounds import row_id
from portal.web.http.htmx import fragment, is_htmx, see_other
from portal.web.shared.fields import put_error

# The same blueprint as the others': to whoever links here, all of it is corrections.
__all__ = ["bp"]


@bp.get("/tax-rate/new")
def new_rate() -> Any:
    """The form, for one customer."""
    return _page(_customer(), RateForm(formdata=None))


@bp.post("/tax-rate/preview")
@changes_nothing
def preview_rate() -> Any:
    """What it would post, while the form is filled."""
    customer, form = _customer(), RateForm()
    seen = _planned(customer, form) if form.is_filled else None
    if is_htmx():
        return fragment("corrections/_rate_preview.html", **_context(customer, form, seen))
    return _page(customer, form, seen, 422 if form.errors else 200)


@bp.post("/tax-rate")
def create_rate() -> Any:
    """Post it, once it was seen what it does."""
    customer, form = _customer(), RateForm()
    wanted = form.wanted()
    if wanted is None:
        return _page(customer, form, None, 422)
    sent = {"seen": form.seen.data or "", "token": form.token.data}
    try:
        made = post_rate(customer, wanted, **sent, today=today(), by=current_user.email, now=now())
    except RateChanged as changed:
        db.session.rollback()
        shown_before = bool(form.seen.data)
        status = 409 if shown_before else 200
        return _page(customer, form, changed.plan, status, changed=shown_before)
    except Invalid as problem:
        db.session.rollback()
        put_error(form, problem)
        return _page(customer, form, None, 422)
    id, said = made.id, f"Corrected back to {day(made.since)}: {made.right}."
    db.session.commit()
    flash(said)
    return see_other(url_for(".show", correction_id=id))


def _customer() -> Customer:
    return db.session.get(Customer, request.values.get("customer_id", 0, row_id)) or abort(404)


def _planned(customer: Customer, form: RateForm) -> TaxPlan | None:
    return planned(form, lambda wanted: plan_rate(customer, wanted, today()), already_right)


def _context(customer: Customer, form: RateForm, seen: TaxPlan | None, **more: Any) -> dict[str, Any]:
    form.seen.data = seen.fingerprint if seen else ""
    context = {"customer": customer, "form": form, "seen": seen, "changed": False}
    return {**context, "tax": customer.tax_on(today()), **more}


def _page(
    customer: Customer, form: RateForm, seen: TaxPlan | None = None, status: int = 200, **more: Any
) -> Any:
    return render_template("corrections/rate.html", **_context(customer, form, seen, **more)), status
