"""Notes: the list of what is to be come back to and of all others, one note, its form."""

from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask_security import current_user
from sqlalchemy.orm import joinedload
from sqlalchemy.orm.exc import StaleDataError

from portal.clock import now, today
from portal.domain.errors import Invalid
from portal.extensions import db
from portal.models import Customer, Note
from portal.services import listing
from portal.services.exports import notes as exports
from portal.services.notes import lists, notes
from portal.web.http.access import may_own
from portal.web.http.bounds import row_id
from portal.web.http.htmx import fragment, is_htmx, see_other
from portal.web.notes import bp
from portal.web.notes.forms import NewNoteForm, NoteForm, OldNoteForm
from portal.web.shared.exports import FORM, send
from portal.web.shared.fields import put_error
from portal.web.shared.lists import ListState, list_state

STATES = [(lists.DUE, "Due"), (lists.COMING, "Coming"), (lists.DONE, "Done"), (lists.ALL, "All notes")]
WHOSE = [("", "Everybody’s"), ("mine", "Yours")]


@bp.app_template_global()
def may_change_note(note: Note) -> bool:
    """Whether who is signed in may change the words of a note."""
    return _writer().may_change(note)


def _writer() -> notes.Writer:
    return notes.Writer(str(current_user.email), may_own())


@bp.get("")
def index() -> Any:
    """The notes that are due, or others."""
    state, customer, sought = _asked()
    query = lists.find_notes(sought, today()).options(joinedload(Note.customer))
    context: dict[str, Any] = {
        "page": listing.page(query, sought.sort, state.after, state.before),
        "state": state,
        "customer": customer,
        "today": today(),
        "states": STATES,
        "whose": WHOSE,
    }
    if is_htmx():
        return fragment("notes/_found.html", **context)
    return render_template("notes/index.html", **context)


@bp.get(f"/list.{FORM}")
def download(form: str) -> Any:
    """All notes that the list finds, as a file."""
    _, _, sought = _asked()
    return send(exports.notes(lists.find_notes(sought, today()), sought.sort), form)


def _asked() -> tuple[ListState, Customer | None, lists.Sought]:
    """What the list's address asks for."""
    state = _state()
    customer = _customer_of(state["customer"]) if state["customer"] else None
    by = str(current_user.email) if state["whose"] else ""
    return state, customer, lists.Sought(state.text, state["state"], customer.id if customer else None, by)


def _state() -> ListState:
    return list_state(("",), state=lists.STATES, whose=("", "mine"), customer=())


def _customer_of(text: str) -> Customer:
    try:
        return db.get_or_404(Customer, row_id(text))
    except ValueError:
        abort(404)


@bp.get("/<int:note_id>")
def show(note_id: int) -> Any:
    return render_template("notes/show.html", note=db.get_or_404(Note, note_id), today=today())


# -- writing and changing one


@bp.get("/new")
def new() -> Any:
    return _form(NewNoteForm(formdata=None), _customer_of(request.args.get("customer_id", "")))


@bp.post("")
def create() -> Any:
    customer, form = _customer_of(request.args.get("customer_id", "")), NewNoteForm()
    if not form.validate_on_submit():
        return _form(form, customer, status=422)
    try:
        notes.add(
            customer, form.text.data or "", form.come_back_on.data,
            token=form.token.data, by=str(current_user.email), today=today(), now=now(),
        )  # fmt: skip
    except Invalid as error:
        db.session.rollback()
        put_error(form, error)
        return _form(form, customer, status=422)
    db.session.commit()
    flash(f"Added a note on {customer.name}.")
    return see_other(_notes_of(customer.id))


@bp.get("/<int:note_id>/edit")
def edit(note_id: int) -> Any:
    note = db.get_or_404(Note, note_id)
    notes.check_author(note, _writer())
    return _form(OldNoteForm(formdata=None, obj=note), note.customer, note)


@bp.post("/<int:note_id>")
def update(note_id: int) -> Any:
    note, form = _locked(note_id), OldNoteForm()
    notes.check_author(note, _writer())
    if not form.validate_on_submit():
        return _form(form, note.customer, note, 422)
    if form.version.data != note.version:
        form.version.raw_data, form.version.data = None, note.version
        return _form(form, note.customer, note, 409)
    try:
        notes.change(note, form.text.data or "", form.come_back_on.data, today(), _writer())
    except Invalid as error:
        db.session.rollback()
        put_error(form, error)
        return _form(form, note.customer, note, 422)
    db.session.commit()
    flash(f"Saved the note on {note.customer.name}.")
    return see_other(_notes_of(note.customer_id))


@bp.post("/<int:note_id>/delete")
def delete(note_id: int) -> Any:
    note, form = _locked(note_id), OldNoteForm()
    if form.version.data != note.version:
        raise StaleDataError
    customer = note.customer
    notes.remove(note, _writer())
    db.session.commit()
    flash(f"Removed a note on {customer.name}.")
    return see_other(_notes_of(customer.id))


@bp.post("/<int:note_id>/done")
def tick_off(note_id: int) -> Any:
    note = _locked(note_id)
    notes.tick_off(note, by=str(current_user.email), now=now())
    db.session.commit()
    flash(f"Ticked off the note on {note.customer.name}.")
    return _back(note)


@bp.post("/<int:note_id>/waits")
def take_up_again(note_id: int) -> Any:
    note = _locked(note_id)
    notes.take_up_again(note)
    db.session.commit()
    flash(f"The note on {note.customer.name} waits again.")
    return _back(note)


def _locked(note_id: int) -> Note:
    note = db.get_or_404(Note, note_id)
    return note if notes.lock(note) else abort(404)


def _form(form: NoteForm, customer: Customer, note: Note | None = None, status: int = 200) -> Any:
    context: dict[str, Any] = {
        "form": form,
        "customer": customer,
        "note": note,
        "title": "Edit note" if note else "Add note",
        "stale": status == 409,
    }
    if is_htmx():
        return fragment("notes/_dialog.html", status, **context)
    return render_template("notes/form.html", **context), status


def _notes_of(customer_id: int) -> str:
    """A customer's page at their notes; from a dialog on it the page itself, as an anchor alone loads nothing."""
    return url_for("customers.show", customer_id=customer_id, _anchor=None if is_htmx() else "notes")


def _back(note: Note) -> Any:
    """To where it was ticked off: the list as it stood, or the customer's page."""
    of_list = request.form.get("from") == "list"
    return redirect(url_for(".index", **_state().kept) if of_list else _notes_of(note.customer_id), code=303)
