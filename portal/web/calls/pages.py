"""Calls: files of call records, how far they are taken in, their bad rows; and the calls of a customer."""

from contextlib import suppress
from datetime import timedelta
from pathlib import PurePath
from typing import Any, BinaryIO, cast

from flask import Response, current_app, flash, render_template, request, stream_with_context, url_for
from flask_security import current_user
from sqlalchemy import select
from werkzeug.datastructures import FileStorage

from portal.clock import now, today, zone
from portal.database import reading
from portal.domain.call_files.layout import WORDS
from portal.domain.errors import Invalid
from portal.domain.names import written
from portal.extensions import db
from portal.models import CallImport, CallReject, Customer, ImportState
from portal.services.calls import effects, importing, keeping, looking, rejects
from portal.services.calls import lists as call_list
from portal.services.calls.destination_words import in_words
from portal.services.calls.looking import Look
from portal.services.customers import customers
from portal.services.customers.account_codes import codes_of
from portal.web.calls import bp
from portal.web.calls.forms import CodeForm, FileForm
from portal.web.http.bounds import row_id
from portal.web.http.htmx import fragment, is_htmx, see_other
from portal.web.http.locks import lock_or_404
from portal.web.shared.detached import import_detached
from portal.web.shared.fields import put_error
from portal.web.shared.lists import list_state
from portal.web.shared.spans import span_of

bp.add_app_template_filter(in_words, "destination_in_words")

LATE_SHOWN = ALIKE_SHOWN = 100
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
    """Keep the file and make sure that it can be read to its end; nothing of it is taken before somebody has looked."""
    form = FileForm()
    if not form.validate_on_submit():
        return _index(form, 422)
    upload = form.file.data
    if not isinstance(upload, FileStorage) or not upload.filename:
        put_error(form, Invalid("file", "Choose a file of call records."))
        return _index(form, 422)
    name = PurePath(upload.filename.replace("\\", "/")).name
    try:
        import_ = importing.accept(
            cast(BinaryIO, upload.stream), name, replaces=bool(form.replaces.data), by=str(current_user.email),
            now=now(), by_hand=bool(form.by_hand.data), waits=True,
        )  # fmt: skip
    except Invalid as refusal:
        db.session.rollback()
        put_error(form, refusal)
        return _index(form, 422)
    db.session.commit()
    return see_other(
        url_for(".map_columns" if importing.needs_layout(import_) else ".show", import_id=import_.id)
    )


def _carried_out(import_: CallImport) -> Any:
    """Take a small file in at once; let a large one go on by itself, and show how far it is."""
    import_id = import_.id
    if import_.lines_total - import_.lines_done > importing.SMALL:
        import_detached(import_id)
    else:
        import_ = importing.carry_out(import_id, today(), now)
        if import_.state == ImportState.DONE:
            flash(
                f"Imported {import_.file_name}."
                if import_.taken_count + import_.replaced_count
                else f"Nothing of {import_.file_name} was imported."
            )
    return see_other(url_for(".show", import_id=import_id))


# -- one import


@bp.get("/calls/<int:import_id>")
def show(import_id: int) -> Any:
    return _show(db.get_or_404(CallImport, import_id))


def _show(import_: CallImport, code: CodeForm | None = None, status: int = 200) -> Any:
    state, came_in = (
        list_state(("line",)),
        (import_.finished_at or import_.heartbeat_at).astimezone(zone()).date(),
    )
    before, example = effects.too_late(came_in), _example(import_)
    return render_template(
        "calls/show.html",
        **_progress(import_),
        look=_look(import_),
        reasons=rejects.reasons(import_) if import_.bad_count else [],
        reasons_max=rejects.REASONS_MAX,
        example=example,
        bad=rejects.bad_page(import_, example, state.after, state.before) if example else None,
        alike=rejects.alike_rows(import_, ALIKE_SHOWN) if import_.alike_count else [],
        unknown=lambda reason, cells: rejects.unknown_code(import_, reason, cells),
        code=code or CodeForm(formdata=None),
        cells=rejects.cells,
        late=rejects.late_calls(import_, LATE_SHOWN, before) if import_.late_count else [],
        late_before=before,
        names=_names(import_),
        owners=_owners(import_, before) if import_.late_count else {},
    ), status


def _look(import_: CallImport) -> Look | None:
    """What would become of a file that waits for a look. It takes a while, in which nobody waits for us."""
    if not importing.waits_for_a_look(import_):
        return None
    db.session.rollback()
    look = None
    with reading(), suppress(keeping.NotKept):  # somebody has let it go on meanwhile, or it was discarded
        if importing.waits_for_a_look(import_):
            look = looking.look(import_, today(), zone(), importing.SMALL)
        db.session.rollback()
    return look


def _example(import_: CallImport) -> CallReject | None:
    """The bad row that the address names, whose reason is asked for."""
    id = request.args.get("reason", type=row_id)
    found = db.session.get(CallReject, id) if id else None
    return found if found and found.import_id == import_.id and found.is_bad else None


def _progress(import_: CallImport) -> dict[str, Any]:
    """How far an import is."""
    return {
        "import_": import_,
        "share": rejects.share_done(import_),
        "left": rejects.left(import_, now()),
        "rate": rejects.lines_a_second(import_, now()),
        "is_interrupted": importing.is_interrupted(import_, now()),
        "needs_layout": importing.needs_layout(import_),
        "waits_for_a_look": importing.waits_for_a_look(import_),
    }


def _names(import_: CallImport) -> list[tuple[str, str]]:
    """Which column of the file was what."""
    if not import_.layout:
        return []
    layout, head = importing.layout_of(import_), rejects.head_of_import(import_)
    return [(WORDS[name], head[place]) for name, place in layout.columns.items() if place < len(head)]


def _owners(import_: CallImport, before: Any) -> dict[int, Customer]:
    ids = {call.customer_id for call in rejects.late_calls(import_, LATE_SHOWN, before)}
    return {one.id: one for one in db.session.scalars(select(Customer).where(Customer.id.in_(ids)))}


@bp.get("/calls/<int:import_id>/progress")
def progress(import_id: int) -> Any:
    """How far it is, for a page that asks again; the page itself, where nobody but a person asks."""
    import_ = db.get_or_404(CallImport, import_id)
    if not is_htmx() or import_.state != ImportState.RUNNING or importing.is_interrupted(import_, now()):
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
    db.session.commit()
    return _carried_out(import_)


@bp.get("/calls/<int:import_id>/bad-rows.csv")
def bad_rows(import_id: int) -> Any:
    """The bad rows as a file, to be mended and sent again."""
    import_ = db.get_or_404(CallImport, import_id)
    headers = {"Content-Disposition": f"attachment; filename=bad-rows-{import_id}.csv"}
    lines = stream_with_context(rejects.as_csv(import_))
    return Response(lines, mimetype="text/csv", headers=headers)


@bp.post("/calls/<int:import_id>/account-codes")
def remember_code(import_id: int) -> Any:
    """Let what a file calls a customer be an account code of theirs."""
    import_ = db.get_or_404(CallImport, import_id)
    form = CodeForm()
    customer = form.customer.customer if form.validate_on_submit() else None
    if customer is None:
        return _show(import_, form, 422)
    customer, code = lock_or_404(Customer, customer.id), written(form.code.data or "")
    try:
        codes = (*codes_of(customer), code)
        customers.change_customer(customer, customers.fields_of(customer, account_codes=codes))
    except Invalid as refusal:
        db.session.rollback()
        put_error(form, Invalid("customer", refusal.sentence))
        return _show(db.get_or_404(CallImport, import_id), form, 422)
    db.session.commit()
    flash(f"{code} is now an account code of {customer.name}.")
    return see_other(url_for(".show", import_id=import_id))


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
