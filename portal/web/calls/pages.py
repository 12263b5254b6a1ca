"""Calls: files of call records, how far they are taken in, their bad rows; and the calls of a customer."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Response, current_app, flash, render_template, stream_with_context, url_for
from flask_security import current_user
from sqlalchemy import select
from werkzeug.datastructures import FileStorage

from portal.clock import now, today, zone
from portal.domain.errors import Invalid
from portal.extensions import db
from portal.models import CallImport, Customer, ImportState
from portal.services.calls import columns, effects, files, importing, rejects, uploads
from portal.services.calls import lists as call_list
from portal.services.calls.destination_words import in_words
from portal.tasks import queue
from portal.web.calls import bp
from portal.web.calls.forms import ColumnsForm, FileForm, columns_form
from portal.web.http.htmx import fragment, is_htmx, see_other
from portal.web.http.locks import lock_or_404
from portal.web.shared.fields import put_error
from portal.web.shared.lists import list_state
from portal.web.shared.spans import span_of

bp.add_app_template_filter(in_words, "destination_in_words")

LATE_SHOWN = 100
DAYS_SHOWN = timedelta(days=30)


@bp.get("/calls")
def index() -> Any:
    return _index(FileForm(formdata=None))


def _index(form: FileForm, status: int = 200) -> Any:
    state = list_state(("newest",))
    page = rejects.import_page(state.after, state.before)
    most = current_app.config["MAX_CONTENT_LENGTH"] // 1024**2
    return render_template("calls/index.html", form=form, page=page, most=most, progress=_progress), status


@bp.post("/calls")
def create() -> Any:
    """Keep the file, make sure that it can be read to its end, and take it in."""
    form = FileForm()
    if not form.validate_on_submit():
        return _index(form, 422)
    upload = form.file.data
    if not isinstance(upload, FileStorage) or not upload.filename:
        put_error(form, Invalid("file", "Choose a file of call records."))
        return _index(form, 422)
    path = uploads.keep(upload, current_app.config["INSTANCE"])
    name = Path(upload.filename.replace("\\", "/")).name
    try:
        import_, _ = importing.accept(
            path, name, replaces=bool(form.replaces.data), by=str(current_user.email), now=now(),
            by_hand=bool(form.by_hand.data),
        )  # fmt: skip
    except Invalid as refusal:
        db.session.rollback()
        path.unlink(missing_ok=True)
        put_error(form, refusal)
        return _index(form, 422)
    if importing.needs_mapping(import_):
        db.session.commit()
        return see_other(url_for(".map_columns", import_id=import_.id))
    return _carried_out(import_)


def _carried_out(import_: CallImport) -> Any:
    """Take a small file in at once; hand a large one on, and show how far it is. Commits."""
    import_id, path = import_.id, import_.path
    is_large = import_.lines_total - import_.lines_done > importing.SMALL
    if is_large:
        queue.enqueue("import_calls", import_id=import_id)
    db.session.commit()
    if not is_large:
        import_ = importing.carry_out(import_id, today(), now)
        if import_.state == ImportState.DONE:
            uploads.let_go(path, current_app.config["INSTANCE"])
            flash(f"Imported {import_.file_name}.")
    return see_other(url_for(".show", import_id=import_id))


# -- one import


@bp.get("/calls/<int:import_id>")
def show(import_id: int) -> Any:
    import_ = db.get_or_404(CallImport, import_id)
    state, came_in = (
        list_state(("line",)),
        (import_.finished_at or import_.heartbeat_at).astimezone(zone()).date(),
    )
    before = effects.too_late(came_in)
    return render_template(
        "calls/show.html",
        **_progress(import_),
        bad=rejects.bad_page(import_, state.after, state.before),
        cells=rejects.cells,
        late=rejects.late_calls(import_, LATE_SHOWN, before) if import_.late_count else [],
        late_before=before,
        names=_names(import_),
        owners=_owners(import_, before) if import_.late_count else {},
    )


def _progress(import_: CallImport) -> dict[str, Any]:
    """How far an import is."""
    return {
        "import_": import_,
        "share": rejects.share_done(import_),
        "left": rejects.left(import_, now()),
        "is_interrupted": _is_interrupted(import_),
        "needs_mapping": importing.needs_mapping(import_),
    }


def _is_interrupted(import_: CallImport) -> bool:
    """Whether it stopped without being done, and no worker is going to take it up."""
    return importing.is_interrupted(import_, now()) and not queue.has(import_id=import_.id)


def _names(import_: CallImport) -> list[tuple[str, str]]:
    """Which column of the file was what."""
    mapping, head = columns.Mapping.from_json(import_.mapping), rejects.head_of_import(import_)
    if mapping is None:
        return []
    return [(columns.WORDS[name], head[place]) for name, place in mapping.places.items() if place < len(head)]


def _owners(import_: CallImport, before: Any) -> dict[int, str]:
    ids = {call.customer_id for call in rejects.late_calls(import_, LATE_SHOWN, before)}
    return dict(db.session.execute(select(Customer.id, Customer.name).where(Customer.id.in_(ids))).all())  # type: ignore[arg-type]


@bp.get("/calls/<int:import_id>/progress")
def progress(import_id: int) -> Any:
    """How far it is, for a page that asks again; the page itself, where nobody but a person asks."""
    import_ = db.get_or_404(CallImport, import_id)
    if not is_htmx() or import_.state != ImportState.RUNNING or _is_interrupted(import_):
        return see_other(url_for(".show", import_id=import_id))
    return fragment("calls/_progress.html", **_progress(import_))


@bp.post("/calls/<int:import_id>/stop")
def stop(import_id: int) -> Any:
    importing.stop(lock_or_404(CallImport, import_id))
    db.session.commit()
    flash(
        "The import stops after the lines being imported now. Calls already imported stay; free minutes "
        "and balances are updated once the import is complete."
    )
    return see_other(url_for(".show", import_id=import_id))


@bp.post("/calls/<int:import_id>/resumption")
def resume(import_id: int) -> Any:
    """Go on with an import that was stopped or interrupted."""
    import_ = lock_or_404(CallImport, import_id)
    importing.go_on(import_, now())
    return _carried_out(import_)


@bp.get("/calls/<int:import_id>/bad-rows.csv")
def bad_rows(import_id: int) -> Any:
    """The bad rows as a file, to be mended and sent again."""
    import_ = db.get_or_404(CallImport, import_id)
    headers = {"Content-Disposition": f"attachment; filename=bad-rows-{import_id}.csv"}
    lines = stream_with_context(rejects.as_csv(import_))
    return Response(lines, mimetype="text/csv", headers=headers)


# -- columns


@bp.get("/calls/<int:import_id>/columns")
def map_columns(import_id: int) -> Any:
    return _ask_columns(db.get_or_404(CallImport, import_id))


@bp.post("/calls/<int:import_id>/columns")
def keep_columns(import_id: int) -> Any:
    import_ = lock_or_404(CallImport, import_id)
    if not importing.needs_mapping(import_):
        return see_other(url_for(".show", import_id=import_id))
    form = _columns_form(import_)
    if not form.validate_on_submit():
        return _ask_columns(import_, form, 422)
    try:
        importing.map_columns(import_, form.mapping, now())
    except Invalid as refusal:
        db.session.rollback()
        put_error(form, refusal)
        return _ask_columns(db.get_or_404(CallImport, import_id), form, 422)
    return _carried_out(import_)


def _columns_form(import_: CallImport, **given: Any) -> ColumnsForm:
    head = rejects.head_of_import(import_)
    return columns_form(head, files.first_rows(Path(import_.path)), columns.mapping_of(head)[0], **given)


def _ask_columns(import_: CallImport, form: ColumnsForm | None = None, status: int = 200) -> Any:
    if not importing.needs_mapping(import_):
        return see_other(url_for(".show", import_id=import_.id))
    form = form or _columns_form(import_, formdata=None)
    return render_template("calls/columns.html", import_=import_, form=form, words=columns.WORDS), status


# -- the calls of a customer


@bp.get("/customers/<int:customer_id>/calls")
def of_customer(customer_id: int) -> Any:
    customer = db.get_or_404(Customer, customer_id)
    state, span = list_state(("newest",)), span_of(today() - DAYS_SHOWN, today())
    query = call_list.find_calls(customer_id, state.text, span.begins, span.through)
    totals = call_list.totals_of(query)
    page = call_list.call_page(query, totals.whole.calls, state.after, state.before)
    context: dict[str, Any] = {
        "customer": customer,
        "page": page,
        "totals": totals,
        "span": span,
        "state": state,
    }
    if is_htmx():
        return fragment("calls/_found.html", **context)
    return render_template("calls/of_customer.html", **context)
