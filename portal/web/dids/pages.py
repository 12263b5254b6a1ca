"""DIDs: the list, the row that opens in it, one DID's page, and what is done with many."""

from datetime import date
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response

from portal.clock import today
from portal.domain.errors import Invalid, RuleBroken
from portal.domain.phone_numbers import country_name, international
from portal.domain.wording import plural
from portal.extensions import db
from portal.models import Customer, Did
from portal.services import deletion, listing
from portal.services.batch import Batch
from portal.services.charges.explaining import explained
from portal.services.customers import figures as customer_figures
from portal.services.dids import dids, whose
from portal.services.dids.earning import on_dids
from portal.services.exports import dids as exports
from portal.web.assignments import section
from portal.web.dids import bp
from portal.web.dids.forms import DidForm, GiveForm
from portal.web.http.bounds import row_id
from portal.web.http.htmx import fragment, is_htmx
from portal.web.http.locks import commit, lock_or_404
from portal.web.shared.exports import FORM, send
from portal.web.shared.fields import name_for_field, put_error
from portal.web.shared.lists import ListState, list_state

# So many rows a section, so that it is a screen.
SHOWN = 25
bp.add_app_template_filter(country_name)


@bp.get("")
def index() -> Any:
    context = _found()
    if is_htmx():
        return fragment("dids/_found.html", **context)
    opened = request.args.get("editing", type=row_id)
    editing = next((did for did in context["page"].rows if did.id == opened), None)
    return _index(context, **(_opened(editing, _row_form(editing)) if editing else {}))


def _found() -> dict[str, Any]:
    """What the list's address asks for."""
    countries = dids.countries_in_use()
    state = _state(("", *countries))
    owner = state["customer"]
    query, total = dids.find_and_count(*_asked(state))
    query = query.options(joinedload(Did.customer))
    page = listing.page(query, dids.SORTS[state.sort], state.after, state.before, total=total)
    return {
        "page": page,
        "on": on_dids([did.id for did in page.rows], today()),
        "state": state,
        "countries": [("", "Any country"), *((code, country_name(code)) for code in countries)],
        "owner": db.session.get(Customer, int(owner)) if owner else None,
    }


@bp.get(f"/list.{FORM}")
def download(form: str) -> Any:
    """All that the list finds, as a file."""
    state = _state(("", *dids.countries_in_use()))
    return send(exports.dids(dids.find_dids(*_asked(state)), dids.SORTS[state.sort], today()), form)


def _state(countries: tuple[str, ...] = ()) -> ListState:
    """The list's state; a customer is named by id."""
    state = list_state(dids.SORTS, state=dids.STATES, country=countries, customer=())
    owner = request.args.get("customer", type=row_id)
    state.filters["customer"] = str(owner or "")
    return state


def _asked(state: ListState) -> tuple[date, str, str, str, int | None]:
    owner = int(state["customer"]) if state["customer"] else None
    return today(), state.text, state["state"], state["country"], owner


def _index(context: dict[str, Any], status: int = 200, **more: Any) -> Any:
    return render_template("dids/index.html", **context, **more), status


# -- the row


@bp.get("/<int:did_id>/row")
def row(did_id: int) -> Any:
    did = db.get_or_404(Did, did_id)
    return _closed_row(did) if is_htmx() else _back()


def _closed_row(did: Did) -> Any:
    return fragment("dids/_row.html", did=did, state=_state(), on=on_dids([did.id], today()))


@bp.get("/<int:did_id>/row/edit")
def edit_row(did_id: int) -> Any:
    did = db.get_or_404(Did, did_id)
    return _open_row(did, _row_form(did)) if is_htmx() else _back(editing=did_id)


@bp.post("/<int:did_id>/row")
def update_row(did_id: int) -> Any:
    did = lock_or_404(Did, did_id)
    form = DidForm()
    if not form.validate_on_submit():
        return _open_row(did, form, 422)
    if form.version.data != did.version:
        put_error(form, Invalid("customer", _stored(did)))
        return _open_row(did, form, 409)
    try:
        _let_have(did, form.customer.customer)
    except RuleBroken as refusal:
        db.session.rollback()
        put_error(form, Invalid("customer", refusal.sentence))
        return _open_row(did, form, 422 if isinstance(refusal, Invalid) else 409, way_out=refusal.way_out)
    commit()
    flash(f"Saved {international(did.number)}.")
    return _closed_row(did) if is_htmx() else _back()


def _let_have(did: Did, customer: Customer | None) -> None:
    """Give the DID to a customer, or, to nobody, take it back to stock."""
    if customer:
        deletion.give(did, customer, today())
    elif did.customer_id is not None:
        deletion.release_did(did, today())


def _stored(did: Did) -> str:
    whose = f"with {did.customer.name}" if did.customer else "in stock"
    return f"Somebody else has saved this since you opened it: it is now {whose}. Save again to replace that."


def _row_form(did: Did) -> DidForm:
    form = DidForm(formdata=None)
    form.customer.data = name_for_field(did.customer)
    return form


def _open_row(did: Did, form: DidForm, status: int = 200, **more: Any) -> Any:
    """The open row alone, or, in a plain browser, the list with the row open in it."""
    opened = _opened(did, form, **more)
    if is_htmx():
        return fragment("dids/_edit_row.html", status, did=did, state=_state(), **opened)
    context = _found()
    if did not in context["page"].rows:
        context["page"].rows.insert(0, did)
    return _index(context, status, **opened)


def _opened(did: Did, form: DidForm, **more: Any) -> dict[str, Any]:
    form.version.raw_data, form.version.data = None, did.version
    return {"editing": did, "form": form, **more}


def _back(**more: Any) -> Response:
    """The list, as it was."""
    return redirect(url_for("dids.index", **_state().kept, **more), code=303)


# -- one DID


@bp.get("/<int:did_id>")
def show(did_id: int) -> Any:
    """What is assigned on it; for htmx the figures alone, after something was assigned, changed or ended."""
    did = db.get_or_404(Did, did_id)
    if is_htmx():
        return fragment("dids/_figures.html", did=did, on_it=on_dids([did.id], today()).get(did.id))
    return _page(did)


def _page(did: Did, status: int = 200, **more: Any) -> Any:
    """The DID's page. Whatever cannot be done stands on it as a refusal, with its way out."""
    on_it = on_dids([did.id], today()).get(did.id)
    return render_template(
        "dids/show.html", **_frame(did), section=section.of_did(did), on_it=on_it, **more
    ), status


def _frame(did: Did) -> dict[str, Any]:
    return {"did": did, "customer": did.customer, "today": today()}


@bp.get("/<int:did_id>/next-charges")
def next_charges(did_id: int) -> Any:
    """What will be charged on it next."""
    did = db.get_or_404(Did, did_id)
    upcoming = customer_figures.next_charges(today(), SHOWN, did_id=did.id)
    coming = explained(upcoming.charges)
    return render_template("dids/upcoming.html", **_frame(did), upcoming=upcoming, coming=coming)


@bp.get("/<int:did_id>/charges")
def charges(did_id: int) -> Any:
    """What was charged on it, the latest before."""
    did, state = db.get_or_404(Did, did_id), list_state(("newest",))
    page = listing.page(
        customer_figures.charges_on(did), customer_figures.LATEST, state.after, state.before, SHOWN
    )
    return render_template("dids/charges.html", **_frame(did), page=page, posted=explained(page.rows))


@bp.get("/<int:did_id>/customer", endpoint="whose")
def show_whose(did_id: int) -> Any:
    return _whose(db.get_or_404(Did, did_id))


def _whose(did: Did, status: int = 200, form: DidForm | None = None) -> Any:
    """Whose it is and was, and the form that gives it away."""
    opened = _opened(did, form or _row_form(did))
    return render_template("dids/whose.html", **_frame(did), held=whose.history(did), **opened), status


@bp.post("/<int:did_id>/customer")
def give(did_id: int) -> Any:
    """Give it to a customer, on its own page."""
    did = lock_or_404(Did, did_id)
    form = DidForm()
    if not form.validate_on_submit():
        return _whose(did, 422, form)
    if form.version.data != did.version:
        put_error(form, Invalid("customer", _stored(did)))
        return _whose(did, 409, form)
    moving = form.customer.customer and did.customer_id not in (None, form.customer.customer.id)
    if (moving or not form.customer.customer) and (refusal := _why_not_release(did)):
        return _page(did, 409, refusal=refusal, refused="Not moved.")
    _let_have(did, form.customer.customer)
    commit()
    whose = f"with {did.customer.name}" if did.customer else "in stock"
    flash(f"{international(did.number)} is {whose} now.")
    return _to(did)


@bp.post("/<int:did_id>/release")
def release(did_id: int) -> Any:
    did = lock_or_404(Did, did_id)
    if refusal := _why_not_release(did):
        return _page(did, 409, refusal=refusal, refused="Not returned.")
    deletion.release_did(did, today())
    commit()
    flash(f"{international(did.number)} is in stock now.")
    return _to(did)


def _why_not_release(did: Did) -> deletion.Refusal | None:
    return deletion.why_not_release_did(did, today()) if did.customer_id is not None else None


@bp.post("/<int:did_id>/delete")
def delete(did_id: int) -> Any:
    did = lock_or_404(Did, did_id)
    if refusal := deletion.why_not_delete_did(did, today()):
        return _page(did, 409, refusal=refusal, refused="Not deleted.")
    number = international(did.number)
    removed = deletion.delete_did(did, today())
    commit()
    flash(f"Deleted {number}." if removed else f"Archived {number}: its charges can still be explained.")
    return redirect(url_for("dids.index"), code=303) if removed else _to(did)


@bp.post("/<int:did_id>/restore")
def restore(did_id: int) -> Any:
    did = lock_or_404(Did, did_id)
    dids.restore(did)
    commit()
    flash(f"{international(did.number)} is in stock again.")
    return _to(did)


def _to(did: Did) -> Response:
    return redirect(url_for("dids.show", did_id=did.id), code=303)


# -- many at once


def chosen_ids() -> list[int]:
    """The DIDs that a form names: its ticked rows, or all that the list of its address found.

    Invalid where that is none, or more than one act may touch.
    """
    ids = request.form.getlist("ids", type=row_id)
    if request.form.get("all_found"):
        ids = dids.ids_of(dids.find_dids(*_asked(_state())))
    if not ids:
        raise Invalid("ids", "No DID was selected. Tick one or more rows first.")
    return ids


def _chosen() -> Any:
    """The DIDs themselves. Invalid where none of them is there."""
    chosen = dids.lock_dids(dids.load_many(chosen_ids()))
    if not chosen:
        raise Invalid("ids", "No DID that was selected exists any more.")
    return chosen


@bp.post("/give")
def give_many() -> Any:
    """Ask who gets the chosen DIDs; then, with a customer, give them."""
    chosen = _chosen()
    if "customer" not in request.form:
        return render_template("dids/give.html", chosen=chosen, form=GiveForm(formdata=None))
    form = GiveForm()
    if not form.validate_on_submit() or not form.customer.customer:
        return render_template("dids/give.html", chosen=chosen, form=form), 422
    customer = form.customer.customer
    outcome = deletion.give_many(chosen, customer, today())
    db.session.commit()
    return _after(outcome, f"{plural(len(outcome.done), 'DID')} given to {customer.name}.")


@bp.post("/release")
def release_many() -> Any:
    outcome = deletion.release_many(_chosen(), today())
    db.session.commit()
    return _after(outcome, f"{plural(len(outcome.done), 'DID')} returned to stock.")


def _after(outcome: Batch[Did, Did], sentence: str) -> Any:
    """The list, if all went well; else a page that names what stayed as it was, and why."""
    if not outcome.refused:
        flash(sentence)
        return _back()
    return render_template(
        "dids/outcome.html", outcome=outcome, sentence=sentence
    ), 200 if outcome.done else 409
