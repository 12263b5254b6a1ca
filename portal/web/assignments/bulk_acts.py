"""Undoing an act on many things, from the message that says it and from its line in the audit log."""

from typing import Any

from flask import Blueprint, flash, render_template, url_for
from flask_security import current_user
from sqlalchemy import select

from portal.clock import now, today
from portal.domain.wording import plural
from portal.extensions import db
from portal.models import Assignment, BulkAct, BulkKind
from portal.services.chunks import in_chunks
from portal.services.deletion.undoing_many import undo_act
from portal.web.assignments.many import home_of_many
from portal.web.http.htmx import see_other

bp = Blueprint("bulk_acts", __name__, url_prefix="/bulk-acts")


@bp.post("/<int:act_id>/undo")
def undo(act_id: int) -> Any:
    """Undo it as far as that is possible; what stays is named."""
    act = db.get_or_404(BulkAct, act_id)
    home = _home(act)
    undone = undo_act(act, today(), by=str(current_user.email), now=now())
    db.session.commit()
    what = "package" if act.kind == BulkKind.ARCHIVED else "assignment"
    flash(f"Undone for {plural(len(undone.done), what)}." if undone.done else "Nothing was undone.")
    if undone.refused:
        return render_template("assignments/not_undone.html", act=act, undone=undone, home=home)
    return see_other(home[1])


def _home(act: BulkAct) -> tuple[str, str]:
    """Where it was most likely done: the list of what it was done to; its name and its address."""
    if act.kind == BulkKind.ARCHIVED:
        return "Packages", url_for("packages.index")
    theirs: list[Assignment] = []
    for some in in_chunks([thing.thing_id for thing in act.things]):
        theirs += db.session.scalars(select(Assignment).where(Assignment.id.in_(some)))
    if act.kind == BulkKind.ENDED and theirs:
        return home_of_many(theirs)
    if theirs and all(assignment.did_id for assignment in theirs):
        return "DIDs", url_for("dids.index")
    return "Customers", url_for("customers.index")
