"""One customer's page: what stands on it, the tax rates, the archive."""

from datetime import date
from typing import Any

from flask import current_app, flash, redirect, render_template, request, url_for
from sqlalchemy import select

from portal.clock import today
from portal.domain.errors import Invalid
from portal.domain.schedule import ONE_DAY
from portal.extensions import db
from portal.models import Assignment, Customer
from portal.services import credit, deletion, listing
from portal.services.assignments import ending_many
from portal.services.assignments import lists as assignments
from portal.services.assignments.bundles import free_minutes
from portal.services.assignments.ending import foresee, last_day_of
from portal.services.billing.minimums import SHOWN as MINIMUMS_SHOWN
from portal.services.billing.minimums import minimums
from portal.services.charges.explaining import explained
from portal.services.corrections import made as corrections
from portal.services.customers import customers, ranking
from portal.services.customers import figures as customer_figures
from portal.services.customers.posted import has_postings
from portal.services.dids import dids
from portal.services.notes import lists as notes
from portal.services.packages.services_enabled import services_enabled
from portal.services.summary import sending
from portal.web.assignments import section
from portal.web.customers import bp
from portal.web.customers.forms import TaxRateForm
from portal.web.http.htmx import fragment, is_htmx
from portal.web.http.locks import lock_or_404
from portal.web.people.pages import group_of
from portal.web.shared.fields import day_or_none, put_error

SHOWN = 10
SUMMARIES_SHOWN = 3


@bp.app_template_global()
def has_page(endpoint: str) -> bool:
    """Whether a page is there to be linked to."""
    return endpoint in current_app.view_functions


@bp.get("/<int:customer_id>")
def show(customer_id: int) -> Any:
    return _page(db.get_or_404(Customer, customer_id))


def _page(customer: Customer, status: int = 200, rate_form: TaxRateForm | None = None, **more: Any) -> Any:
    """The customer's page. Whatever cannot be done stands on it as a refusal, with its way out."""
    mine = dids.find_dids(today(), customer_id=customer.id)
    last = customer.last_tax
    form = rate_form or TaxRateForm(
        formdata=None, tax_rate=last.rate, tax_category=last.category, tax_reason=last.reason
    )
    form.version.raw_data, form.version.data = None, customer.version
    context = _figures(customer) | {
        "posted": explained(customer_figures.last_charges(customer, SHOWN)),
        "section": section.of_customer(customer),
        "did_page": listing.page(mine, dids.SORTS["number"], size=SHOWN),
        "minimums": minimums(customer.id, today(), MINIMUMS_SHOWN + 1),
        "bundles": free_minutes(customer.id, today()),
        "rate_form": form,
        "corrections": corrections.of_customer(customer),
        "tomorrow": rate_begins(customer),
        "group": group_of(customer),
        "sent_summaries": sending.last_of_customer(customer.id, SUMMARIES_SHOWN),
        "notes": notes.of_customer(customer.id),
    }
    return render_template("customers/show.html", **context, **more), status


def _figures(customer: Customer) -> dict[str, Any]:
    """What changes with every assignment: the strip of figures, the next charges, the services enabled."""
    day = today()
    upcoming = customer_figures.next_charges(day, SHOWN, customer_id=customer.id)
    return {
        "customer": customer,
        "today": day,
        "recurring": ranking.recurring(day, [customer.id]).get(customer.id, customer_figures.Recurring()),
        "upcoming": upcoming,
        "coming": explained(upcoming.charges),
        "services": services_enabled([customer.id], day)[0].services,
        "balance": credit.balance_of(customer.id),
        "to_pay": credit.to_pay(customer.id),
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
    customer = lock_or_404(Customer, customer_id)
    if refusal := deletion.why_not_archive_customer(customer, today()):
        return _page(customer, 409, refusal=refusal, **_ending(refusal))
    deletion.archive_customer(customer, today())
    db.session.commit()
    flash(f"Archived {customer.name}.")
    return redirect(url_for("customers.show", customer_id=customer.id), code=303)


def _ending(refusal: deletion.Refusal) -> dict[str, Any]:
    """What it comes to if all that is in the way ends as early as it may, where that is the way out."""
    way = refusal.way_out
    if way is None or way.endpoint != "assignments.end_many":
        return {}
    ids = [int(id) for id in way.fields["ids"].split(",")]
    query = select(Assignment).where(Assignment.id.in_(ids)).options(*assignments.for_rows())
    ending = ending_many.sort_out(db.session.scalars(query.order_by(Assignment.id)), None, today())
    last_days = {one.id: last_day_of(one, None, today()) for one in ending.done}
    days = sorted(set(last_days.values()))
    return {
        "ending": ending,
        "foreseen": foresee(ending.done, None, today()),
        "last_days": last_days,
        "end_date": days[0] if len(days) == 1 else None,
    }


@bp.post("/<int:customer_id>/restore")
def restore(customer_id: int) -> Any:
    customer = lock_or_404(Customer, customer_id)
    deletion.restore_customer(customer)
    db.session.commit()
    flash(f"{customer.name} is active again.")
    return redirect(url_for("customers.show", customer_id=customer.id), code=303)


@bp.post("/<int:customer_id>/tax-rates")
def change_tax_rate(customer_id: int) -> Any:
    customer = lock_or_404(Customer, customer_id)
    form = TaxRateForm()
    if not form.validate_on_submit():
        return _page(customer, 422, form)
    if form.version.data != customer.version:
        return _page(customer, 409, form, stale=True)
    try:
        why = form.tax_category.data, form.tax_reason.data or ""
        changed = customers.change_tax_rate(
            customer, form.tax_rate.data, form.tax_rate_from.data, today(), *why
        )
    except Invalid as error:
        db.session.rollback()
        put_error(form, error)
        return _page(customer, 422, form)
    db.session.commit()
    flash(f"Saved the tax rate of {customer.name}." if changed else "That rate is already in force.")
    return redirect(url_for("customers.show", customer_id=customer.id, _anchor="tax"), code=303)


@bp.post("/<int:customer_id>/tax-rates/drop")
def drop_tax_rate(customer_id: int) -> Any:
    customer = lock_or_404(Customer, customer_id)
    day = day_or_none(request.form.get("effective_from", ""))
    if day is None:
        raise Invalid("effective_from", "Effective from is not a valid date.")
    customers.drop_tax_rate(customer, day, today())
    db.session.commit()
    flash("Removed the planned tax rate.")
    return redirect(url_for("customers.show", customer_id=customer.id, _anchor="tax"), code=303)


def rate_begins(customer: Customer) -> date | None:
    """The day from which a rate typed now would hold; None: at once."""
    return today() + ONE_DAY if has_postings(customer.id) else None
