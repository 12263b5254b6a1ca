"""The layout of a file that waits: asked once, shown as the first rows are read with it, and remembered."""

from contextlib import suppress
from typing import Any

from flask import render_template, request, url_for

from portal.clock import now, today, zone
from portal.database import reading
from portal.domain.errors import Invalid
from portal.extensions import db
from portal.models import CallImport
from portal.services.calls import importing, keeping, layouts, looking
from portal.services.calls.looking import Look, Waiting
from portal.web.calls import bp
from portal.web.calls.forms import LayoutForm, layout_form
from portal.web.http.htmx import see_other
from portal.web.http.locks import lock_or_404
from portal.web.shared.fields import put_error


@bp.get("/calls/<int:import_id>/columns")
def map_columns(import_id: int) -> Any:
    """Ask for the layout; with what was chosen so far in the address, show the first rows as they would be read."""
    import_ = db.get_or_404(CallImport, import_id)
    if not importing.can_be_described(import_):
        return see_other(url_for(".show", import_id=import_id))
    db.session.rollback()
    at = None
    with reading(), suppress(keeping.NotKept):  # all of the file may have to be read: nobody waits for us
        if importing.can_be_described(import_):
            at = _waiting(import_, request.args.get("heading", type=_line))
        db.session.rollback()
    if at is None:  # somebody imports it meanwhile, or it was discarded
        return see_other(url_for(".show", import_id=import_id))
    chosen = "started_at" in request.args
    form = layout_form(at, str(zone()), formdata=request.args if chosen else None, meta={"csrf": False})
    if chosen:
        form.validate()
    return _ask(import_, at, form)


@bp.post("/calls/<int:import_id>/columns")
def keep_columns(import_id: int) -> Any:
    import_ = lock_or_404(CallImport, import_id)
    if not importing.can_be_described(import_):
        return see_other(url_for(".show", import_id=import_id))
    at = _waiting(import_, request.form.get("heading", type=_line))
    form = layout_form(at, str(zone()))
    if not form.validate_on_submit():
        return _ask(import_, at, form, 422)
    try:
        importing.name_columns(import_, at.heading, at.shape)
        importing.describe(import_, form.layout(at), now())
    except Invalid as refusal:
        db.session.rollback()
        put_error(form, refusal)
        return _ask(db.get_or_404(CallImport, import_id), at, form, 422)
    db.session.commit()
    return see_other(url_for(".show", import_id=import_id))


def _waiting(import_: CallImport, line: int | None) -> Waiting:
    """The file, its columns named by a line that the form names; by the one that was found, if it has no such line."""
    try:
        return looking.waiting(import_, line)
    except Invalid:
        return looking.waiting(import_)


def _line(text: str) -> int:
    """A line of the file that may name the columns."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else -1


def _ask(import_: CallImport, at: Waiting, form: LayoutForm, status: int = 200) -> Any:
    return render_template(
        "calls/columns.html",
        import_=import_,
        at=at,
        form=form,
        look=_first_rows(import_, at, form),
        zone=zone(),
    ), status


def _first_rows(import_: CallImport, at: Waiting, form: LayoutForm) -> Look | None:
    """The first rows as they would be read; None as long as too little is said of them."""
    if form.errors:
        return None
    try:
        layout = form.layout(at, is_trial=True)
        layouts.check(at.heading.head, layout)
    except Invalid:
        return None
    return looking.first_rows(import_, at, layout, today(), zone())
