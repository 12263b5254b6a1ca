"""Undoing a run: what it would take back, what it would leave and why, then the reason. The owner alone."""

from typing import Any

from flask import current_app, flash, render_template, request, url_for
from flask_security import current_user

from portal.clock import now, today
from portal.domain.errors import Invalid
from portal.domain.wording import plural
from portal.extensions import db
from portal.models import Run, RunUndo
from portal.services.runs import reports, runs, undoing
from portal.tasks import queue
from portal.web.http.access import require_role
from portal.web.http.htmx import see_other
from portal.web.runs import bp
from portal.web.runs.forms import UndoForm
from portal.web.shared.fields import put_error


@bp.get("/<int:run_id>/undo")
@require_role()
def ask_undo(run_id: int) -> Any:
    """What undoing it would take back and leave; of a large run what it posted, unless the `whole` is asked for."""
    run = db.get_or_404(Run, run_id)
    undoing.check_can_be_undone(run)
    return _ask(run, UndoForm(formdata=None))


def _ask(run: Run, form: UndoForm, status: int = 200) -> Any:
    context: dict[str, Any] = {"run": run, "form": form, "today": today()}
    if undoing.is_large(run) and not request.args.get("whole"):
        taken_back = sum(undo.charge_count for undo in undoing.undoings_of([run])[run.id])
        context |= {"posted": reports.totals_of([run])[run.id], "taken_back": taken_back}
    else:
        context["would"] = undoing.would_undo(run)
    return render_template("runs/undo.html", **context), status


@bp.post("/<int:run_id>/undo")
@require_role()
def undo(run_id: int) -> Any:
    """Undo it at once where it is short; else hand it on, and show how far it is."""
    run = db.get_or_404(Run, run_id)
    form = UndoForm()
    if not form.validate_on_submit():
        undoing.check_can_be_undone(run)
        return _ask(run, form, 422)
    try:
        begun = undoing.start_undoing(run, form.reason.data or "", by=str(current_user.email), now=now())
    except Invalid as error:
        db.session.rollback()
        put_error(form, error)
        return _ask(run, form, 422)
    undo_id, count = begun.id, begun.due_count
    if count > runs.SMALL:
        queue.enqueue("undo", undo_id=undo_id)
    db.session.commit()
    if count <= runs.SMALL:
        _say(undoing.carry_out_undoing(undo_id, today(), now, current_app.config["RUN_CHUNK"]))
    return see_other(url_for("runs.show", run_id=run_id))


def _say(done: RunUndo) -> None:
    flash(f"Undone: {plural(done.charge_count, 'charge')} taken back.")
