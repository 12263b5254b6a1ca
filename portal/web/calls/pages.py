"""Calls: files of call records, how far they are taken in, their bad rows; and the calls of a customer."""

from contextlib import suppress
from datetime import timedelta
from pathlib import PurePath
from typing import Any, BinaryIO, cast

from flask import current_app, flash, render_template, request, url_for
from flask_security import current_user
from sqlalchemy import Select, select
from werkzeug.datastructures import FileStorage

from portal.clock import now, today, zone
from portal.database import reading
from portal.domain.call_files.layout import WORDS
from portal.domain.errors import Invalid
from portal.domain.names import written
from portal.extensions import db
from portal.models import Call, CallImport, CallReject, Customer, ImportState
from portal.services.calls import (
    effects,
    importing,
    keeping,
    looking,
    met_before,
    rejects,
    retention,
    undoing,
)
from portal.services.calls import lists as call_list
from portal.services.calls.destination_words import in_words
from portal.services.calls.looking import Look
from portal.services.customers import customers
from portal.services.customers.account_codes import codes_of
from portal.services.exports import calls as exports
from portal.tasks import queue
from portal.web.calls import bp, undo
from portal.web.calls.forms import CodeForm, FileForm
from portal.web.customers.desk import framed
from portal.web.http.bounds import row_id
from portal.web.http.errors import problem
from portal.web.http.htmx import fragment, is_htmx, see_other
from portal.web.http.locks import lock_or_404
from portal.web.shared.exports import FORM, send, send_lines
from portal.web.shared.fields import put_error
from portal.web.shared.lists import ListState, list_state
from portal.web.shared.spans import Span, span_of

bp.add_app_template_filter(in_words, "destination_in_words")

LATE_SHOWN = ALIKE_SHOWN = 100
DAYS_SHOWN = timedelta(days=30)
# Calls of a customer, as many as each section of theirs lists.
SHOWN = 25


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
    name, at = PurePath(upload.filename.replace("\\", "/")).name, now()
    try:
        import_ = importing.accept(
            cast(BinaryIO, upload.stream), name, replaces=bool(form.replaces.data), by=str(current_user.email),
            now=at, by_hand=bool(form.by_hand.data), waits=True,
        )  # fmt: skip
    except Invalid as refusal:
        db.session.rollback()
        put_error(form, refusal)
        return _index(form, 422)
    if import_.started_at != at:
        flash(f"The same file was waiting already: it is import {import_.id}.")
    db.session.commit()
    return see_other(
        url_for(".map_columns" if importing.needs_layout(import_) else ".show", import_id=import_.id)
    )


def _carried_out(import_: CallImport) -> Any:
    """Take a small file in at once; hand a large one on, and show how far it is. Commits."""
    import_id = import_.id
    is_large = import_.lines_total - import_.lines_done > importing.SMALL
    if is_large:
        queue.enqueue("import_calls", import_id=import_id)
    db.session.commit()
    if not is_large:
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
        waits=(waits := _waits(import_)),
        has_worker=waits and queue.has_worker(),
        look=_look(import_),
        can_be_discarded=met_before.waits_untouched(import_),
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
        can_be_undone=undoing.can_be_undone(import_, now()),
        **undo.of_page(import_),
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
        "is_interrupted": _is_interrupted(import_),
        "needs_layout": importing.needs_layout(import_),
        "waits_for_a_look": importing.waits_for_a_look(import_),
    }


def _waits(import_: CallImport) -> bool:
    """Whether nobody is at work on it, and a worker is going to be."""
    if import_.state not in (ImportState.RUNNING, ImportState.UNDOING):
        return False
    is_silent = importing.is_silent(import_, now())
    return queue.has(import_id=import_.id) if is_silent else queue.rests(import_id=import_.id)


def _is_interrupted(import_: CallImport) -> bool:
    """Whether it stopped without being done, and no worker is going to take it up."""
    return importing.is_interrupted(import_, now()) and not queue.has(import_id=import_.id)


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
    if is_htmx() and undo.goes_on(import_):
        return fragment("calls/_undoing.html", import_=import_, undo=undo.begun(import_))
    if not is_htmx() or import_.state != ImportState.RUNNING or _is_interrupted(import_):
        return see_other(url_for(".show", import_id=import_id))
    return fragment("calls/_progress.html", **_progress(import_))


@bp.post("/calls/<int:import_id>/stop")
def stop(import_id: int) -> Any:
    import_ = lock_or_404(CallImport, import_id)
    is_running = import_.state == ImportState.RUNNING
    importing.stop(import_)
    db.session.commit()
    flash(
        "The import stops after the lines being imported now. Calls already imported stay; free minutes "
        "and balances are updated once the import is complete."
        if is_running
        else "Nothing was stopped: the import was not running any more."
    )
    return see_other(url_for(".show", import_id=import_id))


@bp.post("/calls/<int:import_id>/resumption")
def resume(import_id: int) -> Any:
    """Go on with an import that was stopped or interrupted."""
    import_ = lock_or_404(CallImport, import_id)
    importing.go_on(import_, now())
    return _carried_out(import_)


@bp.post("/calls/<int:import_id>/discard")
def discard(import_id: int) -> Any:
    """Discard a file that waits, of which nothing is imported."""
    import_ = lock_or_404(CallImport, import_id)
    import_ = retention.discard_by_hand(import_.id, str(current_user.email))
    flash(f"Discarded {import_.file_name}.")
    return see_other(url_for(".index"))


@bp.post("/calls/<int:import_id>/bad-rows/dealt-with")
def deal_with_bad_rows(import_id: int) -> Any:
    """Say that nobody has to look at its bad rows any more."""
    rejects.deal_with_bad_rows(lock_or_404(CallImport, import_id), str(current_user.email))
    db.session.commit()
    flash("The bad rows are dealt with.")
    return see_other(url_for(".show", import_id=import_id))


@bp.get("/calls/<int:import_id>/bad-rows.csv")
def bad_rows(import_id: int) -> Any:
    """The bad rows as a file, to be mended and sent again."""
    import_ = db.get_or_404(CallImport, import_id)
    return send_lines(rejects.as_csv(import_), f"bad-rows-{import_id}.csv")


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


@bp.get(f"/customers/<int:customer_id>/calls.{FORM}")
def download_of_customer(customer_id: int, form: str) -> Any:
    """All of them that the list finds, as a file."""
    db.get_or_404(Customer, customer_id)
    _, span, query = _asked(customer_id)
    return problem(422, span.problem) if span.problem else send(exports.calls_of(query), form)


def _asked(customer_id: int) -> tuple[ListState, Span, Select[Call]]:
    """What the list's address asks for."""
    state, span = list_state(("newest",)), span_of(today() - DAYS_SHOWN, today(), "Last 30 days")
    return state, span, call_list.find_calls(customer_id, state.text, span.begins, span.through)


@bp.get("/customers/<int:customer_id>/calls")
def of_customer(customer_id: int) -> Any:
    customer = db.get_or_404(Customer, customer_id)
    state, span, query = _asked(customer_id)
    totals = call_list.totals_of(query)
    page = call_list.call_page(query, totals.whole.calls, state.after, state.before, SHOWN)
    context: dict[str, Any] = {
        "page": page,
        "totals": totals,
        "span": span,
        "state": state,
    }
    if is_htmx():
        return fragment("calls/_found.html", customer=customer, **context)
    return render_template("calls/of_customer.html", **framed(customer, "calls"), **context)
