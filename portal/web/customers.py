"""Customers: the list, the row that opens in it, and making and changing one."""

from datetime import date
from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import selectinload
from werkzeug.wrappers import Response

from portal.clock import now, today
from portal.domain.errors import Invalid
from portal.domain.schedule import FIRST_DAY, ONE_DAY
from portal.extensions import db
from portal.models import Customer
from portal.services import credit, customer_figures, customers, deletion, dids, listing
from portal.services.bundles import free_minutes
from portal.services.explaining import explained
from portal.services.minimums import minimums
from portal.services.packages import default_currency
from portal.services.services_enabled import services_enabled
from portal.web import assignments_section
from portal.web.customers_forms import CustomerForm, RowForm, TaxRateForm, day_or_none, put_error
from portal.web.htmx import fragment, is_htmx
from portal.web.lists import ListState, list_state, row_id
from portal.web.people import circle_of

bp = Blueprint("customers", __name__, url_prefix="/customers")

SUGGESTED = 20
SHOWN = 10
STORED = {"name": "Name", "company_details": "Company Details", "email": "E-mail", "address": "Address"}


@bp.app_template_global()
def has_page(endpoint: str) -> bool:
    """Whether a page is there to be linked to."""
    return endpoint in current_app.view_functions


@bp.get("")
def index() -> Any:
    context = _found()
    if is_htmx():
        return fragment("customers/_found.html", **context)
    opened = request.args.get("editing", type=row_id)
    editing = next((customer for customer in context["page"].rows if customer.id == opened), None)
    return _index(context, **(_opened(editing, _row_form(editing)) if editing else {}))


def _found() -> dict[str, Any]:
    """What the list's address asks for."""
    in_use = customers.currencies_in_use()
    state = list_state(customers.SORTS, state=customers.STATES, currency=("", *in_use))
    query = customers.find_customers(state.text, state["state"], state["currency"])
    query = query.options(selectinload(Customer.tax_rates))
    page = listing.page(query, customers.SORTS[state.sort], state.after, state.before)
    return {
        "page": page,
        "state": state,
        "currencies": [("", "Any currency"), *((code, code) for code in in_use)],
        "did_counts": dids.count_by_customer([customer.id for customer in page.rows]),
        "today": today(),
    }


def _index(context: dict[str, Any], status: int = 200, **more: Any) -> Any:
    return render_template("customers/index.html", **context, **more), status


@bp.get("/suggestions")
def suggestions() -> Any:
    """The customers whose name begins with, or holds, what is typed: options for the field's list."""
    text = next((value for value in request.args.values() if value.strip()), "")[:200]
    query = customers.find_customers(text).order_by(Customer.search_key, Customer.id).limit(SUGGESTED)
    return fragment("customers/_suggestions.html", found=_told_apart(list(db.session.scalars(query))))


def _told_apart(found: list[Customer]) -> list[tuple[str, Customer]]:
    names = [customer.name for customer in found]
    return [(c.name if names.count(c.name) == 1 else f"#{c.id}", c) for c in found]


# -- one customer


@bp.get("/<int:customer_id>")
def show(customer_id: int) -> Any:
    return _page(db.get_or_404(Customer, customer_id))


def _page(customer: Customer, status: int = 200, rate_form: TaxRateForm | None = None, **more: Any) -> Any:
    """The customer's page. Whatever cannot be done stands on it as a refusal, with its way out."""
    mine = dids.find_dids(customer_id=customer.id)
    form = rate_form or TaxRateForm(formdata=None, tax_rate=customer.tax_rates[-1].rate)
    form.version.raw_data, form.version.data = None, customer.version
    context = _figures(customer) | {
        "posted": explained(customer_figures.last_charges(customer, SHOWN)),
        "section": assignments_section.of_customer(customer),
        "did_page": listing.page(mine, dids.SORTS["number"], size=SHOWN),
        "minimums": minimums(customer.id, today()),
        "bundles": free_minutes(customer.id, today()),
        "rate_form": form,
        "tomorrow": _rate_begins(customer),
        "circle": circle_of(customer),
    }
    return render_template("customers/show.html", **context, **more), status


def _figures(customer: Customer) -> dict[str, Any]:
    """What changes with every assignment: the strip of figures, the next charges, the services enabled."""
    day = today()
    upcoming = customer_figures.next_charges(day, SHOWN, customer_id=customer.id)
    return {
        "customer": customer,
        "today": day,
        "recurring": customer_figures.recurring(customer, day),
        "upcoming": upcoming,
        "coming": explained(upcoming.charges),
        "services": services_enabled([customer.id], day)[0].services,
        "balance": credit.balance_of(customer.id),
        "to_be_paid": credit.owed_by(customer.id),
    }


@bp.get("/<int:customer_id>/figures")
def figures(customer_id: int) -> Any:
    """The figures anew, after something on the page was assigned, changed or ended."""
    customer = db.get_or_404(Customer, customer_id)
    if not is_htmx():
        return redirect(url_for("customers.show", customer_id=customer.id))
    return fragment("customers/_figures.html", **_figures(customer))


@bp.post("/<int:customer_id>/archive")
def archive(customer_id: int) -> Any:
    customer = db.get_or_404(Customer, customer_id)
    if refusal := deletion.why_not_archive_customer(customer, today()):
        return _page(customer, 409, refusal=refusal)
    deletion.archive_customer(customer, today())
    db.session.commit()
    flash(f"Archived {customer.name}.")
    return redirect(url_for("customers.show", customer_id=customer.id), code=303)


@bp.post("/<int:customer_id>/restore")
def restore(customer_id: int) -> Any:
    customer = db.get_or_404(Customer, customer_id)
    deletion.restore_customer(customer)
    db.session.commit()
    flash(f"{customer.name} is active again.")
    return redirect(url_for("customers.show", customer_id=customer.id), code=303)


@bp.post("/<int:customer_id>/tax-rates")
def change_tax_rate(customer_id: int) -> Any:
    customer = db.get_or_404(Customer, customer_id)
    form = TaxRateForm()
    if not form.validate_on_submit():
        return _page(customer, 422, form)
    if form.version.data != customer.version:
        return _page(customer, 409, form, stale=True)
    try:
        changed = customers.change_tax_rate(customer, form.tax_rate.data, form.tax_rate_from.data, today())
    except Invalid as error:
        db.session.rollback()
        put_error(form, error)
        return _page(customer, 422, form)
    db.session.commit()
    flash(f"Saved the tax rate of {customer.name}." if changed else "That rate holds already.")
    return redirect(url_for("customers.show", customer_id=customer.id, _anchor="tax"), code=303)


@bp.post("/<int:customer_id>/tax-rates/drop")
def drop_tax_rate(customer_id: int) -> Any:
    customer = db.get_or_404(Customer, customer_id)
    day = day_or_none(request.form.get("holds_from", "")) or FIRST_DAY
    customers.drop_tax_rate(customer, day, today())
    db.session.commit()
    flash("Took back the tax rate that was to come.")
    return redirect(url_for("customers.show", customer_id=customer.id, _anchor="tax"), code=303)


# -- making and changing one


@bp.get("/new")
def new() -> Any:
    form = CustomerForm(formdata=None, currency=default_currency())
    return render_template("customers/new.html", form=form)


@bp.post("")
def create() -> Any:
    form = CustomerForm()
    if not form.validate_on_submit():
        return render_template("customers/new.html", form=form), 422
    try:
        customer = customers.create_customer(
            form.fields, form.tax_rate.data, token=(form.token.data or "")[:64], today=today(), now=now()
        )
    except Invalid as error:
        db.session.rollback()
        put_error(form, error)
        return render_template("customers/new.html", form=form), 422
    db.session.commit()
    flash(f"Added {customer.name}.")
    return redirect(url_for("customers.show", customer_id=customer.id), code=303)


@bp.get("/<int:customer_id>/edit")
def edit(customer_id: int) -> Any:
    customer = db.get_or_404(Customer, customer_id)
    return _editor(customer, _change_form(formdata=None, obj=customer))


@bp.post("/<int:customer_id>")
def update(customer_id: int) -> Any:
    customer = db.get_or_404(Customer, customer_id)
    form = _change_form()
    if not form.validate_on_submit():
        return _editor(customer, form, 422)
    if form.version.data != customer.version:
        return _editor(customer, form, 409)
    try:
        customers.change_customer(customer, form.fields)
    except Invalid as error:
        db.session.rollback()
        put_error(form, error)
        return _editor(customer, form, 422)
    db.session.commit()
    flash(f"Saved {customer.name}.")
    return redirect(url_for("customers.show", customer_id=customer.id), code=303)


def _change_form(**given: Any) -> CustomerForm:
    """The form without the tax rate, which has a history of its own."""
    form = CustomerForm(**given)
    del form.tax_rate
    return form


def _editor(customer: Customer, form: CustomerForm, status: int = 200) -> Any:
    """The form; where somebody else was quicker, with what is stored now beside what was typed."""
    stored = _conflict(customer, form) if status == 409 else []
    form.version.raw_data, form.version.data = None, customer.version
    fixed = customers.is_currency_fixed(customer)
    context = {"customer": customer, "form": form, "stored": stored, "currency_fixed": fixed}
    return render_template("customers/edit.html", **context), status


def _conflict(customer: Customer, form: Any) -> list[tuple[str, str]]:
    """What is stored now, where it is not what was typed."""
    return [
        (label, getattr(customer, name) or "nothing")
        for name, label in STORED.items()
        if name in form and getattr(customer, name) != (form[name].data or "").strip()
    ]


# -- the row


@bp.get("/<int:customer_id>/row")
def row(customer_id: int) -> Any:
    customer = db.get_or_404(Customer, customer_id)
    return _row(customer) if is_htmx() else _back()


@bp.get("/<int:customer_id>/row/edit")
def edit_row(customer_id: int) -> Any:
    customer = db.get_or_404(Customer, customer_id)
    return _open_row(customer, _row_form(customer)) if is_htmx() else _back(editing=customer_id)


def _row_form(customer: Customer) -> RowForm:
    return RowForm(formdata=None, obj=customer, tax_rate=customer.tax_rates[-1].rate)


@bp.post("/<int:customer_id>/row")
def update_row(customer_id: int) -> Any:
    customer = db.get_or_404(Customer, customer_id)
    form = RowForm()
    if not form.validate_on_submit():
        return _open_row(customer, form, 422)
    if form.version.data != customer.version:
        return _open_row(customer, form, 409)
    try:
        fields = customers.fields_of(customer, name=form.name.data or "", email=form.email.data or "")
        customers.change_customer(customer, fields)
        if form.tax_rate.data != customer.tax_rates[-1].rate:
            customers.change_tax_rate(customer, form.tax_rate.data, None, today())
    except Invalid as error:
        db.session.rollback()
        put_error(form, error)
        return _open_row(customer, form, 422)
    db.session.commit()
    flash(f"Saved {customer.name}.")
    return _row(customer) if is_htmx() else _back()


def _row(customer: Customer) -> Response:
    counts = dids.count_by_customer([customer.id])
    context: dict[str, Any] = {
        "customer": customer,
        "did_counts": counts,
        "today": today(),
        "state": _state(),
    }
    return fragment("customers/_row.html", **context)


def _open_row(customer: Customer, form: RowForm, status: int = 200) -> Any:
    """The open row alone, or, in a plain browser, the list with the row open in it."""
    opened = _opened(customer, form, status)
    if is_htmx():
        return fragment("customers/_edit_row.html", status, customer=customer, state=_state(), **opened)
    context = _found()
    if customer not in context["page"].rows:
        context["page"].rows.insert(0, customer)
    return _index(context, status, **opened)


def _opened(customer: Customer, form: RowForm, status: int = 200) -> dict[str, Any]:
    """What an open row shows."""
    stored = _conflict(customer, form) if status == 409 else []
    form.version.raw_data, form.version.data = None, customer.version
    return {"editing": customer, "form": form, "stored": stored, "tomorrow": _rate_begins(customer)}


def _rate_begins(customer: Customer) -> date | None:
    """The day from which a rate typed now would hold; None: at once."""
    return today() + ONE_DAY if customers.has_been_charged(customer) else None


def _state() -> ListState:
    return list_state(customers.SORTS, state=(), currency=())


def _back(**more: Any) -> Response:
    """The list, as it was."""
    return redirect(url_for("customers.index", **_state().kept, **more), code=303)
