"""Removing many assignments that have not begun: what can be removed is shown first, with what stays and why."""

from typing import Any

from flask import flash, redirect, render_template, request

from portal.clock import today
from portal.domain.wording import plural
from portal.extensions import db
from portal.services.deletion import removing_many
from portal.web.assignments import bp
from portal.web.assignments.many import came_from, home_of, lock_chosen_assignments, packed


@bp.post("/assignments/remove")
def remove_many() -> Any:
    """Show which of the chosen assignments can be removed; then, once that was seen, remove them."""
    chosen = lock_chosen_assignments()
    home = home_of(chosen[0])
    removal = removing_many.sort_out(chosen, today())
    if "seen" not in request.form or not removal.done:
        context = {
            "removal": removal,
            "chosen": chosen,
            "home": home,
            "ids": packed([assignment.id for assignment in removal.done]),
            "started": packed(
                [one.thing.id for one in removal.refused if not one.thing.has_ended_on(today())]
            ),
            "came_from": came_from(),
            "today": today(),
        }
        return render_template("assignments/remove_many.html", **context), 200 if removal.done else 409
    removal = removing_many.remove_many([assignment.id for assignment in removal.done], today())
    db.session.commit()
    flash(f"Removed {plural(len(removal.done), 'assignment')}.")
    return redirect(home[1], code=303)
