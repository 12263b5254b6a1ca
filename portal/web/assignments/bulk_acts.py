"""Undoing an act on many things, from the message that says it and from its line in the audit log."""

from typing import Any

from flask import Blueprint, flash, render_template, url_for
from flask_security import current_user

from portal.clock import now, today
from portal.domain.wording import plural
from portal.extensions import db
from portal.models import BulkAct, BulkKind
from portal.services.deletion.undoing_many import undo_act
from portal.web.http.htmx import see_other

bp = Blueprint("bulk_acts", __name__, url_prefix="/bulk-acts")
HOME = {BulkKind.ARCHIVED: "packages.index"}


@bp.post("/<int:act_id>/undo")
def undo(act_id: int) -> Any:
    """Undo it as far as that is possible; what stays is named."""
    act = db.get_or_404(BulkAct, act_id)
    undone = undo_act(act, today(), by=str(current_user.email), now=now())
    db.session.commit()
    what = "package" if act.kind == BulkKind.ARCHIVED else "assignment"
    flash(f"Undone for {plural(len(undone.done), what)}." if undone.done else "Nothing was undone.")
    if undone.refused:
        return render_template("assignments/not_undone.html", act=act, undone=undone)
    return see_other(url_for(HOME.get(act.kind, "customers.index")))
