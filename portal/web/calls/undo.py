"""Undoing an import: what leaves, what other files get, what stays as it is, then the reason."""

from datetime import date
from typing import Any

from flask import flash, render_template, request, url_for
from flask_security import current_user

from portal.clock import now, today, zone
from portal.database import reading
from portal.domain.errors import Invalid
from portal.domain.wording import plural
from portal.extensions import db
from portal.models import CallImport, Customer, ImportState, ImportUndo
from portal.services.calls import importing, moves, undoing, would_undo
from portal.services.calls.closed_periods import closed_periods
from portal.services.calls.would_undo import OfCustomer
from portal.tasks import queue
from portal.web.calls import bp
from portal.web.calls.forms import UndoForm
from portal.web.http.htmx import see_other
from portal.web.shared.fields import put_error

CUSTOMERS_SHOWN = PERIODS_SHOWN = MOVES_SHOWN = 100


@bp.get("/calls/<int:import_id>/undo")
def ask_undo(import_id: int) -> Any:
    """What undoing it would take back and leave; of a large import how large it is, unless the `whole` is asked for."""
    import_ = db.get_or_404(CallImport, import_id)
    undoing.check_can_be_undone(import_, now())
    return _ask(import_, UndoForm(formdata=None))


def _ask(import_: CallImport, form: UndoForm, status: int = 200) -> Any:
    db.session.rollback()
    with reading():  # all of its calls may be gone through: nobody waits for us
        context: dict[str, Any] = {"import_": import_, "form": form, "undo": begun(import_)}
        if not would_undo.is_large(import_) or request.args.get("whole"):
            would = would_undo.would_undo(import_, today())
            context |= {"would": would, **closed(would.customers, today())}
        page = render_template("calls/undo.html", **context)
        db.session.rollback()
    return page, status


def begun(import_: CallImport) -> ImportUndo | None:
    """An undoing that was interrupted: it goes on when it is asked for again."""
    return next((undo for undo in undoing.undoings_of(import_) if not undo.finished_at), None)


def closed(customers: list[OfCustomer], on: date) -> dict[str, Any]:
    """The customers from whom calls leave on a day, and the periods that stay as they are although they do."""
    found = closed_periods(would_undo.too_old(customers), on, PERIODS_SHOWN)
    return {
        "customers": customers,
        "customers_shown": CUSTOMERS_SHOWN,
        "closed": found[:PERIODS_SHOWN],
        "has_more_closed": len(found) > PERIODS_SHOWN,
        "too_old": would_undo.too_old(customers),
    }


@bp.post("/calls/<int:import_id>/undo")
def undo(import_id: int) -> Any:
    """Undo it at once where it is short; else hand it on, and show how far it is."""
    import_ = db.get_or_404(CallImport, import_id)
    form = UndoForm()
    if not form.validate_on_submit() and not (begun(import_) and set(form.errors) <= {"reason"}):
        undoing.check_can_be_undone(import_, now())
        return _ask(import_, form, 422)
    try:
        started = undoing.start_undoing(
            import_, form.reason.data or "", by=str(current_user.email), now=now()
        )
    except Invalid as error:
        db.session.rollback()
        put_error(form, error)
        return _ask(db.get_or_404(CallImport, import_id), form, 422)
    is_large = started.due_count > undoing.SMALL
    if is_large:
        queue.enqueue("undo_import", import_id=import_id)
    db.session.commit()
    if not is_large:
        _say(undoing.carry_out(import_id, today(), now))
    return see_other(url_for(".show", import_id=import_id))


def _say(done: ImportUndo) -> None:
    given = f", {plural(done.given_count, 'call')} given back" if done.given_count else ""
    flash(f"Undone: {plural(done.done_count - done.given_count, 'call')} taken back{given}.")


def of_page(import_: CallImport) -> dict[str, Any]:
    """What the page of an import says of its being undone, and of calls that it has moved."""
    undone = undoing.undoings_of(import_)
    customers = [of for one in undone for of in would_undo.taken_from(one)]
    moved = moves.moved_by(import_.id, MOVES_SHOWN)
    ids = {id for move in moved.first for id in (move.from_customer_id, move.to_customer_id)}
    return {
        "undone": undone,
        "undo_goes_on": goes_on(import_),
        "left_alone": would_undo.left_alone(import_) if undone and undone[0].finished_at else [],
        "moved": moved,
        "who": {id: db.session.get_one(Customer, id) for id in ids},
        **closed(customers, undone[0].started_at.astimezone(zone()).date() if undone else today()),
    }


def goes_on(import_: CallImport) -> bool:
    """Whether it is being undone, and somebody is at it or a worker is going to be."""
    if import_.state != ImportState.UNDOING:
        return False
    return not importing.is_silent(import_, now()) or queue.has(import_id=import_.id)
