"""Reversing several charges: what would be taken back, and what would be left alone and why, is shown first."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_security import current_user

from portal.clock import now, today
from portal.domain.errors import Invalid, RuleBroken, WayOut
from portal.domain.wording import plural, whole
from portal.extensions import db
from portal.services.charges import reversing_many
from portal.services.credit.states import standings
from portal.web.charges import bp
from portal.web.charges.forms import ReverseManyForm
from portal.web.http.access import changes_nothing
from portal.web.http.bounds import row_id
from portal.web.shared.fields import put_error
from portal.web.shared.lists import list_state


@bp.route("/reversal", methods=["GET", "POST"])
@changes_nothing
def ask_reversals() -> Any:
    """What reversing the charges that a list chose comes to."""
    return _ask(_chosen(), ReverseManyForm(formdata=None))


@bp.post("/reversals")
def reverse_many() -> Any:
    """Reverse them in one act, with one reason."""
    ids, form = _chosen(), ReverseManyForm()
    if not form.validate_on_submit():
        return _ask(ids, form, 422)
    try:
        made = reversing_many.reverse_many(
            ids,
            form.reason.data or "",
            seen=form.seen.data or "",
            today=today(),
            by=str(current_user.email),
            now=now(),
        )
    except Invalid as error:
        db.session.rollback()
        put_error(form, error)
        return _ask(ids, form, 422)
    except RuleBroken as refusal:
        db.session.rollback()
        return _ask(ids, form, 409, refusal)
    if not made:
        return _ask(ids, form, 409)
    db.session.commit()
    flash(f"Reversed {plural(len(made), 'charge')}.")
    return redirect(_back(), code=303)


def _chosen() -> list[int]:
    ids = sorted(set(request.values.getlist("ids", type=row_id)))
    if not ids:
        raise RuleBroken(
            "No charge was selected. Tick one or more rows first.",
            WayOut("Back to the list", "charges.index"),
        )
    if len(ids) > reversing_many.MOST:
        raise Invalid("ids", f"Choose {whole(reversing_many.MOST)} charges at most.")
    return ids


def _ask(ids: list[int], form: ReverseManyForm, status: int = 200, refusal: RuleBroken | None = None) -> Any:
    found = reversing_many.sort_out(ids)
    if not found.done and not found.refused:
        raise RuleBroken("No charge that was selected exists.", WayOut("Back to the list", "charges.index"))
    form.seen.data = found.seen
    if not found.done:
        status = 409
    context = {
        "found": found,
        "ids": ids,
        "form": form,
        "refusal": refusal,
        "standings": standings(found.done, today()),
        "back": _back(),
        "today": today(),
    }
    return render_template("charges/reverse_many.html", **context), status


def _back() -> str:
    """The list, as it stood when they were chosen."""
    kept = list_state(("",), kind=(), currency=(), paid=(), customer=(), **{"from": (), "to": ()}).kept
    return url_for("charges.index", **kept)
