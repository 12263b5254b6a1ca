"""Customers: the list, the row that opens in it, and making and changing one."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy.orm import selectinload
from werkzeug.wrappers import Response

from portal.clock import now, today
from portal.domain.bank_account import compact
from portal.domain.check_digits import in_fours
from portal.domain.errors import Invalid
from portal.domain.party import Party, checked
from portal.domain.wording import digits
from portal.extensions import db
from portal.models import Customer
from portal.models.company import company
from portal.services import listing
from portal.services.customers import customers, ranking
from portal.services.customers.account_codes import codes_of, meant_codes
from portal.services.customers.contacts import checked as checked_contact
from portal.services.customers.contacts import contacts_of
from portal.services.dids import dids
from portal.services.exports import customers as exports
from portal.services.listing import Sort
from portal.services.overview.ranks import order_of
from portal.services.overview.refreshing import refresh
from portal.services.overview.remembering import Reading
from portal.services.packages.catalogue import default_currency
from portal.web.customers import bp
from portal.web.customers.forms import CustomerForm, RowForm
from portal.web.customers.page import rate_begins
from portal.web.http.access import may_change
from portal.web.http.afterwards import afterwards
from portal.web.http.bounds import row_id
from portal.web.http.htmx import fragment, is_htmx
from portal.web.http.locks import lock_or_404
from portal.web.shared.exports import FORM, send
from portal.web.shared.fields import put_error
from portal.web.shared.lists import ListState, list_state

SUGGESTED = 20
NO_CATEGORY = "Without tax a tax category says why: set it on the customer's page."
STORED = ("name", "company_details", "email")


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
    state = _asked(in_use)
    query, total = customers.found_and_counted(state.text, state["state"], state["currency"])
    query, place = query.options(selectinload(Customer.tax_rates)), (state.after, state.before)
    reading = Reading(today())
    if state.sort in customers.SORTS:
        page = listing.page(query, customers.SORTS[state.sort], *place, total=total)
    else:
        order = order_of(reading, state.sort, state["currency"])
        page = ranking.ranked(query, order, *place, total=total)
    if reading.late:
        afterwards(partial(refresh, today(), reading.late))
    return {
        "page": page,
        "figures": ranking.figures_of([customer.id for customer in page.rows], today()),
        "sorted_as_of": now() - timedelta(seconds=reading.age) if reading.age is not None else None,
        "state": state,
        "currencies": [("", "Any currency"), *((code, code) for code in in_use)],
        "did_counts": dids.count_by_customer([customer.id for customer in page.rows]),
        "today": today(),
    }


def _asked(in_use: Sequence[str]) -> ListState:
    return list_state((*customers.SORTS, *ranking.SORTS), state=customers.STATES, currency=("", *in_use))


@bp.get(f"/list.{FORM}")
def download(form: str) -> Any:
    """All that the list finds, as a file."""
    state = _asked(customers.currencies_in_use())
    order: Sort | ranking.Order
    if state.sort in customers.SORTS:
        order = customers.SORTS[state.sort]
    else:
        order = order_of(Reading(today()), state.sort, state["currency"])
    query = customers.find_customers(state.text, state["state"], state["currency"])
    return send(exports.customers(query, order, today(), masks_iban=not may_change()), form)


def _index(context: dict[str, Any], status: int = 200, **more: Any) -> Any:
    return render_template("customers/index.html", **context, **more), status


@bp.get("/suggestions")
def suggestions() -> Any:
    """The customers whose name or account code holds what is typed: options for the field's list."""
    text = next((value for value in request.args.values() if value.strip()), "")[:200]
    query = customers.find_customers(text).order_by(Customer.search_key, Customer.id).limit(SUGGESTED + 1)
    found = list(db.session.scalars(query.options(selectinload(Customer.account_codes))))
    context: dict[str, Any] = {
        "found": _told_apart(found)[:SUGGESTED],
        "meant": meant_codes(found, text),
        "more": text if len(found) > SUGGESTED else "",
    }
    return fragment("customers/_suggestions.html", **context)


def _told_apart(found: list[Customer]) -> list[tuple[str, Customer]]:
    keys = [customer.name_key for customer in found]
    return [(c.name if keys.count(c.name_key) == 1 else f"#{c.id}", c) for c in found]


# -- making and changing one


@bp.get("/new")
def new() -> Any:
    provider = company()
    form = CustomerForm(
        formdata=None,
        currency=default_currency(),
        country=provider.country,
        tax_rate=provider.default_tax_rate,
    )
    return render_template("customers/new.html", form=form)


@bp.post("")
def create() -> Any:
    form = CustomerForm()
    if form.only_shown_anew:
        return render_template("customers/new.html", form=form)
    if not form.validate_on_submit():
        return render_template("customers/new.html", form=form), 422
    tax = (form.tax_rate.data, form.tax_category.data, form.tax_reason.data or "")
    try:
        customer = customers.create_customer(
            form.fields, *tax, token=form.token.data, today=today(), now=now()
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
    return _editor(customer, _change_form(formdata=None, obj=customer, contacts=contacts_of(customer)))


@bp.post("/<int:customer_id>")
def update(customer_id: int) -> Any:
    customer = lock_or_404(Customer, customer_id)
    form = _change_form()
    if form.only_shown_anew:
        return _editor(customer, form)
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
    return redirect(url_for("customers.details", customer_id=customer.id), code=303)


def _change_form(**given: Any) -> CustomerForm:
    """The form without the tax, which has a history of its own."""
    form = CustomerForm(**given)
    del form.tax_rate, form.tax_category, form.tax_reason
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
    differs = [
        (form[name].label.text, getattr(customer, name) or "nothing")
        for name in STORED
        if name in form and getattr(customer, name) != (form[name].data or "").strip()
    ]
    if isinstance(form, CustomerForm):
        differs += _other_party(customer, form)
    for name in ("debit_limit", "payment_days"):
        if name in form and getattr(customer, name) != form[name].data:
            stored = getattr(customer, name)
            differs.append((form[name].label.text, "nothing" if stored is None else digits(stored)))
    codes = codes_of(customer)
    if "account_codes" in form and form.account_codes.codes not in (None, codes):
        differs.append((form.account_codes.label.text, ", ".join(codes) or "nothing"))
    return differs


def _other_party(customer: Customer, form: CustomerForm) -> list[tuple[str, str]]:
    """What is stored now of the party, the bank account and the contacts, where it is not what was typed."""
    typed = checked(form.party)
    differs = [
        (form[name].label.text, getattr(customer, name) or "nothing")
        for name in Party.__dataclass_fields__
        if getattr(customer, name) != getattr(typed, name)
    ]
    if customer.iban != compact(form.iban.data or ""):
        differs.append((form.iban.label.text, in_fours(customer.iban) or "nothing"))
    given = form.fields.contacts
    if given is not None and [checked_contact(one, typed.country) for one in given] != [
        *contacts_of(customer)
    ]:
        differs.append(("Contacts", "; ".join(map(str, customer.contacts)) or "nobody"))
    return differs


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
    return RowForm(formdata=None, obj=customer, tax_rate=customer.last_tax.rate)


@bp.post("/<int:customer_id>/row")
def update_row(customer_id: int) -> Any:
    customer = lock_or_404(Customer, customer_id)
    form = RowForm()
    if not form.validate_on_submit():
        return _open_row(customer, form, 422)
    if form.version.data != customer.version:
        return _open_row(customer, form, 409)
    try:
        fields = customers.fields_of(customer, name=form.name.data or "", email=form.email.data or "")
        customers.change_customer(customer, fields)
        if form.tax_rate.data != customer.last_tax.rate:
            if not form.tax_rate.data:
                raise Invalid("tax_rate", NO_CATEGORY)
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
        "rows": [customer],
        "figures": ranking.figures_of([customer.id], today()),
        "did_counts": counts,
        "today": today(),
        "state": _state(),
    }
    return fragment("customers/_rows.html", **context)


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
    return {"editing": customer, "form": form, "stored": stored, "tomorrow": rate_begins(customer)}


def _state() -> ListState:
    return list_state((*customers.SORTS, *ranking.SORTS), state=(), currency=())


def _back(**more: Any) -> Response:
    """The list, as it was."""
    return redirect(url_for("customers.index", **_state().kept, **more), code=303)
