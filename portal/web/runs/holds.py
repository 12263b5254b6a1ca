"""What is held: charges that no run posts until somebody chooses, for one assignment or for all of them."""

from datetime import date
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_security import current_user
from werkzeug.wrappers import Response

from portal.clock import now, today
from portal.domain.errors import Invalid, RuleBroken
from portal.domain.wording import day, plural
from portal.extensions import db
from portal.models import Assignment
from portal.services.runs import holds
from portal.web.http.bounds import row_id
from portal.web.runs.forms import HoldForm
from portal.web.shared.fields import day_or_none, put_error

bp = Blueprint("holds", __name__, url_prefix="/held")


@bp.get("")
def index() -> Any:
    """All that is held, and one choice for all of it."""
    return _index(HoldForm(formdata=None))


def _index(form: HoldForm, status: int = 200, chosen: holds.Chosen | None = None) -> Any:
    after, before = (request.args.get(name, type=row_id) for name in ("after", "before"))
    page = holds.list_held(today(), after=after, before=before)
    context = {"page": page, "form": form, "chosen": chosen, "today": today()}
    return render_template("holds/index.html", **context), status


@bp.post("")
def choose_for_all() -> Any:
    """Post all of everything that is held, or charge it from a day on."""
    form = HoldForm()
    if not form.accepts():
        return _index(form, 422)
    held = list(db.session.scalars(holds.find_held(today())).unique())
    if form.choice.data == "post_all":
        done = holds.choose_post_all(held, today(), by=current_user.email, now=now())
        db.session.commit()
        flash(f"The next run posts all of {plural(len(done), 'held assignment')}.")
        return _to(url_for("holds.index"))
    chosen = _charge_from(held, form)
    db.session.commit()
    if chosen.refused:
        return _index(form, 200 if chosen.done else 409, chosen)
    flash(f"{plural(len(chosen.done), 'held assignment')} charged from {day(form.charge_from.data)} on.")
    return _to(url_for("holds.index"))


@bp.get("/<int:assignment_id>")
def show(assignment_id: int) -> Any:
    """What either choice would bring; a day in the address is one more to choose."""
    typed = day_or_none(request.args.get("charge_from", ""))
    choice = typed.isoformat() if typed else None
    return _page(
        db.get_or_404(Assignment, assignment_id), HoldForm(formdata=None, choice=choice, charge_from=typed)
    )


def _page(assignment: Assignment, form: HoldForm, status: int = 200) -> Any:
    """What is held of one assignment, and what either choice would bring."""
    found = holds.described([assignment], today())
    if not found:
        status = 200 if request.method == "GET" else 409
        return render_template("holds/none.html", assignment=assignment), status
    (held,) = found
    days = [today()] + ([held.next_charge_on] if held.next_charge_on else [])
    options = [seen for day in days if (seen := _seen(assignment, day))]
    typed = form.charge_from.data
    if typed and typed not in days and not form.charge_from.errors and (seen := _seen(assignment, typed)):
        options.append(seen)
    context = {"assignment": assignment, "held": held, "form": form, "options": options, "today": today()}
    return render_template("holds/show.html", **context), status


def _seen(assignment: Assignment, day: date) -> holds.PassedOver | None:
    """What charging from a day on would bring; None where that cannot be."""
    try:
        return holds.would_pass_over(assignment, day, today())
    except RuleBroken:
        return None


@bp.post("/<int:assignment_id>")
def choose(assignment_id: int) -> Any:
    assignment = db.get_or_404(Assignment, assignment_id)
    form = HoldForm()
    if not form.accepts():
        return _page(assignment, form, 422)
    if form.choice.data == "post_all":
        holds.choose_post_all([assignment], today(), by=current_user.email, now=now())
        flash(f"The next run posts everything that was held for {assignment.package.name}.")
    else:
        chosen = _charge_from([assignment], form)
        if chosen.refused:
            db.session.rollback()
            put_error(form, Invalid("charge_from", chosen.refused[0].reason))
            return _page(assignment, form, 422)
        flash(f"{assignment.package.name} is charged from {day(form.charge_from.data)} on.")
    db.session.commit()
    return _to(url_for("assignments.show", assignment_id=assignment.id))


def _charge_from(held: list[Assignment], form: HoldForm) -> holds.Chosen:
    assert form.charge_from.data
    return holds.choose_charge_from(held, form.charge_from.data, today(), by=current_user.email, now=now())


def _to(url: str) -> Response:
    return redirect(url, code=303)
