"""Import: a file is looked at, described where its columns are not known, checked, made, and taken back."""

import json
from pathlib import PurePath
from typing import Any, BinaryIO, cast

from flask import abort, current_app, flash, render_template, request, url_for
from flask_security import current_user
from sqlalchemy import select
from werkzeug.datastructures import FileStorage

from portal.clock import now, today
from portal.domain.errors import Invalid
from portal.domain.move_files.columns import Column
from portal.domain.wording import listed, plural, whole
from portal.extensions import db
from portal.models import FileKind, ImportState, MoveImport, MoveLine
from portal.services.moving_in import accepting, lists, making, planning, undoing
from portal.services.moving_in.kind import Planned
from portal.services.moving_in.kinds import KINDS, columns_of, kind_of
from portal.services.moving_in.planning import Plan
from portal.tasks import queue
from portal.web.http.htmx import fragment, is_htmx, see_other
from portal.web.http.locks import lock_or_404
from portal.web.moving_in import bp
from portal.web.moving_in.forms import (
    BeginForm,
    FileForm,
    UndoForm,
    layout_form,
    layout_in,
    of_all_form,
)
from portal.web.shared.exports import send_lines
from portal.web.shared.fields import put_error
from portal.web.shared.lists import list_state

# So many of what would be made, of changes and of bad lines stand on the page; it says how many more there are.
SHOWN = 100
ROWS_SHOWN = 5


@bp.get("")
def index() -> Any:
    kind = request.args.get("kind", "")
    return _index(FileForm(formdata=None, kind=kind if kind in KINDS else next(iter(KINDS)).value))


def _index(form: FileForm, status: int = 200) -> Any:
    state = list_state(("newest",))
    page = lists.import_page(state.after, state.before)
    most = current_app.config["MAX_CONTENT_LENGTH"] // 1024**2
    return render_template(
        "moving_in/index.html", form=form, page=page, most=most, kinds=KINDS, progress=_at
    ), status


@bp.get("/samples/<kind>.csv")
def sample(kind: str) -> Any:
    """A file to begin with."""
    if kind not in KINDS:
        abort(404)
    return send_lines(lists.sample(FileKind(kind)), f"{kind}.csv")


@bp.post("")
def create() -> Any:
    """Keep a file that can be read; nothing of it is made before somebody has looked."""
    form = FileForm()
    if not form.validate_on_submit():
        return _index(form, 422)
    upload = form.file.data
    if not isinstance(upload, FileStorage) or not upload.filename:
        put_error(form, Invalid("file", "Choose a file."))
        return _index(form, 422)
    name, at = PurePath(upload.filename.replace("\\", "/")).name, now()
    try:
        import_ = accepting.accept(
            cast(BinaryIO, upload.stream), name, FileKind(form.kind.data), sheet=(form.sheet.data or "").strip(),
            by_hand=bool(form.by_hand.data), by=str(current_user.email), now=at,
        )  # fmt: skip
    except Invalid as refusal:
        db.session.rollback()
        put_error(form, refusal)
        return _index(form, 422)
    if import_.started_at != at:
        flash(f"The same file was waiting already: it is import {import_.id}.")
    db.session.commit()
    return see_other(url_for(".columns" if accepting.needs_layout(import_) else ".show", move_id=import_.id))


# -- its columns


@bp.get("/<int:move_id>/columns")
def columns(move_id: int) -> Any:
    """Ask what the columns mean."""
    import_ = db.get_or_404(MoveImport, move_id)
    if not accepting.waits(import_):
        return see_other(url_for(".show", move_id=move_id))
    return _columns(import_, _layout_form(import_, formdata=None))


@bp.post("/<int:move_id>/columns")
def keep_columns(move_id: int) -> Any:
    import_ = lock_or_404(MoveImport, move_id)
    form = _layout_form(import_)
    if not form.validate_on_submit():
        return _columns(import_, form, 422)
    try:
        accepting.describe(import_, layout_in(form, import_))
    except Invalid as refusal:
        db.session.rollback()
        put_error(form, refusal)
        return _columns(db.get_or_404(MoveImport, move_id), form, 422)
    db.session.commit()
    return see_other(url_for(".show", move_id=move_id))


def _layout_form(import_: MoveImport, **given: Any) -> Any:
    return layout_form(import_, accepting.layout_of(import_), _first_rows(import_), **given)


def _first_rows(import_: MoveImport) -> list[list[str]]:
    query = select(MoveLine.cells).where(MoveLine.import_id == import_.id).order_by(MoveLine.place)
    return [json.loads(cells) for cells in db.session.scalars(query.limit(ROWS_SHOWN))]


def _columns(import_: MoveImport, form: Any, status: int = 200) -> Any:
    return render_template(
        "moving_in/columns.html",
        import_=import_,
        form=form,
        columns=columns_of(import_.kind),
        head=accepting.head_of(import_),
        rows=_first_rows(import_),
    ), status


# -- one import


@bp.get("/<int:move_id>")
def show(move_id: int) -> Any:
    return _show(db.get_or_404(MoveImport, move_id))


def _show(import_: MoveImport, status: int = 200, **more: Any) -> Any:
    if accepting.waits(import_) and not accepting.needs_layout(import_):
        return _check(import_, status, **more)
    state = list_state(("line",))
    return render_template(
        "moving_in/show.html",
        **_at(import_),
        made=lists.made_page(import_, state.after, state.before),
        bad=lists.bad_lines(import_, SHOWN),
        cells=lists.cells_of,
        left=undoing.left_things(import_),
        undone_count=_undone(import_),
        can_be_undone=undoing.can_be_undone(import_, now()),
        shown=SHOWN,
    ), status


def _check(import_: MoveImport, status: int = 200, **more: Any) -> Any:
    """What would become of a file that waits."""
    plan = more.pop("plan", None) or planning.plan(import_, today())
    asked = _asked(import_, plan)
    form = more.pop("form", None) or BeginForm(formdata=None)
    form.fingerprint.data = plan.fingerprint()
    context = {
        "of_all": of_all_form(import_, asked, formdata=None),
        "asked": {column.name: column for column in asked},
        "opens_asked": import_.of_all != "{}" or bool(_refused(plan)) or "of_all" in more,
        **more,
    }
    return render_template(
        "moving_in/check.html",
        **_at(import_),
        plan=plan,
        form=form,
        shown=SHOWN,
        sums=plan.sums(kind_of(import_)),
        foreseen=kind_of(import_).foresee(plan.planned, today()),
        says=_says(import_),
        ignored=_ignored(import_),
        **context,
    ), status


def _asked(import_: MoveImport, plan: Plan) -> list[Column]:
    """The columns that may be said once for all lines, and that some new or bad line does not say."""
    layout, said = accepting.layout_of(import_), json.loads(import_.of_all)
    lines = [line for one in (*plan.new, *_refused(plan)) for line in one.item.lines]
    return [
        column
        for column in columns_of(import_.kind)
        if column.is_asked
        and (
            column.name in said
            or layout[column.name] is None
            or any(column.name not in line.says for line in lines)
        )
    ]


def _refused(plan: Plan) -> list[Planned]:
    """Those that can be read and yet cannot be: perhaps for want of what no line says."""
    return [one for one in plan.bad if not any(line.reason for line in one.item.lines)]


def _says(import_: MoveImport) -> list[tuple[str, str]]:
    """Which column of the file is what."""
    head, labels = (
        accepting.head_of(import_),
        {column.name: column.label for column in columns_of(import_.kind)},
    )
    columns = accepting.layout_of(import_).columns
    return [(labels[name], head[place]) for name, place in columns.items() if place < len(head)]


def _ignored(import_: MoveImport) -> list[str]:
    """The columns of the file that say nothing."""
    used = set(accepting.layout_of(import_).columns.values())
    return [
        name for place, name in enumerate(accepting.head_of(import_)) if name.strip() and place not in used
    ]


def _at(import_: MoveImport) -> dict[str, Any]:
    """How far an import is."""
    total = import_.items_total
    return {
        "import_": import_,
        "noun": KINDS[import_.kind].noun,
        "share": import_.items_done * 100 // total if total else 0,
        "needs_layout": accepting.needs_layout(import_),
        "waits": accepting.waits(import_),
        "is_interrupted": _is_interrupted(import_),
    }


def _undone(import_: MoveImport) -> int:
    """How many things were taken back, so far."""
    return undoing.count_taken_back(import_.id) if import_.undone_at else 0


def _is_interrupted(import_: MoveImport) -> bool:
    """Whether nobody is at work on it, and no worker is going to be."""
    return making.is_interrupted(import_, now()) and not queue.has(move_id=import_.id)


@bp.post("/<int:move_id>/values")
def keep_values(move_id: int) -> Any:
    """Keep what is so of all lines that do not say it, and check again."""
    import_ = lock_or_404(MoveImport, move_id)
    columns_asked = [column for column in columns_of(import_.kind) if column.is_asked]
    form: Any = of_all_form(import_, columns_asked)
    if form.validate_on_submit():
        try:
            sent = {column.name for column in columns_asked if f"say-{column.name}" in request.form}
            said = json.loads(import_.of_all) | {name: form[name].data or "" for name in sent}
            accepting.say_of_all(import_, said)
            db.session.commit()
            return see_other(url_for(".show", move_id=move_id))
        except Invalid as refusal:
            db.session.rollback()
            put_error(form, refusal)
    import_ = db.get_or_404(MoveImport, move_id)
    if not accepting.waits(import_) or accepting.needs_layout(import_):
        return _show(import_, 422)
    return _check(import_, 422, of_all=form, asked={column.name: column for column in columns_asked})


@bp.post("/<int:move_id>/start")
def start(move_id: int) -> Any:
    """Make all of a file, or its good lines only: at once where it is short, else a worker does."""
    import_ = lock_or_404(MoveImport, move_id)
    form = BeginForm()
    form.validate()
    try:
        making.begin(
            import_, takes_changes=bool(form.takes_changes.data), good_only="good_only" in request.form,
            today=today(), now=now(), expected=form.fingerprint.data or "",
        )  # fmt: skip
    except making.MovedMeanwhile as moved:
        db.session.rollback()
        return _show(db.get_or_404(MoveImport, move_id), 409, changed=moved.sentence)
    return _carried_out(import_)


def _carried_out(import_: MoveImport) -> Any:
    """Make a small file at once; hand a large one on, and show how far it is. Commits."""
    move_id = import_.id
    is_large = import_.items_total - import_.items_done > making.SMALL
    if is_large:
        queue.enqueue("move_in", move_id=move_id)
    db.session.commit()
    if not is_large:
        import_ = making.carry_out(move_id, today(), now)
        if import_.state == ImportState.DONE:
            flash(_said(import_))
    return see_other(url_for(".show", move_id=move_id))


def _said(import_: MoveImport) -> str:
    """What was done, in a sentence."""
    noun = KINDS[import_.kind].noun
    done = [
        *([f"Added {plural(import_.made_count, noun)}"] if import_.made_count else []),
        *([f"changed {whole(import_.changed_count)}"] if import_.changed_count else []),
    ]
    if not done:
        return f"Nothing of {import_.file_name} was new."
    said = listed(done)
    return f"{said[0].upper()}{said[1:]}."


@bp.get("/<int:move_id>/progress")
def progress(move_id: int) -> Any:
    """How far it is, for a page that asks again; the page itself, where nobody but a person asks."""
    import_ = db.get_or_404(MoveImport, move_id)
    at_work = import_.state in (ImportState.RUNNING, ImportState.UNDOING)
    if not is_htmx() or not at_work or _is_interrupted(import_):
        return see_other(url_for(".show", move_id=move_id))
    return fragment("moving_in/_progress.html", **_at(import_), undone_count=_undone(import_))


@bp.post("/<int:move_id>/stop")
def stop(move_id: int) -> Any:
    import_ = lock_or_404(MoveImport, move_id)
    is_running = import_.state == ImportState.RUNNING
    making.stop(import_)
    db.session.commit()
    flash(
        "The import stops after the lines being imported now. What was imported stays."
        if is_running
        else "Nothing was stopped: the import was not running any more."
    )
    return see_other(url_for(".show", move_id=move_id))


@bp.post("/<int:move_id>/resumption")
def resume(move_id: int) -> Any:
    """Go on with an import that was stopped or interrupted."""
    import_ = lock_or_404(MoveImport, move_id)
    making.go_on(import_, now())
    return _carried_out(import_)


@bp.post("/<int:move_id>/discard")
def discard(move_id: int) -> Any:
    """Discard a file of which nothing is made."""
    import_ = lock_or_404(MoveImport, move_id)
    accepting.discard(import_)
    db.session.commit()
    flash(f"Discarded {import_.file_name}.")
    return see_other(url_for(".index"))


@bp.get("/<int:move_id>/bad-lines.csv")
def bad_lines(move_id: int) -> Any:
    """The bad lines as a file, to be mended and sent again."""
    import_ = db.get_or_404(MoveImport, move_id)
    if accepting.waits(import_):
        if accepting.needs_layout(import_):
            return see_other(url_for(".columns", move_id=move_id))
        lines = list(lists.bad_lines_of(import_, planning.plan(import_, today())))
        return send_lines(lines, f"bad-lines-{move_id}.csv")
    return send_lines(lists.bad_lines_as_csv(import_), f"bad-lines-{move_id}.csv")


# -- taken back


@bp.get("/<int:move_id>/undo")
def ask_undo(move_id: int) -> Any:
    """What undoing it takes back, and why it is done."""
    import_ = db.get_or_404(MoveImport, move_id)
    if refusal := undoing.why_not(import_, now()):
        raise refusal
    return _ask_undo(import_, UndoForm(formdata=None))


def _ask_undo(import_: MoveImport, form: UndoForm, status: int = 200) -> Any:
    return render_template("moving_in/undo.html", **_at(import_), form=form), status


@bp.post("/<int:move_id>/undo")
def undo(move_id: int) -> Any:
    """Undo it at once where it is short; else hand it on, and show how far it is."""
    import_ = lock_or_404(MoveImport, move_id)
    form = UndoForm()
    goes_on = import_.state == ImportState.UNDOING
    if not form.validate_on_submit() and not goes_on:
        if refusal := undoing.why_not(import_, now()):
            raise refusal
        return _ask_undo(import_, form, 422)
    try:
        undoing.begin(import_, form.reason.data or "", by=str(current_user.email), now=now())
    except Invalid as error:
        db.session.rollback()
        put_error(form, error)
        return _ask_undo(db.get_or_404(MoveImport, move_id), form, 422)
    is_large = import_.items_done > making.SMALL
    if is_large:
        queue.enqueue("undo_move", move_id=move_id)
    db.session.commit()
    if not is_large:
        undoing.carry_out(move_id, today(), now)
        left_count = len(undoing.left_things(import_))
        left = f", {whole(left_count)} left: the reasons are below" if left_count else ""
        flash(f"Undone: {whole(undoing.count_taken_back(move_id))} taken back{left}.")
    return see_other(url_for(".show", move_id=move_id))
