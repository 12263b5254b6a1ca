"""The audit log, and who is said to act in a request."""

from typing import Any

from flask import Blueprint, Flask, render_template, request
from flask_security import current_user

from portal.models import AuditComment
from portal.models.company import company
from portal.services import audit, bulk_acts, listing
from portal.services.audit import lists
from portal.web.http.access import READING
from portal.web.http.htmx import fragment, is_htmx
from portal.web.shared.lists import list_state

bp = Blueprint("audit", __name__, url_prefix="/settings/audit")

COMMENT = "audit_comment_text"
COMMENT_LONGEST = 500


@bp.get("")
def index() -> Any:
    """Who did what, the newest first."""
    state = list_state(("newest",), noun=("", *lists.NOUNS), overrides=("", "yes"))
    query = lists.find_entries(state.text, state["noun"], overrides=state["overrides"] == "yes")
    page = listing.page(query, lists.NEWEST, state.after, state.before, count_most=10_000)
    context: dict[str, Any] = {
        "page": page,
        "state": state,
        "told": [lists.audit_line(entry) for entry in page.rows],
        "undoable": bulk_acts.that_can_be_undone(
            entry.noun_id for entry in page.rows if entry.noun == bulk_acts.SEVERAL and entry.noun_id
        ),
        "nouns": [("", "Everything"), *((noun, noun[:1].upper() + noun[1:]) for noun in lists.NOUNS)],
    }
    if is_htmx():
        return fragment("audit/_found.html", **context)
    return render_template("audit/index.html", **context)


def register(app: Flask) -> None:
    """Say at the beginning of each request who acts, and let forms ask for a comment where the setting says so."""

    @app.before_request
    def _actor() -> Any:
        if request.method in READING or not current_user.is_authenticated:
            audit.act_as(audit.Actor("", address=request.remote_addr or ""))
            return None
        comment = " ".join(request.form.get(COMMENT, "").split())[:COMMENT_LONGEST]
        role = next((role.name for role in current_user.roles), "")
        audit.act_as(audit.Actor(current_user.email, role, request.remote_addr or "", comment))
        return None

    @app.context_processor
    def _asks() -> dict[str, Any]:
        return {"asks_for_comment": _asks_for_comment}


def _asks_for_comment() -> bool:
    return company().audit_comment != AuditComment.OFF
