"""The audit log, and who is said to act in a request."""

from typing import Any

from flask import Blueprint, Flask, render_template, request
from flask_security import current_user
from sqlalchemy import Select

from portal.models import AuditComment, AuditEntry
from portal.models.company import company
from portal.services import audit, bulk_acts, listing
from portal.services.audit import lists
from portal.services.exports import audit as exports
from portal.web.http.access import READING
from portal.web.http.htmx import fragment, is_htmx
from portal.web.shared.exports import FORM, send
from portal.web.shared.lists import ListState, list_state

bp = Blueprint("audit", __name__, url_prefix="/settings/audit")

COMMENT = "audit_comment_text"
COMMENT_LONGEST = 500


@bp.get("")
def index() -> Any:
    """Who did what, the newest first."""
    state, query = _asked()
    page = listing.page(query, lists.NEWEST, state.after, state.before)
    context: dict[str, Any] = {
        "page": page,
        "state": state,
        "told": [lists.audit_line(entry) for entry in page.rows],
        "undoable": bulk_acts.that_can_be_undone(
            entry.noun_id for entry in page.rows if entry.noun == bulk_acts.SEVERAL and entry.noun_id
        ),
        "nouns": lists.noun_choices(lists.NOUNS),
        "file_view": "audit.download",
        "file_of": {},
    }
    if is_htmx():
        return fragment("audit/_found.html", **context)
    return render_template("audit/index.html", **context)


@bp.get(f"/list.{FORM}")
def download(form: str) -> Any:
    """All that the list finds, as a file."""
    return send(exports.acts(_asked()[1]), form)


def _asked() -> tuple[ListState, Select[AuditEntry]]:
    state = list_state(("newest",), noun=("", *lists.NOUNS), overrides=("", "yes"))
    return state, lists.find_entries(state.text, state["noun"], overrides=state["overrides"] == "yes")


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
