"""One customer's page: its sections, the tax rates, the archive."""

from datetime import date
from typing import Any

from flask import current_app, flash, redirect, render_template, request, url_for
from sqlalchemy import select

from portal.clock import today
from portal.domain.errors import Invalid
from portal.domain.schedule import ONE_DAY
from portal.extensions import db
from portal.models import Assignment, Customer
from portal.services import deletion, listing
from portal.services.assignments import ending_many
from portal.services.assignments import lists as assignments
from portal.services.assignments.bundles import SHOWN as BUNDLES_SHOWN
from portal.services.assignments.bundles import free_minutes
from portal.services.assignments.ending import foresee, last_day_of
from portal.services.audit import lists as audit
from portal.services.billing.minimums import SHOWN as MINIMUMS_SHOWN
from portal.services.billing.minimums import minimums
from portal.services.charges.explaining import explained
from portal.services.corrections import made as corrections
from portal.services.credit import states
from portal.services.customers import customers
from portal.services.customers import figures as customer_figures
from portal.services.customers.posted import has_postings
from portal.services.dids import earning
from portal.services.dids.dids import SORTS as DID_SORTS
from portal.services.dids.dids import find_dids
from portal.services.notes import lists as notes
from portal.services.packages import services_enabled
from portal.services.summary import sending
from portal.web.assignments import section
from portal.web.customers import bp, desk
from portal.web.customers.forms import TaxRateForm
from portal.web.http.htmx import fragment, is_htmx
from portal.web.http.locks import lock_or_404
from portal.web.people.pages import group_of
from portal.web.shared.fields import day_or_none, put_error
from portal.web.shared.lists import list_state

# So many rows a section, so that it is a screen; less stands beside the packages.
SHOWN = 25
NOTES_BESIDE, ACTS_SHOWN = 3, 5
SUMMARIES_SHOWN = 3


@bp.app_template_global()
def has_page(endpoint: str) -> bool:
    """Whether a page is there to be linked to."""
    return endpoint in current_app.view_functions


@bp.get("/<int:customer_id>")
def show(customer_id: int) -> Any:
    customer = db.get_or_404(Customer, customer_id)
    if is_htmx() and ("open" in request.args or "fold" in request.args):
        return section.one_group(customer)
    return _page(customer)


def _page(customer: Customer, status: int = 200, **more: Any) -> Any:
    """The customer's page. Whatever cannot be done stands on it as a refusal, with its way out."""
    context = _figures(customer)
    context["section"] = section.by_package(customer, context["recurs"])
    context["acts"] = audit.latest_of_customer(customer.id, ACTS_SHOWN)
    context["notes"] = notes.of_customer(customer.id, NOTES_BESIDE)
    return render_template("customers/show.html", **context, **more), status


def _figures(customer: Customer) -> dict[str, Any]:
    """What changes with every assignment: the facts, and the services enabled."""
    services = services_enabled.of_customer(customer.id, today())
    return desk.with_facts(customer, "packages") | {"services": services}


@bp.get("/<int:customer_id>/figures")
def figures(customer_id: int) -> Any:
    """The figures anew, after something on the page was assigned, changed or ended."""
    customer = db.get_or_404(Customer, customer_id)
    if not is_htmx():
        return redirect(url_for("customers.show", customer_id=customer.id))
    return fragment("customers/_figures.html", **_figures(customer))


# -- the other sections, each at an address of its own


@bp.get("/<int:customer_id>/next-charges")
def next_charges(customer_id: int) -> Any:
    """What comes next, and how far the minimums and the free minutes are."""
    customer = db.get_or_404(Customer, customer_id)
    context = desk.with_facts(customer, "upcoming", SHOWN)
    context |= {
        "coming": explained(context["upcoming"].charges),
        "minimums": minimums(customer.id, today(), MINIMUMS_SHOWN + 1),
        "bundles": free_minutes(customer.id, today(), BUNDLES_SHOWN + 1),
    }
    return render_template("customers/upcoming.html", **context)


@bp.get("/<int:customer_id>/charges")
def charges(customer_id: int) -> Any:
    """What was posted, the latest before."""
    customer = db.get_or_404(Customer, customer_id)
    state = list_state(("newest",))
    mine, latest = customer_figures.charges_of(customer), customer_figures.LATEST_OF_CUSTOMER
    page = listing.page(mine, latest, state.after, state.before, SHOWN)
    context = desk.with_facts(customer, "charges") | {"page": page, "posted": explained(page.rows)}
    return render_template(
        "customers/charges.html", **context, standings=states.standings(page.rows, today())
    )


@bp.get("/<int:customer_id>/dids")
def dids(customer_id: int) -> Any:
    customer = db.get_or_404(Customer, customer_id)
    state, mine = list_state(("number",)), find_dids(today(), customer_id=customer.id)
    page = listing.page(mine, DID_SORTS["number"], state.after, state.before, SHOWN)
    on = earning.on_dids([did.id for did in page.rows], today())
    return render_template("customers/dids.html", **desk.framed(customer, "dids"), page=page, on=on)


@bp.get("/<int:customer_id>/people")
def people(customer_id: int) -> Any:
    customer = db.get_or_404(Customer, customer_id)
    return render_template(
        "customers/people.html", **desk.framed(customer, "people"), group=group_of(customer)
    )


@bp.get("/<int:customer_id>/notes", endpoint="notes")
def show_notes(customer_id: int) -> Any:
    customer = db.get_or_404(Customer, customer_id)
    page = notes.of_customer(customer.id, SHOWN)
    return render_template("customers/notes.html", **desk.framed(customer, "notes"), notes=page)


@bp.get("/<int:customer_id>/details")
def details(customer_id: int) -> Any:
    return _details(db.get_or_404(Customer, customer_id))


def _details(customer: Customer, status: int = 200, rate_form: TaxRateForm | None = None, **more: Any) -> Any:
    """Who the customer is: party, tax rates, the summaries they are sent."""
    last = customer.last_tax
    form = rate_form or TaxRateForm(
        formdata=None, tax_rate=last.rate, tax_category=last.category, tax_reason=last.reason
    )
    form.version.raw_data, form.version.data = None, customer.version
    context = desk.framed(customer, "details") | {
        "rate_form": form,
        "corrections": corrections.of_customer(customer),
        "tomorrow": rate_begins(customer),
        "sent_summaries": sending.last_of_customer(customer.id, SUMMARIES_SHOWN),
    }
    return render_template("customers/details.html", **context, **more), status


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
        return _details(customer, 422, form)
    if form.version.data != customer.version:
        return _details(customer, 409, form, stale=True)
    try:
        why = form.tax_category.data, form.tax_reason.data or ""
        changed = customers.change_tax_rate(
            customer, form.tax_rate.data, form.tax_rate_from.data, today(), *why
        )
    except Invalid as error:
        db.session.rollback()
        put_error(form, error)
        return _details(customer, 422, form)
    db.session.commit()
    flash(f"Saved the tax rate of {customer.name}." if changed else "That rate is already in force.")
    return redirect(url_for("customers.details", customer_id=customer.id, _anchor="tax"), code=303)


@bp.post("/<int:customer_id>/tax-rates/drop")
def drop_tax_rate(customer_id: int) -> Any:
    customer = lock_or_404(Customer, customer_id)
    day = day_or_none(request.form.get("effective_from", ""))
    if day is None:
        raise Invalid("effective_from", "Effective from is not a valid date.")
    customers.drop_tax_rate(customer, day, today())
    db.session.commit()
    flash("Removed the planned tax rate.")
    return redirect(url_for("customers.details", customer_id=customer.id, _anchor="tax"), code=303)


def rate_begins(customer: Customer) -> date | None:
    """The day from which a rate typed now would hold; None: at once."""
    return today() + ONE_DAY if has_postings(customer.id) else None
